"""What the demo shows: progress while it runs, then expected against actual, and the execution report."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rich import box
from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from desk.cli.figures import basis_points, price
from desk.cli.render import ROOMY, outcome
from desk.demo.play import Progress
from desk.demo.stories import MARKET, Act, Expected, Fill
from desk.demo.verdict import Verdict, limits
from desk.report.audit import Audit
from desk.report.execution import ExecutionReport


def progress_table(act: Act, progress: Sequence[Progress], width: int) -> RenderableType:
    """The act so far: one line for each story, with the limits as they are placed where there is room for them."""
    roomy = width >= ROOMY
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", width=1)
    table.add_column("story", no_wrap=True, min_width=42)
    table.add_column("s", justify="right", min_width=5)
    table.add_column("outcome", no_wrap=True, min_width=26)
    table.add_column("child orders" if roomy else "rungs")
    for item in progress:
        order = item.order
        table.add_row(
            Text("*", style="green") if item.over else Text(">", style="cyan"),
            item.story.title,
            f"{item.seconds:.1f}",
            outcome(order) if order else Text("sent", style="dim"),
            _ladder_walked(item, roomy),
        )
    return Group("", Text(act.title, style="bold"), table)


def finished_line(item: Progress) -> str:
    """One story that is over, for output that is not a terminal."""
    return f"  {item.story.title}: {outcome(item.order) if item.order else 'no order'} ({item.seconds:.1f} s)"


def verdict_table(verdicts: Sequence[Verdict]) -> Table:
    """Expected against actual."""
    table = Table(box=box.HORIZONTALS, show_lines=True, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("story", overflow="fold")
    table.add_column("expected", overflow="fold")
    table.add_column("actual", overflow="fold")
    table.add_column("slip.\nbps", justify="right", no_wrap=True)
    table.add_column("fills", justify="right", no_wrap=True)
    table.add_column("sec.", justify="right", no_wrap=True)
    table.add_column("ok", no_wrap=True)
    for verdict in verdicts:
        order = verdict.order
        table.add_row(
            verdict.story.title,
            _expected(verdict.story.expected),
            _actual(verdict),
            basis_points(order["slippage_bps"]) if order else "",
            str(len(verdict.fills)) if verdict.fills else "",
            f"{Decimal(order['seconds_to_fill']):.2f}" if order and order["seconds_to_fill"] else "",
            Text("yes", style="green") if verdict.ok else Text("NO", style="bold red"),
        )
    return table


def difference_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Each story that did not end as expected, with every difference."""
    return [f"{verdict.story.title}: {'; '.join(verdict.differences)}" for verdict in verdicts if not verdict.ok]


def report_table(report: ExecutionReport, audit: Audit) -> Table:
    """The execution report."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    table.add_row("orders", f"{report.orders}, {report.worked} worked, {report.filled} filled")
    table.add_row(
        "fill rate", f"{report.fill_rate:.1%} of the dollars worked" if report.fill_rate is not None else "none"
    )
    slippage = report.average_slippage_bps
    if slippage is not None:
        sign = "-" if report.slippage_dollars < 0 else "+"
        dollars = f"{sign}${abs(report.slippage_dollars):,.2f} on ${report.dollars:,.2f}"
        cost = f"{slippage:+.2f} bps of the arrival mid, {dollars} (+ is cost)"
        table.add_row("average slippage", cost)
    if report.average_seconds is not None:
        table.add_row("average time", f"{report.average_seconds:.2f} s of market time to the last fill")
    table.add_row("ladders", f"{report.repegs} re-pegs, {report.market_fallbacks} market fallback")
    table.add_row("not filled", ", ".join(f"{reason} {count}" for reason, count in report.reasons.items()) or "none")
    agree = "agree" if not audit.differences else f"DIFFER: {'; '.join(audit.differences)}"
    seen = f"{audit.child_orders} child orders, {audit.fills} fills at the exchange"
    table.add_row("journal and records", f"{agree} ({seen})")
    return table


def heading(console: Console, title: str) -> None:
    """A line across the screen."""
    console.print(Rule(title, align="left", style="dim"))


def _ladder_walked(item: Progress, roomy: bool) -> str:
    if not item.order:
        return ""
    steps = [price(rung["limit_price"]) or MARKET for rung in item.order["rungs"]]
    return " > ".join(steps) if roomy else str(len(steps) or "")


def _expected(expected: Expected) -> Text:
    return _outcome_text(expected.status, expected.reason, expected.limits, expected.fills)


def _actual(verdict: Verdict) -> Text:
    order = verdict.order
    if order is None:
        return Text("nothing", style="bold red")
    return _outcome_text(order["status"], order["reason"], limits(order), verdict.fills)


def _outcome_text(status: str, reason: str | None, prices: Sequence[str], fills: Sequence[Fill]) -> Text:
    text = Text(status.replace("_", " ") + (f"\n{reason}" if reason else ""))
    if prices:
        text.append("\n" + " > ".join(prices))
    if fills:
        text.append("\n" + ", ".join(f"{qty} at {paid}" for qty, paid in fills), style="dim")
    return text
