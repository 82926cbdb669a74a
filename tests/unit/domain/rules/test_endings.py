"""What a report makes of a child order, why an order ends, and how the ending is told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from repeg.domain.ladder.rungs import LadderName
from repeg.domain.market.reports import OrderStatus
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.reasons import Reason, Status
from repeg.domain.rules.endings import Onward, by_both, child_over, ends_short
from repeg.domain.rules.walking import (
    concluded,
)
from tests.support.make import NOON, child, report
from tests.unit.domain.rules.worked import closed, working

# --- a child order is over ---


@pytest.mark.parametrize(
    ("over", "reason"),
    [
        (closed(), None),
        (closed(filled="100", price="50.98", status=ChildStatus.FILLED), None),
        (closed(status=ChildStatus.REJECTED), Reason.BROKER_REJECTED),
        (closed(status=ChildStatus.EXPIRED), Reason.MARKET_CLOSED),
        (closed(cancel_requested_at=None), Reason.CANCELLED_OUTSIDE),
        (closed(cancel_alarmed=True), Reason.CANCEL_STUCK),
        (closed(filled="100", price="50.98", status=ChildStatus.FILLED, cancel_alarmed=True), None),
    ],
    ids=["cancelled by us", "filled", "rejected", "expired", "cancelled by others", "stuck", "stuck but filled"],
)
def test_what_a_closed_child_order_means_for_its_order(over: ChildRecord, reason: Reason | None) -> None:
    assert child_over(working(over), over).reason is reason


@pytest.mark.parametrize("status", [ChildStatus.REJECTED, ChildStatus.CANCELED])
def test_an_order_that_must_complete_goes_on_after_a_child_order_was_refused(status: ChildStatus) -> None:
    refused = closed(status=status, cancel_requested_at=None)
    assert child_over(working(refused, completion="must"), refused).onward is Onward.PAUSES


# --- what the broker says ---


def test_a_report_brings_the_child_order_up_to_date() -> None:
    known = child(status=ChildStatus.INTENT, broker_order_id=None, ambiguous=True).reported(report(), NOON)
    assert (known.status, known.broker_order_id, known.ambiguous) == (ChildStatus.LIVE, "broker-1", False)
    filled = known.reported(report(OrderStatus.FILLED, "100", "50.98"), NOON)
    assert (filled.status, filled.filled_qty, filled.closed_at) == (ChildStatus.FILLED, Decimal(100), NOON)


def test_a_cancel_that_was_asked_for_is_still_pending_whatever_a_lagging_report_says() -> None:
    asked = child(status=ChildStatus.CANCELING, cancel_requested_at=NOON)
    for status in (OrderStatus.LIVE, OrderStatus.PENDING, OrderStatus.PENDING_CANCEL):
        assert asked.reported(report(status), NOON).status is ChildStatus.CANCELING


def test_a_late_report_never_takes_fills_back() -> None:
    partly = child(filled_qty=Decimal(30), avg_fill_price=Decimal("50.98"))
    known = partly.reported(report(filled="10", price="50.97"), NOON)
    assert (known.filled_qty, known.avg_fill_price) == (Decimal(30), Decimal("50.98"))


@pytest.mark.parametrize("status", list(OrderStatus))
def test_an_end_before_it_was_filled_is_worth_a_second_read(status: OrderStatus) -> None:
    """That another order is in its place, too."""
    over = {OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED, OrderStatus.REPLACED}
    assert ends_short(report(status)) is (status in over)


def test_two_answers_name_the_same_successor_before_it_is_followed() -> None:
    one, other = (report(OrderStatus.REPLACED).changed(replaced_by=name) for name in ("a", "b"))
    assert by_both(one, one) == one
    assert by_both(one, other).status is OrderStatus.PENDING


@pytest.mark.parametrize(
    ("first", "again", "status", "filled"),
    [
        ((OrderStatus.CANCELED, 60), (OrderStatus.CANCELED, 60), OrderStatus.CANCELED, 60),
        ((OrderStatus.CANCELED, 0), (OrderStatus.FILLED, 100), OrderStatus.FILLED, 100),
        ((OrderStatus.CANCELED, 0), (OrderStatus.LIVE, 0), OrderStatus.LIVE, 0),
        ((OrderStatus.CANCELED, 0), (OrderStatus.CANCELED, 60), OrderStatus.PENDING, 0),
        ((OrderStatus.CANCELED, 60), (OrderStatus.CANCELED, 0), OrderStatus.PENDING, 0),
        ((OrderStatus.CANCELED, 60), (OrderStatus.EXPIRED, 60), OrderStatus.EXPIRED, 60),
    ],
)
def test_two_answers_end_an_order_when_they_tell_of_the_same_fills(
    first: tuple[OrderStatus, int], again: tuple[OrderStatus, int], status: OrderStatus, filled: int
) -> None:
    seen = by_both(*(report(each).changed(filled_qty=Decimal(qty)) for each, qty in (first, again)))
    assert (seen.status, seen.filled_qty) == (status, filled)


# --- endings ---

SENT = closed()
PART = closed(filled="30", price="50.98")
FULL = closed(filled="100", price="50.98", status=ChildStatus.FILLED)
REFUSED = closed(status=ChildStatus.REJECTED)
NEVER = closed(status=ChildStatus.NEVER_SENT)


@pytest.mark.parametrize(
    ("rungs", "fields", "status"),
    [
        ((FULL,), {}, Status.FILLED),
        ((PART, closed(2, "70", "50.99")), {}, Status.FILLED),
        ((PART,), {}, Status.PARTIALLY_FILLED),
        ((SENT,), {}, Status.UNFILLED),
        ((), {}, Status.REJECTED),
        ((REFUSED,), {}, Status.REJECTED),
        ((SENT, closed(2, status=ChildStatus.REJECTED)), {}, Status.UNFILLED),
        ((NEVER,), {}, Status.REJECTED),
        ((PART,), {"securing": True}, Status.FAILED),
        ((FULL,), {"securing": True}, Status.FILLED),
        ((PART,), {"completion": "must"}, Status.FAILED),
        ((SENT,), {"completion": "must"}, Status.FAILED),
        ((REFUSED,), {"completion": "must"}, Status.REJECTED),
        ((), {"completion": "must"}, Status.REJECTED),
        ((FULL,), {"completion": "must"}, Status.FILLED),
        ((SENT,), {"kind": "close"}, Status.FAILED),
        ((PART,), {"kind": "close"}, Status.FAILED),
        ((), {"kind": "close"}, Status.REJECTED),
    ],
)
def test_the_ending_follows_from_what_was_sent_and_filled(
    rungs: tuple[ChildRecord, ...], fields: dict[str, object], status: Status
) -> None:
    ended = concluded(working(*rungs, reason=Reason.FILL_TIMEOUT, **fields), NOON)
    assert ended.status is status
    assert ended.reason is (None if status is Status.FILLED else Reason.FILL_TIMEOUT)
    assert ended.completed_at == NOON


@pytest.mark.parametrize(
    ("side", "price", "slippage", "breached"),
    [
        ("buy", "51.066930", "20", False),
        ("buy", "51.066931", None, True),
        ("buy", "50.863070", "-20", False),
        ("sell", "50.863070", "20", False),
        ("sell", "50.863069", None, True),
        ("sell", "51.066930", "-20", False),
    ],
)
def test_slippage_is_signed_and_the_cap_breaks_only_at_a_cost(
    side: str, price: str, slippage: str | None, breached: bool
) -> None:
    ended = concluded(working(closed(filled="100", price=price, status=ChildStatus.FILLED), side=side), NOON)
    assert ended.result.cap_breached is breached
    if slippage:
        assert ended.result.slippage_bps == Decimal(slippage)
        assert ended.result.shortfall_bps == Decimal(slippage)


def test_shortfall_is_against_the_arrival_mid_and_slippage_against_the_reference() -> None:
    ended = concluded(working(FULL, reference_price=Decimal("50.98")), NOON)
    assert ended.result.slippage_bps == 0
    assert ended.result.shortfall_bps is not None and ended.result.shortfall_bps > 0


def test_seconds_to_fill_run_from_the_first_send_to_the_last_fill() -> None:
    second = closed(2, "70", "50.99", sent_at=NOON + timedelta(seconds=3), closed_at=NOON + timedelta(seconds=3.25))
    assert concluded(working(PART, second), NOON).result.seconds_to_fill == Decimal("3.25")
    assert concluded(working(SENT), NOON).result.seconds_to_fill is None


def test_the_average_price_weighs_every_fill() -> None:
    two = working(closed(filled="30", price="50.98"), closed(2, "70", "51.00"))
    assert two.avg_fill_price == Decimal("50.994")
    assert (two.filled_qty, two.remaining_qty) == (Decimal(100), Decimal(0))


def test_re_pegs_and_the_market_fallback_are_counted_from_what_was_sent() -> None:
    limits = [closed(1), closed(2), closed(3)]
    market = closed(4, type="market", limit_price=None)
    resting = closed(4, price_protected=True)
    assert (working(*limits, market).repegs, working(*limits, market).market_fallback) == (2, True)
    assert (working(*limits, resting).repegs, working(*limits, resting).market_fallback) == (2, False)
    alone = working(closed(1, type="market", limit_price=None), ladder=LadderName.MARKET)
    assert (alone.repegs, alone.market_fallback) == (0, False)
