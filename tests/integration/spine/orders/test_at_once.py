"""What happens in one breath: the first child order on the look that released it, protection on the fill, the news."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.routes import Next
from repeg.steps.assess import assess
from repeg.worker.worker import Worker
from tests.support.brackets import bracket, crwd, ocos
from tests.support.deaths import Killed
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, hold
from tests.support.scenes import alerts, done, journal, outcomes, send, submits, whenever


def _entered(lab: Lab) -> list[str]:
    assert lab.machine is not None
    return lab.machine.entered


def _quotes_read(lab: Lab) -> int:
    return sum(request["path"].startswith("/v2/stocks/snapshots") for request in journal(lab, "request"))


def test_a_released_order_is_priced_by_the_look_that_released_it(lab: Lab) -> None:
    order = done(lab)
    assert _entered(lab) == ["AssessMarket", "Route", "RecordOutcome"]
    assert _quotes_read(lab) == 1
    (rung,) = order.children
    assert (rung.bid, rung.ask) == (order.terms.arrival_bid, order.terms.arrival_ask)
    assert [event.state for event in order.events][1:3] == ["AssessMarket", "PlaceOrder"]


@pytest.mark.parametrize("signal", [{"kind": "close"}, {"side": "sell", "qty": 10}, {"notional": 500}])
def test_the_market_is_looked_at_again_once_the_account_was_asked(lab: Lab, signal: dict[str, Any]) -> None:
    lab.control.position("TQQQ", 100, "40")
    done(lab, **signal)
    assert _quotes_read(lab) == 2


def test_a_look_that_took_long_is_repeated_before_anything_is_sent(lab: Lab) -> None:
    real = lab.worker.fresh_quote

    def slowly(*args: Any) -> Any:
        lab.sleep(0.2)
        return real(*args)

    lab.worker.fresh_quote = slowly  # type: ignore[method-assign]
    assert done(lab).status is Status.FILLED
    assert _quotes_read(lab) == 2


def test_a_bracket_does_not_buy_what_fell_through_its_stop_while_the_account_answered(lab: Lab) -> None:
    def falls() -> None:
        lab.sleep(0.1)
        crwd(lab, "528.90", "529.00")

    crwd(lab)
    whenever(lab, "broker.positions", falls)
    order = bracket(lab)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.STOP_THROUGH)
    assert not submits(lab)


def test_a_bracket_that_was_filled_through_its_stop_is_left_again(lab: Lab) -> None:
    """The market falls while the order is on its way, where no look can see it."""
    crwd(lab)
    whenever(lab, "broker.submit", lambda: crwd(lab, "528.90", "529.00"))
    order = bracket(lab)
    assert (order.status, order.reason, order.avg_fill_price) == (Status.UNWOUND, Reason.STOP_THROUGH, 529)


def test_a_capped_market_order_sees_what_the_market_did_while_the_account_answered(lab: Lab) -> None:
    def falls() -> None:
        lab.sleep(0.1)
        lab.control.quote("TQQQ", "50.00", "50.03", 2000, 2000)

    lab.control.position("TQQQ", 100, "40")
    whenever(lab, "broker.position", falls)
    order = done(lab, side="sell", ladder="market", max_slippage_bps=10)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.SLIPPAGE_EXCEEDED)


def test_an_exit_that_cannot_be_priced_is_told_within_a_minute(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    hold(lab)
    since, tries = lab.time.wall(), []

    def breaks(*_: object, **__: object) -> None:
        tries.append(lab.time.wall() - since)
        if alerts(lab):
            monkeypatch.undo()
        raise ValueError("a defect")

    monkeypatch.setattr("repeg.steps.place.write_intent", breaks)
    send(lab, "c", kind="close")
    lab.work()
    assert tries[-1] < timedelta(seconds=60)
    assert lab.order("c").status is Status.FILLED


def test_a_fill_is_protected_by_the_task_that_saw_it(lab: Lab) -> None:
    order = done(lab, **BRACKET)
    assert (order.status, order.guard.protected) == (Status.FILLED, True)
    assert _entered(lab) == ["AssessMarket", "Route", "RecordOutcome"]


def test_protection_that_breaks_in_that_task_is_left_to_the_state_of_its_own(lab: Lab) -> None:
    """Which retries for seconds, not minutes, and finds out what became of the OCO at the broker."""

    def breaks() -> None:
        raise ValueError("a defect, once")

    whenever(lab, "broker.protect", breaks)
    order = done(lab, **BRACKET)
    assert (order.status, order.guard.protected, len(ocos(lab))) == (Status.FILLED, True, 1)
    assert _entered(lab)[:3] == ["AssessMarket", "Route", "ProtectPosition"]
    assert not alerts(lab)


def test_a_task_that_was_held_up_leaves_protection_to_the_machine(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function has half a minute; a broker that takes its time with every answer could use that up."""
    monkeypatch.setattr("repeg.wiring.handlers.AT_ONCE_WITHIN_SECONDS", 0)
    assert done(lab, **BRACKET).guard.protected is True
    assert _entered(lab)[:3] == ["AssessMarket", "Route", "ProtectPosition"]


def _fails(lab: Lab, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The function that assesses cannot run for so long."""
    real, since = assess, lab.time.wall()

    def broken(worker: Worker, order: Order) -> Next:
        if lab.time.wall() - since < timedelta(seconds=seconds):
            raise ValueError("out of order")
        return real(worker, order)

    monkeypatch.setattr("tests.support.lab.assess", broken)


def test_an_order_outlasts_an_outage_of_minutes_before_it_sent_anything(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fails(lab, monkeypatch, seconds=180)
    order = done(lab)
    assert (order.status, order.run.secure_rounds) == (Status.FILLED, 0)
    assert not alerts(lab)


def test_an_outage_that_lasts_ends_the_order_and_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    _fails(lab, monkeypatch, seconds=3600)
    order = done(lab)
    assert (order.status, order.reason) == (Status.FAILED, Reason.INTERNAL_ERROR)
    assert not submits(lab)
    assert alerts(lab)


def test_an_outcome_is_told_by_whoever_comes_after_a_death_between_record_and_news(lab: Lab) -> None:
    def dies() -> None:
        raise Killed("bus.publish")

    whenever(lab, "bus.publish", dies)
    lab.send(signal_id="a", qty=100)
    try:
        lab.work()
    except Killed:
        lab.revive()
    assert (lab.order("a").status, lab.order("a").run.published) == (Status.FILLED, False)
    lab.sweep()
    lab.work()
    assert len(outcomes(lab)) == 1
    assert lab.order("a").run.published
    assert len(submits(lab)) == 1


def test_a_bus_that_refuses_for_a_moment_delays_the_news_only(lab: Lab) -> None:
    def refuses() -> None:
        raise ValueError("the bus is away")

    whenever(lab, "bus.publish", refuses)
    order = done(lab)
    assert (order.status, order.reason, order.run.published) == (Status.FILLED, None, True)
    assert len(outcomes(lab)) == 1
