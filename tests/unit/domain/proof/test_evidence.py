"""What proves that shares are gone, over single and contradicting answers, splits and trades of others."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from repeg.domain.market.reports import OrderReport, OrderStatus
from repeg.domain.models import Side
from repeg.domain.order.adjustments import CorporateAction, Seen
from repeg.domain.order.bracket import Bracket
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.proof.evidence import Looks, Proof, looks_split, order_ids, rescaled, unbooked, weigh
from tests.support.make import NOON, child, order, position

SPLIT = CorporateAction(symbol="TQQQ", kind="forward_split", ratio=Decimal(10), ex_date=date(2026, 11, 20))
REVERSE = CorporateAction(
    symbol="TQQQ", kind="reverse_split", ratio=Decimal(1) / Decimal(3), ex_date=date(2026, 11, 20)
)


def bracket(qty: int = 100, side: Side = "buy", seen: Seen | None = None, name: str = "b") -> Order:
    asked = Bracket(
        side=side,
        signal_price=Decimal("50.97"),
        stop_loss=Decimal("49.97"),
        take_profit=Decimal("53.47"),
        anchor="fill",
    )
    entry = child(filled_qty=Decimal(qty), avg_fill_price=Decimal("50.98"), status=ChildStatus.FILLED, closed_at=NOON)
    made = order(order_id=name, signal_id=name, kind="bracket", side=side, bracket=asked, children=(entry,))
    return made.with_care(seen=seen)


def sale(qty: int, name: str = "hand", side: Side = "sell") -> OrderReport:
    return OrderReport(
        broker_order_id=name,
        client_order_id=name,
        symbol="TQQQ",
        side=side,
        status=OrderStatus.FILLED,
        broker_status="filled",
        qty=Decimal(qty),
        filled_qty=Decimal(qty),
        filled_at=NOON,
    )


def looks(read: int | None, listed: int | None, average: str | None = "50.98", **more: object) -> Looks:
    return Looks(
        read=None if read is None else Decimal(read),
        listed=None if listed is None else Decimal(listed),
        avg_entry_price=None if average is None else Decimal(average),
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("seen", "proof"),
    [
        (looks(100, 100), Proof.THERE),
        (looks(130, 130), Proof.THERE),
        (looks(0, 100), Proof.UNCLEAR),
        (looks(100, 0), Proof.UNCLEAR),
        (looks(None, 0), Proof.UNCLEAR),
        (looks(0, None), Proof.UNCLEAR),
        (looks(0, 0, None), Proof.UNPROVEN),
        (looks(0, 0, None, guarded=Decimal(100)), Proof.UNCLEAR),
        (looks(0, 0, None, unbooked=None), Proof.UNCLEAR),
        (looks(0, 0, None, guarded=None), Proof.UNCLEAR),
        (looks(0, 0, None, guarded=None, unbooked=(sale(100),)), Proof.UNCLEAR),
        (looks(100, 100, guarded=None), Proof.THERE),
        (looks(0, 0, None, unbooked=(sale(99),)), Proof.UNPROVEN),
        (looks(0, 0, None, unbooked=(sale(100),)), Proof.GONE),
        (looks(0, 0, None, unbooked=(sale(100, side="buy"),)), Proof.UNPROVEN),
        (looks(60, 60, unbooked=(sale(40),)), Proof.GONE),
        (looks(-50, -50, unbooked=(sale(150),)), Proof.GONE),
        (looks(1000, 1000, "5.098"), Proof.SPLIT),
        (looks(1000, 1000, "5.098", actions=(SPLIT,)), Proof.ADJUSTED),
        (looks(1000, 1000, "5.098", actions=(REVERSE,)), Proof.SPLIT),
        (looks(1000, 1000, "50.98", actions=(SPLIT,)), Proof.THERE),
        (looks(33, 33, "152.94", actions=(REVERSE,)), Proof.ADJUSTED),
        (looks(0, 0, None, actions=(REVERSE,)), Proof.UNPROVEN),
    ],
)
def test_what_the_looks_prove(seen: Looks, proof: Proof) -> None:
    found = weigh([bracket()], seen)
    assert found.proof is proof, found.why


def test_a_short_is_weighed_in_its_own_direction() -> None:
    assert weigh([bracket(side="sell")], looks(-100, -100)).proof is Proof.THERE
    assert weigh([bracket(side="sell")], looks(0, 0, None, unbooked=(sale(100, side="buy"),))).proof is Proof.GONE
    assert weigh([bracket(side="sell")], looks(100, 100)).proof is Proof.UNPROVEN


def test_what_a_close_under_way_has_sold_is_not_missing() -> None:
    assert weigh([bracket()], looks(40, 40), taken=Decimal(60)).proof is Proof.THERE
    assert weigh([bracket()], looks(0, 0, None), taken=Decimal(60)).missing == 40


def test_a_split_gives_each_its_own_and_a_fraction_in_cash_is_nobodys_bracket_first() -> None:
    """130 at the account, 100 of them a bracket's; 3 for 1, and a third is paid out: from the shares beside."""
    seen = Seen(qty=Decimal(130), avg_entry_price=Decimal("50.98"), at=NOON)
    mine = bracket(seen=seen)
    found = weigh([mine], looks(43, 43, "152.94", actions=(REVERSE,)))
    assert found.proof is Proof.ADJUSTED
    (qty,) = rescaled([mine], found)
    assert qty.quantize(Decimal("0.001")) == Decimal("33.333")


def test_a_trade_that_keeps_the_cost_is_a_trade() -> None:
    seen = Seen(qty=Decimal(100), avg_entry_price=Decimal("50.98"), at=NOON)
    mine = bracket(seen=seen)
    bought = (sale(900, side="buy"),)
    shown = position("1000").changed(avg_entry_price=Decimal("5.098"))
    assert looks_split([mine], shown)
    assert weigh([mine], looks(1000, 1000, "5.098", unbooked=bought)).proof is Proof.THERE


def test_orders_are_counted_once_and_our_own_not_at_all() -> None:
    before = Seen(qty=Decimal(60), avg_entry_price=Decimal("50.98"), at=NOON, booked=(("hand", Decimal(40)),))
    ours = sale(100, "ord-0263829989b6fd954f72-e1")
    old = sale(10, "old").changed(filled_at=NOON - timedelta(minutes=5))
    reports = (sale(50), ours, old, sale(5, "new"))
    assert order_ids(reports) == {"ord-0263829989b6fd954f72"}
    found = unbooked(reports, NOON, order_ids(reports), before)
    assert [(each.broker_order_id, each.filled_qty) for each in found] == [("hand", 10), ("new", 5)]


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("ord-0263829989b6fd954f72-1a2b3c4d-e1", True),
        ("ord-0263829989b6fd954f72-1a2b3c4d-p12", True),
        ("ord-0263829989b6fd954f72-ffffffff-e1", False),
        ("ord-0263829989b6fd954f72-e1", False),
        ("x-ord-0263829989b6fd954f72-1a2b3c4d-e1", False),
    ],
)
def test_only_ids_with_the_identity_of_our_table_are_ours(name: str, ours: bool) -> None:
    own = order(order_id="ord-0263829989b6fd954f72", namespace="1a2b3c4d")
    assert bool(unbooked((sale(5, name),), NOON, {own.name_at_broker}, None)) is not ours


def test_an_order_of_before_there_were_identities_knows_its_own_ids_and_no_others() -> None:
    own = {order(order_id="ord-0263829989b6fd954f72").name_at_broker}
    assert not unbooked((sale(5, "ord-0263829989b6fd954f72-e1"),), NOON, own, None)
    assert unbooked((sale(5, "ord-0263829989b6fd954f72-1a2b3c4d-e1"),), NOON, own, None)
