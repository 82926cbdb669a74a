"""Exits that find no market: told after two minutes, tried on until the session closes."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.models import to_json
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, STOP, TARGET, Guard, check_held, guards, hold, shares
from tests.support.scenes import alerts, lab_at, market_time, run, send

SALE = {"method": "POST", "path": "/v2/orders", "side": "sell", "order_class": "simple"}


def _halted(lab: Lab, seconds: int, event: str = "new") -> None:
    change = {"symbol": "TQQQ", "on": {"symbol": "TQQQ", "event": event, "side": "sell"}}
    lab.control.script(change | {"halt": True}, change | {"halt": False, "after": seconds})


@pytest.mark.parametrize("event", ["new", "fill"], ids=["from its start", "in its middle"])
def test_a_halt_of_six_minutes_in_the_middle_of_a_close_ends_filled(lab: Lab, event: str) -> None:
    hold(lab)
    lab.control.quote("TQQQ", "50.95", "50.98", 40, 2000)
    _halted(lab, 360, event)
    close = run(lab, "c", kind="close")
    assert (close.status, close.reason, close.filled_qty, shares(lab)) == (Status.FILLED, None, 100, 0)
    assert close.completed_at and close.first_sent_at
    assert (close.completed_at - close.first_sent_at).total_seconds() < 420, "found within a minute of the halt's end"
    assert sum("are not left yet" in alert for alert in alerts(lab)) == 1
    assert lab.order("b").exit_reason == "close"
    check_held(lab)


def test_a_long_halt_is_told_every_quarter_of_an_hour_and_fills_no_record(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    _halted(lab, 45 * 60)
    close = run(lab, "c", kind="close")
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 100, 0)
    assert sum("are not left yet" in alert for alert in alerts(lab)) == 3
    assert len(close.children) < 35
    assert len(to_json(close)) < 50_000
    lab.check()


def test_what_the_exchange_rejects_again_and_again_is_sent_ever_more_seldom(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    lab.control.faults(SALE | {"kind": "reject", "count": 8})
    close = run(lab, "c", kind="close")
    assert (close.status, close.filled_qty) == (Status.FILLED, 100)
    sent = [child.sent_at for child in close.children]
    pauses = [round((later - earlier).total_seconds()) for earlier, later in itertools.pairwise(sent)]
    assert pauses[0] <= 3
    assert pauses[-1] >= 120
    assert pauses == sorted(pauses)


def test_what_an_entry_bought_is_protected_while_the_close_that_ended_it_is_not_at_the_market(lab: Lab) -> None:
    """It never had protection that the close could take down: its shares were bare for as long as that was refused."""
    lab.control.settings(fill_ms=1500, cancel_ms=3000)
    lab.control.faults(SALE | {"kind": "reject", "count": 8})
    with Crowd(lab) as crowd:
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time("10:00:01"))
        send(lab, "c", kind="close", qty=40)
        crowd.work(until=market_time("10:03:00"))
        assert (lab.order("b").status, lab.order("b").filled_qty) == (Status.SUPERSEDED, 100)
        assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
        crowd.work()
    assert (lab.order("c").status, lab.order("c").filled_qty) == (Status.FILLED, 40)
    check_held(lab)


@pytest.mark.usefixtures("aws_credentials")
def test_what_is_left_when_the_session_closes_is_protected_again(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "15:56") as lab:
        hold(lab)
        lab.control.quote("TQQQ", "50.95", "50.98", 40, 2000)
        _halted(lab, 600, "fill")
        close = run(lab, "c", kind="close")
        assert (close.status, close.reason, close.filled_qty) == (Status.FAILED, Reason.MARKET_CLOSED, 40)
        assert guards(lab) == [Guard(Decimal(60), STOP, TARGET)]
        assert any("are not left yet" in alert for alert in alerts(lab))
        assert any("did not complete" in alert for alert in alerts(lab))
        check_held(lab)
