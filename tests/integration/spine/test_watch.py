"""After the order: the sweep books what the broker executed, and restores protection that went missing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.market import ChildStatus
from repeg.domain.orders import Order
from repeg.domain.reasons import Status
from repeg.errors import BudgetExhausted
from repeg.executions import ExecutionState
from tests.support.audit import trading_calls
from tests.support.crowd import Crowd
from tests.support.lab import Killed, Lab
from tests.support.leaving import SHORT, STOP, TARGET, Guard, check_held, guards, hold, minutes
from tests.support.scenes import alerts, at, by_hand, journal, lab_at, on_order, outcomes, send, whenever

OCO = {"method": "POST", "path": "/v2/orders", "order_class": "oco"}
LACKING = {"code": 40310000, "message": "insufficient qty available for order (requested: 100, available: 0)"}


def _moves(lab: Lab, bid: str, size: int = 2000) -> None:
    lab.control.quote("TQQQ", bid, str(Decimal(bid) + Decimal("0.03")), size, 2000)
    lab.sleep(1)


def _exited(lab: Lab) -> list[dict[str, Any]]:
    return [detail for kind, detail in lab.bus.events if kind == "Position Exited"]


def _cancel_protection(lab: Lab, order: Order) -> None:
    by_hand(lab, "DELETE", f"orders/{order.protective_order_id}")
    lab.sleep(0.5)


def _sell_by_hand(lab: Lab, qty: int) -> None:
    sale = {"symbol": "TQQQ", "qty": qty, "side": "sell", "type": "market", "time_in_force": "day"}
    by_hand(lab, "POST", "orders", sale)
    lab.sleep(0.5)


def _lapse(lab: Lab, **signal: Any) -> Order:
    """A position whose protection somebody cancelled."""
    order = hold(lab, **signal)
    _cancel_protection(lab, order)
    return order


# --- exits ---


@pytest.mark.parametrize(
    ("signal", "bid", "reason", "price"),
    [
        ({}, "53.50", "target", "53.50"),
        ({}, "49.90", "stop", "49.90"),
        (SHORT, "48.40", "target", "48.43"),
        (SHORT, "52.00", "stop", "52.03"),
    ],
    ids=["target", "stop", "target of a short", "stop of a short"],
)
def test_an_exit_at_the_broker_is_booked_by_the_next_sweep(
    lab: Lab, signal: dict[str, Any], bid: str, reason: str, price: str
) -> None:
    hold(lab, **signal)
    _moves(lab, bid)
    hit_at = at("10:00:00.3")
    assert lab.order("b").exit_reason is None
    minutes(lab)
    order = lab.order("b")
    assert (order.exit_reason, order.exit_price, order.unexited_qty) == (reason, Decimal(price), 0)
    assert order.exit_at and hit_at <= order.exit_at < at("10:00:03")
    assert order.status is Status.FILLED
    assert lab.orders.holding_shares() == []
    check_held(lab)


def test_an_exit_is_published_once(lab: Lab) -> None:
    hold(lab)
    _moves(lab, "53.50")
    minutes(lab, 3)
    (event,) = _exited(lab)
    assert (event["signal_id"], event["exit_reason"], event["exit_price"]) == ("b", "target", "53.5")
    assert [each["signal_id"] for each in outcomes(lab)] == ["b"]


def test_each_of_several_brackets_is_booked_for_itself(lab: Lab) -> None:
    hold(lab, "b1")
    hold(lab, "b2", qty=50, take_profit="60.00")
    _moves(lab, "53.50")
    minutes(lab)
    assert [lab.order(each).exit_reason for each in ("b1", "b2")] == ["target", None]
    assert [event["signal_id"] for event in _exited(lab)] == ["b1"]
    assert [guard.qty for guard in guards(lab)] == [50]
    check_held(lab)


def test_a_target_that_fills_in_part_and_a_stop_that_takes_the_rest(lab: Lab) -> None:
    hold(lab)
    lab.control.quote("TQQQ", "53.50", "53.53", 40, 2000, frozen=True)
    lab.sleep(2)
    minutes(lab)
    assert [guard.qty for guard in guards(lab)] == [60]
    assert not _exited(lab)
    _moves(lab, "49.90")
    minutes(lab)
    order = lab.order("b")
    gone = [(each.reason.value, int(each.qty), each.price) for each in order.all_exits]
    assert gone == [("target", 40, Decimal("53.5")), ("stop", 60, Decimal("49.9"))]
    assert order.exit_reason == "stop"
    assert order.exit_price == Decimal("51.34")
    assert len(_exited(lab)) == 1
    check_held(lab)


def test_an_exit_overnight_is_booked_in_the_morning(exchange: ExchangeControl, aws_credentials: None) -> None:
    """A GTC OCO outlives the day; so does its place on the list of positions."""
    with lab_at(exchange, "15:50") as lab:
        hold(lab)
        lab.set_clock("2026-11-23T09:29:00-05:00")
        lab.control.quote("TQQQ", "49.00", "49.03", 2000, 2000)
        lab.sleep(70)
        minutes(lab, 2)
        order = lab.order("b")
        assert (order.exit_reason, order.exit_price) == ("stop", Decimal("49.00"))
        check_held(lab)


# --- what it costs ---


def _calls_of_a_sweep(lab: Lab) -> list[str]:
    mark = lab.mark()
    lab.sleep(60)
    lab.sweep()
    return trading_calls(lab.control.journal(mark))


def test_a_sweep_costs_nothing_while_nothing_is_held(lab: Lab) -> None:
    assert _calls_of_a_sweep(lab) == []


@pytest.mark.parametrize("brackets", [1, 3])
def test_a_sweep_costs_one_request_while_nothing_changed(lab: Lab, brackets: int) -> None:
    """One listing of open orders answers for all positions."""
    for number in range(brackets):
        hold(lab, f"b{number}", qty=10)
    for _ in range(3):
        assert _calls_of_a_sweep(lab) == ["GET /v2/orders"]
    assert not lab.running


def test_an_exit_costs_one_more_request(lab: Lab) -> None:
    order = hold(lab)
    _moves(lab, "53.50")
    assert _calls_of_a_sweep(lab) == ["GET /v2/orders", f"GET /v2/orders/{order.protective_order_id}"]
    assert _calls_of_a_sweep(lab) == []


# --- protection that went missing ---


def test_protection_that_somebody_cancelled_alarms_at_once_and_is_restored_after_a_grace(lab: Lab) -> None:
    _lapse(lab)
    lab.sweep()
    order = lab.order("b")
    assert any("lost their protection" in alert for alert in alerts(lab))
    assert (order.protected, lab.running) == (False, {})
    minutes(lab)
    order = lab.order("b")
    assert (order.protected, order.status) == (True, Status.FILLED)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    check_held(lab)


def test_the_loss_of_protection_is_told_once_and_left_alone_for_a_grace(lab: Lab) -> None:
    """Whoever cancelled it to sell by hand has most of a minute."""
    _lapse(lab)
    for _ in range(3):
        lab.sweep()
        assert (lab.running, lab.order("b").executions) == ({}, 1)
        lab.sleep(20)
    assert len([alert for alert in alerts(lab) if "lost their protection" in alert]) == 1
    lab.sweep()
    assert lab.order("b").executions == 2


def test_the_protection_of_a_short_is_restored_too(lab: Lab) -> None:
    _lapse(lab, **SHORT)
    minutes(lab, 2)
    assert guards(lab) == [Guard(Decimal(100), Decimal("51.95"), Decimal("48.45"))]
    check_held(lab)


def test_who_cancels_to_sell_by_hand_is_not_in_the_way(lab: Lab) -> None:
    """The grace is for them; then their sale is the exit, and nothing protects what is not there."""
    _lapse(lab)
    lab.sweep()
    _sell_by_hand(lab, 100)
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.unexited_qty, order.exit_reason, order.exit_price) == (0, "outside", None)
    assert guards(lab) == []
    assert lab.orders.holding_shares() == []
    check_held(lab, strangers=True)


def test_what_somebody_left_of_a_position_is_protected_again(lab: Lab) -> None:
    _lapse(lab)
    lab.sweep()
    _sell_by_hand(lab, 40)
    minutes(lab, 3)
    assert lab.order("b").unexited_qty == 60
    assert [guard.qty for guard in guards(lab)] == [60]
    check_held(lab, strangers=True)


def test_a_market_that_fell_through_the_stop_meanwhile_is_left(lab: Lab) -> None:
    """Design 3.9: stop refused because the price is through it: unwind."""
    _lapse(lab)
    lab.sweep()
    _moves(lab, "49.50")
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.unexited_qty, order.exit_reason, order.exit_price) == (0, "unwind", Decimal("49.5"))
    assert order.unwind_cost == Decimal("148.00")
    check_held(lab)


def test_protection_that_expired_is_replaced(lab: Lab) -> None:
    """GTC ends after 90 days at the broker."""
    order = hold(lab)
    lab.set_clock("2027-02-19T10:00:00-05:00")
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    lab.sleep(5)
    minutes(lab, 3)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    assert lab.order("b").protective_order_id != order.protective_order_id
    assert any("lost their protection" in alert for alert in alerts(lab))
    check_held(lab)


def test_care_backs_off_while_it_does_not_help(lab: Lab) -> None:
    _lapse(lab)
    lab.control.faults(OCO | {"kind": "error", "status": 403, "body": LACKING})
    mark = lab.mark()
    tries: list[int] = []
    for minute in range(20):
        lab.sleep(60)
        if lab.sweep()["started"]:
            tries.append(minute)
        lab.work()
    assert tries == [1, 2, 4, 9, 19], "one, two, five, then ten minutes between tries"
    assert len(trading_calls(lab.control.journal(mark))) < 20 * 10
    lab.control.faults()
    minutes(lab, 11)
    assert [guard.qty for guard in guards(lab)] == [100]
    check_held(lab)


def test_care_starts_anew_after_it_helped(lab: Lab) -> None:
    for _ in range(2):
        order = lab.orders.find("b") or hold(lab)
        _cancel_protection(lab, order)
        lab.sweep()
        minutes(lab)
        order = lab.order("b")
        assert (order.protected, order.care_at, order.care_tries) == (True, None, 0)
    assert len(lab.order("b").protections) == 3
    check_held(lab)


# --- others are not disturbed ---


def test_aftercare_gives_the_turn_back(lab: Lab) -> None:
    _lapse(lab)
    lab.sweep()
    minutes(lab)
    assert lab.orders.holder("TQQQ") is None
    send(lab, "next", qty=5)
    lab.work()
    assert lab.order("next").status is Status.FILLED
    check_held(lab, free=5)


def test_a_symbols_live_order_goes_before_aftercare(lab: Lab) -> None:
    """The turn is taken: protection waits for the next sweep after it."""
    _lapse(lab)
    lab.sweep()
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    send(lab, "resting", ladder="standard", max_slippage_bps=1)
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-20T10:00:03-05:00")
        holder = lab.orders.holder("TQQQ")
        lab.sleep(55)
        lab.sweep()
        assert lab.orders.holder("TQQQ") == holder
        assert lab.order("b").executions == 1
        crowd.work()
    minutes(lab, 2)
    check_held(lab, free=int(lab.order("resting").filled_qty))


def test_a_live_close_is_not_disturbed(lab: Lab) -> None:
    """Its protection is down on purpose."""
    hold(lab)
    lab.control.quote("TQQQ", "50.95", "50.98", 10, 2000)
    send(lab, "c", kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-20T10:00:04-05:00")
        assert lab.order("c").status is Status.WORKING
        assert lab.order("b").protected is False
        for _ in range(3):
            lab.sweep()
        assert lab.order("b").executions == 1
        assert not [alert for alert in alerts(lab) if "protection" in alert]
        crowd.work()
    assert lab.order("c").status is Status.FILLED
    check_held(lab)


def test_aftercare_that_died_is_picked_up(lab: Lab) -> None:
    _lapse(lab)
    lab.sweep()
    lab.sleep(60)
    lab.sweep()
    assert lab.running
    lab.deaths.at = len(lab.deaths.seen) + 4
    with pytest.raises(Killed):
        lab.work()
    lab.revive()
    minutes(lab, 3)
    assert [guard.qty for guard in guards(lab)] == [100]
    assert lab.orders.holder("TQQQ") is None
    check_held(lab)


def test_aftercare_survives_death_after_every_effect(exchange: ExchangeControl, aws_credentials: None) -> None:
    effects = {"broker.protect", "store.save", "store.borrow_turn", "store.give_turn", "store.adopt"}
    for number in range(1, 60):
        with lab_at(exchange) as lab:
            _lapse(lab)
            lab.sweep()
            lab.sleep(60)
            lab.deaths.seen.clear()
            lab.deaths.at = number
            try:
                lab.sweep()
                lab.work()
                died = False
            except Killed:
                died = True
            calls = list(lab.deaths.seen)
            if died and number > 1 and calls[number - 2] not in effects:
                continue
            if died:
                lab.revive()
                minutes(lab, 4)
            where = f"death after {calls[number - 2] if number > 1 else 'nothing'} ({number - 1})"
            assert [guard.qty for guard in guards(lab)] == [100], where
            assert lab.orders.holder("TQQQ") is None, where
            check_held(lab)
            if not died:
                assert number > 10
                return
    raise AssertionError("care never ended")


def test_the_sweep_goes_on_when_the_broker_does_not_answer(lab: Lab) -> None:
    hold(lab)
    _moves(lab, "53.50")
    lab.control.faults({"method": "GET", "path": "/v2/orders*", "kind": "error", "status": 503})
    minutes(lab, 2)
    assert lab.order("b").exit_reason is None
    lab.control.faults()
    minutes(lab)
    assert lab.order("b").exit_reason == "target"
    check_held(lab)


def test_a_broker_without_answers_makes_nobody_believe_that_protection_is_lost(lab: Lab) -> None:
    hold(lab)
    lab.control.faults({"method": "GET", "path": "/v2/orders*", "kind": "html", "status": 502})
    minutes(lab, 3)
    lab.control.faults()
    minutes(lab, 1)
    assert not alerts(lab)
    assert len(journal(lab, event="accepted")) == 3
    check_held(lab)


# --- trouble ---


def test_a_turn_that_died_with_its_care_does_not_lock_the_symbol(lab: Lab) -> None:
    """The care booked the last exit, and its execution was stopped before it gave the turn back."""
    _lapse(lab)
    lab.sweep()
    on_order(lab, "new", "53.50", "53.53", side="sell")
    lab.sleep(60)
    lab.sweep()
    whenever(lab, "store.give_turn", lambda: setattr(lab.deaths, "stopped", True))
    with pytest.raises(Killed):
        lab.work()
    lab.revive()
    assert (lab.order("b").exit_reason, lab.orders.holder("TQQQ")) == ("target", lab.order("b").order_id)
    send(lab, "next", qty=5)
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-20T10:05:00-05:00", sweep_every=60)
    assert lab.order("next").status is Status.FILLED
    check_held(lab, free=5)


def test_of_two_brackets_the_one_that_somebody_sold_is_found_out(lab: Lab) -> None:
    """The account still holds shares: those of the other bracket."""
    hold(lab, "b1")
    second = hold(lab, "b2", qty=50)
    lab.sleep(60)
    _cancel_protection(lab, second)
    _sell_by_hand(lab, 50)
    minutes(lab, 4)
    assert (lab.order("b2").unexited_qty, lab.order("b2").exit_reason) == (0, "outside")
    assert (lab.order("b1").unexited_qty, lab.order("b1").protected) == (100, True)
    assert [guard.qty for guard in guards(lab)] == [100]
    check_held(lab, strangers=True)


def test_entries_that_use_up_all_requests_do_not_switch_the_watch_off(lab: Lab) -> None:
    _lapse(lab)
    for _ in range(3):
        lab.sleep(58)
        with pytest.raises(BudgetExhausted):
            while True:
                lab.broker.now()
        lab.sweep()
        lab.work()
    assert any("lost their protection" in alert for alert in alerts(lab))
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    check_held(lab)


def test_both_legs_that_fill_are_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It happens in fast markets: twice the shares are gone, and the account is short."""
    order = hold(lab)
    assert order.protective_order_id
    report = lab.broker.order(order.protective_order_id)
    assert report
    filled = {"status": ChildStatus.FILLED, "filled_qty": Decimal(100), "filled_at": report.submitted_at}
    leg = report.legs[0].model_copy(update={**filled, "avg_fill_price": STOP})
    both = report.model_copy(update={**filled, "avg_fill_price": TARGET, "legs": (leg,)})
    _cancel_protection(lab, order)
    monkeypatch.setattr("repeg.broker.alpaca.AlpacaBroker.order", lambda *_: both)
    minutes(lab)
    assert any("too many have left" in alert for alert in alerts(lab))


def test_one_position_that_cannot_be_watched_hides_no_other(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = hold(lab, "bad"), hold(lab, "good", qty=50)
    _cancel_protection(lab, good)
    real = lab.state

    def broken(order_id: str, number: int) -> ExecutionState:
        if order_id == bad.order_id:
            raise ValueError("DescribeExecution was throttled")
        return real(order_id, number)

    monkeypatch.setattr(lab, "state", broken)
    minutes(lab, 2)
    assert lab.order("good").protected is True
    assert sorted(guard.qty for guard in guards(lab)) == [50, 100]


def test_keys_that_are_refused_for_long_neither_fill_the_record_nor_the_inbox(lab: Lab) -> None:
    _lapse(lab)
    lab.control.faults(OCO | {"kind": "error", "status": 401, "body": {"message": "unauthorized."}})
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-20T10:20:00-05:00", sweep_every=60)
        assert len(lab.order("b").protections) <= 5
        assert 1 <= len(alerts(lab)) <= 15
        lab.control.faults()
        crowd.work(until="2026-11-20T10:23:00-05:00", sweep_every=60)
        crowd.work()
    assert [guard.qty for guard in guards(lab)] == [100]
    check_held(lab)
