"""The account's budget of trading requests: how many fit into any minute, and which of them are kept for exits.

Every trading request of every worker is debited before it is sent and comes back a minute of market time later, so
no minute, wherever it starts, holds more requests than the broker allows. Market data is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from repeg.domain.order.reservation import Reservation

WINDOW_SECONDS = 60
# Alpaca's limit for an account, told in the headers of each answer (forum.alpaca.markets/t/12029).
REQUESTS_PER_WINDOW = 200
URGENT_DIVISOR = 10
"""One request in ten is kept for exits and cancels."""

# Stamps further ahead than this were written before the (simulated) market clock was set back.
CLOCK_SET_BACK_SECONDS = 2 * WINDOW_SECONDS


class RateBudget(Protocol):
    """Account-wide budget of trading requests. All times are market time."""

    def spend(self, urgent: bool, reserved: Reservation | None = None) -> None:
        """Debit one request, or raise `BudgetExhausted`. Only an urgent one may take what is kept for them.

        With `reserved`, it is drawn on that instead, if the budget still counts any there.
        """

    def reserve(self, count: int, urgent: bool = False) -> Reservation:
        """Debit `count` requests ahead, or raise `BudgetExhausted`. Only urgent ones may take what is kept for them.

        What is neither drawn nor given back comes back after a minute by itself.
        """

    def give_back(self, reserved: Reservation) -> None:
        """Take back the debit of what was reserved and not drawn. Never raises."""

    def observe(self, limit: int, remaining: int, reset: datetime | None) -> None:
        """Take note of the broker's own count, sent with each answer. Never raises."""

    def blocked(self, until: datetime) -> None:
        """The broker refused a request for its rate: only urgent ones may be tried before `until`. Never raises."""


class Unlimited:
    """No limit: for tests, and for brokers that do not count requests."""

    def spend(self, urgent: bool, reserved: Reservation | None = None) -> None:
        """Always granted."""

    def reserve(self, count: int, urgent: bool = False) -> Reservation:
        """Always granted."""
        return Reservation(second=0, left=count)

    def give_back(self, reserved: Reservation) -> None:
        """Ignored."""

    def observe(self, limit: int, remaining: int, reset: datetime | None) -> None:
        """Ignored."""

    def blocked(self, until: datetime) -> None:
        """Ignored."""


@dataclass(frozen=True)
class Ledger:
    """What the account has spent, in requests per second of market time (epoch seconds).

    A request counts until a full window after the *end* of the second it was spent in, and for the seconds it may be
    under way before the broker counts it: rounding never favours us.
    """

    spent: Mapping[int, int] = field(default_factory=dict)
    foreign: int = 0
    foreign_until: float = 0.0
    blocked_until: float = 0.0
    broker_limit: int | None = None
    travel_seconds: int = 0

    def returned(self, now: float) -> dict[int, int]:
        """Seconds whose requests count no longer, oldest first."""
        return {second: self.spent[second] for second in sorted(self.spent) if not self.counts(second, now)}

    def used(self, now: float) -> int:
        """Requests of ours that still count at `now`."""
        return sum(count for second, count in self.spent.items() if self.counts(second, now))

    def used_by_others(self, now: float) -> int:
        """Requests of other programs on the account, as last told by the broker, until its count starts anew."""
        return self.foreign if _ahead(self.foreign_until, now) else 0

    def capacity(self, now: float, limit: int, urgent: bool) -> int:
        """Requests that may count at once. Urgent ones have all, whatever others are thought to use."""
        limit = limit if self.broker_limit is None else min(limit, self.broker_limit)
        # What others use is an estimate, for which no exit is held back; the broker's own 429 is the bound of those.
        if urgent:
            return limit
        return limit - limit // URGENT_DIVISOR - self.used_by_others(now)

    def may_spend(self, now: float, limit: int, urgent: bool, count: int = 1) -> bool:
        """True if `count` more requests may be sent at `now`."""
        # Exits try on through a block: it may be over before its time is, and their shares are bare meanwhile.
        if not urgent and _ahead(self.blocked_until, now):
            return False
        return self.used(now) + count <= self.capacity(now, limit, urgent)

    def wait_seconds(self, now: float, limit: int, urgent: bool, count: int = 1) -> float:
        """Market seconds until `count` more requests may be sent, if nobody else spends; 0 if they may be sent now."""
        for moment in self._turning_points(now):
            if self.may_spend(moment, limit, urgent, count):
                return moment - now
        return float(WINDOW_SECONDS)

    def _turning_points(self, now: float) -> Iterator[float]:
        yield now
        ends = {float(self._free_at(second)) for second in self.spent} | {self.foreign_until, self.blocked_until}
        yield from sorted(end for end in ends if end > now)

    def _free_at(self, second: int) -> int:
        return second + 1 + WINDOW_SECONDS + self.travel_seconds

    def counts(self, second: int, now: float) -> bool:
        """True while what was spent in `second` has not come back."""
        return now < self._free_at(second) and second <= now + CLOCK_SET_BACK_SECONDS


def _ahead(until: float, now: float) -> bool:
    return now < until <= now + CLOCK_SET_BACK_SECONDS
