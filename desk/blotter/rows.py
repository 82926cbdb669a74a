"""Rows of the page: what one line shows of an order, a rebalance, an alarm. Pure; decimals as strings, times in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from desk.blotter.feed import Row
from desk.stack.control import option_of
from desk.telling.holding import standing
from repeg.domain.halt import Halt, halt_view
from repeg.domain.metrics.figures import FEWEST, WINDOW, Figure, Mark, gauges
from repeg.domain.metrics.listed import LISTED, Metric
from repeg.domain.order.children import ChildRecord
from repeg.domain.order.record import UNKNOWN_SYMBOL, Order
from repeg.domain.order.views import json_value, order_view

RUNGS_IN_A_ROW = 6
_OF_ORDERS = """
    order_id signal_id rebalance_id kind strategy symbol side status reason ladder requested_qty filled_qty
    avg_fill_price reference_price worst_price slippage_bps max_slippage_bps arrival_bid arrival_ask stop_loss
    take_profit cap_breached protected created_at first_sent_at completed_at seconds_to_fill parent_id about
""".split()  # noqa: SIM905

_OF_REBALANCES = """
    rebalance_id signal_id strategy status reason dry_run equity cash_before cash_after cost_bps created_at
    completed_at residual
""".split()  # noqa: SIM905
_OF_LEGS = "symbol side qty current_weight target_weight half order_id".split()  # noqa: SIM905


def order_row(order: Order) -> Row:
    """An order in one line, with its newest rungs."""
    view = order_view(order)
    sent = order.sent
    waits = order.run.waits_for
    return {name: view[name] for name in _OF_ORDERS} | {
        "symbol": None if order.symbol == UNKNOWN_SYMBOL else order.symbol,
        "received_at": json_value("received_at", order.ask.received_wall),
        "live": not order.status.terminal,
        "holds": json_value("holds", order.unexited_qty),
        "stands": standing(view).plain,
        "waits": waits.words if waits and not order.status.terminal else None,
        "rungs": [_rung(child) for child in sent[-RUNGS_IN_A_ROW:]],
        "sent": order.bygone.sent + len(sent),
        "planned": len(order.terms.plan) or None,
        "version": [order.run.executions, order.run.version],
    }


def _rung(child: ChildRecord) -> Row:
    fields = ("rung", "type", "limit_price", "qty", "filled_qty", "avg_fill_price", "status", "bid", "ask", "sent_at")
    row = {name: json_value(name, getattr(child, name)) for name in (*fields, "closed_at", "patience")}
    return row | {"open": not child.status.closed}


def order_detail(order: Order) -> Row:
    """All that the record holds of one order, and what its drawing needs besides."""
    view = order_view(order)
    for rung, child in zip(view["rungs"], order.sent, strict=True):
        rung["open"] = not child.status.closed
        rung["patience"] = json_value("patience", child.patience)
    return view | {"row": order_row(order)}


def rebalance_row(view: Row, orders: Mapping[str, Row]) -> Row:
    """A rebalance and how far it is: its view without its history, and rows of its legs' orders by id."""
    legs = [_leg(leg, orders.get(leg["order_id"])) for leg in view["plan"]]
    done = sum((Decimal(leg["done"]) for leg in legs), Decimal(0))
    return {name: view[name] for name in _OF_REBALANCES} | {
        "legs": legs,
        "over": sum(leg["over"] for leg in legs),
        "done": str(round(done / len(legs), 4)) if legs else "0",
        "live": view["completed_at"] is None,
    }


def _leg(leg: Row, order: Row | None) -> Row:
    """A leg's part that is done is all of it once it is over, however it ended."""
    found = {name: leg[name] for name in _OF_LEGS}
    if order is None:
        return found | {"status": None, "reason": None, "filled_qty": "0", "over": False, "done": "0"}
    over, asked = order["completed_at"] is not None, Decimal(order["requested_qty"] or 0)
    part = Decimal(1) if over else Decimal(order["filled_qty"]) / asked if asked else Decimal(0)
    about = {name: order[name] for name in ("status", "reason", "filled_qty")}
    return found | about | {"over": over, "done": str(round(part, 4))}


def figure_rows(marks: list[Mark]) -> dict[str, Row]:
    """The four figures beside their targets; `value` is None as long as too few orders stand behind it."""
    values = gauges(marks)
    return {figure.value: _figure(figure, values.get(figure), len(marks)) for figure in Figure}


def _figure(figure: Figure, value: Decimal | None, orders: int) -> Row:
    about = LISTED[Metric(figure.value)]
    target = about.target
    assert target is not None
    stands = None if value is None else "alarm" if target.alarms(value) else "met" if target.met(value) else "missed"
    return {
        "name": figure.value,
        "says": about.says,
        "unit": about.unit.value,
        "value": None if value is None else str(round(value, 4)),
        "target": str(target.wanted),
        "alarm": str(target.alarm),
        "above": target.above,
        "itself": target.itself,
        "stands": stands,
        "orders": min(orders, WINDOW),
        "fewest": FEWEST,
    }


def halt_row(halt: Halt, number: int) -> tuple[str, Row]:
    """An operator's word that is in force, under its key."""
    key = f"{halt.scope.value}:{halt.of}" if halt.of else halt.scope.value
    told = halt_view(halt) | {"about": halt.about, "says": halt.sentence, "number": number}
    return key, told | {"lift": f"repeg resume{option_of(halt.scope, halt.of)}"}
