"""The comparison of the whole book: silent where all is well, and every planted difference found, mended or told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from desk.report.truth import trading_calls
from repeg.budget.table import budget_key
from repeg.domain.counters import day_of
from repeg.domain.metrics.listed import Metric
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Reservation
from repeg.domain.reasons import Status
from repeg.domain.settings import Settings
from repeg.errors import BrokerUnavailable, ConfigurationError
from repeg.store.items import (
    Item,
    order_item,
    order_key,
    position_item,
    position_key,
    queue_item,
    queue_key,
    to_item,
    turn_key,
)
from repeg.store.limits import counters_key
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, check_held, guards, hold, minutes, side_by_side
from tests.support.scenes import alerts, by_hand, out_of_reach, run, send, submits
from tests.support.tables import all_items, dynamodb_client, put_items
from tests.support.watching import cancel_protection, moves, sell_by_hand


def book(lab: Lab) -> list[dict[str, Any]]:
    """The table, but for the requests that were spent."""
    return [item for item in all_items(lab.table) if not item["pk"]["S"].startswith("BUDGET")]


def whats(done: dict[str, Any]) -> list[str]:
    return sorted(finding["what"] for finding in done["findings"])


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


def healed(lab: Lab, *what: str, settle: int = 2) -> None:
    """A planted difference is found by who only reads, changes nothing for that, is mended, and then gone."""
    before = book(lab)
    assert whats(lab.reconcile(fix=False)) == [*what]
    assert book(lab) == before, "it only reads"
    done = lab.reconcile()
    assert (whats(done), done["mended"]) == ([*what], len(what))
    assert lab.meter.values(Metric.DRIFT)[-1] == len(what)
    for _ in range(settle):
        side_by_side(lab)
        lab.sleep(60)
        lab.reconcile()
    side_by_side(lab)
    assert lab.reconcile() == {"drift": 0, "mended": 0, "findings": []}


def told(lab: Lab, what: str, words: str) -> None:
    """A difference that nobody can mend is alerted, once, and stays."""
    done = lab.reconcile()
    assert whats(done) == [what]
    assert len([each for each in alerts(lab) if words in each]) == 1
    lab.reconcile()
    assert len([each for each in alerts(lab) if words in each]) == 1, "not again within a quarter of an hour"


def put(lab: Lab, key: Item, **values: str | int) -> None:
    put_items(lab.table, [key | to_item(values)])


def drop(lab: Lab, key: Item) -> None:
    dynamodb_client().delete_item(TableName=lab.table, Key={"pk": key["pk"], "sk": key["sk"]})


# --- positions ---


def test_protection_that_somebody_cancelled_is_put_back(lab: Lab) -> None:
    cancel_protection(lab, hold(lab))
    lab.reconcile()  # the cancel is booked, and alerted
    lab.sleep(60)
    healed(lab, "position without protection")
    check_held(lab)


def test_an_exit_that_nobody_recorded_is_booked(lab: Lab) -> None:
    hold(lab)
    moves(lab, "53.50")
    healed(lab, "unrecorded exit", settle=0)
    assert lab.order("b").exit_reason == "target"
    check_held(lab)


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


def rest(lab: Lab, client_order_id: str) -> str:
    """Somebody's order that waits far below the market, under this id; the broker's id."""
    waits = {"symbol": "TQQQ", "qty": 10, "side": "buy", "type": "limit", "limit_price": 40, "time_in_force": "day"}
    placed = by_hand(lab, "POST", "orders", waits | {"client_order_id": client_order_id})
    lab.sleep(0.5)
    return str(placed["id"])


def rewritten(lab: Lab, order: Order) -> None:
    """The record says something else from now on, whoever wrote that."""
    put_items(lab.table, [order_item(order)])


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


# --- who works on what ---


def test_an_order_that_nobody_works_on_is_taken_up(lab: Lab) -> None:
    send(lab)
    lab.revive()
    lab.sleep(60)
    healed(lab, "order without an execution", settle=1)
    assert lab.order("a").status is Status.FILLED
    lab.check()


def test_an_order_that_came_a_moment_ago_is_no_difference(lab: Lab) -> None:
    send(lab)
    lab.running.clear()
    assert lab.reconcile(fix=False)["drift"] == 0


def test_an_order_that_is_worked_is_no_difference(lab: Lab) -> None:
    """Looked at in the middle of its life, again and again: between the broker's answer and the record, too."""
    out_of_reach(lab)
    found: list[Any] = []
    for nth in range(1, 30):
        lab.stall("store.save", lambda: found.append(lab.reconcile(fix=False)["findings"]), nth=nth)
    send(lab, **BRACKET)
    lab.work()
    assert len(found) > 4
    assert not any(found)


def test_a_turn_whose_owner_is_not_there_is_released(lab: Lab) -> None:
    run(lab)
    put(lab, turn_key("TQQQ"), order_id=f"ord-{'0' * 20}")
    healed(lab, "turn without an owner", settle=0)
    assert run(lab, "next").status is Status.FILLED


def test_a_turn_that_an_order_kept_is_released(lab: Lab) -> None:
    put(lab, turn_key("TQQQ"), order_id=run(lab).order_id)
    healed(lab, "turn without an owner", settle=0)


@pytest.mark.parametrize("known", [True, False], ids=["over", "without a record"])
def test_a_place_in_line_whose_owner_is_gone_is_released(lab: Lab, known: bool) -> None:
    order = run(lab)
    stands = order if known else order.changed(order_id=f"ord-{'0' * 20}")
    put_items(lab.table, [queue_item(stands)])
    healed(lab, "place in line without an owner", settle=0)
    assert run(lab, "next").status is Status.FILLED


def test_an_order_that_lost_its_place_stands_in_line_again(lab: Lab) -> None:
    send(lab)
    drop(lab, queue_key(lab.order("a")))
    healed(lab, "order without a place in line", settle=0)
    lab.check()
    assert lab.order("a").status is Status.FILLED


def test_requests_that_nobody_will_draw_are_given_back(lab: Lab) -> None:
    order = run(lab)
    reserved = Reservation(second=int(lab.time.latest_now().timestamp()), left=2)
    rewritten(lab, order.with_child(order.children[-1].changed(reserved=reserved)))
    lab.sleep(60)
    healed(lab, "stale reservation", settle=0)


def test_a_count_of_requests_that_lost_its_way_is_set_right(lab: Lab) -> None:
    run(lab)
    dynamodb_client().update_item(
        TableName=lab.table,
        Key=budget_key("lab"),
        UpdateExpression="ADD #total :many",
        ExpressionAttributeNames={"#total": "total"},
        ExpressionAttributeValues={":many": {"N": "150"}},
    )
    healed(lab, "counter that differs", settle=0)


def test_counters_of_limits_are_held_against_the_records(lab: Lab) -> None:
    lab.settings = Settings(max_daily_orders=9, max_daily_notional=Decimal(90000))
    run(lab, "a")
    send(lab, "never", qty=10, symbol="NONE")
    lab.work()
    hold(lab, qty=10)
    assert lab.reconcile()["findings"] == []
    add = {"ExpressionAttributeNames": {"#orders": "orders"}, "ExpressionAttributeValues": {":more": {"N": "3"}}}
    key = counters_key(day_of(lab.time.latest_now()))
    dynamodb_client().update_item(TableName=lab.table, Key=key, UpdateExpression="ADD #orders :more", **add)
    healed(lab, "counter that differs", settle=0)


def test_an_entry_that_is_over_and_still_counts_is_given_back(lab: Lab) -> None:
    lab.settings = Settings(max_daily_orders=9)
    with monkeypatched(lab.orders, "settle_entry"):
        run(lab, "a")
    healed(lab, "stale reservation", settle=0)


@contextmanager
def monkeypatched(store: Any, method: str) -> Iterator[None]:
    """Nobody does this for a while."""
    setattr(store, method, lambda *_: None)
    try:
        yield
    finally:
        delattr(store, method)


# --- answers that lie or lag, and two at once ---


def test_two_at_once_mend_once(lab: Lab) -> None:
    cancel_protection(lab, hold(lab))
    lab.reconcile()
    lab.sleep(60)
    second: list[dict[str, Any]] = []
    stall = lab.stall("store.adopt", lambda: second.append(lab.reconcile()))
    lab.reconcile()
    assert stall.over and second
    side_by_side(lab)
    check_held(lab)
    assert len(guards(lab)) == 1


@pytest.mark.parametrize("path", ["orders", "positions", "account/activities/FILL"])
def test_one_empty_listing_proves_nothing(lab: Lab, path: str) -> None:
    hold(lab)
    before = book(lab)
    lab.control.faults({"method": "GET", "path": f"/v2/{path}", "kind": "error", "status": 200, "body": [], "count": 1})
    assert lab.reconcile()["drift"] == 0
    assert book(lab) == before


@pytest.mark.parametrize("path", ["orders", "positions"])
def test_a_listing_that_goes_on_lying_sells_and_forgets_nothing(lab: Lab, path: str) -> None:
    hold(lab)
    lab.control.faults({"method": "GET", "path": f"/v2/{path}", "kind": "error", "status": 200, "body": []})
    for _ in range(3):
        assert lab.reconcile()["drift"] > 0
        side_by_side(lab)
        lab.sleep(60)
    lab.control.faults()
    assert lab.order("b").unexited_qty == 100
    assert len(guards(lab)) == 1
    lab.reconcile()
    check_held(lab)


@pytest.mark.parametrize("path", ["orders", "positions", "account/activities/FILL"])
def test_a_side_that_cannot_be_read_is_no_difference(lab: Lab, path: str) -> None:
    hold(lab)
    before = book(lab)
    lab.control.faults({"method": "GET", "path": f"/v2/{path}", "kind": "error", "status": 503})
    with pytest.raises(BrokerUnavailable):
        lab.reconcile()
    assert book(lab) == before
    assert not lab.meter.values(Metric.DRIFT)


def test_positions_are_compared_and_mended_though_no_settings_can_be_read(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: Lab) -> Settings:
        raise ConfigurationError("settings cannot be read")

    cancel_protection(lab, hold(lab))
    monkeypatch.setattr(Lab, "settings", property(unreadable), raising=False)
    lab.reconcile()
    lab.sleep(60)
    lab.reconcile()
    lab.work()
    assert [guard.qty for guard in guards(lab)] == [Decimal(100)]
