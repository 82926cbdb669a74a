"""Alpaca's portfolio history: the equity at the closes of sessions, or at the ends of windows within them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from desk.exchange.market.account import STARTING_CASH
from desk.exchange.market.moments import DAY, MINUTE, SECOND, eastern, eastern_ns
from desk.exchange.market.sessions import FIRST_DAY, LAST_DAY, Session, last_closed, sessions_between
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import invalid
from desk.exchange.wire.given import Given
from desk.exchange.wire.web import Reply, Request

_PERIOD = re.compile(r"([0-9]{1,4})([DWMA])")
_DAYS = {"D": 1, "W": 7, "M": 30, "A": 365}
_DAILY = "1D"
_WINDOWS = {"1Min": MINUTE, "5Min": 5 * MINUTE, "15Min": 15 * MINUTE, "1H": 60 * MINUTE, _DAILY: DAY}
_LONGEST_INTRADAY = 30 * DAY
_REPORTING = ("market_hours", "extended_hours", "continuous")
_CENT, _RATIO = Decimal("0.01"), Decimal("0.0001")
# Days are labelled with eight in the evening, midnight in UTC, as the examples of
# docs.alpaca.markets/reference/getaccountportfoliohistory-1 are.
_LABEL = time(20)


@dataclass(frozen=True, slots=True)
class Point:
    """The equity (dollars) at the end of a window, which the instant labels; `before`: at the close before its day."""

    label: int
    equity: Decimal
    before: Decimal


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for; instants are nanoseconds."""

    start: int
    end: int
    timeframe: str
    reporting: str
    per_day: bool


class PortfolioApi:
    """REST v2 /account/portfolio/history. Whenever something happens the equity is noted, for each minute the last."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._instants: list[int] = []
        self._equity: list[Decimal] = []
        self._began = engine.now
        engine.listeners.append(lambda event: self._note())
        engine.market_listeners.append(lambda event: self._note())
        engine.reset_listeners.append(self._forget)

    def history(self, request: Request) -> Reply:
        """What the query asks for, of the time since the exchange began or was reset."""
        asked = _read(request.query, self._engine.now)
        closes = self._closes()
        daily = asked.timeframe == _DAILY
        points = list(self._days(asked, closes) if daily else self._windows(asked, closes))
        first = eastern(points[0].label if points else asked.start).date()
        known = [day for day in closes if day < first]
        base = closes[known[-1]] if known else points[0].equity if points else STARTING_CASH
        from_base = [(p.equity, base if daily or not asked.per_day else p.before) for p in points]
        # Without cash flows there is no `cashflow`, not an empty one.
        return Reply(
            200,
            {
                "timestamp": [point.label // SECOND for point in points],
                "equity": [_rounded(equity, _CENT) for equity, _ in from_base],
                "profit_loss": [_rounded(equity - of, _CENT) for equity, of in from_base],
                "profit_loss_pct": [_rounded((equity - of) / of, _RATIO) if of else 0.0 for equity, of in from_base],
                "base_value": _rounded(base, _CENT),
                **({"base_value_asof": known[-1].isoformat()} if known else {}),
                "timeframe": asked.timeframe,
            },
        )

    def _closes(self) -> dict[date, Decimal]:
        """The equity at the closes there were, oldest first; of the last one it is what the account says."""
        last = last_closed(self._engine.now)
        told = {} if last is None else {last.day: self._engine.ledger.account.last_equity}
        return dict(sorted((self._engine.closes | told).items()))

    def _days(self, asked: Asked, closes: dict[date, Decimal]) -> Iterator[Point]:
        for session in _sessions(asked):
            label = eastern_ns(session.day, _LABEL)
            if session.day in closes:
                yield Point(label, closes[session.day], STARTING_CASH)
            elif closes and session.day > max(closes) and session.pre_open <= self._engine.now:
                yield Point(label, self._now(), STARTING_CASH)

    def _windows(self, asked: Asked, closes: dict[date, Decimal]) -> Iterator[Point]:
        length = _WINDOWS[asked.timeframe]
        for session in _sessions(asked):
            before = [equity for day, equity in closes.items() if day < session.day]
            base = before[-1] if before else STARTING_CASH
            for label in range(*_bounds(session, asked.reporting), length):
                if max(asked.start, self._began) < label + length and label <= asked.end:
                    yield Point(label, self._at(label + length, base), base)

    def _at(self, instant: int, fallback: Decimal) -> Decimal:
        if instant > self._engine.now:
            return self._now()
        place = bisect_right(self._instants, instant)
        return self._equity[place - 1] if place else fallback

    def _now(self) -> Decimal:
        return self._engine.ledger.equity(self._engine.mark)

    def _note(self) -> None:
        now = self._engine.now
        # Once a second is often enough, but of one instant the last word counts.
        if self._instants and now // SECOND == self._instants[-1] // SECOND and now != self._instants[-1]:
            return
        # What lies ahead was noted before the clock was set back.
        while self._instants and self._instants[-1] // MINUTE >= now // MINUTE:
            self._instants.pop()
            self._equity.pop()
        self._instants.append(now)
        self._equity.append(self._now())
        self._began = min(self._began, now)

    def _forget(self) -> None:
        self._instants, self._equity, self._began = [], [], self._engine.now


def _read(query: Given, now: int) -> Asked:
    if all(query.has(name) for name in ("start", "end", "period")):
        raise invalid("only two of start, end and period can be specified")
    period = _period(query) or _DAYS["M"] * DAY
    start, end = _edge(query, "start", time(0)), _edge(query, "end", _LABEL)
    if end is None:
        end = now if start is None or not query.has("period") else start + period
    start, end = max(0, end - period if start is None else start), min(end, now)
    if start > end:
        raise invalid("start must be before end")
    span = end - start
    fallback = "1Min" if span < _DAYS["W"] * DAY else "15Min" if span < _LONGEST_INTRADAY else _DAILY
    timeframe = query.one_of("timeframe", tuple(_WINDOWS), fallback)
    if timeframe != _DAILY and span > _LONGEST_INTRADAY:
        raise invalid("timeframe must be 1D for more than 30 days")
    return Asked(
        start=start,
        end=end,
        timeframe=timeframe,
        reporting=query.one_of("intraday_reporting", _REPORTING, _REPORTING[bool(query.flag("extended_hours"))]),
        per_day=query.one_of("pnl_reset", ("no_reset", "per_day"), "per_day") == "per_day",
    )


def _edge(query: Given, name: str, at: time) -> int | None:
    """The start or the end; older clients give it as a New York day, as `date_end`."""
    day = query.day(f"date_{name}")
    if query.has(name) or day is None:
        return query.instant(name)
    if not FIRST_DAY <= day <= LAST_DAY:
        raise invalid(f"invalid date_{name}")
    return eastern_ns(day, at)


def _period(query: Given) -> int | None:
    """A length in nanoseconds; months have 30 days."""
    text = query.text("period")
    if text is None:
        return None
    found = _PERIOD.fullmatch(text)
    if found is None:
        raise invalid("invalid period")
    return int(found[1]) * _DAYS[found[2]] * DAY


def _sessions(asked: Asked) -> Iterator[Session]:
    """Those of the days from start to end."""
    return sessions_between(eastern(asked.start).date(), eastern(asked.end).date())


def _bounds(session: Session, reporting: str) -> tuple[int, int]:
    if reporting == "market_hours":
        return session.open, session.close
    if reporting == "extended_hours":
        return session.pre_open, session.post_close
    midnight = eastern_ns(session.day, time(0))
    return midnight, midnight + DAY


def _rounded(value: Decimal, unit: Decimal) -> float:
    # A loss of next to nothing is 0, not -0.0.
    return float(value.quantize(unit)) + 0.0
