"""Rebalances as the outside sees them: the fields that the contract names, decimals as strings, times in UTC."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from repeg.domain.models import Frozen
from repeg.domain.order.views import json_value
from repeg.domain.rebalance.legs import leg_id
from repeg.domain.rebalance.planned import Leg
from repeg.domain.rebalance.record import Rebalance

_FIELDS = (
    "signal_id", "rebalance_id", "strategy", "status", "reason", "cost_bps", "equity", "cash_before", "cash_after",
    "created_at", "planned_at", "completed_at",
)  # fmt: skip
_LEG_FIELDS = ("symbol", "side", "qty", "current_weight", "target_weight", "drift")
_PLACES = {
    "cost_bps": Decimal("0.01"),
    "equity": Decimal("0.01"),
    "cash_before": Decimal("0.01"),
    "cash_after": Decimal("0.01"),
    "current_weight": Decimal("0.000001"),
    "target_weight": Decimal("0.000001"),
    "drift": Decimal("0.000001"),
}


def rebalance_view(rebalance: Rebalance) -> dict[str, Any]:
    """The rebalance as JSON-ready data, with its `plan`, the ids of its `legs`, `residual` and `events`."""
    legs = (*rebalance.sells, *rebalance.buys)
    view = _view(rebalance, _FIELDS)
    view["dry_run"] = rebalance.wanted.dry_run
    view["targets"] = {symbol: json_value("weight", weight) for symbol, weight in rebalance.wanted.targets.items()}
    view["plan"] = [_leg_view(rebalance, leg) for leg in legs]
    view["legs"] = [] if rebalance.wanted.dry_run else [leg_id(rebalance, leg) for leg in _placed(rebalance)]
    view["residual"] = [_view(left, ("symbol", "drift", "why")) for left in rebalance.residual]
    view["execution_arn"], view["executions"] = rebalance.work.execution_arn, rebalance.work.executions
    view["events"] = [_view(event, ("at", "state", "detail")) for event in rebalance.events]
    return view


def _placed(rebalance: Rebalance) -> tuple[Leg, ...]:
    """Legs that may have been placed: those of the second half are an outlook before the first is over."""
    return (*rebalance.sells, *rebalance.buys) if rebalance.sold else rebalance.sells


def _leg_view(rebalance: Rebalance, leg: Leg) -> dict[str, Any]:
    return _view(leg, _LEG_FIELDS) | {"half": leg.phase, "order_id": leg_id(rebalance, leg)}


def _view(record: Frozen, fields: tuple[str, ...]) -> dict[str, Any]:
    return {name: _shown(name, getattr(record, name)) for name in fields}


def _shown(name: str, value: Any) -> Any:
    cut = value.quantize(_PLACES[name]) if isinstance(value, Decimal) and name in _PLACES else value
    return json_value(name, cut)
