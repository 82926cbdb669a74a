"""What the demo shows: progress while it runs, then expected against actual."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rich import box
from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from desk.cli.figures import basis_points, price, ratio
from desk.cli.holding import standing
from desk.cli.render import ROOMY, outcome
from desk.demo.play import Progress
from desk.demo.story import Act, Exit, Expected, Fill
from desk.demo.verdict import Verdict, limits, risk_reward


def progress_table(act: Act, progress: Sequence[Progress], width: int) -> RenderableType:
    """The act so far: one line for each story, with its limits and what it holds where there is room for them."""
    roomy = width >= ROOMY
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", width=1)
    table.add_column("story", no_wrap=True, min_width=42)
    table.add_column("s", justify="right", min_width=4, no_wrap=True)
    table.add_column("outcome", no_wrap=roomy, min_width=26)
    if roomy:
        table.add_column("child orders")
    for item in progress:
        mark = Text("*", style="green") if item.over else Text(">", style="cyan")
        cells: list[RenderableType] = [mark, item.story.title, f"{item.seconds:.1f}", _outcome_so_far(item)]
        table.add_row(*cells, *([_ladder_walked(item)] if roomy else []))
    return Group("", Text(act.title, style="bold"), table)


def finished_line(item: Progress) -> str:
    """One story that is over, for output that is not a terminal."""
    held = f", {standing(item.holder)}" if item.holder and standing(item.holder) else ""
    return f"  {item.story.title}: {outcome(item.order) if item.order else 'no order'}{held} ({item.seconds:.1f} s)"


def verdict_table(verdicts: Sequence[Verdict], width: int) -> Table:
    """Expected against actual; with slippage, fills and time to the last fill where there is room for them."""
    roomy = width >= ROOMY
    table = Table(box=box.HORIZONTALS, show_lines=True, header_style="bold", padding=(0, 1, 0, 0))
    for name in ("story", "expected", "actual"):
        table.add_column(name, overflow="fold")
    for name in ("slip.\nbps", "fills", "sec.") if roomy else ():
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("ok", no_wrap=True)
    for verdict in verdicts:
        table.add_row(
            verdict.story.title,
            _expected(verdict.story.expected),
            _actual(verdict),
            *(_figures(verdict) if roomy else ()),
            Text("yes", style="green") if verdict.ok else Text("NO", style="bold red"),
        )
    return table


def difference_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Each story that did not end as expected, with every difference."""
    return [f"{verdict.story.title}: {'; '.join(verdict.differences)}" for verdict in verdicts if not verdict.ok]


def heading(console: Console, title: str) -> None:
    """A line across the screen."""
    console.print(Rule(title, align="left", style="dim"))


def _outcome_so_far(item: Progress) -> Text:
    if item.order:
        return outcome(item.order)
    return Text("sent" if item.seconds else "waits for settings", style="dim")


def _ladder_walked(item: Progress) -> Text:
    if not item.order:
        return Text()
    walked = Text(" > ".join(limits(item.order)))
    if held := standing(item.holder or item.order):
        walked.append("  ").append_text(held)
    return walked


def _figures(verdict: Verdict) -> tuple[str, str, str]:
    order = verdict.order
    if order is None:
        return ("", "", "")
    seconds = f"{Decimal(order['seconds_to_fill']):.2f}" if order["seconds_to_fill"] else ""
    return basis_points(order["slippage_bps"]), str(len(verdict.fills) or ""), seconds


def _expected(expected: Expected) -> Text:
    left = (expected.leaves,) if expected.leaves else ()
    held = _held(expected.stop, expected.target, expected.risk_reward, expected.protected)
    return _outcome_text(expected.status, expected.reason, expected.limits, expected.fills, held, left)


def _actual(verdict: Verdict) -> Text:
    order, expected = verdict.order, verdict.story.expected
    if order is None:
        return Text("nothing", style="bold red")
    held = _held(
        price(order["stop_loss"]) if expected.stop else None,
        price(order["take_profit"]) if expected.target else None,
        risk_reward(order) if expected.risk_reward else None,
        order["protected"] if expected.protected is not None else None,
    )
    return _outcome_text(order["status"], order["reason"], limits(order), verdict.fills, held, verdict.left)


def _held(stop: str | None, target: str | None, reward: str | None, protected: bool | None) -> list[str]:
    levels = [f"stop {stop}, target {target}"] if stop else []
    ratios = [f"R/R {ratio(reward)}"] if reward else []
    guarded = {True: ["protected"], False: ["not protected"], None: []}[protected]
    return [*levels, ", ".join([*ratios, *guarded])] if ratios or guarded else levels


def _outcome_text(
    status: str,
    reason: str | None,
    prices: Sequence[str],
    fills: Sequence[Fill],
    held: Sequence[str],
    left: Sequence[Exit],
) -> Text:
    text = Text(status.replace("_", " ") + (f"\n{reason}" if reason else ""))
    bought = ", ".join(f"{qty} at {paid}" for qty, paid in fills)
    if prices:
        text.append("\n" + " > ".join(prices))
    if bought:
        text.append((": " if len(prices) == 1 else "\n") + bought, style="dim")
    for line in held:
        text.append("\n" + line, style="dim")
    for why, qty, paid in left:
        text.append(f"\n{why}: {qty} at {paid}", style="dim")
    return text
