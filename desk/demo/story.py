"""What a story is: a market, a signal, what happens to the market meanwhile, and how it must end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
Fill = tuple[str, str]
Exit = tuple[str, str, str]
"""(reason, quantity, price)."""
MARKET = "market"


@dataclass(frozen=True)
class Touch:
    """A quote in dollars and shares."""

    bid: str
    ask: str
    size: int = 1_000

    @property
    def fields(self) -> dict[str, Any]:
        """As the exchange's control port takes it."""
        return {"bid": self.bid, "ask": self.ask, "bid_size": self.size, "ask_size": self.size}


@dataclass(frozen=True)
class Expected:
    """How a story ends. `limits` are the child orders' limit prices in order, "market" for a market order."""

    status: str
    reason: str | None = None
    reason_when_slow: str | None = None
    """As right: what a machine that is busy comes to, which sees the market only once it has moved on."""
    ladder: str | None = None
    limits: tuple[str, ...] = ()
    fills: tuple[Fill, ...] = ()
    """(quantity, price) of every execution, in order."""
    repegs: int = 0
    market_fallback: bool = False
    first_sent_from: str | None = None
    """RFC 3339: nothing may be sent earlier."""
    stop: str | None = None
    target: str | None = None
    risk_reward: str | None = None
    """To two decimals, at the price that was paid, or that would have been."""
    protected: bool | None = None
    leaves: Exit | None = None
    """How the shares left again; the story is not over before."""


@dataclass(frozen=True)
class Story:
    """One signal and the market around it."""

    title: str
    signal: Event
    expected: Expected
    quote: Touch | None = None
    script: tuple[Event, ...] = ()
    holder: str | None = None
    """The story whose shares leave by this one, by its signal; None: its own."""

    @property
    def signal_id(self) -> str:
        return str(self.signal["signal_id"])

    @property
    def symbol(self) -> str:
        return str(self.signal["symbol"])


@dataclass(frozen=True)
class Act:
    """Stories that are played together, from one market time on."""

    title: str
    starts_at: str
    stories: tuple[Story, ...]
    overrides: dict[str, Any] = field(default_factory=dict)
    """Settings in force while it is played."""
    announces: dict[str, Any] = field(default_factory=dict)
    """Settings of the act after it, changed at its beginning: it does not depend on them, and nobody waits for them."""


@dataclass(frozen=True)
class Part:
    """Acts that show one way of executing."""

    title: str
    acts: tuple[Act, ...]

    @property
    def stories(self) -> list[Story]:
        return [story for act in self.acts for story in act.stories]


def when_live(symbol: str, nth: int, touch: Touch) -> Event:
    """The quote changes the moment our `nth` child order is live, before it can trade."""
    return moves({"symbol": symbol, "event": "new", "nth": nth}, touch)


def moves(trigger: dict[str, Any], touch: Touch, after: float = 0) -> Event:
    """The quote of the trigger's symbol changes, `after` seconds of market time after it."""
    return {"on": trigger, "after": after, "symbol": trigger["symbol"], **touch.fields}
