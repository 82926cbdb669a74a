"""Targets on record: what a strategy wants held, checked as the rebalance that they become, and refused when stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from repeg.domain.market.reports import TradingDay
from repeg.domain.market.sessions import EASTERN
from repeg.domain.schedule.runs import Outcome
from repeg.domain.signals.parsing import RebalanceSignal, canonical, parse_signal, read_json
from repeg.errors import SignalInvalid

AHEAD_TOLERANCE = timedelta(minutes=5)
"""Wall clocks of the strategy's machine and of AWS may differ by so much."""
# What the schedule says itself. An expiry names one day, and the targets are used on many.
_NOT_THEIRS = ("kind", "signal_id", "when_closed", "expires_at")


class Judged(NamedTuple):
    """Targets as they are found. `problem` is None when they may be traded by; `detail` says why not, in words."""

    problem: Outcome | None
    detail: str
    signal: RebalanceSignal | None = None
    written_at: datetime | None = None
    """Market time."""


def parse_targets(body: Any, signal_id: str = "targets") -> RebalanceSignal:
    """The rebalance that decoded targets stand for.

    Raises:
        SignalInvalid: names the first wrong field and what is wrong with it.
    """
    return _rebalance(parse_signal(_as_signal(body, signal_id)))


def signal_text(document: str, signal_id: str) -> str:
    """The body of the signal that targets become."""
    return canonical(_as_signal(read_json(document), signal_id))


def _as_signal(body: Any, signal_id: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise SignalInvalid("body", 'must be a JSON object such as {"targets": {"SPY": 0.6, "TLT": 0.4}}')
    for name in _NOT_THEIRS:
        if name in body:
            raise SignalInvalid(name, "is set by the schedule; remove it")
    return {**body, "kind": "rebalance", "signal_id": signal_id, "when_closed": "next_open"}


def _rebalance(signal: object) -> RebalanceSignal:
    if not isinstance(signal, RebalanceSignal):
        raise AssertionError("its kind is given")
    return signal


def judge(
    document: str, written_at: str, at: Callable[[datetime], datetime], now: datetime, fresh_since: datetime | None
) -> Judged:
    """Whether targets may be traded by: readable, and written at `fresh_since` or later (None: not known).

    `written_at` is RFC 3339 wall time, `at` turns that into market time.
    """
    try:
        signal = parse_targets(read_json(document))
        written = at(_instant(written_at))
    except SignalInvalid as problem:
        return Judged(Outcome.BAD_TARGETS, str(problem))
    if written > now + AHEAD_TOLERANCE:
        # Never stale before that day comes: whoever wrote it has a wrong clock, or a wrong unit.
        return Judged(Outcome.BAD_TARGETS, f"written_at: lies ahead, {_moment(written)}", signal, written)
    if fresh_since is None or written < fresh_since:
        before = "and since when that is too old cannot be told"
        if fresh_since:
            before = f"before the previous session opened {_moment(fresh_since)}"
        detail = f"the targets were written {_moment(written)}, {before}"
        return Judged(Outcome.STALE_TARGETS, detail, signal, written)
    return Judged(None, f"written {_moment(written)}", signal, written)


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise SignalInvalid("written_at", "must be an RFC 3339 time such as 2026-11-20T15:00:00Z")
    return found


def fresh_since(day: date, days: Iterable[TradingDay]) -> datetime | None:
    """The open of the last session before `day`: targets that are older are stale. None: the days do not show it."""
    return max((known.opens_at for known in days if known.date < day), default=None)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(EASTERN):%a %d %b %H:%M} ET"
