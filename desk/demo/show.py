"""What the demo shows: progress while it runs, then expected against actual."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from desk.demo.play import Progress
from desk.demo.story import MARKET, Act, Exit, Expected, Fill
from desk.demo.verdict import Verdict, limits, risk_reward
from desk.telling.figures import basis_points, price, ratio
from desk.telling.holding import standing
from desk.telling.render import ROOMY, status_of

_TITLE = 44
"""Columns for the title of a story and what parts it from the next; the demo's longest has 42."""


def progress_table(act: Act, progress: Sequence[Progress], width: int) -> RenderableType:
    """The act so far: a line for each story, and what happened in it, beside it where there is room or else below."""
    if width < ROOMY:
        return Group("", Text(act.title, style="bold"), *map(finished_lines, progress))
    table = Table.grid(padding=(0, 2, 0, 0))
    for column in ("mark", "title", "seconds", "status", "happened"):
        table.add_column(justify="right" if column == "seconds" else "left", no_wrap=column != "happened")
    for item in progress:
        table.add_row(_mark(item), item.story.title.ljust(_TITLE), _seconds(item), _status(item), _happened(item))
    return Group("", Text(act.title, style="bold"), table)


def finished_lines(item: Progress) -> Text:
    """A story in two lines: where it stands, and below it what has happened so far, if anything."""
    text = Text.assemble(_mark(item), " ", item.story.title.ljust(_TITLE), _seconds(item), "  ", _status(item))
    happened = _happened(item)
    return text.append("\n    ").append_text(happened) if happened else text


def verdict_table(verdicts: Sequence[Verdict], width: int) -> Table:
    """Expected against actual; with slippage, fills and time to the last fill where there is room for them."""
    roomy = width >= ROOMY
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("story", overflow="fold")
    table.add_column("expected", overflow="fold")
    table.add_column("actual", overflow="fold", min_width=11)
    for name in ("cost, bps", "fills", "market s") if roomy else ():
        table.add_column(name, justify="right", no_wrap=True)
    for verdict in verdicts:
        table.add_row(
            verdict.story.title,
            _expected(verdict.story.expected),
            Text("as expected", style="green") if verdict.ok else _differs(verdict),
            *(_figures(verdict) if roomy else ()),
        )
    return table


def heading(console: Console, title: str) -> None:
    """A line across the screen; in a pipe the title alone."""
    console.print(Rule(title, align="left", style="dim") if console.is_terminal else title)


def _mark(item: Progress) -> Text:
    return Text("*", style="green") if item.over else Text(">", style="cyan")


def _seconds(item: Progress) -> str:
    return f"{item.seconds:4.1f} s"


def _status(item: Progress) -> Text:
    if item.order:
        return status_of(item.order)
    return Text("sent" if item.seconds else "waits for settings", style="dim")


def _happened(item: Progress) -> Text:
    """Why it ended, its limits, what was filled, and what guards or guarded that."""
    order = item.order
    if not order:
        return Text()
    filled = f"{order['filled_qty']} at {price(order['avg_fill_price'])}" if order["avg_fill_price"] else ""
    walked = _walked(limits(order), filled)
    text = Text("; ".join(filter(None, [order["reason"], walked])), style="dim")
    if held := standing(item.holder or order):
        text.append("; " if text else "").append_text(held)
    return text


def _figures(verdict: Verdict) -> tuple[str, str, str]:
    order = verdict.order
    if order is None:
        return ("", "", "")
    seconds = f"{Decimal(order['seconds_to_fill']):.2f}" if order["seconds_to_fill"] else ""
    return basis_points(order["slippage_bps"]), str(len(verdict.fills) or ""), seconds


def _expected(expected: Expected) -> Text:
    left = (expected.leaves,) if expected.leaves else ()
    held = _held(expected.stop, expected.target, expected.risk_reward, expected.protected)
    # Both, or a machine that is slow would show one reason as the expected one and report the other.
    reason = " or ".join(filter(None, (expected.reason, expected.reason_when_slow)))
    return _outcome_text(expected.status, reason or None, expected.limits, expected.fills, held, left)


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


def _differs(verdict: Verdict) -> Text:
    """What came instead, and every single difference."""
    return Text.assemble(_actual(verdict), "\n", ("\n".join(verdict.differences), "red"))


def _walked(prices: Sequence[str], bought: str) -> str:
    """The ladder as it was walked, and what was filled on it."""
    ladder = ", ".join(prices)
    named = f"limit {ladder}" if prices and prices[0] != MARKET else ladder
    return ": ".join(filter(None, [named, bought]))


def _outcome_text(
    status: str,
    reason: str | None,
    prices: Sequence[str],
    fills: Sequence[Fill],
    held: Sequence[str],
    left: Sequence[Exit],
) -> Text:
    text = Text(" ".join(filter(None, [status.replace("_", " "), reason])))
    bought = ", ".join(f"{qty} at {paid}" for qty, paid in fills)
    lines = [_walked(prices, bought), *held, *(f"{why}: {qty} at {paid}" for why, qty, paid in left)]
    for line in filter(None, lines):
        text.append("\n" + line, style="dim")
    return text
