"""Orders as the outside sees them: the fields that the contract names, decimals as strings, times in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from typing import Any

from repeg.domain.models import Frozen
from repeg.domain.money import plain
from repeg.domain.order.bracket import Levels
from repeg.domain.order.protection import Protection
from repeg.domain.order.record import Order

_FIELDS = """
    order_id signal_id rebalance_id kind strategy symbol side status reason terms.ladder terms.symbol_class
    terms.requested_qty terms.working_qty filled_qty avg_fill_price terms.reference_price terms.max_slippage_bps
    result.cap_breached terms.cap_bound terms.cap_floor worst_price terms.arrival_bid terms.arrival_ask
    result.slippage_bps result.shortfall_bps guard.stop_loss guard.take_profit guard.risk_reward
    entry_risk_reward=guard.risk_reward guard.protected protective_order_id
    unwind_order_id=unwind.order_id unwind_cost=unwind.cost exit_price exit_reason exit_at
    repegs market_fallback result.seconds_to_fill created_at first_sent_at completed_at run.expires_at
    run.execution_arn run.executions signal_price exit_anchor ask.extended_hours terms.outside_session
    ask.unprotected_ok ask.parent_id about=ask.names close.superseded_by unexited_qty odd_qty care.frozen exits_moved
""".split()  # noqa: SIM905
"""Where the record has what the contract names: `name`, `part.name`, or `name=part.field` where they differ."""
_CHILD_FIELDS = """
    rung client_order_id broker_order_id type limit_price qty filled_qty avg_fill_price status
    bid ask sent_at closed_at
""".split()  # noqa: SIM905
# Averages and ratios are quotients, of 28 digits if nobody cuts them.
_PLACES = {
    "avg_fill_price": Decimal("0.000001"),
    "slippage_bps": Decimal("0.0001"),
    "shortfall_bps": Decimal("0.0001"),
    "seconds_to_fill": Decimal("0.001"),
    "reference_price": Decimal("0.000001"),
    "exit_price": Decimal("0.000001"),
    "risk_reward": Decimal("0.0001"),
    "entry_risk_reward": Decimal("0.0001"),
    "unwind_cost": Decimal("0.0001"),
}


def order_view(order: Order) -> dict[str, Any]:
    """The order as JSON-ready data, with `rungs` and `events`."""
    view = _view(order, _FIELDS)
    # Beside stop and target as they are now: that of the entry would tell of a stop that is not there any more.
    view["risk_reward"] = json_value("risk_reward", _standing_reward(order))
    view["rungs"] = [_view(child, _CHILD_FIELDS) for child in order.sent]
    view["older_rungs"] = order.bygone.sent
    view["protections"] = [_oco_view(oco) for oco in order.guard.protections]
    view["exits"] = [_view(gone, ("source", "reason", "qty", "price", "at")) for gone in order.all_exits]
    view["events"] = [_view(event, ("at", "state", "detail")) for event in order.events]
    return view


def _standing_reward(order: Order) -> Decimal | None:
    """Reward over risk of what was bought, by the stop and the target that stand; before, at the price to be had."""
    stop, target, paid = order.guard.stop_loss, order.guard.take_profit, order.entry_price
    if stop is None or target is None or paid is None or order.side is None:
        return order.guard.risk_reward
    return Levels(stop=stop, target=target).risk_reward(paid, order.trading_side)


def _oco_view(oco: Protection) -> dict[str, Any]:
    fields = ("client_order_id", "broker_order_id", "qty", "status", "placed_at", "closed_at")
    return _view(oco, fields) | _view(oco.working_levels, ("stop", "target"))


def _view(record: Frozen, fields: Sequence[str]) -> dict[str, Any]:
    return {name: json_value(name, attrgetter(path)(record)) for name, path in map(_place, fields)}


def _place(field: str) -> tuple[str, str]:
    """A field's name in the view, and where the record has it."""
    name, _, path = field.rpartition("=")
    return name or path.rpartition(".")[2], path


def json_value(field: str, value: Any) -> Any:
    """A field as JSON: decimals as strings cut to its places, times in UTC, members of an enum by their value."""
    if isinstance(value, Decimal):
        return plain(value.quantize(_PLACES[field]) if field in _PLACES else value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.value if isinstance(value, Enum) else value
