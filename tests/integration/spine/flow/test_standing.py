"""What a sweep tells of positions: trouble that lasts is not told to be over, whoever could not look at it."""

from __future__ import annotations

from typing import Any

import pytest

from desk.report.truth import trading_calls
from repeg.domain.metrics.listed import Metric
from repeg.errors import RetryError
from tests.integration.spine.flow.test_metrics import told
from tests.support.lab import Lab
from tests.support.leaving import hold, minutes
from tests.support.scenes import run, send
from tests.support.stack import load_template, resources
from tests.support.watching import lapse, moves

ALARMS = resources(load_template(), "AWS::CloudWatch::Alarm")
BARE, PAST_STOP = Metric.BARE_POSITIONS, Metric.PAST_STOP_POSITIONS


def past_stop(lab: Lab) -> None:
    """Bare, and the market has gone through where the stop was; the broker takes no orders."""
    lapse(lab)
    lab.sweep()
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "error", "status": 503})
    for _ in range(2):
        moves(lab, "49.90")
        found = told(lab)
        lab.sleep(59)
    assert found[PAST_STOP] == 1


def test_what_is_past_its_stop_is_bare_all_the_same(lab: Lab) -> None:
    past_stop(lab)
    assert lab.meter.values(BARE) == [1]


def test_shares_that_are_to_be_sold_and_cannot_be_are_still_past_their_stop(lab: Lab) -> None:
    """The sweep had them left at once; that an execution tries to is no end of the trouble."""
    past_stop(lab)
    for _ in range(3):
        moves(lab, "49.90")
        found = told(lab)
        lab.sleep(59)
        assert found.get(PAST_STOP) != 0
        assert found.get(BARE) != 0
    lab.control.faults()
    minutes(lab, 2)
    assert lab.order("b").unexited_qty == 0
    found = told(lab)
    assert (found[PAST_STOP], found[BARE]) == (0, 0)


def test_a_sweep_that_dies_leaves_no_alarm_that_rings_for_ever(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it told to alarms it has left to the next sweep, which tells the end."""
    lapse(lab)

    def lost(state: Any) -> None:
        raise OSError("the table does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(lab.orders, "keep_sweep_state", lost)
        with pytest.raises(OSError, match="does not answer"):
            lab.sweep()
    rings = any(lab.meter.values(BARE))
    run(lab, "c", kind="close")
    assert lab.order("b").unexited_qty == 0
    assert not rings or told(lab)[BARE] == 0


def test_shares_are_bare_though_an_order_could_not_be_looked_at(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lapse(lab)
    lab.control.quote("SPY", "50.95", "50.98", 2000, 2000)
    send(lab, "other", symbol="SPY", qty=1)

    def busy(order_id: str, number: int) -> None:
        raise RetryError("throttled")

    lab.running.clear()
    monkeypatch.setattr(lab, "start", busy)
    assert told(lab)[BARE] == 1


def test_a_position_whose_record_cannot_be_read_is_not_told_to_be_well(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = lapse(lab)
    assert told(lab)[BARE] == 1
    cancelled = lab.orders.several
    monkeypatch.setattr(lab.orders, "several", lambda ids: ({}, dict.fromkeys(ids, "written by another version")))
    assert BARE not in told(lab)
    monkeypatch.setattr(lab.orders, "several", cancelled)
    assert order.unexited_qty > 0
    minutes(lab, 2)
    assert lab.meter.values(BARE)[-1] == 0


def test_an_outage_rings_though_there_are_only_positions_to_look_after(lab: Lab) -> None:
    """Nothing trades, and a sweep alone asks the broker: its requests have to be enough."""
    hold(lab)
    lab.control.faults({"method": "GET", "path": "/v2/*", "kind": "error", "status": 503})
    before = lab.mark()
    lab.sweep()
    failed = trading_calls(lab.control.journal(before))
    [alarm] = [each for each in ALARMS.values() if each["MetricName"] == Metric.BROKER_ERRORS]
    assert len(failed) > alarm["Threshold"]
