"""What a rebalance asks of the broker: accounts, assets and prices, over the real client, against the exchange."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from desk.exchange.client import ExchangeControl
from desk.exchange.process import start_exchange
from repeg.broker.alpaca import AlpacaBroker, connect_alpaca
from repeg.budget.ledger import Unlimited
from repeg.domain.market.reports import ChildOrder
from repeg.domain.reasons import Reason
from repeg.domain.rebalance.book import Price
from repeg.domain.rebalance.prices import BadPrice
from repeg.domain.settings import Settings
from repeg.errors import BudgetExhausted
from repeg.rebalance.assets import assets_of
from repeg.rebalance.market import prices_of
from repeg.store.shared import SharedStore

START = "2026-11-20T10:00:00-05:00"
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)
MANY = ("AAPL", "GOOGL", "IBM", "MSFT", "QQQ", "SPY", "TQQQ")


class Table(SharedStore):
    """A table in memory."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}

    def _item(self, pk: str, sk: str) -> dict[str, Any] | None:
        return self.items.get((pk, sk))

    def _keep(self, pk: str, sk: str, document: str, **more: str) -> None:
        self.items[pk, sk] = {"document": document}


@pytest.fixture(scope="module")
def running() -> Iterator[ExchangeControl]:
    with start_exchange(start=START) as exchange:
        yield exchange.control


@pytest.fixture
def exchange(running: ExchangeControl) -> ExchangeControl:
    running.reset()
    running.set_clock(START, paused=True)
    running.quote("SPY", "599.99", "600.01", previous_close="598")
    running.quote("AAPL", "189.99", "190.01", previous_close="189")
    return running


@pytest.fixture
def broker(exchange: ExchangeControl) -> AlpacaBroker:
    return connect_alpaca(
        "key", "secret", trading_url=exchange.url, data_url=exchange.url, budget=Unlimited(), now=lambda: NOW
    )


def asked(exchange: ExchangeControl, path: str) -> list[str]:
    return [e["path"] for e in exchange.journal() if e["type"] == "request" and e["path"].startswith(path)]


def prices(broker: AlpacaBroker, *symbols: str, at: datetime = NOW) -> dict[str, Price | BadPrice]:
    return prices_of(broker, symbols, symbols, Settings(), at)


# --- prices


def test_one_call_tells_the_prices_of_all_symbols(exchange: ExchangeControl, broker: AlpacaBroker) -> None:
    exchange.quote("TQQQ", "50.95", "50.97", age=300, last="50.90", previous_close="50")
    found = prices(broker, "AAPL", "TQQQ", "SPY")
    assert {symbol: (price.problem, price.mark) for symbol, price in found.items() if isinstance(price, Price)} == {
        "AAPL": (None, Decimal("190.00")),
        "SPY": (None, Decimal("600.00")),
        "TQQQ": (Reason.STALE_QUOTE, Decimal("50.90")),
    }
    assert asked(exchange, "/v2/stocks/") == ["/v2/stocks/snapshots"]


@pytest.mark.parametrize("price", ["1.00", "1900.00"])
def test_one_misprint_is_named_and_hides_no_other_price(
    exchange: ExchangeControl, broker: AlpacaBroker, price: str
) -> None:
    exchange.quote("AAPL", price, str(Decimal(price) + Decimal("0.01")), last="190")
    found = prices(broker, "AAPL", "SPY")
    assert isinstance(found["AAPL"], BadPrice) and "off the last trade at 190" in found["AAPL"].why
    assert isinstance(found["SPY"], Price) and found["SPY"].problem is None


def test_a_gap_that_is_traded_is_the_price(exchange: ExchangeControl, broker: AlpacaBroker) -> None:
    exchange.quote("AAPL", "129.99", "130.01", previous_close="190")
    price = prices(broker, "AAPL")["AAPL"]
    assert isinstance(price, Price) and (price.problem, price.mark) == (None, Decimal("130.00"))


def test_a_split_of_today_is_known_where_nothing_was_traded_since(
    exchange: ExchangeControl, broker: AlpacaBroker
) -> None:
    # Traded last on Thursday, at ten times the price.
    exchange.set_clock("2026-11-19T15:00:00-05:00")
    exchange.quote("AAPL", "189.99", "190.01")
    exchange.set_clock(START)
    exchange.quote("AAPL", "18.99", "19.01", last="190", age=3600 * 19)
    stale = prices(broker, "AAPL")["AAPL"]
    assert isinstance(stale, Price) and (stale.problem, stale.mark) == (Reason.STALE_QUOTE, Decimal(190))
    exchange.corporate_action("AAPL", "forward_split", 10, 1, apply=False)
    stale = prices(broker, "AAPL")["AAPL"]
    assert isinstance(stale, Price) and (stale.problem, stale.mark) == (Reason.STALE_QUOTE, Decimal(19))
    exchange.faults({"kind": "error", "status": 500, "path": "/v1/corporate-actions*"})
    stale = prices(broker, "AAPL")["AAPL"]
    assert isinstance(stale, Price) and stale.mark == 190


def test_a_symbol_that_the_feed_refuses_or_does_not_know_loses_no_other(
    exchange: ExchangeControl, broker: AlpacaBroker
) -> None:
    found = broker.snapshots(["AAPL", "NOPE", "A.B.C.D.E", "BTC/USD", "AAPL261218C00200000"], ["SPY"], TODAY)
    assert found.keys() == {"AAPL"}
    assert found["AAPL"].previous_close == 189 and found["AAPL"].feed_at is not None


def test_a_call_names_at_most_a_hundred_symbols(exchange: ExchangeControl, broker: AlpacaBroker) -> None:
    many = [f"X{chr(65 + one)}{chr(65 + two)}" for one in range(10) for two in range(20)]
    for symbol in (many[0], many[-1]):
        exchange.quote(symbol, "10", "10.01")
    assert broker.snapshots(many, ["SPY"], TODAY).keys() == {many[0], many[-1]}
    queries = [entry["query"] for entry in exchange.journal() if entry.get("path") == "/v2/stocks/snapshots"]
    assert len(queries) == 3
    assert all(query.replace("%2C", ",").count(",") < 100 for query in queries)


# --- accounts


def test_an_account_without_margin_tells_what_it_may_spend(exchange: ExchangeControl, broker: AlpacaBroker) -> None:
    assert broker.account().settled_cash is None
    exchange.account(multiplier=1, cash=1000)
    assert broker.account().settled_cash == 1000
    exchange.account(account_type="cash")
    exchange.position("AAPL", 10, "180")
    sold = ChildOrder(client_order_id="s-1", symbol="AAPL", side="sell", qty=Decimal(10), type="market")
    broker.submit(sold)
    exchange.advance(1)
    account = broker.account()
    assert (account.cash, account.settled_cash) == (Decimal("2899.9"), 1000)
    # Sold for the price of today, spent on Monday.
    exchange.set_clock("2026-11-23T09:30:00-05:00")
    assert broker.account().settled_cash == Decimal("2899.9")


# --- assets


def test_a_few_assets_are_asked_for_singly_and_once_a_day(exchange: ExchangeControl, broker: AlpacaBroker) -> None:
    exchange.asset("AAPL", fractionable=False)
    table = Table()
    found = assets_of(broker, table, ["SPY", "AAPL", "NOPE"], TODAY)
    assert {symbol: asset.fractionable for symbol, asset in found.items()} == {"AAPL": False, "SPY": True}
    assert asked(exchange, "/v2/assets") == ["/v2/assets/AAPL", "/v2/assets/NOPE", "/v2/assets/SPY"]
    assert assets_of(broker, table, ["SPY", "AAPL"], TODAY) == found
    assert len(asked(exchange, "/v2/assets")) == 3
    assets_of(broker, table, ["SPY"], TODAY + timedelta(days=1))
    assert len(asked(exchange, "/v2/assets")) == 4


def test_of_many_assets_the_list_is_read_and_what_it_lacks_is_asked_for(
    exchange: ExchangeControl, broker: AlpacaBroker
) -> None:
    exchange.asset("MSFT", status="inactive", tradable=False)
    table = Table()
    found = assets_of(broker, table, MANY, TODAY)
    assert sorted(found) == sorted(MANY)
    assert not found["MSFT"].tradable and found["SPY"].tradable
    assert asked(exchange, "/v2/assets") == ["/v2/assets", "/v2/assets/MSFT"]
    # What is not traded is not believed all day.
    exchange.asset("MSFT", status="active", tradable=True)
    assert assets_of(broker, table, MANY, TODAY)["MSFT"].tradable
    assert asked(exchange, "/v2/assets")[2:] == ["/v2/assets/MSFT"]


def test_a_list_that_cannot_be_read_is_replaced_by_single_requests(
    exchange: ExchangeControl, broker: AlpacaBroker
) -> None:
    exchange.faults({"kind": "error", "status": 504, "path": "/v2/assets?*"})
    assert sorted(assets_of(broker, Table(), MANY, TODAY)) == sorted(MANY)


def test_what_was_told_before_the_requests_ran_out_is_known(
    exchange: ExchangeControl, broker: AlpacaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, real = Table(), broker.asset

    def asset(symbol: str) -> Any:
        if symbol == "SPY":
            raise BudgetExhausted(1)
        return real(symbol)

    monkeypatch.setattr(broker, "asset", asset)
    with pytest.raises(BudgetExhausted):
        assets_of(broker, table, ["AAPL", "IBM", "SPY"], TODAY)
    known = table.assets()
    assert known and [asset.symbol for asset in known.assets] == ["AAPL", "IBM"]


def test_assets_as_another_version_kept_them_are_asked_for(exchange: ExchangeControl, broker: AlpacaBroker) -> None:
    table = Table()
    table.items["MARKET", "ASSETS"] = {"document": '{"of": "another version"}'}
    assert assets_of(broker, table, ["SPY"], TODAY).keys() == {"SPY"}
    assert len(asked(exchange, "/v2/assets")) == 1


def test_without_the_table_assets_are_asked_for(exchange: ExchangeControl, broker: AlpacaBroker) -> None:
    class Lost(Table):
        def _item(self, pk: str, sk: str) -> Any:
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "GetItem")

        def _keep(self, pk: str, sk: str, document: str, **more: str) -> None:
            self._item(pk, sk)

    assert assets_of(broker, Lost(), ["SPY"], TODAY).keys() == {"SPY"}
