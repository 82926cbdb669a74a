"""Adjusts, pure: where exits may go, and that what was is never lost before what is to be stands."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repeg.domain.order.bracket import Bracket, Levels
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.protection import Protection, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.proof.agreement import exits_moved, exits_put_back, exits_stand, last_move
from repeg.domain.reasons import Reason, Status
from repeg.domain.rules.bracket_entry import exits_moved_ahead
from repeg.domain.rules.bracket_exit import levels_of
from repeg.domain.rules.moving import is_there, misplaced, passed, wanted_levels
from repeg.domain.signals.parsing import AdjustSignal, parse_signal
from repeg.errors import SignalInvalid
from tests.support.make import NOON, child, order, quote

OLD = Levels(stop=Decimal(45), target=Decimal(60))
SHORT_OLD = Levels(stop=Decimal(60), target=Decimal(45))


def held(side: Any = "buy", levels: Levels = OLD, **fields: Any) -> Order:
    asked = Bracket(
        side=side, signal_price=Decimal(50), stop_loss=levels.stop, take_profit=levels.target, anchor="signal"
    )
    oco = Protection(
        client_order_id="ord-1-p1",
        broker_order_id="oco-1",
        qty=Decimal(100),
        levels=levels,
        status=ProtectionStatus.LIVE,
        placed_at=NOON,
    )
    filled = child(status=ChildStatus.FILLED, filled_qty=Decimal(100), avg_fill_price=Decimal(50))
    known = {"kind": "bracket", "side": side, "bracket": asked, "children": (filled,), "status": Status.FILLED}
    return order(**(known | {"protections": (oco,)} | fields))


def adjust(stop: str | None = None, target: str | None = None, force: bool = False) -> Order:
    levels = {
        "guard_stop_loss": Decimal(stop) if stop else None,
        "guard_take_profit": Decimal(target) if target else None,
    }
    return order(order_id="ord-2", signal_id="m", kind="adjust", side=None, force=force, **levels)


# --- the signal ---


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, "stop_loss: is missing; give it, take_profit, or both"),
        ({"stop_loss": "10.005"}, "stop_loss: must be a price in whole ticks of 0.01"),
        ({"take_profit": "0.12345"}, "take_profit: must be a price in whole ticks of 0.0001"),
        ({"stop_loss": "-1"}, "stop_loss: must be greater than 0"),
        ({"stop_loss": "1", "symbol": "TQQQ"}, "symbol: is not a field of this kind of signal; remove it"),
        ({"stop_loss": "1", "force": "yes"}, "force: must be a valid boolean"),
        ({"stop_loss": "1", "adjust_signal_id": "a b"}, "adjust_signal_id: must be 1 to 64 of A-Z a-z 0-9 _ -"),
    ],
)
def test_an_adjust_that_says_nothing_or_no_price_is_refused_by_its_field(changes: dict[str, Any], refusal: str) -> None:
    body = {"signal_id": "m", "kind": "adjust", "adjust_signal_id": "a"} | changes
    with pytest.raises(SignalInvalid) as caught:
        parse_signal(body)
    assert str(caught.value) == refusal


def test_an_adjust_is_sent_in_a_group_of_its_own() -> None:
    body = {"signal_id": "m", "kind": "adjust", "adjust_signal_id": "a", "stop_loss": "0.0125"}
    signal = parse_signal(body)
    assert isinstance(signal, AdjustSignal)
    assert (signal.group, signal.about, signal.stop_loss, signal.force) == ("m", "a", Decimal("0.0125"), False)


# --- where they may go ---


@pytest.mark.parametrize(
    ("side", "levels", "stop", "target", "words"),
    [
        ("buy", OLD, "60", None, "stop_loss: must lie at least a cent below the target, 60.00"),
        ("buy", OLD, None, "45", "take_profit: must lie at least a cent above the stop, 45.00"),
        ("buy", OLD, "59.99", None, None),
        ("buy", OLD, "55", "54", "stop_loss: must lie at least a cent below the target, 54.00"),
        ("sell", SHORT_OLD, "45", None, "stop_loss: must lie at least a cent above the target, 45.00"),
        ("sell", SHORT_OLD, None, "60", "take_profit: must lie at least a cent below the stop, 60.00"),
        ("sell", SHORT_OLD, "45.01", None, None),
    ],
)
def test_a_stop_lies_on_its_side_of_the_target_and_nowhere_else(
    side: Any, levels: Levels, stop: str | None, target: str | None, words: str | None
) -> None:
    problem = misplaced(held(side, levels), adjust(stop, target))
    assert (problem and problem.detail) == words
    assert problem is None or problem.reason is Reason.INVALID_SIGNAL


@pytest.mark.parametrize(
    ("side", "levels", "stop", "target", "reason"),
    [
        ("buy", OLD, "50.95", None, Reason.STOP_THROUGH),
        ("buy", OLD, "50.94", None, None),
        ("buy", OLD, None, "50.95", Reason.TARGET_THROUGH),
        ("buy", OLD, None, "50.96", None),
        ("sell", SHORT_OLD, "50.98", None, Reason.STOP_THROUGH),
        ("sell", SHORT_OLD, "50.99", None, None),
        ("sell", SHORT_OLD, None, "50.98", Reason.TARGET_THROUGH),
        ("sell", SHORT_OLD, None, "50.97", None),
    ],
)
def test_a_level_is_passed_at_the_touch_at_which_the_shares_would_be_sold(
    side: Any, levels: Levels, stop: str | None, target: str | None, reason: Reason | None
) -> None:
    """The market is 50.95 at 50.98."""
    problem = passed(held(side, levels), adjust(stop, target), quote())
    assert (problem and problem.reason) == reason


@pytest.mark.parametrize(
    ("status", "exited"),
    [(Status.FILLED, "the position is exited now"), (Status.WORKING, "what it buys is exited at once")],
)
def test_what_force_would_do_is_told_of_shares_that_are_held_or_yet_to_be_bought(status: Status, exited: str) -> None:
    problem = passed(held(status=status), adjust(stop="51.5"), quote("51", "51.02"))
    assert problem and problem.detail == f"the market, 51.00, is through the stop at 51.50; with force {exited}"


def test_only_the_target_is_named_and_the_standing_stop_is_passed() -> None:
    """Taken down, it could not be put back: it is selling."""
    problem = passed(held(levels=Levels(stop=Decimal(51), target=Decimal(60))), adjust(target="70"), quote())
    assert problem and problem.reason is Reason.STOP_THROUGH


def test_before_the_entry_levels_are_kept_beside_the_signals_own() -> None:
    waiting = held(children=(), protections=(), status=Status.WAITING)
    moved = exits_moved_ahead(waiting, Decimal("49.50"), None)
    assert is_there(moved, adjust("49.50"))
    bracket = moved.terms.bracket
    assert bracket and bracket.levels_at(Decimal(51)) == Levels(stop=Decimal("49.50"), target=Decimal(60))
    assert bracket.stop_loss == 45, "what the reward is judged by"
    again = exits_moved_ahead(moved, None, Decimal(70))
    assert wanted_levels(again, adjust()) == Levels(stop=Decimal("49.50"), target=Decimal(70))


def test_an_entry_is_stopped_out_by_the_moved_stop_and_judged_by_its_own() -> None:
    """A stop that was lowered makes the risk larger, and no entry refused."""
    asked = held(children=(), protections=()).terms.bracket
    assert asked
    near = asked.changed(min_rr=Decimal(2), moved_stop=Decimal("50.95"))
    problem = near.stop_problem(quote(), Decimal("50.98"))
    assert problem and problem.reason is Reason.STOP_THROUGH
    far = asked.changed(min_rr=Decimal(2), moved_stop=Decimal(10))
    assert far.fill_problem(Decimal(44)) is None, "through the old stop, not through the new one"
    assert far.fill_problem(Decimal(50)) is None, "R/R by the signal's own levels"


# --- what was, and what is to be ---

NEW = Levels(stop=Decimal(48), target=Decimal(58))


def test_the_old_levels_are_kept_until_the_new_ones_stand() -> None:
    moved = exits_moved(held(), NEW, adjust("48", "58"), NOON)
    assert levels_of(moved) == NEW
    assert [oco.client_order_id for oco in moved.outdated_protections] == ["ord-1-p1"], "though placed at the same time"
    assert moved.care.due_at == NOON, "the sweep does not wait with it"
    back = exits_put_back(moved, Reason.BROKER_REJECTED, NOON)
    assert back and levels_of(back) == OLD
    assert exits_put_back(back, Reason.BROKER_REJECTED, NOON) is None, "there is nothing further back"
    assert exits_put_back(exits_stand(moved), Reason.BROKER_REJECTED, NOON) is None


@pytest.mark.parametrize(
    ("reason", "force", "goes_back"),
    [
        (Reason.STOP_THROUGH, False, True),
        (Reason.STOP_THROUGH, True, False),
        (Reason.BROKER_REJECTED, True, True),
        (Reason.HELD_BY_PROTECTION, False, False),
        (Reason.NO_POSITION, False, False),
        (Reason.BROKER_UNAVAILABLE, False, False),
    ],
)
def test_what_says_nothing_of_the_levels_brings_none_back(reason: Reason, force: bool, goes_back: bool) -> None:
    moved = exits_moved(held(), NEW, adjust("48", "58", force), NOON)
    assert (exits_put_back(moved, reason, NOON) is not None) is goes_back


@given(st.lists(st.tuples(st.integers(4000, 4999), st.sampled_from(("stands", "refused", "open"))), max_size=6))
def test_however_often_they_are_moved_there_is_one_move_on_record_and_the_way_back_is_to_what_stood(
    words: list[tuple[int, str]],
) -> None:
    now, stood = held(), OLD
    for number, (cents, fate) in enumerate(words):
        levels = Levels(stop=Decimal(cents) / 100, target=OLD.target)
        now = exits_moved(now, levels, adjust(str(levels.stop)), NOON + timedelta(seconds=number))
        assert levels_of(now) == levels
        if fate == "stands":
            now, stood = exits_stand(now), levels
        if fate == "refused":
            back = exits_put_back(now, Reason.BROKER_REJECTED, NOON)
            assert back
            now = back
            assert levels_of(now) == stood
        assert len(now.care.adjustments) == 1
        assert last_move(now)
    assert now.unexited_qty == 100
