"""Clock and calendar by market, REST v3, which newer clients prefer to those of v2."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from desk.exchange.market.moments import eastern, eastern_text, from_ns
from desk.exchange.market.sessions import (
    LAST_DAY,
    Phase,
    Session,
    covers,
    next_boundary,
    next_close,
    next_open,
    phase_at,
    session_on,
    sessions_between,
)
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import ApiError
from desk.exchange.wire.web import Reply, Request, Router

MARKETS = "/v3/"
_NAMES = {
    "NYSE": ("XNYS", "New York Stock Exchange"),
    "NASDAQ": ("XNAS", "National Association of Securities Dealers Automated Quotations"),
    "IEX": ("IEXG", "Investors Exchange"),
    "OTC": ("OTCM", "Over-The-Counter"),
}
_ACRONYMS = {mic: acronym for acronym, (mic, _) in _NAMES.items()} | {acronym: acronym for acronym in _NAMES}
_WEEK = timedelta(days=7)


class MarketsApi:
    """The venues of US shares, by acronym or MIC; all of them keep the hours of the one book."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.router = Router(MARKETS.rstrip("/"), {"GET /clock": self.clocks, "GET /calendar/{market}": self.calendar})

    def clocks(self, request: Request) -> Reply:
        """Each market's clock, now or at a time that is asked for."""
        query = request.query.refusing(_bad)
        moment = query.instant("time")
        if moment is not None and not covers(moment):
            raise _bad("invalid time")
        now = self._engine.now if moment is None else moment
        asked = query.names("markets") or list(_NAMES)
        return Reply(200, {"clocks": [_clock(_acronym(market), now) for market in asked]})

    def calendar(self, request: Request, market: str) -> Reply:
        """The sessions of a week, or of the days that are asked for."""
        query, acronym = request.query.refusing(_bad), _acronym(market)
        start = query.day("start") or eastern(self._engine.now).date()
        end = query.day("end") or min(start, LAST_DAY - _WEEK) + _WEEK
        told = _utc_text if query.one_of("timezone", ("UTC", "market"), "market") == "UTC" else eastern_text
        days = [_day(session, told) for session in sessions_between(start, end)]
        return Reply(200, {"market": _market(acronym), "calendar": days})


def _acronym(market: str) -> str:
    if market.upper() not in _ACRONYMS:
        raise _bad(f"invalid market: {market}")
    return _ACRONYMS[market.upper()]


def _market(acronym: str) -> dict[str, str]:
    mic, name = _NAMES[acronym]
    return {"mic": mic, "acronym": acronym, "name": name, "timezone": "America/New_York"}


def _clock(acronym: str, now: int) -> dict[str, Any]:
    phase = _daytime(phase_at(now))
    until = next_boundary(now)
    # The night is closed, whatever trades elsewhere then.
    while phase is Phase.CLOSED and _daytime(phase_at(until)) is Phase.CLOSED:
        until = next_boundary(until)
    return {
        "market": _market(acronym),
        "timestamp": eastern_text(now),
        "is_market_day": session_on(eastern(now).date()) is not None,
        "next_market_open": eastern_text(next_open(now)),
        "next_market_close": eastern_text(next_close(now)),
        "phase": phase.value,
        "phase_until": eastern_text(until),
    }


def _daytime(phase: Phase) -> Phase:
    return Phase.CLOSED if phase is Phase.OVERNIGHT else phase


def _day(session: Session, told: Callable[[int], str]) -> dict[str, str]:
    edges = {
        "pre_start": session.pre_open,
        "pre_end": session.open,
        "core_start": session.open,
        "core_end": session.close,
        "post_start": session.close,
        "post_end": session.post_close,
    }
    if session.close == session.post_close:
        del edges["post_start"], edges["post_end"]
    following = next(sessions_between(session.day + timedelta(days=1), LAST_DAY), None)
    settled = {} if following is None else {"settlement_date": following.day.isoformat()}
    return {"date": session.day.isoformat(), **{name: told(edge) for name, edge in edges.items()}, **settled}


def _utc_text(instant: int) -> str:
    return f"{from_ns(instant):%Y-%m-%dT%H:%M:%SZ}"


def _bad(message: str) -> ApiError:
    return ApiError(400, 40010001, message)
