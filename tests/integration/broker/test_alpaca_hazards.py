"""The adapter against a server that misbehaves as brokers and networks do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from repeg.broker import alpaca_wire
from repeg.broker.alpaca import AlpacaBroker
from repeg.broker.port import Accepted, Ambiguous, CancelOutcome, Denied, Duplicate
from repeg.domain.market.reports import OrderStatus
from repeg.domain.reasons import Reason
from repeg.errors import BrokerUnavailable, CredentialsRefused, DataFeedDenied
from tests.integration.broker.known import CHILD, HTML, ID, NOW, ORDER, Book, connect

ODD_CHARSETS = ("idna", "undefined", "punycode", "no-such", "rot13")


def lost_answers(canned: Any) -> list[Any]:
    return [
        canned(hang=True),
        canned(reset_unread=True),
        canned(reset_after_reading=True),
        canned(502, HTML, {"Content-Type": "text/html"}),
        canned(500, json.dumps({"code": 50010000, "message": "internal server error occurred"})),
        canned(503, ""),
        canned(504, json.dumps({"message": "gateway time-out"})),
        canned(408, json.dumps({"message": "request time-out"})),
        canned(200, HTML, {"Content-Type": "text/html"}),
        canned(200, '{"id": "61e6'),
        canned(200, ""),
        canned(200, "[]"),
        canned(200, json.dumps({**ORDER, "id": None})),
        canned(200, json.dumps({**ORDER, "qty": "NaN"})),
        canned(200, json.dumps({**ORDER, "client_order_id": "another"})),
        canned(200, json.dumps({**ORDER, "filled_qty": "1"}).replace('"1"', "NaN")),
        canned(200, "x", {"Content-Encoding": "gzip"}),
        *(canned(200, HTML + "\u00e9", {"Content-Type": f"text/html; charset={named}"}) for named in ODD_CHARSETS),
        canned(200, json.dumps({**ORDER, "submitted_at": "0001-01-01T00:00:00+14:00"})),
        canned(200, json.dumps({**ORDER, "filled_qty": "1e999999999"})),
        canned(422, '{"code": 1e999999999, "message": 7}', {"Content-Type": "application/json"}),
        canned(301, "", {"Location": "https://127.0.0.1/v2/orders"}),
        canned(302, json.dumps(ORDER), {"Location": "/elsewhere"}),
        canned(307, json.dumps(ORDER), {"Location": "/v2/orders"}),
        canned(308, json.dumps(ORDER), {"Location": "//["}),
        canned(403, HTML),
        canned(404, HTML),
    ]


def test_a_submit_whose_answer_is_lost_is_ambiguous_and_was_sent_once(server: Any, canned: Any, book: Book) -> None:
    broker = connect(server.url, book, read_timeout=1)
    for line in lost_answers(canned):
        server.received.clear()
        server.answers(line)
        outcome = broker.submit(CHILD)
        assert isinstance(outcome, Ambiguous), line
        assert outcome.detail
        assert len(server.received) == (0 if line.reset_unread else 1), line


def test_nobody_listening_is_ambiguous_for_a_submit_and_unavailable_for_a_read(book: Book) -> None:
    broker = connect("http://127.0.0.1:9", book)
    assert isinstance(broker.submit(CHILD), Ambiguous)
    assert broker.cancel(ID) is CancelOutcome.UNCLEAR
    with pytest.raises(BrokerUnavailable):
        broker.position("SPY")


READS: list[Callable[[AlpacaBroker], Any]] = [
    lambda broker: broker.now(),
    lambda broker: broker.calendar(date(2026, 11, 20), date(2026, 11, 27)),
    lambda broker: broker.account(),
    lambda broker: broker.asset("SPY"),
    lambda broker: broker.position("SPY"),
    lambda broker: broker.order(ID),
    lambda broker: broker.order_by_client_id("ord-1-e1"),
    lambda broker: broker.orders("SPY", NOW),
    lambda broker: broker.quote("SPY"),
]


@pytest.mark.parametrize("read", READS)
def test_a_read_whose_answer_is_lost_is_unavailable(
    server: Any, canned: Any, broker: AlpacaBroker, read: Callable[[AlpacaBroker], Any]
) -> None:
    lines = [
        canned(reset_unread=True),
        canned(reset_after_reading=True),
        canned(502, HTML),
        canned(504, json.dumps({"message": "x"})),
        canned(200, HTML),
        canned(200, ""),
        canned(200, '"text"'),
        canned(301, ""),
        canned(404, HTML),
        canned(404, json.dumps({"message": "Not a route"})),
        canned(403, HTML),
        canned(422, json.dumps({"code": 42210000, "message": "who knows"})),
    ]
    for line in lines:
        server.answers(line)
        with pytest.raises(BrokerUnavailable):
            read(broker)


def test_a_read_that_gets_no_answer_ends_in_time(server: Any, canned: Any, book: Book) -> None:
    broker = connect(server.url, book, read_timeout=1)
    server.answers(canned(hang=True))
    began = time.monotonic()
    with pytest.raises(BrokerUnavailable):
        broker.order(ID)
    assert time.monotonic() - began < 8
    assert len(server.received) == 1


def test_an_answer_that_drips_in_ends_in_time(
    server: Any, canned: Any, broker: AlpacaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte begins the time-out for reading anew: the function's own time would run out, and the worker with it."""
    monkeypatch.setattr(alpaca_wire, "WHOLE_ANSWER_SECONDS", 0.3)
    server.answers(canned(drip=True))
    began = time.monotonic()
    assert isinstance(broker.submit(CHILD), Ambiguous)
    with pytest.raises(BrokerUnavailable, match="not complete"):
        broker.order(ID)
    assert time.monotonic() - began < 8
    assert [request.method for request in server.received] == ["POST", "GET"]


@pytest.mark.parametrize("read", READS)
def test_refused_keys_are_the_operators_to_mend(
    server: Any, canned: Any, broker: AlpacaBroker, read: Callable[[AlpacaBroker], Any]
) -> None:
    for line in (canned(401, json.dumps({"message": "unauthorized."})), canned(401, HTML)):
        server.answers(line)
        for call in (read, lambda broker: broker.submit(CHILD), lambda broker: broker.cancel(ID)):
            with pytest.raises(CredentialsRefused):
                call(broker)


def test_what_is_sent_is_exact(server: Any, broker: AlpacaBroker) -> None:
    server.answers_json(ORDER)
    broker.submit(CHILD)
    odd = {"qty": Decimal("0.300000000"), "type": "market", "limit_price": None, "side": "sell"}
    broker.submit(CHILD.changed(**odd))
    broker.submit(CHILD.changed(limit_price=Decimal("0.0001"), extended_hours=True))
    first, second, third = server.received
    assert (first.method, first.path) == ("POST", "/v2/orders")
    assert json.loads(first.body) == {
        "symbol": "BRK.B",
        "qty": "100",
        "side": "buy",
        "type": "limit",
        "time_in_force": "day",
        "client_order_id": "ord-1-e1",
        "limit_price": "50.9",
    }
    assert first.headers["APCA-API-KEY-ID"] == "key"
    assert (second.json["qty"], second.json["side"]) == ("0.3", "sell")
    assert "limit_price" not in second.json
    assert (third.json["limit_price"], third.json["extended_hours"]) == ("0.0001", True)


def test_an_accepted_order(server: Any, broker: AlpacaBroker) -> None:
    server.answers_json({**ORDER, "status": "a_status_of_next_year", "new_field": [1]})
    outcome = broker.submit(CHILD)
    assert isinstance(outcome, Accepted)
    assert (outcome.report.broker_order_id, outcome.report.status) == (ID, OrderStatus.PENDING)


def test_a_refusal_with_and_without_a_code(server: Any, broker: AlpacaBroker) -> None:
    server.answers_json({"code": 40310000, "message": "insufficient buying power"}, 403)
    assert broker.submit(CHILD) == Denied(Reason.INSUFFICIENT_BUYING_POWER, "insufficient buying power")
    server.answers_json({"message": "insufficient buying power"}, 403)
    assert broker.submit(CHILD) == Denied(Reason.INSUFFICIENT_BUYING_POWER, "insufficient buying power")
    server.answers_json({"code": 40010001, "message": "client_order_id must be unique"}, 422)
    assert broker.submit(CHILD) == Duplicate()


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (204, None, CancelOutcome.REQUESTED),
        (422, {"code": 42210000, "message": 'order is already in "filled" state'}, CancelOutcome.ALREADY_TERMINAL),
        (422, {"code": 42210000, "message": 'order is already in "canceled" state'}, CancelOutcome.ALREADY_TERMINAL),
        (422, {"code": 42210000, "message": "order pending cancel"}, CancelOutcome.REQUESTED),
        (422, {"code": 42210000, "message": "order is pending_replace"}, CancelOutcome.UNCLEAR),
        (422, {"code": 40010001, "message": "order_id is missing"}, CancelOutcome.UNKNOWN_ORDER),
        (404, {"code": 40410000, "message": f"order not found for {ID}"}, CancelOutcome.UNKNOWN_ORDER),
        (404, None, CancelOutcome.UNCLEAR),
        (500, {"message": "failed to cancel order"}, CancelOutcome.UNCLEAR),
        (504, None, CancelOutcome.UNCLEAR),
        (301, None, CancelOutcome.UNCLEAR),
    ],
)
def test_cancels(
    server: Any, canned: Any, broker: AlpacaBroker, status: int, body: dict[str, Any] | None, outcome: CancelOutcome
) -> None:
    server.answers(canned(status, json.dumps(body) if body else ""))
    assert broker.cancel(ID) is outcome
    (request,) = server.received
    assert (request.method, request.path) == ("DELETE", f"/v2/orders/{ID}")


def test_a_cancel_that_gets_no_answer_is_unclear(server: Any, canned: Any, book: Book) -> None:
    broker = connect(server.url, book, read_timeout=1)
    for line in (canned(hang=True), canned(reset_unread=True), canned(reset_after_reading=True)):
        server.answers(line)
        assert broker.cancel(ID) is CancelOutcome.UNCLEAR


@pytest.mark.parametrize("empty", ["", ".", ".."])
def test_an_empty_id_never_becomes_cancel_all(server: Any, broker: AlpacaBroker, empty: str) -> None:
    for call in (broker.cancel, broker.order, broker.position, broker.asset):
        with pytest.raises(ValueError):
            call(empty)
    assert server.received == []


def test_an_id_cannot_change_the_path(server: Any, broker: AlpacaBroker) -> None:
    server.answers_json({"code": 40410000, "message": "position does not exist"}, 404)
    assert broker.position("A/../B?x=1") is None
    assert server.received[0].path == "/v2/positions/A%2F..%2FB%3Fx%3D1"


def test_unknown_things_are_none(server: Any, broker: AlpacaBroker) -> None:
    server.answers_json({"code": 40410000, "message": "not found"}, 404)
    assert broker.asset("NOPE") is None
    assert broker.position("SPY") is None
    assert broker.order(ID) is None
    assert broker.order_by_client_id("ord-9") is None
    assert server.received[-1].path == "/v2/orders:by_client_order_id?client_order_id=ord-9"


def test_an_answer_about_another_order_is_not_believed(server: Any, broker: AlpacaBroker) -> None:
    server.answers_json({**ORDER, "id": "another", "client_order_id": "another"})
    for read in (lambda: broker.order(ID), lambda: broker.order_by_client_id("ord-1-e1")):
        with pytest.raises(BrokerUnavailable):
            read()


def test_a_quote_names_its_feed(server: Any, book: Book) -> None:
    body = {"quotes": {"SPY": {"t": "2026-11-20T15:00:00.1Z", "bp": 600.1, "ap": 0, "bs": 100, "as": 0}}}
    server.answers_json(body)
    quote = connect(server.url, book).quote("SPY")
    assert quote is not None
    assert (quote.bid, quote.ask) == (Decimal("600.1"), 0)
    connect(server.url, book, feed="iex").quote("SPY")
    assert [request.path for request in server.received] == [
        "/v2/stocks/quotes/latest?symbols=SPY&feed=sip",
        "/v2/stocks/quotes/latest?symbols=SPY&feed=iex",
    ]
    server.answers_json({"message": "invalid symbol: NOPE"}, 400)
    assert connect(server.url, book).quote("NOPE") is None


def test_a_snapshot_asks_for_the_witnesses_in_the_same_call(server: Any, book: Book) -> None:
    at = "2026-11-20T15:00:00.1Z"
    server.answers_json({name: {"latestQuote": {"t": at, "bp": 600.1, "ap": 600.2}} for name in ("SPY", "QQQ")})
    seen = connect(server.url, book).snapshot("SPY", {"SPY", "QQQ"})
    assert seen.quote is not None and seen.feed_at == seen.quote.at
    server.answers_json({"message": "invalid symbol: NOPE"}, 400)
    assert connect(server.url, book).snapshot("NOPE", set()).quote is None
    assert [request.path for request in server.received] == [
        "/v2/stocks/snapshots?symbols=SPY%2CQQQ&feed=sip",
        "/v2/stocks/snapshots?symbols=NOPE&feed=sip",
    ]


def test_a_feed_outside_the_subscription_is_the_operators_to_mend(server: Any, broker: AlpacaBroker) -> None:
    said = "subscription does not permit querying recent SIP data"
    server.answers_json({"code": 42210000, "message": said}, 403)
    with pytest.raises(DataFeedDenied, match="sip"):
        broker.quote("SPY")


def test_long_lists_are_read_to_the_end(server: Any, canned: Any, broker: AlpacaBroker) -> None:
    def page(first: int, count: int) -> Any:
        moment = [NOW + timedelta(seconds=place) for place in range(first, first + count)]
        orders = [{**ORDER, "id": f"id-{at.timestamp():.0f}", "submitted_at": at.isoformat()} for at in moment]
        return canned(200, json.dumps(orders))

    server.answers(page(0, 500), page(499, 3))
    reports = broker.orders("BRK.B", NOW - timedelta(seconds=1))
    assert len(reports) == 502
    first, second = (request.path for request in server.received)
    assert "after=2026-11-20T14%3A59%3A59Z" in first and "symbols=BRK.B" in first and "status=all" in first
    assert "after=2026-11-20T15%3A08%3A18.999999Z" in second
