"""May this rebalance be worked now? Expiry and session, as for orders; it needs the time to sell and to buy."""

from __future__ import annotations

from datetime import datetime

from repeg.domain.market.sessions import Calendar, Phase, in_new_york
from repeg.domain.order.verdicts import Refusal, Wait, WaitingFor
from repeg.domain.patience import REBALANCE_MARGIN_BEFORE_CLOSE, SIGNAL_LIFETIME
from repeg.domain.reasons import Reason
from repeg.domain.rebalance.record import Rebalance
from repeg.domain.rules.parking import asleep_seconds, expires_awake


def dated(rebalance: Rebalance, created_at: datetime) -> Rebalance:
    """With its creation, and the events of its intake, placed in market time; once its clock is known it stays."""
    if rebalance.work.clock:
        return rebalance
    events = tuple(event.changed(at=created_at) for event in rebalance.events)
    return rebalance.changed(created_at=created_at, events=events)


def woken(rebalance: Rebalance, now: datetime, carried: datetime) -> Rebalance:
    """As it wakes: over an open that was skipped it did not wait (see `parking.woken`)."""
    work = rebalance.work
    if rebalance.wanted.explicit_expiry:
        return rebalance
    return rebalance.with_work(expires_at=expires_awake(work.expires_at, work.parked_until, now, carried))


def with_expiry(rebalance: Rebalance, calendar: Calendar) -> Rebalance:
    """With its expiry: as its signal says, else 15 minutes after it was sent, or after the open that it waits for."""
    if rebalance.work.expires_at:
        return rebalance
    created_at = rebalance.created_at
    upcoming = None if calendar.session_at(created_at) else calendar.next_session(created_at)
    return rebalance.with_work(expires_at=(upcoming.opens_at if upcoming else created_at) + SIGNAL_LIFETIME)


def session_verdict(rebalance: Rebalance, calendar: Calendar, now: datetime) -> Wait | Refusal | None:
    """Expired, waiting for the open, refused because the market is (nearly) closed, or None: go on."""
    expires_at = rebalance.work.expires_at
    if expires_at and now >= expires_at:
        return Refusal(reason=Reason.EXPIRED, detail=f"expired at {in_new_york(expires_at)}")
    session, upcoming = calendar.session_at(now), calendar.next_session(now)
    if session and now < session.closes_at - REBALANCE_MARGIN_BEFORE_CLOSE:
        return None
    why = f"too close to the close, {in_new_york(session.closes_at)}" if session else "the regular session is closed"
    waits = rebalance.wanted.when_closed == "next_open" or calendar.phase(now) is Phase.BEFORE_OPEN
    if upcoming is None or not waits:
        mend = 'with when_closed "next_open" it would wait for that'
        opens = f"; next open {in_new_york(upcoming.opens_at)}: {mend}" if upcoming else ""
        return Refusal(reason=Reason.MARKET_CLOSED, detail=f"{why}{opens}")
    return Wait(
        seconds=asleep_seconds(upcoming, now, expires_at),
        on=WaitingFor.OPEN,
        words=f"waits for the open, {in_new_york(upcoming.opens_at)}",
        parked_until=upcoming.opens_at,
    )


def waiting(rebalance: Rebalance, wait: Wait) -> Rebalance:
    """As it waits for an open: unless its signal says otherwise, it lives until 15 minutes after that."""
    expires_at = rebalance.work.expires_at
    if wait.parked_until is None or rebalance.wanted.explicit_expiry or expires_at is None:
        return rebalance
    return rebalance.with_work(expires_at=max(expires_at, wait.parked_until + SIGNAL_LIFETIME))
