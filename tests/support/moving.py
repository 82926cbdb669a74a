"""Adjusts of the bracket `b`, and what becomes of them."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.errors import BudgetExhausted
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import hold
from tests.support.scenes import journal, market_time, send
from tests.support.watching import cancel_protection

DONE = (Status.DONE, None)


def adjusted(lab: Lab, signal_id: str = "m", **wanted: Any) -> Order:
    """Send an adjust of the bracket `b`; it, and what it starts, are worked to their ends."""
    told(lab, signal_id, **wanted)
    with Crowd(lab) as crowd:
        crowd.work()
    return lab.order(signal_id)


def told(lab: Lab, signal_id: str = "m", **wanted: Any) -> None:
    """Send an adjust of the bracket `b`."""
    send(lab, signal_id, **({"kind": "adjust", "adjust_signal_id": "b"} | wanted))


def refused(order: Order) -> tuple[Status, Reason | None]:
    """How an adjust ended, and why."""
    return order.status, order.reason


def bare_for(lab: Lab) -> float:
    """Seconds between the end of the first OCO and the beginning of the next."""
    ocos = [entry for entry in journal(lab) if entry["order_class"] == "oco"]
    ended = next(entry for entry in ocos if entry["event"] == "canceled")
    begun = next(entry for entry in ocos if entry["event"] == "accepted" and entry["seq"] > ended["seq"])
    return (datetime.fromisoformat(begun["at"]) - datetime.fromisoformat(ended["at"])).total_seconds()


def use_up(lab: Lab) -> None:
    """Others of the stack use all of the minute's requests that are left."""
    with suppress(BudgetExhausted):
        while True:
            lab.broker._budget.spend(urgent=True)


EVENING = "2026-11-19T15:50:00-05:00"


def overtaken(lab: Lab) -> Order:
    """From `EVENING` on: an adjust `m` waits for the open, and `n`, sent after it, is taken at once."""
    order = hold(lab)
    lab.sleep(11 * 60)
    told(lab, "m", stop_loss="50.50", when_closed="next_open")
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-19T16:10:00-05:00")
        cancel_protection(lab, order)
        lab.sweep()
        told(lab, "n", stop_loss="50.70")
        crowd.work(until=market_time("09:32"))
        crowd.work()
    return lab.order("m")
