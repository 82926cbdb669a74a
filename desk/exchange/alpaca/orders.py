"""Alpaca's order endpoints: submit, replace, cancel, look up, list."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from desk.exchange.alpaca.order_request import read_order, read_replacement
from desk.exchange.alpaca.views import order_json
from desk.exchange.faults.rules import Faults
from desk.exchange.faults.subjects import of_order, of_request
from desk.exchange.market.assets import find_asset
from desk.exchange.market.model import Order, Side, Status
from desk.exchange.market.requests import OrderRequest
from desk.exchange.rules.settings import nanoseconds
from desk.exchange.venue.engine import Engine
from desk.exchange.venue.fate import Moment
from desk.exchange.wire.errors import ApiError, invalid, not_found
from desk.exchange.wire.given import Given
from desk.exchange.wire.values import id_of
from desk.exchange.wire.web import Reply, Request

_MAX_LIST = 500
_DEFAULT_LIST = 50


class OrdersApi:
    """REST v2 /orders."""

    def __init__(self, engine: Engine, faults: Faults) -> None:
        self._engine = engine
        self._faults = faults

    def submit(self, request: Request) -> Reply:
        wanted = self._by_symbol(read_order(request.fields))
        fate = self._faults.fate(Moment.TAKEN, request, lambda: of_request(request, self._engine.orders))
        order = self._engine.submit(wanted, fate)
        return Reply(200, order_json(order, self._legs(order)))

    def _by_symbol(self, wanted: OrderRequest) -> OrderRequest:
        """The order with its asset's symbol, where it names the asset by its id."""
        found = find_asset(self._engine.assets, wanted.symbol)
        return wanted if found is None or found.symbol == wanted.symbol else replace(wanted, symbol=found.symbol)

    def replace(self, request: Request, order_id: str) -> Reply:
        order = self._engine.find(_order_id(order_id))
        wanted = read_replacement(request.fields)
        fate = self._faults.fate(Moment.REPLACED, request, lambda: of_order(order))
        return Reply(200, order_json(self._engine.replace_order(order.id, wanted, fate)))

    def cancel(self, request: Request, order_id: str) -> Reply:
        order = self._engine.find(_order_id(order_id))
        # A fault is not used up by a cancel that is refused anyway.
        able = not order.status.final and order.status is not Status.PENDING_CANCEL
        fate = self._faults.fate(Moment.CANCELED, request, lambda: of_order(order)) if able else None
        self._engine.cancel(order.id, fate)
        return Reply(204)

    def cancel_all(self, request: Request) -> Reply:
        return Reply(207, [self._try_cancel(request, order) for order in self._engine.orders.open()])

    def _try_cancel(self, request: Request, order: Order) -> dict[str, Any]:
        now = self._engine.find(order.id)
        if now.status is Status.PENDING_CANCEL and order.status is not Status.PENDING_CANCEL:
            # It was cancelled with another one of its group, a moment ago.
            return {"id": order.id, "status": 200}
        try:
            self.cancel(request, order.id)
        except ApiError as problem:
            return {"id": order.id, "status": 500, "body": problem.body}
        return {"id": order.id, "status": 200}

    def order(self, request: Request, order_id: str) -> Reply:
        return self._one(request, self._engine.find(_order_id(order_id)))

    def by_client_id(self, request: Request) -> Reply:
        client_order_id = request.query.text("client_order_id")
        if client_order_id is None:
            raise invalid("client_order_id is missing")
        order = self._engine.orders.by_client_id(client_order_id)
        if order is None:
            raise not_found(f"order not found for {client_order_id}")
        return self._one(request, order)

    def _one(self, request: Request, order: Order) -> Reply:
        legs = self._legs(order) if request.query.flag("nested") else None
        return Reply(200, order_json(order, legs))

    def _legs(self, order: Order) -> list[Order]:
        return _legs(order, self._engine.orders.group(order))

    def list_orders(self, request: Request) -> Reply:
        query, nested = request.query, request.query.flag("nested") or False
        state = query.one_of("status", ("open", "closed", "all"), "open")
        direction = query.one_of("direction", ("asc", "desc"), "desc")
        # Lists lag behind what the same order read by its id tells: forum.alpaca.markets/t/18156.
        lag = nanoseconds(self._engine.settings.list_lag_ms)
        seen = list(self._engine.orders.as_of(self._engine.now - lag))
        wanted = _Filter(query, self._engine)
        found = [o for o in seen if (state == "all" or (state == "closed") == o.status.final) and wanted.fits(o)]
        if nested:
            parents = {o.group for o in found if not o.leg}
            found = [o for o in found if not o.leg or o.group not in parents]
        if state == "open":
            # A leg that is held shows only under its parent: alpacahq/alpaca-trade-api-js#87,
            # alpacahq/alpaca-trade-api-python#322.
            found = [o for o in found if o.status is not Status.HELD]
        found.sort(key=lambda order: order.number, reverse=direction == "desc")
        found = found[: query.whole("limit", 1, _MAX_LIST, _DEFAULT_LIST)]
        return Reply(200, [order_json(order, _legs(order, seen) if nested else None) for order in found])


class _Filter:
    """What a list request asks for; ApiError for a bad field."""

    def __init__(self, query: Given, engine: Engine) -> None:
        self._after, self._until = query.instant("after"), query.instant("until")
        self._symbols = {symbol.upper() for symbol in query.names("symbols")}
        self._side = query.choice(Side, "side")
        classes = set(query.names("asset_class"))
        self._classes = set() if "all" in classes else classes
        after, before = query.id("after_order_id"), query.id("before_order_id")
        self._above = engine.find(after).number if after else 0
        self._below = engine.find(before).number if before else len(engine.orders) + 1

    def fits(self, order: Order) -> bool:
        return (
            (not self._classes or order.asset_class in self._classes)
            and (self._after is None or order.created_at > self._after)
            and (self._until is None or order.created_at < self._until)
            and self._above < order.number < self._below
            and (not self._symbols or order.symbol in self._symbols)
            and self._side in (None, order.side)
        )


def _legs(order: Order, among: list[Order]) -> list[Order]:
    """The legs under an order, each in its newest form."""
    if order.group is None or order.leg or order.status is Status.REPLACED:
        return []
    return [o for o in among if o.group == order.group and o.leg and o.status is not Status.REPLACED]


def _order_id(text: str) -> str:
    found = id_of(text)
    if found is None:
        raise invalid("order_id is missing")
    return found
