"""The whole adapter, over the real client, against the simulated exchange."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from desk.exchange.process import start_exchange
from repeg.broker.alpaca import AlpacaBroker, connect_alpaca
from repeg.broker.port import Accepted, Ambiguous, Broker, CancelOutcome, Denied, Duplicate, Throttled
from repeg.budget.ledger import Unlimited
from repeg.domain.market.reports import ChildOrder, OrderStatus
from repeg.domain.reasons import Reason
from repeg.errors import BrokerUnavailable, BudgetExhausted

OPEN_DAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def running() -> Iterator[ExchangeControl]:
    with start_exchange(start="2026-11-20T10:00:00-05:00") as exchange:
        yield exchange.control


@pytest.fixture
def exchange(running: ExchangeControl) -> ExchangeControl:
    running.reset()
    running.quote("TQQQ", "50.95", "50.98")
    return running


@pytest.fixture
def broker(exchange: ExchangeControl) -> Broker:
    return connect(exchange)


def connect(exchange: ExchangeControl, **options: Any) -> AlpacaBroker:
    url = exchange.url
    return connect_alpaca("key", "secret", trading_url=url, data_url=url, budget=Unlimited(), **options)


def child(client_order_id: str = "ord-1-e1", **changes: Any) -> ChildOrder:
    usual = {"symbol": "TQQQ", "side": "buy", "qty": Decimal(10), "type": "limit", "limit_price": Decimal("50.99")}
    return ChildOrder(client_order_id=client_order_id, **{**usual, **changes})


def wait_for(exchange: ExchangeControl, client_order_id: str, event: str) -> None:
    exchange.wait_for(lambda entry: (entry.get("client_order_id"), entry.get("event")) == (client_order_id, event))


def test_a_marketable_order_fills_and_becomes_a_position(exchange: ExchangeControl, broker: Broker) -> None:
    before = broker.now() - timedelta(seconds=1)
    assert broker.position("TQQQ") is None
    outcome = broker.submit(child())
    assert isinstance(outcome, Accepted)
    wait_for(exchange, "ord-1-e1", "filled")
    report = broker.order(outcome.report.broker_order_id)
    assert report is not None
    assert (report.status, report.filled_qty, report.avg_fill_price) == (OrderStatus.FILLED, 10, Decimal("50.98"))
    assert report.closed_at == report.filled_at is not None
    assert broker.order_by_client_id("ord-1-e1") == report
    position = broker.position("TQQQ")
    assert position is not None
    assert (position.qty, position.qty_available, position.avg_entry_price) == (10, 10, Decimal("50.98"))
    assert broker.account().cash == Decimal("100000") - 10 * Decimal("50.98")
    exchange.settings(list_lag_ms=0)
    assert [order.client_order_id for order in broker.orders("TQQQ", before)] == ["ord-1-e1"]
    assert broker.orders("TQQQ", broker.now()) == ()
    assert broker.orders("SPY", before) == ()


def test_fractions_are_kept_to_nine_places(exchange: ExchangeControl, broker: Broker) -> None:
    assert isinstance(broker.submit(child(qty=Decimal("1.123456789"))), Accepted)
    wait_for(exchange, "ord-1-e1", "filled")
    position = broker.position("TQQQ")
    assert position is not None
    assert position.qty == Decimal("1.123456789")


def test_a_resting_order_is_cancelled(exchange: ExchangeControl, broker: Broker) -> None:
    outcome = broker.submit(child(limit_price=Decimal("50.00")))
    assert isinstance(outcome, Accepted)
    wait_for(exchange, "ord-1-e1", "new")
    assert broker.urgent().cancel(outcome.report.broker_order_id) is CancelOutcome.REQUESTED
    wait_for(exchange, "ord-1-e1", "canceled")
    report = broker.order(outcome.report.broker_order_id)
    assert report is not None
    assert (report.status, report.filled_qty) == (OrderStatus.CANCELED, 0)
    assert report.closed_at is not None
    assert broker.cancel(outcome.report.broker_order_id) is CancelOutcome.ALREADY_TERMINAL


def test_refusals_name_their_reason(exchange: ExchangeControl, broker: Broker) -> None:
    def reason(order: ChildOrder) -> Reason | None:
        outcome = broker.submit(order)
        return outcome.reason if isinstance(outcome, Denied) else None

    assert reason(child(symbol="NOPE")) is Reason.NOT_TRADABLE
    assert reason(child(qty=Decimal(10_000_000))) is Reason.INSUFFICIENT_BUYING_POWER
    assert reason(child(limit_price=Decimal("50.991"))) is Reason.BROKER_REJECTED
    exchange.asset("TQQQ", shortable=False)
    assert reason(child(side="sell")) is Reason.NOT_SHORTABLE
    exchange.position("TQQQ", 10, "50")
    assert isinstance(broker.submit(child("held", side="sell", limit_price=Decimal("60"))), Accepted)
    assert reason(child(side="sell", limit_price=Decimal("60"))) is Reason.HELD_BY_PROTECTION
    assert reason(child(type="market", limit_price=None)) is Reason.WASH_TRADE


def test_a_client_order_id_is_taken_once(exchange: ExchangeControl, broker: Broker) -> None:
    assert isinstance(broker.submit(child()), Accepted)
    assert broker.submit(child()) == Duplicate()


def test_a_dropped_answer_is_ambiguous_and_the_order_is_found(exchange: ExchangeControl, broker: Broker) -> None:
    exchange.faults({"method": "POST", "path": "/v2/orders", "kind": "drop_after", "count": 1})
    assert isinstance(broker.submit(child()), Ambiguous)
    report = broker.order_by_client_id("ord-1-e1")
    assert report is not None
    assert report.symbol == "TQQQ"
    accepted = [entry for entry in exchange.journal() if entry.get("event") == "accepted"]
    assert len(accepted) == 1


def test_a_dropped_request_is_ambiguous_and_no_order_is_found(exchange: ExchangeControl, broker: Broker) -> None:
    exchange.faults({"method": "POST", "path": "/v2/orders", "kind": "drop_before", "count": 1})
    assert isinstance(broker.submit(child()), Ambiguous)
    assert broker.order_by_client_id("ord-1-e1") is None
    assert isinstance(broker.submit(child()), Accepted)


def test_a_late_answer_is_ambiguous(exchange: ExchangeControl) -> None:
    broker = connect(exchange, read_timeout=1)
    exchange.faults({"method": "POST", "path": "/v2/orders", "kind": "delay", "delay_ms": 5000, "count": 1})
    assert isinstance(broker.submit(child()), Ambiguous)


def test_faults_of_reads_and_cancels(exchange: ExchangeControl, broker: Broker) -> None:
    outcome = broker.submit(child(limit_price=Decimal("50.00")))
    assert isinstance(outcome, Accepted)
    order_id = outcome.report.broker_order_id
    for fault in ({"kind": "html"}, {"kind": "error", "status": 504}, {"kind": "drop_before"}, {"kind": "drop_after"}):
        exchange.faults({"method": "*", "path": "/v2/*", **fault})
        with pytest.raises(BrokerUnavailable):
            broker.order(order_id)
        with pytest.raises(BrokerUnavailable):
            broker.quote("TQQQ")
        assert broker.cancel(order_id) is CancelOutcome.UNCLEAR


def test_the_rate_limit_tells_when_it_ends(exchange: ExchangeControl) -> None:
    broker = connect(exchange, now=lambda: datetime.fromisoformat(exchange.clock().now))
    exchange.settings(rate_limit=1)
    with pytest.raises(BudgetExhausted) as exhausted:
        for _ in range(3):
            broker.account()
    assert 0 < exhausted.value.wait_seconds <= 60
    outcome = broker.submit(child())
    assert isinstance(outcome, Throttled)
    assert 0 < outcome.wait_seconds <= 60


def test_clock_calendar_assets_and_quotes(exchange: ExchangeControl, broker: Broker) -> None:
    assert timedelta(0) <= broker.now() - OPEN_DAY < timedelta(minutes=5)
    friday, monday = broker.calendar(date(2026, 11, 27), date(2026, 11, 30))
    assert friday.closes_at == datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
    assert monday.opens_at == datetime(2026, 11, 30, 14, 30, tzinfo=UTC)
    assert broker.calendar(date(2026, 11, 26), date(2026, 11, 26)) == ()
    asset = broker.asset("TQQQ")
    assert asset is not None and asset.tradable
    assert broker.asset("NOPE") is None
    quote = broker.quote("TQQQ")
    assert quote is not None
    assert (quote.bid, quote.ask) == (Decimal("50.95"), Decimal("50.98"))
    assert abs(broker.now() - quote.at) < timedelta(seconds=5)
    assert broker.quote("SPY") is None
