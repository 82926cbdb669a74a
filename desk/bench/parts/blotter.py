"""The blotter with 500 live orders: what a change costs the server and the page, and how soon it is seen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from desk.bench.errors import BenchError
from desk.bench.parts.memory import descendants, parents
from desk.bench.report import Part, Table, Target, number
from desk.bench.sample import Sample
from desk.bench.stage import Stage
from desk.stack.market_time import measured_now
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.fence import first_worked_by
from repeg.domain.order.parts import Ask, Terms
from repeg.domain.order.record import Order
from repeg.domain.reasons import Status

ORDERS, SYMBOLS, RUNGS = 500, 100, 4
SINGLE_CHANGES = 20
A_SECOND = 20
"""Changes under load. Two trading requests and some three writes an order: the account's ceiling makes ten."""
SECONDS = 10
MOST_PAINT_MS, MOST_SHOWN_MS, MOST_LATE_PERCENT, MOST_PROCESSOR = 1000, 1000, 1.0, 0.5
LATE_MS = 50
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_READY_S, _SETTLES_S, _SHOWN_S = 60, 3, 10

_WATCH = """() => {
  window.frames_ = []; window.long_ = []; window.came = 0; window.touched = 0; window.seen = {};
  let last = performance.now();
  const frame = (at) => { frames_.push(at - last); last = at; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  new PerformanceObserver((all) => long_.push(...all.getEntries())).observe({type: "longtask"});
  const parse = JSON.parse;
  JSON.parse = (text) => ((came += text.length), parse(text));
  new MutationObserver((all) => {
    touched += all.length;
    for (const each of all) {
      const line = (each.target.closest ? each.target : each.target.parentElement)?.closest("tr[data-id]");
      if (line) seen[`${line.dataset.id} ${line.querySelector(".filled span").textContent}`] ??= Date.now();
    }
  }).observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
}"""
_BEGIN = "() => { frames_ = []; long_ = []; came = 0; touched = 0; }"
_READ = "() => ({frames: frames_, long: long_.length, came, touched})"


@dataclass(frozen=True)
class Stretch:
    """So many seconds of the page: what it drew, and what it and the server took of a processor in each second."""

    frames: Sample
    """Milliseconds from frame to frame."""
    long_tasks: int
    """Of more than 50 ms."""
    changes: int
    bytes: int
    nodes: int
    server: float
    page: float

    @property
    def late_percent(self) -> float:
        """Frames that came late."""
        return 100 * sum(each > LATE_MS for each in self.frames.values) / self.frames.n


@dataclass(frozen=True)
class Outcome:
    """What was measured, in milliseconds."""

    first_paint: float
    all_rows: float
    """From the address to the last of the lines, with a server that has just begun to look."""
    shown: Sample
    """From just before a write until its line says so."""
    at_rest: Stretch
    changing: Stretch


def missing() -> str | None:
    """Why it cannot be measured here, or None."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "the blotter is measured with playwright, which is not installed: make bench installs it"
    return None if _browser() else "the blotter is measured in chromium: apt-get install chromium, or REPEG_CHROMIUM"


def _browser() -> str | None:
    return os.environ.get("REPEG_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def measure(on: Stage, say: Callable[[str], None]) -> Part:
    """Writes live orders into the stack's table, opens the page over them, and changes them.

    The sweep is switched off, and stays so: it would have each of them worked.
    """
    if reason := missing():
        raise BenchError(reason)
    say(f"the blotter with {ORDERS} live orders")
    orders = _Orders(on)
    with _server() as (address, process), _page() as page:
        return report(_measure(page, address, process.pid, orders))


class _Orders:
    """Live orders that nobody works."""

    def __init__(self, on: Stage) -> None:
        self._on = on
        events = on.connection.events
        for rule in events.list_rules()["Rules"]:
            events.disable_rule(Name=rule["Name"])
        for place in range(SYMBOLS):
            on.exchange.quote(_symbol(place), "50.95", "50.98", 1000, 1000)
        self._orders = [self._written(place) for place in range(ORDERS)]
        self._next = 0

    def _written(self, place: int) -> Order:
        at = measured_now(self._on.connection)
        rungs = tuple(_rung(place, number, at) for number in range(1, RUNGS + 1))
        made = Order(
            order_id=f"ord-blotter-{place}",
            signal_id=f"blotter-{place}",
            kind="order",
            symbol=_symbol(place % SYMBOLS),
            side="buy",
            strategy="bench",
            created_at=at,
            ask=Ask(received_wall=datetime.now(UTC), qty=Decimal(100)),
            terms=Terms(requested_qty=Decimal(100)),
        )
        self._on.orders.accept(first_worked_by(made, "none"), f"{place}")
        taken = self._on.orders.get(made.order_id)
        assert taken
        return self._on.orders.save(taken.changed(status=Status.WORKING, children=rungs))

    def change(self) -> str:
        """The next order fills a share more, and its quote moves; how its line shows that."""
        place, self._next = self._next % ORDERS, self._next + 1
        order = self._orders[place]
        *before, rests = order.children
        filled = rests.filled_qty + 1
        rests = rests.changed(filled_qty=filled, avg_fill_price=Decimal("50.98"))
        self._orders[place] = self._on.orders.save(order.changed(children=(*before, rests)))
        bid = Decimal("50.90") + Decimal(self._next % 10) / 100
        self._on.exchange.quote(order.symbol, str(bid), str(bid + Decimal("0.03")), 1000, 1000)
        return f"{order.order_id} {filled} / 100"


def _symbol(place: int) -> str:
    return f"Q{chr(65 + place // 26)}{chr(65 + place % 26)}"


def _rung(place: int, rung: int, at: datetime) -> ChildRecord:
    rests = rung == RUNGS
    return ChildRecord(
        rung=rung,
        client_order_id=f"ord-blotter-{place}-e{rung}",
        broker_order_id=f"blotter-{place}-{rung}",
        type="limit",
        limit_price=Decimal("50.99"),
        qty=Decimal(100),
        status=ChildStatus.LIVE if rests else ChildStatus.CANCELED,
        sent_at=at,
        closed_at=None if rests else at,
        patience=Decimal(60),
    )


@contextmanager
def _server() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`repeg blotter`, as anybody starts it, and its address."""
    command = [str(Path(sys.executable).with_name("repeg")), "blotter", "--no-open", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout
        address = process.stdout.readline().strip()
        if not address:
            raise BenchError("repeg blotter ended before it was ready")
        yield address, process
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def _page() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    # A container's root has no sandbox to begin with, and its shared memory is small.
    rights = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_browser(), args=["--disable-dev-shm-usage", *rights])
        try:
            yield browser.new_page(viewport={"width": 1280, "height": 800})
        finally:
            browser.close()


def _measure(page: Any, address: str, server: int, orders: _Orders) -> Outcome:
    begun = time.monotonic()
    page.goto(address)
    lines = page.locator("#at-work tr[data-id]")
    lines.nth(ORDERS - 1).wait_for(state="attached", timeout=_READY_S * 1000)
    rows = (time.monotonic() - begun) * 1000
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    time.sleep(_SETTLES_S)
    page.evaluate(_WATCH)
    at_rest = _stretch(page, server, lambda: None)
    changing = _stretch(page, server, lambda: orders.change())
    return Outcome(paint, rows, Sample(tuple(_shown(page, orders) for _ in range(SINGLE_CHANGES))), at_rest, changing)


def _shown(page: Any, orders: _Orders) -> float:
    written = time.time() * 1000
    name = orders.change()
    ends = time.monotonic() + _SHOWN_S
    while (seen := page.evaluate("(name) => seen[name]", name)) is None:
        if time.monotonic() > ends:
            raise BenchError(f"the page does not show {name}")
        time.sleep(0.05)
    return float(seen - written)


def _stretch(page: Any, server: int, change: Callable[[], Any]) -> Stretch:
    page.evaluate(_BEGIN)
    before, begun, changes = (_processor(server), _processor_of_page()), time.monotonic(), 0
    for tick in range(1, SECONDS * A_SECOND + 1):
        changes += change() is not None
        time.sleep(max(0.0, begun + tick / A_SECOND - time.monotonic()))
    gone = time.monotonic() - begun
    found = page.evaluate(_READ)
    server_s, page_s = _processor(server) - before[0], _processor_of_page() - before[1]
    frames = Sample(tuple(found["frames"][1:]))
    return Stretch(frames, found["long"], changes, found["came"], found["touched"], server_s / gone, page_s / gone)


def _processor(pid: int) -> float:
    """Seconds of a processor that a process has taken. Linux only."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _processor_of_page() -> float:
    """Of all processes of the browser."""
    mine = descendants([os.getpid()], parents())
    return sum(_processor(pid) for pid in mine if "--type=" in _command(pid))


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def report(found: Outcome) -> Part:
    """The findings, held against what the page is meant to be."""
    shown = max(found.shown.values)
    rows = [
        ["first paint", number(found.first_paint, "ms"), ""],
        [f"all {ORDERS} lines", number(found.all_rows, "ms"), ""],
        ["a change is on the page, median", number(found.shown.median, "ms"), ""],
        ["the slowest of them", number(shown, "ms"), ""],
    ]
    both = (found.at_rest, found.changing)
    table = [
        ["frames a second", *(number(each.frames.n / SECONDS) for each in both)],
        [f"frames later than {LATE_MS} ms, %", *(number(each.late_percent) for each in both)],
        ["slowest frame, ms", *(number(max(each.frames.values)) for each in both)],
        ["tasks of more than 50 ms", *(str(each.long_tasks) for each in both)],
        ["of a processor: the page", *(number(each.page) for each in both)],
        ["of a processor: the server", *(number(each.server) for each in both)],
        ["bytes a change", "", number(found.changing.bytes / max(1, found.changing.changes))],
        ["nodes touched a change", "", number(found.changing.nodes / max(1, found.changing.changes))],
    ]
    note = f"{ORDERS} live orders in {SYMBOLS} symbols; {A_SECOND} of them, and a quote, change each second."
    figures = {
        "first_paint_ms": found.first_paint,
        "all_lines_ms": found.all_rows,
        "shown_ms": {"median": found.shown.median, "most": shown},
        "at_rest": _figures(found.at_rest),
        "changing": _figures(found.changing),
    }
    targets = (
        Target("blotter: first paint, ms", found.first_paint, MOST_PAINT_MS),
        Target("blotter: a change is on the page, ms", shown, MOST_SHOWN_MS),
        Target(f"blotter: frames later than {LATE_MS} ms, %", found.changing.late_percent, MOST_LATE_PERCENT),
        Target("blotter: of a processor, page and server", found.changing.page + found.changing.server, MOST_PROCESSOR),
    )
    tables = [
        Table("The blotter", ["what", "measured", ""], rows),
        Table("Its page", ["what", "at rest", "changing"], table, note),
    ]
    return Part("blotter", figures, tables, targets)


def _figures(of: Stretch) -> dict[str, Any]:
    return {
        "frames_a_second": of.frames.n / SECONDS,
        "late_percent": of.late_percent,
        "slowest_frame_ms": max(of.frames.values),
        "long_tasks": of.long_tasks,
        "changes": of.changes,
        "bytes": of.bytes,
        "nodes": of.nodes,
        "processor": {"page": of.page, "server": of.server},
    }
