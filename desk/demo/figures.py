"""What the demo came to in figures: one signal both ways, the execution report, and the targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from desk.demo.verdict import Verdict
from desk.report.audit import Audit
from desk.report.execution import BracketReport, ExecutionReport
from desk.report.old_way import old_way
from desk.report.targets import Target
from desk.telling.figures import ratio
from desk.telling.render import outcome

PROVOKED = "refused by the market"
"""The target that the stories miss by design: refusals are what they show."""


def two_ways_table(verdict: Verdict) -> RenderableType:
    """A bracket as it went here, beside what a market order would have made of its signal."""
    signal, order, quote = verdict.story.signal, verdict.order, verdict.story.quote
    if order is None or quote is None:
        return Text("there is nothing to compare", style="bold red")
    old = old_way(signal, Decimal(quote.ask if signal["side"] == "buy" else quote.bid))
    asked = f"{signal['side']} {signal['qty']} {signal['symbol']} at {signal['signal_price']}"
    levels = f"stop {signal['stop_loss']}, target {signal['take_profit']}"
    rows: dict[str, tuple[RenderableType, RenderableType]] = {
        "outcome": (outcome(order), f"filled at {old.price}"),
        "shares": (order["filled_qty"], str(signal["qty"])),
        "exits": ("none needed", f"stop {old.levels.stop}, target {old.levels.target}, kept from the signal"),
        "R/R": ("", Text(ratio(str(old.risk_reward)), style="red")),
        "at stake": ("nothing", f"${old.to_win:,.2f} to win, ${old.to_lose:,.2f} to lose"),
    }
    table = _grid("", "this executor", "a market order")
    for name, cells in rows.items():
        table.add_row(Text(name, style="dim"), *cells)
    return Group(Text(f"{asked}, {levels}; the market is at {old.price}", style="dim"), "", table)


def report_table(report: ExecutionReport, brackets: BracketReport, audit: Audit, kinds: Mapping[str, int]) -> Table:
    """The execution report; `kinds`: how many orders there are of each kind, as there are more than stories."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    for name, figures in (*_order_rows(report, kinds), *_bracket_rows(brackets)):
        table.add_row(name, figures)
    agree = "agree" if not audit.differences else f"DIFFER: {'; '.join(audit.differences)}"
    seen = f"{audit.child_orders} child orders, {audit.protections} protections, {audit.fills} fills at the exchange"
    table.add_row("journal and records", f"{agree} ({seen})")
    return table


def targets_table(targets: Sequence[Target]) -> Table:
    """The targets, each beside what was measured."""
    table = _grid("brackets", "target", "measured", "")
    for target in targets:
        failed = "provoked here" if target.name == PROVOKED else "not ok"
        told = {True: Text("ok", style="green"), False: Text(failed, style="yellow"), None: Text()}[target.ok]
        table.add_row(Text(target.name, style="dim"), target.wanted, target.measured, told)
    return table


def _grid(*titles: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
    for title in titles:
        table.add_column(title)
    return table


def _order_rows(report: ExecutionReport, kinds: Mapping[str, int]) -> list[tuple[str, str]]:
    rate = f"{report.fill_rate:.1%} of the dollars worked" if report.fill_rate is not None else "none"
    rows = [
        ("orders", f"{report.orders}: {_whose(kinds)}; {report.worked} worked, {report.filled} filled"),
        ("fill rate", rate),
    ]
    slippage = report.average_slippage_bps
    if slippage is not None:
        sign = "-" if report.slippage_dollars < 0 else "+"
        dollars = f"{sign}${abs(report.slippage_dollars):,.2f} on ${report.dollars:,.2f}"
        rows.append(("average slippage", f"{slippage:+.2f} bps of the reference prices, {dollars} (+ is cost)"))
    if report.average_seconds is not None:
        rows.append(("average time", f"{report.average_seconds:.2f} s of market time to the last fill"))
    rows.append(("ladders", f"{report.repegs} re-pegs, {report.market_fallbacks} market fallback"))
    reasons = ", ".join(f"{reason} {count}" for reason, count in report.reasons.items())
    return [*rows, ("not filled", reasons or "none")]


def _whose(kinds: Mapping[str, int]) -> str:
    """Where orders come from: not each is a signal's."""
    legs, unwinds = kinds.get("rebalance_leg", 0), kinds.get("unwind", 0)
    told = [f"{sum(kinds.values()) - legs - unwinds} of signals"]
    told += [f"{legs} of the rebalance"] if legs else []
    told += [f"{unwinds} to leave what could not be protected"] if unwinds else []
    return ", ".join(told)


def _bracket_rows(report: BracketReport) -> list[tuple[str, str]]:
    unwound = f", {report.exits.get('unwind')} unwound for ${report.unwind_cost:,.2f}"
    guarded = f"{report.protected} of {report.entered} brackets that entered by limit"
    guarded += unwound if "unwind" in report.exits else ""
    exits = ", ".join(f"{reason} {count}" for reason, count in report.exits.items())
    return [("protected", f"{guarded} (the old way's, by market order, is not counted)"), ("exits", exits or "none")]
