"""Outside the regular session: refused unless wanted, limits only, protection that waits for the open with them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from desk.report.truth import trading_calls
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from tests.support.brackets import OCO
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, STOP, TARGET, Guard, check_held, guards, minutes, shares
from tests.support.scenes import alerts, at, journal, lab_at, market_time, on_order, run, send

pytestmark = pytest.mark.usefixtures("aws_credentials")

ON = Settings(SMART_EXECUTOR_ENABLE_EXTENDED_HOURS=True)
WANTED: dict[str, Any] = BRACKET | {"extended_hours": True, "unprotected_ok": True}
"""Limit 50.98: 50.97 and 0.0002 of it."""
MONDAY = "2026-11-23T"
EXTENDED = ["07:00", "16:30"]


def _lab(exchange: ExchangeControl, when: str, settings: Settings = ON) -> AbstractContextManager[Lab]:
    return lab_at(exchange, when, settings)


def _on_monday(lab: Lab, clock: str) -> None:
    """The clock moves on to Monday, New York time; the sweep ran meanwhile."""
    lab.set_clock(f"{MONDAY}{clock}-05:00")
    lab.sleep(10 * 60)
    minutes(lab)


def _bought(lab: Lab) -> Order:
    order = run(lab, "b", **WANTED)
    assert (order.status, order.filled_qty) == (Status.FILLED, 100), f"{order.reason} {order.events}"
    return order


# --- bought ---


@pytest.mark.parametrize("when", EXTENDED)
def test_bought_by_a_tighter_limit_that_works_outside_the_session(exchange: ExchangeControl, when: str) -> None:
    """Design 4: limit orders only, buffer 0.0002, `extended_hours=true`."""
    with _lab(exchange, when) as lab:
        order = _bought(lab)
        sent = journal(lab, event="accepted")[0]
        assert (sent["order_type"], sent["limit_price"], sent["extended_hours"]) == ("limit", "50.98", True)
        assert (order.guard.stop_loss, order.guard.take_profit) == (STOP, TARGET)
        assert [each.signal_id for each in lab.orders.holding("TQQQ")] == ["b"]
        check_held(lab)


@pytest.mark.parametrize("when", EXTENDED)
def test_its_protection_is_placed_at_once_and_waits_for_the_open(exchange: ExchangeControl, when: str) -> None:
    """As lost protection is restored at night: a good-till-cancelled OCO is taken, and works from the open."""
    with _lab(exchange, when) as lab:
        order = _bought(lab)
        assert order.guard.protected is True
        assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
        assert not alerts(lab)
        check_held(lab)


def check_held_unguarded(lab: Lab, qty: int = 100) -> None:
    """Wanted without protection: on the books, nobody alarmed."""
    lab.check()
    assert shares(lab) == qty
    assert guards(lab) == []
    assert not alerts(lab)


@pytest.mark.parametrize("seconds", [0, 0.05, 1])
@pytest.mark.parametrize("signal", [WANTED, WANTED | SHORT], ids=["long", "short"])
def test_what_is_not_taken_up_in_the_first_instant_of_the_session_is_not_told_as_lost(
    exchange: ExchangeControl, signal: dict[str, Any], seconds: float
) -> None:
    with _lab(exchange, "08:30") as lab:
        order = run(lab, "b", **signal)
        assert (order.guard.protected, order.filled_qty) == (True, 100)
        left = at("09:30") - datetime.fromisoformat(lab.control.clock().now)
        lab.sleep(left.total_seconds() + seconds)
        lab.sweep()
        minutes(lab, 2)
        assert not alerts(lab)
        assert lab.order("b").guard.protected
        check_held(lab)


def test_an_entry_that_finds_no_seller_ends_after_its_minute(exchange: ExchangeControl) -> None:
    with _lab(exchange, "16:30") as lab:
        lab.control.quote("TQQQ", "50.96", "50.99", 2000, 2000)
        order = run(lab, "b", **WANTED)
        assert (order.status, order.reason) == (Status.UNFILLED, Reason.FILL_TIMEOUT)
        lab.check()


def test_a_part_that_filled_is_protected_too(exchange: ExchangeControl) -> None:
    with _lab(exchange, "16:30") as lab:
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30)
        on_order(lab, "fill", "50.99", "51.02")
        order = run(lab, "b", **WANTED)
        assert (order.status, order.filled_qty, order.guard.protected) == (Status.PARTIALLY_FILLED, 30, True)
        assert [guard.qty for guard in guards(lab)] == [30]
        check_held(lab)


def test_a_short_outside_the_session(exchange: ExchangeControl) -> None:
    with _lab(exchange, "16:30") as lab:
        order = run(lab, "b", **(SHORT | {"extended_hours": True, "unprotected_ok": True}))
        assert (order.status, order.filled_qty, order.guard.protected) == (Status.FILLED, 100, True)
        assert journal(lab, event="accepted")[0]["limit_price"] == "50.95"
        assert guards(lab) == [Guard(Decimal(100), Decimal("51.95"), Decimal("48.45"))]
        check_held(lab)


# --- protected at the open ---

NOT_NOW = {"code": 42210000, "message": "oco orders are not accepted outside market hours"}
REFUSED = OCO | {"kind": "error", "status": 422, "body": NOT_NOW}


def _from(lab: Lab, when: str, until: str, bid: str = "50.95") -> None:
    """The clock moves on to a time of Monday; until another the sweep runs every minute."""
    lab.set_clock(f"{MONDAY}{when}-05:00")
    lab.control.quote("TQQQ", bid, str(Decimal(bid) + Decimal("0.03")), 2000, 2000)
    with Crowd(lab) as crowd:
        crowd.work(until=f"{MONDAY}{until}-05:00", sweep_every=60)


def test_what_the_broker_does_not_take_at_night_is_placed_in_the_first_second_of_the_session(
    exchange: ExchangeControl,
) -> None:
    with _lab(exchange, "16:30") as lab:
        lab.control.faults(REFUSED)
        order = _bought(lab)
        assert order.guard.protected is False
        minutes(lab, 3)
        check_held_unguarded(lab)
        lab.control.faults()
        lab.set_clock(f"{MONDAY}09:10:00-05:00")
        with Crowd(lab) as crowd:
            crowd.work(until=f"{MONDAY}09:29:59-05:00", sweep_every=60)
            check_held_unguarded(lab)
            crowd.work(until=f"{MONDAY}09:30:02-05:00", sweep_every=60)
        order = lab.order("b")
        assert (order.guard.protected, order.status) == (True, Status.FILLED)
        assert order.guard.protections[-1].placed_at <= at(f"{MONDAY}09:30:01-05:00")
        assert (order.guard.stop_loss, order.guard.take_profit) == (STOP, TARGET)
        assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
        assert not alerts(lab)
        check_held(lab)


@pytest.mark.parametrize("refused", [False, True])
def test_a_sweep_of_the_night_costs_its_two_listings(exchange: ExchangeControl, refused: bool) -> None:
    with _lab(exchange, "16:30") as lab:
        if refused:
            lab.control.faults(REFUSED)
        _bought(lab)
        minutes(lab)
        for _ in range(3):
            mark = lab.mark()
            lab.sleep(60)
            assert lab.sweep()["started"] == 0
            calls = trading_calls(lab.control.journal(mark))
            assert len(calls) <= 2 and set(calls) <= {"GET /v2/positions", "GET /v2/orders"}


@pytest.mark.parametrize("opens_at", ["49.00", "49.90"])
def test_a_market_that_opens_through_the_stop_is_sold_by_it(exchange: ExchangeControl, opens_at: str) -> None:
    with _lab(exchange, "16:30") as lab:
        _bought(lab)
        lab.control.quote("TQQQ", opens_at, str(Decimal(opens_at) + Decimal("0.03")), 2000, 2000)
        _on_monday(lab, "09:20:00")
        minutes(lab)
        order = lab.order("b")
        assert (shares(lab), order.unexited_qty) == (0, 0)
        assert (order.exit_reason, order.exit_price) == ("stop", Decimal(opens_at))
        check_held(lab)


@pytest.mark.parametrize(("opens_at", "cost"), [("49.00", "198.00"), ("49.90", "108.00")])
def test_a_market_that_opens_through_the_stop_of_bare_shares_is_left(
    exchange: ExchangeControl, opens_at: str, cost: str
) -> None:
    """Design 3.9: a stop refused because the price is through it, confirmed by a quote, means unwinding."""
    with _lab(exchange, "16:30") as lab:
        lab.control.faults(REFUSED)
        _bought(lab)
        lab.control.faults()
        _from(lab, "09:25:00", "09:30:20", opens_at)
        order = lab.order("b")
        assert (shares(lab), order.unexited_qty) == (0, 0)
        assert (order.exit_reason, order.exit_price) == ("unwind", Decimal(opens_at))
        assert order.unwind.cost == Decimal(cost)
        check_held(lab)


# --- what should not have been bought ---

DEEP = WANTED | {"signal_price": "50.97", "stop_loss": "49.97", "take_profit": "53.47"}


def _fell_on_arrival(lab: Lab) -> None:
    """The market drops through the signal's stop while the entry is on its way: it fills at 49.53."""
    on_order(lab, "accepted", "49.50", "49.53")
    send(lab, "b", **DEEP)


@pytest.mark.parametrize("opens_at", ["49.50", "50.95", "52.00"])
def test_a_fill_through_the_signals_stop_is_left_at_the_open_whatever_the_market_does_till_then(
    exchange: ExchangeControl, opens_at: str
) -> None:
    with _lab(exchange, "16:30") as lab:
        _fell_on_arrival(lab)
        with Crowd(lab) as crowd:
            crowd.work(until=market_time("16:40"), sweep_every=60)
            order = lab.order("b")
            assert (order.avg_fill_price, order.reason, order.guard.protected) == (
                Decimal("49.53"),
                "stop_through",
                False,
            )
            assert not order.status.terminal
            assert len([text for text in alerts(lab) if "left at the next open" in text]) == 1
            assert guards(lab) == []
            lab.set_clock(f"{MONDAY}09:24:00-05:00")
            lab.control.quote("TQQQ", opens_at, str(Decimal(opens_at) + Decimal("0.03")), 2000, 2000)
            crowd.work(until=f"{MONDAY}09:29:58-05:00", sweep_every=60)
            assert shares(lab) == 100
            crowd.work(until=f"{MONDAY}09:30:10-05:00", sweep_every=60)
            crowd.work()
        order = lab.order("b")
        assert (order.status, order.reason) == (Status.UNWOUND, Reason.STOP_THROUGH)
        assert (order.exit_reason, order.exit_price, shares(lab)) == ("unwind", Decimal(opens_at), 0)
        assert order.exit_at and order.exit_at <= at(f"{MONDAY}09:30:03-05:00")
        assert lab.orders.holder("TQQQ") is None
        check_held(lab)


def test_the_verdict_on_a_fill_survives_the_death_of_its_executions(exchange: ExchangeControl) -> None:
    with _lab(exchange, "16:30") as lab:
        _fell_on_arrival(lab)
        with Crowd(lab) as crowd:
            crowd.work(until=market_time("16:40"), sweep_every=60)
        lab.revive()
        lab.set_clock(f"{MONDAY}09:24:00-05:00")
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        with Crowd(lab) as crowd:
            crowd.work(until=f"{MONDAY}09:30:10-05:00", sweep_every=60)
            crowd.work()
        order = lab.order("b")
        assert (order.status, order.reason, shares(lab)) == (Status.UNWOUND, Reason.STOP_THROUGH, 0)
        check_held(lab)


def test_a_market_that_opens_beyond_the_target_is_sold_at_the_target_or_better(exchange: ExchangeControl) -> None:
    with _lab(exchange, "16:30") as lab:
        _bought(lab)
        lab.control.quote("TQQQ", "54.00", "54.03", 2000, 2000)
        _on_monday(lab, "09:20:00")
        minutes(lab)
        order = lab.order("b")
        assert (order.exit_reason, order.exit_price) == ("target", Decimal("54.00"))
        check_held(lab)


def test_the_old_way_switched_on_overnight_still_protects(exchange: ExchangeControl) -> None:
    with _lab(exchange, "16:30") as lab:
        _bought(lab)
        lab.settings = Settings(USE_SMART_EXECUTOR=False)
        _on_monday(lab, "09:20:00")
        assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
        check_held(lab)


# --- waiting for the open ---


@pytest.mark.parametrize("when", ["09:00", "09:15"])
def test_in_the_half_hour_before_the_open_it_waits_for_it(exchange: ExchangeControl, when: str) -> None:
    """Design 4, Market timing: then it is an ordinary bracket, protected at once."""
    with _lab(exchange, when) as lab:
        order = run(lab, "b", **WANTED)
        assert (order.status, order.guard.protected, order.terms.outside_session) == (Status.FILLED, True, False)
        assert order.first_sent_at and at("09:30") <= order.first_sent_at <= at("09:30:03")
        entry = journal(lab, event="accepted")[0]
        assert (entry["extended_hours"], entry["limit_price"]) == (False, "51")
        check_held(lab)


@pytest.mark.parametrize(
    ("signal", "settings"),
    [(WANTED, Settings()), (BRACKET | {"extended_hours": True}, ON), (BRACKET, ON)],
    ids=["switched off", "unprotected", "not asked"],
)
def test_what_would_be_refused_can_wait_for_the_open(
    exchange: ExchangeControl, signal: dict[str, Any], settings: Settings
) -> None:
    with _lab(exchange, "08:50", settings) as lab:
        send(lab, "b", **(signal | {"when_closed": "next_open"}))
        with Crowd(lab) as crowd:
            crowd.work(until="2026-11-20T09:29:00-05:00")
            assert lab.order("b").status is Status.WAITING
            crowd.work()
        order = lab.order("b")
        assert (order.status, order.guard.protected, order.terms.outside_session) == (Status.FILLED, True, False)
        check_held(lab)


def test_a_close_leaves_what_was_bought_outside_the_session(exchange: ExchangeControl) -> None:
    """It waits for the open; whether the sweep has protected the shares by then makes no difference."""
    with _lab(exchange, "08:50") as lab:
        _bought(lab)
        lab.sleep(15 * 60)
        send(lab, "c", kind="close")
        with Crowd(lab) as crowd:
            crowd.work(until="2026-11-20T09:33:00-05:00", sweep_every=60)
            crowd.work()
        close, order = lab.order("c"), lab.order("b")
        assert (close.status, close.filled_qty, order.exit_reason) == (Status.FILLED, 100, "close")
        check_held(lab)


def test_a_plain_order_never_trades_outside_the_session(exchange: ExchangeControl) -> None:
    with _lab(exchange, "16:30") as lab:
        order = run(lab, "b")
        assert (order.status, order.reason) == (Status.REJECTED, Reason.MARKET_CLOSED)
