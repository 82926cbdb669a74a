"""Figures of a child order that do not agree: read again, never measured from, and never for ever."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, Guard, check_held, guards, side_by_side
from tests.support.scenes import alerts, by_hand, journal, market_time, on_order, run, send

EDIT = {"kind": "edit", "method": "GET", "path": "/v2/orders*"}
NO_PRICE = EDIT | {"when": {"filled_qty": "100"}}


def _minutes(lab: Lab, count: int) -> None:
    for _ in range(count):
        lab.sweep()
        lab.work()
        lab.sleep(60)


# --- a fill without a price ---


@pytest.mark.parametrize("price", [None, "0"])
@pytest.mark.parametrize("times", [1, 2, 4])
@pytest.mark.parametrize("signal", [{"qty": 100}, BRACKET], ids=["order", "bracket"])
def test_a_fill_without_a_price_is_read_again(lab: Lab, signal: dict[str, Any], times: int, price: str | None) -> None:
    lab.control.faults(NO_PRICE | {"body": {"filled_avg_price": price}, "count": times})
    order = run(lab, **signal)
    assert (order.status, order.filled_qty, order.avg_fill_price) == (Status.FILLED, 100, Decimal("50.98"))
    assert not alerts(lab)
    assert len(order.children) == 1
    if signal is BRACKET:
        assert order.guard.protected
        assert order.guard.protections[0].levels.stop == Decimal("49.98")
    lab.check()


def test_a_price_that_never_shows_is_what_the_position_cost(lab: Lab) -> None:
    lab.control.faults(NO_PRICE | {"body": {"filled_avg_price": None}})
    order = run(lab, **BRACKET)
    assert (order.guard.protected, order.avg_fill_price) == (True, Decimal("50.98"))
    assert order.guard.protections[0].levels.stop == Decimal("49.98")
    assert sum("tells no price" in text for text in alerts(lab)) == 1


def test_a_bracket_whose_price_never_shows_is_protected_at_the_signals_levels(lab: Lab) -> None:
    """Shares of one's own are in the account: what the position cost says nothing about the fill."""
    lab.control.position("TQQQ", 40, "30")
    lab.control.faults(NO_PRICE | {"body": {"filled_avg_price": None}})
    order = run(lab, **BRACKET)
    assert order.guard.protected
    assert (order.guard.protections[0].levels.stop, order.guard.protections[0].levels.target) == (
        Decimal("49.97"),
        Decimal("53.47"),
    )
    assert order.avg_fill_price is None
    assert (order.result.slippage_bps, order.guard.risk_reward, order.result.cap_breached) == (None, None, False)
    assert sum("tells no price" in text for text in alerts(lab)) == 1
    bought = next(entry for entry in journal(lab, "fill"))
    protected = next(entry for entry in journal(lab, event="accepted") if entry["order_class"] == "oco")
    assert bought["at"][:16] == protected["at"][:16], "within the minute"


def test_an_order_whose_price_never_shows_ends_without_one(lab: Lab) -> None:
    lab.control.faults(NO_PRICE | {"body": {"filled_avg_price": None}})
    order = run(lab)
    assert (order.status, order.filled_qty, order.avg_fill_price) == (Status.FILLED, 100, None)
    assert (order.result.slippage_bps, order.result.shortfall_bps, order.result.cap_breached) == (None, None, False)


def test_an_exit_without_a_price_is_read_again_before_it_is_booked(lab: Lab) -> None:
    run(lab, **BRACKET)
    lab.control.faults(NO_PRICE | {"body": {"filled_avg_price": None}, "count": 2})
    lab.control.quote("TQQQ", "53.60", "53.62", 2000, 2000)
    lab.sleep(1)
    _minutes(lab, 1)
    order = lab.order("a")
    assert order.unexited_qty == 0
    assert order.exit_price is not None and order.exit_price >= Decimal("53.40")


def test_filled_with_fewer_shares_than_it_was_for_is_read_again(lab: Lab) -> None:
    """The status was ahead of the quantity: another rung would buy it all a second time."""
    lab.control.faults(EDIT | {"when": {"status": "filled"}, "body": {"filled_qty": "0"}, "count": 3})
    order = run(lab)
    assert (order.status, order.filled_qty, len(order.children)) == (Status.FILLED, 100, 1)
    assert not alerts(lab)
    lab.check()


def test_filled_with_too_few_shares_for_long_is_told_and_nothing_more_is_bought(lab: Lab) -> None:
    lab.control.faults(EDIT | {"when": {"status": "filled"}, "body": {"filled_qty": "40"}})
    send(lab, **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:10"), sweep_every=60)
        order = lab.order("a")
        assert len(order.children) == 1
        assert sum("fewer shares" in text for text in alerts(lab)) == 1
        assert order.uncovered_qty == 0, "what is certain is protected"
        lab.control.faults()
        crowd.work(until=market_time("10:20"), sweep_every=60)
        crowd.work()
    order = lab.order("a")
    assert (order.filled_qty, order.uncovered_qty) == (100, 0)
    assert order.guard.protected


# --- replaced, and nobody says by what ---


def _moved_by_hand(lab: Lab, **terms: Any) -> str:
    (resting,) = [each for each in by_hand(lab, "GET", "orders?status=open") if each["side"] == "buy"]
    successor = by_hand(lab, "PATCH", f"orders/{resting['id']}", terms)
    lab.sleep(0.2)
    return str(successor["id"])


def _rests(lab: Lab, act: Callable[[Lab, Crowd], None], size: int = 2000, **signal: Any) -> Order:
    """A bracket's entry rests (30 shares of it filled if `size` is 30); then something happens to it."""
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, size)
    on_order(lab, "new" if size == 2000 else "fill", "51.20", "51.22")
    send(lab, **(BRACKET | signal))
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:02"))
        act(lab, crowd)
    return lab.order("a")


def test_a_successor_that_is_not_named_is_found_in_the_list(lab: Lab) -> None:
    def act(lab: Lab, crowd: Crowd) -> None:
        lab.control.faults(EDIT | {"when": {"status": "replaced"}, "body": {"replaced_by": None}})
        _moved_by_hand(lab, limit_price="51.23")
        crowd.work()

    order = _rests(lab, act)
    assert (order.filled_qty, order.uncovered_qty) == (100, 0)
    assert not any("fate is unknown" in text for text in alerts(lab))


@pytest.mark.parametrize("size", [2000, 30])
def test_a_fate_that_stays_unknown_is_told_and_looked_at_seldom(lab: Lab, size: int) -> None:
    """The symbol stays locked, what is filled is protected, and requests do not run away."""

    def act(lab: Lab, crowd: Crowd) -> None:
        successor = _moved_by_hand(lab, limit_price="50.90")
        blind = EDIT | {"when": {"status": "replaced"}, "body": {"replaced_by": None}}
        lab.control.faults(blind, {"kind": "hide", "when": {"id": successor}})
        crowd.work(until=market_time("10:02:00"), sweep_every=60)
        before = len(journal(lab, "request"))
        crowd.work(until=market_time("10:12:00"), sweep_every=60)
        asked = [each for each in journal(lab, "request")[before:] if "/v2/orders" in each["path"]]
        assert len(asked) <= 60, "ten minutes"
        order = lab.order("a")
        assert not order.status.terminal, "its symbol stays locked"
        assert order.uncovered_qty == 0
        assert sum("fate is unknown" in text for text in alerts(lab)) == 1
        lab.control.faults()
        crowd.work(until=market_time("10:20:00"), sweep_every=60)
        crowd.work()

    order = _rests(lab, act, size)
    assert order.status.terminal
    assert order.uncovered_qty == 0
    assert not by_hand(lab, "GET", "orders?status=open&side=buy"), "and once it shows, it is followed and cancelled"


# --- both ways of counting a replacement's fills ---


@pytest.mark.parametrize("carries", [True, False])
@pytest.mark.parametrize("late", [False, True])
def test_fills_of_a_replaced_order_add_up(lab: Lab, carries: bool, late: bool) -> None:
    lab.control.settings(replace_carries_fills=carries)

    def act(lab: Lab, crowd: Crowd) -> None:
        _moved_by_hand(lab, limit_price="51.23")
        if late:
            lab.sleep(1)
        crowd.work()

    order = _rests(lab, act, 30)
    assert (order.filled_qty, order.uncovered_qty) == (100, 0)
    assert order.avg_fill_price == (30 * Decimal("50.98") + 70 * Decimal("51.22")) / 100
    assert order.guard.protected or order.unwind.wanted
    assert sum(Decimal(entry["qty"]) for entry in journal(lab, "fill") if entry["side"] == "buy") == 100


@pytest.mark.parametrize("carries", [True, False])
def test_a_replacement_that_is_cancelled_halfway_adds_up(lab: Lab, carries: bool) -> None:
    lab.control.settings(replace_carries_fills=carries)

    def act(lab: Lab, crowd: Crowd) -> None:
        successor = _moved_by_hand(lab, limit_price="51.10")
        lab.control.quote("TQQQ", "51.00", "51.05", 2000, 20)
        lab.sleep(0.2)
        lab.control.quote("TQQQ", "51.20", "51.22", 2000, 2000)
        by_hand(lab, "DELETE", f"orders/{successor}")
        lab.sleep(0.2)
        crowd.work()

    order = _rests(lab, act, 30)
    bought = sum(Decimal(entry["qty"]) for entry in journal(lab, "fill") if entry["side"] == "buy")
    assert bought == 50
    assert order.filled_qty == bought
    assert order.uncovered_qty == 0


# --- more than asked ---


@pytest.mark.parametrize("signal", [{"qty": 100, "max_slippage_bps": 100}, BRACKET], ids=["order", "bracket"])
def test_more_filled_than_asked_is_told(lab: Lab, signal: dict[str, Any]) -> None:
    on_order(lab, "new", "51.20", "51.22")
    send(lab, **signal)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:00.5"))
        _moved_by_hand(lab, qty="120", limit_price="51.23")
        crowd.work()
    order = lab.order("a")
    assert order.filled_qty == 120
    told = [text for text in alerts(lab) if text.startswith("overfilled: 20 TQQQ")]
    assert len(told) == 1
    if signal is not BRACKET:
        assert (order.status, order.reason) == (Status.FILLED, Reason.OVERFILLED)
    assert order.uncovered_qty <= 0, "the surplus is as bare as the rest would be"


# --- a price that no order of this kind gets ---


@pytest.mark.parametrize("price", ["53.00", "51.05", "5.10", "509.80"])
def test_a_price_that_cannot_be_is_read_again_and_nothing_is_sold_for_it(lab: Lab, price: str) -> None:
    """Said once: beyond the limit, or far from the market. Levels, and whether to leave, follow from the price."""
    lab.control.faults(EDIT | {"when": {"status": "filled"}, "body": {"filled_avg_price": price}, "count": 1})
    order = run(lab, **BRACKET)
    assert (order.status, order.avg_fill_price, order.all_exits) == (Status.FILLED, Decimal("50.98"), ())
    assert guards(lab) == [Guard(Decimal(100), Decimal("49.98"), Decimal("53.48"))]
    assert not alerts(lab)
    check_held(lab)


def test_so_is_one_of_a_short(lab: Lab) -> None:
    lab.control.faults(EDIT | {"when": {"status": "filled"}, "body": {"filled_avg_price": "50.80"}, "count": 1})
    order = run(lab, **SHORT)
    assert (order.status, order.avg_fill_price, order.all_exits) == (Status.FILLED, Decimal("50.95"), ())
    assert not alerts(lab)


def test_an_odd_price_that_is_said_twice_is_believed(lab: Lab) -> None:
    lab.control.faults(EDIT | {"when": {"status": "filled"}, "body": {"filled_avg_price": "53.00"}})
    send(lab, **BRACKET)
    side_by_side(lab)
    order = lab.order("a")
    assert (order.status, order.reason) == (Status.UNWOUND, Reason.SLIPPAGE_EXCEEDED)
