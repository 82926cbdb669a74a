"""What proves that an order at the broker is ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.market.reports import OrderReport, OrderStatus
from repeg.domain.order.children import Try
from repeg.domain.proof.ours import Intent, contradiction

AT = datetime(2026, 11, 20, 15, tzinfo=UTC)
INTENT = Intent(
    client_order_id="ord-1-e1",
    symbol="TQQQ",
    side="buy",
    qty=Decimal("100"),
    type="limit",
    limit_price=Decimal("50.9"),
    written_at=AT,
)


def _report(**changes: Any) -> OrderReport:
    fields: dict[str, Any] = {
        "broker_order_id": "b",
        "client_order_id": "ord-1-e1",
        "symbol": "TQQQ",
        "side": "buy",
        "status": OrderStatus.LIVE,
        "broker_status": "new",
        "qty": Decimal("100.0"),
        "filled_qty": Decimal(0),
        "limit_price": Decimal("50.90"),
        "type": "limit",
        "submitted_at": AT,
    }
    return OrderReport(**fields | changes)


def test_an_order_as_it_was_written_down_is_ours() -> None:
    assert contradiction(INTENT, _report()) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "SQQQ"},
        {"side": "sell"},
        {"qty": Decimal(99)},
        {"limit_price": Decimal("50.91")},
        {"limit_price": None},
        {"type": "stop_limit"},
        {"submitted_at": AT - timedelta(minutes=2)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_order_of_other_terms_is_not(changes: dict[str, Any]) -> None:
    named = {"qty": "quantity", "limit_price": "limit price", "submitted_at": "submitted"}
    field = next(iter(changes))
    assert named.get(field, field) in str(contradiction(INTENT, _report(**changes)))


@pytest.mark.parametrize(
    "changes", [{"type": None}, {"submitted_at": None}, {"submitted_at": AT - timedelta(seconds=9)}]
)
def test_what_is_not_told_and_what_clocks_explain_speaks_against_nothing(changes: dict[str, Any]) -> None:
    assert contradiction(INTENT, _report(**changes)) is None


def test_one_in_the_place_of_ours_has_terms_of_its_own() -> None:
    moved = _report(qty=Decimal(70), limit_price=Decimal(51), replaces="a")
    assert contradiction(INTENT, moved) is None
    assert contradiction(INTENT, moved.changed(side="sell"))


def test_the_answer_to_our_own_request_is_never_too_old() -> None:
    """Clocks may have been set; terms still count."""
    old = _report(submitted_at=AT - timedelta(days=1))
    assert contradiction(INTENT, old, just_sent=True) is None
    assert contradiction(INTENT, old.changed(qty=Decimal(1)), just_sent=True)


def test_a_market_order_may_show_a_limit_of_the_brokers() -> None:
    market = INTENT.changed(type="market", limit_price=None)
    assert contradiction(market, _report(limit_price=Decimal(52))) is None


def test_the_stop_of_an_oco_is_a_leg_of_it() -> None:
    oco = INTENT.changed(stop_price=Decimal(49))
    assert contradiction(oco, _report()) is None, "legs are not always told"
    leg = _report(stop_price=Decimal("49.5"), limit_price=None)
    assert "stop" in str(contradiction(oco, _report(legs=(leg,))))


def test_an_order_on_the_terms_of_an_earlier_try_under_the_id_is_ours() -> None:
    """The broker took the one that was given up, and refused the try in its place."""
    tries = (Try(type="limit", qty=Decimal(100), limit_price=Decimal("50.80")), Try(type="market", qty=Decimal(60)))
    intent = INTENT.changed(tries=tries)
    assert contradiction(intent, _report(limit_price=Decimal("50.80"))) is None
    assert contradiction(intent, _report(qty=Decimal(60), limit_price=Decimal("48.1"))) is None
    assert contradiction(intent, _report(qty=Decimal(61))) == "quantity 61 instead of 100"
    assert contradiction(intent, _report(limit_price=Decimal("50.80"), symbol="SQQQ"))
