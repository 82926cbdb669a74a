"""Leaving while the broker moves: targets and stops that fill during a close, stuck cancels, workers that die."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.deaths import Killed
from tests.support.lab import START, Lab
from tests.support.leaving import SHORT, check_held, hold, shares
from tests.support.scenes import alerts, at, by_hand, journal, market_time, on_order, outcomes, run, send
from tests.support.stand_ins.short_moto import quick_aws

STUCK = {"method": "DELETE", "path": "/v2/orders/*", "kind": "stuck_cancel"}
CANCEL = {"method": "DELETE", "path": "/v2/orders/*"}


# --- the exit that the broker executes wins against the cancel ---


def test_a_target_that_fills_during_the_cancel_is_the_exit(lab: Lab) -> None:
    """Design 3.1: a cancel is a request. Nothing is sold twice: that would open a short."""
    hold(lab)
    on_order(lab, "pending_cancel", "53.50", "53.53", side="sell", after=0.02)
    close = run(lab, "c", kind="close")
    bracket = lab.order("b")
    assert (close.status, close.reason, close.children) == (Status.REJECTED, Reason.NO_POSITION, ())
    assert (bracket.exit_reason, bracket.exit_price, bracket.unexited_qty) == ("target", Decimal("53.5"), 0)
    assert shares(lab) == 0
    check_held(lab)


def test_a_stop_that_fills_during_the_cancel_is_the_exit(lab: Lab) -> None:
    hold(lab)
    on_order(lab, "pending_cancel", "49.90", "49.93", side="sell", after=0.02)
    lab.control.settings(fill_ms=5)
    close = run(lab, "c", kind="close")
    bracket = lab.order("b")
    assert shares(lab) == 0
    assert bracket.unexited_qty == 0
    assert bracket.exit_reason in ("stop", "close")
    assert (close.status is Status.FILLED) == (bracket.exit_reason == "close")
    check_held(lab)


def test_a_target_that_fills_in_part_during_the_cancel_leaves_the_rest_to_the_close(lab: Lab) -> None:
    hold(lab)
    on_order(lab, "pending_cancel", "53.50", "53.53", side="sell", after=0.02, size=40)
    close = run(lab, "c", kind="close")
    bracket = lab.order("b")
    assert (close.status, close.filled_qty) == (Status.FILLED, 60)
    assert [(gone.reason.value, int(gone.qty)) for gone in bracket.all_exits] == [("target", 40), ("close", 60)]
    assert bracket.unexited_qty == 0
    check_held(lab)


def test_a_short_whose_target_fills_during_the_cancel_never_becomes_long(lab: Lab) -> None:
    hold(lab, **SHORT)
    on_order(lab, "pending_cancel", "48.40", "48.43", after=0.02)
    close = run(lab, "c", kind="close")
    assert (close.status, close.reason) == (Status.REJECTED, Reason.NO_POSITION)
    assert lab.order("b").exit_reason == "target"
    assert shares(lab) == 0
    check_held(lab)


def test_a_target_that_filled_before_the_close_came_is_the_exit(lab: Lab) -> None:
    """Nobody has looked at the OCO since it filled."""
    hold(lab)
    lab.control.quote("TQQQ", "53.50", "53.53", 2000, 2000)
    lab.sleep(1)
    close = run(lab, "c", kind="close")
    assert (close.status, close.reason) == (Status.REJECTED, Reason.NO_POSITION)
    lab.sweep()
    lab.work()
    bracket = lab.order("b")
    assert (bracket.exit_reason, bracket.unexited_qty) == ("target", 0)
    check_held(lab)


def test_of_two_brackets_the_one_whose_target_fills_during_the_cancel_is_not_sold_again(lab: Lab) -> None:
    hold(lab, "b1", take_profit="53.37")
    hold(lab, "b2", qty=50)
    on_order(lab, "pending_cancel", "53.40", "53.43", side="sell", after=0.02)
    close = run(lab, "c", kind="close")
    assert (close.status, close.filled_qty) == (Status.FILLED, 50)
    assert [lab.order(each).exit_reason for each in ("b1", "b2")] == ["target", "close"]
    check_held(lab)


def test_a_partial_close_whose_target_fills_meanwhile_sells_only_what_is_there(lab: Lab) -> None:
    hold(lab)
    on_order(lab, "pending_cancel", "53.50", "53.53", side="sell", after=0.02, size=90)
    close = run(lab, "c", kind="close", qty=30)
    bracket = lab.order("b")
    assert close.filled_qty <= 10
    assert shares(lab) == bracket.unexited_qty >= 0
    check_held(lab)


# --- the cancel does not come through ---


def test_a_stuck_cancel_of_the_protection_alarms_and_locks_the_symbol(lab: Lab) -> None:
    """Design 3.1: nothing is sold before the OCO cannot sell any more; the operator is told after 30 s."""
    hold(lab)
    lab.control.faults(STUCK)
    send(lab, "c", kind="close")
    lab.sleep(0.001)
    send(lab, "next", qty=5)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:25"))
        assert not alerts(lab)
        crowd.work(until=market_time("10:02"), sweep_every=60)
        told = [alert for alert in alerts(lab) if "cancel not confirmed" in alert]
        assert len(told) == 1
        assert lab.order("next").status is Status.WAITING
        assert not [e for e in journal(lab, event="accepted") if e["side"] == "sell" and not e["order_class"]]
        lab.control.faults()
        crowd.work()
    close, bracket = lab.order("c"), lab.order("b")
    assert (close.status, close.filled_qty, bracket.exit_reason) == (Status.FILLED, 100, "close")
    assert lab.order("next").status is Status.FILLED
    check_held(lab, free=5)


def test_a_stuck_cancel_whose_target_fills_ends_the_close(lab: Lab) -> None:
    hold(lab)
    lab.control.faults(STUCK)
    send(lab, "c", kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:01"))
        lab.control.quote("TQQQ", "53.50", "53.53", 2000, 2000)
        crowd.work()
    close = lab.order("c")
    assert (close.status, close.reason) == (Status.REJECTED, Reason.NO_POSITION)
    assert lab.order("b").exit_reason == "target"
    check_held(lab)


def test_a_close_that_is_stopped_while_the_cancel_is_stuck_is_taken_up_again(lab: Lab) -> None:
    hold(lab)
    lab.control.faults(STUCK)
    send(lab, "c", kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:10"))
        crowd.stop(crowd.names()[0])
        assert lab.sweep()["started"] == 1
        crowd.work(until=market_time("10:00:20"))
        lab.control.faults()
        crowd.work()
    close = lab.order("c")
    assert (close.status, close.filled_qty, close.run.executions) == (Status.FILLED, 100, 2)
    check_held(lab)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "error", "status": 500},
        {"kind": "error", "status": 504, "stage": "answer"},
        {"kind": "error", "status": 429, "body": {"code": 42910000, "message": "too many requests."}},
    ],
    ids=["lost before", "lost after", "500", "504 after effect", "throttled"],
)
def test_an_unclear_cancel_of_the_protection_is_asked_for_again(lab: Lab, fault: dict[str, Any]) -> None:
    hold(lab)
    lab.control.faults(CANCEL | fault | {"count": 1})
    close = run(lab, "c", kind="close")
    assert (close.status, close.filled_qty) == (Status.FILLED, 100)
    assert close.completed_at and close.completed_at <= at("10:00:15")
    check_held(lab)


def test_reads_that_fail_during_the_cancel_hold_the_sale_back(lab: Lab) -> None:
    hold(lab)
    lab.control.faults({"method": "GET", "path": "/v2/orders/*", "kind": "error", "status": 503, "count": 3})
    close = run(lab, "c", kind="close")
    assert (close.status, close.filled_qty) == (Status.FILLED, 100)
    check_held(lab)


def test_protection_that_somebody_cancelled_meanwhile_is_no_obstacle(lab: Lab) -> None:
    bracket = hold(lab)
    by_hand(lab, "DELETE", f"orders/{bracket.protective_order_id}")
    lab.sleep(0.3)
    close = run(lab, "c", kind="close")
    assert (close.status, close.filled_qty) == (Status.FILLED, 100)
    check_held(lab)


def test_shares_that_somebody_sold_by_hand_are_not_sold_again(lab: Lab) -> None:
    bracket = hold(lab)
    by_hand(lab, "DELETE", f"orders/{bracket.protective_order_id}")
    lab.sleep(0.3)
    sale = {"symbol": "TQQQ", "qty": 70, "side": "sell", "type": "market", "time_in_force": "day"}
    by_hand(lab, "POST", "orders", sale)
    lab.sleep(0.5)
    close = run(lab, "c", kind="close")
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 30, 0)
    bracket = lab.order("b")
    assert bracket.unexited_qty == 0
    assert {gone.reason.value: int(gone.qty) for gone in bracket.all_exits} == {"outside": 70, "close": 30}
    assert any("somebody else" in alert for alert in alerts(lab))
    check_held(lab, strangers=True)


@pytest.mark.parametrize("looks", [1, 2, 3])
@pytest.mark.parametrize("available", ["0", "100"], ids=["held", "free"])
def test_a_position_that_still_shows_what_the_target_sold_is_not_sold_again(
    lab: Lab, available: str, looks: int
) -> None:
    """A position may lag behind a fill; a sale of what is gone would open a short."""
    hold(lab)
    lab.control.quote("TQQQ", "53.50", "53.53", 2000, 2000)
    lab.sleep(0.2)
    lab.control.quote("TQQQ", "52.00", "52.03", 2000, 2000)
    assert shares(lab) == 0
    stale = {"symbol": "TQQQ", "qty": "100", "qty_available": available, "side": "long", "avg_entry_price": "50.98"}
    read = {"method": "GET", "path": "/v2/positions/TQQQ"}
    lab.control.faults(read | {"kind": "error", "status": 200, "body": stale, "count": looks})
    run(lab, "c", kind="close")
    assert shares(lab) == 0
    lab.sweep()
    lab.work()
    assert lab.order("b").exit_reason == "target"
    check_held(lab)


# --- the worker dies ---


EFFECTS = {
    "broker.submit",
    "broker.protect",
    "broker.cancel",
    "store.accept",
    "store.save",
    "store.take_turn",
    "store.finish",
    "executions.start",
    "bus.publish",
}


@dataclass(frozen=True)
class Life:
    """A position that is held, the close that leaves it, and what must have been sold in the end whatever happens."""

    name: str
    scene: Callable[[Lab], None]
    signal: dict[str, Any]
    sold: frozenset[int]
    every: int = 1
    """How many effects there are from one death to the next; other lives die in between."""


def _held(lab: Lab) -> None:
    hold(lab)


def _held_twice(lab: Lab) -> None:
    hold(lab, "b1")
    hold(lab, "b2", qty=50)


def _held_short(lab: Lab) -> None:
    hold(lab, **SHORT)


def _sale_refused(lab: Lab) -> None:
    hold(lab)
    refusal = {"code": 40310000, "message": "insufficient qty available for order (requested: 100, available: 0)"}
    sale = {"method": "POST", "path": "/v2/orders", "side": "sell", "client_order_id": "ord-*-*-e*"}
    lab.control.faults(sale | {"kind": "error", "status": 403, "body": refusal})


def _held_and_thin(lab: Lab) -> None:
    hold(lab)
    lab.control.quote("TQQQ", "50.95", "50.98", 40, 2000)


def _target_wins(lab: Lab) -> None:
    hold(lab)
    on_order(lab, "pending_cancel", "53.50", "53.53", side="sell", after=0.02)


LIVES = [
    Life("part of a bracket", _held, {"qty": 30}, frozenset({30})),
    Life("one bracket and part of another", _held_twice, {"qty": 120}, frozenset({120}), every=2),
    Life("all of a short", _held_short, {}, frozenset({100}), every=2),
    Life("in several parts", _held_and_thin, {"qty": 60}, frozenset({60}), every=3),
    Life("the target wins", _target_wins, {}, frozenset({0})),
    Life("nothing can be sold", _sale_refused, {}, frozenset({0}), every=3),
]


@contextmanager
def _born(life: Life, exchange: ExchangeControl) -> Iterator[Lab]:
    exchange.reset()
    exchange.set_clock(START, paused=True)
    exchange.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    with quick_aws():
        lab = Lab(exchange)
        lab.sweep()
        life.scene(lab)
        lab.sleep(2)
        lab.deaths.seen.clear()
        yield lab


def _live(lab: Lab, life: Life) -> bool:
    """Deliver and work the close; True if the worker died on the way."""
    try:
        send(lab, "c", kind="close", **life.signal)
        lab.work()
    except Killed:
        return True
    return False


def _recover(lab: Lab, life: Life) -> None:
    """The message is delivered again, as a queue does, and the sweeper comes by."""
    lab.revive()
    send(lab, "c", kind="close", **life.signal)
    for _ in range(3):
        lab.sweep()
        lab.work()


def _check(lab: Lab, life: Life, held: Decimal, where: str) -> None:
    close = lab.order("c")
    story = f"{where}: {close.status} {close.reason} {close.filled_qty} {close.events}"
    assert close.status.terminal and close.run.published, story
    assert int(close.filled_qty) in life.sold, story
    assert len([each for each in outcomes(lab) if each["signal_id"] == "c"]) >= 1, story
    by_ocos = sum(oco.exited_qty for order in lab.orders.newest() for oco in order.guard.protections)
    assert abs(shares(lab)) == held - close.filled_qty - by_ocos, story
    try:
        check_held(lab)
    except AssertionError as problem:
        raise AssertionError(f"{where}: {problem}") from problem


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
def test_survives_death_after_every_effect(life: Life, exchange: ExchangeControl, aws_credentials: None) -> None:
    """Design 3: executions are disposable. Whenever one dies: nothing is sold twice, nothing is left unguarded."""
    with _born(life, exchange) as lab:
        held = abs(shares(lab))
        assert not _live(lab, life)
        _check(lab, life, held, "nobody died")
        calls = list(lab.deaths.seen)
    points = [place + 1 for place, call in enumerate(calls, start=1) if call in EFFECTS]
    assert len(points) >= 10, calls
    for at_call in points[: -1 : life.every]:
        with _born(life, exchange) as lab:
            lab.deaths.at = at_call
            assert _live(lab, life), f"nobody died before call {at_call} of {calls}"
            _recover(lab, life)
            _check(lab, life, held, f"death after {calls[at_call - 2]} (call {at_call - 1})")
