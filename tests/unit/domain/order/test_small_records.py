"""A record stays small enough to be written, whatever happened to the order and for however long."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from repeg.domain.models import MAX_TEXT, from_json, to_json
from repeg.domain.order.bracket import Levels
from repeg.domain.order.protection import Exit, ExitReason, Protection, ProtectionStatus, remembered
from repeg.domain.order.record import Order
from repeg.store.items import order_item
from tests.support.make import NOON
from tests.unit.domain.order.test_protection import bought, left, oco

KB = 1000
LEVELS = Levels(stop=Decimal("529.45"), target=Decimal("545.50"))


def _size(order: Order) -> int:
    """Bytes of the item that would be written."""
    return sum(len(name) + len(str(value)) for name, value in order_item(order).items())


def _tried(order: Order, at: datetime, status: ProtectionStatus, exits: tuple[Exit, ...] = ()) -> Order:
    """One more OCO, as it ended."""
    name = order.protective_client_order_id
    sent = Protection(client_order_id=name, qty=Decimal(25), levels=LEVELS, placed_at=at)
    over = {"broker_order_id": f"0b8f4c1e-{name}", "status": status, "closed_at": at, "exits": exits}
    return order.with_new_protection(sent).with_protection(sent.changed(**over))


def _longest_life(order: Order, days: int) -> Order:
    """Every minute of so many days an OCO that comes to nothing and a long text, and an exit every hour."""
    for minute in range(days * 24 * 60):
        at = NOON + timedelta(minutes=minute)
        ends = (ProtectionStatus.REFUSED, ProtectionStatus.GONE)[minute % 2]
        taken = (left(ExitReason.TARGET, 1, "545.60", f"leg-{minute}", minute),) if minute % 120 == 60 else ()
        order = _tried(order, at, ends, taken).noted(at, "ProtectPosition", "x" * 2 * MAX_TEXT)
        if minute % 120 == 0:
            order = order.with_exit(left(ExitReason.CLOSE, 1, "540", f"close-{minute}", minute))
        order = order.having_told("bare", at).having_told("keys", at)
    return order


def test_the_longest_life_of_an_order_stays_under_a_hundred_kilobytes() -> None:
    order = _longest_life(bought(filled=25), days=7)
    assert order.guard.ocos == 7 * 24 * 60
    assert _size(order) < 100 * KB
    assert from_json(to_json(order), Order) == order


def test_what_took_shares_is_counted_whatever_is_forgotten() -> None:
    order = _longest_life(bought(filled=25), days=7)
    exits = 7 * 12 * 2
    assert order.unexited_qty == 25 - exits
    taken = {reason: sum(gone.qty for gone in order.all_exits if gone.reason is reason) for reason in ExitReason}
    assert (taken[ExitReason.TARGET], taken[ExitReason.CLOSE]) == (exits / 2, exits / 2)
    assert order.exit_price == (Decimal("545.60") + Decimal("540")) / 2


def test_an_exit_without_a_price_is_not_mixed_with_those_that_have_one() -> None:
    order = bought(filled=25)
    for number in range(200):
        price = "540" if number % 2 else None
        order = order.with_exit(left(ExitReason.OUTSIDE, 1, price, f"o{number}", number))
    kept, exits = remembered((oco(),), order.guard.exits)
    assert (kept, len(exits)) == ((oco(),), 62)
    assert sum(gone.qty for gone in exits) == 200
    assert {gone.price for gone in exits} == {None, Decimal(540)}


def test_the_levels_of_the_newest_oco_that_worked_are_never_forgotten() -> None:
    order = bought(oco(status=ProtectionStatus.GONE, levels=Levels(stop=Decimal(531), target=Decimal(546))), ocos=1)
    for minute in range(100):
        order = _tried(order, NOON + timedelta(minutes=minute), ProtectionStatus.REFUSED)
    assert [each.levels.stop for each in order.guard.protections if each.worked] == [Decimal(531)]
    assert len(order.guard.protections) <= 13
    assert order.guard.ocos == 101


def test_an_oco_that_may_hold_shares_is_never_forgotten() -> None:
    live = oco(client_order_id="live", status=ProtectionStatus.LIVE)
    order = bought(live, oco(client_order_id="coming", status=ProtectionStatus.INTENT))
    for minute in range(50):
        order = _tried(order, NOON + timedelta(minutes=minute), ProtectionStatus.REFUSED)
    assert [each.client_order_id for each in order.guard.protections[:2]] == ["live", "coming"]


def test_the_first_events_and_the_newest_stay() -> None:
    order = bought()
    for number in range(1000):
        order = order.noted(NOON, "ProtectPosition", f"{number} {'y' * MAX_TEXT}")
    told = [event.detail.split()[0] for event in order.events]
    assert told[:20] == [str(number) for number in range(20)]
    assert told[-1] == "999"
    assert len(told) > 40
