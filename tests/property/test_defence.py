"""The last line of defence over every combination of what its sides may show."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from repeg.domain.market.quotes import Quote
from repeg.domain.models import Side, direction
from repeg.domain.order.bracket import Levels
from repeg.domain.proof.defence import (
    RULES,
    Account,
    Act,
    Facts,
    Guard,
    Market,
    State,
    Tell,
    elapsed,
    guard,
    is_through,
    market,
    verdict,
)
from tests.property.strategies import prices, sides
from tests.support.make import NOON

ALL = [
    Facts(account=account, frozen=frozen, guard=guarded, market=place, free=free)
    for account, frozen, guarded, place, free in product(Account, (True, False), Guard, Market, (True, False))
]


def test_every_combination_has_one_verdict_and_every_rule_a_combination() -> None:
    found = [verdict(facts) for facts in ALL]
    assert len(found) == len(ALL) == 4 * 2 * 3 * 5 * 2
    first = {next(place for place, rule in enumerate(RULES) if rule.fits(facts)) for facts in ALL}
    assert first == set(range(len(RULES)))
    assert {each.state for each in found} == set(State)


def test_nothing_is_sold_unless_the_price_and_the_account_prove_it() -> None:
    for facts in ALL:
        if verdict(facts).act is Act.LEAVE:
            assert facts.market is Market.THROUGH_LONG
            assert facts.account is Account.FITS
            assert facts.free


def test_a_disagreement_never_trades_nor_does_what_is_frozen_until_it_fits() -> None:
    for facts in ALL:
        found = verdict(facts)
        if facts.account is Account.DISAGREES or (facts.frozen and facts.account is not Account.FITS):
            assert (found.state, found.act, found.tell) == (State.DISAGREES, Act.FREEZE, Tell.LASTING)
        else:
            assert found.state is not State.DISAGREES
        if facts.account is Account.DOUBTED:
            assert found.act in (Act.NONE, Act.FREEZE)


def test_who_is_not_free_acts_on_nothing_and_still_tells() -> None:
    for facts in ALL:
        found, free = verdict(facts), verdict(facts.changed(free=True))
        assert (found.state, found.tell) == (free.state, free.tell)
        assert facts.free or found.act in (Act.NONE, Act.FREEZE)


def test_an_entry_that_has_the_turn_keeps_nobody_from_leaving_but_from_protecting() -> None:
    for facts in ALL:
        yields, free = (verdict(facts.changed(**how)) for how in ({"yields": True}, {"free": True}))
        assert yields.act == (free.act if facts.free or free.act is not Act.PROTECT else Act.NONE)


def test_what_asks_for_an_act_is_told_and_what_lasts_is_told_again() -> None:
    for facts in ALL:
        found = verdict(facts)
        assert (found.tell is Tell.NO) == (found.state is State.COVERED)
        if facts.guard is Guard.BARE_LONG or facts.market is Market.THROUGH_LONG:
            assert found.tell is Tell.LASTING


def test_shares_without_protection_are_protected_wherever_nothing_worse_is_known() -> None:
    for facts in ALL:
        calm = facts.market is not Market.THROUGH_LONG and facts.account in (Account.FITS, Account.UNSEEN)
        if calm and facts.free and not facts.frozen and facts.guard is not Guard.WHOLE:
            assert verdict(facts).act is Act.PROTECT


moments = st.one_of(st.none(), st.integers(-600, 600).map(lambda seconds: NOON + timedelta(seconds=seconds)))


@given(moments, st.integers(0, 600), st.booleans(), st.sampled_from([True, False, None]))
def test_only_time_of_an_open_session_counts(
    since: datetime | None, open_for: int, is_open: bool, through: bool | None
) -> None:
    opened_at = NOON - timedelta(seconds=open_for) if is_open else None
    lasted = elapsed(since, NOON, opened_at)
    if market(through, lasted, is_open) is Market.THROUGH_LONG:
        assert is_open and through and since and open_for >= 30 and (NOON - since).total_seconds() >= 30
    if guard(True, lasted, is_open) is Guard.BARE_LONG:
        assert is_open and since and open_for > 60 and (NOON - since).total_seconds() > 60


@given(sides, prices(), prices(), prices())
def test_a_stop_is_passed_only_by_the_price_that_one_would_get(
    side: Side, stop: Decimal, one: Decimal, other: Decimal
) -> None:
    bid, ask = min(one, other), max(one, other)
    quote = Quote(symbol="TQQQ", bid=bid, ask=ask, bid_size=Decimal(1), ask_size=Decimal(1), at=NOON)
    passed = is_through(Levels(stop=stop, target=stop), side, quote)
    got = bid if side == "buy" else ask
    if passed:
        assert (stop - got) * direction(side) > 0
        assert ask - bid <= quote.mid / 50 or (stop - (ask if side == "buy" else bid)) * direction(side) > 0
    elif bid == ask:
        assert (stop - got) * direction(side) <= 0
