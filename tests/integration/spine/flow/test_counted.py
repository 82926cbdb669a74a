"""Entries are counted as they are sent, whoever dies between the save of an intent, its count and its send."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from repeg.domain.counters import Counters, day_of, reckoned
from repeg.domain.reasons import Reason
from tests.support.crowd import Crowd
from tests.support.deaths import Killed
from tests.support.lab import Lab
from tests.support.scenes import market_time, run, send, whenever
from tests.support.watching import limited

ONE_A_DAY: dict[str, Any] = {"max_daily_orders": 1, "max_daily_notional": 10**9}


def _counters(lab: Lab) -> Counters:
    return lab.orders.counters(day_of(lab.time.latest_now()))


def _check(lab: Lab) -> None:
    """Counters are what the records say."""
    stand, right = _counters(lab), reckoned(day_of(lab.time.latest_now()), lab.orders.newest())
    assert (stand.entries, stand.totals) == (right.entries, right.totals)


def _dies_and_is_closed(lab: Lab, at: str, *, after: bool = False) -> None:
    """Its worker dies at a call; a close ends it, once nobody can send it any more."""
    limited(lab, **ONE_A_DAY)
    send(lab, "a")
    if after:
        guard = lab.deaths.guard

        def dies(called: str, call: Any) -> Any:
            answer = guard(called, call)
            if called == at:
                lab.deaths.stopped = True
                raise Killed(called)
            return answer

        lab.deaths.guard = dies  # type: ignore[method-assign]
    else:
        whenever(lab, at, lambda: setattr(lab.deaths, "stopped", True))
    with suppress(Killed):
        lab.work()
    lab.revive()
    if after:
        lab.deaths.guard = guard  # type: ignore[method-assign]
    send(lab, "c", kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:03"), sweep_every=60)
        crowd.work()
    assert (lab.order("a").reason, lab.order("a").filled_qty) == (Reason.SUPERSEDED, 0)
    _check(lab)


def test_an_entry_that_dies_before_it_is_counted_counts_as_nothing(lab: Lab) -> None:
    """Nobody sends what was not counted: the day's one order is free."""
    _dies_and_is_closed(lab, "store.count_entry")
    assert _counters(lab).totals == {}
    assert run(lab, "next").filled_qty == 100
    _check(lab)


def test_an_entry_that_dies_when_it_is_counted_may_have_been_sent_and_gives_its_dollars_back(lab: Lab) -> None:
    _dies_and_is_closed(lab, "store.count_entry", after=True)
    assert _counters(lab).totals == {"orders": 1}
    assert run(lab, "next").reason is Reason.RISK_DAILY_ORDERS


def test_an_entry_that_is_counted_when_it_is_over_gives_all_of_it_back(lab: Lab) -> None:
    """Its worker stood still before it counted, another ended it meanwhile; then it counts, and is too late to send."""
    limited(lab, **ONE_A_DAY)
    send(lab, "a")
    with Crowd(lab) as crowd:
        crowd.stall("store.count_entry", 200)
        crowd.work(until=market_time("10:00:05"))
        send(lab, "c", kind="close")
        crowd.work(until=market_time("10:02:30"), sweep_every=60)
        assert lab.order("a").reason is Reason.SUPERSEDED and lab.order("a").status.terminal
        crowd.work()
    assert _counters(lab).entries, "it was counted late"
    lab.sweep()
    assert _counters(lab).totals == {}
    assert run(lab, "next").filled_qty == 100
    _check(lab)


def test_an_entry_that_a_counter_refuses_counts_as_nothing(lab: Lab) -> None:
    limited(lab, max_daily_notional=1)
    assert run(lab, "a").reason is Reason.RISK_DAILY_NOTIONAL
    assert _counters(lab).totals == {}
    _check(lab)
