"""What was given up for never sent, and is worked off minutes later: found, folded or taken back, and reported."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.brokers.late import Queued
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, check_held, guards, shares
from tests.support.scenes import alerts, journal, market_time, send

ARRIVED = "arrived after it was given up"


def _looks(lab: Lab, since: int = 0) -> int:
    asked = [e for e in journal(lab, "request") if e["path"].startswith("/v2/orders:by_client_order_id")]
    return len([each for each in asked if each["seq"] > since])


def _given_up(lab: Lab, crowd: Crowd, **signal: Any) -> Queued:
    late = Queued(lab, crowd.pause, 5, 2)
    send(lab, "a", **signal)
    crowd.work(until=market_time("10:02"), sweep_every=60)
    assert lab.order("a").status.terminal
    assert shares(lab) == 0
    return late


@pytest.mark.parametrize("signal", [{"qty": 100}, BRACKET, SHORT], ids=["order", "bracket", "short"])
def test_an_entry_that_is_worked_off_after_it_was_given_up_is_found_and_guarded(
    lab: Lab, signal: dict[str, Any]
) -> None:
    with Crowd(lab) as crowd:
        late = _given_up(lab, crowd, **signal)
        assert late.arrive()[0] == 200
        crowd.work(until=market_time("10:08"), sweep_every=60)
        crowd.work()
    order = lab.order("a")
    assert (order.filled_qty, abs(shares(lab))) == (100, 100)
    assert len([text for text in alerts(lab) if ARRIVED in text]) == 1
    if "kind" in signal:
        assert order.guard.protected
        assert [guard.qty for guard in guards(lab)] == [100]
        check_held(lab)


def test_an_entry_that_rests_after_it_was_given_up_is_taken_back(lab: Lab) -> None:
    with Crowd(lab) as crowd:
        late = _given_up(lab, crowd, **BRACKET)
        lab.control.quote("TQQQ", "51.30", "51.33", 2000, 2000)
        assert late.arrive()[0] == 200
        crowd.work(until=market_time("10:08"), sweep_every=60)
    assert len(journal(lab, event="canceled")) == 1
    assert (lab.order("a").filled_qty, lab.order("a").children[0].status) == (0, "canceled")
    assert shares(lab) == 0
    lab.check()


def test_what_never_arrives_is_looked_for_twice_and_not_again(lab: Lab) -> None:
    with Crowd(lab) as crowd:
        _given_up(lab, crowd, **BRACKET)
        since = lab.mark()
        crowd.work(until=market_time("10:04"), sweep_every=60)
        assert _looks(lab, since) == 0
        crowd.work(until=market_time("10:08"), sweep_every=60)
        assert _looks(lab, since) == 1
        crowd.work(until=market_time("11:00"), sweep_every=60)
    assert _looks(lab, since) == 2
    assert not [text for text in alerts(lab) if ARRIVED in text]
    lab.check()


def test_an_oco_that_arrives_after_it_was_given_up_is_in_the_record(lab: Lab) -> None:
    """Its shares were protected under its id since: the broker refuses the late one, nothing is left to look for."""
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 5, 2, "oco")
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time("10:03"), sweep_every=60)
        assert lab.order("b").guard.protected
        since = lab.mark()
        assert 200 not in late.arrive()
        crowd.work(until=market_time("10:30"), sweep_every=60)
    assert _looks(lab, since) == 0
    assert [guard.qty for guard in guards(lab)] == [100]
    check_held(lab)


def test_an_entry_whose_second_send_was_refused_for_good_is_looked_for(lab: Lab) -> None:
    """The refusal says nothing of the first: worked off after that, its shares were in no record."""
    poor = {"code": 40310000, "message": "insufficient buying power"}
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, 5)
        send(lab, "a", **BRACKET)
        crowd.work(until=market_time("10:00:05"))
        lab.control.faults(
            {"method": "POST", "path": "/v2/orders", "kind": "error", "status": 403, "body": poor, "count": 1}
        )
        crowd.work(until=market_time("10:00:30"))
        assert (lab.order("a").status, lab.order("a").reason) == ("rejected", "insufficient_buying_power")
        assert late.arrive() == [200]
        crowd.work(until=market_time("10:06"), sweep_every=60)
    order = lab.order("a")
    assert (order.filled_qty, shares(lab), order.guard.protected) == (100, 100, True)
    assert [text for text in alerts(lab) if ARRIVED in text]
    check_held(lab)
