"""Protection of what a bracket bought: one OCO, believed only when it was seen live, never doubled, never left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from repeg.domain.order.protection import ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.routes import Next
from repeg.steps.protect import protect
from repeg.worker.worker import Worker
from tests.support.brackets import CRWD, OCO, bracket, crwd, halt_on, levels, moves, ocos, position, unchecked
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import NEVER_ARRIVED, alerts, at, by_hand, journal, market_time, send, submits

LOOKUP = {"method": "GET", "path": "/v2/orders:by_client_order_id*"}
READ = {"method": "GET", "path": "/v2/orders/*", "order_class": "oco"}
THROTTLED = {"code": 42910000, "message": "too many requests."}
NOT_FOUND = {"code": 40410000, "message": "order not found"}
LACKING = {
    "code": 40310000,
    "message": "insufficient qty available for order (requested: 25, available: 0)",
    "existing_qty": "25",
    "available": "0",
}


def _protected(lab: Lab, order: Order, qty: int = 25) -> None:
    """One OCO at work for all shares, from the fill at 534.80."""
    assert order.guard.protected is True
    assert (levels(order), order.uncovered_qty) == (("529.45", "545.50"), 0)
    live = {e["order_id"] for e in ocos(lab, "new")} - {e["order_id"] for e in ocos(lab, "canceled")}
    assert len(live) == 1
    assert position(lab) == qty


def _unwound(lab: Lab, order: Order) -> None:
    assert (order.status, order.reason) == (Status.UNWOUND, Reason.PROTECTION_FAILED)
    assert (order.exit_reason, order.unexited_qty, order.guard.protected) == ("unwind", 0, False)
    assert position(lab) == 0
    assert alerts(lab)


def _times(lab: Lab, path: str, method: str = "GET") -> list[datetime]:
    found = [e for e in journal(lab, "request") if e["method"] == method and path in e["path"]]
    return [datetime.fromisoformat(e["at"][:26] + "+00:00") for e in found]


# --- live, and only then protected ---


def test_protection_is_one_good_till_cancelled_oco_at_the_levels_of_the_fill(lab: Lab) -> None:
    """Design 3.9: limit target + stop, whole shares, sized to the fill."""
    crwd(lab)
    order = bracket(lab)
    target, stop = [e for e in journal(lab, event="accepted") if e["order_class"] == "oco"]
    assert (target["limit_price"], stop["stop_price"]) == ("545.5", "529.45")
    assert {(e["qty"], e["side"], e["time_in_force"]) for e in (target, stop)} == {("25", "sell", "gtc")}
    assert target["client_order_id"] == f"{order.order_id}-{order.namespace}-p1"
    _protected(lab, order)


def test_an_order_is_protected_only_once_a_read_showed_both_legs(lab: Lab) -> None:
    """Design 3.9: `protected` is true only after a read by id shows it live."""
    crwd(lab)
    lab.control.faults(READ | {"kind": "error", "status": 503, "count": 4})
    send(lab, **CRWD)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:03"))
        assert ocos(lab, "new"), "at work at the exchange, but nobody could look"
        waiting = lab.order("a")
        assert (waiting.status, waiting.guard.protected) == (Status.WORKING, None)
        crowd.work()
    order = lab.order("a")
    assert order.status is Status.FILLED
    _protected(lab, order)
    lab.check()


def test_protection_that_nobody_can_see_for_long_is_told(lab: Lab) -> None:
    crwd(lab)
    lab.control.faults(READ | {"kind": "error", "status": 503, "count": 12})
    order = bracket(lab)
    _protected(lab, order)
    assert any("not seen live" in text for text in alerts(lab))


def test_a_halt_after_the_fill_holds_protection_up_and_is_told(lab: Lab) -> None:
    """The OCO is accepted, and works only when trading resumes."""
    crwd(lab)
    halt_on(lab, "fill", resume_after=300)
    send(lab, **CRWD)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:04"))
        assert lab.order("a").guard.protected is None
        assert any("not seen live" in text for text in alerts(lab))
        crowd.work()
    order = lab.order("a")
    assert order.status is Status.FILLED
    assert len(ocos(lab)) == 1
    _protected(lab, order)
    lab.check()


# --- refused for a moment ---


@pytest.mark.parametrize("lag", [500, 1500, 2900])
def test_a_position_that_lags_behind_its_fill_is_waited_for(lab: Lab, lag: int) -> None:
    """Design 3.9: "must be exit orders" right after a fill: re-read, 3 times, 1 s apart."""
    crwd(lab)
    lab.control.settings(position_lag_ms=lag)
    order = bracket(lab)
    assert order.status is Status.FILLED
    lab.sleep(lag / 1000)
    _protected(lab, order)
    tries = _times(lab, "/v2/orders", "POST")[1:]
    assert len(tries) <= 4
    assert all(1 <= (later - earlier).total_seconds() < 1.3 for earlier, later in pairwise(tries))


def test_shares_that_are_lacking_for_a_moment_are_waited_for(lab: Lab) -> None:
    crwd(lab)
    lab.control.faults(OCO | {"kind": "error", "status": 403, "body": LACKING, "count": 3})
    order = bracket(lab)
    assert order.status is Status.FILLED
    _protected(lab, order)


def test_shares_that_stay_lacking_leave_the_order_failed_and_told(lab: Lab) -> None:
    """The position is there, but the broker never lets it be protected: the operator must look."""
    crwd(lab)
    lab.control.faults(OCO | {"kind": "error", "status": 403, "body": LACKING})
    order = bracket(lab)
    assert (order.status, order.reason, order.guard.protected) == (Status.FAILED, Reason.PROTECTION_FAILED, False)
    assert any("without protection" in text for text in alerts(lab))
    assert position(lab) == 25


def test_shares_that_show_late_are_not_taken_for_sold(lab: Lab) -> None:
    """A position that lags for longer than the re-reads still is a position."""
    crwd(lab)
    lab.control.settings(position_lag_ms=8000)
    order = unchecked(lab)
    assert order.unexited_qty == 25
    lab.check()


def test_an_oco_that_is_rejected_after_it_was_accepted_is_sent_again(lab: Lab) -> None:
    crwd(lab)
    lab.control.faults(OCO | {"kind": "reject", "count": 2})
    order = bracket(lab)
    assert order.status is Status.FILLED
    assert [oco.status for oco in order.guard.protections] == [*[ProtectionStatus.REFUSED] * 2, ProtectionStatus.LIVE]
    _protected(lab, order)


@pytest.mark.parametrize("times", [1, 3])
def test_an_oco_refused_for_its_rate_is_sent_when_there_is_room(lab: Lab, times: int) -> None:
    crwd(lab)
    lab.control.faults(OCO | {"kind": "error", "status": 429, "body": THROTTLED, "count": times})
    order = bracket(lab)
    assert (order.status, len(order.guard.protections)) == (Status.FILLED, 1)
    assert len(submits(lab)) == 2 + times
    _protected(lab, order)


def test_keys_that_are_refused_are_told_and_protection_tried_until_they_work(lab: Lab) -> None:
    crwd(lab)
    lab.control.faults(OCO | {"kind": "error", "status": 401, "body": {"message": "unauthorized."}, "count": 6})
    order = bracket(lab)
    assert order.status is Status.FILLED
    assert sum("without protection" in text for text in alerts(lab)) == 1
    _protected(lab, order)


def test_an_oco_that_somebody_cancels_before_it_is_seen_is_placed_again(lab: Lab) -> None:
    crwd(lab)
    lab.control.faults(READ | {"kind": "error", "status": 503, "count": 2})
    send(lab, **CRWD)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:01"))
        by_hand(lab, "DELETE", f"orders/{ocos(lab)[0]['order_id']}")
        crowd.work()
    order = lab.order("a")
    assert order.status is Status.FILLED
    _protected(lab, order)
    lab.check()


# --- answers that were lost ---


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_after"},
        {"kind": "delay", "delay_ms": 2500},
        {"kind": "error", "status": 504, "stage": "answer"},
        {"kind": "error", "status": 500, "stage": "answer"},
        {"kind": "html", "status": 200, "body": "<html>oops</html>", "stage": "answer"},
        {"kind": "error", "status": 200, "body": {"id": 5}, "stage": "answer"},
        {
            "kind": "error",
            "status": 422,
            "body": {"code": 40010001, "message": "client_order_id must be unique"},
            "stage": "answer",
        },
    ],
    ids=["connection lost", "time-out", "504", "500", "html", "half an order", "id taken"],
)
def test_an_oco_whose_answer_was_lost_is_found_and_kept(lab: Lab, fault: dict[str, Any]) -> None:
    """Design 3.2, 3.3: ambiguous is not rejected."""
    crwd(lab)
    lab.control.faults(OCO | fault | {"count": 1})
    order = bracket(lab)
    assert (order.status, len(order.guard.protections), len(ocos(lab))) == (Status.FILLED, 1, 1)
    assert len(submits(lab)) == 2
    _protected(lab, order)


@pytest.mark.parametrize("fault", NEVER_ARRIVED.values(), ids=NEVER_ARRIVED.keys())
def test_an_oco_that_never_arrived_is_sent_once_more_with_the_same_id(lab: Lab, fault: dict[str, Any]) -> None:
    crwd(lab)
    lab.control.faults(OCO | fault | {"count": 1})
    order = bracket(lab)
    assert (order.status, len(order.guard.protections), len(ocos(lab))) == (Status.FILLED, 1, 1)
    sent = _times(lab, "/v2/orders", "POST")
    looks = [(look - sent[1]).total_seconds() for look in _times(lab, "by_client_order_id")]
    assert looks == pytest.approx([1, 3, 8], abs=0.4), "looked up at +1, +3 and +8 seconds"
    assert len(sent) == 3
    _protected(lab, order)


def test_look_ups_that_fail_are_repeated_and_nothing_is_sent_meanwhile(lab: Lab) -> None:
    crwd(lab)
    lab.control.faults(OCO | {"kind": "drop_after", "count": 1}, LOOKUP | {"kind": "error", "status": 503, "count": 5})
    order = bracket(lab)
    assert (order.status, len(ocos(lab)), len(submits(lab))) == (Status.FILLED, 1, 2)
    _protected(lab, order)


def test_an_oco_that_look_ups_do_not_show_is_not_doubled(lab: Lab) -> None:
    """Neither its id nor the list leads to it: the second send meets the first, its id is taken."""
    crwd(lab)
    lab.control.faults(
        OCO | {"kind": "drop_after", "count": 1},
        LOOKUP | {"kind": "error", "status": 404, "count": 3, "body": NOT_FOUND},
        {"method": "GET", "path": "/v2/orders", "kind": "error", "status": 200, "body": [], "count": 1},
    )
    order = bracket(lab)
    assert (order.status, len(ocos(lab)), len(submits(lab))) == (Status.FILLED, 1, 3)
    _protected(lab, order)


def test_protection_that_stays_unknown_is_told_and_placed_under_its_id_again(lab: Lab) -> None:
    crwd(lab)
    lab.control.faults(OCO | {"kind": "drop_before", "count": 2})
    order = bracket(lab)
    assert order.status is Status.FILLED
    assert [e["client_order_id"] for e in ocos(lab)] == [f"{order.order_id}-{order.namespace}-p1"]
    assert any("stays unknown" in text for text in alerts(lab))
    _protected(lab, order)


# --- hit before it was seen ---


def test_a_target_that_is_hit_before_it_was_seen_live_counts(lab: Lab) -> None:
    crwd(lab)
    moves(lab, "new", "545.60", "545.70", side="sell")
    order = bracket(lab)
    assert (order.status, order.exit_reason, order.exit_price) == (Status.FILLED, "target", Decimal("545.60"))
    assert (order.unexited_qty, len(ocos(lab))) == (0, 1)
    assert order.exit_at and at("10:00") < order.exit_at < at("10:00:01")
    assert position(lab) == 0


def test_a_stop_that_is_hit_before_it_was_seen_live_counts(lab: Lab) -> None:
    crwd(lab)
    moves(lab, "new", "529.40", "529.50", side="sell", after=0.06)
    order = bracket(lab)
    assert (order.status, order.exit_reason, order.exit_price) == (Status.FILLED, "stop", Decimal("529.40"))
    assert (order.unexited_qty, len(ocos(lab))) == (0, 1)
    assert position(lab) == 0


def test_a_target_that_took_a_part_before_it_was_seen_guards_the_rest(lab: Lab) -> None:
    crwd(lab)
    moves(lab, "new", "545.60", "545.70", side="sell", size=10)
    order = bracket(lab)
    assert (order.status, order.guard.protected) == (Status.FILLED, True)
    assert (order.unexited_qty, order.exit_price, len(ocos(lab))) == (15, Decimal("545.60"), 1)
    assert position(lab) == 15


# --- the step itself fails ---


def test_a_step_that_fails_for_a_while_protects_in_the_end(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Design 3: a Catch on every task leads to SecurePosition, which protects what is held."""
    calls: list[str] = []

    def breaks(worker: Worker, order: Order) -> Next:
        calls.append(order.order_id)
        if len(calls) <= 6:
            raise ValueError("a defect in ProtectPosition")
        return protect(worker, order)

    _replace_step(monkeypatch, breaks)
    crwd(lab)
    order = bracket(lab)
    assert order.status is Status.FILLED
    _protected(lab, order)


def _replace_step(patch: pytest.MonkeyPatch, step: Callable[..., Any]) -> None:
    """In the machine, and where a step goes on to protect at once."""
    for place in ("tests.support.lab.protect", "repeg.steps.protect.protect"):
        patch.setattr(place, step)


def _broken(*_: object) -> None:
    raise ValueError("a defect in ProtectPosition")


def test_a_step_that_keeps_failing_is_told_and_sells_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """That a step fails is no evidence about the price; the sweep tries on, and protects once it can."""
    with monkeypatch.context() as patch:
        _replace_step(patch, _broken)
        crwd(lab)
        order = bracket(lab)
        assert (order.status, order.reason) == (Status.FAILED, Reason.PROTECTION_FAILED)
        assert (order.unexited_qty, position(lab), order.unwind.order_id) == (25, 25, None)
        with Crowd(lab) as crowd:
            crowd.work(until=market_time("10:10"), sweep_every=60)
        assert position(lab) == 25
        assert len([text for text in alerts(lab) if "without protection" in text]) == 1
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:25"), sweep_every=60)
    _protected(lab, lab.order("a"))


def test_what_a_failing_step_leaves_bare_is_left_past_its_stop(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    _replace_step(monkeypatch, _broken)
    crwd(lab)
    moves(lab, "fill", "529.00", "529.05")
    _unwound(lab, bracket(lab))


# --- moved by somebody else ---


def _moved_by_hand(lab: Lab, which: int, body: dict[str, str], hit: tuple[str, str]) -> Order:
    """Somebody moves the target (0) or the stop (1); minutes later the market reaches it."""
    crwd(lab)
    bracket(lab)
    legs = [e for e in journal(lab, event="accepted") if e["order_class"] == "oco"]
    by_hand(lab, "PATCH", f"orders/{legs[which]['order_id']}", body)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:05"), sweep_every=60)
        order = lab.order("a")
        assert (order.guard.protected, len(order.guard.protections), alerts(lab)) == (True, 1, [])
        crwd(lab, *hit)
        crowd.work(until=market_time("10:08"), sweep_every=60)
    lab.check()
    return lab.order("a")


def test_a_stop_that_somebody_moves_stays_the_brackets_stop(lab: Lab) -> None:
    order = _moved_by_hand(lab, 1, {"stop_price": "531.00"}, ("530.90", "531.05"))
    assert (order.exit_reason, order.exit_price, order.unexited_qty) == ("stop", Decimal("530.90"), 0)


def test_a_target_that_somebody_moves_stays_the_brackets_target(lab: Lab) -> None:
    """Facts 1.4: the new order has another id; the old one stays `replaced`."""
    order = _moved_by_hand(lab, 0, {"limit_price": "546.00"}, ("546.10", "546.20"))
    assert (order.exit_reason, order.exit_price, order.unexited_qty) == ("target", Decimal("546.10"), 0)
