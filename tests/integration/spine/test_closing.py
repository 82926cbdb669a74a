"""A close takes down what protects a position, sells what is really left, and protects again what remains."""

from __future__ import annotations

from decimal import Decimal

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.orders import Order
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import (
    BRACKET,
    FEW_RUNGS,
    SHORT,
    STOP,
    TARGET,
    Guard,
    check_held,
    closed_by,
    free_shares,
    guards,
    halt,
    hold,
    minutes,
    shares,
)
from tests.support.scenes import alerts, at, by_hand, journal, lab_at, outcomes, run, send, submits, whenever

SUBMIT = {"method": "POST", "path": "/v2/orders"}
OCO = SUBMIT | {"order_class": "oco"}
SALE = SUBMIT | {"side": "sell", "client_order_id": "ord-*-e*"}
FREE = {"symbol": "TQQQ", "qty": 50, "side": "buy", "type": "market", "time_in_force": "day"}
LACKING = {"code": 40310000, "message": "insufficient qty available for order (requested: 100, available: 0)"}


def _close(lab: Lab, signal_id: str = "c", **signal: object) -> Order:
    return run(lab, signal_id, kind="close", **signal)


# --- what is sold, and from whom ---


def test_a_close_of_a_protected_bracket_ends_flat(lab: Lab) -> None:
    """Design 4, Sides: cancels the OCO, sells what is really left by `unwind`."""
    hold(lab)
    close = _close(lab)
    assert (close.status, close.side, close.filled_qty, close.ladder) == (Status.FILLED, "sell", 100, "unwind")
    assert (shares(lab), guards(lab)) == (0, [])
    check_held(lab)


def test_the_protection_is_gone_for_certain_before_the_first_sale(lab: Lab) -> None:
    """Design 3.1: a cancel is a request; only a read by id says that it happened."""
    lab.control.settings(cancel_ms=2500)
    hold(lab)
    _close(lab)
    cancelled = [entry for entry in journal(lab, event="canceled") if entry["order_class"] == "oco"]
    sale = [entry for entry in journal(lab, event="accepted") if entry["side"] == "sell" and not entry["order_class"]]
    assert len(cancelled) == 2
    assert max(entry["seq"] for entry in cancelled) < sale[0]["seq"]
    check_held(lab)


def test_the_bracket_remembers_how_it_was_left(lab: Lab) -> None:
    hold(lab)
    lab.sleep(30)
    lab.control.quote("TQQQ", "51.45", "51.48", 2000, 2000)
    close = _close(lab)
    bracket = lab.order("b")
    assert (bracket.status, bracket.filled_qty, bracket.unexited_qty) == (Status.FILLED, 100, 0)
    assert (bracket.exit_price, bracket.exit_reason) == (Decimal("51.45"), "close")
    assert bracket.exit_at and close.first_sent_at and bracket.exit_at >= close.first_sent_at > at("10:00:30")


def test_a_closed_position_is_off_the_list_of_positions(lab: Lab) -> None:
    hold(lab)
    assert lab.orders.holding_shares() == [lab.order("b").order_id]
    _close(lab)
    assert lab.orders.holding("TQQQ") == []
    assert lab.orders.holding_shares() == []


def test_a_partial_close_protects_the_rest_at_the_same_levels(lab: Lab) -> None:
    hold(lab)
    lab.control.quote("TQQQ", "51.95", "51.98", 2000, 2000)
    close = _close(lab, qty=30)
    assert (close.status, close.filled_qty) == (Status.FILLED, 30)
    assert guards(lab) == [Guard(Decimal(70), STOP, TARGET)]
    bracket = lab.order("b")
    assert (bracket.unexited_qty, bracket.protected) == (70, True)
    assert (bracket.stop_loss, bracket.take_profit) == (STOP, TARGET)
    check_held(lab)


def test_partial_closes_add_up(lab: Lab) -> None:
    hold(lab)
    for number, left in enumerate((70, 40, 10), start=1):
        _close(lab, f"c{number}", qty=30)
        assert [guard.qty for guard in guards(lab)] == [left]
        check_held(lab)
    last = _close(lab, "c4", qty=30)
    assert last.filled_qty == 10
    bracket = lab.order("b")
    assert (bracket.unexited_qty, len(bracket.exits)) == (0, 4)
    check_held(lab)


def test_a_close_of_more_than_there_is_takes_what_there_is(lab: Lab) -> None:
    hold(lab)
    close = _close(lab, qty=300)
    assert (close.status, close.filled_qty) == (Status.FILLED, 100)
    check_held(lab)


def test_a_close_of_all_takes_several_brackets(lab: Lab) -> None:
    hold(lab, "b1", qty=100)
    hold(lab, "b2", qty=50)
    close = _close(lab)
    assert close.filled_qty == 150
    assert closed_by([lab.order("b1"), lab.order("b2")], close) == [100, 50]
    assert {lab.order(each).exit_reason for each in ("b1", "b2")} == {"close"}
    check_held(lab)


def test_the_oldest_bracket_is_left_first(lab: Lab) -> None:
    hold(lab, "b1", qty=100)
    hold(lab, "b2", qty=50)
    close = _close(lab, qty=120)
    assert closed_by([lab.order("b1"), lab.order("b2")], close) == [100, 20]
    assert [guard.qty for guard in guards(lab)] == [30]
    check_held(lab)


def test_brackets_that_are_not_needed_keep_their_protection(lab: Lab) -> None:
    hold(lab, "b1", qty=100)
    hold(lab, "b2", qty=50)
    kept = lab.order("b2").protective_order_id
    close = _close(lab, qty=40)
    assert closed_by([lab.order("b1"), lab.order("b2")], close) == [40, 0]
    assert lab.order("b2").protective_order_id == kept
    cancelled = {entry["client_order_id"] for entry in journal(lab, event="canceled")}
    assert not any(each.startswith(lab.order("b2").order_id) for each in cancelled)
    assert sorted(guard.qty for guard in guards(lab)) == [50, 60]
    check_held(lab)


def test_shares_without_protection_go_first(lab: Lab) -> None:
    lab.control.position("TQQQ", 60, "40")
    hold(lab)
    close = _close(lab, qty=60)
    assert close.filled_qty == 60
    assert not [entry for entry in journal(lab, event="canceled") if entry["order_class"] == "oco"]
    assert lab.order("b").unexited_qty == 100
    check_held(lab)


def test_a_bracket_gives_only_what_free_shares_lack(lab: Lab) -> None:
    lab.control.position("TQQQ", 60, "40")
    hold(lab)
    close = _close(lab, qty=90)
    assert close.filled_qty == 90
    assert closed_by([lab.order("b")], close) == [30]
    assert guards(lab) == [Guard(Decimal(70), STOP, TARGET)]
    check_held(lab)


def test_a_close_of_all_takes_free_shares_and_brackets(lab: Lab) -> None:
    lab.control.position("TQQQ", 60, "40")
    hold(lab)
    close = _close(lab)
    assert close.filled_qty == 160
    assert closed_by([lab.order("b")], close) == [100]
    check_held(lab)


def test_other_symbols_are_left_alone(lab: Lab) -> None:
    lab.control.quote("SOXL", "50.95", "50.98", 2000, 2000)
    hold(lab)
    hold(lab, "other", symbol="SOXL")
    _close(lab)
    assert shares(lab, "SOXL") == 100
    check_held(lab)
    check_held(lab, "SOXL")


def test_a_close_of_a_short_buys_it_back(lab: Lab) -> None:
    hold(lab, **SHORT)
    assert shares(lab) == -100
    close = _close(lab)
    assert (close.status, close.side, close.filled_qty) == (Status.FILLED, "buy", 100)
    bracket = lab.order("b")
    assert (bracket.exit_price, bracket.exit_reason, bracket.unexited_qty) == (Decimal("50.98"), "close", 0)
    assert lab.orders.holding_shares() == []
    check_held(lab)


def test_a_partial_close_of_a_short_protects_the_rest(lab: Lab) -> None:
    hold(lab, **SHORT)
    close = _close(lab, qty=40)
    assert (close.side, close.filled_qty, shares(lab)) == ("buy", 40, -60)
    assert guards(lab) == [Guard(Decimal(60), Decimal("51.95"), Decimal("48.45"))]
    check_held(lab)


def test_a_close_when_flat_says_so(lab: Lab) -> None:
    hold(lab)
    _close(lab)
    again = _close(lab, "again")
    assert (again.status, again.reason, again.rungs) == (Status.REJECTED, Reason.NO_POSITION, ())
    check_held(lab)


def test_a_new_bracket_after_a_close_is_a_position_of_its_own(lab: Lab) -> None:
    hold(lab, "b1")
    _close(lab)
    hold(lab, "b2", qty=40)
    assert [order.signal_id for order in lab.orders.holding("TQQQ")] == ["b2"]
    check_held(lab)


# --- the account shows things late ---


def test_a_sale_refused_for_lack_of_free_shares_is_sized_again(lab: Lab) -> None:
    hold(lab)
    lab.control.faults(SALE | {"kind": "error", "status": 403, "body": LACKING, "count": 2})
    close = _close(lab)
    assert (close.status, close.filled_qty, close.resizes) == (Status.FILLED, 100, 2)
    check_held(lab)


@pytest.mark.parametrize(("wanted", "left"), [(None, 0), (120, 30)])
def test_a_sale_refused_in_the_middle_of_its_ladder_books_each_share_once(
    lab: Lab, wanted: int | None, left: int
) -> None:
    """50 free shares and 100 of a bracket: what the first rung sold is nobody's loss but the close's."""
    hold(lab)
    by_hand(lab, "POST", "orders", FREE)
    lab.sleep(2)
    lab.control.quote("TQQQ", "50.95", "50.98", 60, 2000)
    second = {"on": {"symbol": "TQQQ", "event": "new", "side": "sell", "nth": 2}}
    lab.control.script(second | {"symbol": "TQQQ", "bid": "50.95", "ask": "50.98", "bid_size": 500, "ask_size": 500})
    refusal = SALE | {"client_order_id": "ord-*-e2", "kind": "error", "status": 403, "body": LACKING, "count": 1}
    lab.control.faults(refusal)
    close = _close(lab, **({"qty": wanted} if wanted else {}))
    assert (close.status, close.filled_qty, close.resizes) == (Status.FILLED, wanted or 150, 1)
    bracket = lab.order("b")
    assert (shares(lab), bracket.unexited_qty, bracket.exit_reason) == (left, left, "close")
    check_held(lab, strangers=True)


def test_a_sale_that_stays_refused_gives_the_position_its_protection_back(lab: Lab) -> None:
    hold(lab)
    lab.control.faults(SALE | {"kind": "error", "status": 403, "body": LACKING})
    close = _close(lab)
    assert (close.status, close.reason) == (Status.REJECTED, Reason.HELD_BY_PROTECTION)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    assert lab.order("b").protected is True
    assert any("close of TQQQ did not complete" in alert for alert in alerts(lab))
    check_held(lab)


# --- a close that cannot complete ---


def test_what_cannot_be_sold_is_protected_again_and_told(lab: Lab) -> None:
    """Design 4, Sides: re-protects any remainder at the same levels."""
    hold(lab)
    halt(lab)
    close = _close(lab)
    assert (close.status, close.reason, close.filled_qty) == (Status.FAILED, Reason.FILL_TIMEOUT, 0)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    assert lab.order("b").protected is True
    assert any("close of TQQQ did not complete" in alert for alert in alerts(lab))
    check_held(lab)


def test_what_is_left_of_a_half_done_close_is_protected_again(lab: Lab) -> None:
    hold(lab)
    lab.control.quote("TQQQ", "50.95", "50.98", 40, 2000)
    halt(lab, "fill")
    close = _close(lab)
    assert (close.status, close.filled_qty) == (Status.FAILED, 40)
    bracket = lab.order("b")
    assert (bracket.unexited_qty, bracket.exit_reason) == (60, "close")
    assert guards(lab) == [Guard(Decimal(60), STOP, TARGET)]
    check_held(lab)


def test_a_close_without_a_bid_ends_protected_and_told(lab: Lab) -> None:
    hold(lab)
    lab.settings = FEW_RUNGS
    lab.control.quote("TQQQ", "0", "50.98", 0, 2000)
    close = _close(lab)
    assert close.status is Status.FAILED
    assert alerts(lab)
    check_held(lab, naked=int(100 - sum(guard.qty for guard in guards(lab))))


@pytest.mark.usefixtures("aws_credentials")
def test_a_close_at_the_end_of_the_day_leaves_protection_for_the_next(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "15:57") as lab:
        hold(lab)
        lab.sleep(150)
        lab.control.script({"symbol": "TQQQ", "halt": True})
        close = _close(lab)
        assert (close.status, close.reason, close.filled_qty) == (Status.FAILED, Reason.MARKET_CLOSED, 0)
        assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
        assert any("did not complete" in alert for alert in alerts(lab))
        check_held(lab)


@pytest.mark.usefixtures("aws_credentials")
@pytest.mark.parametrize("after", [179, 60 * 60])
def test_a_close_that_comes_too_late_leaves_the_protection_alone(exchange: ExchangeControl, after: int) -> None:
    with lab_at(exchange, "15:57") as lab:
        hold(lab)
        lab.sleep(after)
        close = _close(lab)
        assert (close.status, close.reason) == (Status.REJECTED, Reason.MARKET_CLOSED)
        assert not journal(lab, event="pending_cancel")
        check_held(lab)


def test_what_can_be_neither_sold_nor_protected_is_told_and_left_by_the_sweep(lab: Lab) -> None:
    """The market fell through the stop while the close could not sell: no OCO is taken any more."""
    hold(lab)
    halt(lab)
    lab.control.quote("TQQQ", "49.50", "49.53", 2000, 2000)
    close = _close(lab)
    assert (close.status, close.filled_qty) == (Status.FAILED, 0)
    assert any("neither left nor protected" in alert for alert in alerts(lab))
    assert lab.order("b").protected is False
    check_held(lab, naked=100)
    lab.control.script({"symbol": "TQQQ", "halt": False})
    minutes(lab, 3)
    bracket = lab.order("b")
    assert (bracket.unexited_qty, bracket.exit_reason, bracket.exit_price) == (0, "unwind", Decimal("49.50"))
    check_held(lab)


def test_protection_that_cannot_be_restored_at_once_is_tried_again(lab: Lab) -> None:
    hold(lab)
    lab.control.faults(OCO | {"kind": "error", "status": 403, "body": LACKING, "count": 2})
    close = _close(lab, qty=30)
    assert close.status is Status.FILLED
    assert guards(lab) == [Guard(Decimal(70), STOP, TARGET)]
    check_held(lab)


def test_protection_whose_answer_was_lost_is_not_doubled(lab: Lab) -> None:
    """Design 3.2: ambiguous is not rejected; the remainder's OCO is looked up, not sent twice."""
    hold(lab)
    lab.control.faults(OCO | {"kind": "drop_after", "count": 1})
    close = _close(lab, qty=30)
    assert close.status is Status.FILLED
    assert [guard.qty for guard in guards(lab)] == [70]
    check_held(lab)


# --- more than one close ---


def test_of_two_closes_the_second_finds_nothing_left(lab: Lab) -> None:
    hold(lab)
    send(lab, "c1", kind="close")
    lab.sleep(0.001)
    send(lab, "c2", kind="close")
    with Crowd(lab) as crowd:
        crowd.work()
    first, second = lab.order("c1"), lab.order("c2")
    assert (first.status, first.filled_qty) == (Status.FILLED, 100)
    assert (second.status, second.reason) == (Status.REJECTED, Reason.NO_POSITION)
    check_held(lab)


def test_two_partial_closes_at_once_each_take_their_part(lab: Lab) -> None:
    hold(lab)
    send(lab, "c1", kind="close", qty=30)
    lab.sleep(0.001)
    send(lab, "c2", kind="close", qty=50)
    with Crowd(lab) as crowd:
        crowd.work()
    assert [lab.order(each).filled_qty for each in ("c1", "c2")] == [30, 50]
    assert guards(lab) == [Guard(Decimal(20), STOP, TARGET)]
    check_held(lab)


def test_the_close_publishes_its_own_outcome_and_the_brackets_is_not_published_again(lab: Lab) -> None:
    hold(lab)
    _close(lab)
    assert [each["signal_id"] for each in outcomes(lab)] == ["b", "c"]


def test_a_close_costs_few_requests(lab: Lab) -> None:
    hold(lab)
    mark = lab.mark()
    _close(lab)
    calls = [e for e in lab.control.journal(mark) if e["type"] == "request" and "/stocks/" not in e["path"]]
    assert len(calls) <= 7, [f"{call['method']} {call['path']}" for call in calls]
    assert len(submits(lab)) == 3
    assert free_shares(lab) == 0


# --- what once went wrong ---


def test_protection_that_came_down_on_purpose_is_no_refusal(lab: Lab) -> None:
    """Many partial closes, then one refusal: the rest is protected, not sold."""
    hold(lab)
    for number in range(4):
        _close(lab, f"c{number}", qty=10)
    body = {"code": 40310000, "message": "something transient"}
    lab.control.faults(OCO | {"kind": "error", "status": 403, "body": body, "count": 1})
    _close(lab, "last", qty=10)
    minutes(lab, 2)
    assert shares(lab) == 50
    assert guards(lab) == [Guard(Decimal(50), STOP, TARGET)]
    check_held(lab)


def test_of_two_brackets_none_waits_for_the_others_protection(lab: Lab) -> None:
    """In a halt an OCO is taken and does not work yet: no reason to leave the other bracket without one."""
    hold(lab, "b1")
    hold(lab, "b2", qty=50)
    halt(lab)
    send(lab, "c", kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-20T10:02:40-05:00")
        assert sorted(guard.qty for guard in guards(lab)) == [50, 100]
        crowd.work()
    assert lab.order("c").status is Status.FAILED
    assert [lab.order(each).protected for each in ("b1", "b2")] == [True, True]
    check_held(lab)


def test_a_bracket_that_the_sweep_took_over_meanwhile_does_not_stop_the_close(lab: Lab) -> None:
    """Its record changed hands between the close's look and its write."""
    bracket = hold(lab)
    lab.sleep(2)

    def adopt() -> None:
        known = lab.order("b")
        lab.orders.adopt(known, lab.arn(known.order_id, known.executions + 1))

    whenever(lab, "store.save", adopt, nth=2)
    close = _close(lab)
    assert (close.status, close.filled_qty, close.executions) == (Status.FILLED, 100, 1)
    assert lab.order("b").executions == bracket.executions + 1
    assert lab.order("b").exit_reason == "close"
    check_held(lab)


def test_protection_that_was_given_up_for_lost_and_lives_is_found_by_a_close(lab: Lab) -> None:
    """Its answer was lost and look-ups by our id knew nothing of it for a while; it holds the shares."""
    unknown = {"code": 40410000, "message": "order not found"}
    lab.control.faults(
        OCO | {"kind": "drop_after", "count": 1},
        {
            "method": "GET",
            "path": "/v2/orders:by_client_order_id",
            "kind": "error",
            "status": 404,
            "body": unknown,
            "count": 12,
        },
    )
    run(lab, "b", **BRACKET)
    minutes(lab, 2)
    lab.control.faults()
    close = _close(lab)
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 100, 0)
    assert lab.order("b").unexited_qty == 0
    check_held(lab)
