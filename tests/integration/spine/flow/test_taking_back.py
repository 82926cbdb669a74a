"""Cancels of single orders: whatever an order waits for, it ends within seconds, and what it bought is guarded."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.halt import Scope
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.brokers.late import Queued
from tests.support.cancels import cancel, said
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, STOP, TARGET, guards, hold
from tests.support.scenes import alerts, done, journal, lab_at, market_time, send, submits, whenever

pytestmark = pytest.mark.usefixtures("aws_credentials")

RESTS: dict[str, Any] = {"ladder": "standard", "symbol": "AAPL"}


def rest(lab: Lab, shown: int = 40) -> None:
    """Nothing fills but so many shares of TQQQ."""
    lab.control.quote("AAPL", "200.00", "200.06", 2000, 2000)
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, shown)


def ended(lab: Lab, signal_id: str = "a") -> Order:
    """An order that a cancel ended: no word about it stays in the table."""
    order = lab.order(signal_id)
    assert order.status.terminal
    assert order.run.published
    assert lab.orders.halt_about(order.order_id) is None
    return order


def test_what_waits_for_an_open_ends_at_once(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "17:00") as lab, Crowd(lab) as crowd:
        send(lab, "a", when_closed="next_open")
        crowd.work(until=market_time("17:10"))
        answer = cancel(lab)
        crowd.work(until=market_time("17:10:02"))
        order = ended(lab)
        assert (order.status, order.reason, submits(lab)) == (Status.REJECTED, Reason.CANCELLED, [])
        assert (answer.kind, answer.status, answer.reason) == ("cancel", Status.DONE, None)
        assert said(answer) == "a is taken back; it was waiting"
        assert lab.order("c").run.published


def test_what_waits_for_its_turn_ends_and_lets_the_next_pass(lab: Lab) -> None:
    rest(lab, 10)
    with Crowd(lab) as crowd:
        for name in ("first", "a"):
            send(lab, name, **BRACKET | {"qty": 20})
            lab.sleep(1)
        crowd.work(until=market_time("10:00:02"))
        cancel(lab)
        crowd.work(until=market_time("10:00:04"))
        assert ended(lab).reason is Reason.CANCELLED
        assert not lab.order("first").status.terminal


@pytest.mark.parametrize("signal", [RESTS, BRACKET, {"completion": "must"}], ids=["plain", "bracket", "must"])
def test_what_rests_is_taken_out_of_the_market_within_seconds(lab: Lab, signal: dict[str, Any]) -> None:
    rest(lab)
    with Crowd(lab) as crowd:
        send(lab, "a", **signal)
        crowd.work(until=market_time("10:00:02"))
        answer = cancel(lab)
        crowd.work(until=market_time("10:00:05"))
        order = ended(lab)
        assert said(answer) == "a is taken back; it was working"
        assert (order.reason, order.filled_qty) == (Reason.CANCELLED, 0 if signal is RESTS else 40)
        assert order.status is (Status.UNFILLED if signal is RESTS else Status.PARTIALLY_FILLED)
        assert signal is not BRACKET or (order.guard.protected and [guard.qty for guard in guards(lab)] == [40])
        assert alerts(lab) == []


@pytest.mark.parametrize("call", ["store.take_turn", "broker.snapshot", "broker.reserve", "store.save", "store.halts"])
@pytest.mark.parametrize("signal", [{}, BRACKET], ids=["plain", "bracket"])
def test_one_that_was_not_sent_is_not_sent(lab: Lab, call: str, signal: dict[str, Any]) -> None:
    """Whatever its worker does right then: what it writes is refused, and before it sends it reads the word."""
    whenever(lab, call, lambda: cancel(lab))
    done(lab, **signal)
    order = ended(lab)
    assert (order.status, order.reason, submits(lab)) == (Status.REJECTED, Reason.CANCELLED, [])


@pytest.mark.parametrize("call", ["broker.order", "broker.cancel"])
def test_a_fill_that_wins_the_race_is_told(lab: Lab, call: str) -> None:
    rest(lab)
    whenever(lab, call, lambda: cancel(lab))
    whenever(lab, "broker.cancel", lambda: lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000), nth=1)
    done(lab, **BRACKET)
    lab.sweep()
    order = ended(lab)
    assert (order.status, order.reason, order.filled_qty, order.guard.protected) == (Status.FILLED, None, 100, True)
    assert any("before it could be taken back" in event.detail for event in order.events)


def test_one_that_is_being_sent_is_taken_back_at_its_next_look(lab: Lab) -> None:
    rest(lab)
    with Crowd(lab) as crowd:
        whenever(lab, "broker.submit", lambda: cancel(lab))
        send(lab, "a", **BRACKET)
        crowd.work(until=market_time("10:00:15"))
        order = ended(lab)
        assert (order.status, order.filled_qty, order.guard.protected) == (Status.PARTIALLY_FILLED, 40, True)


def test_a_worker_that_wakes_after_a_minute_sends_nothing(lab: Lab) -> None:
    with Crowd(lab) as crowd:
        crowd.stall("broker.snapshot", 60)
        send(lab, "a")
        crowd.work(until=market_time("10:00:05"))
        cancel(lab)
        crowd.work(until=market_time("10:02"), sweep_every=60)
        assert (ended(lab).reason, submits(lab)) == (Reason.CANCELLED, [])


def test_a_worker_that_stalled_on_its_way_to_the_market_does_not_send_late(lab: Lab) -> None:
    with Crowd(lab) as crowd:
        crowd.stall("store.halts", 60, after=True)
        send(lab, "a")
        crowd.work(until=market_time("10:00:05"))
        cancel(lab)
        crowd.work(until=market_time("10:05"), sweep_every=60)
        assert (ended(lab).reason, journal(lab, event="accepted")) == (Reason.CANCELLED, [])


def test_a_send_whose_answer_was_lost_is_looked_up_before_the_order_ends(lab: Lab) -> None:
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "drop_after", "count": 1})
    whenever(lab, "broker.order_by_client_id", lambda: cancel(lab))
    order = done(lab)
    lab.sweep()
    assert (ended(lab).status, order.filled_qty) == (Status.FILLED, 100)


def test_one_whose_last_child_order_was_being_sent_ends_by_the_cancel(lab: Lab) -> None:
    """It was answered that it is taken back, and ended as timed out: no look and no send came after that."""
    rest(lab)
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "drop_after", "count": 1})
    for act in (lambda: lab.sleep(60), lambda: cancel(lab)):
        whenever(lab, "broker.order_by_client_id", act)  # type: ignore[arg-type]
    order = done(lab, **BRACKET)
    lab.sweep()
    assert (order.reason, ended(lab).filled_qty, order.guard.protected) == (Reason.CANCELLED, 40, True)


def test_a_send_that_arrives_late_is_known(lab: Lab) -> None:
    """A broker in trouble works it off half a minute after the cancel: its shares are guarded all the same."""
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 5, 1)
        send(lab, "a", **BRACKET)
        crowd.work(until=market_time("10:00:07"), sweep_every=60)
        cancel(lab)
        crowd.work(until=market_time("10:00:40"), sweep_every=60)
        assert late.arrive()[0] == 200
        crowd.work(until=market_time("10:02:10"), sweep_every=60)
        order = ended(lab)
        assert (order.filled_qty, order.guard.protected, len(order.children)) == (100, True, 1)


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_a_cancel_at_the_broker_without_an_answer_is_asked_for_again(lab: Lab, kind: str) -> None:
    rest(lab)
    lab.control.faults({"method": "DELETE", "path": "/v2/orders/*", "kind": kind, "count": 1})
    with Crowd(lab) as crowd:
        send(lab, "a", **BRACKET)
        crowd.work(until=market_time("10:00:02"))
        cancel(lab)
        crowd.work(until=market_time("10:00:12"))
        order = ended(lab)
        assert (order.filled_qty, order.reason, order.guard.protected) == (40, Reason.CANCELLED, True)


@pytest.mark.parametrize(
    "signal", [RESTS, BRACKET, {"completion": "must"}, {"kind": "close"}], ids=["plain", "bracket", "must", "close"]
)
def test_a_cancel_that_hangs_at_the_broker_changes_nothing_in_what_was_asked_for(
    lab: Lab, signal: dict[str, Any]
) -> None:
    """However long it takes: the alert says that it hangs, the order that it was taken back."""
    if signal.get("kind") == "close":
        hold(lab)
        lab.control.quote("TQQQ", "50.95", "50.98", 30, 2000)
    else:
        rest(lab)
    with Crowd(lab) as crowd:
        lab.control.faults({"kind": "stuck_cancel", "order_class": "simple"})
        send(lab, "a", **signal)
        crowd.work(until=market_time("10:00:02"))
        cancel(lab)
        crowd.work(until=market_time("10:02:30"), sweep_every=60)
        assert len([line for line in alerts(lab) if "not confirmed" in line]) == 1
        lab.control.faults()
        crowd.work(until=market_time("10:05"), sweep_every=60)
        order = ended(lab)
        assert order.reason is Reason.CANCELLED
        assert order.status is (Status.UNFILLED if signal is RESTS else Status.PARTIALLY_FILLED)
        assert sum((guard.qty for guard in guards(lab)), Decimal(0)) == (
            order.filled_qty if signal is BRACKET else lab.order("b").unexited_qty if "kind" in signal else 0
        )
        assert len(alerts(lab)) == 1, "nobody is alerted of what was asked for"


def test_a_cancel_of_what_is_stuck_says_what_may_fill_yet(lab: Lab) -> None:
    """Its rung was cancelled and that hangs: who hears "nothing to cancel" sends the next order beside it."""
    rest(lab)
    with Crowd(lab) as crowd:
        lab.control.faults({"kind": "stuck_cancel", "order_class": "simple"})
        send(lab, "a", **BRACKET)
        crowd.work(until=market_time("10:03"))
        name = lab.order("a").children[-1].client_order_id
        answer = cancel(lab)
        assert (answer.status, answer.reason) == (Status.DONE, None)
        assert said(answer) == (
            f"a is being ended already (working: cancel_stuck): {name} is cancelled at the broker, and may fill until "
            "that is confirmed, which takes more than 30 s; should it last, look at it there"
        )
        lab.control.faults()
        crowd.work(until=market_time("10:06"), sweep_every=60)
        assert (ended(lab).filled_qty, said(cancel(lab, by="d"))) == (40, "a is over (partially_filled: cancel_stuck)")


# --- again, too early, too late ---


def test_a_cancel_that_comes_twice_counts_once(lab: Lab) -> None:
    rest(lab)
    with Crowd(lab) as crowd:
        send(lab, "a", **BRACKET)
        crowd.work(until=market_time("10:00:02"))
        first, again, other = cancel(lab), cancel(lab), cancel(lab, by="d")
        assert first == again
        assert (other.status, other.reason, said(other)) == (Status.DONE, None, "a was taken back before")
        crowd.work(until=market_time("10:00:05"))
        assert ended(lab).run.executions == 2
        assert said(cancel(lab, by="e")) == "a was taken back before"
        assert lab.orders.halts() == ()


def test_what_died_between_the_word_and_the_start_is_made_good(lab: Lab) -> None:
    """By the message, which comes again, and by the sweep should it not."""
    rest(lab)
    with Crowd(lab) as crowd:
        send(lab, "a", **BRACKET)
        crowd.work(until=market_time("10:00:02"))
        start = lab.start
        lab.start = lambda *_: (_ for _ in ()).throw(OSError("died"))  # type: ignore[method-assign]
        with pytest.raises(OSError, match="died"):
            cancel(lab)
        lab.start = start  # type: ignore[method-assign]
        assert said(cancel(lab)) == "a was taken back before"
        crowd.work(until=market_time("10:00:05"))
        assert ended(lab).reason is Reason.CANCELLED


@pytest.mark.parametrize("signal", [{}, BRACKET, {"kind": "close"}], ids=["plain", "bracket", "close"])
def test_one_that_comes_after_its_cancel_is_not_sent(lab: Lab, signal: dict[str, Any]) -> None:
    if signal.get("kind") == "close":
        hold(lab)
    sent = len(submits(lab))
    answer = cancel(lab)
    assert (answer.status, answer.reason) == (Status.DONE, Reason.UNKNOWN_ORDER)
    lab.sweep()
    done(lab, **signal)
    lab.sweep()
    assert (ended(lab).reason, len(submits(lab))) == (Reason.CANCELLED, sent)
    assert lab.orders.halts() == (), "nor about the rebalance that it might have been"


def test_a_cancel_of_what_never_comes_is_forgotten_after_a_day(lab: Lab) -> None:
    cancel(lab)
    assert {word.scope for word in lab.orders.halts()} == {Scope.ORDER}
    lab.sleep(timedelta(hours=23).total_seconds())
    lab.sweep()
    assert lab.orders.halts() != ()
    lab.sleep(timedelta(hours=2).total_seconds())
    lab.sweep()
    assert lab.orders.halts() == ()


def test_what_is_over_stays_as_it_is(lab: Lab) -> None:
    hold(lab)
    answer = cancel(lab, "b")
    assert (answer.status, answer.reason, said(answer)) == (
        Status.DONE,
        Reason.NOTHING_TO_CANCEL,
        "b is over (filled)",
    )
    lab.work()
    lab.sweep()
    assert (lab.order("b").status, [guard.qty for guard in guards(lab)]) == (Status.FILLED, [100])
    assert lab.orders.halts() == ()


def test_a_cancel_is_not_taken_back_and_its_id_is_used_once(lab: Lab) -> None:
    done(lab)
    cancel(lab)
    assert said(cancel(lab, "c", by="d")) == "c is over (done: nothing_to_cancel)"
    lab.intake.accept('{"kind": "cancel", "signal_id": "c", "cancel_signal_id": "other"}')
    assert lab.orders.halts() == ()
    conflict = next(order for order in lab.orders.newest() if order.signal_id == "c" and order != lab.order("c"))
    assert (conflict.status, conflict.reason) == (Status.REJECTED, Reason.SIGNAL_CONFLICT)


def test_one_cancel_stops_no_other_order(lab: Lab) -> None:
    cancel(lab, "other")
    assert done(lab).status is Status.FILLED


# --- exits ---


def test_a_close_that_waits_for_an_open_leaves_what_is_held_alone(exchange: ExchangeControl) -> None:
    with lab_at(exchange) as lab, Crowd(lab) as crowd:
        hold(lab)
        lab.set_clock("2026-11-20T17:00:00-05:00")
        send(lab, "a", kind="close", when_closed="next_open")
        crowd.work(until=market_time("17:00:10"))
        cancel(lab)
        crowd.work(until=market_time("17:00:12"))
        assert ended(lab).reason is Reason.CANCELLED
        assert [(guard.qty, guard.stop) for guard in guards(lab)] == [(100, STOP)]


def test_what_a_close_did_not_sell_is_protected_again(lab: Lab) -> None:
    """At the levels that it had; what was sold is sold, and nobody is alerted of what was asked for."""
    hold(lab)
    with Crowd(lab) as crowd:
        lab.control.quote("TQQQ", "50.95", "50.98", 30, 2000)
        send(lab, "a", kind="close")
        crowd.work(until=market_time("10:00:03"))
        cancel(lab)
        crowd.work(until=market_time("10:00:08"))
        order = ended(lab)
        assert (order.status, order.reason) == (Status.PARTIALLY_FILLED, Reason.CANCELLED)
        left = 100 - order.filled_qty
        assert 0 < left < 100
        assert [(guard.qty, guard.stop, guard.target) for guard in guards(lab)] == [(left, STOP, TARGET)]
        assert lab.order("b").unexited_qty == left
        assert alerts(lab) == []


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_a_close_whose_send_got_no_answer_is_not_sent_again(lab: Lab, kind: str) -> None:
    """What it sold is booked, what it did not is protected again."""
    hold(lab)
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": kind, "count": 1})
    with Crowd(lab) as crowd:
        whenever(lab, "broker.order_by_client_id", lambda: cancel(lab))
        send(lab, "a", kind="close")
        crowd.work(until=market_time("10:06"), sweep_every=60)
        order = ended(lab)
        sold = 100 if kind == "drop_after" else 0
        assert order.filled_qty == sold
        assert sum((guard.qty for guard in guards(lab)), Decimal(0)) == 100 - sold
        assert lab.order("b").unexited_qty == 100 - sold
        ids = [entry["client_order_id"] for entry in journal(lab, event="accepted")]
        assert len([sent for sent in ids if sent.startswith(f"{order.name_at_broker}-e")]) == bool(sold)


def test_a_close_whose_worker_stands_still_before_it_sends_leaves_nothing_bare(lab: Lab) -> None:
    """What it took protection off is guarded again while nobody knows whether it is sent, and stays so."""
    hold(lab)
    with Crowd(lab) as crowd:
        whenever(lab, "broker.submit", lambda: crowd.pause(65))
        send(lab, "a", kind="close")
        crowd.work(until=market_time("10:00:05"))
        cancel(lab)
        crowd.work(until=market_time("10:00:35"))
        assert [guard.qty for guard in guards(lab)] == [100]
        assert not lab.order("a").status.terminal
        crowd.work(until=market_time("10:04"), sweep_every=60)
        assert ended(lab).filled_qty == 0
        assert [guard.qty for guard in guards(lab)] == [100]
        assert lab.order("b").unexited_qty == 100


def test_an_entry_that_a_close_ended_is_protected_by_what_is_taken_back(lab: Lab) -> None:
    """A close took over a bracket that rests half filled; taken back, it has that protected before it ends."""
    rest(lab, 30)
    with Crowd(lab) as crowd:
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time("10:00:02"))
        lab.control.quote("TQQQ", "50.95", "50.98", 1, 1)
        send(lab, "a", kind="close")
        crowd.work(until=market_time("10:00:04"))
        cancel(lab)
        crowd.work(until=market_time("10:01:30"), sweep_every=60)
        held = lab.order("b").unexited_qty
        assert held > 0
        assert sum((guard.qty for guard in guards(lab)), Decimal(0)) == held
        ended(lab)
