"""Many signals at once: one live order per symbol, in order of arrival, within the request limit."""

from __future__ import annotations

import pytest

from desk.report.truth import trading_calls
from repeg.domain.order.verdicts import WaitingFor
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import journal, market_time, out_of_reach, send, submits

SYMBOLS = [f"{first}{second}Q" for first in "ABCDE" for second in "VWXYZ"]


@pytest.mark.parametrize("latest_first", [False, True])
def test_two_signals_for_one_symbol_are_executed_in_order(lab: Lab, latest_first: bool) -> None:
    out_of_reach(lab, rungs=1)
    send(lab, "first", qty=10)
    lab.sleep(0.01)
    send(lab, "second", qty=20)
    with Crowd(lab, latest_first=latest_first) as crowd:
        crowd.work()
    first, second = lab.order("first"), lab.order("second")
    assert first.status is second.status is Status.FILLED
    assert first.completed_at and second.first_sent_at and first.completed_at <= second.first_sent_at
    assert journal(lab, event="accepted")[0]["qty"] == "10"
    lab.check()


def test_the_second_waits_ever_longer_for_its_turn(lab: Lab) -> None:
    lab.control.faults({"kind": "stuck_cancel", "method": "DELETE", "path": "/v2/orders/*"})
    out_of_reach(lab, rungs=1)
    send(lab, "first")
    lab.sleep(0.01)
    send(lab, "second")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:02"))
        waits = lab.order("second")
        assert (waits.status, waits.run.waits_for) == (Status.WAITING, WaitingFor.TURN)
        assert waits.run.waits <= 15, "1 + 2 + 5 + 10 + 10 ... seconds"
        assert len(submits(lab)) == 1
        lab.control.faults()
        crowd.work()
    assert lab.order("second").status is Status.FILLED
    lab.check()


def test_a_dead_order_holds_its_symbol_only_until_the_sweeper_comes(lab: Lab) -> None:
    out_of_reach(lab, rungs=1)
    send(lab, "first")
    lab.sleep(0.01)
    send(lab, "second")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:01"))
        crowd.stop(next(name for name in crowd.names() if lab.order("first").order_id in name))
        crowd.work(until=market_time("10:00:50"))
        assert lab.order("second").status is Status.WAITING
        crowd.work(sweep_every=60)
    assert lab.order("first").status is lab.order("second").status is Status.FILLED
    assert lab.order("first").run.executions == 2
    lab.check()


def test_fifty_signals_for_twenty_five_symbols_at_once(lab: Lab) -> None:
    """Must hold: all terminal, one order each, second signals executed in order, never above the rate limit."""
    for symbol in SYMBOLS:
        lab.control.quote(symbol, "20.00", "20.02", 5000, 5000)
    for turn in ("1", "2"):
        for symbol in SYMBOLS:
            send(lab, f"{symbol}-{turn}", symbol=symbol, qty=int(turn) * 10, ladder="better_orders")
        lab.sleep(0.01)
    before = lab.mark()
    with Crowd(lab, latest_first=True) as crowd:
        crowd.work(sweep_every=60)
    for symbol in SYMBOLS:
        first, second = lab.order(f"{symbol}-1"), lab.order(f"{symbol}-2")
        assert first.status is second.status is Status.FILLED, (first.reason, second.reason)
        assert first.completed_at and second.first_sent_at and first.completed_at <= second.first_sent_at
    assert len(journal(lab, event="accepted")) == 50
    requests = [entry for entry in lab.control.journal(before) if entry["type"] == "request"]
    assert not [entry for entry in requests if entry["status"] == 429]
    assert len(trading_calls(lab.control.journal(before))) <= 3 * 50 + 5
    lab.check()


def test_a_full_budget_makes_entries_wait_rather_than_fail(lab: Lab) -> None:
    lab.control.settings(rate_limit=30)
    for number in range(12):
        lab.control.quote(SYMBOLS[number], "20.00", "20.02", 5000, 5000)
        send(lab, f"s-{number}", symbol=SYMBOLS[number], ladder="better_orders", expires_at="2026-11-20T16:00:00Z")
    with Crowd(lab) as crowd:
        crowd.work(sweep_every=60)
    ended = [lab.order(f"s-{number}") for number in range(12)]
    assert {order.status for order in ended} == {Status.FILLED}, [order.reason for order in ended]
    lab.check()


def test_an_exit_is_served_while_entries_wait_for_the_budget(lab: Lab) -> None:
    """Design 5, Scale: exits before entries."""
    lab.control.position("SPY", 10, "400")
    lab.control.quote("SPY", "500.00", "500.02", 5000, 5000)
    for _ in range(178):  # all that entries may have, but for two
        lab.broker.urgent().now()
    send(lab, "entry")
    send(lab, "exit", kind="close", symbol="SPY")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:20"), sweep_every=60)
        assert lab.order("exit").status is Status.FILLED
        crowd.work(sweep_every=60)
    entry, left = lab.order("entry"), lab.order("exit")
    assert entry.status is Status.FILLED, entry.reason
    assert left.completed_at and entry.completed_at and left.completed_at <= entry.completed_at
    assert not [request for request in journal(lab, "request") if request["status"] == 429]
    lab.check()


def test_refusals_do_not_hold_the_queue_up(lab: Lab) -> None:
    for number in range(4):
        send(lab, f"bad-{number}", notional="0.5")
    send(lab, "good")
    with Crowd(lab) as crowd:
        crowd.work()
    assert {lab.order(f"bad-{number}").reason for number in range(4)} == {Reason.NOTIONAL_TOO_SMALL}
    assert lab.order("good").status is Status.FILLED
    lab.check()
