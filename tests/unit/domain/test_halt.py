"""The kill switch: which words stop which orders."""

from __future__ import annotations

import pytest

from repeg.domain.halt import UNREADABLE, Halt, Mode, Scope, halt_of, refusal
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


def test_a_word_says_what_holds_and_why() -> None:
    halt = Halt(scope=Scope.SYMBOL, of="TQQQ", mode=Mode.HALTED, reason="odd prints")
    assert halt.sentence == "symbol TQQQ is halted: only exits are sent (odd prints)"
