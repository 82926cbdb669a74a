"""What a request for the past asks for, and how its answer is cut into pages."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

from desk.exchange.market.moments import DAY, MINUTE, SECOND
from desk.exchange.rules.settings import SIP_DENIED, entitled
from desk.exchange.venue.history import Timeframe
from desk.exchange.wire.errors import ApiError
from desk.exchange.wire.given import Given
from desk.exchange.wire.values import day_of, instant_of, whole_of

_FEEDS = ("sip", "iex", "boats", "otc")
_AUCTION_FEEDS = ("sip",)
_DELAY = 15 * MINUTE
_DEFAULT_LIMIT, _MAX_LIMIT = 1_000, 10_000
_TIMEFRAME = re.compile(r"[0-9]{1,2}[A-Za-z]{1,5}")
_ADJUSTMENTS = frozenset(("raw", "split", "dividend", "spin-off", "all"))
_TOKEN = re.compile(r"([^|]*)\|([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Span:
    """The part of the past that a request asks for, in nanoseconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """`splits`: prices and sizes are those of today's shares. `token`: symbol and count of what was given before."""

    span: Span
    descending: bool
    limit: int
    token: tuple[str, int]
    splits: bool
    timeframe: str


def bad(message: str) -> ApiError:
    """A parameter that the market data host refuses."""
    return ApiError(400, 40010001, message)


def read_history(query: Given, kind: str, now: int, plan: str) -> HistoryRequest:
    """A request for the past (`quotes`, `trades`, `bars` or `auctions`) under a plan; ApiError 400 or 403."""
    _check_mapping(query)
    adjustments = set(query.names("adjustment"))
    if unknown := sorted(adjustments - _ADJUSTMENTS):
        raise bad(f"invalid adjustment: {unknown[0]}")
    return HistoryRequest(
        span=_span(query, now, plan, _AUCTION_FEEDS if kind == "auctions" else _FEEDS),
        descending=query.one_of("sort", ("asc", "desc"), "asc") == "desc",
        limit=query.whole("limit", 1, _MAX_LIMIT, _DEFAULT_LIMIT),
        token=_read_token(query.text("page_token")),
        splits=not adjustments.isdisjoint(("split", "all")),
        timeframe=_timeframe(query) if kind == "bars" else "",
    )


def _check_mapping(query: Given) -> None:
    """No symbol ever changes its name here and all prices are dollars, so that these change nothing."""
    if query.text("asof") != "-":
        query.day("asof")
    if (currency := query.text("currency")) not in (None, "USD"):
        raise bad(f"invalid currency: {currency}")


def _span(query: Given, now: int, plan: str, feeds: tuple[str, ...]) -> Span:
    feed = query.text("feed") or "sip"
    if feed not in feeds:
        raise bad(f"invalid feed: {feed}")
    delayed = not entitled(plan, feed)
    end = _moment(query, "end", now - _DELAY if delayed else now)
    if delayed and end > now - _DELAY:
        raise ApiError(403, 42210000, SIP_DENIED)
    start = _moment(query, "start", now - now % DAY)
    if query.has("start") and query.has("end") and start > end:
        # Seen: github.com/kzhdev/alpaca_zorro_plugin issue 10.
        raise bad("end should not be before start")
    return Span(start, min(end, now))


def _moment(query: Given, name: str, fallback: int) -> int:
    """An instant, a day, or seconds since the epoch."""
    text = query.text(name)
    if text is None:
        return fallback
    if (seconds := whole_of(text)) is not None:
        return seconds * SECOND
    if (instant := instant_of(text)) is None:
        raise bad(f"invalid {name}: {text}")
    # A day as the end is the whole of that day.
    return instant + (DAY - 1 if name == "end" and day_of(text) is not None else 0)


def _timeframe(query: Given) -> str:
    text = query.text("timeframe") or ""
    if not _TIMEFRAME.fullmatch(text):
        raise bad(f"invalid timeframe: {text}")
    Timeframe(text)
    return text


def page_of(found: dict[str, list[Any]], asked: HistoryRequest) -> tuple[dict[str, Any], str | None]:
    """At most `limit` items, by symbol and then in time, and the token for the rest."""
    first, skip = asked.token
    page: dict[str, Any] = {}
    left = asked.limit
    for symbol in sorted(found):
        if symbol < first:
            continue
        done = skip if symbol == first else 0
        items = found[symbol][done : done + left]
        if items:
            page[symbol] = items
        left -= len(items)
        if done + len(items) < len(found[symbol]):
            return page, base64.b64encode(f"{symbol}|{done + len(items)}".encode()).decode()
    return page, None


def _read_token(token: str | None) -> tuple[str, int]:
    if token is None:
        return "", 0
    try:
        found = _TOKEN.fullmatch(base64.b64decode(token, validate=True).decode())
    except ValueError:
        found = None
    if found is None:
        raise bad("invalid page_token")
    return found[1], int(found[2])
