"""Shares that brackets hold: the doctor asks the broker, and says as of when where it cannot."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from desk.doctor import positions
from desk.doctor.findings import Finding
from desk.doctor.market import broker
from desk.exchange.client import ExchangeControl
from repeg.broker.port import Accepted
from repeg.domain.market.reports import ProtectiveOrder
from repeg.domain.order.bracket import Levels
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.protection import Protection, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Status
from repeg.store.orders import OrderStore
from tests.integration.doctor.conftest import MORNING
from tests.support.clinic import Clinic
from tests.support.make import child, order

AT = datetime.fromisoformat(MORNING)
LEVELS = Levels(stop=Decimal("49.95"), target=Decimal("53.45"))


@pytest.fixture(autouse=True)
def quoted(control: ExchangeControl) -> None:
    control.quote("TQQQ", "50.95", "50.98", 500, 500)
    control.quote("SOXL", "50.95", "50.98", 500, 500)


def held(
    clinic: Clinic,
    control: ExchangeControl,
    name: str = "ord-1",
    symbol: str = "TQQQ",
    side: str = "buy",
    strategy: str | None = None,
) -> Protection:
    """A bracket that holds 100 shares, by the record protected; the OCO that really is at the exchange."""
    short = side == "sell"
    control.position(symbol, -100 if short else 100, "50.98")
    levels = Levels(stop=Decimal("51.95"), target=Decimal("48.45")) if short else LEVELS
    sent = ProtectiveOrder(
        client_order_id=f"{name}-p1",
        symbol=symbol,
        side="buy" if short else "sell",
        qty=Decimal(100),
        target=levels.target,
        stop=levels.stop,
    )
    answer = clinic.case.fact(broker).protect(sent)
    assert isinstance(answer, Accepted)
    control.advance(1)
    oco = Protection(
        client_order_id=sent.client_order_id,
        broker_order_id=answer.report.broker_order_id,
        qty=Decimal(100),
        levels=levels,
        status=ProtectionStatus.LIVE,
        placed_at=AT,
    )
    bracket = order(order_id=name, signal_id=name, symbol=symbol, side=side, kind="bracket", strategy=strategy)
    _record(clinic, bracket, oco)
    return oco


def _record(clinic: Clinic, made: Order, *protections: Protection) -> None:
    store = OrderStore(clinic["dynamodb"], "repeg")
    fresh = made.with_guard(stop_loss=LEVELS.stop, take_profit=LEVELS.target)
    store.accept(fresh, fresh.order_id)
    entry = child(filled_qty=Decimal(100), avg_fill_price=Decimal("50.98"), status=ChildStatus.FILLED, closed_at=AT)
    working = store.save(fresh.changed(status=Status.WORKING, children=(entry,)).with_guard(protections=protections))
    store.finish(working.changed(status=Status.FILLED))


def cancel(clinic: Clinic, oco: Protection, control: ExchangeControl) -> None:
    clinic.case.fact(broker).cancel(oco.broker_order_id or "")
    control.advance(1)


def look(clinic: Clinic) -> Finding:
    return clinic.look("positions")


def test_who_holds_nothing_is_asked_nothing(clinic: Clinic) -> None:
    found = look(clinic)
    assert found.ok and found.cost.trading_requests == 0


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_protection_is_told_as_the_broker_has_it_at_one_request(
    clinic: Clinic, control: ExchangeControl, side: str
) -> None:
    held(clinic, control, side=side)
    case = clinic.case
    case.fact(broker)
    found = look(clinic)
    assert found.ok and "1 bracket holding shares, all of them protected, as the broker says" in found.detail
    listings = [one for one in control.journal() if one["type"] == "request" and one["path"].startswith("/v2/orders")]
    assert [one["method"] for one in listings] == ["POST", "GET"]


def test_an_oco_that_was_cancelled_at_the_broker_is_missed_before_any_sweep(
    clinic: Clinic, control: ExchangeControl
) -> None:
    cancel(clinic, held(clinic, control), control)
    found = look(clinic)
    assert not found.ok
    assert "100 of 100 TQQQ without stop and target, as the broker says: ord-1-p1 is canceled" in found.detail


def test_of_several_brackets_those_without_protection_are_named(clinic: Clinic, control: ExchangeControl) -> None:
    held(clinic, control)
    cancel(clinic, held(clinic, control, "ord-2", "SOXL"), control)
    found = look(clinic)
    assert not found.ok and "100 of 100 SOXL" in found.detail and "TQQQ" not in found.detail


def test_a_leg_that_died_alone_guards_nothing(clinic: Clinic, control: ExchangeControl) -> None:
    held(clinic, control)
    control.end_leg("stop_loss", symbol="TQQQ")
    found = look(clinic)
    assert not found.ok and "ord-1-p1 is at work with one leg only" in found.detail


def test_a_target_that_was_hit_is_no_lost_protection(clinic: Clinic, control: ExchangeControl) -> None:
    held(clinic, control)
    control.quote("TQQQ", "53.50", "53.53", 500, 500)
    control.advance(2)
    assert look(clinic).ok


def test_what_the_listing_does_not_show_yet_is_read_by_id(clinic: Clinic, control: ExchangeControl) -> None:
    control.settings(list_lag_ms=600_000)
    held(clinic, control)
    assert look(clinic).ok


def test_an_oco_that_the_broker_does_not_know_guards_nothing(clinic: Clinic, control: ExchangeControl) -> None:
    oco = held(clinic, control)
    lost = oco.changed(broker_order_id="0c8aa0e1-0000-4000-8000-000000000000")
    _record(clinic, order(order_id="ord-2", signal_id="ord-2", kind="bracket"), lost)
    found = look(clinic)
    assert not found.ok and "ord-1-p1 is unknown there (ord-2)" in found.detail


def test_without_the_broker_the_record_is_told_with_its_date(clinic: Clinic, control: ExchangeControl) -> None:
    oco = held(clinic, control)
    cancel(clinic, oco, control)
    control.faults({"kind": "error", "path": "/v2/orders*", "status": 503})
    found = look(clinic)
    assert found.ok and "as recorded until 2026-11-20" in found.detail and "could not be asked" in found.detail
    clinic.keys("{}")
    assert "could not be asked" in look(clinic).detail


def test_a_position_that_record_and_account_disagree_about_is_told(clinic: Clinic, control: ExchangeControl) -> None:
    held(clinic, control)
    store = OrderStore(clinic["dynamodb"], "repeg")
    found = store.get("ord-1")
    assert found
    store.save(found.with_care(frozen="the account shows 60"))
    told = look(clinic)
    assert not told.ok and "disagree" in told.detail and "the account shows 60" in told.detail


def test_reads_are_bounded_and_what_was_not_read_stands_as_recorded(
    clinic: Clinic, control: ExchangeControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions, "MOST_READS", 0)
    cancel(clinic, held(clinic, control), control)
    found = look(clinic)
    assert found.ok and found.detail.endswith("1 of their protective orders as recorded")
