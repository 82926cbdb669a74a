"""A position past its stop is left whoever has the turn: an entry of its symbol is ended for it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from repeg.domain.reasons import Status
from repeg.domain.settings import Settings
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, check_held, hold, shares
from tests.support.scenes import alerts, at, journal, market_time, on_order, send, whenever
from tests.support.watching import moves

RESTS = Settings(SMART_EXECUTOR_FILL_TIMEOUT=3600)
LOW = BRACKET | {"signal_price": "49.20", "stop_loss": "47.20", "take_profit": "53.20"}


def _past_stop_behind_an_entry(lab: Lab, crowd: Crowd) -> None:
    """The stop is dead, the market falls through it, and an entry rests below with the symbol's turn."""
    hold(lab)
    lab.control.end_leg("stop_loss", "rejected", symbol="TQQQ")
    lab.settings = RESTS
    moves(lab, "49.17")
    on_order(lab, "new", "49.60", "49.63")
    send(lab, "low", **LOW)
    crowd.work(until=market_time("10:00:10"))
    assert lab.orders.holder("TQQQ") == lab.order("low").order_id
    assert lab.order("low").open_child, "it rests"


def test_a_resting_entry_gives_way_to_a_position_past_its_stop(lab: Lab) -> None:
    with Crowd(lab) as crowd:
        _past_stop_behind_an_entry(lab, crowd)
        crowd.work(until=market_time("10:03"), sweep_every=60)
        order, low = lab.order("b"), lab.order("low")
        assert (order.unexited_qty, order.exit_reason, shares(lab)) == (0, "unwind", 0)
        assert order.exit_at and order.exit_at < at("10:02:30")
        assert (low.status, low.filled_qty, low.close.superseded_by) == (Status.SUPERSEDED, 0, order.order_id)
        crowd.work()
    assert lab.orders.holder("TQQQ") is None
    check_held(lab)


def test_what_the_entry_bought_it_protects_itself(lab: Lab) -> None:
    """Part of it fills before it is ended: that is not bare for a sweep, and keeps its own levels."""
    with Crowd(lab) as crowd:
        _past_stop_behind_an_entry(lab, crowd)
        crowd.work(until=market_time("10:02:05"), sweep_every=60)
        limit = lab.order("low").children[0].limit_price
        assert limit
        lab.control.quote("TQQQ", str(limit - Decimal("0.02")), str(limit), 2000, 30)
        lab.sleep(0.3)
        lab.control.quote("TQQQ", "49.60", "49.63", 2000, 2000)
        lab.sweep()
        crowd.work(until=market_time("10:02:15"))
        order, low = lab.order("b"), lab.order("low")
        assert (order.unexited_qty, low.status, low.guard.protected) == (0, Status.SUPERSEDED, True)
        assert shares(lab) == low.filled_qty > 0
        crowd.work()
    check_held(lab)


def test_no_entry_overtakes_a_position_that_is_being_left(lab: Lab) -> None:
    """Another stands in line, and may win the turn: it is ended, too; nobody waits an hour past a stop."""
    with Crowd(lab) as crowd:
        _past_stop_behind_an_entry(lab, crowd)
        send(lab, "next", **LOW)
        crowd.work(until=market_time("10:03:10"), sweep_every=60)
        assert lab.order("b").unexited_qty == 0
        crowd.work(until=market_time("10:04"), sweep_every=60)
    assert len([text for text in alerts(lab) if "gone through the stop" in text]) == 1
    assert lab.order("low").status is Status.SUPERSEDED


@pytest.mark.parametrize("seconds", [8, 100])
def test_an_entry_whose_worker_stalls_gives_way_once_it_cannot_send(lab: Lab, seconds: int) -> None:
    """Its intent may still be sent: the position waits for that to be ruled out, and never sells one share too many."""
    with Crowd(lab) as crowd:
        hold(lab)
        lab.control.end_leg("stop_loss", "rejected", symbol="TQQQ")
        lab.settings = RESTS
        moves(lab, "49.30")
        lab.sweep()
        lab.sleep(45)
        send(lab, "low", **LOW)
        crowd.stall("broker.submit", seconds, after=True)
        crowd.work(until=market_time("10:00:50"))
        crowd.work(until=market_time("10:08"), sweep_every=60)
        assert lab.order("b").unexited_qty == 0
        crowd.work()
    sold = [entry for entry in journal(lab, "fill") if entry["side"] == "sell"]
    assert sum(Decimal(entry["qty"]) for entry in sold) <= 100 + lab.order("low").filled_qty
    check_held(lab)


@pytest.mark.parametrize("taken", [False, True], ids=["free", "taken by an entry"])
def test_a_turn_that_a_late_worker_gave_back_does_not_keep_an_unwind_waiting(lab: Lab, taken: bool) -> None:
    """A worker that stalls where it gives the turn back may wake up when the same bracket is being left."""
    hold(lab)
    lab.control.end_leg("stop_loss", "rejected", symbol="TQQQ")
    moves(lab, "49.00")
    lab.settings = RESTS

    def give_back() -> None:
        bracket = lab.order("b")
        assert bracket.unwind.wanted
        lab.orders.give_turn(bracket)
        if taken:
            send(lab, "low", **LOW)
            assert lab.orders.take_turn(lab.order("low"), at("10:01:02"))

    whenever(lab, "executions.start", give_back)
    lab.sleep(60)
    lab.sweep()
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:01:30"))
        assert (lab.order("b").unexited_qty, lab.order("b").exit_reason) == (0, "unwind")
        crowd.work()
    check_held(lab)
