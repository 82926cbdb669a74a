"""What an exchange holds goes on in another process: the account, its orders, prices, the journal and the time."""

from __future__ import annotations

from typing import Any

from tests.unit.exchange.virtual import VirtualExchange

BUY = {"symbol": "TQQQ", "side": "buy", "type": "market", "qty": "10", "time_in_force": "day", "client_order_id": "b"}
OCO = {
    "symbol": "TQQQ",
    "side": "sell",
    "type": "limit",
    "order_class": "oco",
    "qty": "10",
    "time_in_force": "gtc",
    "take_profit": {"limit_price": "55"},
    "stop_loss": {"stop_price": "50"},
    "client_order_id": "o",
}
REST = {**BUY, "type": "limit", "limit_price": "40", "client_order_id": "r"}


def _shown(exchange: VirtualExchange) -> dict[str, Any]:
    views = ("account", "positions", "orders", "clock")
    return {view: exchange.ok("GET", f"/v2/{view}", status="all", nested="true") for view in views}


def _another(exchange: VirtualExchange) -> VirtualExchange:
    other = VirtualExchange(start="2026-11-24T09:00:00-05:00")
    other.gateway.go_on_with(exchange.gateway.held())
    return other


def test_another_process_shows_the_same_at_the_same_market_time(exchange: VirtualExchange) -> None:
    for order in (BUY, OCO, REST):
        exchange.ok("POST", "/v2/orders", order)
        exchange.advance(1)
    shown, journal = _shown(exchange), exchange.control("GET", "journal")
    other = _another(exchange)
    assert other.control("GET", "journal")[: len(journal)] == journal
    assert _shown(other) == shown


def test_what_was_on_its_way_arrives_there_and_stops_still_trade(exchange: VirtualExchange) -> None:
    exchange.ok("POST", "/v2/orders", BUY)
    exchange.advance(1)
    exchange.ok("POST", "/v2/orders", OCO)
    exchange.ok("POST", "/v2/orders", REST)
    other = _another(exchange)
    other.advance(1)
    orders = {order["client_order_id"]: order for order in other.ok("GET", "/v2/orders", status="open")}
    assert orders["r"]["status"] == orders["o"]["status"] == "new"
    other.quote("TQQQ", "49.90", "49.95")
    other.advance(2)
    assert other.ok("GET", "/v2/positions") == [], "its stop was elected"
    again = other.send("POST", "/v2/orders", {**BUY, "client_order_id": "b"})
    assert again.status == 422, "ids stay used"
    other.advance_to("2026-11-20T16:00:01-05:00")
    assert other.ok("GET", "/v2/orders:by_client_order_id", client_order_id="r")["status"] == "expired"


def test_faults_and_scripts_stay_behind(exchange: VirtualExchange) -> None:
    later = {"at": "2026-11-20T10:05:00-05:00", "symbol": "TQQQ", "bid": 1, "ask": 2}
    exchange.control("POST", "script", {"events": [later]})
    other = _another(exchange)
    other.advance(600)
    quote = other.ok("GET", "/v2/stocks/TQQQ/quotes/latest")["quote"]
    assert (quote["bp"], quote["ap"]) == (50.95, 50.98)
