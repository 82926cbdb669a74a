"""The blotter as a browser shows it: the machine's chromium, driven by Playwright, and a stack as moto plays it."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from desk.blotter import sources
from desk.blotter.holdings import position_rows
from desk.blotter.rows import order_row
from desk.blotter.server import Server, bind
from desk.stack.signal_files import read_signals
from repeg.domain.order.children import ChildStatus
from repeg.domain.reasons import Status
from repeg.domain.signals.outgoing import OutgoingSignal
from tests.support.clinic import Clinic, open_clinic
from tests.support.make import NOON, child, order, quote
from tests.unit.blotter.conftest import Desk
from tests.unit.blotter.test_holdings import _bracket, _position
from tests.unit.blotter.visits import no_broker

KEY = "the-key"
PATIENCE_MS = 30_000
"""For what is on the page within one second, on a machine that does nothing else."""


# Not for longer: as long as Playwright is at work, no other test can run a loop of its own in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests."""
    named = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("REPEG_CHROMIUM") or next(filter(None, map(shutil.which, named)), None)
    if found is None:
        pytest.fail("no chromium: apt-get install chromium, or REPEG_CHROMIUM=/path/to/chrome", pytrace=False)
    # A container's root has no sandbox to begin with; what is shown here is the test's own page.
    rights = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        # A container's shared memory is small.
        opened = playwright.chromium.launch(executable_path=found, args=["--disable-dev-shm-usage", *rights])
        yield opened
        opened.close()


class _Holdings:
    """The broker's side: a bracket in profit, one that nothing guards, and shares without a bracket."""

    def __init__(self, reach: Any) -> None:
        self.hurry = self.watch = lambda *_: None

    def look(self) -> dict[str, Any]:
        bare = _bracket() | {"symbol": "SOXL", "verdict": "bare", "orders": []}
        held = {name: _position("100") for name in ("TQQQ", "SOXL", "SPY")}
        quotes = {name: quote("41", "41.02", symbol=name) for name in held}
        account = {"number": "PA1", "mode": "paper", "equity": "100123.45", "today": "-20", "cash": "1"}
        return {
            "positions": position_rows(held, [_bracket(), bare], quotes),
            "account": {"account": account | {"buying_power": "200000", "blocked": False, "open": True}},
        }


class Blotter:
    """A blotter that is being served, and the stack behind it."""

    def __init__(self, clinic: Clinic, port: int) -> None:
        self.clinic = clinic
        self.desk = Desk(clinic)
        self.reach: Any = no_broker
        self.server: _serving | None = None
        self.address = f"http://127.0.0.1:{port}/#key={KEY}"

    def shown(self, page: Page) -> Page:
        """The page, with its first orders on it."""
        page.goto(self.address)
        page.wait_for_selector("#link[data-state=live]", timeout=PATIENCE_MS)
        return page


@pytest.fixture
def blotter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Blotter]:
    """With an order at work and one that waits; an alarm rings, and an alert is open."""
    monkeypatch.setattr(sources, "Holdings", _Holdings)
    with open_clinic(monkeypatch, tmp_path) as clinic, _served(clinic) as made:
        made.desk.working("ord-1")
        made.desk.taken_in("ord-2", symbol="SOXL", status=Status.WAITING)
        clinic.log(alert=True, message="cancel stuck: the symbol stays locked", order_id="ord-1", symbol="TQQQ")
        yield made


class Many:
    """The orders of a page, as its table would have them after each write."""

    def __init__(self) -> None:
        self.rows = {name: _row(place, name) for place in range(LIVE) for name in [f"ord-{place}"]}

    def fill(self, place: int, qty: int) -> None:
        """One order was written, as one was that got a part of its shares."""
        name = f"ord-{place}"
        self.rows = self.rows | {name: _row(place, name, filled_qty=Decimal(qty), avg_fill_price=Decimal("50.98"))}

    def look(self) -> dict[str, Any]:
        return {"orders": self.rows, "rebalances": {}, "unreadable": {}}


LIVE = 500


def _row(place: int, name: str, **newest: Any) -> dict[str, Any]:
    rungs = [child(number, status=ChildStatus.CANCELED, closed_at=NOON) for number in range(1, 4)]
    rests = child(4, patience=Decimal(60), **newest)
    made = order(
        order_id=name,
        signal_id=f"s-{name}",
        symbol=f"S{place % 100}",
        strategy="pairs",
        received_wall=NOON + timedelta(milliseconds=place),
        status=Status.WORKING,
        children=(*rungs, rests),
    )
    return order_row(made)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Blotter, Many]]:
    """A page of 500 live orders in 100 symbols."""
    monkeypatch.setattr(sources, "Holdings", _Holdings)
    rows = Many()
    monkeypatch.setattr(sources, "Book", lambda *_: rows)
    with open_clinic(monkeypatch, tmp_path) as clinic, _served(clinic) as made:
        yield made, rows


@contextmanager
def _served(clinic: Clinic) -> Iterator[Blotter]:
    clinic["events"].create_event_bus(Name="repeg-events")
    clinic.outputs["EventBusName"] = "repeg-events"
    clinic["cloudwatch"].set_alarm_state(AlarmName="repeg-alert-logged", StateValue="ALARM", StateReason="test")
    bound = bind(0)
    made = Blotter(clinic, bound.getsockname()[1])
    # Clients are made here: the server's thread asks them only.
    served = sources.reached(clinic.case.connection, lambda: made.reach())
    with _serving(Server(served, KEY), bound) as made.server:
        yield made


class _serving:
    """A server in a thread of its own, as long as the block lasts."""

    def __init__(self, server: Server, bound: Any) -> None:
        self._server, self._bound = server, bound
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> _serving:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """As if the terminal had been closed."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        from aiohttp import web

        self._over = asyncio.Event()
        runner = web.AppRunner(self._server.app(), shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, self._bound).start()
        self._ready.set()
        await self._over.wait()
        await runner.cleanup()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab. What the page complains of fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    yield opened
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith("http://127.0.0.1:")] == []


def close_of(symbol: str) -> OutgoingSignal:
    """The close that a flattening sends of a symbol."""
    [made] = read_signals(f'{{"signal_id": "flatten-{symbol}-1", "kind": "close", "symbol": "{symbol}"}}')
    return made
