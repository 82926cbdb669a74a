"""The table of an order's life: by itself, and walked at random."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from repeg.domain.order.children import ChildStatus
from repeg.domain.order.closing import answers_for, as_before, protecting_first, selling_on
from repeg.domain.order.course import (
    arrived_after_all,
    being_secured,
    decided,
    superseded,
    taken_back,
    to_be_assessed,
    under_way,
    waits_no_more,
)
from repeg.domain.order.guarding import not_left, seen_to, to_be_left, to_be_seen_to, without_guards_of_nothing
from repeg.domain.order.protection import Exit, ExitReason, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.proof.agreement import agreed, frozen
from repeg.domain.reasons import Reason
from repeg.domain.routes import Route
from repeg.domain.rules.endings import child_over
from repeg.domain.rules.life import (
    OUTCOME_RECORDED,
    RULES,
    STATES,
    Stage,
    is_interrupted,
    is_withdrawn,
    may_be_taken_back,
    stage_of,
    taken_up,
)
from repeg.domain.rules.moves import MOVES, On
from repeg.domain.rules.walking import concluded
from tests.property.guarded import BRACKET, FULL, oco
from tests.support.make import NOON, child, order
from tests.support.stand_ins.machine import load_definition

OPEN = {rule.stage for rule in RULES}
RECORDED = {rule.stage for rule in OUTCOME_RECORDED}
AFTER = {(move.before, move.on): set(move.after) for move in MOVES}

# --- the table by itself ---


def test_every_stage_has_a_rule_a_state_and_a_place_before_or_after_the_outcome() -> None:
    assert OPEN | RECORDED == set(Stage) == set(STATES)
    assert not OPEN & RECORDED
    assert {move.before for move in MOVES} | {after for move in MOVES for after in move.after} == set(Stage)


def test_every_state_that_a_step_may_name_belongs_to_a_stage_and_to_the_definition() -> None:
    states = load_definition()["States"]
    chosen = {choice["Next"] for choice in states["Route"]["Choices"]}
    assert {route for named in STATES.values() for route in named} == set(Route)
    assert {route.value for route in Route} - chosen == {Route.CHECK_FILL}, "only the wait for a fill leads there"
    assert chosen <= set(Route)
    assert set(states) - set(Route) == {"Route", "WaitAfterTrouble"}


def test_an_order_is_taken_up_in_a_state_that_works_and_waits_only_for_one_of_its_stage() -> None:
    states = load_definition()["States"]
    for stage, named in STATES.items():
        assert states[named[0]]["Type"] == "Task", stage
        for route in named:
            if states[route]["Type"] == "Wait":
                assert states[route]["Next"] in {*named, Route.CANCEL_ORDER}, f"{stage}: {route}"


def test_a_move_is_named_once_and_only_what_was_given_up_leads_on_from_the_last_stage() -> None:
    assert len(AFTER) == len(MOVES)
    assert {move.on for move in MOVES} == set(On)
    assert set(Stage) == {move.before for move in MOVES}
    assert [move.on for move in MOVES if move.before is Stage.OVER] == [On.ARRIVED], "what was given up may show"
    assert all(move.before not in move.after for move in MOVES)


def test_every_stage_can_be_reached_and_left_for_the_end() -> None:
    onward = {stage: {after for move in MOVES if move.before is stage for after in move.after} for stage in Stage}
    assert _from(Stage.WAITING, onward) == set(Stage)
    assert all(Stage.OVER in _from(stage, onward) for stage in Stage)


def _from(start: Stage, onward: dict[Stage, set[Stage]]) -> set[Stage]:
    reached, ahead = {start}, {start}
    while ahead:
        ahead = {after for stage in ahead for after in onward[stage]} - reached
        reached |= ahead
    return reached


def test_an_order_that_is_over_is_never_worked_again() -> None:
    for move in MOVES:
        assert move.before in OPEN or not OPEN & set(move.after)
        crosses = move.before in OPEN and bool(RECORDED & set(move.after))
        assert crosses == (move.on is On.RECORDED)


# --- walked at random ---

Happens = Callable[[Order, st.DataObject], Order | None]


def _released(now: Order, data: st.DataObject) -> Order:
    if stage_of(now) is Stage.LOOKING_AGAIN:
        now = now.with_close(looked_again=True).with_terms(requested_qty=now.filled_qty + FULL)
    return under_way(now)


def _sent(now: Order, data: st.DataObject) -> Order:
    now = _released(now, data)
    intent = child(len(now.children) + 1, qty=now.remaining_qty, status=ChildStatus.INTENT, broker_order_id=None)
    return (answers_for(now, ["ord-2"]) if now.kind == "close" else now).with_child(intent)


def _not_taken(now: Order, data: st.DataObject) -> Order | None:
    if now.children and now.children[-1].broker_order_id:
        return None
    if now.kind == "close":
        return _ruled_out(now) if now.open_child else None
    anew = not now.children[1:] and data.draw(st.booleans())
    forgotten = now.without_child(now.children[-1])
    return to_be_assessed(forgotten) if anew else forgotten


def _ruled_out(now: Order) -> Order:
    """An exit keeps what it gave up, and is sized anew; one that is taken back ends."""
    without = now.with_child(now.children[-1].changed(status=ChildStatus.NEVER_SENT))
    return without if is_withdrawn(without) else selling_on(to_be_assessed(without))


def _arrived(now: Order, data: st.DataObject) -> Order | None:
    """It shows after all: it rests, or is over already."""
    lost = now.open_child or next((one for one in now.children if one.status is ChildStatus.NEVER_SENT), None)
    if lost is None:
        return None
    found = arrived_after_all(now, lost.changed(status=ChildStatus.LIVE, broker_order_id="b"))
    return _child_over(found, data) if data.draw(st.booleans()) else found


def _child_over(now: Order, data: st.DataObject) -> Order:
    one = now.open_child
    assert one
    share = data.draw(st.sampled_from((0, 40, 100)))
    ended = data.draw(st.sampled_from((ChildStatus.CANCELED, ChildStatus.REJECTED, ChildStatus.EXPIRED)))
    filled = one.qty * share / 100
    status = ChildStatus.FILLED if share == 100 else ended
    one = one.changed(status=status, filled_qty=filled, avg_fill_price=Decimal(50))
    now = now.with_child(one)
    over = child_over(now, one)
    return decided(now, over.reason) if over.reason and not now.reason else now


def _unfilled(now: Order, data: st.DataObject) -> Order | None:
    """Of its newest child order less was filled than one answer said: it is at work, or over with nothing."""
    one = now.children[-1] if now.children else None
    if one is None or not one.filled_qty:
        return None
    known = one.unfilled().changed(broker_order_id="b")
    if data.draw(st.booleans()):
        known = known.changed(status=ChildStatus.CANCELED, closed_at=NOON)
    return waits_no_more(without_guards_of_nothing(arrived_after_all(now, known)))


def _taken_over(now: Order, data: st.DataObject) -> Order | None:
    if now.kind == "close":
        return None
    gave_way = stage_of(now) is not Stage.WAITING and data.draw(st.booleans())
    return superseded(now.with_close(gave_way=gave_way), "close", NOON)


def _failed(now: Order, data: st.DataObject) -> Order | None:
    if now.close.restoring and not now.open_child:
        return None
    return being_secured(now, now.reason or Reason.INTERNAL_ERROR) if is_interrupted(now) else None


def _left(now: Order, data: st.DataObject) -> Order | None:
    if now.kind != "bracket":
        return None
    return to_be_seen_to(to_be_left(decided(now, now.reason or Reason.PROTECTION_FAILED)))


def _flat(now: Order, data: st.DataObject) -> Order:
    gone = Exit(source="u", reason=ExitReason.UNWIND, qty=now.unexited_qty, price=Decimal(50), at=NOON)
    return seen_to(now.with_exit(gone).with_guard(protections=()))


def _seen_to(now: Order, data: st.DataObject) -> Order:
    guards = now.kind == "bracket" and (now.status.terminal or data.draw(st.booleans()))
    ocos = (oco(ProtectionStatus.LIVE, now.unexited_qty),) if guards else now.guard.protections
    return seen_to(now.with_guard(protections=ocos))


def _looks_again(now: Order, data: st.DataObject) -> Order:
    over = now.with_close(looked_again=True)
    return decided(over, Reason.NO_POSITION) if data.draw(st.booleans()) else over


HAPPENS: dict[On, Happens] = {
    On.RELEASED: _released,
    On.SENT: _sent,
    On.NOT_TAKEN: _not_taken,
    On.ARRIVED: _arrived,
    On.ASSESSED_ANEW: lambda now, data: None if now.sent else to_be_assessed(now),
    On.CANCELED: lambda now, data: now.with_child(
        now.children[-1].changed(status=ChildStatus.CANCELING, cancel_requested_at=NOON)
    ),
    On.CHILD_OVER: _child_over,
    On.LIVES_ON: lambda now, data: now.with_child(
        now.children[-1].changed(status=ChildStatus.LIVE, cancel_requested_at=None)
    ),
    On.LADDER_OVER: lambda now, data: (
        _looks_again(now, data) if stage_of(now) is Stage.LOOKING_AGAIN else decided(now, Reason.MARKET_CLOSED)
    ),
    On.PUT_OFF: lambda now, data: (
        protecting_first(to_be_assessed(now)) if now.kind == "close" and now.close.released else None
    ),
    On.PUT_BACK: lambda now, data: None if now.open_child else as_before(now),
    On.UNFILLED: _unfilled,
    On.FAILED: _failed,
    On.TAKEN_OVER: _taken_over,
    On.TAKEN_BACK: lambda now, data: taken_back(now, "c", NOON) if may_be_taken_back(now) else None,
    On.LEFT: _left,
    On.FLAT: _flat,
    On.SEEN_TO: _seen_to,
    On.NOT_LEFT: lambda now, data: not_left(now),
    On.RECORDED: lambda now, data: concluded(now, NOON),
    On.PUBLISHED: lambda now, data: now.with_run(published=True),
    On.UNGUARDED: lambda now, data: now.with_guard(protections=()),
    On.DISAGREES: lambda now, data: frozen(now, "a split"),
    On.AGREES: lambda now, data: agreed(now, None),
}
_TOWARDS_THE_END = {
    On.LADDER_OVER: (Stage.WAITING, Stage.WORKING, Stage.LOOKING_AGAIN),
    On.CHILD_OVER: (Stage.LIVE, Stage.WITHDRAWN, Stage.CANCELING, Stage.SECURING),
    On.PUT_BACK: (Stage.RESTORING,),
    On.SEEN_TO: (Stage.ENTERED, Stage.SOLD),
    On.FLAT: (Stage.LEAVING, Stage.HOLDING, Stage.BARE, Stage.LEAVING_LATER),
    On.RECORDED: (Stage.ENDING,),
    On.PUBLISHED: (Stage.UNTOLD,),
    On.AGREES: (Stage.FROZEN,),
}
TO_THE_END = {stage: on for on, stages in _TOWARDS_THE_END.items() for stage in stages}


@given(st.sampled_from(("order", "bracket", "close")), st.integers(0, 30), st.data())
def test_whatever_happens_an_order_moves_along_the_table_and_comes_to_its_end(
    kind: Any, turns: int, data: st.DataObject
) -> None:
    now = order(kind=kind, bracket=BRACKET if kind == "bracket" else None, cut=_cut(kind))
    for _ in range(turns):
        stage = stage_of(now)
        if stage is Stage.OVER:
            break
        now = _moved(now, data.draw(st.sampled_from([on for before, on in AFTER if before is stage])), data)
    for _ in range(2 * len(Stage)):
        if stage_of(now) is Stage.OVER:
            break
        waits = now.open_child if now.close.restoring else None
        ends = On.ARRIVED if waits and waits.broker_order_id else On.NOT_TAKEN
        now = _moved(now, ends if waits else TO_THE_END[stage_of(now)], data)
    assert stage_of(now) is Stage.OVER
    assert now.status.terminal and now.run.published and not now.open_child


def _cut(kind: str) -> Reason | None:
    return Reason.HELD_BY_PROTECTION if kind == "close" else None


def _moved(now: Order, on: On, data: st.DataObject) -> Order:
    """The order after it met this, if an order of its kind can."""
    before, after = stage_of(now), HAPPENS[on](now, data)
    if after is None:
        return now
    assert stage_of(after) in AFTER[before, on] | {before}, f"{before}: {on} led to {stage_of(after)}"
    assert taken_up(after) in {route for named in STATES.values() for route in named[:1]}
    return after
