"""A lab per test, on one exchange per session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from tests.support.lab import START, Lab
from tests.support.observed.stages import Trail
from tests.support.stand_ins.short_exchange import ShortExchange
from tests.support.stand_ins.short_moto import quick_aws
from tests.support.stand_ins.tables import all_items, put_items


@pytest.fixture(scope="session")
def exchange() -> ExchangeControl:
    return ShortExchange(START)


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture(scope="session")
def swept(exchange: ExchangeControl) -> list[dict[str, Any]]:
    """What a sweep before the test left in the table: a reading of the broker's clock, and the calendar."""
    exchange.reset()
    exchange.set_clock(START, paused=True)
    with quick_aws():
        lab = Lab(exchange)
        lab.read_clock()
        # Without what it cost: the exchange has forgotten those requests, and each lab's budget counts as it does.
        return [item for item in all_items(lab.table) if item["pk"]["S"] == "MARKET"]


@pytest.fixture
def lab(exchange: ExchangeControl, swept: list[dict[str, Any]], aws_credentials: None) -> Iterator[Lab]:
    exchange.reset()
    exchange.set_clock(START, paused=True)
    exchange.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    with quick_aws():
        lab = Lab(exchange)
        put_items(lab.table, swept)
        yield lab


@pytest.fixture(autouse=True)
def stages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever happens to an order, it moves along the table of `domain/rules/life.py`."""
    trail = Trail()
    trail.follow(monkeypatch)
    yield
    assert not trail.unknown, f"no move of the table: {sorted(trail.unknown)}"
