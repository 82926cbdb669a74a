"""Ladders: every way of executing is a list of rungs, and a rung is a price rule with a patience."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from repeg.domain.models import Frozen
from repeg.domain.money import tick_size
from repeg.domain.patience import MARKET_PATIENCE, STANDARD_PATIENCE
from repeg.domain.quotes import Quote
from repeg.domain.settings import Settings

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

_MARKET = Rung(rule=PriceRule.MARKET, patience=MARKET_PATIENCE)


def build_ladder(name: str, settings: Settings, quote: Quote | None) -> Ladder:
    """The rungs of ladder `name`, fixed for the order's life.

    `quote` is the arrival quote; only `standard` looks at it (its number of steps follows the spread). Without a
    quote there is nothing to price a limit from, and only the market rung remains.

    Raises:
        ValueError: there is no ladder of that name.
    """
    if name == "market" or quote is None:
        return (_MARKET,)
    if name in ("better_orders", "unwind"):
        marketable = Rung(rule=PriceRule.MARKETABLE, patience=settings.aggressive_timeout_seconds)
        return (marketable,) * (1 + settings.max_repegs) + (_MARKET,)
    if name == "standard":
        return (*_mid_to_touch(standard_steps(quote)), _MARKET)
    raise ValueError(f"no ladder is called {name!r}")


def smart_limit(limit_price: Decimal, settings: Settings) -> Ladder:
    """One limit near the signal's price; when its time is up, the ladder is over."""
    patience = settings.SMART_EXECUTOR_FILL_TIMEOUT
    return (Rung(rule=PriceRule.SIGNAL_LIMIT, patience=patience, limit_price=limit_price),)


def first_patience(name: str, settings: Settings) -> Decimal:
    """Seconds that the first rung of a ladder takes, known before there is a quote."""
    if name == "market":
        return MARKET_PATIENCE
    if name == "smart_limit":
        return settings.SMART_EXECUTOR_FILL_TIMEOUT
    return STANDARD_PATIENCE if name == "standard" else settings.aggressive_timeout_seconds


def standard_steps(quote: Quote) -> int:
    """Number of steps from mid to touch: the half-spread in whole ticks, between 2 and 5."""
    ticks = int((quote.half_spread / tick_size(quote.bid)).to_integral_value(ROUND_DOWN))
    return max(STANDARD_STEPS_MIN, min(STANDARD_STEPS_MAX, ticks))


def _mid_to_touch(steps: int) -> Ladder:
    return tuple(
        Rung(rule=PriceRule.MID_TO_TOUCH, patience=STANDARD_PATIENCE, fraction=Decimal(k) / steps)
        for k in range(steps + 1)
    )
