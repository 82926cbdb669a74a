"""The execution report as people read it in a terminal. Works on its document, that of `repeg report --json`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from desk.telling.figures import NO_STRATEGY, basis_points, clock_time, day, dollars, price, ratio, shares
from desk.telling.plots import sparkline
from desk.telling.render import ROOMY

View = dict[str, Any]
_BAR = 24
_MINUTES_IN_A_CELL = 15


def report_page(report: View, width: int) -> RenderableType:
    """The whole report, for a screen of so many columns."""
    if not report["counts"]["orders"]:
        return Text("there is no order in this period")
    parts: list[RenderableType] = [_headline(report), "", targets_table(report["targets"])]
    for title, content in _sections(report, width):
        parts += ["", Rule(title, align="left", style="dim"), content]
    return Group(*parts)


def _sections(report: View, width: int) -> Iterable[tuple[str, RenderableType]]:
    yield "against the old way: a market order on arrival", _old_way(report["old_way"])
    for name in ("slippage", "shortfall"):
        if report[name]["all"]["orders"]:
            yield f"{name} of entries, bps, + is cost", _costs(report[name], width)
    yield "fills", _fills(report)
    if report["ends"]:
        yield "rejected and unfilled", _ends(report["ends"])
    if report["exits"]["all"]["exits"]:
        yield "exits", _exits(report["exits"])
    for name in ("worst", "best"):
        if report[name]:
            yield f"{name} orders by shortfall", _orders(report[name], width)
    yield "cloud, estimated", _cloud(report["cloud"])


def _headline(report: View) -> Text:
    period, counts = report["period"], report["counts"]
    first, last = day(period["first"]), day(period["last"])
    text = Text(first if first == last else f"{first} to {last}", style="bold")
    text.append(
        f"  {_orders_of(counts['orders'])}, {counts['traded']:,} traded for {dollars(counts['traded_dollars'])}"
    )
    if period["strategy"]:
        text.append(f", strategy {period['strategy']}")
    return text.append(f", {counts['open']} not over yet" if counts["open"] else "")


def targets_table(lines: Sequence[View]) -> Table:
    """The four figures, each beside its target."""
    table = _grid("", "measured", "target", "", "entries")
    for line in lines:
        measured = "none" if line["measured"] is None else f"{Decimal(line['measured']):.3f} {line['unit']}".rstrip()
        verdict = {True: Text("met", style="green"), False: Text("missed", style="red"), None: Text()}[line["ok"]]
        table.add_row(line["name"], measured, line["wanted"], verdict, f"{line['orders']:,}")
    return table


def _old_way(old: View) -> RenderableType:
    table = _grid("", "orders", "saved", "bps", "95 % interval, bps")
    for line in (*old["by_class"], old["all"]):
        table.add_row(
            _words(line["name"]),
            f"{line['orders']:,}",
            _gain(line["saved_dollars"]),
            basis_points(line["saved_bps"]),
            _interval(line),
        )
    brackets = old["brackets"]
    if not brackets["entered"] and not brackets["refused"]:
        return table
    ways = _grid("brackets", "here", "the old way")
    ways.add_row("reward for the risk", ratio(brackets["risk_reward"]), ratio(brackets["old_risk_reward"]))
    ways.add_row("below 1:2", str(brackets["below_minimum"]), str(brackets["old_below_minimum"]))
    worse = dollars(brackets["refused_worse_dollars"])
    bought = f"bought, {worse} beyond the signals" if brackets["refused"] else ""
    ways.add_row("refused for their price", str(brackets["refused"]), bought)
    ways.add_row("realised by targets and stops", _gain(brackets["dollars"]), _gain(brackets["old_dollars"]))
    return Group(table, "", ways)


def _costs(section: View, width: int) -> RenderableType:
    roomy = width >= ROOMY
    names = ("", "orders", "average", "95 % interval", "5 %", "median", "95 %", "cost")
    table = _grid(*(name for name in names if roomy or name not in ("5 %", "95 %")))
    for line in (*section["by_class"], None, *section["by_ladder"], None, section["all"]):
        if line is None:
            table.add_row()
            continue
        spread = [basis_points(line[f"{part}_bps"]) for part in ("p5", "median", "p95")]
        table.add_row(
            _words(line["name"]),
            f"{line['orders']:,}",
            basis_points(line["average_bps"]),
            _interval(line),
            *(spread if roomy else spread[1:2]),
            dollars(line["cost_dollars"]),
            style="bold" if line is section["all"] else "",
        )
    return Group(table, "", _histogram(section["histogram"]), _course(section["by_minute"]))


def _histogram(bars: Sequence[View]) -> Text:
    counts = [float(bar["orders"]) for bar in bars]
    low, high = bars[0]["low"] or bars[0]["high"], bars[-1]["high"] or bars[-1]["low"]
    return Text(f"orders from {Decimal(low):+} to {Decimal(high):+} bps  ", style="dim").append(
        sparkline(counts), style="cyan"
    )


def _course(minutes: Sequence[View]) -> Text:
    """Averages by quarters of an hour, from the first that there is."""
    found: dict[int, list[tuple[float, int]]] = {}
    for each in minutes:
        if each["average_bps"] is not None:
            hours, rest = map(int, each["minute"].split(":"))
            cell = (hours * 60 + rest) // _MINUTES_IN_A_CELL
            found.setdefault(cell, []).append((float(each["average_bps"]), each["orders"]))
    if not found:
        return Text()
    cells = [_average(found.get(cell, [])) for cell in range(min(found), max(found) + 1)]
    return Text(f"by time of day, {minutes[0]['minute']} to {minutes[-1]['minute']}  ", style="dim").append(
        sparkline(cells), style="cyan"
    )


def _average(values: Sequence[tuple[float, int]]) -> float | None:
    orders = sum(count for _, count in values)
    return sum(value * count for value, count in values) / orders if orders else None


def _fills(report: View) -> RenderableType:
    fills, fell = report["fills"], report["fallbacks"]
    facts = _facts(
        {
            "filled in whole": _part(fills["filled"], fills["sent"]),
            "within 60 s": _part(fills["within_60_s"], fills["sent"]),
            "in part only": str(fills["partly"]),
            "seconds": f"median {_number(fills['median_seconds'])}, 95 % within {_number(fills['p95_seconds'])}",
            "re-pegs": f"{fell['repegs']:,}, in {_orders_of(fell['repegged'])}",
            "market fallbacks": f"{fell['market']:,}, and {fell['at_worst']:,} limits at the worst price instead",
            "beyond their cap": Text(str(fell["cap_breached"]), style="red" if fell["cap_breached"] else ""),
        }
    )
    table = _grid("rung", "reached", "filled", "dollars", "")
    for line in report["rungs"]:
        share = line["filled"] / line["reached"] if line["reached"] else 0
        table.add_row(
            f"{_words(line['ladder'])} {line['rung']}" + (", market" if line["market"] else ""),
            f"{line['reached']:,}",
            f"{line['filled']:,}",
            dollars(line["dollars"]),
            Text("█" * round(share * _BAR), style="cyan"),
        )
    return Group(facts, "", table) if report["rungs"] else facts


def _ends(ends: Sequence[View]) -> Table:
    table = _grid("reason", "ended", "entries", "share", "")
    for end in ends:
        bar = "█" * round(end["orders"] / ends[0]["orders"] * _BAR)
        table.add_row(
            end["reason"], _words(end["status"]), str(end["orders"]), _percent(end["share"]), Text(bar, style="red")
        )
    return table


def _exits(exits: View) -> RenderableType:
    table = _grid("", "exits", "won", "R", "realised")
    for name in ("by_reason", "by_strategy", "by_day"):
        for line in exits[name]:
            # A strategy is called as it calls itself.
            named = (line["name"] or NO_STRATEGY) if name == "by_strategy" else _words(line["name"])
            table.add_row(*_exit(named, line))
        table.add_row()
    table.add_row(*_exit("all", exits["all"]), style="bold")
    guarded = f"stop and target stood for {exits['protected']} of {exits['entered']} brackets"
    left = f"{exits['held']} still hold shares" if exits["held"] else ""
    unwound = f"unwinding cost {dollars(exits['unwind_cost'])}" if Decimal(exits["unwind_cost"]) else ""
    unpriced = f"{exits['unpriced']} exits at a price that nobody knows" if exits["unpriced"] else ""
    return Group(table, Text("; ".join(filter(None, (guarded, left, unwound, unpriced))), style="dim"))


def _exit(name: str, line: View) -> tuple[RenderableType, ...]:
    return (
        Text(name),
        f"{line['exits']:,}",
        f"{line['won']:,}",
        basis_points(line["reward"]),
        _gain(line["dollars"]),
    )


def _orders(orders: Sequence[View], width: int) -> Table:
    roomy = width >= ROOMY
    names = ("order", "created (ET)", "shortfall", "bps", "filled at", "seconds", "rungs", "signal")
    table = _grid(*(name for name in names if roomy or name not in ("created (ET)", "seconds", "rungs")))
    for order in orders:
        cells = {
            "order": f"{order['side']} {shares(order['filled_qty'])} {order['symbol']}",
            "created (ET)": f"{day(order['created_at'])} {clock_time(order['created_at'])}",
            "shortfall": dollars(order["shortfall_dollars"]),
            "bps": basis_points(order["shortfall_bps"]),
            "filled at": price(order["price"]),
            "seconds": _number(order["seconds_to_fill"]),
            "rungs": " ".join(price(step["limit_price"]) or "market" for step in order["steps"][:6]),
            "signal": order["signal_id"],
        }
        table.add_row(*(cell for name, cell in cells.items() if name in {column.header for column in table.columns}))
    return table


def _cloud(cloud: View) -> Text:
    return Text(
        f"${Decimal(cloud['dollars']):.4f}: {cloud['transitions']:,} transitions "
        f"${Decimal(cloud['transition_dollars']):.4f}, Lambda and all else ${Decimal(cloud['other_dollars']):.4f}; "
        f"list prices of {cloud['region']} on {cloud['priced_on']}, not a bill",
        style="dim",
    )


def _grid(*titles: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for place, title in enumerate(titles):
        right = place and title not in ("", "target", "ended", "signal", "rungs", "the old way", "created (ET)")
        table.add_column(title, justify="right" if right else "left", no_wrap=title != "rungs")
    return table


def _facts(rows: dict[str, RenderableType]) -> Table:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column()
    for name, value in rows.items():
        facts.add_row(name, value)
    return facts


def _interval(line: View) -> str:
    return "" if line["low_bps"] is None else f"{basis_points(line['low_bps'])} to {basis_points(line['high_bps'])}"


def _gain(value: str) -> Text:
    amount = Decimal(value)
    sign = "+" if amount > 0 else ""
    return Text(f"{sign}{dollars(value)}", style="green" if amount > 0 else "red" if amount < 0 else "")


def _part(count: int, whole: int) -> str:
    return f"{count:,} of {whole:,}" + (f", {count / whole:.1%}" if whole else "")


def _percent(share: str) -> str:
    return f"{Decimal(share):.1%}"


def _orders_of(count: int) -> str:
    return f"{count:,} order{'' if count == 1 else 's'}"


def _number(value: str | None) -> str:
    return "none" if value is None else f"{Decimal(value):.2f}"


def _words(text: str) -> str:
    return text.replace("_", " ").replace("etf", "ETF")
