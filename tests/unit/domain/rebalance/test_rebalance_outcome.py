"""How a rebalance ends: on its targets, or with something left that is worth a word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from repeg.domain.rebalance.legs import all_over, leg_id, order_of
from repeg.domain.rebalance.outcome import status_with
from repeg.domain.rebalance.planned import Leg, Residual
from repeg.domain.rebalance.record import Rebalance, RebalanceStatus, Wanted

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def _planned(threshold: str, min_trade: int, equity: int = 10_000) -> Rebalance:
    wanted = Wanted(
        received_wall=NOW, sent_wall=NOW, targets={"SPY": Decimal(1)}, min_trade_notional=Decimal(min_trade),
        threshold=Decimal(threshold), cash_buffer=Decimal(0), liquidate_others=True, include_protected=False,
        dry_run=False, when_closed="reject",
    )  # fmt: skip
    return Rebalance(rebalance_id="reb-1", signal_id="r", created_at=NOW, wanted=wanted, equity=Decimal(equity))


@pytest.mark.parametrize(
    ("threshold", "min_trade", "drift", "status"),
    [
        ("0.01", 5, "-0.02", RebalanceStatus.DONE_WITH_RESIDUAL),
        ("0.01", 5, "0.01", RebalanceStatus.DONE),
        ("0", 1, "0.0002", RebalanceStatus.DONE_WITH_RESIDUAL),
        ("0", 1, "-0.00009", RebalanceStatus.DONE),
        ("0", 5, "0.0004", RebalanceStatus.DONE),
        ("0", 0, "0.00009", RebalanceStatus.DONE),
    ],
    ids=["off", "within the threshold", "two dollars", "under the broker's dollar", "under the smallest trade", "none"],
)
def test_what_is_too_small_to_be_traded_wakes_nobody(
    threshold: str, min_trade: int, drift: str, status: RebalanceStatus
) -> None:
    left = [Residual(symbol="SPY", drift=Decimal(drift), why="left")]
    assert status_with(_planned(threshold, min_trade), left) is status


def test_without_anything_to_invest_what_is_off_is_told() -> None:
    left = [Residual(symbol="SPY", drift=Decimal("-0.5"), why="left")]
    assert status_with(_planned("0.01", 5, equity=0), left) is RebalanceStatus.DONE_WITH_RESIDUAL


def test_a_leg_that_never_rests_is_waited_for_no_longer_than_one_that_hangs() -> None:
    """A close walks its ladder until the session's end: in a halt it would hold all others up."""
    rebalance = _planned("0.01", 5)
    leg = Leg(
        symbol="TQQQ", side="sell", qty=Decimal(500), cost=None, current_weight=Decimal(1), target_weight=Decimal(0),
        drift=Decimal(1), mark=Decimal(50), phase="sell", by_close=True,
    )  # fmt: skip
    order, close_at = order_of(rebalance, leg, NOW, NOW, NOW + timedelta(hours=6)), NOW + timedelta(minutes=10)
    orders = {leg_id(rebalance, leg): order.noted(close_at - timedelta(seconds=20), "PlaceOrder", "rests on")}
    assert not all_over(rebalance, [leg], orders, close_at - timedelta(seconds=1))
    assert all_over(rebalance, [leg], orders, close_at)
