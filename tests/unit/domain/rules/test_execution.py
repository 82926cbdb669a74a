"""The next rung, how long to wait for it, why an order ends, and how the ending is told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from repeg.domain.ladder.rungs import LadderName, PriceRule, Rung, build_ladder
from repeg.domain.market.reports import OrderStatus
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.order.verdicts import Refusal
from repeg.domain.patience import backoff
from repeg.domain.reasons import Reason, Status
from repeg.domain.rules.endings import Onward, by_both, child_over, ends_short
from repeg.domain.rules.life import sends_no_more
from repeg.domain.rules.walking import (
    cancel_is_stuck,
    concluded,
    needs_quote,
    next_rung,
    patience_left,
    runaway,
    write_intent,
)
from repeg.domain.settings import Settings
from tests.support.make import NOON, child, eastern, order, quote, report, session_of

CLOSE = session_of().closes_at
LADDER = build_ladder(LadderName.BETTER_ORDERS, Settings(), quote())


def _working(*rungs: ChildRecord, **fields: object) -> Order:
    ready: dict[str, object] = {
        "status": Status.WORKING,
        "ladder": "better_orders",
        "plan": LADDER,
        "reference_price": Decimal("50.965"),
        "max_slippage_bps": Decimal(20),
        "arrival_bid": Decimal("50.95"),
        "arrival_ask": Decimal("50.98"),
    }
    return order(children=rungs, **(ready | fields))


def _closed(number: int = 1, filled: str = "0", price: str | None = None, **fields: object) -> ChildRecord:
    closed: dict[str, object] = {
        "status": ChildStatus.CANCELED,
        "filled_qty": Decimal(filled),
        "avg_fill_price": Decimal(price) if price else None,
        "cancel_requested_at": NOON + timedelta(seconds=2.5),
        "closed_at": NOON + timedelta(seconds=2.6),
    }
    return child(number, **(closed | fields))


# --- the next rung ---


def test_the_ladder_is_walked_rung_by_rung() -> None:
    rungs = [next_rung(_working(*(_closed(n) for n in range(1, 1 + k))), CLOSE, NOON) for k in range(4)]
    assert rungs == list(LADDER)


def test_a_child_order_that_never_reached_the_broker_uses_up_no_rung() -> None:
    never = _closed(1, status=ChildStatus.NEVER_SENT)
    assert next_rung(_working(never), CLOSE, NOON) == LADDER[0]


def test_a_walked_ladder_ends_with_a_time_out_or_the_cap() -> None:
    walked = [_closed(n) for n in range(1, 5)]
    over = next_rung(_working(*walked), CLOSE, NOON)
    assert isinstance(over, Refusal) and over.reason is Reason.FILL_TIMEOUT
    walked[-1] = _closed(4, price_protected=True)
    over = next_rung(_working(*walked), CLOSE, NOON)
    assert isinstance(over, Refusal) and over.reason is Reason.SLIPPAGE_EXCEEDED


@pytest.mark.parametrize(
    ("ask", "reason"), [("50.98", Reason.FILL_TIMEOUT), ("51.07", Reason.SLIPPAGE_EXCEEDED)], ids=["halted", "ran"]
)
def test_a_leg_that_nobody_sold_to_within_its_cap_did_not_see_the_price_run(ask: str, reason: Reason) -> None:
    """It has no market order: its last limit is at the worst price, wherever the market is."""
    walked = [_closed(n) for n in range(1, 4)]
    last = _closed(4, price_protected=True, limit_price=Decimal("51.06"), ask=Decimal(ask))
    over = next_rung(_working(*walked, last, qty=Decimal(100), notional=Decimal(5106)), CLOSE, NOON)
    assert isinstance(over, Refusal) and over.reason is reason


@pytest.mark.parametrize(("elapsed", "goes_on"), [(0, True), (119.9, True), (120, False), (400, False)])
def test_an_order_that_must_complete_repeats_its_ladder_for_two_minutes(elapsed: float, goes_on: bool) -> None:
    must = _working(*(_closed(n) for n in range(1, 5)), completion="must")
    following = next_rung(must, CLOSE, NOON + timedelta(seconds=elapsed))
    assert isinstance(following, Rung) is goes_on
    if isinstance(following, Rung):
        assert (following.rule, following.patience) == (LADDER[0].rule, 2 * LADDER[0].patience)
    if isinstance(following, Refusal):
        assert following.reason is Reason.FILL_TIMEOUT


def test_no_entry_rung_starts_that_ends_too_close_to_the_close_and_exits_run_until_it() -> None:
    late = eastern("15:59:48")
    sent = _closed(sent_at=eastern("15:59:45"))
    over = next_rung(_working(sent), CLOSE, late)
    assert isinstance(over, Refusal) and over.reason is Reason.MARKET_CLOSED
    assert next_rung(_working(sent, kind="close"), CLOSE, late) == LADDER[1]
    over = next_rung(_working(sent, kind="close"), None, eastern("16:00"))
    assert isinstance(over, Refusal) and over.reason is Reason.MARKET_CLOSED


def test_each_rung_orders_the_remainder_only() -> None:
    partly = _working(_closed(1, "30", "50.98"))
    intent = write_intent(partly, LADDER[1], quote(), NOON)
    assert (intent.qty, intent.client_order_id, intent.rung) == (Decimal(70), "ord-1-e2", 2)
    assert (intent.status, intent.sends, intent.limit_price) == (ChildStatus.INTENT, 1, Decimal("50.99"))
    assert (intent.bid, intent.ask) == (Decimal("50.95"), Decimal("50.98"))


def _given_up(*earlier: ChildRecord) -> Order:
    lost = child(len(earlier) + 1, limit_price=Decimal("50.80"), broker_order_id=None, ambiguous=True, sends=2)
    return _working(*earlier, lost.given_up(NOON))


def test_what_has_a_budget_never_becomes_a_market_order() -> None:
    """Filled behind the touch, the leg of a rebalance would cost more than was set aside for it."""
    rung, seen = Rung(rule=PriceRule.MARKET, patience=Decimal(5)), quote()
    leg, plain = (_working(qty=Decimal(100), notional=budget) for budget in (Decimal("5106.00"), None))
    assert write_intent(plain, rung, seen, NOON).type == "market"
    child = write_intent(leg, rung, seen, NOON)
    assert (child.type, child.limit_price, child.price_protected) == ("limit", leg.worst_price, True)


def test_what_was_given_up_is_tried_anew_under_its_id() -> None:
    order = _given_up(_closed(1, "30", "50.98"))
    later = NOON + timedelta(minutes=3)
    tried = write_intent(order, LADDER[1], quote(), later)
    assert (tried.client_order_id, tried.qty, tried.sends, tried.sent_at) == ("ord-1-e2", 70, 1, later)
    assert (tried.first_sent_at, tried.tries) == (NOON, (order.children[-1].terms,))
    assert tried.may_have_arrived
    again = order.with_child(tried.given_up(later))
    assert again.may_arrive == again.children[-1], "forgotten, its first try would be sent beside another"
    assert again.client_order_id == "ord-1-e3"


def test_an_id_that_is_taken_by_nobody_knows_what_is_left_behind() -> None:
    order = _given_up()
    order = order.with_child(order.children[-1].changed(id_taken=True))
    assert write_intent(order, LADDER[1], quote(), NOON).client_order_id == "ord-1-e2"


def test_the_send_that_arrived_is_the_child_order_on_whichever_terms() -> None:
    tried = write_intent(_given_up(), LADDER[1], quote(), NOON)
    first = report(OrderStatus.FILLED, "100", "50.79").changed(limit_price=Decimal("50.80"), type="limit")
    found = tried.changed(qty=Decimal(60)).reported(first, NOON)
    assert (found.status, found.qty, found.limit_price) == (ChildStatus.FILLED, 100, Decimal("50.80"))


def test_no_more_is_bought_for_shares_that_were_seen_to() -> None:
    """A frozen bracket whose entry hung: nobody may add to what is in dispute."""
    assert not sends_no_more(_working(_closed()))
    assert sends_no_more(_working(_closed(), settled=True))
    assert sends_no_more(_working(_closed(), wanted=True))


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


def test_which_rungs_need_a_quote() -> None:
    market = LADDER[-1]
    assert market.rule is PriceRule.MARKET
    assert needs_quote(_working(), LADDER[0])
    assert needs_quote(_working(), market), "the cap guards the fallback"
    assert not needs_quote(_working(ladder=LadderName.MARKET), market)
    assert needs_quote(_working(ladder=LadderName.MARKET, ask_cap_bps=Decimal(5)), market), "its own cap guards it"
    assert not needs_quote(_working(completion="must"), market)


@pytest.mark.parametrize(
    ("bid", "ask", "side", "refused"),
    [
        ("51.03", "51.06", "buy", False),
        ("51.04", "51.07", "buy", True),
        ("50.87", "50.90", "sell", False),
        ("50.86", "50.89", "sell", True),
        ("50.80", "50.83", "buy", False),
    ],
)
def test_a_touch_that_ran_beyond_the_cap_before_the_first_send_is_refused(
    bid: str, ask: str, side: str, refused: bool
) -> None:
    verdict = runaway(_working(side=side), quote(bid, ask))
    assert (verdict is not None) is refused
    if verdict:
        assert verdict.reason is Reason.SLIPPAGE_EXCEEDED


def test_a_symbol_that_arrived_outside_its_own_cap_did_not_run() -> None:
    wide = _working(reference_price=Decimal("10.10"), arrival_bid=Decimal("10.00"), arrival_ask=Decimal("10.20"))
    assert runaway(wide, quote("10.00", "10.20")) is None


def test_once_something_was_sent_the_limits_guard_the_price() -> None:
    assert runaway(_working(_closed()), quote("52.00", "52.03")) is None


# --- patience ---


@pytest.mark.parametrize(
    ("left", "sleep", "seconds", "cancels"),
    [
        (2.5, 0.5, 2, True),
        (2.35, 0.35, 2, True),
        (2.6, 0.0, 3, True),
        (0.3, 0.3, 0, True),
        (0.0, 0.0, 0, True),
        (-4.0, 0.0, 0, True),
        (3.0, 0.0, 3, True),
        (5.0, 0.0, 2, False),
        (60.0, 0.0, 2, False),
    ],
)
def test_patience_is_a_short_sleep_and_whole_seconds(left: float, sleep: float, seconds: int, cancels: bool) -> None:
    live = child(patience=Decimal(60))
    split = patience_left(live, live.patience_ends_at - timedelta(seconds=left))
    assert split.sleep_seconds == pytest.approx(sleep, abs=1e-6)
    assert (split.seconds, split.then_cancel) == (seconds, cancels)


def test_two_and_a_half_seconds_are_never_cut_short() -> None:
    live = child(patience=Decimal("2.5"))
    for gone in (0.0, 0.15, 0.2, 1.0, 1.99, 2.2):
        split = patience_left(live, NOON + timedelta(seconds=gone))
        assert split.sleep_seconds + split.seconds >= 2.5 - gone - 1e-6
        assert split.sleep_seconds <= 0.5


# --- a child order is over ---


@pytest.mark.parametrize(
    ("closed", "reason"),
    [
        (_closed(), None),
        (_closed(filled="100", price="50.98", status=ChildStatus.FILLED), None),
        (_closed(status=ChildStatus.REJECTED), Reason.BROKER_REJECTED),
        (_closed(status=ChildStatus.EXPIRED), Reason.MARKET_CLOSED),
        (_closed(cancel_requested_at=None), Reason.CANCELLED_OUTSIDE),
        (_closed(cancel_alarmed=True), Reason.CANCEL_STUCK),
        (_closed(filled="100", price="50.98", status=ChildStatus.FILLED, cancel_alarmed=True), None),
    ],
    ids=["cancelled by us", "filled", "rejected", "expired", "cancelled by others", "stuck", "stuck but filled"],
)
def test_what_a_closed_child_order_means_for_its_order(closed: ChildRecord, reason: Reason | None) -> None:
    assert child_over(_working(closed), closed).reason is reason


@pytest.mark.parametrize(("seconds", "stuck"), [(29.9, False), (30, False), (30.1, True)])
def test_a_cancel_is_stuck_after_thirty_seconds(seconds: float, stuck: bool) -> None:
    waiting = child(cancel_requested_at=NOON)
    assert cancel_is_stuck(waiting, NOON + timedelta(seconds=seconds)) is stuck
    assert not cancel_is_stuck(child(), NOON + timedelta(hours=1))


def test_a_backoff_ends_with_its_last_step() -> None:
    assert [backoff((1, 2, 5), count) for count in range(5)] == [1, 2, 5, 5, 5]


@pytest.mark.parametrize("status", [ChildStatus.REJECTED, ChildStatus.CANCELED])
def test_an_order_that_must_complete_goes_on_after_a_child_order_was_refused(status: ChildStatus) -> None:
    refused = _closed(status=status, cancel_requested_at=None)
    assert child_over(_working(refused, completion="must"), refused).onward is Onward.PAUSES


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


# --- endings ---

SENT = _closed()
PART = _closed(filled="30", price="50.98")
FULL = _closed(filled="100", price="50.98", status=ChildStatus.FILLED)
REFUSED = _closed(status=ChildStatus.REJECTED)
NEVER = _closed(status=ChildStatus.NEVER_SENT)


@pytest.mark.parametrize(
    ("rungs", "fields", "status"),
    [
        ((FULL,), {}, Status.FILLED),
        ((PART, _closed(2, "70", "50.99")), {}, Status.FILLED),
        ((PART,), {}, Status.PARTIALLY_FILLED),
        ((SENT,), {}, Status.UNFILLED),
        ((), {}, Status.REJECTED),
        ((REFUSED,), {}, Status.REJECTED),
        ((SENT, _closed(2, status=ChildStatus.REJECTED)), {}, Status.UNFILLED),
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
    ended = concluded(_working(*rungs, reason=Reason.FILL_TIMEOUT, **fields), NOON)
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
    ended = concluded(_working(_closed(filled="100", price=price, status=ChildStatus.FILLED), side=side), NOON)
    assert ended.result.cap_breached is breached
    if slippage:
        assert ended.result.slippage_bps == Decimal(slippage)
        assert ended.result.shortfall_bps == Decimal(slippage)


def test_shortfall_is_against_the_arrival_mid_and_slippage_against_the_reference() -> None:
    ended = concluded(_working(FULL, reference_price=Decimal("50.98")), NOON)
    assert ended.result.slippage_bps == 0
    assert ended.result.shortfall_bps is not None and ended.result.shortfall_bps > 0


def test_seconds_to_fill_run_from_the_first_send_to_the_last_fill() -> None:
    second = _closed(2, "70", "50.99", sent_at=NOON + timedelta(seconds=3), closed_at=NOON + timedelta(seconds=3.25))
    assert concluded(_working(PART, second), NOON).result.seconds_to_fill == Decimal("3.25")
    assert concluded(_working(SENT), NOON).result.seconds_to_fill is None


def test_the_average_price_weighs_every_fill() -> None:
    two = _working(_closed(filled="30", price="50.98"), _closed(2, "70", "51.00"))
    assert two.avg_fill_price == Decimal("50.994")
    assert (two.filled_qty, two.remaining_qty) == (Decimal(100), Decimal(0))


def test_re_pegs_and_the_market_fallback_are_counted_from_what_was_sent() -> None:
    limits = [_closed(1), _closed(2), _closed(3)]
    market = _closed(4, type="market", limit_price=None)
    resting = _closed(4, price_protected=True)
    assert (_working(*limits, market).repegs, _working(*limits, market).market_fallback) == (2, True)
    assert (_working(*limits, resting).repegs, _working(*limits, resting).market_fallback) == (2, False)
    alone = _working(_closed(1, type="market", limit_price=None), ladder=LadderName.MARKET)
    assert (alone.repegs, alone.market_fallback) == (0, False)
