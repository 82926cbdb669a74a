"""Fixtures of the exchange's unit tests."""

from __future__ import annotations

import pytest

from tests.unit.exchange.virtual import VirtualExchange


@pytest.fixture
def exchange() -> VirtualExchange:
    """An exchange at 10:00 ET of a regular session, with TQQQ quoted 50.95 / 50.98."""
    exchange = VirtualExchange()
    exchange.quote("TQQQ", "50.95", "50.98", 300, 300)
    return exchange
