"""The last line of defence: for each position that a bracket holds, account, record, orders and market side by side.

`verdict` is a table: the first rule that fits says where the position stands, the one act that follows, and whether
the operator is alerted. What each side shows is reduced to a few words first (`Facts`), so that every combination can
be looked through. The table is printed into docs/last-line-of-defence.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from repeg.domain.market.quotes import Quote
from repeg.domain.models import Frozen, Side, direction, opposite
from repeg.domain.money import BPS
from repeg.domain.order.bracket import Levels
from repeg.domain.patience import BARE_TOLD_AFTER, THROUGH_FOR

# Far beyond any market seen: of a million recorded quotes the widest was 47 bps.
WIDE_BPS = Decimal(200)
"""In a market wider than this only both sides beyond the stop prove that it was passed."""


class Account(StrEnum):
    """The account beside the record."""

    FITS = "fits"
    """It shows the shares, or what is missing was explained and booked."""
    UNSEEN = "unseen"
    """It could not be read, its answers contradict each other, or an exit of the symbol is under way."""
    DOUBTED = "doubted"
    """It does not fit, seen for the first time: looked at again before anything is concluded."""
    DISAGREES = "disagrees"
    """It does not fit, look after look, and nothing explains it."""


class Guard(StrEnum):
    """The protective orders, by what the broker lists (if it lists nothing: by the record)."""

    WHOLE = "every whole share"
    BARE = "not all, for at most 60 s"
    BARE_LONG = "not all, for more than 60 s of session"


class Market(StrEnum):
    """The market against the stop."""

    CLOSED = "closed"
    UNSEEN = "no quote to go by"
    INSIDE = "not through"
    THROUGH = "through for less than 30 s"
    THROUGH_LONG = "through for 30 s of session"


class State(StrEnum):
    """Where a position stands."""

    COVERED = "covered"
    BARE = "bare"
    PAST_STOP = "past its stop"
    DISAGREES = "disagrees"


class Act(StrEnum):
    """The one thing that is done about it. All but `NONE` need the symbol's turn."""

    NONE = "nothing"
    PROTECT = "protect"
    LEAVE = "leave"
    FREEZE = "freeze"


class Tell(StrEnum):
    """How often the operator is alerted."""

    NO = "no"
    ONCE = "once"
    LASTING = "at once and every 15 minutes"


class Facts(Frozen):
    """What is known of a position, one word a side. `free`: nobody else works on the symbol.

    `yields`: somebody does, and would give way to a position that must be exited.
    """

    account: Account
    frozen: bool
    guard: Guard
    market: Market
    free: bool
    yields: bool = False


class Verdict(Frozen):
    """Where a position stands, what is done and whether the operator is alerted."""

    state: State
    act: Act
    tell: Tell


class Rule(NamedTuple):
    """Applies when each side is among those named; an empty set names them all."""

    account: frozenset[Account]
    frozen: bool | None
    guard: frozenset[Guard]
    market: frozenset[Market]
    verdict: Verdict
    why: str

    def fits(self, facts: Facts) -> bool:
        """True when the rule speaks of these facts."""
        return (
            (not self.account or facts.account in self.account)
            and self.frozen in (None, facts.frozen)
            and (not self.guard or facts.guard in self.guard)
            and (not self.market or facts.market in self.market)
        )


def _rule(
    state: State,
    act: Act,
    tell: Tell,
    why: str,
    *,
    account: tuple[Account, ...] = (),
    frozen: bool | None = None,
    guard: tuple[Guard, ...] = (),
    market: tuple[Market, ...] = (),
) -> Rule:
    verdict = Verdict(state=state, act=act, tell=tell)
    return Rule(frozenset(account), frozen, frozenset(guard), frozenset(market), verdict, why)


RULES = (
    # Before all others: whatever the market does, shares that the account may not hold are not sold. It would be a
    # second sale, and open a short position.
    _rule(
        State.DISAGREES,
        Act.FREEZE,
        Tell.LASTING,
        "nothing is traded until they agree or an operator decides",
        account=(Account.DISAGREES,),
    ),
    # An account that cannot be read says nothing: no answer must not end what was found to disagree.
    _rule(
        State.DISAGREES,
        Act.FREEZE,
        Tell.LASTING,
        "only an account that fits again ends it by itself",
        account=(Account.UNSEEN, Account.DOUBTED),
        frozen=True,
    ),
    # Before bare: a stop that the market has passed is refused, and meanwhile the loss grows.
    _rule(
        State.PAST_STOP,
        Act.LEAVE,
        Tell.LASTING,
        "whatever its orders say, the stop does not work",
        account=(Account.FITS,),
        market=(Market.THROUGH_LONG,),
    ),
    # Before bare, too: without the account's word nothing is sold, but the operator hears that the stop does not work.
    _rule(
        State.PAST_STOP,
        Act.NONE,
        Tell.LASTING,
        "shares that the account does not show are not sold",
        market=(Market.THROUGH_LONG,),
    ),
    # Before protecting: an OCO over shares that have left sells somebody else's, if the account has any.
    _rule(
        State.BARE,
        Act.NONE,
        Tell.LASTING,
        "what is there is found out first",
        account=(Account.DOUBTED,),
        guard=(Guard.BARE_LONG,),
    ),
    _rule(
        State.BARE,
        Act.NONE,
        Tell.ONCE,
        "what is there is found out first",
        account=(Account.DOUBTED,),
        guard=(Guard.BARE,),
    ),
    _rule(
        State.BARE,
        Act.PROTECT,
        Tell.LASTING,
        "tried again and again",
        guard=(Guard.BARE_LONG,),
    ),
    _rule(
        State.BARE,
        Act.PROTECT,
        Tell.ONCE,
        "after 50 s: whoever cancelled it to sell by hand has that long",
        guard=(Guard.BARE,),
    ),
    _rule(State.COVERED, Act.NONE, Tell.NO, ""),
)


def verdict(facts: Facts) -> Verdict:
    """Where the position stands, by the first rule that fits. Who is not free to act still alerts.

    An entry that has the turn keeps nobody from exiting: it is ended.
    """
    found = next(rule.verdict for rule in RULES if rule.fits(facts))
    free = {Act.PROTECT: facts.free, Act.LEAVE: facts.free or facts.yields}
    return found if free.get(found.act, True) else found.changed(act=Act.NONE)


def guard(bare: bool, bare_for: timedelta | None, session_open: bool) -> Guard:
    """The protective orders in a word. Outside the session time without protection does not count."""
    if not bare:
        return Guard.WHOLE
    # Off hours nothing trades, and being bare costs nothing. What cannot be placed then would be alerted all weekend.
    long = session_open and bare_for is not None and bare_for > BARE_TOLD_AFTER
    return Guard.BARE_LONG if long else Guard.BARE


def market(through: bool | None, through_for: timedelta | None, session_open: bool) -> Market:
    """The market in a word; `through` is None when there is no quote to go by."""
    if not session_open:
        return Market.CLOSED
    if through is None:
        return Market.UNSEEN
    if not through:
        return Market.INSIDE
    return Market.THROUGH_LONG if through_for is not None and through_for >= THROUGH_FOR else Market.THROUGH


def is_through(levels: Levels, side: Side, quote: Quote) -> bool:
    """True when the price that one would get for the shares lies beyond the stop.

    One bid far below in a market that is no market proves nothing: in a wide one both sides must lie beyond.
    """
    leaving, sign = opposite(side), direction(side)
    if (levels.stop - quote.touch(leaving)) * sign <= 0:
        return False
    wide = quote.ask - quote.bid > quote.mid * WIDE_BPS / BPS
    return not wide or (levels.stop - quote.touch(side)) * sign > 0


def elapsed(since: datetime | None, now: datetime, opened_at: datetime | None) -> timedelta | None:
    """Time since then, as far as it lies in this session; None when not noted (or the clock was set back)."""
    if since is None or since > now:
        return None
    # Friday's last look would else make a stop "passed for long" in the first second of Monday.
    return now - (max(since, opened_at) if opened_at else since)
