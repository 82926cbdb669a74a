"""What others took is booked once, and the orders that took it explain nothing after that."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from repeg.domain.market.reports import OrderReport, OrderStatus
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.proof.evidence import Finding, Looks, Proof, seen_before, unbooked, weigh
from repeg.domain.proof.outside import booked_outside
from tests.support.make import NOON, child, order

LATER = NOON + timedelta(minutes=5)


def _bracket(name: str, qty: int, bought: int = 0) -> Order:
    """Bought so many seconds after noon."""
    at = NOON + timedelta(seconds=bought)
    filled = {"qty": Decimal(qty), "filled_qty": Decimal(qty), "avg_fill_price": Decimal(51), "closed_at": at}
    entry = child(status=ChildStatus.FILLED, **filled)
    return order(order_id=name, signal_id=name, kind="bracket", requested_qty=Decimal(qty), children=(entry,))


def _sale(name: str, qty: int) -> OrderReport:
    return OrderReport(
        broker_order_id=name,
        client_order_id=name,
        symbol="TQQQ",
        side="sell",
        status=OrderStatus.FILLED,
        broker_status="filled",
        qty=Decimal(qty),
        filled_qty=Decimal(qty),
        filled_at=LATER,
    )


def _found(brackets: list[Order], held: int, *sales: OrderReport) -> Finding:
    """By an account that shows `held`, after these sales."""
    known = seen_before(brackets)
    new = unbooked(sales, known.at if known else NOON, (), known)
    return weigh(brackets, Looks(read=Decimal(held), listed=Decimal(held), unbooked=new))


def _booked(brackets: list[Order], held: int, *sales: OrderReport) -> dict[str, Order]:
    finding = _found(brackets, held, *sales)
    assert finding.proof is Proof.GONE
    return {each.order_id: each for each in booked_outside(brackets, finding, LATER)}


@pytest.mark.parametrize("qty", [100, 130], ids=["all of the first", "and of shares of nobody"])
def test_what_took_one_bracket_explains_nothing_of_the_next(qty: int) -> None:
    after = _booked([_bracket("b1", 100), _bracket("b2", 50)], 50, _sale("hand", qty))
    assert [after[name].unexited_qty for name in ("b1", "b2")] == [0, 50]
    assert _found([after["b2"]], 0, _sale("hand", qty)).proof is Proof.UNPROVEN


def test_what_was_bought_a_moment_ago_may_be_explained_by_the_rest_of_the_sale_later() -> None:
    """Only as much is booked as was taken of the others, and the dispute about the rest goes on."""
    old, new = _bracket("b1", 100).with_care(frozen="60 too few"), _bracket("b2", 50, bought=290)
    after = _booked([old, new], 0, _sale("one", 90), _sale("two", 60))
    assert [after[name].unexited_qty for name in ("b1", "b2")] == [0, 50]
    assert after["b1"].care.frozen
    assert after["b2"].care.seen and dict(after["b2"].care.seen.booked) == {"one": Decimal(90), "two": Decimal(10)}
    rest = _found([after["b2"]], 0, _sale("one", 90), _sale("two", 60))
    assert (rest.proof, rest.sellers) == (Proof.GONE, (("two", Decimal(50)),))


def test_a_younger_look_of_one_bracket_does_not_forget_what_another_knows_to_be_booked() -> None:
    after = _booked([_bracket("b1", 100), _bracket("b2", 50)], 50, _sale("hand", 100))
    known = after["b2"].care.seen
    assert known
    young = _bracket("b3", 20).with_care(seen=known.changed(at=LATER + timedelta(seconds=10), booked=()))
    assert _found([after["b2"], young], 0, _sale("hand", 100)).proof is Proof.UNPROVEN
