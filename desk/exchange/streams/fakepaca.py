"""Alpaca's test stream: one share that nobody can trade, quoted and sold every five seconds, day and night.

The share, the pace and the range of its prices are those of docs.alpaca.markets/docs/streaming-market-data.
"""

from __future__ import annotations

from decimal import Decimal

from desk.exchange.market.model import Bar, Quote, Trade
from desk.exchange.market.moments import MINUTE, SECOND
from desk.exchange.venue.history import bar_of

FEED = "test"
CHANNELS = ("trades", "quotes", "bars")
SYMBOL = "FAKEPACA"
BEAT = 5 * SECOND

_LOWEST, _RANGE = Decimal("132.12"), 388
# Prime to the range, so that the prices jump about and come back only after all others.
_JUMP = 149
_SPREAD = Decimal("0.96")


def trade(at: int) -> Trade:
    """The sale at an instant that is a whole beat."""
    price = _LOWEST + Decimal(at // BEAT * _JUMP % _RANGE) / 100
    return Trade(price, Decimal(3), at)


def quote(at: int) -> Quote:
    """The touch at an instant that is a whole beat."""
    price = trade(at).price
    return Quote(price - _SPREAD, price + _SPREAD, Decimal(400), Decimal(500), at)


def bar(start: int) -> Bar:
    """The minute that begins at the instant."""
    return bar_of(start, [trade(start + beat) for beat in range(0, MINUTE, BEAT)])
