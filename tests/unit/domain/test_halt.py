"""The kill switch: which words stop which orders."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from repeg.domain.halt import UNREADABLE, Halt, Mode, Scope, halt_of, refusal, taken_back
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason
from tests.support.make import order

HALTED, REDUCING, ACTIVE = (Halt(mode=mode) for mode in (Mode.HALTED, Mode.REDUCING, Mode.ACTIVE))


def reason(halts: list[Halt], of: Order) -> Reason | None:
    halt = halt_of(halts, of)
    return refusal(halt).reason if halt else None


@pytest.mark.parametrize("halt", [HALTED, REDUCING, UNREADABLE])
@pytest.mark.parametrize("kind", ["close", "unwind"])
def test_nothing_stops_an_exit(halt: Halt, kind: str) -> None:
    assert halt_of([halt], order(kind=kind, side="sell")) is None


def test_what_reduces_a_position_is_sent_while_only_that_is() -> None:
    assert reason([REDUCING], order(side="sell")) is None
    assert reason([REDUCING], order(side="buy")) is Reason.REDUCING_ONLY
    assert reason([HALTED], order(side="sell")) is Reason.HALTED


def test_the_strictest_word_that_concerns_an_order_counts() -> None:
    symbol = Halt(scope=Scope.SYMBOL, of="TQQQ", mode=Mode.HALTED)
    assert reason([REDUCING, symbol], order(side="sell", symbol="TQQQ")) is Reason.HALTED
    assert reason([REDUCING, symbol], order(side="sell", symbol="AAPL")) is None
    assert reason([ACTIVE, symbol], order(symbol="AAPL")) is None


def test_a_strategy_is_stopped_by_its_name_and_orders_without_one_are_not() -> None:
    pairs = Halt(scope=Scope.STRATEGY, of="pairs", mode=Mode.HALTED)
    assert reason([pairs], order(strategy="pairs")) is Reason.HALTED
    assert [reason([pairs], order(strategy=name)) for name in (None, "pair", "")] == [None, None, None]


@pytest.mark.parametrize(("halted", "of_order"), [("pairs", "pairs "), (" pairs", "pairs")])
def test_a_blank_that_nobody_sees_makes_no_other_strategy(halted: str, of_order: str) -> None:
    word = Halt(scope=Scope.STRATEGY, of=halted, mode=Mode.HALTED)
    assert reason([word], order(strategy=of_order)) is Reason.HALTED
    assert word.is_about(Scope.STRATEGY, of_order)
    assert not word.is_about(Scope.SYMBOL, of_order)


def test_a_cancel_stops_its_order_and_the_legs_of_its_rebalance_and_says_so_beside_a_halt() -> None:
    since = datetime(2026, 11, 20, 15, tzinfo=UTC)
    mine, legs = taken_back("ord-1", "c", since), taken_back("reb-1", "c", since)
    assert reason([HALTED, mine], order(order_id="ord-1")) is Reason.CANCELLED
    assert reason([mine], order(order_id="ord-2")) is None
    assert reason([legs], order(order_id="ord-3", rebalance_id="reb-1")) is Reason.CANCELLED
    assert reason([mine], order(order_id="ord-1", kind="close", side="sell")) is None, "exits read no word"
    assert mine.sentence == "it is taken back (by c)"


def test_a_word_says_what_holds_and_why() -> None:
    halt = Halt(scope=Scope.SYMBOL, of="TQQQ", mode=Mode.HALTED, reason="odd prints")
    assert halt.sentence == "symbol TQQQ is halted: only exits are sent (odd prints)"
