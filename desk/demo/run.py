"""The demo from start to end: a local cloud of its own, the acts, the verdict, and nothing left running."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from msgspec import to_builtins
from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from desk.cloud import local
from desk.demo import rebalance
from desk.demo.bracket_stories import RAN_TO_536
from desk.demo.figures import report_table, two_ways_table
from desk.demo.play import Progress, Stage, Tuning, Watcher, send_stories
from desk.demo.rebalance import RebalanceVerdict
from desk.demo.show import finished_lines, heading, progress_table, verdict_table
from desk.demo.stories import PARTS
from desk.demo.story import Act, Part
from desk.demo.verdict import Verdict
from desk.exchange.client import ExchangeControl
from desk.report.analysis.document import Report, TargetLine
from desk.report.analysis.reports import Span, report_over, target_lines
from desk.report.audit import Audit, audit
from desk.stack.alarms import ringing_now
from desk.stack.connection import Connection, connect_local
from desk.stack.overrides import OverridesStore
from desk.stack.place import Status
from desk.telling.analysis import targets_table
from desk.telling.rebalances import rebalance_page
from repeg.domain.metrics.figures import mark_of
from repeg.domain.order.record import Order
from repeg.domain.order.views import order_view
from repeg.store.orders import OrderStore

LONGEST_ACT_MARKET_SECONDS = 150.0
SLACK_SECONDS = 30.0
_WORDS = (
    "limits in a row are child orders, one after the other; bps are hundredths of a percent, + is cost; "
    "R/R is the reward for a risk of one"
)
_PROVOKED = "refusals and misses are what stories show: a rate that is missed here is provoked"
_NEXT = "to play yourself: make local (it says how to go on)"
_SLOWER = 'a machine that is busy is late for so fast a market; slower, in two minutes: make demo ARGS="--speed 1"'


@dataclass(frozen=True)
class Told:
    """What the demo came to."""

    verdicts: list[Verdict]
    report: Report
    brackets: list[TargetLine]
    """The four figures over brackets that entered by limit, each beside its target."""
    audit: Audit
    seconds: float
    rebalance: RebalanceVerdict
    ringing: dict[str, list[str]]
    """Alarms that rang at the end of each part, by its title."""
    kinds: dict[str, int] = field(default_factory=dict)
    """How many orders there are of each kind."""

    @property
    def ok(self) -> bool:
        """True when every story ended as expected and the journal agrees with the records."""
        return all(verdict.ok for verdict in self.verdicts) and self.rebalance.ok and not self.audit.differences

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        stories = [
            {
                "story": verdict.story.title,
                "signal_id": verdict.story.signal_id,
                "expected": asdict(verdict.story.expected),
                "order": verdict.order,
                "fills": verdict.fills,
                "differences": verdict.differences,
                "ok": verdict.ok,
            }
            for verdict in self.verdicts
        ]
        return {
            "ok": self.ok,
            "seconds": round(self.seconds, 1),
            "stories": stories,
            "rebalance": {
                "record": self.rebalance.view,
                "differences": self.rebalance.differences,
                "ok": self.rebalance.ok,
            },
            "report": self.report.document(),
            "targets": [to_builtins(line) for line in self.brackets],
            "audit": asdict(self.audit),
            "alarms": self.ringing,
        }


def what_next(ok: bool, speed: float) -> str | None:
    """What to type after the demo. A story may also end otherwise because the machine had no time for it."""
    if ok:
        return _NEXT
    return _SLOWER if speed > 1 else None


class Demo:
    """Plays every act. `speed` is market seconds per wall second."""

    def __init__(self, console: Console, speed: float, parts: Sequence[Part] = PARTS) -> None:
        self._console = console
        self._speed = speed
        self._parts = parts

    def run(self) -> Told:
        """Start, play, tell, and stop what was started.

        Raises:
            CloudError: the local cloud could not be started.
        """
        local.down()  # what a demo that was killed may have left
        self._console.print(self._introduction())
        self._console.print()
        heading(self._console, "a cloud of its own, on this machine")
        with local.cloud(speed=self._speed, start=self._parts[0].acts[0].starts_at, step=self._step) as status:
            told = self.play(status)
            self._console.print()
            with self._step("stopping what was started"):
                local.down()
        self._tell(told)
        return told

    def _introduction(self) -> str:
        stories = sum(len(part.stories) for part in self._parts)
        return (
            f"{stories} signals and a schedule go through a queue into the stack that make deploy would put on AWS, "
            f"and from there to a simulated Alpaca, where market time runs {self._speed:g} times as fast. "
            f"Seconds beside a story are this machine's; those of the tables and reports are the market's."
        )

    def play(self, status: Status) -> Told:
        """Play every act on a cloud that is up, and compare."""
        connection = connect_local(status)
        exchange = ExchangeControl(str(status.exchange_url))
        orders = OrderStore(connection.dynamodb, connection.table)
        send = partial(send_stories, connection.sqs, connection.queue_url)
        stage = partial(Stage, send, Tuning(_override(connection)), orders, exchange)
        started = time.monotonic()
        verdicts: list[Verdict] = []
        ringing: dict[str, list[str]] = {}
        for part in self._parts:
            self._console.print()
            heading(self._console, part.title)
            verdicts += (verdict for act in part.acts for verdict in self._act(act, stage))
            ringing[part.title] = ringing_now(connection)
            rung = ", ".join(ringing[part.title])
            self._console.print(
                f"  alarms that ring: {f'{rung} (these stories provoke them)' if rung else 'none'}", style="dim"
            )
        self._console.print()
        heading(self._console, rebalance.TITLE)
        self._console.print(Text(rebalance.ACT, style="bold"))
        timeout = rebalance.LONGEST_MARKET_SECONDS / self._speed + SLACK_SECONDS
        weights = rebalance.play(
            connection, exchange, timeout, lambda line: self._console.print(f"  {line}", style="dim")
        )
        seconds = time.monotonic() - started
        made = {order.order_id: order for order in orders.newest()}
        found = audit([order_view(order) for order in made.values()], exchange.journal())
        report = report_over(made.values(), lambda ids: {each: made[each] for each in ids}, Span())
        kinds = dict(Counter(str(order.kind) for order in made.values() if not order.is_instruction))
        return Told(verdicts, report, _bracket_lines(made.values()), found, seconds, weights, ringing, kinds)

    def _act(self, act: Act, stage: Callable[[Watcher], Stage]) -> list[Verdict]:
        timeout = LONGEST_ACT_MARKET_SECONDS / self._speed + SLACK_SECONDS
        if not self._console.is_terminal:
            self._console.print(Text(act.title, style="bold"))
            return stage(_Lines(self._console)).play(act, timeout)
        with Live(console=self._console, auto_refresh=False) as live:

            def show(act: Act, progress: Sequence[Progress]) -> None:
                live.update(progress_table(act, progress, self._console.width), refresh=True)

            return stage(show).play(act, timeout)

    def _tell(self, told: Told) -> None:
        for part in self._parts:
            mine = [verdict for verdict in told.verdicts if verdict.story in part.stories]
            self._section(f"{part.title}: expected against actual", verdict_table(mine, self._console.width))
        for verdict in told.verdicts:
            if verdict.story == RAN_TO_536:
                self._section("one signal, two ways", two_ways_table(verdict))
        self._section(f"{rebalance.TITLE}: {_ended(told.rebalance)}", _weights(told.rebalance))
        self._section("execution report", report_table(told.report, told.audit, told.kinds))
        self._section("brackets against their targets", targets_table([to_builtins(line) for line in told.brackets]))
        self._console.print(_PROVOKED, style="dim")
        good = sum(verdict.ok for verdict in told.verdicts) + told.rebalance.ok
        self._console.print()
        summary = f"{good} of {len(told.verdicts) + 1} stories ended as expected, in {told.seconds:.0f} s"
        self._console.print(_WORDS, style="dim")
        self._console.print(Text(summary, style="bold green" if told.ok else "bold red"))
        if advice := what_next(told.ok, self._speed):
            self._console.print(advice, style="dim")

    def _section(self, title: str, content: RenderableType) -> None:
        self._console.print()
        heading(self._console, title)
        self._console.print(content)

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        with self._console.status(what):
            yield
        self._console.print(Text.assemble(("done ", "green"), what, (f" {time.monotonic() - started:.1f} s", "dim")))


def _bracket_lines(orders: Iterable[Order]) -> list[TargetLine]:
    """But for the story of the old way, which is there to miss them."""
    brackets = [order for order in orders if order.kind == "bracket" and order.terms.ladder == "smart_limit"]
    return target_lines([mark for order in brackets if (mark := mark_of(order))])


def _ended(verdict: RebalanceVerdict) -> str:
    return "as expected" if verdict.ok else "; ".join(verdict.differences)


def _weights(verdict: RebalanceVerdict) -> RenderableType:
    """The legs with their weights before, wanted and now; its history was shown as it happened."""
    return rebalance_page(verdict.view | {"events": []}) if verdict.view else Text("nothing", style="bold red")


def _override(connection: Connection) -> Callable[[Mapping[str, Any]], None]:
    """Settings in force from now on; none of them: the defaults."""
    store = OverridesStore(connection.ssm, connection.settings_defaults, connection.settings_overrides)
    return lambda settings: store.write(json.dumps(dict(settings)))


class _Lines:
    """Without a terminal: every story is told once, when it is over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: set[str] = set()

    def __call__(self, act: Act, progress: Sequence[Progress]) -> None:
        for item in progress:
            if item.over and item.story.signal_id not in self._told:
                self._told.add(item.story.signal_id)
                self._console.print(finished_lines(item))
