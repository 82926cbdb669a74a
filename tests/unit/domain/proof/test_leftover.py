"""Shares beyond what a close leaves: a lag, somebody's purchase, a split within it, or a riddle."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from repeg.domain.market.reports import OrderReport, OrderStatus
from repeg.domain.models import Side
from repeg.domain.order.adjustments import CorporateAction, Seen
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.proof.evidence import Looks, Proof
from repeg.domain.proof.leftover import as_it_should_be, explained, held_of, more_by_split, split_within, surplus
from repeg.domain.reasons import Reason
from tests.support.make import NOON, child, order, position, with_fields


def close(sold: str = "100", before: str = "100", side: Side = "sell", **changes: object) -> Order:
    rung = child(filled_qty=Decimal(sold), status=ChildStatus.FILLED, closed_at=NOON)
    made = order(kind="close", side=side, children=(rung,), requested_qty=Decimal(sold))
    seen = Seen(qty=Decimal(before), avg_entry_price=Decimal("50.98"), at=NOON)
    known: dict[str, object] = {"position_before": Decimal(before), "care_seen": seen}
    return with_fields(made, **(known | changes))


def split(ratio: str) -> CorporateAction:
    kind = "forward_split" if Decimal(ratio) > 1 else "reverse_split"
    return CorporateAction(symbol="TQQQ", kind=kind, ratio=Decimal(ratio), ex_date=date(2026, 11, 20))


def looks(held: str, average: str = "5.098", ratios: tuple[str, ...] = (), bought: str = "0") -> Looks:
    others = OrderReport(
        broker_order_id="hand",
        client_order_id="hand",
        symbol="TQQQ",
        side="buy",
        status=OrderStatus.FILLED,
        broker_status="filled",
        qty=Decimal(bought),
        filled_qty=Decimal(bought),
    )
    return Looks(
        read=Decimal(held),
        listed=Decimal(held),
        avg_entry_price=Decimal(average),
        unbooked=(others,) if Decimal(bought) else (),
        actions=tuple(split(ratio) for ratio in ratios),
    )


@pytest.mark.parametrize(
    ("shown", "changes", "fine"),
    [
        (None, {}, True),
        ("0.0000001", {}, True),
        ("40", {}, False),
        ("-40", {}, True),
        ("40", {"held_by_others": Decimal(40), "cut": Reason.HELD_BY_OTHER_ORDER}, False),
        ("40", {"position_before": Decimal(140), "ask_qty": Decimal(100)}, True),
        ("41", {"position_before": Decimal(140), "ask_qty": Decimal(100)}, False),
        (None, {"bought_lately": True}, False),
        ("40", {"bought_lately": True, "ask_qty": Decimal(100)}, True),
        ("40", {"position_before": None}, True),
    ],
)
def test_what_the_account_shows_after_a_close(shown: str | None, changes: dict[str, object], fine: bool) -> None:
    seen = None if shown is None else position(shown)
    assert as_it_should_be(close(**changes), seen) is fine


def test_more_than_was_sold_of_what_was_there_is_no_surplus() -> None:
    assert surplus(close(sold="955"), None) == 0


@pytest.mark.parametrize(
    ("shown", "proof"),
    [
        (looks("855", ratios=("10",)), Proof.ADJUSTED),
        (looks("855", ratios=("2", "5")), Proof.ADJUSTED),
        (looks("855"), Proof.UNPROVEN),
        (looks("855", average="50.98", ratios=("10",)), Proof.UNPROVEN),
        (looks("1000", ratios=("10",)), Proof.UNPROVEN),
        (looks("855", average="5.098", ratios=("3",)), Proof.UNPROVEN),
        (looks("40", average="50.98", bought="40"), Proof.THERE),
        (looks("41", average="50.98", bought="40"), Proof.UNPROVEN),
    ],
    ids=["split", "two", "not told", "another price", "too many", "another ratio", "bought", "bought fewer"],
)
def test_what_a_surplus_is(shown: Looks, proof: Proof) -> None:
    assert explained(close(), shown).proof is proof


def test_a_short_is_weighed_in_its_own_direction() -> None:
    short = close(side="buy")
    finding = explained(short, looks("-855", ratios=("10",)))
    assert (finding.proof, finding.held) == (Proof.ADJUSTED, 855)


def test_shares_that_a_reverse_split_made_fewer() -> None:
    sold_5 = close(sold="5")
    assert split_within(sold_5, looks("19", average="254.90", ratios=("0.2",)), Decimal(19))
    assert not split_within(sold_5, looks("60", average="254.90", ratios=("0.2",)), Decimal(60))
    assert not split_within(sold_5, looks("19", average="50.98", ratios=("0.2",)), Decimal(19))


@pytest.mark.parametrize(("before", "held", "more"), [("100", "855", 855), ("130", "1155", 855)])
def test_an_order_of_a_quantity_leaves_what_became_of_its_own_shares(before: str, held: str, more: int) -> None:
    """Of 100 shares 5 were sold before a split of 10 for 1; the thirty beside them are somebody else's."""
    leaving = close(before=before, kind="unwind")
    finding = explained(leaving, looks(held, ratios=("10",)))
    assert more_by_split(leaving, finding) == more


@pytest.mark.parametrize("qty", ["40", "-40"])
def test_what_a_close_without_a_side_finds_is_what_it_exits(qty: str) -> None:
    """It has sold nothing yet: asked for its side, it failed in each of its tries, and left the shares bare."""
    sideless = order(kind="close", side=None)
    assert held_of(sideless, position(qty)) == 40
    assert held_of(sideless, None) == 0
