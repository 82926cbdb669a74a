from __future__ import annotations

from decimal import Decimal

from desk.report.execution import execution_report
from repeg.domain.reasons import Reason, Status
from tests.unit.samples import rung, view


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
