"""A fill that is not worth holding is left whatever its order ended for, and what a close took over is sold once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.deaths import Killed
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, check_held, minutes, shares
from tests.support.scenes import alerts, journal, market_time, on_order, send, whenever

TAKEN_OVER = "10:00:04"
BAD_FILL = Decimal("49.90")
"""Below the stop that the signal names, 49.97."""
BY_THE_SIGNAL = {"exit_anchor": "signal"}


@contextmanager
def _fills_late(lab: Lab, **bracket: Any) -> Iterator[Crowd]:
    """A resting entry that a close of 30 takes over, while the market falls through its stop, and fills it."""
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    on_order(lab, "pending_cancel", "49.87", "49.90", after=0.02)
    send(lab, "b", **(BRACKET | bracket))
    with Crowd(lab) as crowd:
        crowd.work(until=market_time(TAKEN_OVER))
        send(lab, "c", kind="close", qty=30)
        yield crowd


def _ocos(lab: Lab) -> list[dict[str, Any]]:
    return [entry for entry in journal(lab, event="accepted") if entry["order_class"] == "oco"]


def _dies(*_: Any) -> None:
    raise Killed("close")


@pytest.mark.parametrize("bracket", [{}, BY_THE_SIGNAL])
def test_what_a_close_of_a_part_leaves_of_a_fill_through_its_stop_is_left_at_once(
    lab: Lab, bracket: dict[str, str]
) -> None:
    """Anchored at the fill, its stop would lie at 48.90: the shares would be held, and guarded, in vain."""
    with _fills_late(lab, **bracket) as crowd:
        crowd.work()
    entry, close = lab.order("b"), lab.order("c")
    assert (entry.status, entry.filled_qty, entry.avg_fill_price) == (Status.SUPERSEDED, 100, BAD_FILL)
    assert (close.status, close.filled_qty) == (Status.FILLED, 30)
    assert (entry.unexited_qty, shares(lab)) == (0, 0)
    assert {gone.reason.value: gone.qty for gone in entry.all_exits} == {"close": 30, "unwind": 70}
    assert entry.exit_at and close.completed_at
    assert (entry.exit_at - close.completed_at).total_seconds() <= 3, "no sweep is waited for"
    assert not _ocos(lab)
    assert any("not worth holding" in alert and "through the stop" in alert for alert in alerts(lab)), alerts(lab)
    check_held(lab)


@pytest.mark.parametrize("bracket", [{}, BY_THE_SIGNAL])
def test_it_is_left_at_once_where_the_close_died(lab: Lab, bracket: dict[str, str]) -> None:
    """The storm of seed 903023: the sweep had it protected, in vain, and left it a minute later."""
    with _fills_late(lab, **bracket) as crowd:
        whenever(lab, "store.take_turn", _dies)
        crowd.work(until=market_time("10:00:30"))
        assert shares(lab) == 100
        assert not lab.orders.holder("TQQQ"), "the close died before its turn"
        lab.sweep()
        crowd.work(until=market_time("10:00:40"))
        assert shares(lab) == 0
        crowd.work(sweep_every=60)
    minutes(lab, 1)
    entry, close = lab.order("b"), lab.order("c")
    assert (entry.status, entry.unexited_qty, entry.exit_reason) == (Status.SUPERSEDED, 0, "unwind")
    assert (close.status, close.reason) == (Status.REJECTED, Reason.NO_POSITION)
    assert not _ocos(lab)
    check_held(lab)


def test_it_gets_no_oco_while_the_close_of_a_part_rests(lab: Lab) -> None:
    """Guarded beside the sale, it would count as judged, and be held."""
    on_order(lab, "accepted", "49.80", "49.83", side="sell")
    with _fills_late(lab) as crowd:
        crowd.work()
    entry, close = lab.order("b"), lab.order("c")
    assert len(close.children) > 1, "its first limit rested"
    assert (entry.unexited_qty, shares(lab)) == (0, 0)
    assert not _ocos(lab)
    check_held(lab)
