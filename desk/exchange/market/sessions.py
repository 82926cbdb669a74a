"""The NYSE calendar 2024-2027: holidays, early closes, and the phases of a trading day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum
from functools import cache

from desk.exchange.market.moments import MINUTE, eastern, eastern_ns

FIRST_DAY = date(2024, 1, 1)
LAST_DAY = date(2027, 12, 31)

_HOLIDAYS = {
    2024: "0101 0115 0219 0329 0527 0619 0704 0902 1128 1225",
    # January 9, 2025: the day of mourning for President Carter.
    2025: "0101 0109 0120 0217 0418 0526 0619 0704 0901 1127 1225",
    2026: "0101 0119 0216 0403 0525 0619 0703 0907 1126 1225",
    2027: "0101 0118 0215 0326 0531 0618 0705 0906 1125 1224",
}
_EARLY_CLOSES = {2024: "0703 1129 1224", 2025: "0703 1128 1224", 2026: "1127 1224", 2027: "1126"}


# QuantConnect/Lean#4126: orders for the next open are taken from 7:00pm ET.
_AUCTION_DESK_OPENS = time(19)


def _days(table: dict[int, str]) -> frozenset[date]:
    return frozenset(date(year, int(d[:2]), int(d[2:])) for year, days in table.items() for d in days.split())


HOLIDAYS = _days(_HOLIDAYS)
EARLY_CLOSES = _days(_EARLY_CLOSES)


_BEGINS, _ENDS = eastern_ns(FIRST_DAY, time(0)), eastern_ns(LAST_DAY - timedelta(days=6), time(0))


class Phase(StrEnum):
    """Part of the trading day an instant belongs to."""

    CLOSED = "closed"
    OVERNIGHT = "overnight"
    PRE = "pre"
    CORE = "core"
    POST = "post"


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day, from the evening before; instants in nanoseconds. On early closes there are no after-hours."""

    day: date
    overnight_open: int
    pre_open: int
    open: int
    close: int
    post_close: int

    def closing(self, extended: bool) -> int:
        """When a day order of this session ends."""
        return self.post_close if extended else self.close

    def opening(self, extended: bool, overnight: bool = True) -> int:
        """When an order of this session may first trade; `overnight`: extended hours begin the evening before."""
        if not extended:
            return self.open
        return self.overnight_open if overnight else self.pre_open


# Asked for at every quote and order, for few days.
@cache
def session_on(day: date) -> Session | None:
    """The session of a calendar day, or None on weekends, holidays and outside 2024-2027."""
    if not FIRST_DAY <= day <= LAST_DAY or day.weekday() >= 5 or day in HOLIDAYS:
        return None
    # No after-hours on half days, the overnight session before them as ever: docs.alpaca.markets/docs/245-trading.
    early = day in EARLY_CLOSES
    close = eastern_ns(day, time(13) if early else time(16))
    return Session(
        day=day,
        overnight_open=eastern_ns(day - timedelta(days=1), time(20)),
        pre_open=eastern_ns(day, time(4)),
        open=eastern_ns(day, time(9, 30)),
        close=close,
        post_close=close if early else eastern_ns(day, time(20)),
    )


def sessions_between(start: date, end: date) -> Iterator[Session]:
    """Sessions of the days start..end, both included, in order."""
    day, end = max(start, FIRST_DAY), min(end, LAST_DAY)
    while day <= end:
        if (session := session_on(day)) is not None:
            yield session
        day += timedelta(days=1)


def sessions_from(instant: int) -> Iterator[Session]:
    """Sessions from the New York day of the instant on, that day included."""
    return sessions_between(eastern(instant).date(), LAST_DAY)


def covers(instant: int) -> bool:
    """Whether the calendar knows the day (with a few days of margin for the next open)."""
    return _BEGINS <= instant < _ENDS


def phase_at(instant: int) -> Phase:
    """Phase of the day; openings belong to the phase they start, closings do not belong to the one they end."""
    today = eastern(instant).date()
    following = session_on(today + timedelta(days=1))
    if following is not None and instant >= following.overnight_open:
        return Phase.OVERNIGHT
    session = session_on(today)
    if session is None or instant >= session.post_close:
        return Phase.CLOSED
    if instant < session.pre_open:
        return Phase.OVERNIGHT
    if instant < session.open:
        return Phase.PRE
    return Phase.CORE if instant < session.close else Phase.POST


def account_phase(instant: int, overnight: bool) -> Phase:
    """Phase of the day for an account that trades overnight, or for one that has switched that off."""
    phase = phase_at(instant)
    return Phase.CLOSED if phase is Phase.OVERNIGHT and not overnight else phase


def may_trade(phase: Phase, extended: bool) -> bool:
    """Whether an order may execute in this phase; `extended` marks an extended-hours order."""
    return phase is Phase.CORE or (extended and phase is not Phase.CLOSED)


def next_open(instant: int) -> int:
    """First regular open after the instant."""
    return next(s.open for s in sessions_from(instant) if s.open > instant)


def next_close(instant: int) -> int:
    """First regular close after the instant."""
    return next(s.close for s in sessions_from(instant) if s.close > instant)


def last_closed(instant: int) -> Session | None:
    """The last session that is over by its regular hours; None before the first one of the calendar."""
    today = eastern(instant).date()
    # No two sessions are further apart than a long weekend.
    over = [s for s in sessions_between(today - timedelta(days=7), today) if s.close <= instant]
    return over[-1] if over else None


def auction_closed(instant: int, *, opening: bool) -> bool:
    """Whether orders for the next opening (or closing) auction are refused now: from 2 (10) minutes before to 19:00."""
    session = session_on(eastern(instant).date())
    if session is None:
        return False
    from_then = session.open - 2 * MINUTE if opening else session.close - 10 * MINUTE
    return from_then <= instant < eastern_ns(session.day, _AUCTION_DESK_OPENS)


def next_boundary(instant: int) -> int:
    """First instant after this one at which the phase changes."""
    for s in sessions_from(instant):
        for edge in (s.overnight_open, s.pre_open, s.open, s.close, s.post_close):
            if edge > instant:
                return edge
    raise ValueError("the trading calendar ends here")


def order_session(instant: int, extended: bool) -> Session:
    """The session that a day order submitted now belongs to."""
    return next(s for s in sessions_from(instant) if s.closing(extended) > instant)
