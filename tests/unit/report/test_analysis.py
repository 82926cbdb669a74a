"""The report over a period: its figures are sums that anybody can make anew from the records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from desk.bench.period import period
from desk.report.analysis.document import Report, schema
from desk.report.analysis.reports import SHOWN, Span, report_over
from desk.report.analysis.trades import NEW_YORK, trade_of
from repeg.domain.metrics.figures import figures, mark_of
from repeg.domain.metrics.measured import estimated_cost, price_improvement_bps
from repeg.domain.models import direction
from repeg.domain.order.adjustments import Adjustment
from repeg.domain.order.bracket import Levels
from repeg.domain.order.protection import ExitReason, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.make import NOON, with_fields
from tests.unit.samples import BOUGHT, HELD, START, STOPPED, TAKEN, bracket, gone, oco, order, rung

ORDERS = list(period(200))
CENT = Decimal("0.0001")


def over(*orders: Order, span: Span | None = None) -> Report:
    """The report over orders that are all in the store."""
    known = {each.order_id: each for each in orders}

    def details(ids: Sequence[str]) -> Mapping[str, Order]:
        return {name: known[name] for name in ids}

    return report_over(orders, details, span or Span())


@pytest.fixture(scope="module")
def report() -> Report:
    return over(*ORDERS)


def test_the_targets_are_the_four_figures_as_the_gauges_have_them(report: Report) -> None:
    wanted = figures(mark for one in ORDERS if (mark := mark_of(one))).gauges()
    assert {line.metric: line.measured for line in report.targets} == {
        figure.value: round(value, 4) for figure, value in wanted.items()
    }
    assert [line.wanted for line in report.targets] == ["below 0.10 %", "below 10 %", "at least 2", "above 90 %"]
    assert [line.ok for line in report.targets] == [True, True, True, True]


def test_a_target_that_is_missed_or_has_nothing_to_measure_says_so() -> None:
    refused = order(status=Status.REJECTED, reason=Reason.NO_QUOTE)
    lines = {line.name: line.ok for line in over(refused).targets}
    assert lines == {
        "average slippage": None,
        "rejected": False,
        "reward for the risk": None,
        "filled within 60 s": None,
    }


def test_costs_are_the_dollars_paid_beyond_reference_and_arrival(report: Report) -> None:
    paid = [one for one in ORDERS if one.avg_fill_price]
    beyond = mids = Decimal(0)
    for one in paid:
        terms = one.terms
        assert terms.reference_price and terms.arrival_bid and terms.arrival_ask and one.avg_fill_price
        sign = direction(one.trading_side) * one.filled_qty
        beyond += sign * (one.avg_fill_price - terms.reference_price)
        mids += sign * (one.avg_fill_price - (terms.arrival_bid + terms.arrival_ask) / 2)
    assert report.slippage.all.cost_dollars == beyond.quantize(CENT)
    assert report.shortfall.all.cost_dollars == mids.quantize(CENT)
    assert report.slippage.all.orders == len(paid)


@pytest.mark.parametrize("name", ["slippage", "shortfall"])
def test_parts_add_up_to_the_whole(report: Report, name: str) -> None:
    section = getattr(report, name)
    for parts in (section.by_class, section.by_ladder, section.by_minute):
        assert sum(part.orders for part in parts) == section.all.orders
        assert abs(sum(part.cost_dollars for part in parts) - section.all.cost_dollars) < Decimal("0.01")
    assert sum(bar.orders for bar in section.histogram) == section.all.orders


def test_the_old_way_is_a_market_order_at_the_touch_of_arrival(report: Report) -> None:
    saved = Decimal(0)
    for one in ORDERS:
        touch = one.terms.arrival_ask if one.side == "buy" else one.terms.arrival_bid
        if one.avg_fill_price and touch:
            saved += direction(one.trading_side) * one.filled_qty * (touch - one.avg_fill_price)
            assert price_improvement_bps(one) is not None
    assert report.old_way.all.saved_dollars == saved.quantize(CENT)
    assert sum((day.saved_dollars for day in report.old_way.by_day), Decimal(0)) == report.old_way.all.saved_dollars
    low, high = report.old_way.all.low_dollars, report.old_way.all.high_dollars
    assert low is not None and high is not None and low < report.old_way.all.saved_dollars < high


def test_a_bracket_is_compared_with_the_signals_own_exits() -> None:
    """At the ask of 536.00 the signal's target was 9.52 away, its stop 6.53: a reward of 1.46 for each at risk."""
    ran = {"arrival_bid": Decimal("535.90"), "arrival_ask": Decimal("536.00")}
    taken, refused = with_fields(TAKEN, **ran), bracket(status=Status.REJECTED, reason=Reason.SLIPPAGE_EXCEEDED, **ran)
    both = over(taken, refused.changed(order_id="ord-2")).old_way.brackets
    assert (both.entered, both.risk_reward, both.old_risk_reward) == (1, Decimal("2.0000"), Decimal("1.4579"))
    assert (both.below_minimum, both.old_below_minimum, both.refused, both.refused_below_minimum) == (0, 1, 1, 1)
    assert both.refused_worse_dollars == (Decimal("536.00") - Decimal("534.82")) * 25
    assert (both.closed, both.dollars) == (1, (Decimal("545.50") - Decimal("534.80")) * 25)
    assert both.old_dollars == (Decimal("545.52") - Decimal("536.00")) * 25


def test_exits_are_told_in_dollars_and_in_what_was_risked() -> None:
    lost = STOPPED.changed(order_id="ord-2", strategy="breakout")
    found = over(TAKEN, lost).exits
    assert {line.name: (line.dollars, line.reward) for line in found.by_reason} == {
        "target": (Decimal("267.50"), Decimal("2.0000")),
        "stop": (Decimal("-135.00"), Decimal("-1.0093")),
    }
    assert [(line.name, line.won) for line in found.by_strategy] == [(None, 1), ("breakout", 0)]
    assert [line.name for line in found.by_day] == ["2026-11-20"]
    named = over(TAKEN, lost.changed(strategy="none")).exits
    assert [(line.name, line.won) for line in named.by_strategy] == [(None, 1), ("none", 0)], (
        "a strategy may be called so"
    )
    assert (found.all.exits, found.all.dollars, found.held) == (2, Decimal("132.50"), 0)


def test_brackets_that_were_guarded_are_counted_and_what_leaving_the_others_cost() -> None:
    """Guarded is whose stop and target stood, though they are over by now: not whose the broker refused."""
    unwound = bracket(
        BOUGHT,
        protections=(oco(ProtectionStatus.REFUSED),),
        exits=(gone(ExitReason.UNWIND, at="534.30"),),
        unwind_cost=Decimal("12.5"),
    ).changed(order_id="ord-3")
    refused = bracket(status=Status.REJECTED, reason=Reason.SLIPPAGE_EXCEEDED).changed(order_id="ord-4")
    found = over(HELD, TAKEN.changed(order_id="ord-2"), unwound, refused, order().changed(order_id="ord-5")).exits
    assert (found.entered, found.protected, found.unwind_cost) == (3, 2, Decimal("12.5"))
    assert {line.name: line.exits for line in found.by_reason} == {"target": 1, "unwind": 1}


def test_an_exit_at_a_price_that_nobody_knows_is_in_no_sum() -> None:
    outside = bracket(BOUGHT, exits=(gone(ExitReason.OUTSIDE, at=None),))
    found = over(outside).exits
    assert (found.unpriced, found.all.exits, found.all.reward) == (1, 0, None)


def test_rungs_say_who_came_and_who_was_filled_there() -> None:
    walked = order(rung(1, 100, 0), rung(2, 100, 40, "50.98"), rung(3, 60, 60, "50.99", limit=None))
    found = over(walked, order(rung(1, 100, 100, "50.98")).changed(order_id="ord-2"))
    assert [(line.rung, line.reached, line.filled, line.market) for line in found.rungs] == [
        (1, 2, 1, False),
        (2, 1, 1, False),
        (3, 1, 1, True),
    ]
    assert (found.fallbacks.market, found.fallbacks.repegs, found.fallbacks.repegged) == (1, 1, 1)


def test_fills_ends_and_cloud_are_counted(report: Report) -> None:
    assert report.fills.sent == sum(bool(one.sent) for one in ORDERS)
    assert report.fills.by_seconds[-1].orders == report.fills.filled
    assert sum(end.orders for end in report.ends) == sum(one.reason is not None for one in ORDERS)
    assert report.cloud.dollars == sum(map(estimated_cost, ORDERS)).quantize(Decimal("0.000001"))
    assert report.cloud.transition_dollars + report.cloud.other_dollars == report.cloud.dollars
    assert report.counts.by_status["filled"] == sum(one.status is Status.FILLED for one in ORDERS)


def test_the_dearest_and_the_cheapest_orders_are_drawn(report: Report) -> None:
    costs = sorted((trade_of(one).shortfall_dollars, one.order_id) for one in ORDERS)
    assert [line.order_id for line in report.worst[:1]] == [costs[-1][1]]
    assert report.best[0].shortfall_dollars == costs[0][0].quantize(CENT)
    assert len(report.worst) == len(report.best) == SHOWN
    few = over(*ORDERS[:4])
    assert len({line.order_id for line in (*few.best, *few.worst)}) == len(few.best) + len(few.worst) <= 4
    assert all(line.steps and line.steps[0].bid for line in (*report.best, *report.worst))


def test_a_span_holds_what_was_created_in_it(report: Report) -> None:
    middle = ORDERS[90].created_at
    early, late = over(*ORDERS, span=Span(until=middle)), over(*ORDERS, span=Span(since=middle))
    assert early.counts.orders + late.counts.orders == len(ORDERS)
    assert late.period.first is not None and early.period.last is not None
    assert early.period.last < middle <= late.period.first
    assert early.slippage.all.cost_dollars + late.slippage.all.cost_dollars == report.slippage.all.cost_dollars
    mine = over(*ORDERS, span=Span(strategy="breakout"))
    assert mine.counts.orders == sum(one.strategy == "breakout" for one in ORDERS)


def test_an_order_that_is_not_over_is_in_no_figure_yet() -> None:
    working = order(rung(1, 100, 50, "50.98"), status=Status.WORKING)
    found = over(working)
    assert (found.counts.open, found.counts.entries, found.fills.sent, found.old_way.all.orders) == (1, 0, 0, 0)


def test_nothing_at_all_is_a_report_too() -> None:
    found = over()
    assert (found.counts.orders, found.period.first, found.best, found.worst) == (0, None, [], [])
    assert found.cloud.dollars_per_order is None and found.exits.all.dollars == 0


def test_days_and_minutes_are_new_yorks() -> None:
    late = ORDERS[0].created_at.astimezone(NEW_YORK).replace(hour=21)
    trade = trade_of(with_fields(ORDERS[0], created_at=late))
    assert trade.day == late.date().isoformat()
    opened = next(trade for one in ORDERS if (trade := trade_of(one)).minute is not None)
    assert opened.minute is not None and 570 <= opened.minute < 960


def test_the_document_is_what_its_schema_says(report: Report) -> None:
    document = json.loads(json.dumps(report.document()))
    assert msgspec.convert(document, Report, strict=True) == report
    described: Any = schema()["$defs"]
    assert described["Report"]["required"] == [*document]
    assert set(described["Costs"]["properties"]) == set(document["slippage"]["all"])


def test_a_report_is_the_same_each_time(report: Report) -> None:
    assert over(*reversed(ORDERS)).document() == report.document()


def test_a_split_changes_neither_profit_nor_risk() -> None:
    """25 shares became 50; the target took them at half the price."""
    split = Adjustment(
        why="corporate_action",
        detail="2 for 1",
        change=Decimal(25),
        ratio=Decimal(2),
        levels=Levels(stop=Decimal("264.73"), target=Decimal("272.75")),
        at=START,
    )
    halved = with_fields(bracket(BOUGHT, exits=(gone(ExitReason.TARGET, 50, "272.75"),)), adjustments=(split,))
    found = over(halved)
    assert (found.exits.all.dollars, found.exits.all.reward) == (Decimal("267.50"), Decimal("2.0000"))
    assert found.old_way.brackets.closed == 0


def test_what_left_before_a_split_is_measured_in_the_shares_of_then() -> None:
    """10 of 25 shares left at the target, then the other 15 became 30."""
    split = Adjustment(
        why="corporate_action",
        detail="2 for 1",
        change=Decimal(15),
        ratio=Decimal(2),
        levels=Levels(stop=Decimal("264.73"), target=Decimal("272.75")),
        at=NOON,
    )
    before = gone(ExitReason.TARGET, 10, "545.50", "leg-1").changed(at=NOON - timedelta(minutes=1))
    after = gone(ExitReason.TARGET, 30, "272.75", "leg-2").changed(at=NOON + timedelta(minutes=1))
    found = over(with_fields(bracket(BOUGHT, exits=(before, after)), adjustments=(split,)))
    assert (found.exits.all.dollars, found.exits.all.reward) == (Decimal("267.50"), Decimal("2.0000"))


def test_what_a_share_risked_is_measured_by_its_first_stop_and_in_shares_of_now() -> None:
    split = Adjustment(
        why="corporate_action",
        detail="2 for 1",
        change=Decimal(25),
        ratio=Decimal(2),
        levels=Levels(stop=Decimal("267.00"), target=Decimal("272.75")),
        at=START,
    )
    whole = bracket(BOUGHT)
    assert whole.risk_per_share == Decimal("534.80") - Decimal("529.45")
    assert with_fields(whole, adjustments=(split,), stop_loss=Decimal("267.00")).risk_per_share == Decimal("2.675")
    assert order(rung(1, 100, 100, "50.98")).risk_per_share is None


@pytest.mark.parametrize("kind", ["adjust", "cancel"])
def test_an_instruction_is_no_entry_and_no_order(kind: str) -> None:
    refused = order(status=Status.REJECTED, reason=Reason.NO_POSITION, kind=kind).changed(order_id="ord-2")
    found = over(order(rung(1, 100, 100, "50.98")), refused)
    assert (found.counts.orders, found.counts.entries, found.ends) == (1, 1, [])
    assert found.counts.by_status == {"filled": 1}
    assert found.cloud.dollars > over(order(rung(1, 100, 100, "50.98"))).cloud.dollars, "it costs as they do"


def test_what_filled_at_a_price_that_is_not_known_traded_all_the_same() -> None:
    unknown = order(rung(1, 100, 60, None), status=Status.PARTIALLY_FILLED)
    found = over(unknown, order(rung(1, 100, 100, "50.98")).changed(order_id="ord-2"))
    assert (found.counts.traded, found.counts.traded_dollars, found.fills.partly) == (2, Decimal("5098"), 1)
