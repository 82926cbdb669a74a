"""What a look at an order comes to: it is refused, or it waits for something and is looked at again."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from repeg.domain.market.quotes import Quote
from repeg.domain.models import Frozen
from repeg.domain.patience import NO_MARKET_PAUSE_SECONDS
from repeg.domain.reasons import Reason


class Refusal(Frozen):
    """Nothing (more) is sent: the order ends with what it has, or a position is not kept, and why."""

    reason: Reason
    detail: str
    risk_reward: Decimal | None = None
    seen: Quote | None = None
    """The quote at which it was refused."""


class Done(Frozen):
    """An instruction was carried out, and how."""

    detail: str


class WaitingFor(StrEnum):
    """What an order waits for, and how its record says so."""

    # A wait was known by its sentence once: an event that was reworded would have changed what a close does.
    def __new__(cls, value: str, words: str) -> WaitingFor:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    words: str

    OPEN = "open", "waits for the open"
    TOO_LATE = "too_late", "too close to the close"
    TURN = "turn", "waits for its turn"
    MARKET = "market", "waits for quotes that show a market"
    SPREAD = "spread", "waits for the spread to narrow"
    LAST_TRADE = "last_trade", "waits for the position to show the last trade"
    EXPLANATION = "explanation", "waits for what explains the shares that are left"
    SHARES = "shares", "waits for the position to show what was bought"
    PROOF = "proof", "waits for the account to show its position, or who left it"
    OTHERS = "others", "waits for orders that are not ours to be cancelled"
    CLOCK = "clock", "the clock was read anew"
    REQUEST = "request", "waits for a trading request"
    BROKER = "broker", "waits for the broker"
    OPERATOR = "operator", "waits for the operator"
    PRICES = "prices", "waits for prices that agree"
    TRADABLE = "tradable", "waits for symbols that cannot be traded"
    LEGS = "legs", "waits for its legs"
    EXITS = "exits", "waits for exits to be moved"
    ACCOUNT = "account", "waits for the account to show what its legs traded"


class Wait(Frozen):
    """Look again after `seconds` of market time. An order parked until an open lets later ones pass until then."""

    seconds: int
    on: WaitingFor
    words: str | None = None
    """How the record says so, where it has more to say than what is waited for."""
    parked_until: datetime | None = None
    position: Decimal | None = None
    by_brackets: Decimal | None = None
    """Shares that the account showed, and how many of them brackets held, before an exit was found."""
    tell: str = ""
    """The alert that is raised, at once and every 15 minutes, while it is waited for."""

    @property
    def sentence(self) -> str:
        """What the record says when the wait begins."""
        return self.words or self.on.words


def no_market(doubt: str) -> Wait:
    """The wait of an order whose quotes show no market, and why they do not."""
    words = f"{WaitingFor.MARKET.words}: {doubt}"
    return Wait(seconds=NO_MARKET_PAUSE_SECONDS, on=WaitingFor.MARKET, words=words)
