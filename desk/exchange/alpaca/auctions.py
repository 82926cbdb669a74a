"""The opening and closing auctions of days: the first and the last trade of the regular session."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from desk.exchange.alpaca.views import trade_json
from desk.exchange.market.model import Trade
from desk.exchange.market.moments import eastern
from desk.exchange.market.sessions import session_on

_OFFICIAL_OPEN, _OFFICIAL_CLOSE = "Q", "M"


def auctions_of(trades: Iterable[Trade], now: int) -> list[dict[str, Any]]:
    """By day, oldest first; a session that is not over has no closing auction yet."""
    found = []
    for day, of_day in groupby(trades, lambda trade: eastern(trade.at).date()):
        session = session_on(day)
        regular = [trade for trade in of_day if session is not None and session.open <= trade.at <= session.close]
        if session is None or not regular:
            continue
        closing = [_auction(regular[-1], _OFFICIAL_CLOSE)] if session.close <= now else []
        found.append({"d": day.isoformat(), "o": [_auction(regular[0], _OFFICIAL_OPEN)], "c": closing})
    return found


def _auction(trade: Trade, condition: str) -> dict[str, Any]:
    shown = trade_json(trade, trade.at)
    return {"t": shown["t"], "x": shown["x"], "p": shown["p"], "s": shown["s"], "c": condition}
