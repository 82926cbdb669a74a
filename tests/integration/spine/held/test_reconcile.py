"""The comparison of the whole book: silent where all is well, and every planted difference found, mended or told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from desk.report.truth import trading_calls
from repeg.domain.order.adjustments import Adjustment
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.protection import Exit, ExitReason, ProtectionStatus
from repeg.domain.reasons import Status
from repeg.store.items import (
    order_item,
    order_key,
    position_item,
    position_key,
)
from tests.support.comparing import book, drop, healed, rest, rewritten, told, whats
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import check_held, guards, hold, minutes, shares
from tests.support.scenes import alerts, by_hand, market_time, run, send, submits, whenever
from tests.support.stand_ins.tables import put_items
from tests.support.watching import cancel_protection, moves, sell_by_hand

READ = {"method": "GET", "path": "/v2/orders/*", "kind": "edit", "count": 1}


def test_a_book_in_order_is_left_alone(lab: Lab) -> None:
    hold(lab, "b1")
    hold(lab, "b2", qty=50)
    run(lab, "a")
    minutes(lab, 2)
    before, marked = book(lab), lab.mark()
    assert lab.reconcile() == {"drift": 0, "mended": 0, "findings": []}
    assert book(lab) == before
    assert len(trading_calls(lab.control.journal(after=marked))) == 3


def test_a_hundred_positions_take_no_more_requests_than_one(lab: Lab) -> None:
    held = hold(lab)
    for number in range(100):
        symbol = f"{chr(65 + number // 26)}{chr(65 + number % 26)}Q"
        lab.control.position(symbol, 100, "50.98")
        # Unwatched by any OCO, but their shares wait for a day on which the broker takes one.
        waits = held.with_care(waits_until=lab.time.latest_now() + timedelta(days=1))
        other = waits.changed(order_id=f"ord-{number:020d}", symbol=symbol).with_guard(protections=(), protected=False)
        put_items(lab.table, [order_item(other), position_item(other)])
    marked = lab.mark()
    assert lab.reconcile()["findings"] == []
    assert len(trading_calls(lab.control.journal(after=marked))) == 3


# --- positions ---


def test_protection_that_somebody_cancelled_is_put_back(lab: Lab) -> None:
    cancel_protection(lab, hold(lab))
    lab.reconcile()  # the cancel is booked, and alerted
    lab.sleep(60)
    healed(lab, "position without protection")
    check_held(lab)


@pytest.mark.parametrize("status", [ProtectionStatus.INTENT, ProtectionStatus.GONE, ProtectionStatus.REFUSED])
def test_shares_under_an_oco_at_work_are_not_said_to_be_without_protection(lab: Lab, status: ProtectionStatus) -> None:
    """By its record the OCO is on its way, or over; the broker lists it: nobody may sell by hand for that."""
    held, now = hold(lab), lab.time.latest_now()
    lab.sleep(100)
    oco = held.guard.protections[-1].changed(status=status, closed_at=now if status.closed else None)
    oco = oco if status is ProtectionStatus.GONE else oco.changed(broker_order_id=None)
    lab.orders.save(held.with_protection(oco).with_guard(protected=False))
    [found] = [each for each in lab.reconcile(fix=False)["findings"] if each["what"] == "position without protection"]
    assert found["detail"] == "100 TQQQ are not seen to be protected"


def test_how_long_shares_have_been_without_protection_is_said(lab: Lab) -> None:
    cancel_protection(lab, hold(lab))
    lab.reconcile()
    lab.sleep(60)
    [found] = lab.reconcile(fix=False)["findings"]
    assert found["detail"].startswith("100 TQQQ have been without protection since 15:00:")


def test_an_exit_that_nobody_recorded_is_booked(lab: Lab) -> None:
    hold(lab)
    moves(lab, "53.50")
    healed(lab, "unrecorded exit", settle=0)
    assert lab.order("b").exit_reason == "target"
    check_held(lab)


@pytest.mark.parametrize("settled", [False, True], ids=["", "resolved"])
def test_what_protection_took_that_is_over_by_its_record_is_booked_once(lab: Lab, settled: bool) -> None:
    """Read as cancelled a moment before it showed a fill, say; unless an operator has made up for it by then."""
    held = hold(lab)
    lab.control.quote("TQQQ", "53.48", "53.50", 30, 30)
    lab.sleep(1)
    lab.control.quote("TQQQ", "52.00", "52.03", 2000, 2000)
    cancel_protection(lab, held)
    left, now = shares(lab), lab.time.latest_now()
    over = held.guard.protections[-1].changed(status=ProtectionStatus.GONE, closed_at=now)
    held = held.with_protection(over).with_guard(protected=False)
    if settled:
        levels, why = over.levels, "repeg resolve"
        change = Adjustment(why="operator", detail=why, change=left - 100, levels=levels, at=now + timedelta(seconds=1))
        held = held.with_care(adjustments=(change,))
    lab.orders.save(held)
    assert ("unrecorded exit" in whats(lab.reconcile())) is not settled
    minutes(lab, 2)
    assert lab.reconcile()["drift"] == 0
    assert lab.order("b").unexited_qty == left == sum(guard.qty for guard in guards(lab))
    assert not lab.order("b").care.frozen


def test_protection_of_shares_that_had_left_does_not_stay_for_those_of_somebody_else(lab: Lab) -> None:
    """Placed because the first OCO was read as cancelled; that sold all, and the owner has as many shares besides."""
    held = hold(lab)
    moves(lab, "53.50")
    moves(lab, "52.00")
    lab.control.position("TQQQ", 100, "50.98")
    over = held.guard.protections[-1].changed(status=ProtectionStatus.GONE, closed_at=lab.time.latest_now())
    lab.orders.save(held.with_protection(over).with_guard(protected=False))
    moved = lab.order("b")
    lab.orders.save(moved.with_care(due_at=lab.time.latest_now(), bare_since=lab.time.latest_now()))
    minutes(lab, 2)
    assert len(guards(lab)) == 1
    assert "unrecorded exit" in whats(lab.reconcile())
    assert (lab.order("b").unexited_qty, guards(lab), shares(lab)) == (0, [], 100)
    assert lab.reconcile()["drift"] == 0


def test_protection_at_work_of_a_bracket_without_shares_is_told(lab: Lab) -> None:
    held = hold(lab)
    gone = Exit(source="by-hand", reason=ExitReason.OUTSIDE, qty=Decimal(100), price=None, at=lab.time.latest_now())
    lab.orders.save(held.with_exit(gone))
    lab.reconcile()
    assert whats(lab.reconcile()) == ["protection of shares that the record does not hold"]
    assert any("the record holds no shares" in each for each in alerts(lab))


def test_exits_that_are_moved_are_no_difference_while_a_cancel_hangs(lab: Lab) -> None:
    hold(lab)
    lab.control.faults({"method": "DELETE", "path": "/v2/orders/*", "kind": "stuck_cancel"})
    send(lab, "m", kind="adjust", adjust_signal_id="b", stop_loss="50.50")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:01"))
        assert lab.reconcile()["findings"] == []


def test_shares_that_somebody_sold_are_booked(lab: Lab) -> None:
    cancel_protection(lab, hold(lab))
    lab.reconcile()
    sell_by_hand(lab, 100)
    healed(lab, "position without protection", "shares missing in the account", settle=0)
    assert lab.order("b").unexited_qty == 0


def test_an_account_that_disagrees_freezes_the_position_and_stays_drift(lab: Lab) -> None:
    cancel_protection(lab, hold(lab))
    lab.reconcile()
    lab.control.position("TQQQ", 40, "50.98")
    for _ in range(3):
        lab.sleep(60)
        done = lab.reconcile()
    assert "record and account disagree" in whats(done)
    assert lab.order("b").care.frozen
    assert not submits_after_entry(lab)


def submits_after_entry(lab: Lab) -> list[dict[str, Any]]:
    return submits(lab)[2:]


def test_fewer_shares_than_their_oco_holds_are_told_once_and_not_as_mended(lab: Lab) -> None:
    """Two answers of the broker contradict each other: nothing is concluded from either."""
    hold(lab)
    lab.control.position("TQQQ", 40, "50.98")
    done = [lab.reconcile(), lab.reconcile()]
    assert [(whats(each), each["mended"]) for each in done] == [(["shares missing in the account"], 0)] * 2
    assert [each for each in alerts(lab) if "60 TQQQ fewer" in each] == [
        "shares missing in the account: the account shows 60 TQQQ fewer than the records, "
        "and protective orders for 100 are at work"
    ]
    assert ([guard.qty for guard in guards(lab)], lab.order("b").unexited_qty) == ([100], 100)


def test_a_position_on_the_other_side_is_told_as_far_off_as_it_is(lab: Lab) -> None:
    """100 in the record and 50 short in the account were told as 100 fewer."""
    hold(lab)
    lab.control.position("TQQQ", -50, "50.98")
    (found,) = lab.reconcile(fix=False)["findings"]
    assert found["detail"].startswith("the account shows 150 TQQQ fewer than the records")


def test_a_position_that_no_list_shows_is_watched_again(lab: Lab) -> None:
    order = hold(lab)
    drop(lab, position_key(order))
    healed(lab, "position that nobody watches", settle=0)
    assert lab.orders.holding_shares() == [order.order_id]


def test_a_listed_position_that_holds_nothing_is_let_go(lab: Lab) -> None:
    order = hold(lab)
    moves(lab, "53.50")
    minutes(lab)
    put_items(lab.table, [position_item(order)])
    healed(lab, "watched position without shares", settle=0)
    assert lab.orders.holding_shares() == []


def test_a_listed_position_whose_record_is_gone_is_told_and_kept(lab: Lab) -> None:
    order = hold(lab)
    drop(lab, order_key(order.order_id))
    done = lab.reconcile()
    assert whats(done) == ["orphan order", "orphan order", "position without a record"], "its OCO, and its fill"
    assert lab.orders.holding_shares() == [order.order_id]
    assert len(guards(lab)) == 1, "its protection is left alone"
    assert len(alerts(lab)) == 3


# --- orders ---


def test_an_order_under_our_id_that_no_record_knows_is_told_and_left_alone(lab: Lab) -> None:
    order = run(lab)
    stray = f"ord-{'0' * 20}-{order.namespace}-e1"
    rest(lab, stray)
    told(lab, "orphan order", "there is no record of its order")
    assert by_hand(lab, "GET", f"orders:by_client_order_id?client_order_id={stray}")["status"] == "new"


def test_orders_of_others_are_no_difference(lab: Lab) -> None:
    run(lab)
    rest(lab, f"ord-{'0' * 20}-ffffffff-e1")
    rest(lab, "my-own-1")
    lab.control.quote("SOXL", "30.00", "30.03", 2000, 2000)
    by_hand(
        lab, "POST", "orders", {"symbol": "SOXL", "qty": 10, "side": "buy", "type": "market", "time_in_force": "day"}
    )
    lab.sleep(1)
    assert lab.reconcile()["findings"] == []
    marked = lab.mark()
    assert lab.reconcile()["findings"] == []
    assert len(trading_calls(lab.control.journal(after=marked))) == 3, "strangers are asked for once"


def test_an_order_at_work_that_its_record_has_for_over_is_taken_back(lab: Lab) -> None:
    order = run(lab)
    over = {"status": ChildStatus.CANCELED, "filled_qty": Decimal(0), "avg_fill_price": None, "qty": Decimal(10)}
    child = order.children[-1].changed(client_order_id=order.client_order_id, type="limit", **over)
    at_broker = rest(lab, child.client_order_id)
    rewritten(lab, order.with_child(child.changed(broker_order_id=at_broker, limit_price=Decimal(40))))
    healed(lab, "order at work that is over by its record", settle=0)
    assert by_hand(lab, "GET", f"orders/{at_broker}")["status"] == "canceled"


def test_an_order_under_our_id_on_other_terms_is_not_cancelled(lab: Lab) -> None:
    order = run(lab)
    child = order.children[-1].changed(client_order_id=order.client_order_id, status=ChildStatus.CANCELED)
    at_broker = rest(lab, child.client_order_id)
    rewritten(lab, order.with_child(child.changed(broker_order_id=at_broker)))
    told(lab, "order at work that is over by its record", "the record has it for over")
    assert by_hand(lab, "GET", f"orders/{at_broker}")["status"] == "new"


@pytest.mark.parametrize("kind", ["order", "bracket"])
def test_a_fill_that_no_record_has_is_booked_and_guarded(lab: Lab, kind: str) -> None:
    order = hold(lab, "a") if kind == "bracket" else run(lab)
    if kind == "bracket":
        cancel_protection(lab, order)
    child = order.children[-1].changed(filled_qty=Decimal(0), avg_fill_price=None, status=ChildStatus.CANCELED)
    unfilled = order.with_child(child).with_guard(protections=(), protected=None, position_entry="")
    rewritten(lab, unfilled.changed(status=Status.UNFILLED))
    if kind == "bracket":
        drop(lab, position_key(order))
    healed(lab, "unrecorded fill", settle=0 if kind == "order" else 3)
    assert lab.order("a").filled_qty == 100
    assert any("they are booked now" in each for each in alerts(lab))
    assert len(guards(lab)) == (kind == "bracket")


def test_what_is_placed_while_it_compares_is_not_held_against_older_lists(lab: Lab) -> None:
    """It is missing in them: one false answer about it would be believed, and its shares told as bare."""
    lab.control.position("TQQQ", 100, "40")
    cancel_protection(lab, hold(lab))
    lab.reconcile()
    lab.sleep(60)

    def restored() -> None:
        minutes(lab)
        lab.control.faults(READ | {"body": {"status": "canceled"}})

    whenever(lab, "store.holding", restored)
    lab.reconcile()
    held = lab.order("b")
    assert (held.guard.protected, held.guard.protections[-1].status) == (True, ProtectionStatus.LIVE)
    assert len(alerts(lab)) == 1, "that somebody had cancelled the first one"
    check_held(lab, free=100, strangers=True)


def _fills_of_others(lab: Lab, **fault: Any) -> None:
    """The journal's next page is full of what others have just filled."""
    at = lab.time.latest_now().isoformat()
    fill = {"activity_type": "FILL", "transaction_time": at, "symbol": "SPY", "qty": "1", "cum_qty": "1"}
    body = [fill | {"id": f"{number}", "order_id": f"00000000-0000-4000-8000-{number:012d}"} for number in range(100)]
    where = {"method": "GET", "path": "/v2/account/activities/FILL", "kind": "error", "status": 200}
    lab.control.faults(where | {"body": body} | fault)


def test_a_fill_behind_more_than_one_answer_holds_is_compared(lab: Lab) -> None:
    order = run(lab)
    child = order.children[-1].changed(filled_qty=Decimal(0), avg_fill_price=None, status=ChildStatus.CANCELED)
    rewritten(lab, order.with_child(child).changed(status=Status.UNFILLED))
    _fills_of_others(lab, count=1)
    lab.stall("broker.positions", lambda: _fills_of_others(lab, count=1), nth=2)
    assert whats(lab.reconcile(fix=False)) == ["unrecorded fill"]


def test_fills_without_end_take_ten_answers_and_no_more(lab: Lab) -> None:
    _fills_of_others(lab)
    marked = lab.mark()
    assert lab.reconcile(fix=False)["drift"] == 0
    asked = trading_calls(lab.control.journal(after=marked))
    assert len([each for each in asked if "activities" in each]) == 10
    lab.control.faults()
    lab.sleep(660)
    marked = lab.mark()
    assert lab.reconcile(fix=False)["drift"] == 0
    assert len(trading_calls(lab.control.journal(after=marked))) == 3
