"""What happens in one breath: the first child order on the look that released it, protection on the fill, the news."""

from __future__ import annotations

import pytest

from repeg.domain.reasons import Status
from tests.support.brackets import bracket, crwd, ocos
from tests.support.lab import Killed, Lab
from tests.support.leaving import BRACKET
from tests.support.scenes import alerts, done, journal, outcomes, submits, whenever


def _entered(lab: Lab) -> list[str]:
    assert lab.machine is not None
    return lab.machine.entered


def _quotes_read(lab: Lab) -> int:
    return sum(request["path"].startswith("/v2/stocks/quotes/latest") for request in journal(lab, "request"))


def test_a_released_order_is_priced_by_the_look_that_released_it(lab: Lab) -> None:
    order = done(lab)
    assert _entered(lab) == ["AssessMarket", "Route", "RecordOutcome"]
    assert _quotes_read(lab) == 1
    (rung,) = order.rungs
    assert (rung.bid, rung.ask) == (order.arrival_bid, order.arrival_ask)
    assert [event.state for event in order.events][1:3] == ["AssessMarket", "PlaceOrder"]


def test_a_look_that_took_long_is_repeated_before_anything_is_sent(lab: Lab) -> None:
    crwd(lab)
    whenever(lab, "broker.position", lambda: lab.sleep(0.6))
    assert bracket(lab).status is Status.FILLED
    assert _quotes_read(lab) == 2


def test_a_fill_is_protected_by_the_task_that_saw_it(lab: Lab) -> None:
    order = done(lab, **BRACKET)
    assert (order.status, order.protected) == (Status.FILLED, True)
    assert _entered(lab) == ["AssessMarket", "Route", "RecordOutcome"]


def test_protection_that_breaks_in_that_task_is_left_to_the_state_of_its_own(lab: Lab) -> None:
    """Which retries for seconds, not minutes, and finds out what became of the OCO at the broker."""

    def breaks() -> None:
        raise ValueError("a defect, once")

    whenever(lab, "broker.protect", breaks)
    order = done(lab, **BRACKET)
    assert (order.status, order.protected, len(ocos(lab))) == (Status.FILLED, True, 1)
    assert _entered(lab)[:3] == ["AssessMarket", "Route", "ProtectPosition"]
    assert not alerts(lab)


def test_a_task_that_was_held_up_leaves_protection_to_the_machine(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function has half a minute; a broker that takes its time with every answer could use that up."""
    monkeypatch.setattr("repeg.handlers.AT_ONCE_WITHIN_SECONDS", 0)
    assert done(lab, **BRACKET).protected is True
    assert _entered(lab)[:3] == ["AssessMarket", "Route", "ProtectPosition"]


def test_an_outcome_is_told_by_whoever_comes_after_a_death_between_record_and_news(lab: Lab) -> None:
    def dies() -> None:
        raise Killed("bus.publish")

    whenever(lab, "bus.publish", dies)
    lab.send(signal_id="a", qty=100)
    try:
        lab.work()
    except Killed:
        lab.revive()
    assert (lab.order("a").status, lab.order("a").published) == (Status.FILLED, False)
    lab.sweep()
    lab.work()
    assert len(outcomes(lab)) == 1
    assert lab.order("a").published
    assert len(submits(lab)) == 1


def test_a_bus_that_refuses_for_a_moment_delays_the_news_only(lab: Lab) -> None:
    def refuses() -> None:
        raise ValueError("the bus is away")

    whenever(lab, "bus.publish", refuses)
    order = done(lab)
    assert (order.status, order.reason, order.published) == (Status.FILLED, None, True)
    assert len(outcomes(lab)) == 1
