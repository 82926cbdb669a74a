"""Whose shares a close sold, and what must be sold at all."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repeg.domain.order.bracket import Levels
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.protection import Exit, ExitReason, Protection, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.order.verdicts import Refusal
from repeg.domain.proof.leaving import bare_by_record, booked, booked_late, from_under_ocos, sold_by_others
from repeg.domain.reasons import Reason
from repeg.domain.rules.sizing import Sizing, releases, size_close
from tests.support.make import NOON, child, order, position, with_fields

LATER = NOON + timedelta(minutes=5)
LEVELS = Levels(stop=Decimal(49), target=Decimal(55))


def _filled(qty: int, at: Any = NOON, **fields: Any) -> Any:
    return child(
        qty=Decimal(max(qty, 1)),
        filled_qty=Decimal(qty),
        avg_fill_price=Decimal("50.98"),
        status=ChildStatus.FILLED,
        closed_at=at,
        **fields,
    )


def _bracket(name: str, qty: int, guarded: int = 0, left: int = 0, at: Any = NOON - timedelta(hours=1)) -> Order:
    """A bracket that bought `qty`; an OCO guards `guarded` of what has not left."""
    ocos = ()
    if guarded:
        ocos = (
            Protection(
                client_order_id=f"{name}-p1",
                broker_order_id=f"{name}-target",
                qty=Decimal(guarded),
                levels=LEVELS,
                status=ProtectionStatus.LIVE,
                placed_at=at,
            ),
        )
    exits = (_exit("before", left),) if left else ()
    return order(
        order_id=name,
        signal_id=name,
        kind="bracket",
        requested_qty=Decimal(qty),
        children=(_filled(qty, at),),
        protections=ocos,
        exits=exits,
    )


def _close(sold: int, held: int, price: str = "51.00") -> Order:
    rung = _filled(sold).changed(avg_fill_price=Decimal(price))
    return order(
        order_id="close",
        signal_id="c",
        kind="close",
        side="sell",
        position_before=Decimal(held),
        children=(rung,) if sold else (),
    )


def _exit(source: str, qty: int) -> Exit:
    return Exit(source=source, reason=ExitReason.CLOSE, qty=Decimal(qty), price=Decimal(50), at=NOON)


def _taken(orders: list[Order], source: str = "close") -> dict[str, int]:
    return {each.order_id: int(gone.qty) for each in orders for gone in each.guard.exits if gone.source == source}


@pytest.mark.parametrize(
    ("sold", "held", "taken"),
    [
        (150, 150, {"b1": 100, "b2": 50}),
        (120, 150, {"b1": 100, "b2": 20}),
        (40, 150, {"b1": 40}),
        (60, 210, {}),
        (80, 210, {"b1": 20}),
        (210, 210, {"b1": 100, "b2": 50}),
        (0, 150, {}),
    ],
    ids=["all", "oldest first", "only the oldest", "free shares first", "free, then oldest", "everything", "nothing"],
)
def test_whose_shares_a_close_sold(sold: int, held: int, taken: dict[str, int]) -> None:
    holding = [_bracket("b1", 100), _bracket("b2", 50)]
    assert _taken(booked(_close(sold, held), holding)) == taken


def test_shares_that_protection_still_guards_were_not_sold_by_a_close() -> None:
    holding = [_bracket("b1", 100, guarded=100), _bracket("b2", 50)]
    assert _taken(booked(_close(50, 150), holding)) == {"b2": 50}


@pytest.mark.parametrize(
    ("sold", "held", "guarded", "hidden"),
    [
        (150, 150, 100, 100),
        (120, 150, 100, 70),
        (50, 150, 100, 0),
        (150, 150, 0, 0),
        (60, 100, 30, 0),
        (200, 150, 100, 100),
    ],
)
def test_what_was_sold_from_under_an_oco_is_what_no_loose_share_explains(
    sold: int, held: int, guarded: int, hidden: int
) -> None:
    assert from_under_ocos(_close(sold, held), [_bracket("b", 100, guarded=guarded)]) == hidden


def test_an_exit_by_a_close_has_its_price_and_time() -> None:
    (sold,) = booked(_close(100, 100, price="51.25"), [_bracket("b1", 100)])
    assert (sold.exit_price, sold.exit_reason, sold.exit_at) == (Decimal("51.25"), "close", NOON)
    assert sold.unexited_qty == 0


def test_booking_again_changes_nothing() -> None:
    holding = [_bracket("b1", 100), _bracket("b2", 50)]
    once = booked(_close(120, 150), holding)
    assert booked(_close(120, 150), once) == []


def test_booking_again_after_more_was_sold_counts_it_once() -> None:
    first = booked(_close(30, 100), [_bracket("b1", 100)])
    (again,) = booked(_close(70, 100), first)
    assert (again.unexited_qty, len(again.guard.exits)) == (30, 1)


def test_a_close_that_sold_nothing_of_a_flat_position_takes_no_disputed_shares() -> None:
    frozen = _bracket("b1", 100).with_care(frozen="the account shows 0")
    assert booked(_close(0, 0), [frozen]) == []


@pytest.mark.parametrize(("guarded", "left"), [(0, 40), (100, 100), (70, 70)], ids=["bare", "guarded", "in part"])
def test_a_late_sale_of_an_unwind_takes_what_no_oco_holds(guarded: int, left: int) -> None:
    leaving = with_fields(_close(60, 100), kind="unwind", parent_id="b2")
    after = booked_late(leaving, [_bracket("b1", 100), _bracket("b2", 100, guarded=guarded)])
    assert [(each.order_id, each.unexited_qty, each.exit_reason) for each in after] == (
        [("b2", left, "unwind")] if left < 100 else []
    )


def test_a_late_sale_that_took_all_settles_the_dispute() -> None:
    frozen = _bracket("b1", 100).with_care(frozen="the account shows 0")
    (after,) = booked_late(_close(100, 100), [frozen])
    assert (after.unexited_qty, after.care.frozen) == (0, "")


def test_what_left_before_stays_booked() -> None:
    (sold,) = booked(_close(60, 60), [_bracket("b1", 100, left=40)])
    assert sold.unexited_qty == 0
    assert [int(gone.qty) for gone in sold.guard.exits] == [40, 60]


_QTY = st.integers(1, 200)


@given(st.lists(_QTY, max_size=5), st.integers(0, 300), st.data())
def test_what_is_booked_is_what_was_sold_beyond_free_shares(qtys: list[int], free: int, data: st.DataObject) -> None:
    holding = [_bracket(f"b{place}", qty) for place, qty in enumerate(qtys)]
    held = sum(qtys) + free
    sold = data.draw(st.integers(0, held))
    taken = _taken(booked(_close(sold, held), holding))
    assert sum(taken.values()) == max(0, sold - free)
    assert all(taken.get(each.order_id, 0) <= each.filled_qty for each in holding)
    partly = [each for each in holding if 0 < taken.get(each.order_id, 0) < each.filled_qty]
    untouched = [each for each in holding if each.order_id not in taken]
    assert len(partly) <= 1, "the next bracket is touched only when the one before is gone"
    assert holding[len(holding) - len(untouched) :] == untouched


# --- shares that are gone ---


def test_what_the_account_lacks_was_sold_by_somebody_else_the_oldest_first() -> None:
    gone = sold_by_others([_bracket("b1", 100), _bracket("b2", 50)], Decimal(120), LATER)
    assert [(each.order_id, int(each.guard.exits[-1].qty)) for each in gone] == [("b1", 100), ("b2", 20)]
    assert {each.exit_reason for each in gone} == {"outside"}
    assert {each.exit_price for each in gone} == {None}


def test_guarded_shares_are_there() -> None:
    gone = sold_by_others([_bracket("b1", 100, guarded=100), _bracket("b2", 50)], Decimal(70), LATER)
    assert [(each.order_id, int(each.guard.exits[-1].qty)) for each in gone] == [("b2", 50)]


def test_what_was_bought_a_moment_ago_may_only_not_show_yet() -> None:
    assert sold_by_others([_bracket("b1", 100, at=NOON)], Decimal(100), NOON + timedelta(seconds=5)) == []
    assert len(sold_by_others([_bracket("b1", 100, at=NOON)], Decimal(100), LATER)) == 1


def test_nothing_is_gone_when_nothing_is_missing() -> None:
    assert sold_by_others([_bracket("b1", 100)], Decimal(0), LATER) == []
    assert sold_by_others([_bracket("b1", 100)], Decimal(-20), LATER) == []


# --- what must come down, and how much is sold ---


@pytest.mark.parametrize(
    ("wanted", "down"),
    [(0, ()), (-5, ()), (1, ("b1",)), (100, ("b1",)), (101, ("b1", "b2")), (1000, ("b1", "b2"))],
)
def test_no_more_protection_comes_down_than_needed(wanted: int, down: tuple[str, ...]) -> None:
    brackets = [_bracket("b1", 100, guarded=100), _bracket("bare", 10), _bracket("b2", 50, guarded=50)]
    assert releases(brackets, Decimal(wanted)) == down


@pytest.mark.parametrize(
    ("held", "available", "asked", "sized"),
    [
        ("100", "100", None, ("sell", 100)),
        ("100", "100", 30, ("sell", 30)),
        ("100", "100", 300, ("sell", 100)),
        ("100", "40", None, ("sell", 40)),
        ("100", "40", 30, ("sell", 30)),
        ("-100", "-100", None, ("buy", 100)),
        ("-100", "-40", 60, ("buy", 40)),
        ("0.5", "0.5", None, ("sell", Decimal("0.5"))),
    ],
)
def test_a_close_takes_what_is_there_and_free(held: str, available: str, asked: int | None, sized: Any) -> None:
    sizing = size_close(position(held, available), None if asked is None else Decimal(asked))
    assert isinstance(sizing, Sizing)
    assert (sizing.side, sizing.qty) == sized
    assert sizing.held == abs(Decimal(held))


@pytest.mark.parametrize(
    ("held", "reason"),
    [(None, Reason.NO_POSITION), (position("100", "0"), Reason.HELD_BY_PROTECTION)],
    ids=["flat", "all held"],
)
def test_a_close_with_nothing_to_sell_says_why(held: Any, reason: Reason) -> None:
    sizing = size_close(held, None)
    assert isinstance(sizing, Refusal) and sizing.reason is reason


def test_the_record_tells_since_when_shares_are_bare() -> None:
    bought, guarded = _bracket("b", 100), _bracket("b", 100, guarded=60)
    assert bare_by_record(bought) == NOON - timedelta(hours=1)
    assert bare_by_record(guarded) is None
    over = guarded.guard.protections[0].changed(status=ProtectionStatus.GONE, closed_at=NOON)
    assert bare_by_record(guarded.with_protection(over)) == NOON
