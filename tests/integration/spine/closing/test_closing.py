"""A close takes down what protects a position, sells what is really left, and protects again what remains."""

from __future__ import annotations

from decimal import Decimal

from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import (
    SHORT,
    STOP,
    TARGET,
    Guard,
    check_held,
    closed_by,
    free_shares,
    guards,
    hold,
    shares,
)
from tests.support.scenes import at, journal, outcomes, run, send, submits

SUBMIT = {"method": "POST", "path": "/v2/orders"}
OCO = SUBMIT | {"order_class": "oco"}


def _close(lab: Lab, signal_id: str = "c", **signal: object) -> Order:
    return run(lab, signal_id, kind="close", **signal)


# --- what is sold, and from whom ---


def test_a_close_of_a_protected_bracket_ends_flat(lab: Lab) -> None:
    """Design 4, Sides: cancels the OCO, sells what is really left by `unwind`."""
    hold(lab)
    close = _close(lab)
    assert (close.status, close.side, close.filled_qty, close.terms.ladder) == (Status.FILLED, "sell", 100, "unwind")
    assert (shares(lab), guards(lab)) == (0, [])
    check_held(lab)


def test_the_protection_is_gone_for_certain_before_the_first_sale(lab: Lab) -> None:
    """Design 3.1: a cancel is a request; only a read by id says that it happened."""
    lab.control.settings(cancel_ms=2500)
    hold(lab)
    _close(lab)
    cancelled = [entry for entry in journal(lab, event="canceled") if entry["order_class"] == "oco"]
    sale = [entry for entry in journal(lab, event="accepted") if entry["side"] == "sell" and not entry["order_class"]]
    assert len(cancelled) == 2
    assert max(entry["seq"] for entry in cancelled) < sale[0]["seq"]
    check_held(lab)


def test_the_bracket_remembers_how_it_was_left(lab: Lab) -> None:
    hold(lab)
    lab.sleep(30)
    lab.control.quote("TQQQ", "51.45", "51.48", 2000, 2000)
    close = _close(lab)
    bracket = lab.order("b")
    assert (bracket.status, bracket.filled_qty, bracket.unexited_qty) == (Status.FILLED, 100, 0)
    assert (bracket.exit_price, bracket.exit_reason) == (Decimal("51.45"), "close")
    assert bracket.exit_at and close.first_sent_at and bracket.exit_at >= close.first_sent_at > at("10:00:30")


def test_a_closed_position_is_off_the_list_of_positions(lab: Lab) -> None:
    hold(lab)
    assert lab.orders.holding_shares() == [lab.order("b").order_id]
    _close(lab)
    assert lab.orders.holding("TQQQ") == []
    assert lab.orders.holding_shares() == []


def test_a_partial_close_protects_the_rest_at_the_same_levels(lab: Lab) -> None:
    hold(lab)
    lab.control.quote("TQQQ", "51.95", "51.98", 2000, 2000)
    close = _close(lab, qty=30)
    assert (close.status, close.filled_qty) == (Status.FILLED, 30)
    assert guards(lab) == [Guard(Decimal(70), STOP, TARGET)]
    bracket = lab.order("b")
    assert (bracket.unexited_qty, bracket.guard.protected) == (70, True)
    assert (bracket.guard.stop_loss, bracket.guard.take_profit) == (STOP, TARGET)
    check_held(lab)


def test_partial_closes_add_up(lab: Lab) -> None:
    hold(lab)
    for number, left in enumerate((70, 40, 10), start=1):
        _close(lab, f"c{number}", qty=30)
        assert [guard.qty for guard in guards(lab)] == [left]
        check_held(lab)
    last = _close(lab, "c4", qty=30)
    assert last.filled_qty == 10
    bracket = lab.order("b")
    assert (bracket.unexited_qty, len(bracket.guard.exits)) == (0, 4)
    check_held(lab)


def test_a_close_of_more_than_there_is_takes_what_there_is(lab: Lab) -> None:
    hold(lab)
    close = _close(lab, qty=300)
    assert (close.status, close.filled_qty) == (Status.FILLED, 100)
    check_held(lab)


def test_a_close_of_all_takes_several_brackets(lab: Lab) -> None:
    hold(lab, "b1", qty=100)
    hold(lab, "b2", qty=50)
    close = _close(lab)
    assert close.filled_qty == 150
    assert closed_by([lab.order("b1"), lab.order("b2")], close) == [100, 50]
    assert {lab.order(each).exit_reason for each in ("b1", "b2")} == {"close"}
    check_held(lab)


def test_the_oldest_bracket_is_left_first(lab: Lab) -> None:
    hold(lab, "b1", qty=100)
    hold(lab, "b2", qty=50)
    close = _close(lab, qty=120)
    assert closed_by([lab.order("b1"), lab.order("b2")], close) == [100, 20]
    assert [guard.qty for guard in guards(lab)] == [30]
    check_held(lab)


def test_brackets_that_are_not_needed_keep_their_protection(lab: Lab) -> None:
    hold(lab, "b1", qty=100)
    hold(lab, "b2", qty=50)
    kept = lab.order("b2").protective_order_id
    close = _close(lab, qty=40)
    assert closed_by([lab.order("b1"), lab.order("b2")], close) == [40, 0]
    assert lab.order("b2").protective_order_id == kept
    cancelled = {entry["client_order_id"] for entry in journal(lab, event="canceled")}
    assert not any(each.startswith(lab.order("b2").order_id) for each in cancelled)
    assert sorted(guard.qty for guard in guards(lab)) == [50, 60]
    check_held(lab)


def test_shares_without_protection_go_first(lab: Lab) -> None:
    lab.control.position("TQQQ", 60, "40")
    hold(lab)
    close = _close(lab, qty=60)
    assert close.filled_qty == 60
    assert not [entry for entry in journal(lab, event="canceled") if entry["order_class"] == "oco"]
    assert lab.order("b").unexited_qty == 100
    check_held(lab)


def test_a_bracket_gives_only_what_free_shares_lack(lab: Lab) -> None:
    lab.control.position("TQQQ", 60, "40")
    hold(lab)
    close = _close(lab, qty=90)
    assert close.filled_qty == 90
    assert closed_by([lab.order("b")], close) == [30]
    assert guards(lab) == [Guard(Decimal(70), STOP, TARGET)]
    check_held(lab)


def test_a_close_of_all_takes_free_shares_and_brackets(lab: Lab) -> None:
    lab.control.position("TQQQ", 60, "40")
    hold(lab)
    close = _close(lab)
    assert close.filled_qty == 160
    assert closed_by([lab.order("b")], close) == [100]
    check_held(lab)


def test_other_symbols_are_left_alone(lab: Lab) -> None:
    lab.control.quote("SOXL", "50.95", "50.98", 2000, 2000)
    hold(lab)
    hold(lab, "other", symbol="SOXL")
    _close(lab)
    assert shares(lab, "SOXL") == 100
    check_held(lab)
    check_held(lab, "SOXL")


def test_a_close_of_a_short_buys_it_back(lab: Lab) -> None:
    hold(lab, **SHORT)
    assert shares(lab) == -100
    close = _close(lab)
    assert (close.status, close.side, close.filled_qty) == (Status.FILLED, "buy", 100)
    bracket = lab.order("b")
    assert (bracket.exit_price, bracket.exit_reason, bracket.unexited_qty) == (Decimal("50.98"), "close", 0)
    assert lab.orders.holding_shares() == []
    check_held(lab)


def test_a_partial_close_of_a_short_protects_the_rest(lab: Lab) -> None:
    hold(lab, **SHORT)
    close = _close(lab, qty=40)
    assert (close.side, close.filled_qty, shares(lab)) == ("buy", 40, -60)
    assert guards(lab) == [Guard(Decimal(60), Decimal("51.95"), Decimal("48.45"))]
    check_held(lab)


def test_a_close_when_flat_says_so(lab: Lab) -> None:
    hold(lab)
    _close(lab)
    again = _close(lab, "again")
    assert (again.status, again.reason, again.children) == (Status.REJECTED, Reason.NO_POSITION, ())
    check_held(lab)


def test_a_new_bracket_after_a_close_is_a_position_of_its_own(lab: Lab) -> None:
    hold(lab, "b1")
    _close(lab)
    hold(lab, "b2", qty=40)
    assert [order.signal_id for order in lab.orders.holding("TQQQ")] == ["b2"]
    check_held(lab)


# --- more than one close ---


def test_of_two_closes_the_second_finds_nothing_left(lab: Lab) -> None:
    hold(lab)
    send(lab, "c1", kind="close")
    lab.sleep(0.001)
    send(lab, "c2", kind="close")
    with Crowd(lab) as crowd:
        crowd.work()
    first, second = lab.order("c1"), lab.order("c2")
    assert (first.status, first.filled_qty) == (Status.FILLED, 100)
    assert (second.status, second.reason) == (Status.REJECTED, Reason.NO_POSITION)
    check_held(lab)


def test_two_partial_closes_at_once_each_take_their_part(lab: Lab) -> None:
    hold(lab)
    send(lab, "c1", kind="close", qty=30)
    lab.sleep(0.001)
    send(lab, "c2", kind="close", qty=50)
    with Crowd(lab) as crowd:
        crowd.work()
    assert [lab.order(each).filled_qty for each in ("c1", "c2")] == [30, 50]
    assert guards(lab) == [Guard(Decimal(20), STOP, TARGET)]
    check_held(lab)


def test_the_close_publishes_its_own_outcome_and_the_brackets_is_not_published_again(lab: Lab) -> None:
    hold(lab)
    _close(lab)
    assert [each["signal_id"] for each in outcomes(lab)] == ["b", "c"]


def test_a_close_costs_few_requests(lab: Lab) -> None:
    hold(lab)
    mark = lab.mark()
    _close(lab)
    calls = [e for e in lab.control.journal(mark) if e["type"] == "request" and "/stocks/" not in e["path"]]
    assert len(calls) <= 7, [f"{call['method']} {call['path']}" for call in calls]
    assert len(submits(lab)) == 3
    assert free_shares(lab) == 0
