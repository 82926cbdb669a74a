"""The legs of a protective order: one that dies alone, one that somebody replaces, what each of them took."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from desk.report.truth import trading_calls
from repeg.domain.models import to_json
from repeg.domain.order.protection import ProtectionStatus
from repeg.domain.reasons import Status
from tests.support.brackets import OCO
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, STOP, TARGET, Guard, check_held, guards, hold, minutes, shares
from tests.support.scenes import alerts, by_hand, journal, lab_at, send
from tests.support.watching import moves

ENDS = ["canceled", "rejected", "expired"]
SHORT_GUARD = Guard(Decimal(100), Decimal("51.95"), Decimal("48.45"))


def _dies(lab: Lab, role: str, event: str = "canceled") -> None:
    """One leg of the protection dies alone."""
    lab.control.end_leg(role, event, symbol="TQQQ")


def _stops_at_work(lab: Lab, symbol: str = "TQQQ") -> int:
    listed = by_hand(lab, "GET", "orders?status=open&nested=true&limit=500")
    groups = [each for each in listed if each["symbol"] == symbol and each["order_class"] == "oco"]
    legs = [leg for each in groups for leg in [each, *(each["legs"] or [])] if leg["stop_price"]]
    return len([leg for leg in legs if leg["status"] in ("new", "held", "accepted")])


# --- one leg dies ---


@pytest.mark.parametrize("event", ENDS)
@pytest.mark.parametrize("signal", [{}, SHORT], ids=["long", "short"])
def test_a_target_without_its_stop_guards_nothing_and_is_replaced_by_the_next_sweep(
    lab: Lab, event: str, signal: dict[str, Any]
) -> None:
    hold(lab, **signal)
    _dies(lab, "stop_loss", event)
    minutes(lab)
    order = lab.order("b")
    assert (order.guard.protected, len(order.guard.protections)) == (True, 2)
    assert guards(lab) == [SHORT_GUARD if signal else Guard(Decimal(100), STOP, TARGET)]
    assert _stops_at_work(lab) == 1
    assert any("100 TQQQ lost their protection" in text for text in alerts(lab))
    check_held(lab)


@pytest.mark.parametrize("event", ENDS)
@pytest.mark.parametrize("signal", [{}, SHORT], ids=["long", "short"])
def test_a_stop_without_its_target_goes_on_guarding_until_the_pair_is_placed_anew(
    lab: Lab, event: str, signal: dict[str, Any]
) -> None:
    hold(lab, **signal)
    _dies(lab, "take_profit", event)
    minutes(lab)
    order = lab.order("b")
    assert (order.guard.protected, len(order.guard.protections)) == (True, 2)
    assert guards(lab) == [SHORT_GUARD if signal else Guard(Decimal(100), STOP, TARGET)]
    check_held(lab)


@pytest.mark.parametrize("role", ["stop_loss", "take_profit"])
def test_a_leg_that_dies_before_it_was_seen_live_is_found_at_once(lab: Lab, role: str) -> None:
    lab.control.faults({"method": "GET", "path": "/v2/orders/*", "order_class": "oco", "kind": "error", "status": 503})
    send(lab, "b", **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-20T10:00:02-05:00")
        _dies(lab, role)
        lab.control.faults()
        crowd.work()
    order = lab.order("b")
    assert (order.status, order.guard.protected, len(order.guard.protections)) == (Status.FILLED, True, 2)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    check_held(lab)


def test_what_the_target_took_before_its_stop_died_stays_taken(lab: Lab) -> None:
    hold(lab)
    lab.control.quote("TQQQ", "53.50", "53.53", 30, 2000, frozen=True)
    lab.sleep(2)
    lab.control.quote("TQQQ", "51.00", "51.03", 2000, 2000)
    _dies(lab, "stop_loss")
    minutes(lab)
    order = lab.order("b")
    assert (order.unexited_qty, order.exit_reason, order.guard.protected) == (70, "target", True)
    assert guards(lab) == [Guard(Decimal(70), STOP, TARGET)]
    assert shares(lab) == 70
    check_held(lab)


def test_of_two_brackets_only_the_one_with_the_dead_leg_is_placed_anew(lab: Lab) -> None:
    good, bad = hold(lab, "good"), hold(lab, "bad", qty=50)
    lab.control.end_leg("stop_loss", "canceled", order_id=bad.protective_order_id)
    minutes(lab)
    assert [len(lab.order(each).guard.protections) for each in ("good", "bad")] == [1, 2]
    assert lab.order("good").protective_order_id == good.protective_order_id
    assert sorted(guard.qty for guard in guards(lab)) == [50, 100]
    check_held(lab)


def test_a_target_without_its_stop_whose_cancel_hangs_is_told_and_replaced_in_the_end(lab: Lab) -> None:
    hold(lab)
    _dies(lab, "stop_loss")
    lab.control.faults({"method": "DELETE", "path": "/v2/orders/*", "kind": "stuck_cancel"})
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-20T10:03:00-05:00", sweep_every=60)
        order = lab.order("b")
        assert (order.guard.protected, order.unguarded_qty) == (False, 100)
        assert any("cancel not confirmed" in text for text in alerts(lab))
        lab.control.faults()
        crowd.work(until="2026-11-20T10:06:00-05:00", sweep_every=60)
        crowd.work()
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    check_held(lab)


def test_a_market_that_falls_while_the_stop_is_dead_is_left(lab: Lab) -> None:
    hold(lab)
    _dies(lab, "stop_loss")
    moves(lab, "49.50")
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.unexited_qty, order.exit_reason, shares(lab)) == (0, "unwind", 0)
    check_held(lab)


def test_a_stop_without_its_target_is_left_alone_at_night(exchange: ExchangeControl, aws_credentials: None) -> None:
    """A cancel may hang until the open, and the stop guards: the pair is placed anew in the session."""
    with lab_at(exchange, "15:50") as lab:
        hold(lab)
        lab.sleep(2 * 3600)
        lab.sweep()
        _dies(lab, "take_profit")
        minutes(lab, 3)
        assert lab.order("b").guard.protections[0].status is ProtectionStatus.TARGETLESS
        assert len(lab.order("b").guard.protections) == 1
        executions = lab.order("b").run.executions
        minutes(lab, 10)
        assert lab.order("b").run.executions == executions, "nothing is tried all night"
        lab.set_clock("2026-11-23T09:27:00-05:00")
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        with Crowd(lab) as crowd:
            crowd.work(until="2026-11-23T09:31:05-05:00", sweep_every=60)
        assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
        check_held(lab)


# --- what a leg took while the rest rests ---


@pytest.mark.parametrize("signal", [{}, SHORT], ids=["long", "short"])
def test_shares_taken_in_part_are_recorded_within_one_sweep(lab: Lab, signal: dict[str, Any]) -> None:
    hold(lab, **signal)
    if signal:
        lab.control.quote("TQQQ", "48.37", "48.40", 2000, 30, frozen=True)
    else:
        lab.control.quote("TQQQ", "53.50", "53.53", 30, 2000, frozen=True)
    lab.sleep(2)
    minutes(lab)
    order = lab.order("b")
    assert (order.unexited_qty, order.guard.protected, order.needs_care) == (70, True, False)
    assert abs(shares(lab)) == 70
    assert not alerts(lab)
    check_held(lab)


def test_a_part_that_was_recorded_costs_no_further_request(lab: Lab) -> None:
    hold(lab)
    lab.control.quote("TQQQ", "53.50", "53.53", 30, 2000, frozen=True)
    lab.sleep(2)
    minutes(lab)
    mark = lab.mark()
    minutes(lab, 3)
    assert not [call for call in trading_calls(lab.control.journal(mark)) if "/orders/" in call]


# --- replaced by hand ---


@pytest.mark.parametrize("carries", [True, False], ids=["goes on counting", "counts anew"])
@pytest.mark.parametrize("seen_before", [True, False])
@pytest.mark.parametrize(("then", "left"), [(0, 70), (20, 50), (40, 30), (70, 0)])
def test_what_a_target_took_before_and_after_it_was_replaced_adds_up(
    lab: Lab, carries: bool, seen_before: bool, then: int, left: int
) -> None:
    """Facts 1.4: whether the successor's filled quantity starts at that of the old order is not documented."""
    hold(lab)
    lab.control.settings(replace_carries_fills=carries)
    _took(lab, 30)
    if seen_before:
        minutes(lab)
    by_hand(lab, "PATCH", f"orders/{lab.order('b').protective_order_id}", {"limit_price": "54.00"})
    lab.sleep(1)
    if seen_before:
        minutes(lab)
        assert lab.order("b").unexited_qty == 70
    if then:
        _took(lab, then, "54.10")
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.unexited_qty, shares(lab)) == (left, left)
    assert order.needs_care is False
    sold = [(gone.qty, gone.price) for gone in order.all_exits]
    assert sold == [(30, Decimal("53.50")), *([(then, Decimal("54.10"))] if then else [])]
    assert not [text for text in alerts(lab) if "too many" in text or "unknown" in text]
    lab.check(strangers=True)


@pytest.mark.parametrize("carries", [True, False], ids=["goes on counting", "counts anew"])
def test_a_target_that_was_replaced_twice_adds_up(lab: Lab, carries: bool) -> None:
    hold(lab)
    lab.control.settings(replace_carries_fills=carries)
    for price, qty in (("53.60", 10), ("53.70", 20), ("53.80", 30)):
        _took(lab, qty, price)
        order = lab.order("b")
        at_work = [each for each in by_hand(lab, "GET", "orders?status=open&nested=true") if each["symbol"] == "TQQQ"]
        up = str(Decimal(price) + Decimal("0.05"))
        by_hand(lab, "PATCH", f"orders/{at_work[0]['id']}", {"limit_price": up})
        lab.sleep(1)
        minutes(lab)
    order = lab.order("b")
    assert (order.unexited_qty, shares(lab), order.needs_care) == (40, 40, False)
    lab.check(strangers=True)


@pytest.mark.parametrize("carries", [True, False], ids=["goes on counting", "counts anew"])
def test_a_stop_that_was_replaced_after_the_target_took_a_part_sells_the_rest(lab: Lab, carries: bool) -> None:
    hold(lab)
    lab.control.settings(replace_carries_fills=carries)
    _took(lab, 30)
    minutes(lab)
    stop = next(e for e in journal(lab, event="accepted") if e["order_class"] == "oco" and e["stop_price"])
    by_hand(lab, "PATCH", f"orders/{stop['order_id']}", {"stop_price": "50.50"})
    lab.sleep(1)
    minutes(lab)
    assert (lab.order("b").guard.protected, lab.order("b").unexited_qty) == (True, 70)
    moves(lab, "50.40")
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.unexited_qty, shares(lab), order.exit_reason) == (0, 0, "stop")
    lab.check(strangers=True)


def _took(lab: Lab, qty: int, bid: str = "53.50") -> None:
    """The target sells so many shares, and the market goes back."""
    lab.control.quote("TQQQ", bid, str(Decimal(bid) + Decimal("0.03")), qty, 2000, frozen=True)
    lab.sleep(1)
    lab.control.quote("TQQQ", "51.00", "51.03", 2000, 2000)
    lab.sleep(1)


# --- days of refusals ---


def test_protection_that_is_refused_for_days_does_not_fill_the_record(lab: Lab) -> None:
    order = hold(lab)
    by_hand(lab, "DELETE", f"orders/{order.protective_order_id}")
    lab.control.faults(OCO | {"kind": "reject"})
    minutes(lab, 30)
    order = lab.order("b")
    assert order.guard.ocos > 30
    assert len(order.guard.protections) <= 18, "the newest ten, and those of the round under way"
    assert (order.guard.stop_loss, order.guard.take_profit) == (STOP, TARGET)
    assert len(to_json(order)) < 100_000
    lab.control.faults()
    minutes(lab, 11)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    check_held(lab)
