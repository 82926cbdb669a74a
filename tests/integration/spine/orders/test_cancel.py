"""A cancel is a request: fills win races, stuck cancels lock the symbol, others may cancel or reject."""

from __future__ import annotations

from datetime import timedelta

import pytest

from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import (
    alerts,
    by_hand,
    check_ours,
    done,
    journal,
    market_time,
    on_order,
    out_of_reach,
    run,
    send,
    submits,
)

CANCEL = {"method": "DELETE", "path": "/v2/orders/*"}


def test_a_fill_that_wins_against_the_cancel_is_kept(lab: Lab) -> None:
    on_order(lab, "new", "50.99", "51.02")
    on_order(lab, "pending_cancel", "50.95", "50.98", after=0.02)
    order = done(lab)
    assert (order.status, order.filled_qty, len(order.children)) == (Status.FILLED, 100, 1)
    assert len(submits(lab)) == 1


def test_a_part_that_fills_during_the_cancel_leaves_only_the_rest_to_the_next_rung(lab: Lab) -> None:
    on_order(lab, "new", "50.99", "51.02")
    on_order(lab, "pending_cancel", "50.95", "50.98", after=0.02, size=30)
    on_order(lab, "canceled", "50.95", "50.98", after=0.01)
    order = done(lab)
    assert order.status is Status.FILLED
    assert order.children[0].filled_qty == 30
    assert order.children[1].qty == 70


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "error", "status": 500},
        {"kind": "error", "status": 504, "stage": "answer"},
        {"kind": "html", "status": 502},
        {"kind": "error", "status": 429, "body": {"code": 42910000, "message": "too many requests."}},
    ],
    ids=["lost before", "lost after", "500", "504 after effect", "html", "throttled"],
)
def test_an_unclear_cancel_is_asked_for_again_until_the_order_is_over(lab: Lab, fault: dict[str, object]) -> None:
    on_order(lab, "new", "50.99", "51.02")
    lab.control.faults(CANCEL | fault | {"count": 2})
    order = done(lab)
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    first, second = order.children[:2]
    assert first.closed_at and first.closed_at <= second.sent_at


def test_reads_that_fail_during_a_cancel_hold_the_next_rung_back(lab: Lab) -> None:
    on_order(lab, "new", "50.99", "51.02")
    on_order(lab, "canceled", "50.95", "50.98")
    lab.control.faults({"method": "GET", "path": "/v2/orders/*", "kind": "error", "status": 503, "count": 6})
    order = done(lab)
    assert order.status is Status.FILLED
    accepted = journal(lab, event="accepted")
    cancelled = journal(lab, event="canceled")
    assert cancelled[0]["seq"] < accepted[1]["seq"]


def _stuck(lab: Lab, **signal: object) -> None:
    out_of_reach(lab, rungs=1)
    lab.control.faults(CANCEL | {"kind": "stuck_cancel"})
    send(lab, **signal)


def test_a_stuck_cancel_alarms_after_thirty_seconds_and_keeps_the_symbol_locked(lab: Lab) -> None:
    """Design 3.1: stuck in pending_cancel for 30 s: nothing more on the entry side, alarm, the symbol stays locked."""
    _stuck(lab)
    lab.sleep(1)
    send(lab, "next")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:25"))
        assert not alerts(lab)
        crowd.work(until=market_time("10:02"), sweep_every=60)
        stuck = lab.order("a")
        assert len(alerts(lab)) == 1 and "cancel not confirmed" in alerts(lab)[0]
        assert (stuck.status, stuck.reason) == (Status.WORKING, Reason.CANCEL_STUCK)
        assert lab.order("next").status is Status.WAITING
        assert len(submits(lab)) == 1
        check_ours(lab, all_over=False)
        lab.control.faults()
        crowd.work()
    stuck, following = lab.order("a"), lab.order("next")
    assert (stuck.status, stuck.reason) == (Status.UNFILLED, Reason.CANCEL_STUCK)
    assert len(stuck.children) == 1
    assert following.status is Status.FILLED
    lab.check()


def test_the_alarm_of_a_stuck_cancel_comes_at_thirty_seconds(lab: Lab) -> None:
    _stuck(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:02"))
        stuck = lab.order("a")
        alarmed = next(event.at for event in stuck.events if "not confirmed" in event.detail)
        asked = stuck.children[0].cancel_requested_at
        assert asked and timedelta(seconds=30) <= alarmed - asked <= timedelta(seconds=33)
        lab.control.faults()
        crowd.work()
    lab.check()


def test_a_stuck_cancel_that_fills_after_all_fills_the_order(lab: Lab) -> None:
    _stuck(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:01"))
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        crowd.work()
    order = lab.order("a")
    assert (order.status, order.reason, order.filled_qty) == (Status.FILLED, None, 100)
    lab.check()


def test_a_stuck_cancel_whose_execution_is_stopped_is_taken_up_again(lab: Lab) -> None:
    _stuck(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:10"))
        crowd.stop(crowd.names()[0])
        assert lab.sweep()["started"] == 1
        crowd.work(until=market_time("10:00:15"))
        assert lab.order("a").run.executions == 2
        lab.control.faults()
        crowd.work()
    order = lab.order("a")
    assert order.status is Status.FILLED
    assert len(journal(lab, event="pending_cancel")) == len([c for c in order.children if c.cancel_requested_at])
    lab.check()


def test_an_order_rejected_after_it_was_accepted_ends_refused(lab: Lab) -> None:
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "reject", "count": 1})
    order = done(lab)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.BROKER_REJECTED)
    assert len(submits(lab)) == 1


def test_a_re_peg_rejected_after_it_was_accepted_ends_unfilled(lab: Lab) -> None:
    on_order(lab, "new", "50.99", "51.02")
    send(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:01"))
        lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "reject", "count": 1})
        crowd.work()
    order = lab.order("a")
    assert (order.status, order.reason) == (Status.UNFILLED, Reason.BROKER_REJECTED)
    assert [child.status.value for child in order.children] == ["canceled", "rejected"]
    lab.check()


@pytest.mark.parametrize("ladder", ["better_orders", "standard"])
def test_somebody_elses_cancel_ends_the_order(lab: Lab, ladder: str) -> None:
    """Whoever cancels by hand does not want the order to come back on the next rung."""
    on_order(lab, "new", "50.99", "51.02")
    send(lab, ladder=ladder)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:01"))
        _cancel_by_hand(lab)
        crowd.work()
    order = lab.order("a")
    assert (order.status, order.reason, len(order.children)) == (Status.UNFILLED, Reason.CANCELLED_OUTSIDE, 1)
    assert "outside" in " ".join(event.detail for event in order.events)
    lab.check()


@pytest.mark.parametrize(("price", "status"), [("50.90", Status.UNFILLED), ("51.05", Status.FILLED)])
def test_a_child_order_that_somebody_replaced_is_followed_and_never_doubled(
    lab: Lab, price: str, status: Status
) -> None:
    """Design 3.4: the successor is live at the broker, so no rung may be sent beside it."""
    on_order(lab, "new", "50.99", "51.02")
    send(lab, ladder="better_orders")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:01"))
        child = lab.order("a").children[0]
        by_hand(lab, "PATCH", f"orders/{child.broker_order_id}", {"limit_price": price})
        crowd.work()
    order = lab.order("a")
    assert (order.status, len(order.children)) == (status, 1)
    assert order.children[0].broker_order_id != child.broker_order_id
    assert any("replaced" in alert for alert in alerts(lab))
    live = {entry["order_id"] for entry in journal(lab) if entry["event"] == "new"}
    over = {entry["order_id"] for entry in journal(lab) if entry["event"] in ("filled", "canceled", "replaced")}
    assert live == over, "nothing stays live at the exchange"
    assert sum(float(entry["qty"]) for entry in journal(lab, "fill")) == float(order.filled_qty)


def test_what_filled_before_somebody_elses_cancel_is_kept(lab: Lab) -> None:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30)
    on_order(lab, "fill", "50.99", "51.02")
    send(lab, ladder="better_orders")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:01"))
        _cancel_by_hand(lab)
        crowd.work()
    order = lab.order("a")
    assert (order.status, order.reason) == (Status.PARTIALLY_FILLED, Reason.CANCELLED_OUTSIDE)
    assert order.filled_qty == 30
    lab.check()


def _cancel_by_hand(lab: Lab) -> None:
    live = lab.order("a").open_child
    assert live and live.broker_order_id
    by_hand(lab, "DELETE", f"orders/{live.broker_order_id}")


def test_a_step_that_keeps_failing_secures_the_order(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Design 3: a Catch on every task leads to SecurePosition: cancel what is live, then failed and alarmed."""
    out_of_reach(lab, rungs=1)

    def broken(*_: object) -> None:
        raise ValueError("a defect in CheckFill")

    lab.control.settings(cancel_ms=200)
    monkeypatch.setattr("tests.support.lab.cancel", broken)
    order = run(lab)
    assert (order.status, order.reason, order.filled_qty) == (Status.FAILED, Reason.INTERNAL_ERROR, 0)
    assert len(journal(lab, event="canceled")) == 1
    assert any("a step keeps failing" in text and "cancelled" in text for text in alerts(lab))
    assert any("did not complete" in text for text in alerts(lab))
    lab.check()


def test_securing_keeps_what_filled(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 40, frozen=True)

    def broken(*_: object) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr("tests.support.lab.cancel", broken)
    order = run(lab)
    assert (order.status, order.filled_qty) == (Status.FAILED, 40)
    lab.check()
