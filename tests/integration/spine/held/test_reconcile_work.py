"""The comparison of the whole book: who works on what, answers that lie or lag, and two comparisons at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from repeg.budget.table import budget_key
from repeg.domain.counters import day_of
from repeg.domain.metrics.listed import Metric
from repeg.domain.order.reservation import Reservation
from repeg.domain.reasons import Status
from repeg.domain.settings import Settings
from repeg.errors import BrokerUnavailable, ConfigurationError
from repeg.store.items import (
    queue_item,
    queue_key,
    turn_key,
)
from repeg.store.limits import counters_key
from tests.support.comparing import book, drop, healed, put, rewritten
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, check_held, guards, hold, side_by_side
from tests.support.scenes import out_of_reach, run, send
from tests.support.stand_ins.tables import dynamodb_client, put_items
from tests.support.watching import cancel_protection

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
