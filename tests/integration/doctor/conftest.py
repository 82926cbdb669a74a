"""The doctor in front of the real exchange process, with an AWS that moto plays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from desk.doctor import broker
from desk.exchange.client import ExchangeControl
from desk.exchange.process import ExchangeProcess, start_exchange
from tests.support.clinic import KEYS, Clinic, open_clinic

MORNING = "2026-11-20T10:00:00-05:00"


@pytest.fixture(scope="session")
def exchange_process() -> Iterator[ExchangeProcess]:
    with start_exchange() as running:
        yield running


@pytest.fixture
def control(exchange_process: ExchangeProcess) -> ExchangeControl:
    """An exchange reset to 10:00 ET, its clock standing still, SPY quoted, that takes the clinic's keys only."""
    control = exchange_process.control
    control.reset()
    control.set_clock(MORNING, paused=True, speed=1)
    control.quote("SPY", "602.10", "602.11", 100, 100)
    control.settings(**KEYS)
    return control


@pytest.fixture
def clinic(control: ExchangeControl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clinic]:
    """A stack on AWS that trades at the exchange, as it would at Alpaca."""
    monkeypatch.setattr(broker, "_is_loopback", lambda url: False)
    with open_clinic(monkeypatch, tmp_path) as opened:
        opened.exchange_url = control.url
        opened.environment |= {"BROKER_URL": control.url, "DATA_URL": control.url}
        opened.wall = lambda: datetime.fromisoformat(MORNING)
        opened.kept_clock()
        yield opened


@pytest.fixture
def local(clinic: Clinic) -> Clinic:
    """The same on the local cloud."""
    clinic.local = True
    return clinic
