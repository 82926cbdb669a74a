"""The one audit: does what the store says agree with what the exchange saw?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from repeg.domain.orders import ChildRecord, Order
from repeg.domain.reasons import Status

ENDED = {"filled", "canceled", "expired", "rejected", "replaced"}


def audit(orders: Iterable[Order], journal: list[dict[str, Any]], *, all_over: bool = True) -> None:
    """Assert that store and journal agree, and that the money rules held at every moment.

    Every child order belongs to an order of the store with the same quantity and fills; no client order id was accepted
    twice; filled plus live never exceeded what was requested; one live order per symbol; and (with `all_over`) every
    order is terminal with nothing live behind it.
    """
    known = {child.client_order_id: (order, child) for order in orders for child in order.rungs}
    fills: dict[str, Decimal] = defaultdict(Decimal)
    accepted: dict[str, Decimal] = {}
    live: dict[str, Decimal] = {}
    for entry in journal:
        client_id = entry.get("client_order_id")
        if entry["type"] == "fill":
            fills[client_id] += Decimal(entry["qty"])
            live[client_id] = live.get(client_id, Decimal(0)) - Decimal(entry["qty"])
            worst = known[client_id][0].worst_price
            side, price = entry["side"], Decimal(entry["price"])
            limit_only = known[client_id][1].type == "limit"
            if worst is not None and limit_only:
                assert price <= worst if side == "buy" else price >= worst, (
                    f"{client_id} filled beyond the cap: {entry}"
                )
        elif entry["type"] == "order" and client_id in known | live:
            if entry["event"] in ("accepted", "new") and client_id not in accepted:
                accepted[client_id] = live[client_id] = Decimal(entry["qty"])
                _check_terms(*known[client_id], entry)
            if entry["event"] in ENDED:
                live.pop(client_id, None)
        elif entry["type"] == "order":
            raise AssertionError(f"the exchange saw an order that the store does not know: {entry}")
        _check_exposure(known, fills, live)
    for client_id, (order, child) in known.items():
        assert child.filled_qty == fills[client_id], (
            f"{client_id}: store {child.filled_qty}, journal {fills[client_id]}"
        )
        if client_id in accepted:
            assert child.qty == accepted[client_id], f"{client_id}: store {child.qty}, journal {accepted[client_id]}"
        if all_over:
            assert child.status.closed, f"{client_id} is {child.status}"
            assert order.status.terminal, f"{order.order_id} is {order.status}"
    if all_over:
        assert not live, f"live at the exchange after the end: {live}"
    for order in orders:
        if order.status is Status.FILLED:
            assert order.filled_qty == order.requested_qty, f"{order.order_id} filled {order.filled_qty}"


def _check_terms(order: Order, child: ChildRecord, entry: dict[str, Any]) -> None:
    limit = None if entry["limit_price"] is None else Decimal(entry["limit_price"])
    seen = (entry["symbol"], entry["side"], entry["order_type"], limit)
    assert seen == (order.symbol, order.side, child.type, child.limit_price), f"{child.client_order_id}: {entry}"


def _check_exposure(known: dict[str, Any], fills: dict[str, Decimal], live: dict[str, Decimal]) -> None:
    exposure: dict[str, Decimal] = defaultdict(Decimal)
    symbols: dict[str, set[str]] = defaultdict(set)
    for client_id in fills.keys() | live.keys():
        order = known[client_id][0]
        exposure[order.order_id] += fills.get(client_id, Decimal(0)) + max(live.get(client_id, Decimal(0)), Decimal(0))
        if live.get(client_id, Decimal(0)) > 0:
            symbols[order.symbol].add(client_id)
        assert order.requested_qty is None or exposure[order.order_id] <= order.requested_qty, (
            f"{order.order_id}: filled and live {exposure[order.order_id]} exceed {order.requested_qty}"
        )
    for symbol, ids in symbols.items():
        assert len(ids) == 1, f"{symbol} has several live orders: {ids}"


def trading_calls(journal: list[dict[str, Any]]) -> list[str]:
    """Requests that count against the trading limit, as `METHOD /path`."""
    requests = [entry for entry in journal if entry["type"] == "request"]
    return [f"{entry['method']} {entry['path']}" for entry in requests if "/stocks/" not in entry["path"]]
