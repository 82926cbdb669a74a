"""The end-of-day summary: figures against their targets, and a line that a phone can show."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.rebalance.planned import Residual
from repeg.domain.schedule.summary import Missing, early_close, is_of, sum_up
from tests.support.make import FRIDAY, NOON, child, eastern, order

THURSDAY = date(2026, 11, 19)


def filled(qty: str = "100", price: str = "50.98", seconds: str = "0.2", bps: str = "2", **fields: Any) -> Order:
    sent = child(qty=Decimal(qty), filled_qty=Decimal(qty), avg_fill_price=Decimal(price), status=ChildStatus.FILLED)
    ordinary: dict[str, Any] = {
        "status": Status.FILLED,
        "completed_at": NOON,
        "reference_price": Decimal("50.965"),
        "slippage_bps": Decimal(bps),
        "seconds_to_fill": Decimal(seconds),
        "children": (sent,),
    }
    return order(**(ordinary | fields))


def rejected(reason: Reason = Reason.SLIPPAGE_EXCEEDED) -> Order:
    return order(order_id="ord-2", status=Status.REJECTED, reason=reason, completed_at=NOON)


def test_a_day_that_went_well_says_so_first() -> None:
    summary = sum_up(FRIDAY, [filled(), filled(side="sell", price="51.00")], [])
    assert summary.missed == ()
    assert summary.line().startswith("2 orders, 2 filled; all as it should be; bought $5,098, sold $5,100; ")
    assert "slippage +0.020 %" in summary.line() and "100% filled in 60 s" in summary.line()


def test_missed_targets_are_named() -> None:
    slow = filled(seconds="61", bps="20")
    summary = sum_up(FRIDAY, [slow, rejected()], [])
    assert summary.missed == ("slippage +0.200 %", "50% rejected", "0% filled in 60 s")


def test_the_reward_of_brackets_is_held_to_its_target() -> None:
    poor = filled(kind="bracket", risk_reward=Decimal("1.5"))
    assert sum_up(FRIDAY, [poor], []).missed == ("R/R 1:1.50",)


def test_what_never_became_an_order_does_not_count() -> None:
    assert (
        sum_up(FRIDAY, [rejected(Reason.INVALID_SIGNAL)], []).line()
        == "no orders; all as it should be; nothing to measure"
    )


def test_exits_are_not_entries() -> None:
    """A close pays what the market asks, and takes its time: that is no slippage of a signal."""
    summary = sum_up(FRIDAY, [filled(kind="close", side="sell", bps="500", seconds="300")], [])
    assert (summary.figures.slippage_percent, summary.figures.fill_rate, summary.missed) == (None, None, ())


def test_bare_positions_come_before_everything_else() -> None:
    bare = filled(kind="bracket", qty="25")
    line = sum_up(FRIDAY, [], [bare], [Residual(symbol="SPY", drift=Decimal("0.02"), why="halted")]).line()
    assert line.startswith("no orders; NOT PROTECTED: 25 TQQQ; left by rebalances: SPY +2.0% (halted); ")


def test_an_early_close_is_said() -> None:
    assert early_close(eastern("16:00")) is None
    closed = early_close(eastern("13:00", date(2026, 11, 27)))
    assert sum_up(date(2026, 11, 27), [], [], (), closed).line().endswith("the session ended early, at 13:00 ET")


@pytest.mark.parametrize(
    ("fields", "belongs"),
    [
        ({"created_at": NOON, "status": Status.FILLED, "completed_at": NOON}, True),
        ({"created_at": eastern("17:00", THURSDAY), "status": Status.FILLED, "completed_at": NOON}, True),
        ({"created_at": eastern("17:00", THURSDAY), "status": Status.WAITING}, True),
        (
            {
                "created_at": eastern("12:00", THURSDAY),
                "status": Status.FILLED,
                "completed_at": eastern("12:01", THURSDAY),
            },
            False,
        ),
    ],
)
def test_an_order_belongs_to_the_day_it_came_or_ended(fields: dict[str, Any], belongs: bool) -> None:
    assert is_of(order(**fields), FRIDAY) is belongs


def test_figures_are_texts_in_the_event() -> None:
    view = sum_up(FRIDAY, [filled(), rejected()], []).view()
    assert view["outcomes"] == {"filled": 1, "rejected": 1}
    assert (view["slippage_percent"], view["rejection_rate"], view["risk_reward"]) == ("0.02", "0.5", None)


def test_what_could_not_be_counted_is_told_first() -> None:
    missing = Missing(unread=tuple(f"ord-{n}" for n in range(6)), only_newest=5000)
    summary = sum_up(FRIDAY, [filled()], [], missing=missing)
    assert "NOT COUNTED: 6 that cannot be read (ord-0, ord-1, ord-2, ord-3, ord-4, ...)" in summary.line()
    assert "NOT COUNTED: what came before the newest 5000 orders" in summary.line()
    assert "all as it should be" not in summary.line()
    assert (len(summary.view()["unread"]), summary.view()["only_newest"]) == (6, 5000)
