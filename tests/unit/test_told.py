"""What alerts say in the situations in which they once said what was not so: to a trader who is paged by them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from repeg.care import watch
from repeg.domain.market.reports import OrderStatus
from repeg.domain.order.adjustments import Adjustment
from repeg.domain.order.alerts import Stack
from repeg.domain.order.bracket import Levels
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.protection import ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.order.verdicts import Refusal, WaitingFor
from repeg.domain.patience import REBALANCE_GIVEN_UP_AFTER
from repeg.domain.reasons import Reason, Status
from repeg.domain.rules import timing
from repeg.domain.schedule.runs import Outcome, ScheduledRun
from repeg.domain.schedule.times import Schedule
from repeg.domain.settings import Settings
from repeg.errors import RetryError
from repeg.rebalance import advance
from repeg.schedules import runner
from repeg.steps import gate, place, record, unwind
from repeg.worker import bare, outcome
from tests.support.make import NOON, child, report
from tests.support.make import order as plain_order
from tests.unit.samples import BOUGHT, bracket, oco


class Told:
    """A worker that writes down what it is to tell, and waits for nothing."""

    def __init__(self) -> None:
        self.alerts: list[str] = []
        self.kept: list[Order] = []
        self.stack = Stack()
        self.log = SimpleNamespace(info=lambda *_, **__: None, error=lambda *_, **__: None)

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None

    def alert(self, order: Order, detail: str) -> None:
        self.alerts.append(detail)

    def alert_lasting(self, order: Order, what: str, detail: str) -> Order:
        self.alerts.append(detail)
        return order

    def alert_about(self, about: str, detail: str, command: str) -> None:
        self.alerts.append(f"{detail} {command}")

    def note(self, order: Order, detail: str) -> Order:
        return order

    def save_exits(self, before: Order, order: Order) -> Order:
        self.kept.append(order)
        return order

    def now(self, order: Order) -> Any:
        return NOON


# --- shares that nothing guards ---


def test_keys_that_are_refused_say_nothing_of_an_oco_that_was_sent() -> None:
    worker: Any = Told()
    held = bracket(BOUGHT, protections=(oco(ProtectionStatus.SENT),)).with_guard(key_waits=99)
    bare.wait_for_operator(worker, held, "the keys are refused")
    assert worker.alerts == ["25 CRWD are not seen to be protected: the keys are refused"]


@pytest.mark.parametrize(
    ("missing", "lately", "words"),
    [
        (10, True, "25 CRWD are without protection: 10 do not show in the account yet; it is tried on"),
        (10, False, "25 CRWD are without protection: the account shows 10 CRWD fewer than the records"),
        (
            0,
            False,
            "25 CRWD are without protection: the broker takes no OCO over them, other orders may hold them",
        ),
    ],
    ids=["lag", "fewer", "held"],
)
def test_why_an_oco_is_refused_for_lack_of_shares_is_told_as_far_as_it_is_known(
    monkeypatch: pytest.MonkeyPatch, missing: int, lately: bool, words: str
) -> None:
    worker: Any = Told()
    worker.orders = SimpleNamespace(save=lambda order: order)
    for name, value in {
        "find_lost": lambda worker, order: order,
        "without_missing": lambda worker, order: order,
        "_missing": lambda worker, order: Decimal(missing),
        "filled_lately": lambda order, now: lately,
        "ladder_over": lambda order: None,
        "Next": lambda route: None,
    }.items():
        monkeypatch.setattr(bare, name, value)
    held = bracket(BOUGHT, status=Status.FILLED).with_guard(refusals=len(bare.LAG_WAITS) + 1)
    bare._short_of_shares(worker, held)
    assert worker.alerts == [words]


def test_protection_that_hangs_in_its_cancel_is_not_said_to_be_lost() -> None:
    """It holds the shares, and may guard them: how many are bare nobody knows."""
    told: Any = Told()
    hangs = bracket(BOUGHT, protected=True, protections=(oco(ProtectionStatus.CANCELING),))
    watch._lost(SimpleNamespace(worker=told, now=NOON), hangs, None)  # type: ignore[arg-type]
    bare_now = bracket(BOUGHT, protected=True, protections=(oco(ProtectionStatus.GONE),))
    watch._lost(SimpleNamespace(worker=told, now=NOON), bare_now, None)  # type: ignore[arg-type]
    assert [alert.split(";")[0] for alert in told.alerts] == [
        "25 CRWD are not seen to be protected",
        "25 CRWD lost their protection",
    ]


def test_what_cannot_be_held_against_its_limits_has_sent_what_it_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    told: Any = Told()

    def blind(*_: Any) -> None:
        raise RetryError("the table does not answer")

    monkeypatch.setattr(gate, "_case", blind)
    first = child(1, status=ChildStatus.CANCELED)
    for order in (plain_order(), plain_order(children=(first,))):
        gate.held_back(told, order, child(2), None)
    assert [alert.rpartition("; ")[2] for alert in told.alerts] == ["nothing was sent", "no more of it is sent"]


@pytest.mark.parametrize(
    ("fields", "then"),
    [({"superseded_by": "ord-9"}, "TQQQ is left"), ({"reason": Reason.CANCELLED}, "it ends")],
    ids=["a close waits for it", "taken back"],
)
def test_what_follows_once_a_send_is_ruled_out_is_told_as_it_will_be(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], then: str
) -> None:
    told: Any = Told()
    monkeypatch.setattr(place, "wait_for_sender", lambda *_: 5)
    place._rule_out(told, plain_order(kind="close", **fields), child(1), None)
    assert told.alerts == [f"ord-1-e1 may still arrive; {then} when that is ruled out"]


# --- figures ---


def test_a_fill_beyond_the_cap_is_told_beside_the_price_that_the_cap_comes_to() -> None:
    fill = child(status=ChildStatus.FILLED, qty=Decimal(3), filled_qty=Decimal(3), avg_fill_price=Decimal(154) / 3)
    cap: dict[str, Any] = {"max_slippage_bps": Decimal(10), "cap_floor": Decimal("0.10")}
    order = plain_order(children=(fill,), reference_price=Decimal(51), **cap)
    assert record._beyond_cap(order) == "filled at 51.3333 on average, beyond its cap at 51.1 (10 bps)"


@pytest.mark.parametrize(("replaces", "told"), [("broker-0", False), (None, True)], ids=["successor", "the same"])
def test_a_successor_that_ends_without_a_fill_took_nothing_back(replaces: str | None, told: bool) -> None:
    """What was filled before the owner replaced it is counted beside it: no answer contradicts another."""
    worker: Any = Told()
    sent = child(status=ChildStatus.LIVE, broker_order_id="broker-1", qty=Decimal(100), filled_qty=Decimal(40))
    sent = sent.changed(avg_fill_price=Decimal(51))
    over = report(OrderStatus.CANCELED).changed(replaces=replaces)
    worker.broker_for = lambda *_: SimpleNamespace(order=lambda _: over)
    outcome.fold(worker, plain_order(children=(sent,)), sent, over)
    assert any("is over with 0 TQQQ filled" in alert for alert in worker.alerts) is told


# --- what an unwind over a split cost ---

LEVELS = Levels(stop=Decimal("4.9"), target=Decimal("5.4"))
MONDAY = NOON + timedelta(days=3)
SPLIT = Adjustment(
    why="corporate_action", detail="10 for 1", change=Decimal(855), ratio=Decimal(10), levels=LEVELS, at=MONDAY
)


def _sold(order_id: str, *fills: tuple[str, str, Any]) -> Order:
    rungs = tuple(
        child(
            number, status=ChildStatus.FILLED, qty=Decimal(qty), filled_qty=Decimal(qty), sent_at=at, closed_at=at
        ).changed(avg_fill_price=Decimal(price))
        for number, (qty, price, at) in enumerate(fills, 1)
    )
    return plain_order(order_id=order_id, kind="unwind", side="sell", status=Status.FILLED, children=rungs)


def _hundred_at_fifty() -> Order:
    paid = child(status=ChildStatus.FILLED, qty=Decimal(100), filled_qty=Decimal(100), avg_fill_price=Decimal(50))
    return plain_order(kind="bracket", status=Status.FILLED, children=(paid,))


def test_an_unwind_that_met_a_split_books_its_shares_as_that_split_made_them() -> None:
    """The exit is written behind the split that the unwind followed: five of Friday's are fifty of Monday's."""
    worker: Any = Told()
    leaving = _sold("ord-u", ("5", "49", NOON), ("950", "4.9", MONDAY)).with_care(adjustments=(SPLIT,))
    unwind._ended(worker, _hundred_at_fifty(), leaving)
    [kept] = worker.kept
    assert (kept.unexited_qty, kept.unwind.cost, kept.guard.exits[0].whole) == (0, 100, 1000)


def test_shares_that_were_left_before_a_split_cost_what_shares_did_then() -> None:
    """Two unwinds, of which the first ended before it: a dollar lost of each share of fifty."""
    worker: Any = Told()
    held = _hundred_at_fifty()
    first = unwind.exit_by(_sold("ord-1", ("5", "49", NOON)), held, Decimal(5))
    held = held.with_exit(first).with_care(adjustments=(SPLIT,))
    unwind._ended(worker, held, _sold("ord-2", ("950", "4.9", MONDAY)))
    assert worker.kept[0].unwind.cost == 100


# --- settings ---


@pytest.mark.parametrize(
    ("on", "off"),
    [
        ("SMART_EXECUTOR_ENABLE_EXTENDED_HOURS", ""),
        ("USE_SMART_EXECUTOR", "SMART_EXECUTOR_ENABLE_EXTENDED_HOURS"),
        ("SMART_EXECUTOR_ENABLE_EXTENDED_HOURS alone", "USE_SMART_EXECUTOR"),
    ],
)
def test_the_setting_that_switches_extended_hours_off_is_named(on: str, off: str) -> None:
    settings = Settings(
        SMART_EXECUTOR_ENABLE_EXTENDED_HOURS="EXTENDED" in on, USE_SMART_EXECUTOR=not on.endswith("alone")
    )
    problem = timing._extended_problem(plain_order(kind="bracket", unprotected_ok=True), settings)
    assert (problem.detail if problem else "") == (f"extended hours are switched off ({off})" if off else "")


# --- rebalances and schedules ---


@pytest.mark.parametrize(
    ("waited", "words"),
    [
        (timedelta(0), "given up in 10 minutes unless that is put right: the keys are refused"),
        (timedelta(minutes=8), "given up in 2 minutes unless that is put right: the keys are refused"),
        (REBALANCE_GIVEN_UP_AFTER, "given up now: the keys are refused"),
    ],
)
def test_when_a_rebalance_is_given_up_counts_from_when_it_began_to_wait(
    monkeypatch: pytest.MonkeyPatch, waited: timedelta, words: str
) -> None:
    told: Any = Told()
    monkeypatch.setattr(advance, "_lasts", lambda at, rebalance, on: waited if on is WaitingFor.BROKER else None)
    monkeypatch.setattr(advance, "_outlast", lambda *_: None)
    planned: Any = SimpleNamespace(planned_at=NOON)
    advance._misconfigured(told, planned, Refusal(reason=Reason.MISCONFIGURED, detail="the keys are refused"))
    assert told.alerts == [f"the rebalance is held up, and {words}"]


@pytest.mark.parametrize(
    ("outcome", "command"), [(Outcome.LATE, "repeg schedules"), (Outcome.STALE_TARGETS, "repeg targets show")]
)
def test_a_run_that_was_not_done_is_looked_at_where_its_reason_is(outcome: Outcome, command: str) -> None:
    told: Any = Told()
    run = ScheduledRun(
        schedule=Schedule.MARKET_OPEN_REBALANCE, date=NOON.date(), at=NOON, claimed_wall=NOON, decided=outcome
    )
    store = SimpleNamespace(finish=lambda _: True)
    bench: Any = SimpleNamespace(worker=told, store=store, now=lambda: NOON)
    job: Any = None
    runner._finished(bench, run, None, job)
    assert told.alerts[0].endswith(command)
