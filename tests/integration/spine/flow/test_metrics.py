"""What the stack tells of itself: figures that are those of the journal, and states that alarms can believe."""

from __future__ import annotations

import os
import random
from decimal import Decimal
from typing import Any

import pytest

from desk.report.analysis.reports import Span, report_over
from repeg.domain.metrics.listed import Metric
from repeg.domain.models import direction
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.deaths import Killed
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, hold, minutes
from tests.support.scenes import done, journal, market_time, on_order, out_of_reach, run, send, whenever
from tests.support.watching import cancel_protection, lapse

GAUGES = (Metric.SLIPPAGE_GAUGE, Metric.REJECTION_GAUGE, Metric.RISK_REWARD_GAUGE, Metric.FILL_GAUGE)


def told(lab: Lab) -> dict[Metric, Any]:
    """What a sweep tells now."""
    lab.meter.lines.clear()
    lab.sweep()
    return {metric: value for line in lab.meter.lines for metric, value in line.values.items()}


def executed(lab: Lab) -> dict[str, Decimal]:
    """Dollars of fills by the exchange's journal, by order."""
    names = {child.broker_order_id: order.order_id for order in lab.orders.newest() for child in order.children}
    spent: dict[str, Decimal] = {}
    for entry in journal(lab, "fill"):
        order_id = names[entry["order_id"]]
        spent[order_id] = spent.get(order_id, Decimal(0)) + Decimal(entry["qty"]) * Decimal(entry["price"])
    return spent


def test_an_order_tells_of_itself_once_when_its_news_is_out(lab: Lab) -> None:
    on_order(lab, "new", "50.98", "51.01")
    order = done(lab)
    whole, parted = lab.meter.lines
    assert (whole.values[Metric.REPEGS], whole.values[Metric.ORDERS_FILLED]) == (1, 1)
    assert whole.values[Metric.CHILD_ORDERS] == len(order.children) == 2
    assert whole.values[Metric.SLIPPAGE_BPS] == order.result.slippage_bps
    assert whole.about["order_id"] == order.order_id
    assert parted.by == {"ladder": "better_orders", "symbol_class": "leveraged_etf", "outcome": "filled"}
    lab.sweep()
    assert lab.meter.values(Metric.ORDERS) == [1]


def test_a_brackets_reward_and_bare_seconds_are_told(lab: Lab) -> None:
    order = hold(lab)
    assert lab.meter.values(Metric.RISK_REWARD) == [order.guard.risk_reward]
    [seconds] = lab.meter.values(Metric.BARE_SECONDS)
    assert 0 <= seconds < 1


def test_the_figures_are_those_of_the_journal(lab: Lab) -> None:
    """Bought at two prices, one refused by the broker, one that the market ran away from."""
    orders: list[Order] = []
    for number in range(10):
        lab.control.quote("TQQQ", "50.95", "50.98" if number % 2 else "50.99", 2000, 2000)
        orders.append(run(lab, f"s{number}", qty=10 + number))
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    for number in range(2):
        refused = run(lab, f"r{number}", **(BRACKET | {"take_profit": "51.10"}))
        assert (refused.status, refused.reason) == (Status.REJECTED, Reason.RISK_REWARD_TOO_LOW)
    figures = told(lab)
    spent = executed(lab)
    base = sum(order.filled_qty * (order.terms.reference_price or 0) for order in orders)
    cost = sum(spent[order.order_id] - order.filled_qty * (order.terms.reference_price or 0) for order in orders)
    assert round(figures[Metric.SLIPPAGE_GAUGE], 6) == round(cost / base * 100, 6)
    assert figures[Metric.REJECTION_GAUGE] == Decimal(2) / 12 * 100
    assert figures[Metric.FILL_GAUGE] == 100
    assert Metric.RISK_REWARD_GAUGE not in figures, "no bracket has bought"
    average = report_over(orders, lambda ids: {}, Span()).slippage.all.average_bps
    assert average is not None
    assert round(average / 100, 4) == round(figures[Metric.SLIPPAGE_GAUGE], 4)


def test_nine_orders_are_too_few_and_ten_are_not(lab: Lab) -> None:
    for number in range(9):
        run(lab, f"s{number}", qty=1)
    assert not set(GAUGES) & told(lab).keys()
    run(lab, "s9", qty=1)
    assert told(lab)[Metric.FILL_GAUGE] == 100


def test_a_figure_counts_an_order_whose_worker_died_on_its_outcome(lab: Lab) -> None:
    """Killed before the news is out: the record has the outcome, and no other write is needed for the figure."""
    for number in range(9):
        run(lab, f"s{number}", qty=1)
    send(lab, "last", qty=1)

    def die() -> None:
        lab.deaths.stopped = True
        raise Killed

    whenever(lab, "bus.publish", die)
    with pytest.raises(Killed):
        lab.work()
    lab.deaths.stopped = False
    assert (lab.order("last").status, lab.order("last").run.published) == (Status.FILLED, False)
    assert [mark.quick for mark in lab.orders.marks(50)] == [True] * 10
    assert told(lab)[Metric.FILL_GAUGE] == 100


def test_bare_shares_are_told_while_they_are_bare(lab: Lab) -> None:
    order = hold(lab)
    assert Metric.BARE_POSITIONS not in told(lab)
    cancel_protection(lab, order)
    assert told(lab)[Metric.BARE_POSITIONS] == 1
    minutes(lab, 2)
    assert lab.meter.values(Metric.BARE_POSITIONS)[-1] == 0
    minutes(lab, 10)
    assert Metric.BARE_POSITIONS not in told(lab)


def test_what_cannot_be_looked_at_is_not_told_as_zero(lab: Lab) -> None:
    """An alarm about bare shares must not end because the broker does not answer."""
    lapse(lab)
    assert told(lab)[Metric.BARE_POSITIONS] == 1
    lab.control.faults({"method": "GET", "path": "/v2/*", "kind": "error", "status": 503})
    assert told(lab).get(Metric.BARE_POSITIONS) != 0
    lab.control.faults()
    minutes(lab, 2)
    assert lab.meter.values(Metric.BARE_POSITIONS)[-1] == 0


def test_a_cancel_that_hangs_is_told_until_it_is_confirmed(lab: Lab) -> None:
    out_of_reach(lab, rungs=1)
    lab.control.faults({"method": "DELETE", "path": "/v2/orders/*", "kind": "stuck_cancel"})
    send(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:25"))
        assert Metric.STUCK_CANCELS not in told(lab)
        crowd.work(until=market_time("10:01"))
        assert told(lab)[Metric.STUCK_CANCELS] == 1
        lab.control.faults()
        crowd.work(until=market_time("10:10"), sweep_every=60)
    assert lab.meter.values(Metric.STUCK_CANCELS)[-1] == 0


FAULTS: tuple[dict[str, Any], ...] = (
    {"method": "POST", "path": "/v2/orders", "kind": "drop_after"},
    {"method": "POST", "path": "/v2/orders", "kind": "drop_before"},
    {"method": "POST", "path": "/v2/orders", "kind": "error", "status": 503},
    {"method": "POST", "path": "/v2/orders", "kind": "reject"},
    {"method": "GET", "path": "/v2/orders/*", "kind": "error", "status": 500},
)


MANY = int(os.environ.get("ORDERS", "55"))
"""More than the window of a gauge; by hand, 200 were played as well."""


def test_after_many_orders_with_faults_every_figure_is_that_of_the_journal(lab: Lab) -> None:
    chance = random.Random(12)
    for number in range(MANY):
        bid = Decimal("50.95") + Decimal(chance.randint(-5, 5)) / 100
        ask = bid + Decimal(chance.choice((2, 3, 3, 5, 9))) / 100
        lab.control.quote("TQQQ", str(bid), str(ask), 2000, chance.choice((5, 2000, 2000, 2000)))
        if number % 4 == 0:
            lab.control.faults(chance.choice(FAULTS) | {"count": 1})
        run(lab, f"s{number}", side=chance.choice(("buy", "buy", "sell")), qty=chance.randint(1, 40))
    lab.check()
    spent, orders = executed(lab), list(lab.orders.newest())
    bps = {order.order_id: off_reference(order, spent[order.order_id]) for order in orders if order.filled_qty}
    assert len(lab.meter.values(Metric.ORDERS)) == len(orders) == MANY
    assert sum(lab.meter.values(Metric.ORDERS_FILLED)) == sum(order.status is Status.FILLED for order in orders)
    assert round(sum(lab.meter.values(Metric.SLIPPAGE_BPS)), 4) == round(sum(bps.values()), 4)
    figures = told(lab)
    last = [order for order in orders if order.order_id in bps][:50]
    worth = [order.filled_qty * (order.terms.reference_price or 0) for order in last]
    cost = sum(dollars * bps[order.order_id] for dollars, order in zip(worth, last, strict=True))
    assert round(figures[Metric.SLIPPAGE_GAUGE], 4) == round(cost / sum(worth) / 100, 4)
    rejected = sum(order.status is Status.REJECTED for order in orders[:50])
    assert 0 < rejected
    assert figures[Metric.REJECTION_GAUGE] == Decimal(rejected) / 50 * 100
    sent = [order for order in orders if order.sent][:50]
    quick = sum(order.status is Status.FILLED and (order.result.seconds_to_fill or 0) <= 60 for order in sent)
    assert figures[Metric.FILL_GAUGE] == Decimal(quick) / len(sent) * 100


def off_reference(order: Order, dollars: Decimal) -> Decimal:
    """What the exchange's fills came to, against the reference price, in basis points."""
    reference = order.terms.reference_price
    assert reference and order.side
    return (dollars / order.filled_qty / reference - 1) * 10_000 * direction(order.side)
