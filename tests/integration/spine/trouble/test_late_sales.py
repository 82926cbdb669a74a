"""Exits that a broker works off behind the try that took their place: shares that nothing holds leave once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.reasons import Status
from tests.support.brokers.late import Queued
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, check_held, hold, shares
from tests.support.scenes import alerts, ends_early, journal, market_time, on_order, send, submits, whenever

BEHIND = "10:00:50"
"""By then two sends were given up, and what was tried in their place is filled."""
SUBMIT = {"method": "POST", "path": "/v2/orders"}
LOOKUP = {"method": "GET", "path": "/v2/orders:by_client_order_id*", "kind": "error", "status": 404}
UNKNOWN = LOOKUP | {"body": {"code": 40410000, "message": "order not found"}}
LIST = {"method": "GET", "path": "/v2/orders", "kind": "error", "status": 200, "body": []}


def _sold(lab: Lab, side: str = "sell") -> Decimal:
    return sum((Decimal(each["qty"]) for each in journal(lab, "fill") if each["side"] == side), Decimal(0))


@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
def test_a_close_of_own_shares_is_not_traded_twice_by_a_sale_that_arrives_behind_its_successor(
    lab: Lab, side: int
) -> None:
    lab.control.position("TQQQ", 200 * side, "40")
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 5, 2)
        send(lab, "c", kind="close", qty=60)
        crowd.work(until=market_time(BEHIND))
        assert shares(lab) == 140 * side
        assert late.arrive() == [422, 422], "its id is taken by the try that was filled"
        crowd.work(until=market_time("10:04:30"), sweep_every=60)
    close = lab.order("c")
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 60, 140 * side)
    lab.check()


def test_an_unwind_beside_own_shares_does_not_sell_them_by_a_sale_that_arrives_late(lab: Lab) -> None:
    lab.control.position("TQQQ", 200, "40")
    with Crowd(lab) as crowd:
        late: list[Queued] = []
        whenever(lab, "broker.submit", lambda: late.append(Queued(lab, crowd.pause, 5, 2)), nth=2)
        on_order(lab, "fill", "49.50", "49.53")
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time(BEHIND))
        assert shares(lab) == 200
        assert late[0].arrive() == [422, 422]
        crowd.work(until=market_time("10:04:30"), sweep_every=60)
    assert (lab.order("b").status, shares(lab), _sold(lab)) == (Status.UNWOUND, 200, 100)
    check_held(lab, free=200)


def test_a_plain_sell_whose_second_send_is_refused_is_not_sold_twice(lab: Lab) -> None:
    """The broker, behind the times, refuses the second send for its shares: sized anew, it keeps its id."""
    lab.control.position("TQQQ", 200, "40")
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 5, 1)
        send(lab, "a", side="sell", qty=60)
        crowd.work(until=market_time("10:00:05"))
        lacks = {"code": 40310000, "message": "insufficient qty available for order", "existing_qty": "200"}
        lab.control.faults(
            {"method": "POST", "path": "/v2/orders", "kind": "error", "status": 403, "body": lacks, "count": 1}
        )
        crowd.work(until=market_time(BEHIND))
        assert shares(lab) == 140
        assert late.arrive() == [422]
        crowd.work(until=market_time("10:04:30"), sweep_every=60)
    assert (lab.order("a").status, lab.order("a").filled_qty, shares(lab)) == (Status.FILLED, 60, 140)
    lab.check()


@pytest.mark.parametrize("moved", [False, True], ids=["same price", "other price"])
def test_a_sale_that_arrived_unseen_is_taken_for_the_exit_when_its_successor_is_refused_as_a_duplicate(
    lab: Lab, moved: bool
) -> None:
    """No look shows it, and the position lags: the broker's word that the id is taken is all there is."""
    lab.control.position("TQQQ", 200, "40")
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 5, 2)
        send(lab, "c", kind="close", qty=60)
        crowd.work(until=market_time("10:00:30"))
        lab.control.faults(UNKNOWN, LIST)
        lab.control.quote("TQQQ", "49.00", "49.03", 2000, 2000)
        assert late.arrive() == [200, 422], "far above the market: it rests"
        if not moved:
            lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        crowd.work(until=market_time("10:00:38"))
        assert len(submits(lab)) == 3, "its successor was refused, and is looked for"
        lab.control.faults()
        crowd.work(until=market_time("10:04:30"), sweep_every=60)
    close = lab.order("c")
    assert (close.status, close.filled_qty, shares(lab), _sold(lab)) == (Status.FILLED, 60, 140, 60)
    lab.check()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {"message": "too many requests."}),
        (401, {"message": "unauthorized."}),
        (403, {"code": 40310000, "message": "insufficient qty available for order", "existing_qty": "200"}),
        (503, {"message": "upstream"}),
    ],
    ids=["throttled", "keys", "shares", "503"],
)
def test_a_try_that_is_not_taken_leaves_what_was_given_up_before_it_known(
    lab: Lab, status: int, body: dict[str, Any]
) -> None:
    """Forgotten with it, the first one, worked off now, would be sold again under an id of its own."""
    lab.control.position("TQQQ", 200, "40")
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 5, 2)
        send(lab, "c", kind="close", qty=60)
        crowd.work(until=market_time("10:00:30"))
        lab.control.faults(SUBMIT | {"kind": "error", "status": status, "body": body, "count": 1})
        crowd.work(until=market_time("10:00:35.5"))
        assert len(submits(lab)) == 1, "the try in its place"
        assert late.arrive() == [200, 422]
        lab.control.quote("TQQQ", "50.90", "50.93", 2000, 2000)
        lab.control.faults(UNKNOWN, LIST)
        crowd.work(until=market_time("10:00:37.5"))
        lab.control.faults()
        crowd.work(until=market_time("10:01:30"))
    assert (lab.order("c").filled_qty, shares(lab), _sold(lab)) == (60, 140, 60)


def test_an_id_that_the_broker_calls_taken_and_shows_nowhere_does_not_keep_an_exit_in(lab: Lab) -> None:
    hold(lab)
    taken = {"code": 40010001, "message": "client_order_id must be unique"}
    lab.control.faults(
        {
            "method": "POST",
            "path": "/v2/orders",
            "order_class": "simple",
            "kind": "error",
            "status": 422,
            "body": taken,
            "count": 2,
        }
    )
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close")
        crowd.work(until=market_time("10:02"), sweep_every=60)
    assert (lab.order("c").status, shares(lab), _sold(lab)) == (Status.FILLED, 0, 100)
    assert [text for text in alerts(lab) if "never arrived" in text]
    check_held(lab)


def test_an_exit_that_is_tried_for_long_is_tried_ever_more_seldom_under_one_id(lab: Lab) -> None:
    hold(lab, **SHORT)
    sale = {"method": "POST", "path": "/v2/orders", "order_class": "simple"}
    lab.control.faults(sale | {"kind": "drop_before"})
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close")
        crowd.work(until=market_time("10:12"), sweep_every=120)
        close = lab.order("c")
        assert len(close.children) == 1
        assert len(close.children[0].tries) < 12
        lab.control.faults()
        crowd.work(until=market_time("10:20"), sweep_every=120)
    assert (lab.order("c").status, shares(lab)) == (Status.FILLED, 0)
    check_held(lab)


@pytest.mark.parametrize("kept", ["close", "unwind"])
def test_a_late_sale_of_bare_shares_after_its_exit_is_over_is_booked_on_their_bracket(lab: Lab, kept: str) -> None:
    """No OCO is taken that would hold them: they leave minutes after the exit ended."""
    late: list[Queued] = []
    if kept == "close":
        hold(lab)
        late.append(Queued(lab, lab.sleep, 1, 2))
        send(lab, "c", kind="close")
    else:
        whenever(lab, "broker.submit", lambda: late.append(Queued(lab, lab.sleep, 1, 2)), nth=2)
        on_order(lab, "fill", "49.50", "49.53")
        send(lab, "b", **BRACKET)
    lab.control.faults(SUBMIT | {"order_class": "oco", "kind": "error", "status": 422, "body": {"code": 42210000}})
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:01"))
        ends_early(lab, 25)
        crowd.work(until=market_time("10:02"), sweep_every=60)
        assert all(each.status.terminal for each in lab.orders.newest() if each.kind == kept)
        assert (shares(lab), lab.order("b").unexited_qty) == (100, 100)
        assert late[0].arrive() == [200, 422]
        crowd.work(until=market_time("10:05:30"), sweep_every=60)
    bracket = lab.order("b")
    assert (shares(lab), bracket.unexited_qty, bracket.exit_reason) == (0, 0, kept)
    assert not bracket.care.frozen
    assert len([text for text in alerts(lab) if "arrived after it was given up" in text]) == 1
