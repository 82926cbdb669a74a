"""Fills of an order that was replaced, whichever way its successor counts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from repeg.domain.market.reports import OrderReport, OrderStatus
from repeg.domain.order.chains import Chain, added_up, succeeded

THIRTY = Chain(qty=Decimal(30), price=Decimal(50))
WANTED = Decimal(100)


def _report(filled: str, qty: str, price: str | None = "51", status: OrderStatus = OrderStatus.LIVE) -> OrderReport:
    return OrderReport(
        broker_order_id="b",
        client_order_id="c",
        symbol="TQQQ",
        side="buy",
        status=status,
        broker_status=status.value,
        qty=Decimal(qty),
        filled_qty=Decimal(filled),
        avg_fill_price=Decimal(price) if price else None,
    )


def test_an_order_that_replaced_nothing_counts_as_it_is() -> None:
    assert added_up(Chain(), _report("40", "100"), WANTED)[1:] == (Decimal(40), Decimal(51))


@pytest.mark.parametrize(
    ("filled", "qty", "status", "total"),
    [
        ("0", "100", OrderStatus.LIVE, 30),
        ("20", "100", OrderStatus.LIVE, 50),
        ("0", "70", OrderStatus.LIVE, 30),
        ("50", "70", OrderStatus.CANCELED, 80),
        ("70", "70", OrderStatus.FILLED, 100),
        ("70", "100", OrderStatus.FILLED, 100),
        ("0", "90", OrderStatus.LIVE, 30),
    ],
)
def test_a_successor_that_starts_at_zero(filled: str, qty: str, status: OrderStatus, total: int) -> None:
    assert added_up(THIRTY, _report(filled, qty, status=status), WANTED).qty == total


@pytest.mark.parametrize(
    ("filled", "qty", "status", "total"),
    [
        ("30", "100", OrderStatus.LIVE, 30),
        ("50", "100", OrderStatus.CANCELED, 50),
        ("100", "100", OrderStatus.FILLED, 100),
        ("120", "120", OrderStatus.FILLED, 120),
    ],
)
def test_a_successor_that_starts_at_the_old_fills(filled: str, qty: str, status: OrderStatus, total: int) -> None:
    assert added_up(THIRTY, _report(filled, qty, status=status), WANTED).qty == total


def test_what_was_seen_once_is_remembered() -> None:
    """Later, its figures alone would not tell."""
    seen = added_up(THIRTY, _report("0", "120"), WANTED)
    later = added_up(seen.chain, _report("90", "120"), WANTED)
    assert (later.qty, later.price) == (120, (30 * Decimal(50) + 90 * Decimal(51)) / 120)


def test_a_chain_of_three() -> None:
    second = added_up(THIRTY, _report("20", "70", status=OrderStatus.REPLACED), WANTED)
    third = added_up(succeeded(second), _report("0", "50"), WANTED)
    assert third.qty == 50
    assert added_up(third.chain, _report("50", "50", status=OrderStatus.FILLED), WANTED).qty == 100


def test_a_missing_price_makes_no_average() -> None:
    assert added_up(THIRTY, _report("20", "70", None), WANTED).price is None
    assert added_up(THIRTY, _report("0", "70", None), WANTED).price == 50
