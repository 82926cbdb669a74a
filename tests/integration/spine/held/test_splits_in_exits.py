"""A split while shares are being left: the order was for old shares, and the account holds new ones."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, check_held, check_never_crossed, guards, hold, minutes, shares
from tests.support.scenes import alerts, by_hand, on_order, run, send, submits, whenever
from tests.support.splits import split

THIN, PLENTY = 5, 20000
BUY = {"symbol": "TQQQ", "qty": 40, "side": "buy", "type": "market", "time_in_force": "day"}


_split = partial(split, day="2026-11-20")


def _quote(lab: Lab, bid: str, ask: str, size: int = PLENTY) -> None:
    lab.control.quote("TQQQ", bid, ask, size, size)


def _after(lab: Lab, seconds: float) -> str:
    return (datetime.fromisoformat(lab.control.clock().now) + timedelta(seconds=seconds)).isoformat()


def _start(lab: Lab, crowd: Crowd, **close: Any) -> None:
    """A close that is worked: 5 of its shares are left, the rest waits at the market."""
    _quote(lab, "50.95", "50.98", THIN)
    send(lab, "c", **({"kind": "close"} | close))
    crowd.work(until=_after(lab, 4.5))
    assert (lab.order("c").status, lab.order("c").filled_qty) == (Status.WORKING, 5)


def _end(lab: Lab, crowd: Crowd) -> None:
    crowd.work(until=_after(lab, 240), sweep_every=60)
    assert not lab.running
    minutes(lab, 2)


@pytest.mark.parametrize("what", ["long", "short", "nobody's", "with shares beside", "two"])
@pytest.mark.parametrize("orders", ["keep", "quantity", "cancel"])
def test_a_close_of_everything_ends_flat_though_its_shares_are_split_meanwhile(
    lab: Lab, what: str, orders: str
) -> None:
    if what == "nobody's":
        lab.control.position("TQQQ", 100, "50.98")
    else:
        hold(lab, **(SHORT if what == "short" else {}))
    if what == "two":
        hold(lab, "b2", qty=30)
    if what == "with shares beside":
        run(lab, "own", qty=30)
        lab.sleep(11)
    with Crowd(lab) as crowd:
        _start(lab, crowd)
        _split(lab, orders=orders)
        _quote(lab, "5.09", "5.10")
        _end(lab, crowd)
    close = lab.order("c")
    assert (close.status, shares(lab)) == (Status.FILLED, 0)
    assert alerts(lab)
    for bracket in (order for order in lab.orders.newest() if order.kind == "bracket"):
        assert (bracket.unexited_qty, bracket.care.frozen) == (0, "")
    assert not guards(lab)
    check_never_crossed(lab)


@pytest.mark.parametrize("signal", [{}, SHORT], ids=["long", "short"])
def test_a_reverse_split_leaves_a_close_less_to_do(lab: Lab, signal: dict[str, Any]) -> None:
    hold(lab, **signal)
    with Crowd(lab) as crowd:
        _start(lab, crowd)
        _split(lab, 1, 5, orders="cancel", cash_in_lieu="254")
        _quote(lab, "254.70", "254.80")
        _end(lab, crowd)
    assert (lab.order("c").status, lab.order("c").filled_qty, shares(lab)) == (Status.FILLED, 24, 0)
    assert (lab.order("b").unexited_qty, lab.order("b").care.frozen, guards(lab)) == (0, "", [])
    assert not any("without protection" in text for text in alerts(lab))


@pytest.mark.parametrize("bracket", [True, False], ids=["bracket", "nobody's"])
def test_more_shares_that_nothing_explains_are_told_and_not_sold(lab: Lab, bracket: bool) -> None:
    if bracket:
        hold(lab)
    else:
        lab.control.position("TQQQ", 100, "50.98")
    with Crowd(lab) as crowd:
        _start(lab, crowd)
        _split(lab, announce=False, orders="keep")
        _quote(lab, "5.09", "5.10")
        _end(lab, crowd)
    close, left = lab.order("c"), shares(lab)
    assert (close.status, close.reason, close.filled_qty) == (Status.FAILED, Reason.ACCOUNT_DISAGREES, 100)
    assert left > 0
    assert any("send another close" in text for text in alerts(lab))
    sent = len(submits(lab))
    minutes(lab, 5)
    assert (shares(lab), len(submits(lab))) == (left, sent)
    assert run(lab, "c2", kind="close").status is Status.FILLED
    assert shares(lab) == 0


def test_shares_that_somebody_buys_meanwhile_are_not_sold(lab: Lab) -> None:
    hold(lab)
    with Crowd(lab) as crowd:
        _start(lab, crowd)
        whenever(lab, "broker.position", lambda: by_hand(lab, "POST", "orders", BUY) and lab.sleep(0.3))
        _quote(lab, "50.95", "50.98")
        _end(lab, crowd)
    close = lab.order("c")
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 100, 40)
    assert any("came by orders of others" in event.detail for event in close.events)
    check_held(lab, free=40, strangers=True)


@pytest.mark.parametrize("lag", [400, 9000])
@pytest.mark.parametrize("close", [{}, {"qty": 60}], ids=["all", "part"])
def test_a_position_that_lags_behind_the_last_fill_starts_no_second_sale(
    lab: Lab, lag: int, close: dict[str, Any]
) -> None:
    hold(lab)
    lab.sleep(11)
    lab.control.settings(position_lag_ms=lag)
    sent = len(submits(lab))
    ended = run(lab, "c", kind="close", **close)
    assert (ended.status, ended.filled_qty) == (Status.FILLED, close.get("qty", 100))
    lab.sleep(11)
    lab.control.settings(position_lag_ms=0)
    assert len(submits(lab)) - sent == (2 if close else 1)
    check_held(lab)
    assert not alerts(lab)


def test_a_close_of_a_part_takes_its_number_and_the_rest_follows_the_split(lab: Lab) -> None:
    hold(lab)
    with Crowd(lab) as crowd:
        _start(lab, crowd, qty=50)
        _split(lab, orders="cancel")
        _quote(lab, "5.09", "5.10")
        _end(lab, crowd)
    close, bracket = lab.order("c"), lab.order("b")
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 50, 905)
    assert (bracket.unexited_qty, bracket.care.frozen, bracket.guard.protected) == (905, "", True)
    assert [(guard.qty, guard.stop) for guard in guards(lab)] == [(905, Decimal("5.00"))]


def test_what_is_split_before_a_close_that_waits_for_the_open_is_closed_there(lab: Lab) -> None:
    hold(lab)
    minutes(lab)
    lab.set_clock("2026-11-20T16:30:00-05:00")
    send(lab, "c", kind="close", when_closed="next_open")
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-20T16:40:00-05:00", sweep_every=60)
        lab.control.corporate_action("TQQQ", "forward_split", 10, 1, ex_date="2026-11-23")
        lab.set_clock("2026-11-23T09:00:00-05:00")
        _quote(lab, "5.09", "5.10")
        crowd.work(until="2026-11-23T09:35:00-05:00", sweep_every=60)
    minutes(lab, 2)
    close = lab.order("c")
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 1000, 0)
    assert (lab.order("b").unexited_qty, guards(lab)) == (0, [])


@pytest.mark.parametrize("beside", [0, 30])
@pytest.mark.parametrize("signal", [BRACKET, SHORT], ids=["long", "short"])
def test_an_unwind_leaves_what_a_split_makes_of_its_shares(lab: Lab, signal: dict[str, Any], beside: int) -> None:
    side = -1 if signal is SHORT else 1
    if beside:
        lab.control.position("TQQQ", side * beside, "50.98")
    at = ("51.99", "52.02") if signal is SHORT else ("49.90", "49.93")
    on_order(lab, "fill", *at, side=signal["side"], size=THIN)
    send(lab, "b", **signal)
    with Crowd(lab) as crowd:
        crowd.work(until=_after(lab, 6))
        (leaving,) = [order for order in lab.orders.newest() if order.kind == "unwind"]
        assert 0 < leaving.filled_qty < 100
        _split(lab, orders="cancel")
        _quote(lab, *(("5.19", "5.20") if signal is SHORT else ("4.99", "5.00")))
        crowd.work(until=_after(lab, 240), sweep_every=60)
    minutes(lab, 2)
    bracket = lab.order("b")
    assert shares(lab) == side * beside * 10
    assert (bracket.status, bracket.unexited_qty, bracket.care.frozen) == (Status.UNWOUND, 0, "")
    assert not any("too many" in text for text in alerts(lab))
    check_never_crossed(lab)
