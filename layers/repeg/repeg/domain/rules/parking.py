"""When orders expire, how they wait for an open, and what a market clock that was set forward means for them."""

from __future__ import annotations

from datetime import datetime

from repeg.domain.market.reports import TradingDay
from repeg.domain.market.sessions import Calendar
from repeg.domain.order.course import lives_until
from repeg.domain.order.record import Order
from repeg.domain.patience import LONGEST_SLEEP, LONGEST_WAIT_SECONDS, SET_FORWARD, SIGNAL_LIFETIME, WAITS_BEFORE_OPEN
from repeg.domain.rules.walking import is_exit


def wait_seconds_for(seconds: float) -> int:
    """Whole seconds to wait for something `seconds` away: rounded up, at least 1, at most a minute."""
    # Rounded up: who wakes a moment early looks in vain, and each look costs three transitions.
    return max(1, min(LONGEST_WAIT_SECONDS, int(-(-seconds // 1))))


def parked_seconds(order: Order, upcoming: TradingDay, now: datetime) -> int:
    """Whole seconds until a parked order is looked at again: half an hour by day and night, a minute before the open.

    Sooner when it expires, or may trade in extended hours.
    """
    return asleep_seconds(upcoming, now, order.run.expires_at, _may_trade_from(order, upcoming))


def _may_trade_from(order: Order, upcoming: TradingDay) -> datetime | None:
    return upcoming.extended_opens_at if order.ask.extended_hours else None


def asleep_seconds(upcoming: TradingDay, now: datetime, *events: datetime | None) -> int:
    """As `parked_seconds`, for whatever waits for an open; `events`: moments before that at which it must be awake."""
    to_open = upcoming.opens_at - now
    if to_open <= WAITS_BEFORE_OPEN:
        return wait_seconds_for(to_open.total_seconds())
    ends = [LONGEST_SLEEP, to_open - WAITS_BEFORE_OPEN, *(at - now for at in events if at and at > now)]
    return max(1, int(-(-min(ends).total_seconds() // 1)))


def expiry(order: Order, calendar: Calendar) -> datetime | None:
    """When the order's signal expires: never for a close, else as the signal says, else after 15 minutes.

    A signal sent outside the session can only wait for the next open, and lives until 15 minutes after it.
    """
    # However late it is, somebody wants to be out.
    if is_exit(order):
        return None
    if order.run.expires_at:
        return order.run.expires_at
    upcoming = None if calendar.session_at(order.created_at) else calendar.next_session(order.created_at)
    return (upcoming.opens_at if upcoming else order.created_at) + SIGNAL_LIFETIME


def expiring(order: Order, calendar: Calendar) -> Order:
    """The order with when it expires."""
    return lives_until(order, expiry(order, calendar))


def waiting_for(order: Order, session: TradingDay) -> Order:
    """The order as it waits for a session to open: unless its signal says otherwise, it lives 15 minutes longer."""
    if order.ask.explicit_expiry or order.run.expires_at is None:
        return order
    return lives_until(order, max(order.run.expires_at, session.opens_at + SIGNAL_LIFETIME))


def was_set_forward(now: datetime, carried: datetime) -> bool:
    """True when market time is well ahead of what a reading comes to that was carried on by the wall clock."""
    return now - carried > SET_FORWARD


def woken(order: Order, now: datetime, carried: datetime) -> Order:
    """The order as it wakes: over an open that was skipped it did not wait, and it does not expire by it.

    Only where its signal leaves the expiry to us. `carried` is market time by the reading that it was parked by.
    """
    if order.ask.explicit_expiry:
        return order
    return lives_until(order, expires_awake(order.run.expires_at, order.run.parked_until, now, carried))


def expires_awake(
    expires_at: datetime | None, parked_until: datetime | None, now: datetime, carried: datetime
) -> datetime | None:
    """As `woken`, the expiry of whatever was parked until then."""
    # A wait of the machine does not hear of a clock that was set: over such an open nobody really waited.
    if parked_until is None or expires_at is None or now <= parked_until or not was_set_forward(now, carried):
        return expires_at
    return max(expires_at, now + SIGNAL_LIFETIME)
