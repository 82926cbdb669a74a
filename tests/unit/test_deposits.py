"""Deposits and withdrawals since the last close, across weekends and holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast

import pytest

from repeg.broker.alpaca_parse import Unreadable, paid_in
from repeg.broker.port import Broker
from repeg.worker.book import paid_in_since_close
from tests.support.make import calendar_from

MOVED = [
    {"date": "2026-04-01", "net_amount": "1"},
    {"date": "2026-04-02", "net_amount": "20"},
    {"date": "2026-04-03", "net_amount": "300"},
    {"date": "2026-04-04", "net_amount": "-4000"},
    {"date": "2026-04-06", "net_amount": "50000"},
    {"date": "2026-04-07", "net_amount": "600000"},
    {"net_amount": "0.5"},
]
"""Around Good Friday of 2026, which is the third of April: the market is closed, and banks are not."""


class _Bank:
    def calendar(self, start: date, end: date) -> Any:
        return calendar_from(start, (end - start).days).days

    def paid_in(self, after: date, until: date) -> Decimal:
        return paid_in(after, until, MOVED)


@pytest.mark.parametrize(
    ("now", "dollars"),
    [
        (datetime(2026, 4, 2, 14, tzinfo=UTC), "20.5"),
        (datetime(2026, 4, 3, 3, tzinfo=UTC), "20.5"),
        (datetime(2026, 4, 6, 14, tzinfo=UTC), "46300.5"),
        (datetime(2026, 4, 7, 14, tzinfo=UTC), "600000.5"),
    ],
    ids=["Thursday", "its night in London", "Monday", "Tuesday"],
)
def test_what_was_moved_since_the_last_close_counts_whichever_day_it_was(now: datetime, dollars: str) -> None:
    """`equity` has what came on the holiday and the weekend, and `last_equity`, of Thursday's close, has not."""
    assert paid_in_since_close(cast(Broker, _Bank()), now).dollars == Decimal(dollars)


@pytest.mark.parametrize("body", [{}, [1], [{"date": "2026-04-06"}], [{"date": "2026-04-06", "net_amount": "x"}]])
def test_what_cannot_be_read_is_not_nothing(body: Any) -> None:
    with pytest.raises(Unreadable):
        paid_in(date(2026, 4, 2), date(2026, 4, 6), body)
