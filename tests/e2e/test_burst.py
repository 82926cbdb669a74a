"""Fifty signals at once: nothing lost, nothing doubled, in order per symbol, inside the account's request limit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from desk.report.truth import trading_calls
from repeg.domain.reasons import Status
from tests.support.cloud import Cloud

pytestmark = pytest.mark.cloud

SYMBOLS = [f"BU{chr(65 + n)}" for n in range(25)]
LIMIT = 200
WINDOW_SECONDS = 60


def test_fifty_signals_for_twenty_five_symbols(cloud: Cloud, name: str) -> None:
    for symbol in SYMBOLS:
        cloud.exchange.quote(symbol, "20.00", "20.01", 5000, 5000)
    signals = [(f"{name}-{symbol}-{nth}", symbol) for nth in (1, 2) for symbol in SYMBOLS]
    with ThreadPoolExecutor(8) as pool:
        for nth in (1, 2):
            mine = [signal for signal in signals if signal[0].endswith(f"-{nth}")]
            list(pool.map(lambda signal: cloud.send(signal_id=signal[0], symbol=signal[1], qty=10), mine))
    orders = {order.signal_id: order for order in cloud.ended(*(signal_id for signal_id, _ in signals), timeout=240)}
    assert len(orders) == 50
    unfilled = {key: str(order.reason) for key, order in orders.items() if order.status is not Status.FILLED}
    assert not unfilled
    for symbol in SYMBOLS:
        first, second = (orders[f"{name}-{symbol}-{nth}"] for nth in (1, 2))
        assert first.completed_at and second.first_sent_at and first.completed_at <= second.first_sent_at
    cloud.audit()
    assert _busiest_minute(cloud) <= LIMIT


def _busiest_minute(cloud: Cloud) -> int:
    journal = cloud.exchange.journal()
    assert trading_calls(journal)
    times = [
        datetime.fromisoformat(entry["at"]).timestamp()
        for entry in journal
        if entry["type"] == "request" and "/stocks/" not in entry["path"]
    ]
    return max(sum(start <= at < start + WINDOW_SECONDS for at in times) for start in times)
