"""Rebalances through real machines, store and adapter, on a real exchange: sells first, buys from what is there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from desk.report.truth import is_trading
from repeg.broker.alpaca import AlpacaBroker
from repeg.domain.reasons import Reason, Status
from repeg.domain.rebalance.record import RebalanceStatus
from repeg.domain.rebalance.views import rebalance_view
from tests.integration.rebalance.scenes import cash, held, legs, market, rebalance, send, why
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import alerts, by_hand, journal, lab_at, submits

TARGETS = {"TQQQ": "0.6", "SPY": "0.4"}


def _sent_in_order(lab: Lab) -> list[tuple[str, str]]:
    """Symbol and side of each leg, in the order in which their first child orders arrived."""
    sent = [(each["symbol"], each["side"]) for each in journal(lab, "order") if each["event"] == "accepted"]
    return list(dict.fromkeys(sent))


def test_a_book_becomes_another_and_sells_come_first(lab: Lab) -> None:
    market(lab, AAPL=100, QQQ=50)
    lab.control.account(cash="0")
    done = rebalance(lab, TARGETS)
    assert (done.status, done.residual) == (RebalanceStatus.DONE, ())
    assert [side for _, side in _sent_in_order(lab)] == ["sell"] * 2 + ["buy"] * 2
    assert held(lab).keys() == {"TQQQ", "SPY"}
    assert 0 <= cash(lab) < Decimal("0.02") * (done.equity or 0)
    view = rebalance_view(done)
    assert {(each["symbol"], each["side"]) for each in view["plan"]} == {
        ("AAPL", "sell"), ("QQQ", "sell"), ("SPY", "buy"), ("TQQQ", "buy")
    }  # fmt: skip
    assert {order.order_id for order in legs(lab)} == set(view["legs"])
    assert Decimal(view["cost_bps"]) < 2


def test_the_largest_drift_comes_first(lab: Lab) -> None:
    market(lab, AAPL=10, QQQ=50)
    rebalance(lab, {"SPY": "0.2", "TQQQ": "0.8"})
    assert _sent_in_order(lab) == [("QQQ", "sell"), ("AAPL", "sell"), ("TQQQ", "buy"), ("SPY", "buy")]


def test_what_is_on_target_is_a_success_that_says_so(lab: Lab) -> None:
    market(lab)
    rebalance(lab, TARGETS, "first")
    sent = len(submits(lab))
    done = rebalance(lab, TARGETS, "again")
    assert (done.status, done.sells, done.buys) == (RebalanceStatus.DONE, (), ())
    assert any("nothing to trade" in event.detail for event in done.events)
    assert len(submits(lab)) == sent


def test_a_dry_run_records_the_plan_and_trades_nothing(lab: Lab) -> None:
    market(lab, AAPL=100)
    done = rebalance(lab, TARGETS, dry_run=True)
    assert done.status is RebalanceStatus.DONE
    assert [leg.symbol for leg in (*done.sells, *done.buys)] == ["AAPL", "TQQQ", "SPY"]
    assert not submits(lab) and not legs(lab)
    assert rebalance_view(done)["legs"] == []


def test_the_same_signal_twice_makes_one_set_of_legs(lab: Lab) -> None:
    market(lab, AAPL=100)
    rebalance(lab, TARGETS)
    sent = len(submits(lab))
    rebalance(lab, TARGETS)
    assert len(submits(lab)) == sent


def test_another_body_under_the_same_id_is_a_conflict_and_changes_nothing(lab: Lab) -> None:
    market(lab)
    first = rebalance(lab, TARGETS)
    send(lab, {"SPY": "1"})
    lab.work()
    assert lab.rebalance("r") == first
    (refused,) = [order for order in lab.orders.newest() if not order.rebalance_id]
    assert (refused.status, refused.reason) == (Status.REJECTED, Reason.SIGNAL_CONFLICT)


def test_two_at_once_are_worked_one_after_the_other(lab: Lab) -> None:
    market(lab, AAPL=100)
    send(lab, TARGETS, "first")
    lab.sleep(1)
    send(lab, {"QQQ": "1"}, "second")
    with Crowd(lab) as crowd:
        crowd.work()
    lab.check()
    first, second = lab.rebalance("first"), lab.rebalance("second")
    assert (first.status, second.status) == (RebalanceStatus.DONE, RebalanceStatus.DONE)
    assert first.completed_at and second.planned_at and first.completed_at <= second.planned_at
    assert held(lab).keys() == {"QQQ"}


def test_a_misprint_sells_nothing_and_is_told(lab: Lab) -> None:
    market(lab, AAPL=100, QQQ=50)
    lab.control.quote("AAPL", "1.00", "1.02", 100, 100)
    mark = lab.mark()
    done = rebalance(lab, TARGETS)
    assert (done.status, done.reason) == (RebalanceStatus.REJECTED, Reason.BAD_QUOTE)
    assert not submits(lab)
    assert sum(map(is_trading, lab.control.journal(mark))) < 60, "exits need the requests of those two minutes"
    assert any("AAPL" in event.detail for event in done.events)
    assert len(alerts(lab)) == 1


def test_a_misprint_that_passes_is_waited_out(lab: Lab) -> None:
    market(lab, AAPL=100)
    lab.control.quote("AAPL", "1.00", "1.02", 100, 100)
    lab.control.script(
        {"after": 30, "symbol": "AAPL", "bid": "200.00", "ask": "200.02", "bid_size": 900, "ask_size": 900}
    )
    done = rebalance(lab, TARGETS)
    assert (done.status, done.residual) == (RebalanceStatus.DONE, ())


def test_a_misprint_after_the_buys_hides_neither_what_they_cost_nor_that_nothing_was_verified(lab: Lab) -> None:
    market(lab, AAPL=100)
    bought = {"symbol": "SPY", "event": "filled", "side": "buy"}
    lab.control.script({"on": bought, "symbol": "SPY", "bid": "1.00", "ask": "1.02", "bid_size": 100, "ask_size": 100})
    done = rebalance(lab, {"SPY": "0.9"})
    assert (done.status, done.reason) == (RebalanceStatus.DONE_WITH_RESIDUAL, Reason.BAD_QUOTE)
    assert done.cash_after == cash(lab) and done.cost_bps is not None
    assert "what is left cannot be told: SPY: a mid of 1.01" in done.events[-2].detail


def test_a_misprint_after_the_buys_hides_no_leg_that_did_not_fill(lab: Lab) -> None:
    market(lab)
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "reject", "symbol": "TQQQ", "count": 99})
    bought = {"symbol": "SPY", "event": "filled", "side": "buy"}
    lab.control.script({"on": bought, "symbol": "SPY", "bid": "1.00", "ask": "1.02", "bid_size": 100, "ask_size": 100})
    done = rebalance(lab, TARGETS, cash_buffer="0")
    assert (done.status, done.reason) == (RebalanceStatus.DONE_WITH_RESIDUAL, Reason.BAD_QUOTE)
    assert [(each.symbol, each.drift) for each in done.residual] == [("TQQQ", Decimal("-0.6"))]
    assert "the buy leg was" in why(done)["TQQQ"]
    assert any("TQQQ -60.0 % off its target" in text for text in alerts(lab))


def test_a_halted_symbol_is_left_and_the_others_are_traded(lab: Lab) -> None:
    market(lab, AAPL=100, QQQ=50)
    lab.control.quote("AAPL", "200.00", "200.02", 100, 100, frozen=True)
    lab.control.script({"symbol": "AAPL", "halt": True})
    lab.sleep(200)
    done = rebalance(lab, TARGETS)
    assert done.status is RebalanceStatus.DONE_WITH_RESIDUAL
    assert held(lab)["AAPL"] == 100 and "QQQ" not in held(lab)
    assert why(done)["AAPL"]
    assert cash(lab) >= 0


def test_a_sell_that_fills_in_part_shrinks_the_buys(lab: Lab) -> None:
    market(lab, AAPL=100)
    lab.control.account(cash="0")
    lab.control.quote("AAPL", "200.00", "200.02", 40, 40, frozen=True)
    lab.control.script(
        {"on": {"symbol": "AAPL", "event": "fill", "side": "sell"}, "symbol": "AAPL",
         "bid": "150.00", "ask": "200.02", "bid_size": 10, "ask_size": 10}
    )  # fmt: skip
    done = rebalance(lab, TARGETS)
    left = held(lab)["AAPL"]
    assert done.status is RebalanceStatus.DONE_WITH_RESIDUAL
    assert 0 < left < 100 and cash(lab) >= 0
    assert "AAPL" in why(done)
    (sold,) = [order for order in legs(lab) if order.symbol == "AAPL"]
    bought = [order for order in legs(lab) if order.side == "buy"]
    assert sold.completed_at and bought
    waited = max((order.created_at - sold.completed_at).total_seconds() for order in bought)
    assert waited < 20, "nothing more is sold of it: its market is not waited for with the cash"


def test_a_leg_that_is_refused_strands_no_other(lab: Lab) -> None:
    market(lab, AAPL=100)
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "reject", "symbol": "TQQQ", "count": 99})
    done = rebalance(lab, TARGETS)
    assert done.status is RebalanceStatus.DONE_WITH_RESIDUAL
    assert held(lab).keys() == {"SPY"}
    assert "TQQQ" in why(done) and "SPY" not in why(done)


def test_cash_below_zero_is_made_good_by_the_sells(lab: Lab) -> None:
    market(lab, AAPL=200)
    lab.control.account(cash="-10000")
    done = rebalance(lab, {"AAPL": "0.5", "SPY": "0.5"})
    assert done.status is RebalanceStatus.DONE
    assert cash(lab) >= 0


def test_unsettled_proceeds_are_not_spent(lab: Lab) -> None:
    market(lab, AAPL=100)
    lab.control.account(cash="1000", account_type="cash")
    done = rebalance(lab, {"SPY": "1"})
    assert done.status is RebalanceStatus.DONE_WITH_RESIDUAL
    assert held(lab)["SPY"] * Decimal("500.02") <= 1000
    assert "SPY" in why(done)


def test_a_short_is_covered_with_the_sells(lab: Lab) -> None:
    market(lab, AAPL=100, QQQ=-10)
    done = rebalance(lab, TARGETS)
    assert done.status is RebalanceStatus.DONE
    sent = _sent_in_order(lab)
    assert set(sent[:2]) == {("AAPL", "sell"), ("QQQ", "buy")}
    assert held(lab).keys() == {"TQQQ", "SPY"}


def _bracketed(lab: Lab) -> None:
    bracket = {
        "kind": "bracket", "symbol": "TQQQ", "side": "buy", "qty": 50, "signal_price": "50.97",
        "stop_loss": "49.97", "take_profit": "53.97",
    }  # fmt: skip
    lab.send(signal_id="b", **bracket)
    lab.work()


def test_what_a_bracket_holds_is_left_alone(lab: Lab) -> None:
    market(lab)
    _bracketed(lab)
    done = rebalance(lab, {"SPY": "1"})
    assert done.status is RebalanceStatus.DONE
    assert held(lab)["TQQQ"] == 50
    assert lab.order("b").guard.protected


def test_protected_shares_are_sold_when_that_is_asked_for(lab: Lab) -> None:
    market(lab)
    _bracketed(lab)
    done = rebalance(lab, {"SPY": "1"}, include_protected=True)
    assert done.status is RebalanceStatus.DONE
    assert held(lab).keys() == {"SPY"}
    assert lab.order("b").exit_reason == "close"


def test_a_stop_that_goes_off_meanwhile_is_booked_before_its_symbol_is_traded_or_judged(lab: Lab) -> None:
    """Else the shares that were just bought would pass for those of the bracket, and its sale for a drift."""
    market(lab, AAPL=100)
    _bracketed(lab)

    def hit() -> None:
        lab.control.quote("TQQQ", "49.80", "49.83", 5000, 5000)
        lab.sleep(1)

    # Between the halves; the sweep comes two looks later.
    lab.stall("broker.open_orders", hit, nth=2)
    lab.stall("broker.open_orders", lab.sweep, nth=4)
    done = rebalance(lab, {"TQQQ": "0.5", "SPY": "0.4"})
    assert lab.order("b").exit_reason == "stop"
    assert done.residual == ()
    worth = held(lab)["TQQQ"] * Decimal("49.81") / (done.equity or Decimal(1))
    assert abs(worth - Decimal("0.5")) < Decimal("0.02")


def test_a_hand_made_order_in_between_costs_no_margin(lab: Lab) -> None:
    market(lab, AAPL=100)
    lab.control.account(cash="0")
    bought = {"symbol": "QQQ", "side": "buy", "qty": "20", "type": "market", "time_in_force": "day"}

    def meanwhile() -> None:
        by_hand(lab, "POST", "orders", bought)
        lab.sleep(1)

    # The second look at the account is the one after the sells.
    lab.stall("broker.open_orders", meanwhile, nth=2)
    ended = rebalance(lab, TARGETS, strangers=True)
    assert held(lab)["QQQ"] == 20
    assert ended.status is RebalanceStatus.DONE_WITH_RESIDUAL
    assert cash(lab) >= 0


@pytest.mark.parametrize(
    "wanted",
    [
        {"type": "market", "qty": "20"},
        {"type": "market", "notional": "8100"},
        {"type": "stop", "stop_price": "401.00", "qty": "20"},
        {"type": "trailing_stop", "trail_percent": "0.5", "qty": "20"},
    ],
    ids=["shares", "an amount", "a stop", "a trailing stop"],
)
def test_a_market_buy_that_rests_in_a_symbol_of_no_target_is_left_its_cash(lab: Lab, wanted: dict[str, str]) -> None:
    market(lab)
    lab.control.account(cash="10000")
    lab.control.script({"symbol": "QQQ", "halt": True})
    by_hand(lab, "POST", "orders", {"symbol": "QQQ", "side": "buy", "time_in_force": "day"} | wanted)
    ended = rebalance(lab, {"SPY": "1"}, cash_buffer="0", strangers=True)
    lab.control.script({"symbol": "QQQ", "halt": False})
    lab.control.quote("QQQ", "408.00", "408.02", 5000, 5000)
    lab.sleep(5)
    assert ended.buys and held(lab)["QQQ"] > 19 and cash(lab) >= 0


def test_while_nobody_knows_what_a_resting_buy_will_cost_nothing_is_traded(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    market(lab, AAPL=100)
    lab.control.script({"symbol": "QQQ", "halt": True})
    by_hand(
        lab, "POST", "orders", {"symbol": "QQQ", "side": "buy", "qty": "5", "type": "market", "time_in_force": "day"}
    )
    real = AlpacaBroker.snapshots
    monkeypatch.setattr(AlpacaBroker, "snapshots", lambda self, symbols, *how: real(self, set(symbols) - {"QQQ"}, *how))
    ended = rebalance(lab, {"SPY": "1"}, strangers=True)
    assert (ended.status, ended.reason) == (RebalanceStatus.REJECTED, Reason.NO_QUOTE)
    assert "an order to buy QQQ rests, and what it may cost cannot be told" in {e.detail for e in ended.events}
    assert held(lab).keys() == {"AAPL"}


def test_a_misprint_where_an_order_of_ours_waits_stops_no_plan(lab: Lab) -> None:
    market(lab)
    bracket = {"kind": "bracket", "symbol": "QQQ", "qty": 5, "signal_price": "400.01", "when_closed": "next_open"}
    lab.send(signal_id="b", **bracket, stop_loss="390.00", take_profit="420.00")
    lab.control.quote("QQQ", "1.00", "1.02", 100, 100)
    send(lab, {"SPY": "1"})
    lab.running.pop(f"{lab.order('b').order_id}-1")
    lab.work()
    done = lab.rebalance("r")
    assert done.status is not RebalanceStatus.REJECTED and done.buys
    assert cash(lab) >= 5 * 400


def test_it_waits_for_the_open_and_plans_at_its_prices(exchange: ExchangeControl, aws_credentials: None) -> None:
    with lab_at(exchange, "09:25") as lab:
        market(lab, AAPL=100)
        lab.control.script({"at": "2026-11-20T09:29:00-05:00", "symbol": "AAPL", "bid": "210.00", "ask": "210.02",
                            "bid_size": 900, "ask_size": 900})  # fmt: skip
        done = rebalance(lab, TARGETS, when_closed="next_open")
        assert done.status is RebalanceStatus.DONE
        assert done.planned_at and done.planned_at.isoformat() == "2026-11-20T14:30:00+00:00"
        assert done.sells[0].mark == Decimal("210.01")


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("2026-11-26T11:00:00-05:00", Reason.MARKET_CLOSED),
        ("2026-11-27T12:56:00-05:00", Reason.MARKET_CLOSED),
        ("2026-11-21T11:00:00-05:00", Reason.MARKET_CLOSED),
    ],
)
def test_a_closed_day_and_the_last_minutes_of_a_short_one_trade_nothing(
    exchange: ExchangeControl, aws_credentials: None, when: str, reason: Reason
) -> None:
    with lab_at(exchange, when) as lab:
        market(lab, AAPL=100)
        done = rebalance(lab, TARGETS)
        assert (done.status, done.reason) == (RebalanceStatus.REJECTED, reason)
        said = done.events[-2].detail
        assert "09:30 ET" in said and 'when_closed "next_open"' in said, "when it could be done, and how"
        assert not submits(lab)


def test_an_unknown_symbol_trades_nothing(lab: Lab) -> None:
    market(lab, AAPL=100)
    done = rebalance(lab, {"NOSUCH": "1"})
    assert (done.status, done.reason) == (RebalanceStatus.REJECTED, Reason.NOT_TRADABLE)
    assert "asks once more: the broker does not know NOSUCH" in {event.detail for event in done.events}
    assert not submits(lab)


def test_a_rise_after_the_plan_does_not_spend_more_than_was_set_aside(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    market(lab)
    lab.control.account(cash="10000")
    real = lab.rebalancer.rebalances.add_leg

    def dearer(owner: Any, order: Any) -> None:
        if order.symbol == "SPY":
            lab.control.quote("SPY", "520.00", "520.02", 900, 900)
        real(owner, order)

    monkeypatch.setattr(lab.rebalancer.rebalances, "add_leg", dearer)
    rebalance(lab, {"SPY": "0.98", "QQQ": "0.01"}, cash_buffer="0.01")
    (order,) = [order for order in legs(lab) if order.symbol == "SPY"]
    assert (order.status, order.reason) == (Status.PARTIALLY_FILLED, Reason.CUT_TO_CASH)
    assert cash(lab) >= 0


@pytest.mark.parametrize("lasts", [1, 99])
def test_a_list_that_lacks_a_position_has_nothing_bought_twice(lab: Lab, lasts: int) -> None:
    market(lab, SPY=80, AAPL=200)
    hidden = {"method": "*", "path": "/v2/positions", "kind": "hide", "symbol": "SPY", "count": lasts}
    lab.control.faults(hidden)
    done = rebalance(lab, {"SPY": "0.4", "AAPL": "0.4"})
    if lasts == 1:
        assert done.status is RebalanceStatus.DONE
    else:
        assert (done.status, done.reason) == (RebalanceStatus.REJECTED, Reason.ACCOUNT_DISAGREES)
        assert not submits(lab)
    assert cash(lab) >= 0
