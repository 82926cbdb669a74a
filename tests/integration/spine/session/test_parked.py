"""Orders that wait for an open: seldom looked at while the market is closed, awake when its clock was set forward."""

from __future__ import annotations

from datetime import timedelta

import pytest

from desk.exchange.client import ExchangeControl
from desk.report.truth import trading_calls
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import at, done, journal, lab_at, market_time, run, send

pytestmark = pytest.mark.usefixtures("aws_credentials")

MONDAY = "2026-11-23T"


def _monday(time: str) -> str:
    return f"{MONDAY}{time}-05:00"


@pytest.mark.parametrize(
    ("when", "transitions"), [("2026-11-19T17:00:00-05:00", 200), ("17:00", 490)], ids=["a night", "a weekend"]
)
@pytest.mark.parametrize("signal", [{}, {"kind": "close"}], ids=["buy", "close"])
def test_a_parked_order_is_seldom_looked_at(
    exchange: ExchangeControl, when: str, transitions: int, signal: dict[str, str]
) -> None:
    with lab_at(exchange, when) as lab:
        lab.control.position("TQQQ", 100, "40")
        before = lab.mark()
        order = done(lab, when_closed="next_open", **signal)
        assert order.status is Status.FILLED
        opened = at(_monday("09:30:00")) if transitions > 300 else at("09:30")
        assert order.first_sent_at and 0 <= (order.first_sent_at - opened).total_seconds() < 2
        assert lab.machine and len(lab.machine.entered) <= transitions
        assert order.run.executions == 1
        looks = len(trading_calls(lab.control.journal(before)))
        assert looks <= transitions / 3 + 10, "a look at the clock each, and what the order itself takes"


def test_near_the_open_looks_are_short_and_the_plan_is_made_on_the_latest_quote(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "08:00") as lab:
        quote = {"symbol": "TQQQ", "bid": "50.90", "ask": "51.00", "bid_size": 2000, "ask_size": 2000}
        lab.control.script({"at": market_time("09:28"), **quote})
        order = done(lab, when_closed="next_open")
        assert order.status is Status.FILLED
        assert order.run.opening and order.run.opening.spread_class == "wide"


def test_an_expiry_while_it_is_parked_is_told_in_time(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "17:00") as lab:
        order = run(lab, when_closed="next_open", expires_at="2026-11-20T22:10:00Z")
        assert (order.status, order.reason) == (Status.REJECTED, Reason.EXPIRED)
        assert order.completed_at and 0 <= (order.completed_at - at("17:10")).total_seconds() < 5


# --- the clock is set forward ---


def _parked(lab: Lab, crowd: Crowd, *ids: str, **signal: object) -> None:
    for name in ids:
        send(lab, name, when_closed="next_open", **signal)
        lab.sleep(1)
    crowd.work(until=market_time("17:20"))
    assert all(lab.order(name).status is Status.WAITING for name in ids)


@pytest.mark.parametrize("to", ["08:50:00", "09:20:00", "09:29:50", "09:31:00", "09:45:00", "11:00:00", "15:00:00"])
def test_orders_wake_and_trade_when_the_clock_is_set_forward(exchange: ExchangeControl, to: str) -> None:
    with lab_at(exchange, "17:00") as lab, Crowd(lab) as crowd:
        _parked(lab, crowd, "a", "b", qty=10)
        lab.set_clock(_monday(to))
        woken = max(at(_monday("09:30:00")), at(_monday(to)))
        crowd.work(until=(woken + timedelta(minutes=3)).isoformat(), sweep_every=60)
        first, second = lab.order("a"), lab.order("b")
        assert first.status is second.status is Status.FILLED
        assert first.first_sent_at and (first.first_sent_at - woken).total_seconds() <= 70
        assert first.completed_at and second.first_sent_at and first.completed_at <= second.first_sent_at
        lab.check()


def test_a_close_wakes_too(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "17:00") as lab, Crowd(lab) as crowd:
        lab.control.position("TQQQ", 100, "40")
        _parked(lab, crowd, "c", kind="close")
        lab.set_clock(_monday("10:30:00"))
        crowd.work(until=_monday("10:33:00"), sweep_every=60)
        assert (lab.order("c").status, lab.order("c").filled_qty) == (Status.FILLED, 100)


def test_an_order_in_the_last_half_hour_before_the_open_wakes_too(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "09:01") as lab, Crowd(lab) as crowd:
        send(lab, "a")
        crowd.work(until=market_time("09:02"))
        lab.set_clock(market_time("10:15"))
        crowd.work(until=market_time("10:17"), sweep_every=60)
        assert lab.order("a").status is Status.FILLED


def test_an_expiry_of_its_own_stands(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "17:00") as lab, Crowd(lab) as crowd:
        _parked(lab, crowd, "a", expires_at="2026-11-23T14:40:00Z")
        lab.set_clock(_monday("10:00:00"))
        crowd.work(until=_monday("10:02:00"), sweep_every=60)
        assert (lab.order("a").status, lab.order("a").reason) == (Status.REJECTED, Reason.EXPIRED)


def test_an_order_that_nobody_worked_in_time_still_expires(exchange: ExchangeControl) -> None:
    """Time that passed is no clock that was set: the market has moved on."""
    with lab_at(exchange, "17:00") as lab:
        with Crowd(lab) as crowd:
            _parked(lab, crowd, "a")
        lab.revive()
        lab.sleep(65 * 3600)
        lab.sweep()
        with Crowd(lab) as crowd:
            crowd.work()
        assert (lab.order("a").status, lab.order("a").reason) == (Status.REJECTED, Reason.EXPIRED)


def test_a_clock_set_over_the_session_parks_it_for_the_next(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "17:00") as lab, Crowd(lab) as crowd:
        _parked(lab, crowd, "a")
        lab.set_clock(_monday("17:00:00"))
        crowd.work(until="2026-11-24T09:31:00-05:00", sweep_every=3600)
        order = lab.order("a")
        assert order.status is Status.FILLED
        assert order.first_sent_at and order.first_sent_at >= at("2026-11-24T09:30:00-05:00")


def test_a_sweep_of_a_parked_order_costs_no_trading_request(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "17:00") as lab, Crowd(lab) as crowd:
        _parked(lab, crowd, "a")
        lab.sweep()
        before = lab.mark()
        for _ in range(5):
            lab.sleep(60)
            lab.sweep()
        assert len(trading_calls(lab.control.journal(before))) <= 1, "the clock, every ten minutes"
        assert lab.order("a").run.executions == 1
        assert journal(lab, "request")
