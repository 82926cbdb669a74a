"""OCOs that a broker works off behind the try that took their place: own shares beside a bracket stay free."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.brokers.late import Queued
from tests.support.brokers.liar import Liar, saying
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, check_held, guards, shares
from tests.support.scenes import by_hand, market_time, send

LOOKUP = {"method": "GET", "path": "/v2/orders:by_client_order_id*", "kind": "error", "status": 404}
UNKNOWN = LOOKUP | {"body": {"code": 40410000, "message": "order not found"}}
LIST = {"method": "GET", "path": "/v2/orders", "kind": "error", "status": 200, "body": []}
OCO = {"method": "POST", "path": "/v2/orders", "order_class": "oco", "kind": "error"}
BUY = {"symbol": "TQQQ", "side": "buy", "type": "market", "qty": "200", "time_in_force": "day"}
OFF_ITS_WAY = "10:00:30"
"""Four seconds before two sends of an OCO are given up, and the next try is made at once."""


@pytest.mark.parametrize(("signal", "side"), [(BRACKET, 1), (SHORT, -1)], ids=["long", "short"])
def test_an_oco_that_arrives_behind_its_successor_holds_no_shares_of_somebody_else(
    lab: Lab, signal: dict[str, Any], side: int
) -> None:
    lab.control.position("TQQQ", 200 * side, "40")
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 5, 2, "oco")
        send(lab, "b", **signal)
        crowd.work(until=market_time("10:01"))
        assert lab.order("b").guard.protected
        assert late.arrive() == [422, 422], "its id is taken by the one that guards"
        assert [guard.qty for guard in guards(lab)] == [100]
        crowd.work(until=market_time("10:02"), sweep_every=60)
    assert shares(lab) == 300 * side
    check_held(lab, free=200 * side)


def test_an_oco_that_arrived_unseen_is_the_one_that_guards_when_its_successor_is_refused_as_a_duplicate(
    lab: Lab,
) -> None:
    lab.control.position("TQQQ", 200, "40")
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 5, 2, "oco")
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time(OFF_ITS_WAY))
        lab.control.faults(UNKNOWN, LIST)
        assert late.arrive() == [200, 422]
        crowd.work(until=market_time("10:00:34.5"))
        lab.control.faults()
        crowd.work(until=market_time("10:02"), sweep_every=60)
    assert [guard.qty for guard in guards(lab)] == [100]
    assert lab.order("b").guard.ocos == 1
    check_held(lab, free=200)


def test_one_that_arrived_unseen_over_other_shares_is_taken_down_and_replaced_under_a_new_id(lab: Lab) -> None:
    """A part was sold since: as it is, it would sell shares of somebody else with the bracket's."""
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 5, 2, "oco")
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time(OFF_ITS_WAY))
        send(lab, "c", kind="close", qty=40)
        lab.control.faults(UNKNOWN, LIST, OCO | {"status": 503, "body": {"message": "upstream"}})
        crowd.work(until=market_time("10:00:40"))
        by_hand(lab, "POST", "orders", BUY)
        crowd.work(until=market_time("10:00:41"))
        lab.control.faults(UNKNOWN, LIST)
        assert late.arrive() == [200, 422], "over the hundred shares of before"
        crowd.work(until=market_time("10:00:43"))
        lab.control.faults()
        crowd.work(until=market_time("10:02"), sweep_every=60)
    bracket = lab.order("b")
    assert (bracket.unexited_qty, bracket.guard.ocos) == (60, 2)
    assert [guard.qty for guard in guards(lab)] == [60]
    check_held(lab, free=200, strangers=True)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {"message": "too many requests."}),
        (401, {"message": "unauthorized."}),
        (403, {"code": 40310000, "message": "insufficient qty available for order", "existing_qty": "300"}),
    ],
    ids=["throttled", "keys", "shares"],
)
def test_a_try_that_is_not_taken_leaves_the_oco_that_was_given_up_before_it_known(
    lab: Lab, status: int, body: dict[str, Any]
) -> None:
    """Forgotten with it, the first one would rest beside one of another id."""
    lab.control.position("TQQQ", 200, "40")
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 5, 2, "oco")
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time(OFF_ITS_WAY))
        lab.control.faults(OCO | {"status": status, "body": body, "count": 1})
        crowd.work(until=market_time("10:01:30"), sweep_every=60)
        assert lab.order("b").guard.protected
        assert late.arrive() == [422, 422]
        crowd.work(until=market_time("10:02"), sweep_every=60)
    assert [guard.qty for guard in guards(lab)] == [100]
    check_held(lab, free=200)


def test_an_id_that_the_broker_calls_taken_and_shows_nowhere_does_not_leave_shares_bare(lab: Lab) -> None:
    taken = {"code": 40010001, "message": "client_order_id must be unique"}
    lab.control.faults(OCO | {"status": 422, "body": taken, "count": 2})
    with Crowd(lab) as crowd:
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time("10:03"), sweep_every=60)
    assert (lab.order("b").guard.protected, lab.order("b").guard.ocos) == (True, 2)
    check_held(lab)


@pytest.mark.parametrize("other", [{"symbol": "SQQQ"}, {"side": "buy"}], ids=["symbol", "side"])
def test_an_answer_about_another_symbol_or_side_says_nothing_of_an_oco(lab: Lab, other: dict[str, str]) -> None:
    """Told twice in a row, its exits would be booked for shares that are still held."""
    over = {"status": "filled", "filled_qty": "100", "filled_avg_price": "53.48", "filled_at": "2026-11-20T15:00:00Z"}
    with Crowd(lab) as crowd:
        send(lab, "b", **BRACKET)
        lies = [Liar(lab, "GET", "/orders/", saying(**over, **other), nth=nth) for nth in (2, 3)]
        crowd.work(until=market_time("10:02"), sweep_every=60)
    assert all(liar.told for liar in lies)
    assert lab.order("b").unexited_qty == 100
    check_held(lab)
