"""Exits whose sends a broker in trouble neither takes nor refuses: they outlast it, and nothing is sold twice."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.reasons import Status
from tests.support.brokers.late import Queued
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, check_held, guards, hold, minutes, shares
from tests.support.scenes import alerts, at, journal, market_time, on_order, send

SUBMIT = {"method": "POST", "path": "/v2/orders"}
SALE = SUBMIT | {"order_class": "simple"}
TROUBLE = [SUBMIT | {"kind": "error", "status": 503}, SUBMIT | {"kind": "drop_before"}]
KINDS = ["answers 503", "drops the line"]
SIDES = [BRACKET, SHORT]


def _sold(lab: Lab, side: str) -> Decimal:
    return sum((Decimal(e["qty"]) for e in journal(lab, "fill") if e["side"] == side), Decimal(0))


def _seconds(lab: Lab, signal_id: str) -> float:
    order = lab.order(signal_id)
    assert order.completed_at
    return (order.completed_at - at("10:00")).total_seconds()


def _work(crowd: Crowd, seconds: float) -> None:
    crowd.work(until=(at("10:00") + timedelta(seconds=seconds)).isoformat(), sweep_every=60)


@pytest.mark.parametrize("fault", TROUBLE, ids=KINDS)
@pytest.mark.parametrize("signal", SIDES, ids=["long", "short"])
@pytest.mark.parametrize(("brackets", "trouble"), [(1, 20), (2, 20), (2, 100)])
def test_a_close_outlasts_a_broker_that_takes_no_orders(
    lab: Lab, signal: dict[str, Any], fault: dict[str, Any], brackets: int, trouble: int
) -> None:
    for number in range(brackets):
        hold(lab, f"b{number}", **signal)
    lab.control.faults(fault)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close")
        _work(crowd, trouble)
        lab.control.faults()
        crowd.work(sweep_every=60)
    close = lab.order("c")
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 100 * brackets, 0)
    assert _seconds(lab, "c") < trouble + (15 if trouble < 30 else 60)
    assert _sold(lab, close.trading_side) == 100 * brackets
    assert {lab.order(f"b{number}").exit_reason for number in range(brackets)} == {"close"}
    check_held(lab)


@pytest.mark.parametrize("signal", SIDES, ids=["long", "short"])
def test_what_a_close_took_protection_off_is_guarded_while_its_sale_may_still_arrive(
    lab: Lab, signal: dict[str, Any]
) -> None:
    """Two sends that hang for 20 s each: not before 63 s is it certain that neither arrives."""
    hold(lab, **signal)
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 20, 2)
        send(lab, "c", kind="close")
        _work(crowd, 55)
        assert sum(guard.qty for guard in guards(lab)) == 100
        assert not lab.order("c").status.terminal
        assert late.arrive() == [403, 403], "the shares are held"
        _work(crowd, 150)
        crowd.work()
    assert (lab.order("c").status, lab.order("c").filled_qty, shares(lab)) == (Status.FILLED, 100, 0)
    assert lab.order("b").exit_reason == "close"
    check_held(lab)


@pytest.mark.parametrize("arrives", [12, 22, 32, 36, 50])
@pytest.mark.parametrize(("signal", "qty"), [(BRACKET, None), (SHORT, 60)], ids=["all", "a part of a short"])
def test_a_sale_that_is_worked_off_late_is_found_before_another_is_sent(
    lab: Lab, signal: dict[str, Any], arrives: int, qty: int | None
) -> None:
    hold(lab, **signal)
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 5, 2)
        send(lab, "c", kind="close", **({"qty": qty} if qty else {}))
        _work(crowd, arrives)
        answers = late.arrive()
        crowd.work(sweep_every=60)
    close = lab.order("c")
    wanted = qty or 100
    assert answers
    assert (close.status, close.filled_qty) == (Status.FILLED, wanted)
    assert abs(shares(lab)) == 100 - wanted
    assert _sold(lab, close.trading_side) == wanted
    check_held(lab)


@pytest.mark.parametrize("arrives", [27, 32, 34])
def test_a_sale_of_own_shares_that_is_worked_off_late_is_not_sold_again(lab: Lab, arrives: int) -> None:
    """Nothing holds them: only looking for what was given up keeps 60 more from being sold."""
    lab.control.position("TQQQ", 200, "40")
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 5, 2)
        send(lab, "c", kind="close", qty=60)
        _work(crowd, arrives)
        late.arrive()
        crowd.work(sweep_every=60)
    close = lab.order("c")
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 60, 140)
    lab.check()


@pytest.mark.parametrize("fault", TROUBLE, ids=KINDS)
@pytest.mark.parametrize("signal", SIDES, ids=["long", "short"])
def test_an_unwind_outlasts_a_broker_that_takes_no_orders(
    lab: Lab, signal: dict[str, Any], fault: dict[str, Any]
) -> None:
    """The market goes through the stop the moment the entry is filled; for 20 s nothing is taken that leaves."""
    past = ("49.50", "49.53") if signal is BRACKET else ("52.40", "52.43")
    on_order(lab, "fill", *past, side=signal["side"])
    lab.control.faults(fault | {"order_class": "simple", "side": "sell" if signal is BRACKET else "buy"})
    send(lab, "b", **signal)
    with Crowd(lab) as crowd:
        _work(crowd, 20)
        lab.control.faults()
        _work(crowd, 40)
        bracket = lab.order("b")
        assert (bracket.status, shares(lab), bracket.exit_reason) == (Status.UNWOUND, 0, "unwind")
        crowd.work()
    assert [each.status for each in lab.orders.newest() if each.kind == "unwind"] == [Status.FILLED]
    check_held(lab)


def test_a_close_of_half_an_hour_of_trouble_is_told_and_its_record_stays_small(lab: Lab) -> None:
    hold(lab)
    lab.control.faults(SALE | {"kind": "error", "status": 503})
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close")
        _work(crowd, 1900)
        assert not lab.order("c").status.terminal
        assert len(lab.order("c").children) < 35
        told = [text for text in alerts(lab) if "never arrived" in text]
        assert len(told) == 2, "at once, and every quarter of an hour while it is tried"
        lab.control.faults()
        crowd.work()
    assert (lab.order("c").status, shares(lab)) == (Status.FILLED, 0)
    minutes(lab, 2)
    check_held(lab)


def test_a_close_that_cannot_be_looked_at_tells_it_every_quarter_of_an_hour(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told at every try."""
    lab.control.position("TQQQ", 100, "50")

    def denied(symbol: str) -> None:
        raise OSError("the table does not answer")

    told = lab.orders.last_trades
    monkeypatch.setattr(lab.orders, "last_trades", denied)
    send(lab, kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:14"))
        assert [text for text in alerts(lab) if "could not be left yet" in text] == alerts(lab)[:1]
        crowd.work(until=market_time("10:20"))
        assert len(alerts(lab)) == 2
        monkeypatch.setattr(lab.orders, "last_trades", told)
        crowd.work()
    order = lab.order("a")
    assert (order.status, order.filled_qty, order.told) == (Status.FILLED, 100, ())
    lab.check()
