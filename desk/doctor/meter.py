"""Counts what each check takes, and is the request budget of the doctor's own few trading requests."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

from desk.doctor.findings import Cost
from repeg.budget.ledger import Unlimited
from repeg.domain.order.reservation import Reservation


class Meter:
    """Counts per check; each thread looks at one check at a time."""

    def __init__(self) -> None:
        self._here = threading.local()
        self._trading: Counter[str] = Counter()
        self._aws: Counter[str] = Counter()
        self._started = time.monotonic()

    def begin(self, check: str) -> None:
        """From now on this thread works for `check`."""
        self._here.check = check
        self._here.started = time.monotonic()

    def cost(self, check: str) -> Cost:
        """What the check that this thread just looked at took."""
        return Cost(self._trading[check], self._aws[check], time.monotonic() - self._here.started)

    def total(self) -> Cost:
        """What everything took so far, beginnings included."""
        return Cost(self._trading.total(), self._aws.total(), time.monotonic() - self._started)

    def count_trading_request(self) -> None:
        self._trading[self._check] += 1

    def count_aws_call(self, **_: Any) -> None:
        """An event handler of botocore's, which must answer None."""
        self._aws[self._check] += 1

    @property
    def _check(self) -> str:
        return getattr(self._here, "check", "")


class CountingBudget(Unlimited):
    """Grants every request and counts it.

    The stack's own budget would have to be written to, and the doctor writes nothing. The broker tells the stack of
    these two or three requests with its next answer.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def spend(self, urgent: bool, reserved: Reservation | None = None) -> None:
        """Always granted."""
        self._meter.count_trading_request()
