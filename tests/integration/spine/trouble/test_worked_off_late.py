"""An order whose sender got no answer, and that the broker works off later: it is found when it arrives."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from repeg.domain.reasons import Status
from tests.support.brokers.late import Queued
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, check_held, hold, minutes, shares
from tests.support.scenes import alerts, at, market_time, send


@pytest.mark.parametrize("signal", [{"qty": 100}, BRACKET, SHORT], ids=["order", "bracket", "short"])
@pytest.mark.parametrize(("timeout", "arrives"), [(5, 14), (5, 20), (5, 70), (20, 37), (50, 65)])
def test_an_entry_that_the_broker_works_off_late_is_left_by_the_close_that_waits_for_it(
    lab: Lab, signal: dict[str, Any], timeout: int, arrives: int
) -> None:
    """Its worker came back, but that says nothing of the broker: concluded too soon, 100 shares were in no record."""
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, timeout)
        send(lab, "a", **signal)
        crowd.work(until=market_time(f"10:00:{timeout}.5" if timeout > 9 else f"10:00:0{timeout}.5"))
        send(lab, "c", kind="close")
        crowd.work(until=(at("10:00") + timedelta(seconds=arrives)).isoformat())
        assert late.arrive() == [200]
        crowd.work(until=market_time("10:04"), sweep_every=60)
        crowd.work()
    assert lab.order("a").filled_qty == 100
    assert (lab.order("c").status, lab.order("c").filled_qty) == (Status.FILLED, 100)
    assert shares(lab) == 0
    assert len([text for text in alerts(lab) if "may still arrive" in text]) <= 1
    lab.check()


@pytest.mark.parametrize("signal", [BRACKET, SHORT], ids=["long", "short"])
def test_shares_do_not_wait_bare_for_a_minute_for_an_exit_that_a_broker_in_trouble_never_took(
    lab: Lab, signal: dict[str, Any]
) -> None:
    hold(lab, **signal)
    lab.control.faults(
        {"kind": "error", "status": 503, "method": "POST", "path": "/v2/orders", "order_class": "simple"}
    )
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close")
        crowd.work(until=market_time("10:00:40"))
    assert lab.order("b").guard.protected
    assert abs(shares(lab)) == 100
    assert [text for text in alerts(lab) if "check the account by hand" in text]


@pytest.mark.parametrize("signal", [BRACKET, SHORT], ids=["long", "short"])
@pytest.mark.parametrize(
    ("count", "timeout", "arrives"), [(1, 5, 20), (2, 5, 32), (2, 20, 70), (2, 20, 90), (9, 5, 150)]
)
@pytest.mark.parametrize("close", [None, {}, {"qty": 40}], ids=["held", "closed", "closed in part"])
def test_an_oco_that_the_broker_works_off_late_guards_or_is_refused(
    lab: Lab, signal: dict[str, Any], count: int, timeout: int, arrives: int, close: dict[str, Any] | None
) -> None:
    with Crowd(lab) as crowd:
        late = Queued(lab, crowd.pause, timeout, count, "oco")
        send(lab, "b", **signal)
        crowd.work(until=market_time("10:00:22"))
        if close is not None:
            send(lab, "c", kind="close", **close)
        crowd.work(until=(at("10:00") + timedelta(seconds=arrives)).isoformat(), sweep_every=60)
        late.arrive()
        crowd.work(until=market_time("10:06"), sweep_every=60)
        crowd.work()
    minutes(lab, 3)
    left = 100 if close is None else 100 - close.get("qty", 100)
    assert abs(shares(lab)) == left
    assert bool(lab.order("b").guard.protected) is (left > 0)
    check_held(lab)
