"""What is bought: quantities, notionals, caps on cheap, wide and thin symbols, quotes that cannot be traded on."""

from __future__ import annotations

from decimal import Decimal

import pytest

from repeg.domain.money import tick_size
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from tests.support.lab import Lab
from tests.support.scenes import check_ours, done, journal, limit_by_hand, on_order, out_of_reach, send, submits


def _prices_hold(order: Order) -> None:
    worst = order.worst_price
    for child in order.children:
        if child.limit_price is not None:
            assert child.limit_price % tick_size(child.limit_price) == 0
            assert worst is None or (child.limit_price - worst) * (1 if order.side == "buy" else -1) <= 0


@pytest.mark.parametrize(
    ("fractionable", "qty"), [(True, "19.584802193"), (False, "19")], ids=["fractional", "whole shares"]
)
def test_a_notional_becomes_shares_at_the_worst_price(lab: Lab, fractionable: bool, qty: str) -> None:
    lab.control.asset("TQQQ", fractionable=fractionable)
    order = done(lab, notional=1000)
    assert order.status is Status.FILLED
    assert order.filled_qty == Decimal(qty)
    assert order.avg_fill_price and order.filled_qty * order.avg_fill_price <= 1000
    assert [entry["notional"] for entry in journal(lab, event="accepted")] == [None], "always sent as a quantity"


@pytest.mark.parametrize(("notional", "fractionable"), [("0.99", True), ("50.97", False)])
def test_too_small_a_notional_is_refused(lab: Lab, notional: str, fractionable: bool) -> None:
    lab.control.asset("TQQQ", fractionable=fractionable)
    order = done(lab, notional=notional)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NOTIONAL_TOO_SMALL)
    assert not submits(lab)


def test_a_notional_sell_takes_at_most_what_there_is(lab: Lab) -> None:
    lab.control.position("TQQQ", 5, "40")
    order = done(lab, side="sell", notional=1000)
    assert (order.status, order.filled_qty) == (Status.FILLED, 5)


@pytest.mark.parametrize("size", [{"qty": 10}, {"notional": 500}], ids=["qty", "notional"])
def test_a_sell_without_a_position_says_so_before_it_looks_at_quotes(lab: Lab, size: dict[str, int]) -> None:
    """Design 3.13: ... asset, position, quote ..."""
    lab.control.quote("TQQQ", "50.95", "50.98", frozen=True)
    lab.sleep(11)
    order = done(lab, side="sell", **size)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NO_POSITION)
    assert not submits(lab)


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_an_unknown_symbol_is_not_tradable(lab: Lab, side: str) -> None:
    order = done(lab, symbol="NOSUCH", side=side)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NOT_TRADABLE)
    assert not submits(lab)


@pytest.mark.parametrize("size", [{"qty": 10}, {"notional": 500}], ids=["qty", "notional"])
def test_a_symbol_that_may_not_be_traded_is_refused(lab: Lab, size: dict[str, int]) -> None:
    lab.control.asset("TQQQ", tradable=False)
    order = done(lab, **size)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NOT_TRADABLE)
    assert not journal(lab, event="accepted")


def test_a_symbol_that_may_not_be_traded_is_refused_for_that_whatever_its_quote(lab: Lab) -> None:
    """Design 3.13: asset comes before quote."""
    lab.control.asset("TQQQ", tradable=False)
    lab.control.quote("TQQQ", "50.95", "50.98", frozen=True)
    lab.sleep(11)
    order = done(lab)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NOT_TRADABLE)


@pytest.mark.parametrize(
    ("bid", "ask", "reason"),
    [
        ("0", "50.98", Reason.NO_QUOTE),
        ("50.95", "0", Reason.NO_QUOTE),
        ("50.98", "50.98", Reason.BAD_QUOTE),
        ("50.99", "50.98", Reason.BAD_QUOTE),
    ],
    ids=["no bid", "no ask", "locked", "crossed"],
)
def test_a_quote_that_cannot_be_traded_on_refuses(lab: Lab, bid: str, ask: str, reason: Reason) -> None:
    lab.control.quote("TQQQ", bid, ask, 2000, 2000)
    order = done(lab)
    assert (order.status, order.reason) == (Status.REJECTED, reason)
    assert not submits(lab)


def test_a_stale_quote_refuses(lab: Lab) -> None:
    lab.control.quote("TQQQ", "50.95", "50.98", frozen=True)
    lab.sleep(10.5)
    order = done(lab)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.STALE_QUOTE)


def test_a_quote_that_is_locked_for_a_moment_is_read_again(lab: Lab) -> None:
    lab.control.quote("TQQQ", "50.98", "50.98", 2000, 2000)
    quote = {"symbol": "TQQQ", "bid": "50.95", "ask": "50.98", "bid_size": 2000, "ask_size": 2000}
    lab.control.script({"after": 1, **quote})
    assert done(lab).status is Status.FILLED


@pytest.mark.parametrize(
    ("bid", "ask", "reason"), [("51.02", "51.02", Reason.BAD_QUOTE), ("0", "51.02", Reason.NO_QUOTE)]
)
def test_a_quote_that_goes_bad_mid_ladder_ends_the_order(lab: Lab, bid: str, ask: str, reason: Reason) -> None:
    on_order(lab, "new", bid, ask)
    order = done(lab)
    assert (order.status, order.reason, len(order.children)) == (Status.UNFILLED, reason, 1)


@pytest.mark.parametrize(
    ("bid", "ask", "limit", "worst"),
    [
        ("0.5000", "0.5003", "0.5004", "0.5011"),
        ("0.9998", "1.00", "1.00", "1.00"),
        ("2.00", "2.01", "2.01", "2.01"),
    ],
    ids=["below a dollar", "at a dollar", "one tick is wider than the cap"],
)
def test_cheap_symbols_keep_to_their_ticks_and_their_cap(lab: Lab, bid: str, ask: str, limit: str, worst: str) -> None:
    lab.control.quote("CURE", bid, ask, 5000, 5000)
    order = done(lab, symbol="CURE", qty=1000)
    assert order.children[0].limit_price == Decimal(limit)
    assert order.worst_price == Decimal(worst)
    _prices_hold(order)


def test_a_wide_symbol_rests_at_its_worst_price_and_is_missed_rather_than_overpaid(lab: Lab) -> None:
    """Design 4, Cap: one tick over the touch can exceed the cap on wide symbols: the limit rests at the worst price."""
    lab.control.quote("TQQQ", "50.00", "51.00", 2000, 2000)
    order = done(lab)
    assert (order.status, order.reason) == (Status.UNFILLED, Reason.SLIPPAGE_EXCEEDED)
    assert {child.limit_price for child in order.children} == {order.worst_price} == {Decimal("50.60")}
    assert not order.market_fallback


def test_a_wide_symbol_fills_when_the_market_comes_to_its_worst_price(lab: Lab) -> None:
    lab.control.quote("TQQQ", "50.00", "51.00", 2000, 2000)
    on_order(lab, "new", "50.40", "50.60", after=1)
    order = done(lab)
    assert (order.status, order.avg_fill_price) == (Status.FILLED, Decimal("50.60"))
    assert not order.result.cap_breached


def test_the_market_fallback_is_refused_when_its_size_does_not_cover_the_remainder(lab: Lab) -> None:
    out_of_reach(lab, rungs=3, size=60)
    order = done(lab)
    last = order.children[-1]
    assert (last.type, last.limit_price, last.price_protected) == ("limit", order.worst_price, True)
    assert not order.market_fallback
    assert (order.status, order.reason) == (Status.PARTIALLY_FILLED, Reason.SLIPPAGE_EXCEEDED)
    assert order.filled_qty == 60


def test_the_price_that_ran_away_between_arrival_and_first_send_is_refused(lab: Lab) -> None:
    real, quotes = lab.worker.fresh_quote, []

    def runs(*args: object) -> object:
        answer = real(*args)  # type: ignore[arg-type]
        quotes.append(answer)
        if len(quotes) == 1:
            lab.sleep(1)
            lab.control.quote("TQQQ", "51.20", "51.23", 2000, 2000)
        return answer

    lab.worker.fresh_quote = runs  # type: ignore[method-assign,assignment]
    order = done(lab)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.SLIPPAGE_EXCEEDED)
    assert not submits(lab)


def test_buying_power_is_the_brokers_word(lab: Lab) -> None:
    lab.control.account(cash="100")
    order = done(lab)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.INSUFFICIENT_BUYING_POWER)


def test_an_opposite_order_of_the_account_is_a_wash_trade(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    limit_by_hand(lab, "sell", 50, "50.99")
    send(lab)
    lab.work()
    order = lab.order("a")
    assert (order.status, order.reason) == (Status.REJECTED, Reason.WASH_TRADE)
    check_ours(lab, all_over=False)


# --- the other ladders ---


def test_the_standard_ladder_walks_from_mid_to_touch(lab: Lab) -> None:
    lab.control.quote("AAPL", "200.00", "200.08", 2000, 2000)
    for nth in range(1, 5):
        up = Decimal("0.02") * nth
        on_order(lab, "new", str(200 + up), str(Decimal("200.08") + up), nth=nth, symbol="AAPL")
    order = done(lab, symbol="AAPL")
    assert (order.terms.ladder, order.terms.symbol_class, order.terms.max_slippage_bps) == ("standard", "stock", 15)
    assert order.status is Status.FILLED
    limits = [child.limit_price for child in order.children if child.type == "limit"]
    assert limits[0] == Decimal("200.04")
    assert limits == sorted(limits)  # type: ignore[type-var]
    for earlier, later in zip(order.children, order.children[1:], strict=False):
        assert earlier.closed_at and (earlier.closed_at - earlier.sent_at).total_seconds() >= 5
        assert earlier.closed_at <= later.sent_at
    _prices_hold(order)


def test_the_standard_ladder_takes_an_improved_price_on_the_way(lab: Lab) -> None:
    lab.control.quote("AAPL", "200.00", "200.04", 2000, 2000)
    on_order(lab, "new", "199.96", "200.00", symbol="AAPL", after=3)
    order = done(lab, symbol="AAPL")
    assert (order.status, len(order.children)) == (Status.FILLED, 1)
    assert order.result.slippage_bps is not None and order.result.slippage_bps < 0
    assert not order.result.cap_breached


def test_a_standard_ladder_that_does_not_fill_ends_at_the_market(lab: Lab) -> None:
    lab.control.quote("AAPL", "200.00", "200.04", 2000, 2000)
    for nth in range(1, 4):
        up = Decimal("0.03") * nth
        on_order(lab, "new", str(200 + up), str(Decimal("200.04") + up), nth=nth, symbol="AAPL")
    order = done(lab, symbol="AAPL")
    assert [child.type for child in order.children] == ["limit", "limit", "limit", "market"]
    assert (order.status, order.market_fallback) == (Status.FILLED, True)


def test_the_market_ladder_is_one_unguarded_market_order(lab: Lab) -> None:
    order = done(lab, ladder="market")
    assert [(child.type, child.limit_price) for child in order.children] == [("market", None)]
    assert (order.status, order.repegs, order.market_fallback) == (Status.FILLED, 0, False)


def test_a_market_order_that_slipped_is_filled_and_told(lab: Lab) -> None:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 10)
    on_order(lab, "fill", "52.00", "52.03")
    order = done(lab, ladder="market")
    assert (order.status, order.result.cap_breached) == (Status.FILLED, True)
    assert [kind for kind, _ in lab.bus.events if kind == "Cap Breached"]


@pytest.mark.parametrize(
    ("settings", "ladder", "cap"),
    [
        (Settings(enabled=False), "standard", 20),
        (Settings(execution_mode="STANDARD"), "standard", 20),
        (Settings(max_slippage_bps=Decimal(8)), "better_orders", 8),
    ],
    ids=["switched off", "standard", "tighter cap"],
)
def test_settings_route_the_order(lab: Lab, settings: Settings, ladder: str, cap: int) -> None:
    lab.settings = settings
    order = done(lab)
    assert (order.terms.ladder, order.terms.max_slippage_bps) == (ladder, cap)


def test_a_signal_chooses_its_own_ladder_and_cap(lab: Lab) -> None:
    order = done(lab, ladder="standard", max_slippage_bps=7)
    assert (order.terms.ladder, order.terms.max_slippage_bps) == ("standard", 7)
    assert len([rung for rung in order.terms.plan if rung.rule.value == "mid_to_touch"]) == 3


def test_an_order_that_must_complete_goes_beyond_its_cap(lab: Lab) -> None:
    out_of_reach(lab, rungs=3, step="0.10")
    order = done(lab, completion="must")
    assert order.status is Status.FILLED
    assert order.result.cap_breached
    assert order.market_fallback


def test_an_order_that_must_complete_gives_up_after_two_minutes_and_alarms(lab: Lab) -> None:
    lab.settings = Settings(aggressive_timeout_seconds=Decimal(20))
    lab.control.script({"symbol": "TQQQ", "halt": True})
    order = done(lab, completion="must")
    assert (order.status, order.reason) == (Status.FAILED, Reason.FILL_TIMEOUT)
    assert order.first_sent_at and order.completed_at
    assert 120 <= (order.completed_at - order.first_sent_at).total_seconds() <= 145
    assert any("did not complete" in detail["alert"] for kind, detail in lab.bus.events if kind == "Order Alert")
