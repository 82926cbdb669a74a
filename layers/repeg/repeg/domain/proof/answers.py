"""How many answers of the broker about an OCO prove what it took, that it is over, and what took its place."""

from __future__ import annotations

from decimal import Decimal

from repeg.domain.order.protection import Protection


def one_will_do(known: Protection, seen: Protection, also: Decimal | None, *, once: bool = False) -> bool:
    """True when `seen`, which is `known` by one answer of the broker, needs no second one to be believed.

    `also`: shares that another answer says it took. `once`: an end with what is `known` to be taken needs none.
    """
    # What it was replaced by is cancelled in its place, and booked: by one answer that was the order of somebody else.
    if known.broker_order_id not in (None, seen.broker_order_id):
        return False
    if seen.exited_qty > known.exited_qty and seen.exited_qty != also:
        return False
    # How many of its shares are left, only the end itself says; that none is, another answer says with it.
    return not seen.status.closed or known.status.closed or once or seen.exited_qty >= seen.qty


def agree(one: Protection, other: Protection) -> bool:
    """True when two answers say the same of what an OCO took, whether it is over, and what took its place."""
    ended, ended_too = (each.status if each.status.closed else None for each in (one, other))
    same = one.exited_qty == other.exited_qty and one.broker_order_id == other.broker_order_id
    return same and ended is ended_too
