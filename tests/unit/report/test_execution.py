from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from desk.report.execution import bracket_report, execution_report
from desk.report.targets import targets
from repeg.domain.order.protection import ExitReason, ProtectionStatus
from repeg.domain.order.views import order_view
from repeg.domain.reasons import Reason, Status
from tests.unit.samples import HELD, SOLD_IN_PART, TAKEN, bracket, gone, oco, rung, view


def test_slippage_is_weighted_by_dollars_and_fill_rate_counts_what_was_missed() -> None:
    at_cost = view(rung(1, 100, 100, "50.98"), slippage_bps=Decimal(4), seconds_to_fill=Decimal(1))
    improved = view(
        rung(1, 300, 300, "50.95"), requested_qty=Decimal(300), slippage_bps=Decimal(-4), seconds_to_fill=Decimal(3)
    )
    missed = view(rung(1, 100, 0), status=Status.UNFILLED, reason=Reason.SLIPPAGE_EXCEEDED)
    refused = view(status=Status.REJECTED, reason=Reason.MARKET_CLOSED, reference_price=None)
    report = execution_report([at_cost, improved, missed, refused])
    assert (report.orders, report.worked, report.filled) == (4, 3, 2)
    assert report.fill_rate == Decimal("0.8")
    assert report.average_slippage_bps == Decimal(-2)
    assert report.average_seconds == 2
    assert report.reasons == {"slippage_exceeded": 1, "market_closed": 1}


def test_no_orders_and_nothing_filled_are_reported_as_such() -> None:
    empty = execution_report([])
    assert (empty.orders, empty.fill_rate, empty.average_slippage_bps, empty.average_seconds) == (0, None, None, None)
    missed = execution_report([view(rung(1, 100, 0), status=Status.UNFILLED, reason=Reason.FILL_TIMEOUT)])
    assert (missed.fill_rate, missed.average_slippage_bps, missed.dollars) == (0, None, 0)


def test_brackets_are_measured_by_the_signals_prices_and_by_what_was_really_paid() -> None:
    held = order_view(HELD.with_result(slippage_bps=Decimal(2)))
    partial = order_view(
        bracket(
            rung(1, 75, 25, "535.00", "535.09"),
            requested_qty=Decimal(75),
            slippage_bps=Decimal(4),
            risk_reward=Decimal("2.5"),
            unwind_cost=Decimal("12.5"),
            protected=False,
            protections=(oco(ProtectionStatus.REFUSED),),
            exits=(gone(ExitReason.UNWIND, at="534.50"),),
        )
    )
    ran = order_view(bracket(status=Status.REJECTED, reason=Reason.SLIPPAGE_EXCEEDED))
    closed = order_view(bracket(status=Status.REJECTED, reason=Reason.MARKET_CLOSED))
    legacy = order_view(HELD.with_terms(ladder="market").with_guard(risk_reward=Decimal("0.13")))
    report = bracket_report([held, partial, ran, closed, legacy, view(rung(1, 100, 100, "50.98"))])
    assert (report.sent, report.entered, report.protected) == (2, 2, 1)
    assert (report.fill_rate, report.average_slippage_bps) == (Decimal("0.5"), Decimal(3))
    assert (report.average_risk_reward, report.lowest_risk_reward) == (Decimal("2.25"), Decimal(2))
    assert (report.refused, report.refusal_rate) == (1, Decimal(1) / 3)
    assert (report.exits, report.unwind_cost) == ({"unwind": 1}, Decimal("12.5"))


def test_protection_that_stood_counts_after_it_is_over() -> None:
    assert bracket_report([order_view(TAKEN)]).protected == 1
    assert bracket_report([order_view(SOLD_IN_PART)]).exits == {"close": 1}


def test_each_target_is_met_or_not() -> None:
    good = bracket_report([order_view(HELD.with_result(slippage_bps=Decimal(2)))])
    assert [target.ok for target in targets(good)] == [True, True, True, True]
    bad = replace(
        good,
        average_slippage_bps=Decimal("10.1"),
        lowest_risk_reward=Decimal("1.99"),
        fill_rate=Decimal("0.89"),
        refusal_rate=Decimal("0.2"),
    )
    assert [target.ok for target in targets(bad)] == [False, False, False, False]
    assert [target.ok for target in targets(bracket_report([]))] == [None, None, None, None]
