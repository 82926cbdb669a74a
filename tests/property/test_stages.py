"""The stage of an order: over every combination of marks, and over any record."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

from hypothesis import given

from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.routes import Route
from repeg.domain.rules.endings import CHILD_OVER, ENDINGS, child_over, ending
from repeg.domain.rules.life import (
    AT_WORK,
    OUTCOME_RECORDED,
    OWED,
    RULES,
    STATES,
    is_interrupted,
    ladder_over,
    stage_of,
    taken_up,
)
from tests.property.guarded import BRACKET, bought
from tests.property.strategies import orders
from tests.support.make import NOON, child, order, with_fields

OPEN = {rule.stage for rule in RULES}
RECORDED = {rule.stage for rule in OUTCOME_RECORDED}
LIVE = (ChildStatus.INTENT, ChildStatus.LIVE, ChildStatus.CANCELING)


def _combinations() -> list[Order]:
    found = []
    for kind, status, child_status, filled, taken_over, reason in product(
        ("order", "bracket", "close"),
        (Status.WAITING, Status.WORKING, Status.FAILED),
        (ChildStatus.CANCELED, *LIVE),
        (0, 30, 100),
        (0, 1, 2),
        (None, Reason.FILL_TIMEOUT),
    ):
        if status.terminal and child_status in LIVE:
            continue
        one = child(status=child_status, filled_qty=Decimal(filled), avg_fill_price=Decimal(50) if filled else None)
        marked = order(
            kind=kind,
            status=status,
            bracket=BRACKET if kind == "bracket" else None,
            children=(one,),
            reason=reason,
            cut=Reason.HELD_BY_PROTECTION,
            released=("ord-2",) if filled else (),
            superseded_by="close" if taken_over else None,
            gave_way=taken_over == 2,
        )
        extra = ["published"] if status.terminal else ["restoring", "looked_again"] if kind == "close" else []
        flags = ("settled", "unwind_wanted", "securing", *extra)
        sets = product((True, False), repeat=len(flags))
        found += [with_fields(marked, **dict(zip(flags, each, strict=True))) for each in sets]
    return found


ALL = _combinations()


def test_every_combination_has_a_stage_and_every_rule_a_combination() -> None:
    used = set()
    for each in ALL:
        rules = OUTCOME_RECORDED if each.status.terminal else RULES
        place = next(place for place, rule in enumerate(rules) if rule.fits(each))
        assert stage_of(each) is rules[place].stage
        used.add((rules is RULES, place))
    frozen = order(status=Status.FAILED, published=True, frozen="split")
    guarded = bought(status=Status.FILLED, published=True)
    used |= {(False, [rule.stage for rule in OUTCOME_RECORDED].index(stage_of(each))) for each in (frozen, guarded)}
    assert used == {(True, place) for place in range(len(RULES))} | {
        (False, place) for place in range(len(OUTCOME_RECORDED))
    }


def test_while_a_child_order_may_fill_no_order_is_taken_up_to_be_recorded_assessed_or_sent_anew() -> None:
    for each in ALL:
        if each.open_child and not each.run.securing and not each.close.restoring:
            assert taken_up(each) in (Route.PLACE_ORDER, Route.CANCEL_ORDER)
        if each.open_child and not each.status.terminal:
            assert stage_of(each) in {rule.stage for rule in AT_WORK}


def test_shares_are_seen_to_before_an_outcome_is_recorded() -> None:
    for each in ALL:
        if ladder_over(each) is Route.RECORD_OUTCOME and each.unexited_qty > 0:
            assert each.guard.settled or (each.close.superseded_by and not each.close.gave_way)


def test_what_is_owed_does_not_depend_on_who_asks() -> None:
    """An order of which no more is sent goes on where it would be taken up, unless it is taken up a step before."""
    for each in ALL:
        if stage_of(each) in {rule.stage for rule in OWED} and taken_up(each) is not Route.SECURE_POSITION:
            before = {Route.PLACE_ORDER, Route.ASSESS_MARKET} if each.reason is None else set()
            assert taken_up(each) in {ladder_over(each), *before}


def test_only_what_was_being_worked_is_secured() -> None:
    for each in ALL:
        if is_interrupted(each):
            assert each.open_child or (each.reason is None and each.remaining_qty > 0)


def test_every_row_about_a_child_order_and_about_an_ending_is_the_first_that_fits_somewhere() -> None:
    children = [
        child(status=status, lost=lost, replaced=replaced, cancel_alarmed=stuck, cancel_requested_at=asked)
        for status in ChildStatus
        for lost, replaced, stuck in product((True, False), repeat=3)
        for asked in (None, NOON)
        if status.closed
    ]
    cases = [
        (order(children=(one,), superseded_by=by, reason=why, completion=must, requested_qty=Decimal(qty)), one)
        for one in children
        for by, why in ((None, None), ("close", None), (None, Reason.CANCELLED))
        for must in ("must", "protect_price")
        for qty in (0, 100)
    ]
    assert {child_over(*case) for case in cases} == set(CHILD_OVER)
    for each in (child_over(*case) for case in cases):
        assert (each.reason is None) == (each.detail == "")
    more = [with_fields(each, **how) for each in ALL for how in ({}, {"cut": None})]
    more += [bought(children=()), bought(unwind_failed=True), bought(requested_qty=Decimal(90))]
    more += [bought(reason=Reason.ACCOUNT_DISAGREES), order(kind="adjust", requested_qty=None, settled=True)]
    assert {row for each in more for row in ENDINGS if next(r for r in ENDINGS if r.fits(each)) is row} == set(ENDINGS)


@given(orders)
def test_any_record_stands_somewhere_goes_on_and_ends(record: Order) -> None:
    """Whatever a record holds, it can be taken up, and its end has a status that is one."""
    assert (stage_of(record) in RECORDED) is record.status.terminal
    assert isinstance(taken_up(record), Route)
    assert ladder_over(record) in {STATES[rule.stage][0] for rule in OWED}
    assert ending(record)[0].terminal
