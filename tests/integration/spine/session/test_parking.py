"""Orders that park until an open: they give their turn back, and leave nothing without protection behind them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, STOP, TARGET, Guard, check_held, guards, hold, minutes, shares
from tests.support.scenes import alerts, at, lab_at, market_time, on_order, send, whenever

pytestmark = pytest.mark.usefixtures("aws_credentials")

QUOTES = {"method": "GET", "path": "/v2/stocks/snapshots*", "kind": "error", "status": 503}
POSITIONS = {"method": "GET", "path": "/v2/positions/*", "kind": "error", "status": 503}
MONDAY = "2026-11-23T09:29:30-05:00"


def _until(lab: Lab, when: str, sweep_every: float | None = None) -> None:
    with Crowd(lab) as crowd:
        crowd.work(until=market_time(when), sweep_every=sweep_every)


def _on_monday(lab: Lab) -> None:
    """The weekend passes; executions that waited are taken up by the sweep."""
    lab.set_clock(MONDAY)
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    lab.revive()
    lab.sweep()
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-23T09:35:00-05:00", sweep_every=60)


def _parked(lab: Lab, signal_id: str) -> Order:
    order = lab.order(signal_id)
    assert (order.status, order.children) == (Status.WAITING, ()), (order.status, order.reason, order.events[-3:])
    assert order.run.parked_until and order.run.parked_until > at("16:00") + timedelta(days=1)
    return order


@pytest.mark.parametrize("parks", [BRACKET, {"kind": "order", "qty": 10, "ladder": "standard"}], ids=["bracket", "buy"])
def test_an_order_that_parks_with_its_turn_in_its_hand_lets_a_close_and_others_pass(
    exchange: ExchangeControl, parks: dict[str, object]
) -> None:
    begins = "15:57:24" if parks["kind"] == "bracket" else "15:59:42"
    with lab_at(exchange, begins) as lab:
        lab.control.position("TQQQ", 100, "40")
        lab.control.faults(QUOTES | {"count": 3})
        send(lab, "p", when_closed="next_open", **parks)
        _until(lab, "15:57:32" if parks["kind"] == "bracket" else "15:59:50")
        send(lab, "c", kind="close")
        lab.revive()
        lab.sweep()
        _until(lab, "16:01")
        _parked(lab, "p")
        close = lab.order("c")
        assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 100, 0)
        assert lab.orders.holder("TQQQ") is None


def test_a_parked_order_takes_its_turn_at_the_open(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "15:57:24") as lab:
        lab.control.faults(QUOTES | {"count": 3})
        send(lab, "p", **(BRACKET | {"when_closed": "next_open"}))
        _until(lab, "16:01")
        _parked(lab, "p")
        _on_monday(lab)
        order = lab.order("p")
        assert (order.status, order.filled_qty, order.guard.protected) == (Status.FILLED, 100, True)
        check_held(lab)


@pytest.mark.parametrize("bracket", [BRACKET, SHORT], ids=["long", "short"])
def test_a_close_that_parks_behind_the_protection_it_took_down_puts_it_back_first(
    exchange: ExchangeControl, bracket: dict[str, object]
) -> None:
    with lab_at(exchange, "15:57") as lab:
        lab.control.settings(cancel_ms=1500)
        held = hold(lab, **bracket)
        before = guards(lab)
        _until(lab, "15:59:56.9")
        send(lab, "c", kind="close", when_closed="next_open")
        _until(lab, "16:03")
        assert lab.order("b").guard.protections[0].status.closed, "the close never took it down: nothing is shown"
        _parked(lab, "c")
        assert guards(lab) == before
        assert lab.order("b").guard.protected is True
        check_held(lab, over=False)
        lab.control.settings(cancel_ms=50)
        _on_monday(lab)
        close = lab.order("c")
        assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 100, 0)
        assert lab.order("b").exit_reason == "close"
        assert held.order_id == lab.order("b").order_id
        check_held(lab)


def test_a_close_that_parks_leaves_what_it_superseded_protected(exchange: ExchangeControl) -> None:
    """30 of an entry were bought and its cancel hangs; the close takes it over, and comes too late to sell."""
    with lab_at(exchange, "15:57:20") as lab:
        lab.control.faults({"method": "DELETE", "path": "/v2/orders/*", "kind": "stuck_cancel"})
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30)
        on_order(lab, "fill", "50.99", "51.02")
        send(lab, "b", **BRACKET)
        with Crowd(lab) as crowd:
            crowd.work(until=market_time("15:59:54"))
            send(lab, "c", kind="close", when_closed="next_open")
            crowd.work(until=market_time("16:03"), sweep_every=60)
        bracket = lab.order("b")
        assert (bracket.status, bracket.filled_qty) == (Status.SUPERSEDED, 30)
        _parked(lab, "c")
        assert [guard.qty for guard in guards(lab)] == [30]
        check_held(lab, over=False)


def test_a_close_that_sold_a_part_before_the_session_ended_ends_there(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "15:57") as lab:
        hold(lab)
        lab.control.quote("TQQQ", "50.95", "50.98", 40, 2000)
        lab.control.script({"on": {"symbol": "TQQQ", "event": "fill", "side": "sell"}, "symbol": "TQQQ", "halt": True})
        _until(lab, "15:59:30")
        send(lab, "c", kind="close", when_closed="next_open")
        _until(lab, "16:03")
        close = lab.order("c")
        assert (close.status, close.reason, close.filled_qty) == (Status.FAILED, Reason.MARKET_CLOSED, 40)
        assert guards(lab) == [Guard(Decimal(60), STOP, TARGET)]
        assert any("did not complete" in alert for alert in alerts(lab))
        check_held(lab)


def test_a_close_that_cannot_read_the_account_does_not_keep_the_shares_bare(exchange: ExchangeControl) -> None:
    """The protection is down, then the broker shows no positions for minutes: it is put back, and the close goes on."""
    with lab_at(exchange, "10:00") as lab:
        hold(lab)
        lab.sleep(5)
        before = guards(lab)
        whenever(lab, "broker.position", lambda: lab.control.faults(POSITIONS | {"count": 40}), nth=2)
        send(lab, "c", kind="close")
        with Crowd(lab) as crowd:
            crowd.work(until=market_time("10:01:30"))
            assert guards(lab) == before
            assert lab.order("c").status is Status.WAITING
            lab.control.faults()
            crowd.work()
        close = lab.order("c")
        assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 100, 0)
        check_held(lab)
        minutes(lab)
        check_held(lab)
