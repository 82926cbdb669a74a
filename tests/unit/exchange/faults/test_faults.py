"""Faults: what goes wrong, with which requests, how often, and what the client is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desk.exchange.faults.effects import Kind, OnOrder
from desk.exchange.faults.rules import FIELDS
from desk.exchange.faults.stream import copies
from desk.exchange.faults.subjects import Subject
from desk.exchange.venue.fate import Happening, Moment, refuse
from tests.unit.exchange.virtual import VirtualExchange, order_body

GUIDE = (Path(__file__).parents[4] / "docs" / "exchange.md").read_text(encoding="utf-8")
BUY = order_body("TQQQ", "buy", "10", "50.90", client_order_id="mine")


def faults(exchange: VirtualExchange, *rules: dict[str, Any]) -> None:
    exchange.control("PUT", "faults", {"faults": list(rules)})


def landed(exchange: VirtualExchange) -> bool:
    return exchange.engine.orders.by_client_id("mine") is not None


def test_drop_before_does_nothing_and_costs_nothing(exchange: VirtualExchange) -> None:
    faults(exchange, {"kind": "drop_before", "method": "POST", "path": "/v2/orders", "count": 1})
    assert exchange.send("POST", "/v2/orders", BUY).status == 0
    assert not landed(exchange)
    assert exchange.journal("request")[-1] | {"seq": 0} == {
        "seq": 0,
        "at": "2026-11-20T15:00:00.000000000Z",
        "type": "request",
        "method": "POST",
        "path": "/v2/orders",
        "query": "",
        "status": 0,
        "fault": "drop_before",
    }
    assert exchange.send("POST", "/v2/orders", BUY).status == 200


def test_drop_after_leaves_the_order_live(exchange: VirtualExchange) -> None:
    faults(exchange, {"kind": "drop_after", "method": "POST", "path": "/v2/orders", "count": 1})
    assert exchange.send("POST", "/v2/orders", BUY).status == 0
    assert landed(exchange)
    again = exchange.send("POST", "/v2/orders", BUY)
    assert again.body["message"] == "client_order_id must be unique"


@pytest.mark.parametrize(("stage", "lands"), [("request", False), ("answer", True)])
def test_error(exchange: VirtualExchange, stage: str, lands: bool) -> None:
    body = {"message": "gateway timeout"}
    faults(exchange, {"kind": "error", "path": "/v2/orders*", "status": 504, "body": body, "stage": stage})
    reply = exchange.send("POST", "/v2/orders", BUY)
    assert (reply.status, reply.body, landed(exchange)) == (504, body, lands)
    faults(exchange)
    assert exchange.send("GET", "/v2/orders").status == 200


def test_html(exchange: VirtualExchange) -> None:
    faults(exchange, {"kind": "html"})
    reply = exchange.send("GET", "/v2/account")
    assert (reply.status, reply.content_type) == (502, "text/html")
    assert b"<html>" in reply.encoded()


@pytest.mark.parametrize("stage", ["request", "answer"])
def test_delay_answers_as_ever(exchange: VirtualExchange, stage: str) -> None:
    faults(exchange, {"kind": "delay", "delay_ms": 500, "stage": stage})
    reply = exchange.send("POST", "/v2/orders", BUY)
    assert (reply.status, reply.delay_ms) == (200, 500 if stage == "answer" else 0)


def test_reject_comes_after_acceptance(exchange: VirtualExchange) -> None:
    faults(exchange, {"kind": "reject", "symbol": "TQQQ", "count": 1})
    order = exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance(1)
    assert exchange.read(order)["status"] == "rejected"
    assert exchange.events(order) == ["accepted", "rejected"]
    second = exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance(1)
    assert exchange.read(second)["status"] == "filled"


def test_a_stuck_cancel_hangs_until_the_fault_is_cleared(exchange: VirtualExchange) -> None:
    faults(exchange, {"kind": "stuck_cancel", "symbol": "TQQQ"})
    order = exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.ok("DELETE", f"/v2/orders/{order['id']}")
    exchange.advance(600)
    assert exchange.read(order)["status"] == "pending_cancel"
    faults(exchange)
    exchange.advance("0.05")
    assert exchange.read(order)["status"] == "canceled"


def test_a_new_fault_of_orders_is_its_entry_alone(exchange: VirtualExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here: the venue takes the order a second late, and will not cancel it."""

    def late(at: Happening) -> None:
        at.state.schedule.add(at.state.now + 10**9, at.go_on)

    entry = OnOrder("is late and stays", fates={Moment.TAKEN: late, Moment.CANCELED: refuse})
    monkeypatch.setattr(Kind.REJECT, "effect", entry)
    faults(exchange, {"kind": "reject"})
    order = exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.advance("0.9")
    assert exchange.read(order)["status"] == "pending_new"
    exchange.advance("0.3")
    exchange.ok("DELETE", f"/v2/orders/{order['id']}")
    exchange.advance(5)
    assert exchange.read(order)["status"] == "new"
    assert exchange.events(order) == ["accepted", "new", "pending_cancel", "order_cancel_rejected"]
    faults(exchange)
    exchange.ok("DELETE", f"/v2/orders/{order['id']}")
    exchange.advance(5)
    assert exchange.read(order)["status"] == "canceled"


def test_a_stuck_order_may_still_fill(exchange: VirtualExchange) -> None:
    faults(exchange, {"kind": "stuck_cancel"})
    order = exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.advance(1)
    exchange.ok("DELETE", f"/v2/orders/{order['id']}")
    exchange.quote("TQQQ", "50.80", "50.85")
    assert exchange.read(order)["status"] == "filled"


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        ({"symbol": "TQQQ"}, True),
        ({"symbol": "tqqq"}, True),
        ({"symbol": "AAPL"}, False),
        ({"method": "get"}, True),
        ({"method": "DELETE"}, False),
        ({"path": "/v2/orders/*"}, True),
        ({"path": "/v2/orders"}, False),
        ({"probability": 0}, False),
        ({"count": 0}, False),
        ({"order_class": "simple", "side": "buy", "type": "limit"}, True),
        ({"order_class": "oco"}, False),
        ({"side": "sell"}, False),
        ({"type": "stop*"}, False),
        ({"client_order_id": "min?"}, True),
        ({"client_order_id": "other*"}, False),
    ],
)
def test_which_requests_a_fault_fits(exchange: VirtualExchange, rule: dict[str, Any], hit: bool) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.90", client_order_id="mine")
    faults(exchange, {"kind": "error", **rule})
    assert exchange.send("GET", f"/v2/orders/{order['id']}").status == (500 if hit else 200)


@pytest.mark.parametrize("rule", [{"order_class": "oco"}, {"side": "sell"}, {"type": "stop"}])
def test_a_fault_for_some_orders_spares_the_others_and_all_lists(
    exchange: VirtualExchange, rule: dict[str, Any]
) -> None:
    exchange.hold("TQQQ", "20")
    faults(exchange, {"kind": "error", **rule})
    exits = {"take_profit": {"limit_price": "55"}, "stop_loss": {"stop_price": "49"}}
    exit_body = order_body("TQQQ", "sell", "10", type="limit", order_class="oco", **exits)
    stop_body = order_body("TQQQ", "sell", "10", type="stop", stop_price="49")
    sent = {
        name: exchange.send("POST", "/v2/orders", body).status for name, body in (("o", exit_body), ("s", stop_body))
    }
    expected = {"order_class": {"o": 500, "s": 200}, "side": {"o": 500, "s": 500}, "type": {"o": 200, "s": 500}}
    assert sent == expected[next(iter(rule))]
    assert exchange.send("GET", "/v2/orders").status == 200


def test_market_data_requests_may_fail_by_symbol(exchange: VirtualExchange) -> None:
    faults(exchange, {"kind": "error", "symbol": "TQQQ"})
    assert exchange.send("GET", "/v2/stocks/TQQQ/quotes/latest").status == 500
    assert exchange.send("GET", "/v2/stocks/quotes/latest", symbols="AAPL,TQQQ").status == 500
    assert exchange.send("GET", "/v2/stocks/quotes/latest", symbols="AAPL").status == 200


def test_count_and_probability(exchange: VirtualExchange) -> None:
    faults(exchange, {"kind": "error", "count": 2})
    assert [exchange.send("GET", "/v2/clock").status for _ in range(3)] == [500, 500, 200]
    faults(exchange, {"kind": "error", "probability": "0.5"})
    statuses = [exchange.send("GET", "/v2/stocks/TQQQ/quotes/latest").status for _ in range(100)]
    assert 30 < statuses.count(500) < 70


@pytest.mark.parametrize(
    "rule", [{}, {"kind": "gremlin"}, {"kind": "error", "status": 99}, {"kind": "error", "when": "now"}]
)
def test_a_bad_fault_is_refused(exchange: VirtualExchange, rule: dict[str, Any]) -> None:
    assert exchange.send("PUT", "/_exchange/faults", {"faults": [rule]}).status == 400


def test_the_control_port_knows_no_faults(exchange: VirtualExchange) -> None:
    faults(exchange, {"kind": "error"})
    assert exchange.control("GET", "health")["status"] == "ok"


@pytest.mark.parametrize(("kind", "sent"), [("stream_drop", 0), ("stream_duplicate", 2), ("stream_close", None)])
def test_faults_of_streams(exchange: VirtualExchange, kind: str, sent: int | None) -> None:
    faults(exchange, {"kind": kind, "path": "/stream", "symbol": "TQQQ", "count": 1}, {"kind": "error"})
    rules = exchange.gateway.faults
    ours, other = Subject(frozenset(("TQQQ",))), Subject(frozenset(("AAPL",)))
    assert copies(rules, "/v2/sip", ours) == copies(rules, "/stream", other) == 1
    assert [copies(rules, "/stream", ours) for _ in range(2)] == [sent, 1]
    assert exchange.send("GET", "/v2/clock").status == 500


def test_the_guide_has_every_fault_in_the_words_of_the_table_of_effects() -> None:
    section = GUIDE[GUIDE.index("## Let things go wrong") : GUIDE.index("## See what happened")]
    head, _, rest = section.partition("| `kind` | what happens |\n| --- | --- |\n")
    assert head and rest.split("\n\n")[0].splitlines() == [f"| `{kind}` | {kind.effect.does} |" for kind in Kind]
    assert {name for name in FIELDS if f"`{name}`" in section or f'"{name}"' in section} == FIELDS


def test_a_fault_is_shown_as_it_was_given(exchange: VirtualExchange) -> None:
    given = {"kind": "edit", "path": "/v2/orders*", "side": "b*", "when": {"status": None}, "body": {"qty": "1"}}
    faults(exchange, given)
    (shown,) = exchange.control("GET", "faults")["faults"]
    assert set(shown) == FIELDS
    assert shown | given == shown
    assert (shown["method"], shown["probability"], shown["count"], shown["stage"]) == ("*", "1", None, "request")


@pytest.mark.parametrize("kind", [None, [], {}, 1, "Error"])
def test_a_kind_that_is_none_is_refused_with_the_names_of_all(exchange: VirtualExchange, kind: Any) -> None:
    reply = exchange.send("PUT", "/_exchange/faults", {"faults": [{"kind": kind}]})
    assert (reply.status, reply.body["error"]) == (400, f"kind: one of {', '.join(Kind)} is needed")
