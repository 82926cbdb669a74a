"""Orders as the outside sees them: the fields that the contract names, decimals as strings, times in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from repeg.domain.models import Frozen
from repeg.domain.money import plain
from repeg.domain.orders import Order
from repeg.domain.protection import Protection

_FIELDS = """
    order_id signal_id rebalance_id kind strategy symbol side status reason ladder symbol_class
    requested_qty working_qty filled_qty avg_fill_price reference_price max_slippage_bps cap_breached
    cap_bound cap_floor worst_price
    arrival_bid arrival_ask slippage_bps shortfall_bps stop_loss take_profit risk_reward
    protected protective_order_id unwind_order_id unwind_cost exit_price exit_reason exit_at
    repegs market_fallback seconds_to_fill created_at first_sent_at completed_at expires_at
    execution_arn executions
    signal_price exit_anchor extended_hours outside_session unprotected_ok parent_id superseded_by
    unexited_qty odd_qty frozen
""".split()  # noqa: SIM905
_CHILD_FIELDS = """
    rung client_order_id broker_order_id type limit_price qty filled_qty avg_fill_price status
    bid ask sent_at closed_at
""".split()  # noqa: SIM905
_PLACES = {
    "avg_fill_price": Decimal("0.000001"),
    "slippage_bps": Decimal("0.0001"),
    "shortfall_bps": Decimal("0.0001"),
    "seconds_to_fill": Decimal("0.001"),
    "reference_price": Decimal("0.000001"),
    "exit_price": Decimal("0.000001"),
    "risk_reward": Decimal("0.0001"),
    "unwind_cost": Decimal("0.0001"),
}


def order_view(order: Order) -> dict[str, Any]:
    """The order as JSON-ready data, with `rungs` and `events`."""
    view = _view(order, _FIELDS)
    view["rungs"] = [_view(child, _CHILD_FIELDS) for child in order.sent]
    view["older_rungs"] = order.bygone.sent
    view["protections"] = [_oco_view(oco) for oco in order.protections]
    view["exits"] = [_view(gone, ("source", "reason", "qty", "price", "at")) for gone in order.all_exits]
    view["events"] = [_view(event, ("at", "state", "detail")) for event in order.events]
    return view


def _oco_view(oco: Protection) -> dict[str, Any]:
    fields = ("client_order_id", "broker_order_id", "qty", "status", "placed_at", "closed_at")
    return _view(oco, fields) | _view(oco.working_levels, ("stop", "target"))


def _view(record: Frozen, fields: Sequence[str]) -> dict[str, Any]:
    return {field: _json_value(field, getattr(record, field)) for field in fields}


def _json_value(field: str, value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value.quantize(_PLACES[field]) if field in _PLACES else value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.value if isinstance(value, Enum) else value
