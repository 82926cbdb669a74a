"""A lab per test, on one exchange process per session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from desk.exchange.client import ExchangeControl
from desk.exchange.process import start_exchange
from tests.support.lab import START, Lab
from tests.support.short_moto import quick_aws
from tests.support.stages import Trail


@pytest.fixture(scope="session")
def exchange() -> Iterator[ExchangeControl]:
    with start_exchange(start=START) as running:
        yield ExchangeControl(running.control.url)


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def lab(exchange: ExchangeControl, aws_credentials: None) -> Iterator[Lab]:
    exchange.reset()
    exchange.set_clock(START, paused=True)
    exchange.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    with quick_aws():
        lab = Lab(exchange)
        lab.read_clock()
        yield lab


@pytest.fixture(autouse=True)
def stages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever happens to an order, it moves along the table of `domain/rules/life.py`."""
    trail = Trail()
    trail.follow(monkeypatch)
    yield
    assert not trail.unknown, f"no move of the table: {sorted(trail.unknown)}"
