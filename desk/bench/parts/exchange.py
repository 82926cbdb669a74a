"""The simulated exchange on its own: orders a second over HTTP, what one costs in memory, and a page at the end."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from desk.bench.errors import BenchError
from desk.bench.parts.memory import MemoryWatch
from desk.bench.report import Part, Table, Target, number
from desk.bench.sample import Sample
from desk.exchange.process import ExchangeProcess, start_exchange

ORDERS = 20_000
CLIENTS = 4
PAGES = 10
LEAST_A_SECOND, MOST_P99_MS, MOST_PAGE_MS = 450, 15, 20
# The first orders warm up what every later one finds warm, and are not counted.
_WARM_UP = 500
_KEYS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}
_PLENTY = 10**9


@dataclass(frozen=True)
class Outcome:
    """What was measured; times in seconds, memory in bytes."""

    orders: Sample
    seconds: float
    """From the first counted order to the last."""
    fills: int
    newest: Sample
    """Reading the first page of activities."""
    oldest: Sample
    """Reading the page of activities before the very first."""
    grown: int
    """How much memory the process has more after the counted orders."""
    processor: float = 0
    """What the process took of a processor from start to end: unlike the rate, the same on a machine that is shared."""


def measure(say: Callable[[str], None]) -> Part:
    """Starts an exchange, sends it orders from several clients at once, and reads pages when all are sent."""
    say(f"{ORDERS} orders to the simulated exchange")
    before = _processor_s()
    with start_exchange() as exchange:
        _open(exchange)
        found = asyncio.run(_trade(exchange))
    return report(replace(found, processor=_processor_s() - before))


def _processor_s() -> float:
    """Of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _open(exchange: ExchangeProcess) -> None:
    control = exchange.control
    control.settings(rate_limit=_PLENTY, data_rate_limit=_PLENTY)
    control.account(cash=_PLENTY)
    # Bought and sold are different shares, or the orders of different clients would be wash trades.
    for symbol in ("AAPL", "TQQQ"):
        control.quote(symbol, "50.95", "50.98", _PLENTY, _PLENTY)
    control.position("TQQQ", _PLENTY, "50")


async def _trade(exchange: ExchangeProcess) -> Outcome:
    async with _client(exchange.url) as session:
        await _burst(session, _WARM_UP)
        watch = MemoryWatch([exchange.process.pid])
        try:
            before = watch.now()[0]
            started = time.perf_counter()
            orders = await _burst(session, ORDERS)
            seconds = time.perf_counter() - started
            grown = watch.now()[0] - before
        finally:
            watch.stop()
        newest, oldest, fills = await _read_pages(session)
    return Outcome(Sample(tuple(orders)), seconds, fills, newest, oldest, grown)


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(url, headers=_KEYS, connector=aiohttp.TCPConnector(limit=CLIENTS)) as session:
        yield session


async def _burst(session: aiohttp.ClientSession, orders: int) -> list[float]:
    """Seconds of each order, sent by all clients together; every third one rests, and is cancelled."""
    numbers = iter(range(orders))
    taken: list[float] = []

    async def client() -> None:
        for n in numbers:
            started = time.perf_counter()
            order = await _answer(session, "POST", "/v2/orders", json=_order(n))
            taken.append(time.perf_counter() - started)
            if n % 3 == 2:
                await _answer(session, "DELETE", f"/v2/orders/{order['id']}")

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return taken


def _order(n: int) -> dict[str, Any]:
    symbol, side, limit = [("AAPL", "buy", "50.98"), ("TQQQ", "sell", "50.95"), ("AAPL", "buy", "40")][n % 3]
    return {
        **{"symbol": symbol, "side": side, "qty": "1", "type": "limit", "limit_price": limit},
        "time_in_force": "day",
    }


async def _read_pages(session: aiohttp.ClientSession) -> tuple[Sample, Sample, int]:
    """Reads of the newest page, reads of the oldest by the id of the item before it, and how many items there are."""
    path, fills, token = "/v2/account/activities", 0, None
    before: list[str | None] = []
    while page := await _answer(session, "GET", path, params={"page_token": token} if token else None):
        before.append(token)
        fills, token = fills + len(page), page[-1]["id"]
    newest, oldest = [
        Sample(tuple([await _timed(session, path, {"page_token": of} if of else None) for _ in range(PAGES)]))
        for of in (None, before[-1])
    ]
    return newest, oldest, fills


async def _timed(session: aiohttp.ClientSession, path: str, params: dict[str, str] | None) -> float:
    started = time.perf_counter()
    await _answer(session, "GET", path, params=params)
    return time.perf_counter() - started


async def _answer(session: aiohttp.ClientSession, method: str, path: str, **more: Any) -> Any:
    async with session.request(method, path, **more) as answer:
        if answer.status >= 300:
            raise BenchError(f"exchange: {method} {path} got {answer.status}: {await answer.text()}")
        return await answer.json() if answer.status != 204 else None


def report(found: Outcome) -> Part:
    """The findings, held against what the exchange is meant to do."""
    orders = found.orders
    rate = orders.n / found.seconds
    p99, kib = orders.percentile(0.99) * 1e3, found.grown / orders.n / 1024
    processor = found.processor / (orders.n + _WARM_UP) * 1e3
    page = max(found.newest.median, found.oldest.median) * 1e3
    rows = [
        ["orders a second", number(rate)],
        ["an order, median", number(orders.median * 1e3, "ms")],
        ["an order, 99 of 100", number(p99, "ms")],
        ["processor time of an order", number(processor, "ms")],
        ["memory of an order", number(kib, "KiB")],
        [f"newest page of {found.fills} activities", number(found.newest.median * 1e3, "ms")],
        ["oldest page", number(found.oldest.median * 1e3, "ms")],
    ]
    note = f"{orders.n} orders from {CLIENTS} clients at once; a third of them rests and is cancelled."
    figures = {
        **{"orders": orders.n, "seconds": found.seconds, "orders_a_second": rate, "median_ms": orders.median * 1e3},
        **{"p99_ms": p99, "processor_ms": processor, "kib_an_order": kib, "activities": found.fills, "page_ms": page},
    }
    targets = (
        Target("orders a second at the exchange", rate, LEAST_A_SECOND, at_least=True),
        Target("an order at the exchange, 99 of 100, ms", p99, MOST_P99_MS),
        Target("a page of activities, ms", page, MOST_PAGE_MS),
    )
    return Part("exchange", figures, [Table("The simulated exchange", ["what", "measured"], rows, note)], targets)
