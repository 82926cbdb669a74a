"""At which prices a rebalance may be planned: quotes held against the last trade and the previous close."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.market.quotes import Snapshot
from repeg.domain.order.adjustments import CorporateAction
from repeg.domain.reasons import Reason
from repeg.domain.rebalance.book import Price
from repeg.domain.rebalance.prices import BadPrice, in_todays_shares, judge
from repeg.domain.settings import Settings
from tests.support.make import FRIDAY, NOON, eastern, quote

THURSDAY = FRIDAY - timedelta(days=1)
AFTER_HOURS = eastern("18:00", THURSDAY)
PRE_MARKET = eastern("08:00")


def seen(
    bid: str | None = "189.99",
    ask: str = "190.01",
    *,
    last: str | None = "190",
    last_at: datetime = NOON - timedelta(seconds=2),
    close: str | None = "190",
    quoted_at: datetime = NOON,
    feed_at: datetime | None = NOON,
) -> Snapshot:
    return Snapshot(
        quote=quote(bid, ask, at=quoted_at, symbol="AAPL") if bid is not None else None,
        last_price=Decimal(last) if last else None,
        last_at=last_at if last else None,
        feed_at=feed_at,
        previous_close=Decimal(close) if close else None,
        previous_close_on=THURSDAY if close else None,
    )


def judged(snapshot: Snapshot | None, held: bool = True, **settings: Any) -> Price | BadPrice:
    return judge("AAPL", snapshot, NOON, Settings(**settings), held=held)


@pytest.mark.parametrize(
    "snapshot",
    [
        seen(),
        # No trade of today yet: the close confirms it, and so does an older trade without one.
        seen(last=None),
        seen(last_at=AFTER_HOURS),
        seen(last_at=AFTER_HOURS, close=None),
        # The price moved since a trade of half an hour ago, and is near the close.
        seen(last="205", last_at=NOON - timedelta(minutes=30)),
        # A quiet stock whose quote has not changed for a minute, while others tick.
        seen(quoted_at=NOON - timedelta(seconds=60)),
        # Gaps on earnings, and splits of today, 10 for 1 and 1 for 10: what is traded confirms them.
        seen(close="270"),
        seen(close="140"),
        seen(close="140", last_at=PRE_MARKET),
        seen(close="1900"),
        seen(close="19"),
    ],
)
def test_a_quote_that_trade_or_close_confirm_is_the_price(snapshot: Snapshot) -> None:
    price = judged(snapshot)
    assert isinstance(price, Price)
    assert (price.problem, price.mark, price.bid, price.ask) == (
        None,
        Decimal("190.00"),
        Decimal("189.99"),
        Decimal("190.01"),
    )


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize(
    ("snapshot", "why"),
    [
        (seen("1.00", "1.01"), "a mid of 1.005 is 9947 bps off the last trade at 190"),
        (seen("1900", "1900.10"), "off the last trade at 190"),
        (seen("1.00", "1.00"), "a mid of 1 is 9947 bps off the last trade at 190"),
        (seen("179.99", "180.01"), "a mid of 180 is 526 bps off the last trade at 190"),
        # The close agrees, and what is traded now does not.
        (seen(last="150"), "off the last trade at 150"),
        (seen("1.00", "1.01", last=None), "off the previous close at 190, and no trade of today confirms it"),
        (seen("1.00", "1.01", last_at=AFTER_HOURS), "off the previous close at 190, and no trade of today"),
        (seen("1.00", "1.01", last_at=AFTER_HOURS, close=None), "off the last trade, of another day, at 190"),
        (seen("1.00", "1.01", last="1", last_at=AFTER_HOURS), "off the previous close at 190, and no trade of today"),
        (seen("1.00", "1.01", last_at=NOON - timedelta(minutes=30)), "off the previous close at 190"),
        (seen(close="150", last=None), "a mid of 190 is 2667 bps off the previous close at 150"),
    ],
)
def test_a_quote_that_they_contradict_stops_the_plan(snapshot: Snapshot, why: str, held: bool) -> None:
    bad = judged(snapshot, held)
    assert isinstance(bad, BadPrice)
    assert (bad.symbol, bad.reason) == ("AAPL", Reason.BAD_QUOTE)
    assert why in bad.why


def test_a_locked_quote_is_a_price() -> None:
    price = judged(seen("190.02", "190.02"))
    assert isinstance(price, Price) and (price.problem, price.mark) == (None, Decimal("190.02"))


STALE = {"quoted_at": NOON - timedelta(minutes=5)}


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize(
    ("snapshot", "problem", "mark"),
    [
        (seen(None), Reason.NO_QUOTE, "190"),
        (seen("0", "190.01"), Reason.NO_QUOTE, "190"),
        (seen("189.99", "0", last="188"), Reason.NO_QUOTE, "188"),
        (seen(last="133", **STALE), Reason.STALE_QUOTE, "133"),
        (seen(feed_at=None, quoted_at=NOON - timedelta(seconds=60)), Reason.STALE_QUOTE, "190"),
        (seen("180", "200"), Reason.BAD_QUOTE, "190"),
        (seen("190.02", "190.01"), Reason.BAD_QUOTE, "190"),
        # Halted after hours at a third less; without a trade at all; last traded before the last session.
        (seen(None, last="130", last_at=AFTER_HOURS), Reason.NO_QUOTE, "130"),
        (seen(None, last=None), Reason.NO_QUOTE, "190"),
        (seen(None, close=None), Reason.NO_QUOTE, "190"),
        (seen(None, last="150", last_at=NOON - timedelta(days=4)), Reason.NO_QUOTE, "190"),
        # A misprint that could not be traded on anyway sells nobody's shares.
        (seen("1.00", "1.01", **STALE), Reason.STALE_QUOTE, "190"),
    ],
)
def test_without_a_usable_quote_a_symbol_is_valued_and_not_traded(
    snapshot: Snapshot, problem: Reason, mark: str, held: bool
) -> None:
    price = judged(snapshot, held)
    assert isinstance(price, Price)
    assert (price.problem, price.mark) == (problem, Decimal(mark))
    assert price.why


@pytest.mark.parametrize(
    ("snapshot", "problem"),
    [
        (None, Reason.NO_QUOTE),
        (seen(None, last=None, close=None), Reason.NO_QUOTE),
        (seen(last=None, close=None, **STALE), Reason.STALE_QUOTE),
        # A quote that nothing confirms may be a misprint.
        (seen(last=None, close=None), Reason.BAD_QUOTE),
        # A split that nobody told of, or a misprint: no quote says which.
        (seen(None, last="19"), Reason.NO_QUOTE),
        (seen(None, last="1900"), Reason.NO_QUOTE),
    ],
)
def test_what_is_held_at_an_unknown_worth_stops_the_plan_and_a_mere_target_is_not_traded(
    snapshot: Snapshot | None, problem: Reason
) -> None:
    bad = judged(snapshot, held=True)
    assert isinstance(bad, BadPrice) and bad.reason is problem and bad.why
    price = judged(snapshot, held=False)
    assert isinstance(price, Price) and price.problem is problem and price.why == bad.why


@pytest.mark.parametrize(
    ("symbols", "bps"), [({"leveraged_etfs": {"AAPL"}}, 20), ({"high_volume_etfs": {"AAPL"}}, 10), ({}, 15)]
)
def test_the_worst_prices_are_those_of_the_cap_of_its_class(symbols: dict[str, set[str]], bps: int) -> None:
    lists = {name: frozenset(names) for name, names in symbols.items()}
    price = judged(seen(), **lists)
    assert isinstance(price, Price)
    distance = Decimal(190) * bps / 10_000
    assert Decimal(0) <= distance - (price.worst_buy - 190) < Decimal("0.01")
    assert Decimal(0) <= distance - (190 - price.worst_sell) < Decimal("0.01")


def test_of_a_cheap_stock_the_cap_is_a_tick_at_least() -> None:
    price = judged(seen("2.99", "3.00", last="3", close="3"), cap_floor_ticks=2)
    assert isinstance(price, Price)
    assert (price.worst_buy, price.worst_sell) == (Decimal("3.01"), Decimal("2.98"))


def split(ratio: str, ex_date: date = FRIDAY) -> CorporateAction:
    return CorporateAction(symbol="AAPL", kind="forward_split", ratio=Decimal(ratio), ex_date=ex_date)


def test_a_split_explains_what_the_last_trade_and_the_close_of_before_contradict() -> None:
    before = seen("18.99", "19.01", last_at=AFTER_HOURS)
    assert isinstance(judged(before), BadPrice)
    price = judged(in_todays_shares(before, [split("10")], FRIDAY))
    assert isinstance(price, Price) and (price.problem, price.mark) == (None, Decimal("19.00"))


@pytest.mark.parametrize(
    ("actions", "last_at", "last", "close"),
    [
        ([split("10")], AFTER_HOURS, "19", "19"),
        # A trade of today is in today's shares already.
        ([split("10")], PRE_MARKET, "190", "19"),
        ([split("2"), split("5", THURSDAY)], NOON - timedelta(days=2), "19", "95"),
        ([split("10", FRIDAY + timedelta(days=1))], AFTER_HOURS, "190", "190"),
        ([], AFTER_HOURS, "190", "190"),
    ],
)
def test_prices_of_before_a_split_are_those_of_todays_shares(
    actions: list[CorporateAction], last_at: datetime, last: str, close: str
) -> None:
    adjusted = in_todays_shares(seen(None, last_at=last_at), actions, FRIDAY)
    assert (adjusted.last_price, adjusted.previous_close) == (Decimal(last), Decimal(close))
