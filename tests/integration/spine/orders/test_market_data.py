"""Which quotes are traded on: quiet ones of a feed that lives; not what shows no market, nor what is no share."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from desk.report.truth import trading_calls
from repeg.domain.market.quotes import Snapshot
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from tests.support.brackets import bracket, crwd
from tests.support.lab import Lab
from tests.support.scenes import done, journal, on_order, run, send, submits, whenever


def _quiet(lab: Lab, seconds: float, witness: str | None = "SPY", symbol: str = "XLF") -> Order:
    """An order for a symbol whose quote last changed so many seconds ago, beside one that ticks."""
    lab.control.quote(symbol, "42.10", "42.11", 5000, 5000, age=seconds)
    if witness:
        lab.control.quote(witness, "602.10", "602.11", 500, 500)
    return done(lab, symbol=symbol)


# --- how old a quote may be ---


def test_a_quote_that_did_not_change_stands_while_the_feed_ticks(lab: Lab) -> None:
    before = lab.mark()
    order = _quiet(lab, 40)
    assert (order.status, order.avg_fill_price) == (Status.FILLED, Decimal("42.11"))
    calls = trading_calls(lab.control.journal(before))
    assert len(calls) == 2 and "GET /v2/clock" not in calls, "a quiet quote does not contradict the clock"
    assert len([entry for entry in journal(lab, "request") if "/stocks/" in entry["path"]]) == 1


@pytest.mark.parametrize(
    ("seconds", "witness", "symbol"),
    [(40, None, "XLF"), (121, "SPY", "XLF"), (40, "TLT", "XLF"), (40, "SPY", "SPY")],
    ids=["no witness", "quiet for too long", "another symbol's quote", "its own witness"],
)
def test_a_quote_is_stale_when_nothing_shows_that_the_feed_lives(
    lab: Lab, seconds: float, witness: str | None, symbol: str
) -> None:
    order = _quiet(lab, seconds, None if symbol == witness else witness, symbol)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.STALE_QUOTE)
    assert not submits(lab)


def test_a_feed_that_is_silent_as_a_whole_is_not_traded_on(lab: Lab) -> None:
    lab.control.quote("SPY", "602.10", "602.11", age=30)
    order = _quiet(lab, 40, witness=None)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.STALE_QUOTE)


def test_the_witnesses_vouch_for_each_other(lab: Lab) -> None:
    assert _quiet(lab, 40, witness="QQQ", symbol="SPY").status is Status.FILLED


def test_without_witnesses_ten_seconds_are_all(lab: Lab) -> None:
    lab.settings = Settings(feed_witnesses=frozenset())
    assert _quiet(lab, 11).reason is Reason.STALE_QUOTE


def test_a_bracket_enters_on_a_quiet_quote(lab: Lab) -> None:
    lab.control.quote("SPY", "602.10", "602.11")
    crwd(lab, age=40)
    assert bracket(lab).status is Status.FILLED


# --- what is no market ---


@pytest.mark.parametrize("touch", [("150.00", "250.00"), ("195.00", "199.20"), ("0.9000", "0.9300")])
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_spread_that_is_no_market_is_looked_at_for_ten_seconds(lab: Lab, touch: tuple[str, str], side: str) -> None:
    lab.control.position("AAPL", 100, "190")
    lab.control.quote("AAPL", *touch, 2000, 2000)
    order = done(lab, symbol="AAPL", side=side)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.BAD_QUOTE)
    assert order.completed_at and 10 <= (order.completed_at - order.created_at).total_seconds() < 12
    assert not submits(lab)
    assert any("is no market" in event.detail for event in order.events)


def test_a_market_that_comes_back_is_traded(lab: Lab) -> None:
    lab.control.quote("AAPL", "150.00", "250.00", 2000, 2000)
    quote = {"symbol": "AAPL", "bid": "195.00", "ask": "195.02", "bid_size": 2000, "ask_size": 2000}
    lab.control.script({"after": 5, **quote})
    order = done(lab, symbol="AAPL", ladder="better_orders")
    assert (order.status, order.avg_fill_price) == (Status.FILLED, Decimal("195.02"))
    assert order.terms.reference_price == Decimal("195.01")


def test_a_market_that_goes_in_mid_ladder_ends_the_order_after_ten_seconds(lab: Lab) -> None:
    on_order(lab, "new", "40.00", "60.00")
    order = done(lab)
    assert (order.status, order.reason, len(order.children)) == (Status.UNFILLED, Reason.BAD_QUOTE, 1)
    child = order.children[0]
    assert order.completed_at and child.closed_at
    assert 10 <= (order.completed_at - child.closed_at).total_seconds() < 12


def test_a_market_that_goes_for_a_moment_in_mid_ladder_is_waited_for(lab: Lab) -> None:
    on_order(lab, "new", "40.00", "60.00")
    quote = {"symbol": "TQQQ", "bid": "50.96", "ask": "50.99", "bid_size": 2000, "ask_size": 2000}
    lab.control.script({"on": {"symbol": "TQQQ", "event": "canceled", "nth": 1}, "after": 5, **quote})
    order = done(lab)
    assert (order.status, order.avg_fill_price, order.run.waits_for) == (Status.FILLED, Decimal("50.99"), None)


def test_a_bracket_does_not_enter_where_there_is_no_market(lab: Lab) -> None:
    crwd(lab, "528.00", "541.00")
    order = bracket(lab)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.BAD_QUOTE)
    assert not submits(lab)


def test_a_close_does_not_wait_for_a_better_market(lab: Lab) -> None:
    lab.control.position("AAPL", 100, "190")
    lab.control.quote("AAPL", "150.00", "250.00", 2000, 2000)
    order = done(lab, kind="close", symbol="AAPL")
    assert order.status is Status.FILLED
    assert order.result.seconds_to_fill is not None and order.completed_at
    assert (order.completed_at - order.created_at).total_seconds() < 2


def test_a_market_one_tick_wide_is_one_however_wide_a_tick_is(lab: Lab) -> None:
    lab.settings = Settings(max_spread_bps=Decimal(20))
    lab.control.quote("CURE", "3.00", "3.01", 5000, 5000)
    assert done(lab, symbol="CURE").status is Status.FILLED


def _last_trade(lab: Lab, price: str, seconds_ago: float = 1) -> None:
    """The tape's last trade is elsewhere than the quote."""
    real = lab.broker.snapshot

    def told(*asked: Any) -> Snapshot:
        seen = real(*asked)
        at = seen.quote.at if seen.quote else None
        ago = {"last_at": at - timedelta(seconds=seconds_ago)} if at else {}
        return seen.changed(last_price=Decimal(price), **ago)

    lab.broker.snapshot = told  # type: ignore[method-assign]


@pytest.mark.parametrize("last", ["195.00", "48.00", "54.00"])
def test_a_tight_quote_far_from_the_last_trade_is_no_market(lab: Lab, last: str) -> None:
    _last_trade(lab, last)
    order = done(lab)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.BAD_QUOTE)
    assert not submits(lab)


@pytest.mark.parametrize(("last", "ago"), [("52.00", 1), ("49.00", 1), ("195.00", 301)])
def test_a_last_trade_that_is_near_or_old_keeps_nobody_from_trading(lab: Lab, last: str, ago: float) -> None:
    _last_trade(lab, last, ago)
    assert done(lab).status is Status.FILLED


def test_an_exit_far_from_the_last_trade_goes_to_market_within_seconds(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    _last_trade(lab, "195.00")
    order = done(lab, kind="close")
    assert (order.status, order.children[0].type) == (Status.FILLED, "market")
    assert order.completed_at and (order.completed_at - order.created_at).total_seconds() < 4


# --- what is no share ---


@pytest.mark.parametrize("asset_class", ["crypto", "us_option"])
@pytest.mark.parametrize("kind", ["order", "close", "bracket"])
def test_what_is_no_share_is_not_traded(lab: Lab, kind: str, asset_class: str) -> None:
    lab.control.asset("BTCUSD", asset_class=asset_class)
    lab.control.position("BTCUSD", 2, "60000")
    more: dict[str, Any] = {"qty": 1, "signal_price": "61000", "stop_loss": "60000", "take_profit": "64000"}
    order = run(lab, kind=kind, symbol="BTCUSD", **({"side": "buy", **more} if kind == "bracket" else {}))
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NOT_TRADABLE)
    assert not submits(lab)
    assert any(asset_class in event.detail for event in order.events)


def test_a_close_of_a_share_without_a_quote_still_goes_to_market(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    whenever(lab, "broker.asset", lambda: lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000))
    lab.control.quote("TQQQ", "0", "0")
    order = done(lab, kind="close")
    assert (order.status, order.children[0].type) == (Status.FILLED, "market")


def test_an_asset_that_cannot_be_read_keeps_no_exit_from_its_market(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    lab.control.faults({"method": "GET", "path": "/v2/assets/*", "kind": "error", "status": 503})
    lab.control.quote("TQQQ", "0", "0")
    send(lab, kind="close")
    lab.control.script({"on": {"symbol": "TQQQ", "event": "accepted"}, "after": 1, "symbol": "TQQQ", "bid": "50.95"})
    lab.work()
    assert lab.order("a").children[0].type == "market"
