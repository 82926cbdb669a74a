"""The stop that a fill would get must lie behind the market: looked at before the send, and after the fill."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from desk.report.truth import trading_calls
from repeg.domain.reasons import Reason, Status
from tests.support.brackets import bracket, crwd, moves, ocos, position
from tests.support.lab import Lab
from tests.support.scenes import journal, submits, whenever

WIDE: dict[str, Any] = {"stop_loss": "529.4712", "take_profit": "560"}
SHORT: dict[str, Any] = {"side": "sell", "signal_price": "534.82", "stop_loss": "540.1688", "take_profit": "509.64"}


def _looks(lab: Lab) -> int:
    return sum("/stocks/" in request["path"] for request in journal(lab, "request"))


@pytest.mark.parametrize(
    ("changes", "bid", "ask"),
    [(WIDE, "529.48", "535.00"), (WIDE, "529.66", "535.00"), (SHORT, "534.64", "540.16"), (SHORT, "534.64", "539.98")],
    ids=["long", "long, at the stop", "short", "short, at the stop"],
)
def test_nothing_is_bought_whose_stop_would_be_through_the_market(
    lab: Lab, changes: dict[str, Any], bid: str, ask: str
) -> None:
    crwd(lab, bid, ask)
    order = bracket(lab, **changes)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.STOP_THROUGH)
    assert not submits(lab)
    assert any("of an entry at" in event.detail for event in order.events)


@pytest.mark.parametrize(
    ("changes", "bid", "ask"), [(WIDE, "529.67", "535.00"), (SHORT, "534.64", "539.97")], ids=["long", "short"]
)
def test_a_tick_behind_the_market_will_do(lab: Lab, changes: dict[str, Any], bid: str, ask: str) -> None:
    crwd(lab, bid, ask)
    assert bracket(lab, **changes).status is Status.FILLED


def test_a_stop_that_stays_where_the_signal_has_it_is_measured_there(lab: Lab) -> None:
    crwd(lab, "529.60", "535.00")
    assert bracket(lab, **WIDE, exit_anchor="signal").status is Status.FILLED


@pytest.mark.parametrize(
    ("changes", "before", "after"),
    [
        (WIDE, ("534.70", "534.80"), ("529.50", "535.05")),
        (SHORT, ("534.90", "535.00"), ("534.60", "540.10")),
    ],
    ids=["long", "short"],
)
def test_a_fill_whose_stop_is_through_the_market_is_left_again(
    lab: Lab, changes: dict[str, Any], before: tuple[str, str], after: tuple[str, str]
) -> None:
    """Priced close to the stop, and filled a little worse: the look after the fill finds it."""
    near = ("529.70", "535.00") if changes is WIDE else ("534.64", "539.94")
    crwd(lab, *near)
    whenever(lab, "broker.submit", lambda: crwd(lab, *after))
    order = bracket(lab, **changes)
    assert (order.status, order.reason) == (Status.UNWOUND, Reason.STOP_THROUGH)
    assert not ocos(lab)
    assert position(lab) == 0


def test_an_entry_that_rested_is_looked_at_when_it_is_filled(lab: Lab) -> None:
    """The market crashes through a resting limit, and its touch at which one would leave is beyond the stop."""
    crwd(lab, "535.20", "535.30")
    moves(lab, "new", "529.50", "535.09", after=20)
    order = bracket(lab, **WIDE)
    assert (order.status, order.reason) == (Status.UNWOUND, Reason.STOP_THROUGH)
    assert not ocos(lab)


def test_one_look_alone_sells_nothing(lab: Lab) -> None:
    crwd(lab, "535.20", "535.30")
    moves(lab, "new", "529.50", "535.09", after=20)
    whenever(lab, "broker.protect", lambda: crwd(lab))
    looked = {"nth": 0}
    real = lab.sleep

    def sleeps(seconds: float) -> None:
        real(seconds)
        if seconds == 0.3:
            looked["nth"] += 1
            crwd(lab, "535.00", "535.05")

    lab.worker.sleep = sleeps
    order = bracket(lab, **WIDE)
    assert looked["nth"] == 1
    assert (order.status, order.guard.protected) == (Status.FILLED, True)


@pytest.mark.parametrize("trouble", ["no quotes", "no market"])
def test_what_cannot_be_seen_keeps_no_fill_from_its_protection(lab: Lab, trouble: str) -> None:
    crwd(lab, "535.20", "535.30")
    moves(lab, "new", "534.00", "535.05", after=20)

    def breaks() -> None:
        if trouble == "no quotes":
            lab.control.faults({"method": "GET", "path": "/v2/stocks/*", "kind": "error", "status": 503})
        else:
            crwd(lab, "505.00", "535.05")

    whenever(lab, "broker.snapshot", breaks, nth=3)
    order = bracket(lab, **WIDE)
    assert order.reason is not Reason.STOP_THROUGH
    assert len(submits(lab)) >= 2, "its protection was sent, and the broker had its say"


def test_a_bracket_at_once_costs_no_look_more(lab: Lab) -> None:
    crwd(lab)
    before = lab.mark()
    order = bracket(lab)
    assert (order.status, order.guard.protected, _looks(lab)) == (Status.FILLED, True, 2)
    assert len(trading_calls(lab.control.journal(before))) == 5
    assert order.avg_fill_price == Decimal("534.80")
