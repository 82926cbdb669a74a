"""Lost, late, odd and refused answers: an order is never sent twice, never lost, never taken for refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.reasons import Reason, Status
from tests.support.lab import Lab
from tests.support.scenes import (
    NEVER_ARRIVED,
    alerts,
    check_ours,
    done,
    journal,
    on_order,
    run,
    send,
    submits,
    whenever,
)

SUBMIT = {"method": "POST", "path": "/v2/orders"}
LOOKUP = {"method": "GET", "path": "/v2/orders:by_client_order_id*"}


def _one_order(lab: Lab) -> None:
    assert len(journal(lab, event="accepted")) == 1


def _lookup_times(lab: Lab) -> list[float]:
    requests = journal(lab, "request")
    first = next(e for e in requests if e["method"] == "POST")
    looked = [e for e in requests if "by_client_order_id" in e["path"]]
    return [round(_seconds(e) - _seconds(first), 1) for e in looked]


def _seconds(entry: dict[str, Any]) -> float:
    hours, minutes, seconds = entry["at"].split("T")[1].rstrip("Z").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_after"},
        {"kind": "error", "status": 504, "stage": "answer"},
        {"kind": "error", "status": 500, "stage": "answer"},
        {"kind": "html", "status": 200, "body": "<html>oops</html>", "stage": "answer"},
        {"kind": "error", "status": 200, "body": {"id": 5}, "stage": "answer"},
        {"kind": "error", "status": 200, "body": [], "stage": "answer"},
    ],
    ids=["connection lost", "504", "500", "html", "half an order", "a list"],
)
def test_an_order_whose_answer_was_lost_is_found_and_kept(lab: Lab, fault: dict[str, Any]) -> None:
    lab.control.faults(SUBMIT | fault | {"count": 1})
    order = done(lab)
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    _one_order(lab)
    assert len(submits(lab)) == 1
    assert _lookup_times(lab)[0] == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("fault", NEVER_ARRIVED.values(), ids=NEVER_ARRIVED.keys())
def test_an_order_that_never_arrived_is_sent_once_more_with_the_same_id(lab: Lab, fault: dict[str, Any]) -> None:
    lab.control.faults(SUBMIT | fault | {"count": 1})
    order = done(lab)
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    _one_order(lab)
    assert len(submits(lab)) == 2
    assert len(order.children) == 1
    assert _lookup_times(lab) == pytest.approx([1, 3, 8], abs=0.3), "looked up at +1, +3 and +8 seconds"


def test_the_second_send_is_the_last(lab: Lab) -> None:
    lab.control.faults(SUBMIT | {"kind": "drop_before"})
    order = run(lab)
    assert (order.status, order.reason) == (Status.FAILED, Reason.BROKER_UNAVAILABLE)
    assert order.filled_qty == 0
    assert len(submits(lab)) == 2
    assert alerts(lab), "the operator hears of it"
    assert lab.bus.events[-1][1]["status"] == "failed" or any("did not complete" in text for text in alerts(lab))
    lab.check()


def test_an_order_found_only_after_the_second_send_was_lost_too_is_secured(lab: Lab) -> None:
    """Nothing more is sent; what turns out to be live is cancelled or counted."""
    lab.control.faults(SUBMIT | {"kind": "drop_before", "count": 1}, SUBMIT | {"kind": "drop_after", "count": 1})
    order = done(lab)
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    _one_order(lab)


def test_look_ups_that_fail_are_repeated_and_nothing_is_sent_meanwhile(lab: Lab) -> None:
    lab.control.faults(
        SUBMIT | {"kind": "drop_after", "count": 1}, LOOKUP | {"kind": "error", "status": 503, "count": 6}
    )
    order = done(lab)
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    _one_order(lab)
    assert len(submits(lab)) == 1


def test_a_broker_that_answers_no_look_up_for_minutes_gets_no_second_order(lab: Lab) -> None:
    lab.control.faults(
        SUBMIT | {"kind": "drop_before", "count": 1}, LOOKUP | {"kind": "error", "status": 503, "count": 12}
    )
    order = done(lab)
    assert len(submits(lab)) == 2, "sent once more only after look-ups that were answered"
    _one_order(lab)
    assert order.status is Status.FILLED


def test_a_position_that_moved_forbids_the_second_send(lab: Lab) -> None:
    """Design 3.2: 404 every time *and the position unchanged*: send once more."""
    lab.control.faults(
        SUBMIT | {"kind": "drop_after", "count": 1},
        LOOKUP | {"kind": "error", "status": 404, "count": 3, "body": {"code": 40410000, "message": "order not found"}},
    )
    lab.control.settings(ack_ms=1500)
    order = run(lab)
    assert len(submits(lab)) == 1
    assert order.filled_qty == 100, "securing finds the order and its fill"
    _one_order(lab)
    lab.check()


def test_an_order_that_only_the_list_shows_is_not_sent_again(lab: Lab) -> None:
    on_order(lab, "new", "50.99", "51.02")
    gone = {"code": 40410000, "message": "order not found"}
    lab.control.faults(
        SUBMIT | {"kind": "drop_after", "count": 1}, LOOKUP | {"kind": "error", "status": 404, "count": 3, "body": gone}
    )
    order = run(lab)
    accepted = [entry["client_order_id"] for entry in journal(lab, event="accepted")]
    assert accepted[0] == order.children[0].client_order_id
    assert len(accepted) == len(set(accepted)) == len(order.sent), "found in the list, the ladder went on after it"
    assert not order.run.securing
    lab.check()


@pytest.mark.parametrize("times", [1, 3])
def test_an_order_refused_for_its_rate_is_sent_when_there_is_room(lab: Lab, times: int) -> None:
    throttle = {"code": 42910000, "message": "too many requests."}
    lab.control.faults(SUBMIT | {"kind": "error", "status": 429, "body": throttle, "count": times})
    order = done(lab)
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert len(submits(lab)) == times + 1
    assert len(order.children) == 1, "a refused send is no rung"
    _one_order(lab)


def test_an_id_that_is_taken_means_that_an_earlier_try_landed(lab: Lab) -> None:
    taken = {"code": 40010001, "message": "client_order_id must be unique"}
    lab.control.faults(SUBMIT | {"kind": "error", "status": 422, "body": taken, "stage": "answer", "count": 1})
    order = done(lab)
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    _one_order(lab)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (403, {"code": 40310000, "message": "insufficient buying power"}, Reason.INSUFFICIENT_BUYING_POWER),
        (403, {"code": 40310000, "message": "potential wash trade detected"}, Reason.WASH_TRADE),
        (422, {"code": 42210000, "message": "something new"}, Reason.BROKER_REJECTED),
    ],
)
def test_a_refusal_ends_the_order_with_the_brokers_words(
    lab: Lab, status: int, body: dict[str, Any], reason: Reason
) -> None:
    lab.control.faults(SUBMIT | {"kind": "error", "status": status, "body": body, "count": 1})
    order = done(lab)
    assert (order.status, order.reason) == (Status.REJECTED, reason)
    assert body["message"] in " ".join(event.detail for event in order.events)
    assert len(submits(lab)) == 1


def test_keys_that_the_broker_refuses_end_the_order_and_alarm(lab: Lab) -> None:
    lab.control.settings(key_id="somebody else")
    order = done(lab)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.MISCONFIGURED)
    assert alerts(lab)


def test_reads_that_fail_after_the_order_is_live_do_not_lose_it(lab: Lab) -> None:
    on_order(lab, "new", "50.99", "51.02")
    on_order(lab, "new", "50.95", "50.98", after=8)
    lab.control.faults({"method": "GET", "path": "/v2/orders/*", "kind": "error", "status": 503, "count": 5})
    order = done(lab)
    assert order.status is Status.FILLED
    assert order.filled_qty == 100


def test_a_broker_that_is_down_before_anything_was_sent_ends_the_order(lab: Lab) -> None:
    lab.control.faults({"method": "GET", "path": "/v2/stocks/*", "kind": "error", "status": 500})
    order = done(lab)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.BROKER_UNAVAILABLE)
    assert not submits(lab)


def test_a_broker_that_comes_back_within_seconds_costs_nothing(lab: Lab) -> None:
    lab.control.faults({"method": "GET", "path": "/v2/stocks/*", "kind": "error", "status": 500, "count": 3})
    assert done(lab).status is Status.FILLED


def test_a_second_send_gets_the_patience_of_its_rung(lab: Lab) -> None:
    """Design 1: a rung is how to price and how long to be patient; a child order that just arrived has all of it."""
    lab.control.faults(SUBMIT | {"kind": "drop_before", "count": 1})
    on_order(lab, "new", "50.99", "51.02")
    order = done(lab)
    live = journal(lab, event="new")[0]
    asked = journal(lab, event="pending_cancel")[0]
    assert _seconds(asked) - _seconds(live) >= 2.3
    assert order.status.terminal


def test_an_execution_that_was_replaced_sends_nothing(lab: Lab) -> None:
    """Fencing: between its read and its write another execution took over; the stale one must not send."""
    send(lab)

    def take_over() -> None:
        owned = lab.order("a")
        lab.orders.adopt(owned, lab.arn(owned.order_id, 2))

    whenever(lab, "store.save", take_over)
    lab.work()
    assert not submits(lab), "the stale execution stopped before it sent"
    assert lab.order("a").run.executions == 2
    lab.sweep()
    lab.work()
    order = lab.order("a")
    assert (order.status, order.filled_qty) == (Status.FILLED, Decimal(100))
    check_ours(lab)
