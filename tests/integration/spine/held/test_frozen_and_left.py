"""What an ended unwind leaves of its turn, and what a bracket whose record is in dispute still sends."""

from __future__ import annotations

from decimal import Decimal

import pytest

from repeg.domain.reasons import Status
from tests.support.crowd import Crowd
from tests.support.deaths import Killed
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, check_held, shares
from tests.support.scenes import alerts, journal, market_time, send, whenever
from tests.support.watching import lapse, moves

CANCEL = {"method": "DELETE", "path": "/v2/orders/*"}


def test_a_turn_that_died_behind_a_finished_unwind_does_not_lock_the_symbol(lab: Lab) -> None:
    """All is sold; the step that would give the turn back dies, and no sweep looks after shares that are gone."""
    lapse(lab)
    moves(lab, "49.50")
    whenever(lab, "store.give_turn", lambda: setattr(lab.deaths, "stopped", True))
    with Crowd(lab) as crowd, pytest.raises(Killed):
        crowd.work(until=market_time("10:06"), sweep_every=60)
    lab.revive()
    assert (shares(lab), lab.orders.holder("TQQQ")) == (0, lab.order("b").order_id)
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    send(lab, "next", qty=5)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:12"), sweep_every=60)
    assert lab.order("next").status is Status.FILLED
    check_held(lab, free=5)


def test_a_bracket_that_is_frozen_while_its_entry_hangs_is_neither_secured_nor_bought_for(lab: Lab) -> None:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30, frozen=True)
    lab.control.faults(CANCEL | {"kind": "stuck_cancel"})
    send(lab, "b", **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:20"))
        order = lab.order("b")
        assert order.filled_qty > 0, order.events
        lab.orders.save(order.with_care(frozen="the account shows something else"))
        crowd.work(until=market_time("10:03"))
        assert lab.order("b").status is Status.WORKING
        lab.control.faults()
        crowd.work(until=market_time("10:06"))
    order = lab.order("b")
    assert order.status.terminal
    assert not [text for text in alerts(lab) if "a step keeps failing" in text]
    assert len(journal(lab, event="accepted")) == len(order.children) == 1
    assert order.unexited_qty == shares(lab) == Decimal(order.filled_qty)
