"""What the demo came to in figures: one signal both ways, and the execution report in short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from desk.demo.verdict import Verdict
from desk.report.analysis.document import Exits, Report
from desk.report.audit import Audit
from desk.report.old_way import old_way
from desk.telling.figures import ratio
from desk.telling.render import outcome
from repeg.domain.reasons import Status


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


def report_table(report: Report, audit: Audit, kinds: Mapping[str, int]) -> Table:
    """The execution report in short; `kinds`: how many orders are of each kind, as there are more than stories."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    for name, figures in (*_order_rows(report, kinds), *_bracket_rows(report.exits)):
        table.add_row(name, figures)
    agree = "agree" if not audit.differences else f"DIFFER: {'; '.join(audit.differences)}"
    seen = f"{audit.child_orders} child orders, {audit.protections} protections, {audit.fills} fills at the exchange"
    table.add_row("journal and records", f"{agree} ({seen})")
    return table


def _grid(*titles: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
    for title in titles:
        table.add_column(title)
    return table


def _order_rows(report: Report, kinds: Mapping[str, int]) -> list[tuple[str, str]]:
    counts, fills, fell, cost = report.counts, report.fills, report.fallbacks, report.slippage.all
    filled = counts.by_status.get(Status.FILLED, 0)
    rows = [
        ("orders", f"{counts.orders}: {_whose(kinds)}; {counts.sent} worked, {filled} filled"),
        ("entries", f"{fills.filled} of {fills.sent} that were sent filled in whole, {fills.within_60_s} within 60 s"),
    ]
    if cost.average_bps is not None:
        paid = f"{'-' if cost.cost_dollars < 0 else '+'}${abs(cost.cost_dollars):,.2f} on ${cost.dollars:,.2f}"
        rows.append(("average slippage", f"{cost.average_bps:+.2f} bps of the reference prices, {paid} (+ is cost)"))
    if fills.median_seconds is not None:
        rows.append(("time to fill", f"{fills.median_seconds:.2f} s of market time, the median"))
    rows.append(("ladders", f"{fell.repegs} re-pegs, {fell.market} market fallback"))
    reasons: Counter[str] = Counter()
    for end in report.ends:  # a line each for those that were rejected for it, and those that were left unfilled
        reasons[end.reason] += end.orders
    return [*rows, ("not filled", ", ".join(f"{reason} {count}" for reason, count in reasons.most_common()) or "none")]


def _whose(kinds: Mapping[str, int]) -> str:
    """Where orders come from: not each is a signal's."""
    legs, unwinds = kinds.get("rebalance_leg", 0), kinds.get("unwind", 0)
    told = [f"{sum(kinds.values()) - legs - unwinds} of signals"]
    told += [f"{legs} of the rebalance"] if legs else []
    told += [f"{unwinds} to leave what could not be protected"] if unwinds else []
    return ", ".join(told)


def _bracket_rows(exits: Exits) -> list[tuple[str, str]]:
    unwound = f"; unwinding cost ${exits.unwind_cost:,.2f}" if exits.unwind_cost else ""
    gone = ", ".join(f"{line.name} {line.exits}" for line in exits.by_reason)
    return [
        ("protected", f"{exits.protected} of {exits.entered} brackets that bought{unwound}"),
        ("exits", gone or "none"),
    ]
