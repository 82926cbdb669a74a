"""What each refusal of the broker's means."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from repeg.broker import alpaca_errors as errors
from repeg.broker.alpaca_wire import Reply
from repeg.broker.port import Ambiguous, Denied, Duplicate
from repeg.domain.reasons import Reason

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def refused(status: int, message: str, code: int | str | None = None, **fields: Any) -> Reply:
    body = {"message": message, **fields, **({} if code is None else {"code": code})}
    return Reply(status, body, str(body))


HELD = {"available": "0", "existing_qty": "10", "held_for_orders": "10", "symbol": "SPY"}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refused(403, "insufficient buying power", 40310000, buying_power="5"), Reason.INSUFFICIENT_BUYING_POWER),
        (refused(403, "insufficient day trading buying power", 40310000), Reason.INSUFFICIENT_BUYING_POWER),
        (refused(403, "insufficient qty available for order", 40310000, **HELD), Reason.HELD_BY_PROTECTION),
        (refused(403, "insufficient qty available for order", 40310000), Reason.HELD_BY_PROTECTION),
        (refused(403, "other words", 40310000, **HELD), Reason.HELD_BY_PROTECTION),
        (refused(403, "insufficient qty", 40310000, **{**HELD, "existing_qty": "0"}), Reason.NO_POSITION),
        (refused(403, "potential wash trade detected. use complex orders", 40310000), Reason.WASH_TRADE),
        (refused(403, "other words", 40310000, existing_order_id="x"), Reason.WASH_TRADE),
        (refused(403, "cannot open a short sell while a long buy order is open", 40310000), Reason.WASH_TRADE),
        (refused(403, "cannot open a long buy while a short sell order is open", 40310000), Reason.WASH_TRADE),
        (refused(422, 'asset "NOPE" not found', 42210000), Reason.NOT_TRADABLE),
        (refused(422, "asset NOPE is not tradable", 42210000), Reason.NOT_TRADABLE),
        (refused(422, "asset NOPE is not active", 42210000), Reason.NOT_TRADABLE),
        (refused(422, "asset NOPE is inactive", 42210000), Reason.NOT_TRADABLE),
        (refused(404, "whatever", 40410000), Reason.NOT_TRADABLE),
        (refused(422, "asset GME cannot be sold short", 42210000), Reason.NOT_SHORTABLE),
        (refused(422, "fractional orders cannot be sold short", 42210000), Reason.NOT_SHORTABLE),
        (refused(403, "account is not allowed to short", 40310000), Reason.NOT_SHORTABLE),
        (refused(403, "cost basis must be >= minimal amount of order 1", 40310000), Reason.NOTIONAL_TOO_SMALL),
        (refused(403, "account is blocked from trading", 40310000), Reason.BROKER_REJECTED),
        (refused(422, "invalid limit_price 290.123. sub-penny increment", 42210000), Reason.BROKER_REJECTED),
        (refused(422, "qty must be > 0", "40010001"), Reason.BROKER_REJECTED),
        (refused(422, "words of next year", 42299999), Reason.BROKER_REJECTED),
        (refused(400, "no code at all"), Reason.BROKER_REJECTED),
    ],
)
def test_denials(reply: Reply, reason: Reason) -> None:
    outcome = errors.submit_refusal(reply)
    assert outcome == Denied(reason, reply.body["message"], reply.body.get("existing_order_id"))


@pytest.mark.parametrize(
    "reply",
    [
        refused(422, "client_order_id must be unique", 40010001),
        refused(422, "Client order ID already exists", 42210000),
        refused(409, "conflict"),
    ],
)
def test_a_taken_client_order_id(reply: Reply) -> None:
    assert errors.submit_refusal(reply) == Duplicate()


def test_a_client_order_id_that_is_too_long_is_no_duplicate() -> None:
    said = "client_order_id must be no more than 128 characters"
    assert errors.submit_refusal(refused(422, said, 40010001)) == Denied(Reason.BROKER_REJECTED, said)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, {"code": 50010000, "message": "internal server error"}),
        Reply(502, None, "<html>bad gateway</html>"),
        Reply(504, {"message": "gateway time-out"}),
        refused(408, "request time-out"),
        Reply(403, None, "<html>blocked by the office proxy</html>"),
        Reply(404, None, "<html>not found</html>"),
        Reply(422, ["what"], '["what"]'),
        Reply(422, {}, "{}"),
        Reply(422, {"code": "none", "message": None}),
        Reply(301, None, ""),
        Reply(302, {"message": "moved"}),
    ],
)
def test_anything_that_is_not_the_brokers_refusal_leaves_the_order_open(reply: Reply) -> None:
    assert isinstance(errors.submit_refusal(reply), Ambiguous)


@pytest.mark.parametrize(
    ("reply", "unknown"),
    [
        (refused(404, "order not found for 1", 40410000), True),
        (refused(404, "position does not exist", 40410000), True),
        (refused(404, "symbol not found: X"), True),
        (refused(422, 'asset "X" not found', 42210000), True),
        (refused(400, "invalid symbol: X"), True),
        (refused(404, "Not a route"), False),
        (Reply(404, None, "<html>404 page not found</html>"), False),
        (refused(422, "order_id is missing", 40010001), False),
        (Reply(500, {"message": "order not found", "code": 40410000}), False),
    ],
)
def test_unknown_is_believed_only_from_the_broker(reply: Reply, unknown: bool) -> None:
    assert errors.says_unknown(reply) is unknown


@pytest.mark.parametrize(
    ("reply", "refuses"),
    [
        (refused(401, "unauthorized."), True),
        (Reply(401, None, "<html>401</html>"), True),
        (refused(401, "request is not authorized", 40110000), True),
        (refused(403, "forbidden."), True),
        (refused(403, "insufficient buying power", 40310000), False),
        (Reply(403, None, "<html>blocked</html>"), False),
        (refused(404, "order not found", 40410000), False),
    ],
)
def test_refused_keys(reply: Reply, refuses: bool) -> None:
    assert errors.refuses_credentials(reply) is refuses


def test_a_feed_that_is_not_subscribed() -> None:
    said = "subscription does not permit querying recent SIP data"
    assert errors.denies_feed(refused(403, said, 42210000))
    assert errors.denies_feed(refused(403, said))
    assert not errors.denies_feed(refused(403, "forbidden."))


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"X-Ratelimit-Reset": str(int(NOW.timestamp()) + 17)}, 17.0),
        ({"X-Ratelimit-Reset": str(int(NOW.timestamp()) + 3600)}, 60.0),
        ({"X-Ratelimit-Reset": str(int(NOW.timestamp()) - 5)}, 1.0),
        ({"X-Ratelimit-Reset": "soon"}, 1.0),
        ({"X-Ratelimit-Reset": "NaN"}, 1.0),
        ({"Retry-After": "4"}, 4.0),
        ({"Retry-After": "Fri, 20 Nov 2026 15:00:00 GMT"}, 1.0),
        ({}, 1.0),
    ],
)
def test_wait_after_throttling(headers: dict[str, str], wait: float) -> None:
    assert errors.throttle_wait(headers, NOW) == wait


@pytest.mark.parametrize(
    ("headers", "count"),
    [
        ({"X-Ratelimit-Limit": "200", "X-Ratelimit-Remaining": "7"}, (200, 7, None)),
        (
            {
                "X-Ratelimit-Limit": "200",
                "X-Ratelimit-Remaining": "0",
                "X-Ratelimit-Reset": str(int(NOW.timestamp())),
            },
            (200, 0, NOW),
        ),
        ({"X-Ratelimit-Limit": "200"}, None),
        ({"X-Ratelimit-Limit": "many", "X-Ratelimit-Remaining": "7"}, None),
        ({"X-Ratelimit-Limit": "200", "X-Ratelimit-Remaining": "-1"}, None),
        ({}, None),
    ],
)
def test_the_brokers_count(headers: dict[str, str], count: tuple[int, int, datetime | None] | None) -> None:
    assert errors.request_count(headers) == count
