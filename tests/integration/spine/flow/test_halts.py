"""The kill switch at work: what was not sent when it was thrown is not sent, and what is held stays guarded."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from repeg.domain.halt import Halt, Mode, Scope
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.store.halts import halt_key
from repeg.store.items import to_item
from tests.support.brokers.late import Queued
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, guards, hold
from tests.support.scenes import (
    alerts,
    done,
    journal,
    market_time,
    on_order,
    out_of_reach,
    run,
    send,
    submits,
    whenever,
)
from tests.support.watching import cancel_protection

HALTED = Halt(mode=Mode.HALTED, reason="a bad day")


def halt(lab: Lab, **what: Any) -> None:
    lab.orders.keep_halt(HALTED.changed(**what))


@pytest.mark.parametrize("signal", [{}, {"side": "sell"}, BRACKET, {"ladder": "market"}, {"completion": "must"}])
def test_a_halted_account_sends_nothing(lab: Lab, signal: dict[str, Any]) -> None:
    if signal.get("side") == "sell" and "kind" not in signal:
        done(lab, "bought")
    sent = len(submits(lab))
    halt(lab)
    order = done(lab, **signal)
    assert (order.status, order.reason, order.children) == (Status.REJECTED, Reason.HALTED, ())
    assert "the account is halted: only exits are sent (a bad day)" in order.events[-2].detail
    assert len(submits(lab)) == sent


def test_what_was_lifted_is_sent_again(lab: Lab) -> None:
    halt(lab)
    done(lab, "a")
    lab.orders.lift_halt(Scope.ACCOUNT)
    assert done(lab, "b").status is Status.FILLED


def test_a_symbol_that_is_halted_stops_no_other(lab: Lab) -> None:
    halt(lab, scope=Scope.SYMBOL, of="TQQQ")
    lab.control.quote("SQQQ", "20.00", "20.02", 2000, 2000)
    assert done(lab, "a").reason is Reason.HALTED
    assert done(lab, "b", symbol="SQQQ").status is Status.FILLED


def test_what_reduces_goes_on_while_only_that_is_sent(lab: Lab) -> None:
    done(lab, "bought", qty=10)
    halt(lab, mode=Mode.REDUCING)
    assert done(lab, "more", qty=1).reason is Reason.REDUCING_ONLY
    assert done(lab, "less", side="sell", qty=4).status is Status.FILLED


def test_exits_go_on(lab: Lab) -> None:
    order = hold(lab)
    halt(lab)
    cancel_protection(lab, order)
    lab.sweep()
    lab.sleep(60)
    lab.sweep()
    lab.work()
    assert [guard.qty for guard in guards(lab)] == [Decimal(100)], "protected again"
    assert run(lab, "c", kind="close").status is Status.FILLED
    assert guards(lab) == []


BEFORE = ("store.save", "broker.reserve", "broker.snapshot", "store.halts")
"""Calls of an order's life up to its send; the last look at the halt is among them."""


@pytest.mark.parametrize("call", BEFORE)
def test_an_order_that_was_not_sent_when_it_was_thrown_is_not_sent(lab: Lab, call: str) -> None:
    whenever(lab, call, lambda: halt(lab))
    order = done(lab)
    assert (order.status, order.reason, submits(lab)) == (Status.REJECTED, Reason.HALTED, [])


@pytest.mark.parametrize("signal", [{}, BRACKET | {"qty": 100}])
def test_what_is_in_the_market_ends_there_and_no_more_is_sent(lab: Lab, signal: dict[str, Any]) -> None:
    """A rung is live when it is thrown, and thirty shares of it are filled: the next is not sent, they are guarded."""
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30)
    on_order(lab, "fill", "50.99", "51.02")
    whenever(lab, "broker.cancel", lambda: halt(lab))
    order = done(lab, **signal)
    assert (order.status, order.filled_qty) == (Status.PARTIALLY_FILLED, 30)
    assert order.reason in (Reason.HALTED, Reason.FILL_TIMEOUT)
    assert len(order.children) == 1
    assert not signal or order.guard.protected


@pytest.mark.parametrize(("shown", "status"), [(30, Status.PARTIALLY_FILLED), (0, Status.UNFILLED)])
def test_what_must_complete_and_is_halted_did_not_fail(lab: Lab, shown: int, status: Status) -> None:
    """It was stopped on purpose: nobody is alerted as if something had gone wrong."""
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, shown or 2000)
    if not shown:
        lab.control.script({"on": {"event": "new"}, "symbol": "TQQQ", "bid": "50.99", "ask": "51.02"})
        lab.control.settings(ack_ms=5, fill_ms=500)
    whenever(lab, "broker.cancel", lambda: halt(lab))
    order = done(lab, completion="must")
    assert (order.status, order.reason, order.filled_qty) == (status, Reason.HALTED, shown)
    assert alerts(lab) == []


def test_a_send_whose_answer_was_lost_is_looked_up_before_the_order_ends(lab: Lab) -> None:
    """It did arrive, and was filled: the halt must not forget its shares."""
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "drop_after", "count": 1})
    whenever(lab, "broker.order_by_client_id", lambda: halt(lab))
    order = done(lab)
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)


def test_a_send_that_never_arrived_is_not_sent_again(lab: Lab) -> None:
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "drop_before", "count": 1})
    whenever(lab, "store.halts", lambda: halt(lab), nth=2)
    order = done(lab)
    assert (order.filled_qty, order.reason) == (0, Reason.HALTED)
    assert journal(lab, event="accepted") == []
    assert [child.reserved for child in order.children] == [None], "what was given back is not in the record"


@pytest.mark.parametrize("nth", [2, 3], ids=["before the second send", "right at it"])
def test_a_send_that_arrives_late_is_known_though_no_second_one_may_follow(lab: Lab, nth: int) -> None:
    """A broker in trouble works it off half a minute later: given up by then, its shares would be bare for minutes."""
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 5, 1)
        whenever(lab, "store.halts", lambda: halt(lab), nth=nth)
        send(lab, "a", **BRACKET)
        crowd.work(until=market_time("10:00:40"), sweep_every=60)
        assert late.arrive()[0] == 200
        crowd.work(until=market_time("10:01:10"), sweep_every=60)
    order = lab.order("a")
    assert (order.filled_qty, order.guard.protected) == (100, True)
    assert len(order.children) == 1


@pytest.mark.parametrize("signal", [{"ladder": "standard", "symbol": "AAPL"}, BRACKET])
def test_what_rests_is_taken_back_where_that_is_wanted(lab: Lab, signal: dict[str, Any]) -> None:
    """At the next look at it, and not when its patience is over; what it has bought by then is guarded."""
    lab.control.quote("AAPL", "200.00", "200.06", 2000, 2000)
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 40)
    whenever(lab, "broker.order", lambda: halt(lab, cancel_open=True), nth=2)
    order = done(lab, **signal)
    assert (order.reason, len(order.children)) == (Reason.HALTED, 1)
    assert order.filled_qty == (40 if signal is BRACKET else 0)
    assert not order.filled_qty or order.guard.protected
    [child] = order.children
    assert child.closed_at and (child.closed_at - child.sent_at).total_seconds() < 10


def test_a_cancel_that_hangs_takes_no_halt_off_the_record(lab: Lab) -> None:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 40)
    lab.control.faults({"kind": "stuck_cancel", "order_class": "simple"})
    whenever(lab, "broker.order", lambda: halt(lab, cancel_open=True), nth=2)
    with Crowd(lab) as crowd:
        send(lab, "a", **BRACKET)
        crowd.work(until=market_time("10:01:30"), sweep_every=60)
        lab.control.faults()
        crowd.work(until=market_time("10:03"), sweep_every=60)
    order = lab.order("a")
    assert (order.status, order.reason, order.filled_qty) == (Status.PARTIALLY_FILLED, Reason.HALTED, 40)
    assert order.guard.protected
    lab.check()


def test_a_fill_that_wins_the_race_is_a_fill(lab: Lab) -> None:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 40)
    whenever(lab, "broker.order", lambda: halt(lab, cancel_open=True), nth=2)
    whenever(lab, "broker.cancel", lambda: lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000))
    order = done(lab, **BRACKET)
    assert (order.status, order.reason, order.filled_qty) == (Status.FILLED, None, 100)
    assert order.guard.protected


def refuse(lab: Lab) -> None:
    def unreadable() -> None:
        raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "Query")

    whenever(lab, "store.halts", unreadable)


def scribble(lab: Lab) -> None:
    key = halt_key(Scope.ACCOUNT) | to_item({"mode": "stop!"})
    lab.orders._client.put_item(TableName=lab.orders._table, Item=key)


@pytest.mark.parametrize("trouble", [refuse, scribble])
def test_what_cannot_be_read_is_a_halt(lab: Lab, trouble: Callable[[Lab], None]) -> None:
    trouble(lab)
    assert done(lab).reason is Reason.HALTED


class Blackout:
    """Every read of the table fails from the write of an intent on, until it was sent, or so many have failed."""

    def __init__(self, lab: Lab, monkeypatch: pytest.MonkeyPatch, lasts: int) -> None:
        self.left, self.lasts, self.sent_in_it = 0, lasts, 0
        for name in ("get_item", "query", "batch_get_item"):
            monkeypatch.setattr(lab.orders._client, name, self.failing(getattr(lab.orders._client, name)))
        save = lab.orders.save

        def saved(order: Order, requeue: bool = False) -> Order:
            written = save(order, requeue)
            records = (*written.children, *written.guard.protections)
            self.left = lasts if any(record.status == "intent" for record in records) else self.left
            return written

        monkeypatch.setattr(lab.orders, "save", saved)
        for sends in ("submit", "protect"):
            monkeypatch.setattr(lab.broker, sends, self.sending(getattr(lab.broker, sends)))

    def failing(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def failed(**request: Any) -> Any:
            if self.left:
                self.left -= 1
                raise ClientError({"Error": {"Code": "InternalServerError"}}, "Query")
            return read(**request)

        return failed

    def sending(self, send: Callable[..., Any]) -> Callable[..., Any]:
        def sent(*what: Any) -> Any:
            self.sent_in_it += bool(self.left)
            self.left = 0
            return send(*what)

        return sent


@pytest.mark.parametrize("lasts", [1, 6])
@pytest.mark.parametrize("signal", [{}, BRACKET], ids=["order", "bracket"])
def test_a_table_that_fails_between_the_intent_and_its_send_lets_nothing_be_sent(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, signal: dict[str, Any], lasts: int
) -> None:
    Blackout(lab, monkeypatch, lasts)
    order = done(lab, **signal)
    assert (order.status.terminal, order.filled_qty, submits(lab)) == (True, 0, [])


@pytest.mark.parametrize("exits", ["close", "protection"])
def test_exits_are_sent_through_a_table_that_fails(lab: Lab, monkeypatch: pytest.MonkeyPatch, exits: str) -> None:
    order = hold(lab)
    if exits == "protection":
        cancel_protection(lab, order)
        lab.sleep(60)
    blackout = Blackout(lab, monkeypatch, 6)
    if exits == "close":
        assert run(lab, "c", kind="close").status is Status.FILLED
    else:
        for _ in range(2):
            lab.sweep()
            lab.sleep(60)
            lab.work()
        assert [guard.qty for guard in guards(lab)] == [Decimal(100)], "protected again"
    assert blackout.sent_in_it >= 1


def test_that_it_cannot_be_read_is_told_since_nobody_halted_anything(lab: Lab) -> None:
    """Else orders would end as halted, one after the other, while `repeg control` says that nothing is."""
    refuse(lab)
    done(lab)
    [told] = alerts(lab)
    assert told == "the account is halted: only exits are sent (it cannot be read whether trading is halted)"
    halt(lab)
    done(lab, "b")
    assert len(alerts(lab)) == 1, "what an operator halted he knows"


def test_without_its_word_on_the_account_nothing_is_sent_but_exits(lab: Lab) -> None:
    """Somebody deleted it, or restored the table without it: to halt is the one mistake that costs no money."""
    hold(lab)
    lab.orders._client.delete_item(TableName=lab.table, Key=halt_key(Scope.ACCOUNT))
    order = done(lab, "more")
    assert (order.status, order.reason) == (Status.REJECTED, Reason.HALTED)
    [told] = alerts(lab)
    assert "repeg resume writes it anew" in told
    assert run(lab, "c", kind="close").status is Status.FILLED
    assert lab.orders.lift_halt(Scope.ACCOUNT)
    assert done(lab, "d").status is Status.FILLED


def test_a_word_that_was_written_by_hand_counts(lab: Lab) -> None:
    """With the console, or with one call of the AWS CLI: the mode is enough."""
    key = halt_key(Scope.ACCOUNT) | to_item({"mode": "HALTED"})
    lab.orders._client.put_item(TableName=lab.orders._table, Item=key)
    out_of_reach(lab)
    assert done(lab).reason is Reason.HALTED


@pytest.mark.parametrize(
    ("key", "lifted_by"),
    [
        ("SYMBOL#tqqq", (Scope.SYMBOL, "TQQQ")),
        ("symbol#TQQQ", (Scope.SYMBOL, "TQQQ")),
        ("SYMBOL", (Scope.ACCOUNT, "")),
        ("SYMBOL#", (Scope.ACCOUNT, "")),
        ("STRATEGY", (Scope.ACCOUNT, "")),
        ("ACCOUNT#1", (Scope.ACCOUNT, "")),
        ("TQQQ", (Scope.ACCOUNT, "")),
    ],
)
def test_a_word_by_hand_under_a_key_that_is_not_quite_right_stops_too_much_rather_than_nothing(
    lab: Lab, key: str, lifted_by: tuple[Scope, str]
) -> None:
    """Its writer, in a hurry, believes that this is halted; and it can be lifted by what it is shown as."""
    item = to_item({"pk": "CONTROL", "sk": key, "mode": "halted"})
    lab.orders._client.put_item(TableName=lab.orders._table, Item=item)
    assert done(lab, "a", strategy="pairs").reason is Reason.HALTED
    assert [(halt.scope, halt.of) for halt in lab.orders.halts()] == [lifted_by]
    assert lab.orders.lift_halt(*lifted_by)
    assert lab.orders.halts() == ()
