"""Ticks, rounding and quantities. Decimal throughout."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext
from typing import Literal

Side = Literal["buy", "sell"]

BPS = Decimal(10_000)
# Alpaca takes quantities of up to nine decimals (docs.alpaca.markets/docs/fractional-trading).
QTY_STEP = Decimal("0.000000001")
DOLLAR = Decimal(1)
# `quantize` raises where the result has more digits than the context, which are 28 unless said otherwise: a large
# amount at a tiny price has.
EXACT_DIGITS = 60
# Rule 612. Ticks of half a cent are put off until November 2027 (SEC release 34-105656).
TICK = Decimal("0.01")
SUB_DOLLAR_TICK = Decimal("0.0001")


def tick_size(price: Decimal) -> Decimal:
    """Smallest price increment at `price`: one cent from a dollar up, a hundredth of a cent below."""
    return TICK if price >= DOLLAR else SUB_DOLLAR_TICK


# A price between two ticks is refused with a 422, "sub-penny increment" (docs.alpaca.markets/docs/orders-at-alpaca).
def _round(price: Decimal, rounding: str) -> Decimal:
    tick = tick_size(price)
    return (price / tick).to_integral_value(rounding) * tick


def nearest_tick(price: Decimal) -> Decimal:
    """`price` to the nearest tick, halves away from zero."""
    return _round(price, ROUND_HALF_UP)


def round_passive(price: Decimal, side: Side) -> Decimal:
    """`price` to a tick that is no worse for `side`: down for a buy, up for a sell."""
    return _round(price, ROUND_FLOOR if side == "buy" else ROUND_CEILING)


def clamp_to_worst(price: Decimal, worst: Decimal | None, side: Side) -> Decimal:
    """`price`, but never beyond `worst` (None: no cap). Apply after rounding."""
    if worst is None:
        return price
    return min(price, worst) if side == "buy" else max(price, worst)


def beyond(price: Decimal, worst: Decimal | None, side: Side) -> bool:
    """True when `price` is worse for `side` than `worst`."""
    return clamp_to_worst(price, worst, side) != price


def floor_qty(qty: Decimal, fractionable: bool) -> Decimal:
    """`qty` rounded down to what may be ordered: nine decimals if fractionable, else whole shares."""
    # Down: a sell of a hair more than is held is refused, and a buy of a hair more costs more than was asked for.
    with localcontext(prec=EXACT_DIGITS):
        return tidy(qty.quantize(QTY_STEP if fractionable else Decimal(1), ROUND_DOWN))


def too_small(qty: Decimal, price: Decimal) -> bool:
    """True when the broker refuses an order for it: what costs less than a dollar at its price."""
    # A 403 for buys, "cost basis must be >= minimal amount of order 1". Nothing tells whether sells are spared: not
    # counting on it costs a rest of less than a dollar.
    return qty * price < DOLLAR


def tidy(value: Decimal) -> Decimal:
    """`value` with the digits of its plain notation: records keep digits as they are, and alerts show them."""
    return Decimal(plain(value))


def plain(value: Decimal) -> str:
    """`value` in plain notation without trailing zeros: the form of every number in views and on the wire."""
    # As text and exact: the SDK's own request models send floats, in which 0.1 + 0.2 is 0.30000000000000004.
    text = format(value if value else Decimal(0), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def quoted(price: Decimal | None) -> str:
    """`price` as people read it beside others, with two decimals at least; nothing for none."""
    if price is None:
        return ""
    text = plain(price)
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"


def told_apart(value: Decimal, bound: Decimal, places: int = 4) -> str:
    """`value` for people, to so many decimals, or to as many more as show on which side of `bound` it lies."""
    # "10 shares, 10 at most" explains nothing: what was refused for a hair must show the hair.
    with localcontext(prec=2 * EXACT_DIGITS):
        for decimals in range(places, EXACT_DIGITS):
            shown = round(value, decimals)
            if (shown > bound) == (value > bound) and (shown < bound) == (value < bound):
                return plain(shown)
    return plain(value)
