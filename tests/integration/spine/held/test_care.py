"""After the order: the sweep restores protection that went missing, and disturbs nobody by it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from desk.exchange.client import ExchangeControl
from desk.report.truth import trading_calls
from repeg.domain.reasons import Status
from tests.support.crowd import Crowd
from tests.support.deaths import Killed
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, STOP, TARGET, Guard, check_held, guards, hold, minutes
from tests.support.scenes import alerts, journal, lab_at, run, send
from tests.support.watching import LACKING, OCO, cancel_protection, lapse, moves, sell_by_hand

# --- protection that went missing ---


def test_protection_that_somebody_cancelled_alarms_at_once_and_is_restored_after_a_grace(lab: Lab) -> None:
    lapse(lab)
    lab.sweep()
    order = lab.order("b")
    assert any("lost their protection" in alert for alert in alerts(lab))
    assert (order.guard.protected, lab.running) == (False, {})
    minutes(lab)
    order = lab.order("b")
    assert (order.guard.protected, order.status) == (True, Status.FILLED)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    check_held(lab)


def test_the_loss_of_protection_is_told_once_and_left_alone_for_a_grace(lab: Lab) -> None:
    """Whoever cancelled it to sell by hand has most of a minute."""
    lapse(lab)
    for _ in range(3):
        lab.sweep()
        assert (lab.running, lab.order("b").run.executions) == ({}, 1)
        lab.sleep(20)
    assert len([alert for alert in alerts(lab) if "lost their protection" in alert]) == 1
    lab.sweep()
    assert lab.order("b").run.executions == 2


def test_the_protection_of_a_short_is_restored_too(lab: Lab) -> None:
    lapse(lab, **SHORT)
    minutes(lab, 2)
    assert guards(lab) == [Guard(Decimal(100), Decimal("51.95"), Decimal("48.45"))]
    check_held(lab)


def test_who_cancels_to_sell_by_hand_is_not_in_the_way(lab: Lab) -> None:
    """The grace is for them; then their sale is the exit, and nothing protects what is not there."""
    lapse(lab)
    lab.sweep()
    sell_by_hand(lab, 100)
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.unexited_qty, order.exit_reason, order.exit_price) == (0, "outside", None)
    assert guards(lab) == []
    assert lab.orders.holding_shares() == []
    check_held(lab, strangers=True)


def test_what_somebody_left_of_a_position_is_protected_again(lab: Lab) -> None:
    lapse(lab)
    lab.sweep()
    sell_by_hand(lab, 40)
    minutes(lab, 3)
    assert lab.order("b").unexited_qty == 60
    assert [guard.qty for guard in guards(lab)] == [60]
    check_held(lab, strangers=True)


def test_a_market_that_fell_through_the_stop_meanwhile_is_left(lab: Lab) -> None:
    """Design 3.9: stop refused because the price is through it: unwind."""
    lapse(lab)
    lab.sweep()
    moves(lab, "49.50")
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.unexited_qty, order.exit_reason, order.exit_price) == (0, "unwind", Decimal("49.5"))
    assert order.unwind.cost == Decimal("148.00")
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
    lapse(lab)
    lab.control.faults(OCO | {"kind": "error", "status": 403, "body": LACKING})
    mark = lab.mark()
    tries: list[int] = []
    for minute in range(20):
        lab.sleep(60)
        if lab.sweep()["started"]:
            tries.append(minute)
        lab.work()
    assert tries == [1, 2, 3, 5, 7, 12], "one, one, two, two, five, then ten minutes between tries"
    assert len(trading_calls(lab.control.journal(mark))) < 20 * 10
    lab.control.faults()
    minutes(lab, 11)
    assert [guard.qty for guard in guards(lab)] == [100]
    check_held(lab)


@pytest.mark.parametrize("lasts", [2, 3, 4, 5, 6])
def test_minutes_of_refusals_leave_shares_bare_for_two_more_at_most(lab: Lab, lasts: int) -> None:
    lab.control.faults(OCO | {"kind": "error", "status": 403, "body": LACKING})
    run(lab, "b", **BRACKET)
    minutes(lab, lasts)
    lab.control.faults()
    minutes(lab, 2)
    assert [guard.qty for guard in guards(lab)] == [100]
    check_held(lab)


def test_care_starts_anew_after_it_helped(lab: Lab) -> None:
    for _ in range(2):
        order = lab.orders.find("b") or hold(lab)
        cancel_protection(lab, order)
        lab.sweep()
        minutes(lab)
        order = lab.order("b")
        assert (order.guard.protected, order.care.due_at, order.care.tries) == (True, None, 0)
    assert len(lab.order("b").guard.protections) == 3
    check_held(lab)


# --- others are not disturbed ---


def test_aftercare_gives_the_turn_back(lab: Lab) -> None:
    lapse(lab)
    lab.sweep()
    minutes(lab)
    assert lab.orders.holder("TQQQ") is None
    send(lab, "next", qty=5)
    lab.work()
    assert lab.order("next").status is Status.FILLED
    check_held(lab, free=5)


def test_a_symbols_live_order_goes_before_aftercare(lab: Lab) -> None:
    """The turn is taken: protection waits for the next sweep after it."""
    lapse(lab)
    lab.sweep()
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    send(lab, "resting", ladder="standard", max_slippage_bps=1)
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-20T10:00:03-05:00")
        holder = lab.orders.holder("TQQQ")
        lab.sleep(55)
        lab.sweep()
        assert lab.orders.holder("TQQQ") == holder
        assert lab.order("b").run.executions == 1
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
        assert lab.order("b").guard.protected is False
        for _ in range(3):
            lab.sweep()
        assert lab.order("b").run.executions == 1
        assert not [alert for alert in alerts(lab) if "protection" in alert]
        crowd.work()
    assert lab.order("c").status is Status.FILLED
    check_held(lab)


def test_aftercare_that_died_is_picked_up(lab: Lab) -> None:
    lapse(lab)
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
            lapse(lab)
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
    moves(lab, "53.50")
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
