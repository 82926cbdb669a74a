"""The real exchange process on a free port, and the real alpaca-py clients that talk to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.trading.client import TradingClient

from desk.exchange.client import ExchangeControl
from desk.exchange.process import ExchangeProcess, start_exchange
from tests.integration.exchange.plain import PlainClient

MORNING = "2026-11-20T10:00:00-05:00"


@pytest.fixture(scope="session")
def exchange_process() -> Iterator[ExchangeProcess]:
    """One exchange for all tests of the run, at speed 1."""
    with start_exchange() as running:
        yield running


@pytest.fixture
def url(exchange_process: ExchangeProcess, control: ExchangeControl) -> str:
    return exchange_process.url


@pytest.fixture
def control(exchange_process: ExchangeProcess) -> ExchangeControl:
    """The control client of an exchange just reset to 10:00 ET, with TQQQ quoted 50.95 / 50.98."""
    control = exchange_process.control
    control.reset()
    control.set_clock(MORNING, paused=False, speed=1)
    control.quote("TQQQ", "50.95", "50.98", 300, 300)
    return control


@pytest.fixture
def trading(url: str) -> TradingClient:
    client = TradingClient("key", "secret", url_override=url)
    client._retry = 0
    return client


@pytest.fixture
def market_data(url: str) -> StockHistoricalDataClient:
    return StockHistoricalDataClient("key", "secret", url_override=url)


@pytest.fixture
def plain(url: str, control: ExchangeControl) -> Iterator[PlainClient]:
    """A client without an SDK, at a market clock that stands still."""
    control.set_clock(paused=True)
    yield PlainClient(url, control)
    control.set_clock(paused=False)
