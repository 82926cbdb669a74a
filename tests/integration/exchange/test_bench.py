"""The benchmark's part about the exchange, with few orders."""

from __future__ import annotations

import pytest

from desk.bench.parts import exchange


def test_orders_are_sent_and_pages_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "ORDERS", 90)
    monkeypatch.setattr(exchange, "_WARM_UP", 9)
    part = exchange.measure(lambda line: None)
    assert part.figures["orders"] == 90
    # Two in three are marketable; the last ones may still be on their way to the market.
    assert 0 < part.figures["activities"] <= 66
    assert part.figures["orders_a_second"] > 0 and part.figures["page_ms"] > 0
