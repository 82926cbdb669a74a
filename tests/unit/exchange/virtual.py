"""The whole exchange in virtual time: requests without a transport, a wall clock that moves only when told."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from desk.exchange.door.gateway import Gateway
from desk.exchange.market.clock import MarketClock
from desk.exchange.market.moments import SECOND, parse_instant
from desk.exchange.wire.web import Reply, Request

REGULAR = "2026-11-20T10:00:00-05:00"
KEYS = {"apca-api-key-id": "key", "apca-api-secret-key": "secret"}


class VirtualExchange:
    """A gateway whose clock stands still between calls of `advance`."""

    def __init__(self, start: str = REGULAR) -> None:
        self._wall = 0
        instant = parse_instant(start)
        clock = MarketClock(instant, wall=lambda: self._wall)
        self.gateway = Gateway(instant, ids=random.Random(7), clock=clock)
        self.engine = self.gateway.engine

    def advance(self, seconds: float | str) -> None:
        """Let market time pass."""
        self._wall += int(Decimal(str(seconds)) * SECOND)
        self.engine.advance_to(self.gateway.clock.now())

    def advance_to(self, moment: str) -> None:
        self.advance(str(Decimal(parse_instant(moment) - self.gateway.clock.now()) / SECOND))

    def send(self, method: str, path: str, body: Any = None, *, keys: bool = True, **query: Any) -> Reply:
        """One request through the front door, faults included."""
        request = Request(
            method=method,
            path=path,
            query_string=urlencode(query),
            headers=KEYS if keys else {},
            body=b"" if body is None else json.dumps(body).encode(),
        )
        return self.gateway.serve(request, self.gateway.fault_for(request))

    def ok(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The body of a request that must succeed."""
        reply = self.send(method, path, body, **query)
        assert 200 <= reply.status < 300, reply
        return reply.body

    def control(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        return self.ok(method, f"/_exchange/{path}", body, **query)

    def quote(self, symbol: str, bid: str, ask: str, bid_size: int = 1000, ask_size: int = 1000, **more: Any) -> None:
        body = {"bid": bid, "ask": ask, "bid_size": bid_size, "ask_size": ask_size, **more}
        self.control("PUT", f"quotes/{symbol}", body)

    def order(self, symbol: str, side: str, qty: str | None, limit: str | None = None, **more: Any) -> dict[str, Any]:
        """Submit an order that must be accepted."""
        result: dict[str, Any] = self.ok("POST", "/v2/orders", order_body(symbol, side, qty, limit, **more))
        return result

    def refused(self, symbol: str, side: str, qty: str | None, limit: str | None = None, **more: Any) -> Reply:
        """Submit an order that must be refused."""
        reply = self.send("POST", "/v2/orders", order_body(symbol, side, qty, limit, **more))
        assert reply.status >= 400, reply
        return reply

    def read(self, order: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self.ok("GET", f"/v2/orders/{order['id']}")
        return result

    def hold(self, symbol: str, qty: str, price: str = "50") -> None:
        self.control("PUT", f"positions/{symbol}", {"qty": qty, "avg_entry_price": price})

    def journal(self, kind: str | None = None) -> list[dict[str, Any]]:
        return [entry for entry in self.control("GET", "journal") if kind in (None, entry["type"])]

    def events(self, order: dict[str, Any]) -> list[str]:
        return [entry["event"] for entry in self.journal("order") if entry["order_id"] == order["id"]]

    def fills(self, order: dict[str, Any]) -> list[tuple[str, str]]:
        """Quantity and price of each execution of the order."""
        return [(e["qty"], e["price"]) for e in self.journal("fill") if e["order_id"] == order["id"]]


def order_body(symbol: str, side: str, qty: str | None, limit: str | None = None, **more: Any) -> dict[str, Any]:
    """The JSON of a simple day order: limit if a limit is given, else market."""
    body: dict[str, Any] = {"symbol": symbol, "side": side, "time_in_force": "day"}
    body |= {"type": "limit", "limit_price": limit} if limit is not None else {"type": "market"}
    if qty is not None:
        body["qty"] = qty
    return body | more
