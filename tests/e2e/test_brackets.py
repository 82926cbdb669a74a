"""Brackets on the real stack: entered near the signal's price, protected from the fill, left when it must be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.cloud import Cloud

pytestmark = pytest.mark.cloud

SIGNAL = {
    "kind": "bracket",
    "symbol": "CRWD",
    "qty": 25,
    "signal_price": "534.82",
    "stop_loss": "529.47",
    "take_profit": "545.52",
}


def _quote(cloud: Cloud, bid: str, ask: str, size: int = 500) -> None:
    cloud.exchange.quote("CRWD", bid, ask, size, size)


def _bracket(cloud: Cloud, name: str, **changes: Any) -> Order:
    cloud.send(signal_id=name, **(SIGNAL | changes))
    [order] = cloud.ended(name)
    return order


def _is_flat(cloud: Cloud) -> bool:
    """True when the exchange's own journal adds up to no shares of CRWD."""
    fills = [entry for entry in cloud.exchange.journal() if entry["type"] == "fill" and entry["symbol"] == "CRWD"]
    return sum(Decimal(fill["qty"]) * (1 if fill["side"] == "buy" else -1) for fill in fills) == 0


def test_a_bracket_is_filled_and_protected_within_its_budget(cloud: Cloud, name: str) -> None:
    _quote(cloud, "534.70", "534.80")
    mark = cloud.mark()
    order = _bracket(cloud, name)
    states, calls = cloud.states_of(order), cloud.calls_of(order, mark)
    assert (order.status, order.reason, order.guard.protected) == (Status.FILLED, None, True)
    assert order.children[0].limit_price == Decimal("535.09")
    assert (order.guard.stop_loss, order.guard.take_profit) == (Decimal("529.45"), Decimal("545.50"))
    assert len(states) <= 14, states
    # Submit, look, OCO, look; and the position, if no listing of the last minute says it.
    assert calls.total() <= 5, calls
    cloud.audit()


def test_a_rest_of_sixty_seconds_costs_little(cloud: Cloud, name: str) -> None:
    _quote(cloud, "535.10", "535.20")
    mark = cloud.mark()
    order = _bracket(cloud, name)
    states, calls = cloud.states_of(order), cloud.calls_of(order, mark)
    assert (order.status, order.reason) == (Status.UNFILLED, Reason.FILL_TIMEOUT)
    assert len(states) <= 40, states
    assert calls.total() <= 12, calls
    cloud.audit()


def test_a_fall_through_the_stop_before_protection_stands_is_left_at_once(cloud: Cloud, name: str) -> None:
    _quote(cloud, "534.70", "534.80")
    cloud.exchange.script(
        {
            "on": {"symbol": "CRWD", "event": "filled", "side": "buy"},
            "symbol": "CRWD",
            "bid": "529.00",
            "ask": "529.10",
            "bid_size": 500,
            "ask_size": 500,
        }
    )
    order = _bracket(cloud, name)
    assert (order.status, order.reason, order.guard.protected) == (Status.UNWOUND, Reason.PROTECTION_FAILED, False)
    assert order.exit_reason == "unwind"
    assert order.unwind.cost == (Decimal("534.80") - Decimal("529.00")) * 25
    assert _is_flat(cloud)
    cloud.audit()


def test_a_close_takes_down_protection_and_sells(cloud: Cloud, name: str) -> None:
    _quote(cloud, "534.70", "534.80")
    held = _bracket(cloud, name)
    cloud.send(signal_id=f"{name}-c", kind="close", symbol="CRWD", side=None)
    [close] = cloud.ended(f"{name}-c")
    held = cloud.order(held.signal_id)
    assert (close.status, close.filled_qty) == (Status.FILLED, 25)
    assert (held.exit_reason, held.exit_price) == ("close", Decimal("534.70"))
    assert _is_flat(cloud)
    cloud.audit()


def test_a_close_takes_over_from_an_entry_that_rests(cloud: Cloud, name: str) -> None:
    _quote(cloud, "535.10", "535.20")
    cloud.send(signal_id=name, **SIGNAL)
    cloud.until("the entry rests", lambda: (found := cloud.orders.find(name)) and found.open_child)
    cloud.send(signal_id=f"{name}-c", kind="close", symbol="CRWD", side=None)
    [entry, close] = cloud.ended(name, f"{name}-c")
    assert (entry.status, entry.filled_qty) == (Status.SUPERSEDED, 0)
    assert (close.status, close.reason) == (Status.REJECTED, Reason.NO_POSITION)
    cloud.audit()


def test_a_target_that_fills_later_is_recorded(cloud: Cloud, name: str) -> None:
    _quote(cloud, "534.70", "534.80")
    held = _bracket(cloud, name)
    _quote(cloud, "545.60", "545.70")

    def gone() -> Order | None:
        cloud.sweep()
        order = cloud.order(held.signal_id)
        return order if order.exit_reason else None

    order = cloud.until("the exit is recorded", gone)
    assert (order.exit_reason, order.exit_price, order.unexited_qty) == ("target", Decimal("545.60"), 0)
    cloud.audit()


def test_a_part_that_fills_is_protected_and_the_rest_given_up(cloud: Cloud, name: str) -> None:
    cloud.exchange.quote("CRWD", "534.70", "534.80", 500, 10, frozen=True)
    order = _bracket(cloud, name)
    assert (order.status, order.reason) == (Status.PARTIALLY_FILLED, Reason.FILL_TIMEOUT)
    assert (order.filled_qty, order.unexited_qty, order.guard.protected) == (10, 10, True)
    cloud.audit()


def test_a_short_is_protected_from_above(cloud: Cloud, name: str) -> None:
    _quote(cloud, "534.84", "534.94")
    order = _bracket(cloud, name, side="sell", stop_loss="540.17", take_profit="524.12")
    assert (order.status, order.guard.protected) == (Status.FILLED, True)
    assert (order.guard.stop_loss, order.guard.take_profit) == (Decimal("540.19"), Decimal("524.14"))
    cloud.audit()


def test_protection_survives_its_execution(cloud: Cloud, name: str) -> None:
    """The execution is stopped while the broker takes no OCO; the sweep's next one protects the shares."""
    _quote(cloud, "534.70", "534.80")
    cloud.exchange.faults(
        {"method": "POST", "path": "/v2/orders", "order_class": "oco", "kind": "error", "status": 503}
    )
    cloud.send(signal_id=name, **SIGNAL)
    order = cloud.until(
        "an OCO on its way", lambda: (found := cloud.orders.find(name)) and found.guard.protections and found
    )
    cloud.stop(order)
    cloud.exchange.faults()
    cloud.until("a new execution", lambda: cloud.sweep()["started"])
    [order] = cloud.ended(name)
    assert (order.status, order.guard.protected, order.run.executions) == (Status.FILLED, True, 2)
    assert [oco.status for oco in order.guard.protections] == ["live"]
    cloud.audit()
