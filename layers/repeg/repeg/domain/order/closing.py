"""What a close takes on: the orders that it answers for, what it found, and protection that it puts back meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from repeg.domain.order.record import Order


def answers_for(close: Order, order_ids: Iterable[str]) -> Order:
    """The close as it answers for these orders, too: it superseded them, or needs the shares that they protect."""
    return close.with_close(released=tuple(dict.fromkeys((*close.close.released, *order_ids))))


def found_with(close: Order, position: Decimal | None, by_brackets: Decimal | None) -> Order:
    """The close with the shares that the account and the symbol's brackets held before anything was sold."""
    return close.with_close(position_before=position, brackets_before=by_brackets)


def found_with_more(close: Order, sold: Decimal) -> Order:
    """The close with what it was found with, plus shares that were sold before that was looked at."""
    before = close.close.position_before
    return found_with(close, None if before is None else before + sold, close.close.brackets_before)


def protecting_first(close: Order, tries_in: int = 0) -> Order:
    """The close as it has protection put back, and goes on `tries_in` seconds of market time after that."""
    return close.with_close(restoring=True, tries_in=tries_in)


def selling_on(close: Order) -> Order:
    """The close as it goes on selling, whether protection is back or not."""
    return close.with_close(restoring=False, tries_in=0)


def as_before(close: Order) -> Order:
    """The close as it was before it took anything down: what it answered for is protected again."""
    again = selling_on(found_with(close, None, None))
    again = again.with_close(released=(), released_at=None, booked_qty=close.filled_qty, settling=0)
    return again.with_sending(wall=None)
