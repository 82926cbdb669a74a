"""Price increments, and the limits that the broker puts on stops by itself."""

from __future__ import annotations

from decimal import Decimal

# SEC rule 612. Its half-penny steps are put off to November 2027.
_TICK = Decimal("0.01")
_FINE_TICK = Decimal("0.0001")
# docs.alpaca.markets/docs/orders-at-alpaca: a buy stop becomes a stop limit.
_CHEAP = Decimal(50)
_CHEAP_COLLAR = Decimal("1.04")
_COLLAR = Decimal("1.025")


def tick_of(price: Decimal) -> Decimal:
    """Minimum price increment: one cent from a dollar up, a hundredth of a cent below."""
    return _TICK if price >= 1 else _FINE_TICK


def on_tick(price: Decimal) -> Decimal:
    """The price rounded to its increment."""
    return price.quantize(tick_of(price))


def buy_stop_limit(stop_price: Decimal) -> Decimal:
    """The most that an elected buy stop pays: 4 % over a stop below $50, else 2.5 %."""
    return on_tick(stop_price * (_CHEAP_COLLAR if stop_price < _CHEAP else _COLLAR))


def plain(value: Decimal | None) -> str | None:
    """A decimal as a string without exponent, trailing zeros or a signed zero."""
    if not value:
        return None if value is None else "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
