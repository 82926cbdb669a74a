"""Which refusals are tried again, how often, and which are believed at once."""

from __future__ import annotations

from itertools import takewhile

import pytest

from repeg.domain.reasons import Reason
from repeg.domain.rules.refusals import Denial, Doubt, Sort, try_again_in

MOVED = frozenset({Doubt.MOVED})


def _waits(reason: Reason, of: Sort, doubts: frozenset[Doubt] = frozenset(), limit: int = 20) -> list[int]:
    """Seconds before each further try, until the refusal is believed (or `limit` tries)."""
    waits = (try_again_in(Denial(reason=reason, of=of, times=n, doubts=doubts)) for n in range(1, limit + 1))
    return [wait for wait in takewhile(lambda wait: wait is not None, waits) if wait is not None]


@pytest.mark.parametrize("of", [Sort.EXIT, Sort.SELL])
@pytest.mark.parametrize("reason", [Reason.HELD_BY_PROTECTION, Reason.NO_POSITION, Reason.OPPOSITE_POSITION])
def test_what_leaves_a_position_is_sized_anew_three_times(of: Sort, reason: Reason) -> None:
    assert _waits(reason, of) == [1, 1, 1]


def test_an_entry_is_refused_for_shares_or_money_at_once_unless_a_rung_of_its_own_just_ended() -> None:
    for reason in (Reason.OPPOSITE_POSITION, Reason.INSUFFICIENT_BUYING_POWER):
        assert _waits(reason, Sort.ENTRY) == []
        assert len(_waits(reason, Sort.ENTRY, MOVED)) >= 3


def test_an_exit_never_believes_a_wash_trade_and_an_entry_does() -> None:
    assert len(_waits(Reason.WASH_TRADE, Sort.EXIT, limit=200)) == 200
    assert _waits(Reason.WASH_TRADE, Sort.ENTRY, MOVED) == []


def test_protection_waits_for_a_fill_to_show() -> None:
    assert _waits(Reason.HELD_BY_PROTECTION, Sort.PROTECTION) == [1, 1, 1]


@pytest.mark.parametrize("of", [Sort.ENTRY, Sort.SELL, Sort.PROTECTION])
def test_a_broken_rule_of_the_broker_is_believed(of: Sort) -> None:
    assert _waits(Reason.NOT_TRADABLE, of, frozenset(Doubt)) == []


@pytest.mark.parametrize("reason", [Reason.NOT_TRADABLE, Reason.BROKER_REJECTED])
def test_an_exit_does_not_end_by_one_refusal(reason: Reason) -> None:
    """What it sells was bought there: one false 404 would leave the shares of a close where they are."""
    assert _waits(reason, Sort.EXIT) == [1, 1, 1]
