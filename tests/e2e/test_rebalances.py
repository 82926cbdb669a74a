"""A rebalance through the queue: the real machine, its legs as orders, one set of them however often it is sent."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

import pytest

from desk.report.truth import is_trading
from repeg.domain.rebalance.legs import leg_id
from repeg.domain.rebalance.record import Rebalance, RebalanceStatus
from repeg.store.rebalances import PORTFOLIO, RebalanceStore
from tests.support.cloud import Cloud

pytestmark = pytest.mark.cloud

PRICES = {
    "AAPL": ("200.00", "200.02"),
    "QQQ": ("400.00", "400.02"),
    "TQQQ": ("50.95", "50.98"),
    "SPY": ("500.00", "500.02"),
}
LIMIT, WINDOW_SECONDS = 200, 60


def test_a_book_becomes_another_and_twice_sent_is_once_done(cloud: Cloud, name: str) -> None:
    for symbol, (bid, ask) in PRICES.items():
        cloud.exchange.quote(symbol, bid, ask, 5000, 5000)
    cloud.exchange.position("AAPL", 100, "180")
    cloud.exchange.position("QQQ", 50, "350")
    cloud.exchange.account(cash="0")
    body = json.dumps({"signal_id": name, "kind": "rebalance", "targets": {"TQQQ": "0.6", "SPY": "0.4"}})
    for nth in range(2):
        cloud.send_text(body, "portfolio", f"{name}-{nth}")
    rebalances = RebalanceStore(cloud.connection.dynamodb, cloud.connection.table)

    def ended() -> Rebalance | None:
        found = rebalances.find(name)
        return found if found and found.status.terminal and found.work.published else None

    done: Rebalance = cloud.until("the rebalance is over", ended)
    cloud.until("both messages are taken in", cloud.queue_is_empty)
    assert (done.status, done.residual) == (RebalanceStatus.DONE, ()), done.events
    assert done.work.executions == 1 and rebalances.holder(PORTFOLIO) is None
    legs = [order for order in cloud.orders.newest() if order.rebalance_id == done.rebalance_id]
    assert {order.order_id for order in legs} == {leg_id(done, leg) for leg in (*done.sells, *done.buys)}
    assert {(order.symbol, order.side) for order in legs} == {
        ("AAPL", "sell"), ("QQQ", "sell"), ("TQQQ", "buy"), ("SPY", "buy")
    }  # fmt: skip
    sold = max(order.completed_at for order in legs if order.side == "sell" and order.completed_at)
    assert all(sold <= order.first_sent_at for order in legs if order.side == "buy" and order.first_sent_at)
    assert done.cash_after is not None and 0 <= done.cash_after < Decimal("0.02") * (done.equity or 0)
    asked = [datetime.fromisoformat(entry["at"]).timestamp() for entry in cloud.exchange.journal() if is_trading(entry)]
    assert max(sum(start <= at < start + WINDOW_SECONDS for at in asked) for start in asked) <= LIMIT
    cloud.audit([name])
