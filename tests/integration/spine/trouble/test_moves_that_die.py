"""An adjust whose worker dies, stalls or hears nothing: the shares are guarded again, at one set of levels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.reasons import Reason, Status
from tests.integration.spine.trouble.test_crash_points import INPUTS
from tests.support.brackets import CANCEL, OCO
from tests.support.crowd import Crowd
from tests.support.deaths import Killed
from tests.support.lab import START, Lab
from tests.support.leaving import TARGET, Guard, check_held, guards, hold, side_by_side
from tests.support.scenes import alerts, journal, market_time, send
from tests.support.stand_ins.short_moto import quick_aws

pytestmark = pytest.mark.usefixtures("aws_credentials")

MOVED = [Guard(Decimal(100), Decimal("50.50"), TARGET)]
FORM = {"code": 42210000, "message": "something is wrong with it"}


def told(lab: Lab, **more: Any) -> None:
    send(lab, "m", kind="adjust", adjust_signal_id="b", stop_loss="50.50", **more)


@contextmanager
def held(exchange: ExchangeControl) -> Iterator[Lab]:
    exchange.reset()
    exchange.set_clock(START, paused=True)
    exchange.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    with quick_aws():
        lab = Lab(exchange)
        lab.read_clock()
        hold(lab)
        lab.deaths.seen.clear()
        yield lab


def lived(lab: Lab) -> bool:
    """Deliver and work the adjust; False if its worker died on the way."""
    try:
        told(lab)
        side_by_side(lab)
    except Killed:
        return False
    return not lab.deaths.stopped


@pytest.mark.parametrize("refusals", [0, 1], ids=["taken", "refused"])
def test_a_move_survives_death_after_every_output(exchange: ExchangeControl, refusals: int) -> None:
    faults: list[dict[str, Any]] = [OCO | {"kind": "error", "status": 422, "body": FORM, "count": 1}] * refusals
    with held(exchange) as lab:
        exchange.faults(*faults)
        assert lived(lab)
        calls, ended = list(lab.deaths.seen), lab.order("m").status
    points = [at for at in range(1, len(calls) + 1) if at == 1 or calls[at - 2] not in INPUTS]
    assert len(points) > 8
    if refusals:
        # Before that it is the same life.
        points = [at for at in points if at > calls.index("broker.protect")]
    for at in points:
        with held(exchange) as lab:
            exchange.faults(*faults)
            lab.deaths.at = at
            assert not lived(lab), f"nobody died before call {at} of {calls}"
            lab.revive()
            if lab.orders.find("m") is None or not lab.ended:
                told(lab)
            for _ in range(3):
                lab.sweep()
                side_by_side(lab)
            where = f"death before {calls[at - 1]} (number {at})"
            order = lab.order("m")
            # A refusal that nobody lived to write down is asked for again, and the broker may think better of it.
            assert order.status in {ended, Status.DONE} and order.run.published, f"{where}: {order.events}"
            assert len(guards(lab)) == 1, where
            assert (guards(lab) == MOVED) is (order.status is Status.DONE), where
            assert len(journal(lab, event="accepted")) <= 1 + 2 * 3, where
            check_held(lab)


WHERE = [("broker.cancel", False), ("broker.cancel", True), ("broker.protect", False), ("broker.protect", True)]


@pytest.mark.parametrize(("call", "after"), WHERE)
@pytest.mark.parametrize("dead", [False, True], ids=["its execution lives", "its execution is gone"])
def test_a_worker_that_stalls_for_a_minute_and_wakes_changes_nothing(
    lab: Lab, call: str, after: bool, dead: bool
) -> None:
    """Around each request to the broker, most of all with the old OCO gone and the new one not sent."""
    hold(lab)
    with Crowd(lab) as crowd:

        def meanwhile() -> None:
            if dead:
                # As Step Functions has it: the function that runs goes on, though its execution is over.
                name = next(iter(lab.running))
                lab.ended.add(name)
                lab.running.pop(name)
            crowd.pause(65)

        lab.stall(call, meanwhile, after=after)
        told(lab)
        crowd.work(until=market_time("10:04"), sweep_every=60)
        crowd.work()
    assert (lab.order("m").status, lab.order("m").reason) == (Status.DONE, None), lab.order("m").events
    assert guards(lab) == MOVED
    assert not [entry for entry in journal(lab, "fill") if entry["side"] == "sell"]
    check_held(lab)


def test_an_adjust_that_is_given_up_half_way_leaves_the_sweep_to_protect_at_its_levels(lab: Lab) -> None:
    """Its record cannot be worked any more; the bracket's says what is due."""
    hold(lab)

    def dies() -> None:
        raise Killed("with the old OCO gone")

    lab.stall("broker.protect", dies)
    told(lab)
    with Crowd(lab) as crowd:
        crowd.work()
        from repeg.domain.order.course import superseded

        gone = superseded(lab.order("m"), "somebody", lab.worker.now(lab.order("m")))
        lab.orders.adopt(gone, lab.arn(gone.order_id, 2))
        lab.start(gone.order_id, 2)
        crowd.work()
        assert not guards(lab), "bare"
        lab.sweep()
        crowd.work()
    assert guards(lab) == MOVED
    assert lab.order("b").care.adjustments[-1].before is None, "there is no way back any more"
    check_held(lab)


@pytest.mark.parametrize(
    "fault",
    [
        CANCEL | {"kind": "drop_after", "count": 1},
        CANCEL | {"kind": "drop_before", "count": 1},
        CANCEL | {"kind": "error", "status": 500, "body": {}, "count": 1},
        OCO | {"kind": "drop_after", "count": 1},
        OCO | {"kind": "drop_before", "count": 1},
        OCO | {"kind": "error", "status": 504, "body": {}, "count": 1},
    ],
    ids=lambda fault: f"{fault['method']} {fault['kind']} {fault.get('status', '')}",
)
def test_an_answer_that_is_lost_is_found_out(lab: Lab, fault: dict[str, Any]) -> None:
    hold(lab)
    lab.control.faults(fault)
    assert lived(lab)
    assert lab.order("m").status is Status.DONE, lab.order("m").events
    assert guards(lab) == MOVED
    check_held(lab)


def test_a_cancel_that_hangs_is_waited_for_and_told(lab: Lab) -> None:
    """Until it is over by id nothing is placed beside it; an order that comes meanwhile waits."""
    hold(lab)
    lab.control.faults(CANCEL | {"kind": "stuck_cancel"})
    told(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:01"), sweep_every=60)
        assert lab.order("m").status is Status.WAITING
        assert any("cancel not confirmed" in text for text in alerts(lab))
        assert len(guards(lab)) == 1
        lab.control.faults()
        crowd.work(until=market_time("10:04"), sweep_every=60)
        crowd.work()
    assert lab.order("m").status is Status.DONE, lab.order("m").events
    assert guards(lab) == MOVED
    check_held(lab)


def test_one_that_waits_too_long_for_its_turn_expires(lab: Lab) -> None:
    hold(lab)
    lab.orders.borrow_turn(lab.order("b"))
    told(lab, expires_at=market_time("10:00:20"))
    with Crowd(lab) as crowd:
        crowd.work()
    assert (lab.order("m").status, lab.order("m").reason) == (Status.REJECTED, Reason.EXPIRED)
    lab.orders.give_turn(lab.order("b"))
    check_held(lab)
