"""One order down its ladder: every way it can end."""

from __future__ import annotations

from decimal import Decimal

from desk.report.truth import trading_calls
from repeg.domain.reasons import Reason, Status
from tests.support.lab import Lab
from tests.support.scenes import whenever


def test_fills_at_once_one_tick_through_the_ask(lab: Lab) -> None:
    before = lab.mark()
    lab.send(signal_id="a", qty=100)
    lab.work()
    order = lab.order("a")
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert order.children[0].limit_price == Decimal("50.99")
    assert order.avg_fill_price == Decimal("50.98")
    assert len(trading_calls(lab.control.journal(before))) == 2
    assert lab.machine and len(lab.machine.entered) == 3
    lab.check()
    assert lab.bus.events[-1][1]["status"] == "filled"


def test_sells_one_tick_through_the_bid(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    before = lab.mark()
    lab.send(signal_id="a", side="sell", qty=100)
    lab.work()
    order = lab.order("a")
    assert order.children[0].limit_price == Decimal("50.94")
    assert order.status is Status.FILLED
    assert len(trading_calls(lab.control.journal(before))) == 3
    lab.check()


def test_the_full_ladder_ends_at_the_market_within_its_budget(lab: Lab) -> None:
    _market_steps_away_from_every_limit(lab, until=3)
    before = lab.mark()
    lab.send(signal_id="a", qty=100)
    lab.work()
    order = lab.order("a")
    assert order.status is Status.FILLED
    assert [child.type for child in order.children] == ["limit", "limit", "limit", "market"]
    assert (order.repegs, order.market_fallback) == (2, True)
    assert len(trading_calls(lab.control.journal(before))) <= 18
    assert lab.machine and len(lab.machine.entered) <= 44
    for earlier, later in zip(order.children, order.children[1:], strict=False):
        assert earlier.closed_at and earlier.closed_at <= later.sent_at
        assert (earlier.closed_at - earlier.sent_at).total_seconds() >= 2.5
    lab.check()


def _market_steps_away_from_every_limit(lab: Lab, until: int, step: str = "0.02", size: int = 2000) -> None:
    """Each time a limit arrives, the quote has just moved above it, by `step`."""
    for nth in range(1, until + 1):
        up = Decimal(step) * nth
        bid, ask = Decimal("50.95") + up, Decimal("50.98") + up
        quote = {"bid": str(bid), "ask": str(ask), "bid_size": size, "ask_size": size}
        lab.control.script(
            {"on": {"symbol": "TQQQ", "event": "new", "side": "buy", "nth": nth}, "symbol": "TQQQ", **quote}
        )


def test_market_fallback_is_refused_once_the_price_ran_beyond_the_cap(lab: Lab) -> None:
    _market_steps_away_from_every_limit(lab, until=3, step="0.06")
    lab.send(signal_id="a", qty=100)
    lab.work()
    order = lab.order("a")
    assert (order.status, order.reason) == (Status.UNFILLED, Reason.SLIPPAGE_EXCEEDED)
    assert order.worst_price is not None
    assert all(child.limit_price is not None and child.limit_price <= order.worst_price for child in order.children)
    assert order.children[-1].limit_price == order.worst_price
    assert not order.market_fallback
    lab.check()


def test_a_clock_that_jumped_costs_one_request_more(lab: Lab) -> None:
    lab.set_clock("2026-11-20T11:00:00-05:00")
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    before = lab.mark()
    lab.send(signal_id="a", qty=100)
    lab.work()
    assert lab.order("a").status is Status.FILLED
    calls = trading_calls(lab.control.journal(before))
    assert len(calls) <= 3 and calls.count("GET /v2/clock") == 1
    lab.check()


def test_what_must_complete_does_not_buy_blindly(lab: Lab) -> None:
    """Design 3.12: no quote, no new risk; only exits go to market without one."""
    lab.control.quote("TQQQ", "0", "0")
    lab.send(signal_id="a", qty=100, completion="must")
    lab.work()
    order = lab.order("a")
    assert (order.status, order.reason, order.children) == (Status.REJECTED, Reason.NO_QUOTE, ())
    lab.check()


def test_what_must_complete_waits_for_quotes_to_come_back(lab: Lab) -> None:
    lab.control.script(
        {"on": {"symbol": "TQQQ", "event": "new", "nth": 1}, "symbol": "TQQQ", "bid": "0", "ask": "0"},
        {
            "on": {"symbol": "TQQQ", "event": "canceled", "nth": 1},
            "after": 20,
            "symbol": "TQQQ",
            "bid": "51",
            "ask": "51.02",
        },
    )
    lab.send(signal_id="a", qty=100, completion="must")
    lab.work()
    order = lab.order("a")
    assert (order.status, [child.type for child in order.children]) == (Status.FILLED, ["limit", "limit"])
    lab.check()


def test_a_refused_order_still_says_its_class_ladder_and_cap(lab: Lab) -> None:
    lab.set_clock("2026-11-21T12:00:00-05:00")
    lab.send(signal_id="a", qty=100)
    lab.work()
    order = lab.order("a")
    assert order.reason is Reason.MARKET_CLOSED
    assert (order.terms.symbol_class, order.terms.ladder, order.terms.max_slippage_bps) == (
        "leveraged_etf",
        "better_orders",
        20,
    )


def test_an_order_that_expires_while_it_waits_for_a_request_is_not_sent(lab: Lab) -> None:
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "error", "status": 429, "count": 4})
    lab.send(signal_id="a", qty=100, expires_at="2026-11-20T15:01:30Z")
    lab.work()
    order = lab.order("a")
    assert (order.status, order.reason, order.children) == (Status.REJECTED, Reason.EXPIRED, ())
    assert any("waits" in event.detail and "trading request" in event.detail for event in order.events)
    lab.control.faults()
    lab.check()


def test_an_order_that_waited_for_a_request_is_measured_by_the_quote_of_its_release(lab: Lab) -> None:
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "error", "status": 429, "count": 1})
    lab.control.script({"after": 10, "symbol": "TQQQ", "bid": "52.00", "ask": "52.02"})
    lab.send(signal_id="a", qty=100)
    lab.work()
    order = lab.order("a")
    assert (order.status, order.terms.reference_price) == (Status.FILLED, Decimal("52.01"))
    lab.check()


def test_an_exit_outlives_keys_that_are_refused_for_a_moment(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    refused = {"method": "GET", "path": "/v2/stocks/snapshots", "kind": "error", "status": 401, "count": 1}

    def answers_slowly() -> None:
        lab.sleep(1)
        lab.control.faults(refused)

    whenever(lab, "broker.position", answers_slowly)
    lab.intake.accept('{"signal_id": "a", "kind": "close", "symbol": "TQQQ"}')
    lab.work()
    order = lab.order("a")
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert [kind for kind, _ in lab.bus.events].count("Order Alert") == 0, "once is no reason to call anybody"
    lab.check()
