"""Ladders: every way of executing is a list of rungs, and a rung is a price rule with a patience.

By the default settings a buy of TQQQ (a leveraged ETF: `better_orders`) is a limit a tick over the ask for 2.5 s,
pegged anew twice for 2.5 s each, then a market order for 5 s; one of AAPL (a stock: `standard`) is three to six
limits from the mid to the ask, 5 s each, then a market order for 5 s. No limit lies beyond the cap, and where the
touch does, or shows too few shares, a limit at the worst price stands in for the market order
(`domain/ladder/pricing.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Literal, NamedTuple

from repeg.domain.market.quotes import Quote
from repeg.domain.models import Frozen
from repeg.domain.money import tick_size
from repeg.domain.patience import MARKET_PATIENCE, STANDARD_PATIENCE
from repeg.domain.settings import Settings

# Each step costs 5 s and up to four of the 200 trading requests that the account has a minute: a wide spread is not
# walked tick by tick.
STANDARD_STEPS_MIN, STANDARD_STEPS_MAX = 2, 5


class PriceRule(StrEnum):
    """How a rung is priced, from a fresh quote."""

    MARKETABLE = "marketable"
    """One tick through the far touch."""
    MID_TO_TOUCH = "mid_to_touch"
    """Mid plus `fraction` of the half-spread."""
    SIGNAL_LIMIT = "signal_limit"
    """A limit that was fixed beforehand, from the signal's price."""
    MARKET = "market"


class Rung(Frozen):
    """One step of a ladder. `patience` is seconds of market time."""

    rule: PriceRule
    patience: Decimal
    fraction: Decimal = Decimal(0)
    limit_price: Decimal | None = None


Ladder = tuple[Rung, ...]


class LadderName(StrEnum):
    """The ladders there are; what each is stands in `LADDERS`."""

    BETTER_ORDERS = "better_orders"
    STANDARD = "standard"
    MARKET = "market"
    SMART_LIMIT = "smart_limit"
    UNWIND = "unwind"


SignalLadder = Literal[LadderName.BETTER_ORDERS, LadderName.STANDARD, LadderName.MARKET]
"""Those that a signal may ask for: the others belong to brackets and exits."""


class Building(NamedTuple):
    """What a ladder is built from: `limit` is the price that was fixed beforehand, for ladders that have one."""

    settings: Settings
    quote: Quote
    limit: Decimal | None


class _Way(NamedTuple):
    rungs: Callable[[Building], Ladder]
    first_patience: Callable[[Settings], Decimal]


_MARKET = Rung(rule=PriceRule.MARKET, patience=MARKET_PATIENCE)


def _marketable(on: Building) -> Ladder:
    """Limits through the far touch, pegged anew each time, then the market."""
    rung = Rung(rule=PriceRule.MARKETABLE, patience=on.settings.aggressive_timeout_seconds)
    return (rung,) * (1 + on.settings.max_repegs) + (_MARKET,)


def _mid_to_touch(on: Building) -> Ladder:
    """From the mid to the touch in steps that follow the spread, then the market."""
    steps = standard_steps(on.quote)
    fractions = (Decimal(k) / steps for k in range(steps + 1))
    limits = (Rung(rule=PriceRule.MID_TO_TOUCH, patience=STANDARD_PATIENCE, fraction=part) for part in fractions)
    return (*limits, _MARKET)


def _one_limit(on: Building) -> Ladder:
    """One limit near the signal's price; when its time is up, the ladder is over."""
    patience = on.settings.SMART_EXECUTOR_FILL_TIMEOUT
    return (Rung(rule=PriceRule.SIGNAL_LIMIT, patience=patience, limit_price=on.limit),)


LADDERS: Mapping[LadderName, _Way] = {
    LadderName.BETTER_ORDERS: _Way(_marketable, lambda settings: settings.aggressive_timeout_seconds),
    # The same rungs: that an exit has no cap and must complete is said by the order, not by its ladder.
    LadderName.UNWIND: _Way(_marketable, lambda settings: settings.aggressive_timeout_seconds),
    LadderName.STANDARD: _Way(_mid_to_touch, lambda _: STANDARD_PATIENCE),
    LadderName.SMART_LIMIT: _Way(_one_limit, lambda settings: settings.SMART_EXECUTOR_FILL_TIMEOUT),
    LadderName.MARKET: _Way(lambda _: (_MARKET,), lambda _: MARKET_PATIENCE),
}


def build_ladder(name: LadderName, settings: Settings, quote: Quote | None, limit: Decimal | None = None) -> Ladder:
    """The rungs of a ladder, fixed for the order's life. `quote` is the arrival quote, `limit` a price fixed before.

    Without a quote there is nothing to price a limit from, and only the market rung remains.
    """
    # Only an exit comes here without a quote: what would open a position is refused before.
    return LADDERS[name].rungs(Building(settings, quote, limit)) if quote else (_MARKET,)


def first_patience(name: LadderName, settings: Settings) -> Decimal:
    """Seconds that the first rung of a ladder takes, known before there is a quote."""
    return LADDERS[name].first_patience(settings)


def standard_steps(quote: Quote) -> int:
    """Number of steps from mid to touch: the half-spread in whole ticks, between 2 and 5."""
    ticks = int((quote.half_spread / tick_size(quote.bid)).to_integral_value(ROUND_DOWN))
    return max(STANDARD_STEPS_MIN, min(STANDARD_STEPS_MAX, ticks))
