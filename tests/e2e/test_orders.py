"""Signals through the queue become orders: the real stack, the real machine, every ending."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.reasons import Reason, Status
from tests.support.cloud import Cloud

pytestmark = pytest.mark.cloud


def _step_away(cloud: Cloud, times: int, step: str, size: int = 2000) -> None:
    """Each time a buy limit arrives, the quote moves above it by `step`."""
    for nth in range(1, times + 1):
        up = Decimal(step) * nth
        quote = {
            "bid": str(Decimal("50.95") + up),
            "ask": str(Decimal("50.98") + up),
            "bid_size": size,
            "ask_size": size,
        }
        cloud.exchange.script(
            {"on": {"symbol": "TQQQ", "event": "new", "side": "buy", "nth": nth}, "symbol": "TQQQ", **quote}
        )


def test_a_buy_fills_at_once_within_its_budget(cloud: Cloud, name: str) -> None:
    mark = cloud.mark()
    cloud.send(signal_id=name, qty=100)
    [order] = cloud.ended(name)
    assert (order.status, order.reason, order.filled_qty) == (Status.FILLED, None, 100)
    assert [child.limit_price for child in order.children] == [Decimal("50.99")]
    assert order.avg_fill_price == Decimal("50.98")
    states, calls = cloud.states_of(order), cloud.calls_of(order, mark)
    assert len(states) <= 10, states
    assert calls.total() <= 2, calls
    cloud.audit()


def test_a_sell_goes_one_tick_through_the_bid(cloud: Cloud, name: str) -> None:
    cloud.exchange.position("TQQQ", 100, "40")
    cloud.send(signal_id=name, side="sell", qty=100)
    [order] = cloud.ended(name)
    assert order.children[0].limit_price == Decimal("50.94")
    assert order.status is Status.FILLED
    cloud.audit()


def test_a_re_peg_follows_the_quote(cloud: Cloud, name: str) -> None:
    _step_away(cloud, 1, "0.03")
    cloud.send(signal_id=name, qty=100)
    [order] = cloud.ended(name)
    assert order.status is Status.FILLED
    assert [child.limit_price for child in order.children] == [Decimal("50.99"), Decimal("51.02")]
    assert (order.repegs, order.market_fallback) == (1, False)
    cloud.audit()


def test_the_full_ladder_ends_at_the_market_within_its_budget(cloud: Cloud, name: str) -> None:
    _step_away(cloud, 3, "0.02")
    mark = cloud.mark()
    cloud.send(signal_id=name, qty=100)
    [order] = cloud.ended(name)
    assert order.status is Status.FILLED
    assert [child.type for child in order.children] == ["limit", "limit", "limit", "market"]
    states, calls = cloud.states_of(order), cloud.calls_of(order, mark)
    assert len(states) <= 44, states
    assert calls.total() <= 17, calls
    cloud.audit()


def test_better_to_miss_than_to_pay_beyond_the_cap(cloud: Cloud, name: str) -> None:
    _step_away(cloud, 3, "0.06")
    cloud.send(signal_id=name, qty=100)
    [order] = cloud.ended(name)
    assert (order.status, order.reason) == (Status.UNFILLED, Reason.SLIPPAGE_EXCEEDED)
    assert order.children[-1].limit_price == order.worst_price
    assert not order.market_fallback
    cloud.audit()


def test_a_stock_takes_the_standard_ladder_from_mid_to_touch(cloud: Cloud, name: str) -> None:
    cloud.exchange.quote("AAPL", "229.95", "230.01", 800, 800)
    cloud.send(signal_id=name, symbol="AAPL", qty=10)
    [order] = cloud.ended(name)
    assert (order.terms.ladder, order.status) == ("standard", Status.FILLED)
    limits = [child.limit_price for child in order.children]
    assert limits == [Decimal("229.98"), Decimal("229.99"), Decimal("230.00"), Decimal("230.01")]
    cloud.audit()


def test_a_close_sells_what_is_there(cloud: Cloud, name: str) -> None:
    cloud.exchange.position("TQQQ", "37", "40")
    cloud.send_text(f'{{"signal_id": "{name}", "kind": "close", "symbol": "TQQQ"}}')
    [order] = cloud.ended(name)
    assert (order.status, order.side, order.filled_qty) == (Status.FILLED, "sell", 37)
    cloud.audit([name])


def test_outside_the_session_an_order_is_refused(cloud: Cloud, name: str) -> None:
    cloud.open_market("2026-11-21T12:00:00-05:00")
    cloud.send(signal_id=name, qty=1)
    [order] = cloud.ended(name)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.MARKET_CLOSED)
    cloud.audit()


def test_at_the_open_a_wide_spread_is_waited_out(cloud: Cloud, name: str) -> None:
    # Eight seconds of the wall's clock for the signal to be taken in, and eight in which the spread is seen.
    cloud.open_market("2026-11-20T09:29:20-05:00")
    cloud.exchange.quote("TQQQ", "50.90", "51.00", 2000, 2000)
    cloud.exchange.script(
        {"at": "2026-11-20T09:30:40-05:00", "symbol": "TQQQ", "bid": "50.95", "ask": "50.98"},
    )
    cloud.send(signal_id=name, qty=10)
    [order] = cloud.ended(name)
    assert order.status is Status.FILLED
    assert order.first_sent_at and order.first_sent_at.isoformat() >= "2026-11-20T14:30:40"
    assert (order.terms.arrival_bid, order.terms.arrival_ask) == (Decimal("50.95"), Decimal("50.98"))
    details = " ".join(event.detail for event in order.events)
    assert "waits for the open" in details and "spread" in details
    cloud.audit()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"kind": "order", "signal_id": "NAME", "symbol": "TQQQ", "side": "buy", "qty": -5}', "qty"),
        ('{"kind": "order", "signal_id": "NAME", "symbol": "TQQQ", "side": "buy", "qty": 1, "color": "red"}', "color"),
        ('{"kind": "order", "signal_id": "NAME", "symbol": "TQQQ", "side": "buy", "qty": 0.30000000000000004}', "qty"),
        ('{"kind": "order", "signal_id": "NAME", "symbol": "tqqq!", "side": "buy", "qty": 1}', "symbol"),
    ],
    ids=["negative", "unknown field", "float garbage", "bad symbol"],
)
def test_a_malformed_signal_is_recorded_and_blocks_nothing(cloud: Cloud, name: str, text: str, problem: str) -> None:
    body = text.replace("NAME", name)
    cloud.send_text(body)
    after = cloud.send(signal_id=f"{name}-after", qty=1)
    bad, good = cloud.ended(name, after)
    assert (bad.status, bad.reason) == (Status.REJECTED, Reason.INVALID_SIGNAL)
    assert bad.events[0].detail.startswith(f"{problem}: ")
    assert good.status is Status.FILLED
    assert cloud.until("dead letter", cloud.dead_letters) == [body]
    cloud.audit([after])


@pytest.mark.parametrize("text", ["{not json", '"just text"', "{}", "[1, 2]"])
def test_a_message_without_a_signal_id_goes_to_the_dead_letters(cloud: Cloud, name: str, text: str) -> None:
    cloud.send_text(text, deduplication=name)
    after = cloud.send(signal_id=f"{name}-after", qty=1)
    assert cloud.ended(after)[0].status is Status.FILLED
    assert cloud.until("dead letter", cloud.dead_letters) == [text]
    cloud.audit([after])


def test_an_oversized_message_blocks_nothing(cloud: Cloud, name: str) -> None:
    huge = f'{{"signal_id": "{name}", "kind": "order", "strategy": "{"x" * 300_000}"}}'
    try:
        cloud.send_text(huge)
    except cloud.connection.sqs.exceptions.ClientError as refused:
        assert "InvalidParameterValue" in str(refused) or "too long" in str(refused).lower()
    after = cloud.send(signal_id=f"{name}-after", qty=1)
    assert cloud.ended(after)[0].status is Status.FILLED
    cloud.audit([after])


def test_an_unknown_symbol_is_not_tradable(cloud: Cloud, name: str) -> None:
    cloud.send(signal_id=name, symbol="ZZZZQ", qty=1)
    [order] = cloud.ended(name)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NOT_TRADABLE)
    cloud.audit()


def test_an_outcome_is_published_to_the_event_bus(cloud: Cloud, name: str) -> None:
    events, sqs = cloud.connection.events, cloud.connection.sqs
    url = sqs.create_queue(QueueName=f"watch-{name}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = cloud.connection.event_bus
    events.put_rule(Name=name, EventBusName=bus, EventPattern='{"source": ["repeg"]}')
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "watch", "Arn": arn}])
    cloud.send(signal_id=name, qty=1)
    cloud.ended(name)
    message: Any = cloud.until("event", lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    assert '"filled"' in message[0]["Body"] and name in message[0]["Body"]
    events.remove_targets(Rule=name, EventBusName=bus, Ids=["watch"])
    events.delete_rule(Name=name, EventBusName=bus)
    sqs.delete_queue(QueueUrl=url)
    cloud.audit()
