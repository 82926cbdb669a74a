"""What a bracket holds, what guards it and how it left, in words. Works on order views (`repeg.domain.order.views`)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rich.text import Text

from desk.telling.figures import clock_time, day, price, ratio

View = dict[str, Any]

_EXITS = {"target": "green", "stop": "yellow", "unwind": "red"}
_CLOSED = {"done", "refused", "gone"}
OVER = {"filled", "partially_filled", "unfilled", "rejected", "unwound", "superseded", "failed", "done"}

UNPROTECTED = "UNPROTECTED"


def standing(view: View) -> Text:
    """Whether what a bracket holds is protected, or how it left, in a word or two; empty for all that holds nothing."""
    if view["kind"] != "bracket" or Decimal(view["filled_qty"]) == 0:
        return Text()
    if Decimal(view["unexited_qty"]) <= 0:
        left = f"{view['exit_reason']} {price(view['exit_price'])}".rstrip()
        return Text(left, style=_EXITS.get(view["exit_reason"], ""))
    part = f"{view['unexited_qty']} " if view["exits"] else ""
    if _is_guarded(view):
        return Text(f"{part}protected", style="green")
    if view["status"] not in OVER:
        return Text(f"{part}unprotected", style="cyan")
    return Text(f"{part}{UNPROTECTED}", style="bold red")


def bracket_facts(view: View) -> dict[str, Text | str | None]:
    """Rows of a bracket's page, beside those of any order; None is left out."""
    if view["kind"] != "bracket":
        return {}
    return {
        "exits": _levels(view),
        "protected": _protected(view),
        "exited": _left(view),
        "unwound by": view["unwind_order_id"] and _unwound(view),
    }


def _levels(view: View) -> str | None:
    """Once it is filled, stop and target follow the fill; before, they are the signal's."""
    if view["stop_loss"] is None:
        return None
    text = f"stop {price(view['stop_loss'])}, target {price(view['take_profit'])}"
    now, entered = view["risk_reward"], view["entry_risk_reward"]
    if now is None and (entered is None or Decimal(view["filled_qty"]) == 0):
        return text
    words = f"R/R {ratio(now)}" if now else "no risk left"
    return f"{text}, {words}" + (f" (entered at {ratio(entered)})" if entered and ratio(entered) != ratio(now) else "")


def _protected(view: View) -> Text | None:
    if Decimal(view["filled_qty"]) == 0:
        return None
    if Decimal(view["unexited_qty"]) <= 0:
        return Text("no longer: nothing is held", style="dim")
    if _is_guarded(view):
        guards = [f"{oco['qty']} by OCO {oco['broker_order_id']}" for oco in view["protections"] if _guards(oco)]
        return Text("yes, ", style="green").append(", ".join(guards), style="default")
    if view["status"] not in OVER:
        return Text("not yet", style="cyan")
    return Text(f"NO, {view['unexited_qty']} {view['symbol']} are not guarded", style="bold red")


def _left(view: View) -> str | None:
    return "\n".join(map(_exit, view["exits"])) or None


def _exit(gone: View) -> str:
    paid = price(gone["price"]) or "a price not known here"
    return f"{gone['qty']} at {paid}, {gone['reason']}, {day(gone['at'])} {clock_time(gone['at'])} ET"


def _unwound(view: View) -> str:
    cost = view["unwind_cost"]
    return f"{view['unwind_order_id']}{f', cost ${Decimal(cost):,.2f}' if cost else ''}"


def _is_guarded(view: View) -> bool:
    return bool(view["protected"]) and any(_guards(oco) for oco in view["protections"])


def _guards(oco: View) -> bool:
    return oco["status"] not in _CLOSED
