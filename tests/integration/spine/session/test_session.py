"""Outside the session: refused, waiting for the open, released in order of arrival, too late before the close."""

from __future__ import annotations

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.scenes import at, check_ours, done, journal, lab_at, market_time, run, send, submits

pytestmark = pytest.mark.usefixtures("aws_credentials")


@pytest.mark.parametrize("when", ["08:30", "16:30", "2026-11-21T12:00:00-05:00", "2026-11-26T12:00:00-05:00"])
@pytest.mark.parametrize("kind", ["order", "close"])
def test_a_closed_market_refuses_and_sends_nothing(exchange: ExchangeControl, when: str, kind: str) -> None:
    with lab_at(exchange, when) as lab:
        lab.control.position("TQQQ", 100, "40")
        order = done(lab, kind=kind)
        assert (order.status, order.reason) == (Status.REJECTED, Reason.MARKET_CLOSED)
        assert not submits(lab)
        assert "next open" in order.events[-2].detail


def test_before_the_open_an_order_waits_and_trades_at_the_open(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "09:05") as lab:
        order = done(lab)
        assert order.status is Status.FILLED
        assert order.first_sent_at and at("09:30") <= order.first_sent_at <= at("09:30:02")
        assert order.run.expires_at == at("09:45")
        assert order.events[1].detail.startswith("waits for the open")


def test_an_order_for_the_next_open_waits_over_the_holiday(exchange: ExchangeControl) -> None:
    """Thanksgiving is no trading day; the Friday after it is a short one."""
    with lab_at(exchange, "2026-11-25T17:00:00-05:00") as lab:
        send(lab, when_closed="next_open")
        with Crowd(lab) as crowd:
            crowd.work(until="2026-11-25T17:05:00-05:00")
            lab.set_clock("2026-11-26T12:00:00-05:00")
            crowd.work(until="2026-11-26T12:05:00-05:00")
            assert lab.order("a").status is Status.WAITING
            lab.set_clock("2026-11-27T09:25:00-05:00")
            lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
            crowd.work(sweep_every=60)
        order = lab.order("a")
        assert order.status is Status.FILLED
        opened = at("2026-11-27T09:30:00-05:00")
        assert order.first_sent_at and 0 <= (order.first_sent_at - opened).total_seconds() < 2
        lab.check()


def test_after_very_many_waits_a_fresh_execution_takes_over(
    exchange: ExchangeControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design 3: a long hold hands over to a fresh execution (after 500 looks; here after 5)."""
    monkeypatch.setattr("repeg.worker.worker.MAX_WAITS_PER_EXECUTION", 5)
    with lab_at(exchange, "09:01") as lab:
        send(lab)
        with Crowd(lab) as crowd:
            crowd.work(until=market_time("09:31"), sweep_every=60)
        order = lab.order("a")
        assert order.status is Status.FILLED
        assert 5 <= order.run.executions <= 7
        assert order.run.execution_arn and order.run.execution_arn.endswith(f"-{order.run.executions}")
        assert order.first_sent_at and order.first_sent_at <= at("09:31")
        lab.check()


@pytest.mark.parametrize("latest_first", [False, True])
def test_waiting_orders_take_their_turn_in_order_of_arrival(exchange: ExchangeControl, latest_first: bool) -> None:
    """Design 3, Turn: orders parked for the open take their turn in arrival order when released."""
    with lab_at(exchange, "09:29") as lab:
        for place, name in enumerate(("first", "second", "third")):
            send(lab, name, qty=10 + place)
            lab.sleep(0.5)
        with Crowd(lab, latest_first=latest_first) as crowd:
            crowd.work()
        sent = [int(entry["qty"]) for entry in journal(lab, event="accepted")]
        assert sent == [10, 11, 12]
        assert all(lab.order(name).status is Status.FILLED for name in ("first", "second", "third"))
        lab.check()


def test_a_waiting_order_lets_a_later_one_of_another_day_pass(exchange: ExchangeControl) -> None:
    """Parked orders do not hold up those that may trade: here a close after the one that waits was refused."""
    with lab_at(exchange, "16:05") as lab:
        lab.control.position("TQQQ", 100, "40")
        send(lab, "waits", when_closed="next_open")
        send(lab, "refused")
        with Crowd(lab) as crowd:
            crowd.work(until=market_time("16:10"))
            assert lab.order("waits").status is Status.WAITING
            assert lab.order("refused").reason is Reason.MARKET_CLOSED
            check_ours(lab, all_over=False)


def test_an_order_that_queues_into_the_close_lives_until_after_the_next_open(exchange: ExchangeControl) -> None:
    """Contract 2: for a signal that waits for an open, expiry is that open + 15 min, whenever it was sent."""
    with lab_at(exchange, "15:59:30") as lab:
        lab.control.faults({"kind": "stuck_cancel", "method": "DELETE", "path": "/v2/orders/*"})
        lab.control.quote("TQQQ", "50.95", "50.98", 10, 10, frozen=True)
        send(lab, "ahead", completion="must")
        lab.sleep(1)
        send(lab, "behind", when_closed="next_open")
        with Crowd(lab) as crowd:
            crowd.work(until="2026-11-20T16:30:00-05:00", sweep_every=60)
            lab.control.faults()
            lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
            crowd.work(until="2026-11-20T16:31:00-05:00", sweep_every=60)
        assert lab.order("ahead").status.terminal
        behind = lab.order("behind")
        assert behind.status is Status.WAITING
        assert behind.run.expires_at == at("2026-11-23T09:45:00-05:00")


@pytest.mark.parametrize(
    ("when", "sent"),
    [
        ("15:59:45", True),
        ("15:59:50", False),
        ("2026-11-27T12:59:50-05:00", False),
        ("2026-11-27T12:59:40-05:00", True),
    ],
)
def test_no_entry_starts_too_close_to_the_close(exchange: ExchangeControl, when: str, sent: bool) -> None:
    with lab_at(exchange, when) as lab:
        order = done(lab)
        if sent:
            assert order.status is Status.FILLED
        else:
            assert (order.status, order.reason) == (Status.REJECTED, Reason.MARKET_CLOSED)
            assert not submits(lab)


def test_a_ladder_that_runs_into_the_close_stops_before_it(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "15:59:42") as lab:
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30, frozen=True)
        order = done(lab)
        assert (order.status, order.reason) == (Status.PARTIALLY_FILLED, Reason.MARKET_CLOSED)
        assert order.filled_qty == 30
        last = max(child.closed_at for child in order.children if child.closed_at)
        assert last <= at("15:59:51")


def test_exits_run_until_the_close(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "15:59:52") as lab:
        lab.control.position("TQQQ", 100, "40")
        order = done(lab, kind="close")
        assert order.status is Status.FILLED


def test_a_child_order_that_the_close_ends_is_told_so(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "15:59:55") as lab:
        lab.control.position("TQQQ", 100, "40")
        lab.control.quote("TQQQ", "50.95", "50.98", 30, 30, frozen=True)
        lab.control.faults({"kind": "stuck_cancel", "method": "DELETE", "path": "/v2/orders/*"})
        order = run(lab, kind="close")
        assert (order.status, order.reason) == (Status.FAILED, Reason.MARKET_CLOSED)
        assert order.filled_qty == 30
        lab.check()


def test_an_explicit_expiry_in_the_past_refuses(exchange: ExchangeControl) -> None:
    with lab_at(exchange) as lab:
        order = done(lab, expires_at="2026-11-20T14:59:59Z")
        assert (order.status, order.reason) == (Status.REJECTED, Reason.EXPIRED)
        assert not submits(lab)


def test_a_signal_that_waited_too_long_for_its_turn_expires(exchange: ExchangeControl) -> None:
    with lab_at(exchange) as lab:
        lab.control.faults({"kind": "stuck_cancel", "method": "DELETE", "path": "/v2/orders/*"})
        out_of = {"bid": "52.00", "ask": "52.03"}
        lab.control.script({"on": {"symbol": "TQQQ", "event": "new", "nth": 1}, "symbol": "TQQQ", **out_of})
        send(lab, "stuck")
        lab.sleep(1)
        send(lab, "waits", expires_at="2026-11-20T15:01:00Z")
        with Crowd(lab) as crowd:
            crowd.work(until=market_time("10:03"))
            waits = lab.order("waits")
            assert (waits.status, waits.reason) == (Status.REJECTED, Reason.EXPIRED)
            assert waits.completed_at and at("10:01") <= waits.completed_at <= at("10:01:31")
            check_ours(lab, all_over=False)


def test_an_exit_does_not_wait_behind_an_order_for_the_next_open(exchange: ExchangeControl) -> None:
    """Design 3, Turn: the first of the symbol's queue *that is not parked* proceeds."""
    with lab_at(exchange, "15:59:52") as lab:
        lab.control.position("TQQQ", 100, "40")
        send(lab, "monday", when_closed="next_open")
        lab.sleep(0.5)
        send(lab, "leave", kind="close")
        with Crowd(lab) as crowd:
            crowd.work(until=market_time("16:01"))
            leave = lab.order("leave")
            assert (leave.status, leave.reason) == (Status.FILLED, None)
            assert lab.order("monday").status is Status.WAITING
            check_ours(lab, all_over=False)
