"""Rebalances as people read them. Works on rebalance views, with those of their legs as `orders` for the page."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from desk.telling.figures import basis_points, clock_time, day, dollars, drift, moment, percent, price, shares
from desk.telling.holding import OVER
from desk.telling.paired import Paired
from desk.telling.render import ROOMY, View, outcome, settled, timeline

AT_WORK = ("received", "waiting", "selling", "buying")
_FIRST_HALF_TO_COME = ("received", "waiting", "selling")
_BAR = 40


def rebalances_table(views: Iterable[View], width: int) -> RenderableType:
    """One line for each rebalance, for a screen of so many columns, or two where an id has no room in it."""
    roomy, listed = width >= ROOMY, list(views)
    names = ("created (ET)", "outcome", "legs", "left", *(("equity", "cash") if roomy else ()), "bps")
    right = set(names) - {"created (ET)", "outcome"}
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in (*names, "signal"):
        table.add_column(name, justify="right" if name in right else "left", no_wrap=True)
    for view in listed:
        table.add_row(moment(view["created_at"]), _outcome(view), *_counts(view, roomy), view["signal_id"])
    if settled(table, width):
        return table
    rows = []
    for view in listed:
        above = _outcome(view | {"reason": None})
        figures = map(Text, _counts(view, roomy))
        below = Text(view["signal_id"]).append(f"  {view['reason'] or ''}".rstrip(), style="dim")
        rows.append(((Text(moment(view["created_at"])), above, *figures), below))
    return Paired(names, rows, "signal, reason", right).shown(width)


def _counts(view: View, roomy: bool) -> tuple[str, ...]:
    """How many legs there are, how many symbols are left off, where there is room the money, and the cost."""
    money = (dollars(view["equity"]), _cash(view)) if roomy else ()
    legs, left = (str(len(view[name]) or "") for name in ("plan", "residual"))
    return (legs, left, *money, basis_points(view["cost_bps"]))


def rebalance_page(view: View) -> RenderableType:
    """Everything about one rebalance: how far it is, its legs, what is left and why, its history."""
    parts: list[RenderableType] = [Text("REBALANCE  ", style="bold").append_text(_outcome(view))]
    if view["status"] in AT_WORK and view["plan"]:
        parts.append(_progress(view))
    parts.append(_facts(view))
    if view["plan"]:
        parts += ["", _legs(view)]
    if view["residual"]:
        parts += ["", residuals(view["residual"])]
    if view["events"]:
        parts += ["", timeline(view["events"])]
    return Group(*parts)


def residuals(left: Iterable[View]) -> Table:
    """What stays off its target, by how much, and why."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("left", no_wrap=True)
    table.add_column("drift", justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for each in left:
        table.add_row(each["symbol"], Text(drift(each["drift"]), style="yellow"), each["why"])
    return table


def _outcome(view: View) -> Text:
    text = outcome(view)
    return text.append(" dry run", style="dim") if view["dry_run"] else text


def _cash(view: View) -> str:
    return " -> ".join(filter(None, (dollars(view["cash_before"]), dollars(view["cash_after"]))))


def _facts(view: View) -> Table:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column()
    targets = sorted(view["targets"].items(), key=lambda each: (-Decimal(each[1]), each[0]))
    cost = view["cost_bps"]
    rows = {
        "signal": view["signal_id"] + (f" ({view['strategy']})" if view["strategy"] else ""),
        "rebalance": view["rebalance_id"],
        "created": f"{day(view['created_at'])} {clock_time(view['created_at'])} ET",
        "targets": ", ".join(f"{symbol} {percent(weight)}" for symbol, weight in targets),
        "equity": dollars(view["equity"]),
        "cash": _cash(view),
        "cost": cost and f"{basis_points(cost)} bps of what was traded (+ is cost)",
    }
    for name, value in rows.items():
        if value:
            facts.add_row(name, value)
    return facts


def _progress(view: View) -> Table:
    """How much of the plan is done; legs of the second half may still change."""
    orders = _orders(view)
    done = sum((_done(orders.get(leg["order_id"])) for leg in view["plan"]), Decimal(0))
    over = sum(_is_over(orders.get(leg["order_id"])) for leg in view["plan"])
    line = Table.grid(padding=(0, 2))
    line.add_column()
    line.add_column(width=_BAR)
    words = f"{over} of {len(view['plan'])} legs are over"
    line.add_row(words, ProgressBar(total=len(view["plan"]), completed=float(done), width=_BAR))
    return line


def _orders(view: View) -> dict[str, View]:
    return {order["order_id"]: order for order in view.get("orders", ())}


def _is_over(order: View | None) -> bool:
    return order is not None and order["status"] in OVER


def _done(order: View | None) -> Decimal:
    """A leg's part that is done: all of it once it is over, however it ended."""
    if order is None or not order["requested_qty"]:
        return Decimal(0)
    return Decimal(1) if _is_over(order) else Decimal(order["filled_qty"]) / Decimal(order["requested_qty"])


def _legs(view: View) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("leg", "symbol", "side"):
        table.add_column(name, no_wrap=True)
    for name in ("shares", "weight", "target", "now" if view["status"] in AT_WORK else "final"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("outcome")
    for name in ("at", "bps"):
        table.add_column(name, justify="right", no_wrap=True)
    orders, half = _orders(view), ""
    for leg in view["plan"]:
        order = orders.get(leg["order_id"])
        name = {"sell": "first", "buy": "then"}[leg["half"]]
        table.add_row(
            name if name != half else "",
            leg["symbol"],
            leg["side"],
            _shares(leg, order),
            percent(leg["current_weight"]),
            percent(leg["target_weight"]),
            percent(_weight_now(view, leg, order)),
            outcome(order) if order else _not_begun(view, leg),
            price(order["avg_fill_price"]) if order else "",
            basis_points(order["slippage_bps"]) if order else "",
        )
        half = name
    return table


def _shares(leg: View, order: View | None) -> str:
    filled = order["filled_qty"] if order else "0"
    planned = shares(leg["qty"])
    return planned if filled in ("0", leg["qty"]) else f"{shares(filled)}/{planned}"


def _weight_now(view: View, leg: View, order: View | None) -> str | None:
    """The weight that the leg was planned at, moved by what it traded at its fill price."""
    if order is None or not view["equity"] or not Decimal(view["equity"]):
        return None
    sign = 1 if leg["side"] == "buy" else -1
    traded = Decimal(order["filled_qty"]) * Decimal(order["avg_fill_price"] or 0)
    weight = Decimal(leg["current_weight"]) + sign * traded / Decimal(view["equity"])
    return str(round(weight, 4) + 0)  # filled a hair above its value, what was all sold would show as -0.0 %


def _not_begun(view: View, leg: View) -> Text:
    if view["dry_run"]:
        words = "not traded: dry run"
    elif view["status"] not in AT_WORK:
        words = "not traded"
    else:
        words = "after the sells" if leg["half"] == "buy" and view["status"] in _FIRST_HALF_TO_COME else "to come"
    return Text(words, style="dim")
