"""The next rung, which order it becomes, and how long to wait for it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from repeg.domain.ladder.rungs import LadderName, PriceRule, Rung
from repeg.domain.market.reports import OrderStatus
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.order.verdicts import Refusal
from repeg.domain.patience import backoff
from repeg.domain.reasons import Reason
from repeg.domain.rules.life import sends_no_more
from repeg.domain.rules.walking import (
    cancel_is_stuck,
    needs_quote,
    next_rung,
    patience_left,
    runaway,
    write_intent,
)
from tests.support.make import NOON, child, eastern, quote, report, session_of
from tests.unit.domain.rules.worked import LADDER, closed, working

CLOSE = session_of().closes_at

# --- the next rung ---


def test_the_ladder_is_walked_rung_by_rung() -> None:
    rungs = [next_rung(working(*(closed(n) for n in range(1, 1 + k))), CLOSE, NOON) for k in range(4)]
    assert rungs == list(LADDER)


def test_a_child_order_that_never_reached_the_broker_uses_up_no_rung() -> None:
    never = closed(1, status=ChildStatus.NEVER_SENT)
    assert next_rung(working(never), CLOSE, NOON) == LADDER[0]


def test_a_walked_ladder_ends_with_a_time_out_or_the_cap() -> None:
    walked = [closed(n) for n in range(1, 5)]
    over = next_rung(working(*walked), CLOSE, NOON)
    assert isinstance(over, Refusal) and over.reason is Reason.FILL_TIMEOUT
    walked[-1] = closed(4, price_protected=True)
    over = next_rung(working(*walked), CLOSE, NOON)
    assert isinstance(over, Refusal) and over.reason is Reason.SLIPPAGE_EXCEEDED


@pytest.mark.parametrize(
    ("ask", "reason"), [("50.98", Reason.FILL_TIMEOUT), ("51.07", Reason.SLIPPAGE_EXCEEDED)], ids=["halted", "ran"]
)
def test_a_leg_that_nobody_sold_to_within_its_cap_did_not_see_the_price_run(ask: str, reason: Reason) -> None:
    """It has no market order: its last limit is at the worst price, wherever the market is."""
    walked = [closed(n) for n in range(1, 4)]
    last = closed(4, price_protected=True, limit_price=Decimal("51.06"), ask=Decimal(ask))
    over = next_rung(working(*walked, last, qty=Decimal(100), notional=Decimal(5106)), CLOSE, NOON)
    assert isinstance(over, Refusal) and over.reason is reason


@pytest.mark.parametrize(("elapsed", "goes_on"), [(0, True), (119.9, True), (120, False), (400, False)])
def test_an_order_that_must_complete_repeats_its_ladder_for_two_minutes(elapsed: float, goes_on: bool) -> None:
    must = working(*(closed(n) for n in range(1, 5)), completion="must")
    following = next_rung(must, CLOSE, NOON + timedelta(seconds=elapsed))
    assert isinstance(following, Rung) is goes_on
    if isinstance(following, Rung):
        assert (following.rule, following.patience) == (LADDER[0].rule, 2 * LADDER[0].patience)
    if isinstance(following, Refusal):
        assert following.reason is Reason.FILL_TIMEOUT


def test_no_entry_rung_starts_that_ends_too_close_to_the_close_and_exits_run_until_it() -> None:
    late = eastern("15:59:48")
    sent = closed(sent_at=eastern("15:59:45"))
    over = next_rung(working(sent), CLOSE, late)
    assert isinstance(over, Refusal) and over.reason is Reason.MARKET_CLOSED
    assert next_rung(working(sent, kind="close"), CLOSE, late) == LADDER[1]
    over = next_rung(working(sent, kind="close"), None, eastern("16:00"))
    assert isinstance(over, Refusal) and over.reason is Reason.MARKET_CLOSED


def test_each_rung_orders_the_remainder_only() -> None:
    partly = working(closed(1, "30", "50.98"))
    intent = write_intent(partly, LADDER[1], quote(), NOON)
    assert (intent.qty, intent.client_order_id, intent.rung) == (Decimal(70), "ord-1-e2", 2)
    assert (intent.status, intent.sends, intent.limit_price) == (ChildStatus.INTENT, 1, Decimal("50.99"))
    assert (intent.bid, intent.ask) == (Decimal("50.95"), Decimal("50.98"))


def _given_up(*earlier: ChildRecord) -> Order:
    lost = child(len(earlier) + 1, limit_price=Decimal("50.80"), broker_order_id=None, ambiguous=True, sends=2)
    return working(*earlier, lost.given_up(NOON))


def test_what_has_a_budget_never_becomes_a_market_order() -> None:
    """Filled behind the touch, the leg of a rebalance would cost more than was set aside for it."""
    rung, seen = Rung(rule=PriceRule.MARKET, patience=Decimal(5)), quote()
    leg, plain = (working(qty=Decimal(100), notional=budget) for budget in (Decimal("5106.00"), None))
    assert write_intent(plain, rung, seen, NOON).type == "market"
    child = write_intent(leg, rung, seen, NOON)
    assert (child.type, child.limit_price, child.price_protected) == ("limit", leg.worst_price, True)


def test_what_was_given_up_is_tried_anew_under_its_id() -> None:
    order = _given_up(closed(1, "30", "50.98"))
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
    assert not sends_no_more(working(closed()))
    assert sends_no_more(working(closed(), settled=True))
    assert sends_no_more(working(closed(), wanted=True))


def test_which_rungs_need_a_quote() -> None:
    market = LADDER[-1]
    assert market.rule is PriceRule.MARKET
    assert needs_quote(working(), LADDER[0])
    assert needs_quote(working(), market), "the cap guards the fallback"
    assert not needs_quote(working(ladder=LadderName.MARKET), market)
    assert needs_quote(working(ladder=LadderName.MARKET, ask_cap_bps=Decimal(5)), market), "its own cap guards it"
    assert not needs_quote(working(completion="must"), market)


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
    verdict = runaway(working(side=side), quote(bid, ask))
    assert (verdict is not None) is refused
    if verdict:
        assert verdict.reason is Reason.SLIPPAGE_EXCEEDED


def test_a_symbol_that_arrived_outside_its_own_cap_did_not_run() -> None:
    wide = working(reference_price=Decimal("10.10"), arrival_bid=Decimal("10.00"), arrival_ask=Decimal("10.20"))
    assert runaway(wide, quote("10.00", "10.20")) is None


def test_once_something_was_sent_the_limits_guard_the_price() -> None:
    assert runaway(working(closed()), quote("52.00", "52.03")) is None


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


@pytest.mark.parametrize(("seconds", "stuck"), [(29.9, False), (30, False), (30.1, True)])
def test_a_cancel_is_stuck_after_thirty_seconds(seconds: float, stuck: bool) -> None:
    waiting = child(cancel_requested_at=NOON)
    assert cancel_is_stuck(waiting, NOON + timedelta(seconds=seconds)) is stuck
    assert not cancel_is_stuck(child(), NOON + timedelta(hours=1))


def test_a_backoff_ends_with_its_last_step() -> None:
    assert [backoff((1, 2, 5), count) for count in range(5)] == [1, 2, 5, 5, 5]
