"""Protection that the broker refuses: shares are sold on evidence about their price, and for no other reason."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.brackets import CRWD, OCO, bracket, crwd, levels, moves, position
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import SHORT, STOP, TARGET, Guard, check_held, guards, hold, minutes, shares
from tests.support.scenes import alerts, by_hand, journal, lab_at, market_time, run, send, whenever
from tests.support.watching import cancel_protection, lapse

pytestmark = pytest.mark.usefixtures("aws_credentials")

THROUGH = {"code": 42210000, "message": "stop_loss.stop_price must be <= base_price - 0.01", "base_price": "529.40"}
THROUGH_ABOVE = {"code": 42210000, "message": "stop_loss.stop_price must be >= base_price + 0.01", "base_price": "52"}
DAY_TRADES = {"code": 40310100, "message": "trade denied due to pattern day trading protection"}
FORMS = [
    {"code": 42210000, "message": "invalid stop_price 529.4512. sub-penny increment does not fulfill minimum pricing"},
    {"code": 42210000, "message": "stop_price must be positive"},
    {"code": 42210000, "message": "fractional orders must be simple orders"},
    {"code": 42210000, "message": "oco orders must be limit orders"},
    {"code": 40010001, "message": "take_profit.limit_price must be >= base_price + 0.01", "base_price": "600"},
    {"code": 40310000, "message": "something new"},
]


def refuses(body: dict[str, Any], count: int | None = None, status: int = 422) -> dict[str, Any]:
    return OCO | {"kind": "error", "status": status, "body": body} | ({"count": count} if count else {})


def swept(lab: Lab, until: str) -> Order:
    """Minutes pass; the sweep runs in each."""
    with Crowd(lab) as crowd:
        crowd.work(until=market_time(until), sweep_every=60)
        crowd.work()
    return lab.order("a")


def _bare(lab: Lab, order: Order, qty: int = 25) -> None:
    """Nothing was sold; the operator knows."""
    assert (order.status, order.reason, order.guard.protected) == (Status.FAILED, Reason.PROTECTION_FAILED, False)
    assert (order.unexited_qty, position(lab), order.unwind.order_id) == (qty, qty, None)
    assert any("without protection" in text for text in alerts(lab))


# --- its form ---


@pytest.mark.parametrize("body", FORMS, ids=lambda body: body["message"][:30])
def test_protection_refused_for_its_form_leads_to_no_sale(lab: Lab, body: dict[str, Any]) -> None:
    crwd(lab)
    lab.control.faults(refuses(body))
    _bare(lab, bracket(lab))
    lab.control.faults()
    order = swept(lab, "10:04")
    assert (order.guard.protected, levels(order), position(lab)) == (True, ("529.45", "545.50"), 25)
    lab.check()


def test_an_oco_that_is_always_rejected_after_it_was_accepted_leads_to_no_sale(lab: Lab) -> None:
    crwd(lab)
    lab.control.faults(OCO | {"kind": "reject"})
    _bare(lab, bracket(lab))
    lab.control.faults()
    assert swept(lab, "10:04").guard.protected is True
    lab.check()


def test_a_broker_that_takes_no_oco_at_all_is_told_and_tried_again(lab: Lab) -> None:
    crwd(lab)
    lab.control.faults(OCO | {"kind": "drop_before"})
    _bare(lab, bracket(lab))
    lab.control.faults()
    assert swept(lab, "10:15").guard.protected is True
    lab.check()


def test_shares_that_wait_bare_are_told_every_quarter_of_an_hour_and_not_every_minute(lab: Lab) -> None:
    crwd(lab)
    lab.control.faults(refuses(FORMS[0]))
    bracket(lab)
    swept(lab, "10:44")
    told = [text for text in alerts(lab) if "without protection" in text]
    assert 2 <= len(told) <= 3, told
    lab.check()


def test_the_tries_are_a_second_apart_and_then_slower(lab: Lab) -> None:
    crwd(lab)
    lab.control.faults(refuses(FORMS[0]))
    bracket(lab)
    sent = [e for e in journal(lab, "request") if (e["method"], e["path"]) == ("POST", "/v2/orders")][1:]
    assert len(sent) == 7
    assert len(lab.order("a").guard.protections) <= 10


def test_shares_that_wait_bare_are_left_once_the_market_is_through_their_stop(lab: Lab) -> None:
    """The broker never says so: it does not get so far as to look."""
    crwd(lab)
    lab.control.faults(refuses(FORMS[0]))
    moves(lab, "fill", "529.00", "529.10", after=5)
    order = bracket(lab)
    assert (order.status, order.reason) == (Status.UNWOUND, Reason.PROTECTION_FAILED)
    assert (order.exit_price, position(lab)) == (Decimal("529.00"), 0)


def test_one_look_at_a_market_through_the_stop_is_not_enough_without_the_brokers_word(lab: Lab) -> None:
    crwd(lab)
    lab.control.faults(refuses(FORMS[0], 1))
    moves(lab, "fill", "529.00", "529.10")
    moves(lab, "fill", "534.70", "534.80", after=0.7)
    order = bracket(lab)
    assert (order.status, order.guard.protected, position(lab)) == (Status.FILLED, True, 25)


# --- "the market is through the stop" ---


@pytest.mark.parametrize("times", [1, 3, 5])
def test_a_stop_that_is_said_to_be_reached_is_not_believed_against_the_quote(lab: Lab, times: int) -> None:
    crwd(lab)
    lab.control.faults(refuses(THROUGH, times))
    order = bracket(lab)
    assert (order.status, order.guard.protected, position(lab)) == (Status.FILLED, True, 25)
    assert levels(order) == ("529.45", "545.50")


def test_a_stop_of_a_short_that_is_said_to_be_reached_is_not_believed_either(lab: Lab) -> None:
    lab.control.faults(refuses(THROUGH_ABOVE, 2))
    order = hold(lab, **SHORT)
    assert (order.status, shares(lab)) == (Status.FILLED, -100)
    check_held(lab)


def test_a_broker_that_insists_against_the_quote_leaves_the_shares_bare_and_told(lab: Lab) -> None:
    crwd(lab)
    lab.control.faults(refuses(THROUGH))
    _bare(lab, bracket(lab))
    lab.control.faults()
    assert swept(lab, "10:05").guard.protected is True
    lab.check()


@pytest.mark.parametrize("how", ["frozen", "no answer", "crossed"])
def test_without_a_quote_to_trade_on_it_is_not_believed(lab: Lab, how: str) -> None:
    crwd(lab)
    send(lab, **CRWD)
    lab.control.faults(refuses(THROUGH))
    silent = {"method": "GET", "path": "/v2/stocks/*", "kind": "error", "status": 503}
    change = {
        "frozen": lambda: lab.control.quote("CRWD", "529.00", "529.10", 500, 500, frozen=True),
        "no answer": lambda: lab.control.faults(refuses(THROUGH), silent),
        "crossed": lambda: lab.control.quote("CRWD", "529.10", "529.00", 500, 500),
    }[how]
    if how == "frozen":
        whenever(lab, "broker.protect", lambda: (change(), lab.sleep(15)))  # type: ignore[arg-type,func-returns-value]
    else:
        whenever(lab, "broker.protect", change)
    with Crowd(lab) as crowd:
        crowd.work()
    _bare(lab, lab.order("a"))


def test_a_stop_that_is_reached_by_the_second_try_is_believed(lab: Lab) -> None:
    crwd(lab)
    lab.control.faults(refuses(THROUGH))
    moves(lab, "fill", "529.40", "529.50", after=1.5)
    order = bracket(lab)
    assert (order.status, order.reason, position(lab)) == (Status.UNWOUND, Reason.PROTECTION_FAILED, 0)


# --- whole shares ---


@pytest.mark.parametrize(
    ("sold", "whole", "odd"), [("3.5", 6, "0.5"), ("9.25", 0, "0.75"), ("1.999999", 8, "0.000001")]
)
def test_a_close_of_a_fraction_leaves_whole_shares_protected_and_the_odd_one_told(
    lab: Lab, sold: str, whole: int, odd: str
) -> None:
    crwd(lab, "534.75", "534.80")
    bracket(lab, qty=10)
    close = _worked(lab, "c", kind="close", symbol="CRWD", qty=sold)
    order = lab.order("a")
    assert (close.status, close.filled_qty) == (Status.FILLED, Decimal(sold))
    assert [guard.qty for guard in guards(lab, "CRWD")] == ([whole] if whole else [])
    assert (order.odd_qty, order.needs_care) == (Decimal(odd), False)
    assert order.guard.protected is (True if whole else None)
    if whole:
        assert guards(lab, "CRWD") == [Guard(Decimal(whole), Decimal("529.45"), Decimal("545.50"))]
    told = [text for text in alerts(lab) if "whole shares only" in text]
    assert len(told) == 1 and odd in told[0]
    assert any(odd in event.detail for event in order.events)
    minutes(lab, 20)
    assert len([text for text in alerts(lab) if "protection" in text]) == 1
    assert lab.order("a").run.executions == 1, "nothing goes on trying for a fraction"
    check_held(lab, "CRWD", naked=Decimal(odd))


def test_a_fraction_of_a_bracket_can_still_be_closed(lab: Lab) -> None:
    crwd(lab)
    bracket(lab, qty=10)
    _worked(lab, "c", kind="close", symbol="CRWD", qty="3.5")
    rest = _worked(lab, "d", kind="close", symbol="CRWD")
    assert (rest.status, rest.filled_qty, position(lab)) == (Status.FILLED, Decimal("6.5"), 0)
    assert lab.order("a").unexited_qty == 0
    check_held(lab, "CRWD")


def test_what_somebody_sold_a_fraction_of_is_protected_in_whole_shares(lab: Lab) -> None:
    order = lapse(lab)
    assert order.unexited_qty == 100
    sale = {"symbol": "TQQQ", "qty": "40.5", "side": "sell", "type": "market", "time_in_force": "day"}
    by_hand(lab, "POST", "orders", sale)
    minutes(lab, 5)
    assert [guard.qty for guard in guards(lab)] == [59]
    assert lab.order("b").odd_qty == Decimal("0.5")
    check_held(lab, naked=Decimal("0.5"), strangers=True)


def test_fractions_add_up_to_whole_shares_and_fewer_are_guarded(lab: Lab) -> None:
    hold(lab, qty=10)
    for signal_id, qty in (("c", "0.3"), ("d", "0.3"), ("e", "0.5")):
        _worked(lab, signal_id, kind="close", qty=qty)
    assert guards(lab) == [Guard(Decimal(8), STOP, TARGET)]
    assert lab.order("b").odd_qty == Decimal("0.9")
    check_held(lab, naked=Decimal("0.9"))


def test_a_fraction_that_a_target_leaves_is_not_protected_and_nobody_says_so(lab: Lab) -> None:
    hold(lab, qty=10)
    _worked(lab, "c", kind="close", qty="3.5")
    lab.control.quote("TQQQ", "53.60", "53.63", 2000, 2000)
    lab.sleep(1)
    minutes(lab, 3)
    order = lab.order("b")
    assert (order.unexited_qty, order.guard.protected, order.needs_care) == (Decimal("0.5"), None, False)
    check_held(lab, naked=Decimal("0.5"))


def _worked(lab: Lab, signal_id: str, **signal: Any) -> Order:
    send(lab, signal_id, **signal)
    with Crowd(lab) as crowd:
        crowd.work()
    return lab.order(signal_id)


# --- day-trading rules ---


def test_protection_refused_by_a_day_trading_rule_is_told_once_and_tried_on_the_next_day(
    exchange: ExchangeControl,
) -> None:
    with lab_at(exchange, "2026-11-19T10:00:00-05:00") as lab:
        lab.control.faults(refuses(DAY_TRADES, status=403))
        order = run(lab, "b", **(SHORT | {"side": "buy"} | _LONG))
        assert (order.status, order.reason, order.guard.protected) == (Status.FAILED, Reason.PROTECTION_FAILED, False)
        sent = _tries(lab)
        with Crowd(lab) as crowd:
            crowd.work(until="2026-11-19T10:30:00-05:00", sweep_every=60)
        assert _tries(lab) == sent == 1, "it cannot succeed on the same day"
        told = [text for text in alerts(lab) if "day trading" in text]
        assert len(told) == 1 and "next open" in told[0]
        lab.control.faults()
        lab.set_clock("2026-11-20T09:27:00-05:00")
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        with Crowd(lab) as crowd:
            crowd.work(until="2026-11-20T09:30:02-05:00", sweep_every=60)
        assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
        check_held(lab)


def test_a_close_refused_by_a_day_trading_rule_is_told_once_and_protection_stands_again(lab: Lab) -> None:
    hold(lab)
    sale = {"method": "POST", "path": "/v2/orders", "side": "sell", "order_class": "simple"}
    lab.control.faults(sale | {"kind": "error", "status": 403, "body": DAY_TRADES})
    close = run(lab, "c", kind="close")
    assert (close.status, close.reason) == (Status.REJECTED, Reason.DAY_TRADE_LIMIT)
    assert len(alerts(lab)) == 1
    minutes(lab, 20)
    assert len(alerts(lab)) == 1
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    check_held(lab)


_LONG = {"signal_price": "50.97", "stop_loss": "49.97", "take_profit": "53.47"}


def _tries(lab: Lab) -> int:
    """OCOs that were sent."""
    sent = [e for e in journal(lab, "request") if (e["method"], e["path"]) == ("POST", "/v2/orders")]
    return len(sent) - 1


def test_protection_that_was_cancelled_is_restored_though_other_forms_were_refused_before(lab: Lab) -> None:
    order = hold(lab)
    cancel_protection(lab, order)
    lab.control.faults(refuses(FORMS[5], 3, 403))
    minutes(lab, 3)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    check_held(lab)


def test_an_unwind_refused_by_a_day_trading_rule_is_tried_on_the_next_day_and_told_seldom(
    exchange: ExchangeControl,
) -> None:
    with lab_at(exchange, "2026-11-19T10:00:00-05:00") as lab:
        crwd(lab)
        moves(lab, "fill", "529.00", "529.10")
        sale = {"method": "POST", "path": "/v2/orders", "side": "sell", "order_class": "simple"}
        lab.control.faults(sale | {"kind": "error", "status": 403, "body": DAY_TRADES})
        send(lab, **CRWD)
        with Crowd(lab) as crowd:
            crowd.work(until="2026-11-19T11:00:00-05:00", sweep_every=60)
        order = lab.order("a")
        assert (order.status, order.guard.protected, position(lab)) == (Status.FAILED, False, 25)
        sales = [e for e in journal(lab, "request") if (e["method"], e["path"]) == ("POST", "/v2/orders")]
        assert len(sales) <= 5, "it cannot succeed on the same day"
        assert sum("could not be left" in text for text in alerts(lab)) == 1
        assert any("day-trading rule" in text and "next open" in text for text in alerts(lab))
        lasting = [text for text in alerts(lab) if "gone through the stop" in text or "without protection" in text]
        assert len(lasting) <= 2 * 5, "each lasting trouble at once, and every 15 minutes"
        lab.control.faults()
        lab.set_clock("2026-11-20T09:27:00-05:00")
        crwd(lab, "529.00", "529.10")
        with Crowd(lab) as crowd:
            crowd.work(until="2026-11-20T09:31:00-05:00", sweep_every=60)
            crowd.work()
        assert (lab.order("a").exit_reason, position(lab)) == ("unwind", 0)
        lab.check()
