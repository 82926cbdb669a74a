"""What an order would be now, as people read it. Works on its document (`desk.positions.dry_run`)."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.table import Table

from desk.telling.figures import dollars, price, ratio

View = dict[str, Any]
_FIRST = "kind side symbol qty notional"
"""Fields of a signal that are told before all others."""


def dry_run_page(view: View) -> RenderableType:
    """The signal, and as far as they could be had: class, ladder, cap, first limit, exits, and what it may cost."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    said = sorted(view["signal"].items(), key=lambda field: (_FIRST.find(field[0]) < 0, _FIRST.find(field[0])))
    facts.add_row("signal", ", ".join(f"{name} {value}" for name, value in said if name != "signal_id"))
    for name, value in _rows(view).items():
        if value:
            facts.add_row(name, value)
    return facts


def remark(view: View) -> str:
    """What would become of it, in a line."""
    if view["would"] == "refuse":
        return f"it would be refused now: {view['detail']} ({view['reason']})"
    if view["would"] == "wait":
        return f"it would wait: {view['detail']}"
    if view["would"] == "work":
        return "it would be worked now"
    return f"the signal is valid; what it would come to cannot be told: {view['detail']}"


def _rows(view: View) -> dict[str, str | None]:
    if view["would"] is None:
        return {}
    first = view["first"] or {}
    worst = view["worst_price"] and f"{price(view['worst_price'])} at worst"
    cap = f"{view['max_slippage_bps']} bps of {price(view['reference_price'])}" if view["reference_price"] else None
    kind = (view["symbol_class"] or "").replace("_", " ")
    return {
        "market": f"{price(view['bid'])} / {price(view['ask'])}" if view["bid"] else "no quote",
        "held": f"{view['position']} shares",
        "ladder": f"{view['ladder']} ({kind})" + (f", {_rungs(view['rungs'])}" if view["rungs"] else ""),
        # One that must be completed has bps to be judged by, and no price at which it would stop.
        "cap": ", ".join(filter(None, [cap, worst])) if view["max_slippage_bps"] and worst else "none",
        "first": f"{view['side']} {view['qty'] or '?'} {_limit(first)}" if first else None,
        "exits": _exits(view),
        "cost": _cost(view) if view["cost"] and view["side"] == "buy" else None,
    }


def _cost(view: View) -> str:
    cost = dollars(view["cost"])
    told = f"{cost} at most" if view["worst_price"] else f"about {cost} at the market of now"
    return f"{told}, of {dollars(view['buying_power'])} buying power"


def _rungs(count: int) -> str:
    return "one rung" if count == 1 else f"{count} rungs"


def _limit(first: View) -> str:
    return f"at {price(first['limit_price'])}" if first["limit_price"] else "by market order"


def _exits(view: View) -> str | None:
    if not view["stop_loss"]:
        return None
    levels = f"stop {price(view['stop_loss'])}, target {price(view['take_profit'])}"
    return levels + (f", R/R {ratio(view['risk_reward'])}" if view["risk_reward"] else "")
