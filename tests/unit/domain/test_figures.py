"""The four figures: which orders they are about, over how many, and from when on they are shown."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.metrics.figures import Figure, Mark, figures, gauges, mark_of
from repeg.domain.metrics.listed import LISTED, TARGETS, Metric
from repeg.domain.metrics.measured import (
    Standing,
    estimated_cost,
    estimated_transitions,
    left_standing,
    line_of_sweep,
    lines_of,
)
from repeg.domain.order.bracket import Levels
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.protection import Exit, ExitReason, Protection
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.make import NOON, child, order

REFUSED = Mark(rejected=True)


def filled(bps: str = "2", dollars: str = "5000", quick: bool = True, risk_reward: str | None = None) -> Mark:
    reward = None if risk_reward is None else Decimal(risk_reward)
    return Mark(sent=True, quick=quick, slippage_bps=Decimal(bps), dollars=Decimal(dollars), risk_reward=reward)


def ended(**fields: Any) -> Order:
    sent = child(qty=Decimal(100), filled_qty=Decimal(100), avg_fill_price=Decimal(51), status=ChildStatus.FILLED)
    ordinary: dict[str, Any] = {
        "status": Status.FILLED,
        "completed_at": NOON,
        "reference_price": Decimal(50),
        "arrival_bid": Decimal("49.9"),
        "arrival_ask": Decimal("50.1"),
        "slippage_bps": Decimal(200),
        "shortfall_bps": Decimal(200),
        "seconds_to_fill": Decimal(60),
        "children": (sent,),
    }
    return order(**(ordinary | fields))


def _oco(second: int) -> Protection:
    levels = Levels(stop=Decimal(49), target=Decimal(54))
    return Protection(client_order_id="p1", qty=Decimal(100), levels=levels, placed_at=NOON + timedelta(seconds=second))


def _gone(second: int, qty: str) -> Exit:
    at = NOON + timedelta(seconds=second)
    return Exit(source="u", reason=ExitReason.UNWIND, qty=Decimal(qty), price=Decimal(50), at=at)


def test_one_refusal_of_a_few_orders_is_no_rate() -> None:
    assert gauges([REFUSED] + [filled()] * 8) == {}
    assert gauges([REFUSED] + [filled()] * 9) == {Figure.REJECTED: Decimal(10)}
    assert gauges([REFUSED] + [filled()] * 10).keys() == {Figure.REJECTED, Figure.SLIPPAGE, Figure.FILLED}


def test_the_last_fifty_count_and_no_more() -> None:
    assert gauges([filled()] * 50 + [REFUSED] * 50)[Figure.REJECTED] == 0
    assert gauges([filled()] * 40 + [REFUSED] * 60)[Figure.REJECTED] == 20


def test_each_figure_is_over_the_orders_that_it_is_about() -> None:
    """Fifty plain orders behind them do not make the brackets' reward unknown."""
    found = gauges([filled()] * 60 + [filled(risk_reward="1.5")] * 10)
    assert found[Figure.RISK_REWARD] == Decimal("1.5")


def test_slippage_is_weighed_by_dollars() -> None:
    found = figures([filled("10", "9000"), filled("0", "1000")])
    assert found.slippage_percent == Decimal("0.09")


def test_fills_are_of_what_was_sent() -> None:
    assert figures([filled(), filled(quick=False), REFUSED]).fill_rate == Decimal("0.5")


def test_exits_and_what_never_became_an_order_leave_no_mark() -> None:
    assert mark_of(ended(kind="close", side="sell")) is None
    assert mark_of(order(status=Status.REJECTED, reason=Reason.INVALID_SIGNAL, completed_at=NOON)) is None
    assert mark_of(order(status=Status.WORKING)) is None
    assert mark_of(order(status=Status.REJECTED, reason=Reason.SLIPPAGE_EXCEEDED, completed_at=NOON)) == REFUSED


@pytest.mark.parametrize("reason", [Reason.HALTED, Reason.REDUCING_ONLY])
def test_what_an_operator_halted_was_not_rejected_by_the_market(reason: Reason) -> None:
    """Ten signals that come while the switch is thrown would ring, and count for the fifty orders after it."""
    halted = order(status=Status.REJECTED, reason=reason, completed_at=NOON)
    assert mark_of(halted) is None
    assert lines_of(halted)[0].values[Metric.ORDERS_REJECTED] == 1
    assert mark_of(ended(status=Status.PARTIALLY_FILLED, reason=reason))


def test_sixty_seconds_are_quick_and_more_are_not() -> None:
    assert mark_of(ended()) == Mark(sent=True, quick=True, slippage_bps=Decimal(200), dollars=Decimal(5000))
    later = mark_of(ended(seconds_to_fill=Decimal("60.001")))
    assert later and not later.quick
    partly = mark_of(ended(status=Status.PARTIALLY_FILLED))
    assert partly and not partly.quick


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"protections": (_oco(3),)}, 3),
        ({}, 40),
        ({"exits": (_gone(25, "100"),)}, 25),
        ({"exits": (_gone(25, "60"),)}, 40),
        ({"kind": "order"}, None),
    ],
    ids=["guarded", "never guarded", "left without a guard", "left in part", "no bracket"],
)
def test_shares_that_nothing_ever_guarded_were_bare_until_they_left(
    fields: dict[str, Any], seconds: int | None
) -> None:
    entry = ended().children[0].changed(closed_at=NOON)
    bare = ended(**({"kind": "bracket", "children": (entry,), "completed_at": NOON + timedelta(seconds=40)} | fields))
    assert lines_of(bare)[0].values.get(Metric.BARE_SECONDS) == seconds


def test_targets_are_met_as_they_are_written() -> None:
    slippage, reward = TARGETS[Metric.SLIPPAGE_GAUGE], TARGETS[Metric.RISK_REWARD_GAUGE]
    filled_, rejected = TARGETS[Metric.FILL_GAUGE], TARGETS[Metric.REJECTION_GAUGE]
    assert [slippage.met(Decimal(value)) for value in ("0.0999", "0.10")] == [True, False]
    assert [rejected.met(Decimal(value)) for value in ("9.99", "10")] == [True, False]
    assert [reward.met(Decimal(value)) for value in ("2", "1.9999")] == [True, False]
    assert [filled_.met(Decimal(value)) for value in ("90", "90.01")] == [False, True]
    assert [slippage.alarms(Decimal(value)) for value in ("0.15", "0.1501")] == [False, True]
    assert [reward.alarms(Decimal(value)) for value in ("1.8", "1.79")] == [False, True]


@pytest.mark.parametrize(
    ("patience", "children", "transitions", "dollars"),
    [("2.5", 1, 3, "0.00011"), ("2.5", 2, 8, "0.00027"), ("2.5", 4, 18, "0.00057"), ("5", 3, 19, "0.00056")],
)
def test_what_a_ladder_costs_is_about_what_was_measured(
    patience: str, children: int, transitions: int, dollars: str
) -> None:
    """The rows of docs/performance.md: at once, one re-peg, a full ladder, a standard ladder's third limit."""
    sent = tuple(child(number, patience=Decimal(patience)) for number in range(1, children + 1))
    walked = ended(children=sent)
    assert estimated_transitions(walked) == transitions
    assert abs(estimated_cost(walked) / Decimal(dollars) - 1) < Decimal("0.06")


def test_what_an_order_tells() -> None:
    whole, parted = lines_of(ended())
    assert (whole.values[Metric.SLIPPAGE_BPS], whole.values[Metric.SLIPPAGE_PERCENT]) == (200, 2)
    assert whole.values[Metric.EFFECTIVE_SPREAD_BPS] == 400
    improvement = whole.values[Metric.PRICE_IMPROVEMENT_BPS]
    assert isinstance(improvement, Decimal)
    assert round(improvement, 2) == Decimal("-179.64")
    assert whole.values[Metric.ESTIMATED_COST] == Decimal("0.000110")
    assert not whole.by
    assert parted.by["outcome"] == "filled"
    assert parted.values == {Metric.ORDERS: 1, Metric.SLIPPAGE_BPS: 200, Metric.SECONDS_TO_FILL: 60}


def test_an_order_that_was_not_sent_tells_of_no_price() -> None:
    whole, parted = lines_of(order(status=Status.REJECTED, reason=Reason.RISK_REWARD_TOO_LOW, completed_at=NOON))
    assert whole.values[Metric.ORDERS_REJECTED] == 1
    assert Metric.SLIPPAGE_BPS not in whole.values
    assert parted.by == {"outcome": "rejected", "reason": "risk_reward_too_low"}


def test_messages_that_never_became_orders_are_not_counted_as_such() -> None:
    assert lines_of(order(status=Status.REJECTED, reason=Reason.INVALID_SIGNAL, completed_at=NOON)) == ()


def test_what_was_not_looked_at_is_not_told_as_zero() -> None:
    before = {Metric.BARE_POSITIONS.value: NOON, Metric.DRIFT.value: NOON}
    seen = Standing(open_orders=3, bare=None, drift=0, past_stop=0)
    assert line_of_sweep(seen, [], before).values == {Metric.OPEN_ORDERS: 3, Metric.DRIFT: 0}
    later = NOON + timedelta(minutes=1)
    unseen = {Metric.BARE_POSITIONS.value: later, Metric.OPEN_ORDERS.value: later}
    assert left_standing(seen, before, later) == unseen | {Metric.DRIFT.value: NOON}


def test_the_end_of_trouble_is_told_for_minutes() -> None:
    """Two sweeps may fall into one minute, whose maximum is the bad one's."""
    before = {Metric.DRIFT.value: NOON}
    assert left_standing(Standing(drift=0), before, NOON + timedelta(minutes=10)) == before
    assert left_standing(Standing(drift=0), before, NOON + timedelta(minutes=11)) == {}


def test_the_end_is_told_though_the_clock_was_set_back() -> None:
    earlier = NOON - timedelta(hours=1)
    assert left_standing(Standing(drift=0), {Metric.DRIFT.value: NOON}, earlier) == {Metric.DRIFT.value: earlier}


def test_what_is_as_it_should_be_is_not_told() -> None:
    """A metric is billed by the hour in which it was told."""
    calm = Standing(open_orders=0, bare=0, past_stop=0, drift=0, stuck_cancels=0, missed_runs=0, intake_paused=False)
    assert line_of_sweep(calm, [], {}).values == {}
    assert left_standing(calm, {}, NOON) == {}


def test_every_metric_is_listed_once() -> None:
    assert set(LISTED) == set(Metric)
