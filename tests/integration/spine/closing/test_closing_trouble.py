"""A close in trouble: the account shows things late, nothing can be sold, the protection was not what it seemed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import (
    BRACKET,
    FEW_RUNGS,
    STOP,
    TARGET,
    Guard,
    check_held,
    guards,
    halt,
    hold,
    minutes,
    shares,
)
from tests.support.scenes import alerts, by_hand, ends_early, journal, lab_at, run, send, whenever

SUBMIT = {"method": "POST", "path": "/v2/orders"}
OCO = SUBMIT | {"order_class": "oco"}
SALE = SUBMIT | {"side": "sell", "client_order_id": "ord-*-*-e*"}
FREE = {"symbol": "TQQQ", "qty": 50, "side": "buy", "type": "market", "time_in_force": "day"}
LACKING = {"code": 40310000, "message": "insufficient qty available for order (requested: 100, available: 0)"}


def _close(lab: Lab, signal_id: str = "c", **signal: object) -> Order:
    return run(lab, signal_id, kind="close", **signal)


# --- the account shows things late ---


def test_a_sale_refused_for_lack_of_free_shares_is_sized_again(lab: Lab) -> None:
    hold(lab)
    lab.control.faults(SALE | {"kind": "error", "status": 403, "body": LACKING, "count": 2})
    close = _close(lab)
    assert (close.status, close.filled_qty, close.sending.resizes) == (Status.FILLED, 100, 2)
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
    # Beside the first rung of a close of a part an OCO rests by then.
    second = {"on": {"symbol": "TQQQ", "event": "new", "side": "sell", "nth": 3 if wanted else 2}}
    lab.control.script(second | {"symbol": "TQQQ", "bid": "50.95", "ask": "50.98", "bid_size": 500, "ask_size": 500})
    refusal = SALE | {"client_order_id": "ord-*-*-e2", "kind": "error", "status": 403, "body": LACKING, "count": 1}
    lab.control.faults(refusal)
    close = _close(lab, **({"qty": wanted} if wanted else {}))
    assert (close.status, close.filled_qty, close.sending.resizes) == (Status.FILLED, wanted or 150, 1)
    bracket = lab.order("b")
    assert (shares(lab), bracket.unexited_qty, bracket.exit_reason) == (left, left, "close")
    check_held(lab, strangers=True)


def test_shares_sold_from_under_an_oco_that_was_cancelled_unseen_are_booked(lab: Lab) -> None:
    """Its record has it live while it cannot be read; that its shares were free is what the sale shows."""
    hold(lab)
    by_hand(lab, "POST", "orders", FREE)
    lab.sleep(2)
    oco = lab.order("b").protective_order_id
    by_hand(lab, "DELETE", f"orders/{oco}")
    lab.sleep(2)
    lab.control.faults({"method": "GET", "path": f"/v2/orders/{oco}", "kind": "error", "status": 500, "count": 8})
    close = _close(lab)
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 150, 0)
    bracket = lab.order("b")
    assert (bracket.unexited_qty, bracket.exit_reason) == (0, "close")
    check_held(lab, strangers=True)


def test_a_sale_that_stays_refused_gives_the_position_its_protection_back(lab: Lab) -> None:
    hold(lab)
    lab.control.faults(SALE | {"kind": "error", "status": 403, "body": LACKING})
    close = _close(lab)
    assert (close.status, close.reason) == (Status.REJECTED, Reason.HELD_BY_PROTECTION)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    assert lab.order("b").guard.protected is True
    assert any("close of TQQQ did not complete" in alert for alert in alerts(lab))
    check_held(lab)


# --- a close that cannot complete ---


def test_what_cannot_be_sold_is_protected_again_and_told(lab: Lab) -> None:
    """Design 4, Sides: re-protects any remainder at the same levels."""
    hold(lab)
    halt(lab)
    close = _close(lab)
    assert (close.status, close.reason, close.filled_qty) == (Status.FAILED, Reason.MARKET_CLOSED, 0)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    assert lab.order("b").guard.protected is True
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
    ends_early(lab, 150)
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
    lab.control.script({"symbol": "TQQQ", "halt": True})
    lab.control.faults(SALE | {"kind": "error", "status": 403, "body": LACKING})
    lab.control.quote("TQQQ", "49.50", "49.53", 2000, 2000)
    close = _close(lab)
    assert (close.status, close.filled_qty) == (Status.REJECTED, 0)
    assert any("neither left nor protected" in alert for alert in alerts(lab))
    assert lab.order("b").guard.protected is False
    check_held(lab, naked=100)
    lab.control.faults()
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
        crowd.work(until="2026-11-20T10:04:00-05:00")
        assert sorted(guard.qty for guard in guards(lab)) == [50, 100]
        crowd.work()
    assert lab.order("c").status is Status.FAILED
    assert [lab.order(each).guard.protected for each in ("b1", "b2")] == [True, True]
    check_held(lab)


def test_a_bracket_that_the_sweep_took_over_meanwhile_does_not_stop_the_close(lab: Lab) -> None:
    """Its record changed hands between the close's look and its write."""
    bracket = hold(lab)
    lab.sleep(2)

    def adopt() -> None:
        known = lab.order("b")
        lab.orders.adopt(known, lab.arn(known.order_id, known.run.executions + 1))

    whenever(lab, "store.save", adopt, nth=2)
    close = _close(lab)
    assert (close.status, close.filled_qty, close.run.executions) == (Status.FILLED, 100, 1)
    assert lab.order("b").run.executions == bracket.run.executions + 1
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
