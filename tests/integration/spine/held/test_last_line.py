"""The last line of defence: each minute account, record, orders and market of every position are laid side by side."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from desk.report.truth import trading_calls
from repeg.domain.reasons import Status
from tests.support.crowd import Crowd
from tests.support.deaths import Killed
from tests.support.lab import Lab
from tests.support.leaving import SHORT, check_held, guards, hold, minutes, shares
from tests.support.scenes import alerts, by_hand, lab_at, limit_by_hand, market_time, send, whenever
from tests.support.watching import OCO, cancel_protection, lapse, moves

# --- past its stop ---


def test_a_short_whose_buy_stop_rests_unfilled_is_bought_back(lab: Lab) -> None:
    """Alpaca makes a stop-limit of a buy stop: a gap leaves it behind, and it rests while the loss grows."""
    hold(lab, **SHORT)
    moves(lab, "54.00")
    minutes(lab)
    assert shares(lab) == -100
    minutes(lab)
    order = lab.order("b")
    assert (order.unexited_qty, order.exit_reason, shares(lab)) == (0, "unwind", 0)
    assert order.status is Status.FILLED
    assert any("gone through the stop at 51.95" in alert for alert in alerts(lab))
    assert not any(alert.startswith("0 TQQQ") for alert in alerts(lab))
    check_held(lab)


def test_it_is_told_once_and_not_every_minute(lab: Lab) -> None:
    """Nothing can be bought back for lack of size: what is past its stop is said again after 15 minutes at most."""
    hold(lab, **SHORT)
    lab.control.quote("TQQQ", "60.00", "60.05", 2000, 1)
    minutes(lab, 2)
    lab.control.quote("TQQQ", "60.00", "60.05", 2000, 2000)
    minutes(lab, 3)
    told = [alert for alert in alerts(lab) if "gone through the stop" in alert]
    assert len(told) == 1
    assert shares(lab) == 0


def test_a_long_position_whose_stop_is_dead_is_sold(lab: Lab) -> None:
    """The stop leg was rejected alone; the target still holds the shares."""
    hold(lab)
    lab.control.end_leg("stop_loss", "rejected", symbol="TQQQ")
    moves(lab, "49.00")
    minutes(lab, 3)
    assert (lab.order("b").unexited_qty, shares(lab)) == (0, 0)
    check_held(lab)


def test_a_stop_that_a_market_comes_back_to_is_left_to_do_its_work(lab: Lab) -> None:
    """Noted by one sweep, over by the next: the stop-limit filled as it should."""
    hold(lab, **SHORT)
    moves(lab, "54.00")
    minutes(lab)
    moves(lab, "51.00")
    minutes(lab)
    assert (lab.order("b").exit_reason, shares(lab)) == ("stop", 0)
    assert not any("gone through" in alert for alert in alerts(lab))
    check_held(lab)


def test_one_side_of_a_market_that_is_none_proves_nothing(lab: Lab) -> None:
    """A bid far below the stop and an ask far above it: nobody knows the price, and the stop was not passed."""
    hold(lab)
    lab.control.end_leg("stop_loss", "canceled", symbol="TQQQ")
    refused = {"code": 42210000, "message": "something new"}
    lab.control.faults(OCO | {"kind": "error", "status": 422, "body": refused})
    lab.control.quote("TQQQ", "40.00", "62.00", 2000, 2000)
    minutes(lab, 3)
    assert shares(lab) == 100


def test_nothing_is_left_by_night(exchange: ExchangeControl, aws_credentials: None) -> None:
    """Half a minute of session: what is quoted at night moves nobody, and the first sweep of the day only notes it."""
    with lab_at(exchange, "15:50") as lab:
        hold(lab, **SHORT)
        lab.set_clock("2026-11-20T17:00:00-05:00")
        moves(lab, "54.00")
        minutes(lab, 3)
        assert (shares(lab), lab.order("b").care.past_stop_since) == (-100, None)


def test_an_elected_stop_that_is_just_working_is_not_raced(lab: Lab) -> None:
    """It sells 10 shares a minute, and is taken down before the rest is sold: never one share too many."""
    hold(lab)
    lab.control.quote("TQQQ", "49.90", "49.93", 10, 2000, frozen=True)
    lab.sleep(2)
    minutes(lab, 2)
    lab.control.quote("TQQQ", "49.90", "49.93", 2000, 2000)
    minutes(lab, 3)
    assert (lab.order("b").unexited_qty, shares(lab)) == (0, 0)
    check_held(lab)


# --- whoever has the turn ---


def _resting(lab: Lab) -> str:
    """A plain order of the symbol rests with the symbol's turn, as it may for long."""
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    send(lab, "resting", qty=5, ladder="standard", max_slippage_bps=1)
    return lab.order("resting").order_id


def test_protection_that_is_lost_while_another_order_has_the_turn_is_told(lab: Lab) -> None:
    order = hold(lab)
    holder = _resting(lab)
    lab.orders._client.put_item(  # it has the turn, and its execution runs and runs
        TableName=lab.orders._table,
        Item={"pk": {"S": "QUEUE#TQQQ"}, "sk": {"S": "TURN"}, "order_id": {"S": holder}},
    )
    cancel_protection(lab, order)
    for _ in range(20):
        lab.sleep(60)
        lab.sweep()
    order = lab.order("b")
    assert (order.guard.protected, order.run.executions) == (False, 1)
    lost = [alert for alert in alerts(lab) if "protection" in alert]
    assert "lost their protection; it is restored when the symbol's live order is over" in lost[0]
    assert 2 <= len(lost) <= 3, "told at once, and every 15 minutes"
    assert holder in lost[1]


def test_exits_are_recorded_while_another_order_has_the_turn(lab: Lab) -> None:
    hold(lab)
    _resting(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:02"))
        assert lab.orders.holder("TQQQ") == lab.order("resting").order_id
        moves(lab, "53.50")
        lab.sweep()
        assert lab.order("b").exit_reason == "target"
        crowd.work()


def test_the_turn_of_care_that_died_is_free_although_nobody_waits(lab: Lab) -> None:
    first, second = hold(lab, "b1"), hold(lab, "b2", qty=50)
    cancel_protection(lab, first)
    lab.sweep()
    lab.sleep(60)
    lab.sweep()
    whenever(lab, "broker.protect", lambda: setattr(lab.deaths, "stopped", True))
    with pytest.raises(Killed):
        lab.work()
    lab.revive()
    assert lab.orders.holder("TQQQ") == first.order_id
    cancel_protection(lab, second)
    minutes(lab, 4)
    assert lab.orders.holder("TQQQ") is None
    assert sorted(guard.qty for guard in guards(lab)) == [50, 100]
    check_held(lab)


# --- what the listing tells ---


def test_what_a_target_sold_in_part_is_recorded_within_a_sweep(lab: Lab) -> None:
    hold(lab)
    lab.control.quote("TQQQ", "53.50", "53.53", 30, 2000, frozen=True)
    lab.sleep(2)
    lab.sweep()
    order = lab.order("b")
    assert (order.unexited_qty, order.guard.protected, order.exit_price) == (70, True, Decimal("53.5"))
    mark = lab.mark()
    lab.sleep(60)
    lab.sweep()
    assert trading_calls(lab.control.journal(mark)) == ["GET /v2/orders", "GET /v2/positions"]
    check_held(lab)


# --- bare ---


def test_what_stays_bare_is_told_again_after_a_quarter_of_an_hour(lab: Lab) -> None:
    lapse(lab)
    lab.control.faults({"method": "POST", "path": "/v2/orders", "order_class": "oco", "kind": "error", "status": 503})
    for _ in range(40):
        lab.sleep(60)
        lab.sweep()
        lab.running.clear()
    told = [alert for alert in alerts(lab) if "have been without protection since" in alert]
    assert 2 <= len(told) <= 3


def test_own_shares_beside_a_bracket_disturb_nobody(lab: Lab) -> None:
    """10 of one's own, a bracket of 100, a resting sell of one's own: nothing to tell, nothing to do."""
    by_hand(lab, "POST", "orders", _market("buy", 10))
    lab.sleep(1)
    hold(lab)
    limit_by_hand(lab, "sell", 10, "58.00")
    minutes(lab, 3)
    assert not alerts(lab)
    limit_by_hand(lab, "buy", 7, "51.10")
    minutes(lab, 3)
    assert shares(lab) == 117
    assert not alerts(lab)
    assert [guard.qty for guard in guards(lab)] == [100]


def _market(side: str, qty: int) -> dict[str, Any]:
    return {"symbol": "TQQQ", "qty": qty, "side": side, "type": "market", "time_in_force": "day"}


def test_a_quote_that_is_quiet_while_others_tick_still_tells(lab: Lab) -> None:
    """Its time is when it last changed: a thin symbol's stop is watched, too."""
    hold(lab)
    lab.control.end_leg("stop_loss", "canceled", symbol="TQQQ")
    lab.control.quote("SPY", "450.00", "450.03", 2000, 2000)
    for bid in ("49.00", "48.99", "48.98"):
        lab.control.quote("TQQQ", bid, str(Decimal(bid) + Decimal("0.03")), 2000, 2000, frozen=True)
        minutes(lab)
    assert (lab.order("b").unexited_qty, shares(lab)) == (0, 0)


def test_shares_that_a_close_laid_bare_and_stands_still_over_are_told(lab: Lab) -> None:
    hold(lab)
    send(lab, "c", kind="close")
    with Crowd(lab) as crowd:
        crowd.stall("broker.position", 150, nth=2)
        crowd.work(sweep_every=60)
    told = [alert for alert in alerts(lab) if "without protection" in alert]
    close = lab.order("c")
    assert len(told) == 1 and told[0].endswith(f"{close.order_id} has the symbol's turn")
    assert (close.status, shares(lab)) == (Status.FILLED, 0)
    check_held(lab)
