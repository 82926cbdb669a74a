"""A rung whose price is what rests already: the child order keeps its place in the queue, and costs nothing new."""

from __future__ import annotations

from decimal import Decimal

import pytest

from desk.report.truth import trading_calls
from repeg.domain.reasons import Reason, Status
from repeg.domain.rules.walking import rungs_walked
from repeg.domain.settings import Settings
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import done, on_order, send, whenever


def _limits(lab: Lab) -> list[str]:
    return [f"{child.limit_price:.2f}" for child in lab.order("a").children]


def test_a_market_one_cent_wide_costs_nine_calls_on_the_standard_ladder(lab: Lab) -> None:
    lab.control.quote("AAPL", "200.00", "200.01", 2000, 2000)
    before = lab.mark()
    order = done(lab, symbol="AAPL")
    assert (order.status, order.avg_fill_price) == (Status.FILLED, Decimal("200.01"))
    assert _limits(lab) == ["200.00", "200.01"]
    assert [(child.rung, child.kept) for child in order.children] == [(1, 1), (3, 0)]
    # The ninth is the second answer about the end of the first rung: what it filled must not be bought again.
    assert len(trading_calls(lab.control.journal(before))) <= 9
    first = order.children[0]
    assert first.closed_at and 10 <= (first.closed_at - first.sent_at).total_seconds() < 12
    assert order.repegs == 1
    assert any("rests on at 200.00, as rung 2" in event.detail for event in order.events)


def test_a_sell_keeps_its_place_too(lab: Lab) -> None:
    lab.control.position("AAPL", 100, "190")
    lab.control.quote("AAPL", "200.00", "200.01", 2000, 2000)
    order = done(lab, symbol="AAPL", side="sell")
    assert (order.status, _limits(lab)) == (Status.FILLED, ["200.01", "200.00"])


def test_rungs_at_the_same_worst_price_are_one_order(lab: Lab) -> None:
    """Three rungs and the market's, which is no market within the cap: all of them 50.60."""
    lab.control.quote("TQQQ", "50.10", "51.00", 2000, 2000)
    before = lab.mark()
    order = done(lab)
    assert (order.status, order.reason) == (Status.UNFILLED, Reason.SLIPPAGE_EXCEEDED)
    (child,) = order.children
    assert child.limit_price == order.worst_price
    assert (child.rung, child.kept, order.repegs, order.market_fallback) == (1, 3, 0, False)
    assert child.closed_at and 12.5 <= (child.closed_at - child.sent_at).total_seconds() < 15
    assert len(trading_calls(lab.control.journal(before))) <= 11


def test_what_was_kept_fills_where_it_rests(lab: Lab) -> None:
    lab.control.quote("AAPL", "200.00", "200.01", 2000, 2000)
    on_order(lab, "new", "199.99", "200.00", symbol="AAPL", after=7)
    order = done(lab, symbol="AAPL")
    assert (order.status, order.avg_fill_price, len(order.children)) == (Status.FILLED, Decimal("200.00"), 1)
    assert order.children[0].kept == 1


def test_a_part_that_filled_while_it_rested_leaves_the_rest_resting(lab: Lab) -> None:
    lab.control.quote("AAPL", "200.00", "200.01", 2000, 2000)
    on_order(lab, "new", "199.99", "200.00", symbol="AAPL", after=3, size=40)
    on_order(lab, "new", "200.00", "200.01", symbol="AAPL", after=3.5, size=2000)
    order = done(lab, symbol="AAPL")
    assert order.status is Status.FILLED
    assert [(child.qty, child.filled_qty) for child in order.children] == [(100, 40), (60, 60)]
    assert order.children[0].kept == 1


def test_a_fill_at_the_last_moment_needs_no_prolonging(lab: Lab) -> None:
    lab.control.quote("AAPL", "200.00", "200.01", 2000, 2000)

    def fills() -> None:
        lab.control.quote("AAPL", "199.99", "200.00", 2000, 2000)
        lab.control.quote("AAPL", "200.00", "200.01", 2000, 2000)

    whenever(lab, "broker.snapshot", fills, nth=2)
    order = done(lab, symbol="AAPL")
    assert (order.status, [child.kept for child in order.children]) == (Status.FILLED, [0])


def test_a_quote_that_moved_is_followed(lab: Lab) -> None:
    lab.control.quote("AAPL", "200.00", "200.01", 2000, 2000)
    on_order(lab, "new", "200.02", "200.03", symbol="AAPL", after=1)
    order = done(lab, symbol="AAPL")
    assert _limits(lab) == ["200.00", "200.02", "200.03"]
    assert [child.kept for child in order.children] == [0, 0, 0]


@pytest.mark.parametrize(("bid", "ask"), [("200.00", "200.00"), ("0", "200.01"), ("150.00", "250.00")])
def test_without_a_quote_to_price_by_it_is_cancelled_as_ever(lab: Lab, bid: str, ask: str) -> None:
    lab.control.quote("AAPL", "199.97", "200.01", 2000, 2000)
    on_order(lab, "new", bid, ask, symbol="AAPL", after=4, size=2000)
    order = done(lab, symbol="AAPL", qty=1)
    assert order.children[0].kept == 0
    assert order.children[0].closed_at


def test_quotes_that_cannot_be_had_cancel_it_as_ever(lab: Lab) -> None:
    lab.control.quote("AAPL", "200.00", "200.01", 2000, 2000)

    def fails() -> None:
        lab.control.faults({"method": "GET", "path": "/v2/stocks/*", "kind": "error", "status": 503, "count": 1})

    whenever(lab, "broker.snapshot", fails, nth=2)
    order = done(lab, symbol="AAPL")
    assert (order.status, [child.kept for child in order.children]) == (Status.FILLED, [0, 0, 0])


def test_a_close_takes_over_from_what_rests_on(lab: Lab) -> None:
    lab.control.position("AAPL", 100, "190")
    lab.control.quote("AAPL", "200.00", "200.01", 2000, 2000)
    send(lab, "a", symbol="AAPL", qty=10)
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-20T10:00:07-05:00")
        assert lab.order("a").children[0].kept == 1
        send(lab, "c", kind="close", symbol="AAPL")
        crowd.work()
    assert lab.order("a").status is Status.SUPERSEDED
    assert (lab.order("c").status, lab.order("c").filled_qty) == (Status.FILLED, 100)
    lab.check()


def test_what_must_complete_walks_on_over_rungs_that_were_kept(lab: Lab) -> None:
    """Kept rungs count: the ladder reaches its market rung, and two minutes are two minutes."""
    lab.control.quote("AAPL", "200.00", "200.01", 2000, 2000)
    lab.control.script({"symbol": "AAPL", "halt": True})
    order = done(lab, symbol="AAPL", completion="must")
    assert (order.status, order.reason) == (Status.FAILED, Reason.FILL_TIMEOUT)
    assert order.first_sent_at and order.completed_at
    assert 120 <= (order.completed_at - order.first_sent_at).total_seconds() <= 145
    assert {child.type for child in order.children} == {"limit", "market"}
    assert rungs_walked(order) > len(order.sent)


def test_no_rung_is_kept_into_the_close(lab: Lab) -> None:
    lab.set_clock("2026-11-20T15:59:41-05:00")
    lab.control.quote("AAPL", "200.00", "200.01", 2000, 2000)
    order = done(lab, symbol="AAPL")
    assert (order.status, order.reason) == (Status.UNFILLED, Reason.MARKET_CLOSED)
    assert [child.kept for child in order.children] == [0]
    assert order.completed_at and order.completed_at.astimezone().second <= 50


def test_patience_is_measured_from_when_it_was_prolonged(lab: Lab) -> None:
    """An execution that died for a while does not walk the rungs that it slept through in one go."""
    lab.settings = Settings(execution_mode="STANDARD")
    lab.control.quote("AAPL", "200.00", "200.01", 2000, 2000)
    send(lab, "a", symbol="AAPL")
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-20T10:00:04-05:00")
    lab.revive()
    lab.sleep(60)
    lab.sweep()
    with Crowd(lab) as crowd:
        crowd.work()
    order = lab.order("a")
    first = order.children[0]
    assert first.kept == 1
    assert first.closed_at and (first.closed_at - first.sent_at).total_seconds() >= 69
    lab.check()


def test_a_market_order_that_its_collar_holds_back_does_not_rest_on(lab: Lab) -> None:
    """The market runs past the broker's collar, 5 % here, before the order arrives: only a new one is filled."""
    lab.control.position("TQQQ", 100, "40")
    lab.control.quote("TQQQ", "50.90", "50.92", 2000, 2000)
    lab.control.faults({"method": "GET", "path": "/v2/stocks/*", "kind": "error", "status": 500, "count": 1})
    on_order(lab, "new", "47.00", "47.02", side="sell")
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close")
        crowd.work(until="2026-11-20T10:03:00-05:00")
    order = lab.order("c")
    assert order.children[0].type == "market"
    assert (order.status, order.filled_qty, order.avg_fill_price) == (Status.FILLED, 100, Decimal("47.00"))
    lab.check()
