"""The preview of a rebalance as people read it. Works on its document (`desk.positions.preview`)."""

from __future__ import annotations

from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from desk.telling.figures import dollars, moment, percent, price, shares
from desk.telling.rebalances import residuals
from desk.telling.render import View


def preview_page(view: View) -> RenderableType:
    """What would be traded, what that makes of the cash, and what is left and why."""
    parts: list[RenderableType] = [_symbols(view), "", _facts(view)]
    if view["residual"]:
        parts += ["", residuals(view["residual"])]
    return Group(*parts)


def remarks(view: View) -> list[str]:
    """What has to be known of the prices, one sentence each."""
    told = []
    if view["settles_at"]:
        # Too little is planned then, and nothing but the wait mends it.
        until = f"until {moment(view['settles_at'])} ET the account need not show what was filled a moment ago"
        told.append(f"{until}, which may count twice in this plan: preview it again then")
    if not view["open"]:
        opens = f"; it opens {moment(view['opens_at'])} ET" if view["opens_at"] else ""
        told.append(
            f"the market is closed{opens}: these are the last prices, and the plan is made anew when it is open"
        )
    return told


def _symbols(view: View) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("symbol", no_wrap=True)
    for name in ("held", "price", "weight", "target"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("trade", no_wrap=True)
    table.add_column("dollars", justify="right", no_wrap=True)
    for row in view["symbols"]:
        table.add_row(
            row["symbol"],
            shares(row["held"]) if row["held"] != "0" else "",
            price(row["price"]),
            percent(row["current_weight"]),
            percent(row["target_weight"]),
            _trade(row),
            dollars(row["dollars"]),
        )
    return table


def _trade(row: View) -> Text:
    if row["side"]:
        return Text(f"{row['side']} {shares(row['qty'])}", style="red" if row["side"] == "sell" else "green")
    return Text("outside" if row["current_weight"] is None else "none" if row["why"] else "hold", style="dim")


def _facts(view: View) -> Table:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column()
    firsts = sum(leg["half"] == "sell" for leg in view["plan"])
    then = len(view["plan"]) - firsts
    legs = f"{firsts} first, then {then} from the cash that is there" if view["plan"] else _nothing(view)
    buffer = Decimal(view["cash_buffer"])
    rows = {
        "at": f"{moment(view['at'])} ET",
        "equity": _equity(view),
        "cash": f"{dollars(view['cash'])} -> about {dollars(view['cash_after'])}",
        "buffer": f"{percent(str(buffer))} of the equity stays in cash" if buffer else "none",
        "for buys": f"{dollars(view['spendable'])} at most, at the worst prices that the caps allow",
        "legs": legs,
    }
    for name, value in rows.items():
        facts.add_row(name, value)
    return facts


def _equity(view: View) -> str:
    """What the weights are of: less than the account's own figure while brackets hold shares, say."""
    outside = any(row["current_weight"] is None for row in view["symbols"])
    return f"{dollars(view['equity'])}{', without what is outside' if outside else ''}"


def _nothing(view: View) -> str:
    if view["residual"]:
        return "none"
    return f"none: everything is within {percent(view['threshold'])} of its target"
