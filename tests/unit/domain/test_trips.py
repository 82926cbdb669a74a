"""Trips: how much evidence halts trading, and that a trip uses it up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.halt import Mode
from repeg.domain.settings import Settings
from repeg.domain.trips import Errors, Failures, Worth, by_drift, by_errors, by_failures, by_loss, halt_by

TEN = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)
LOSS = Settings(trip_daily_loss=Decimal(3000))
SHARE = Settings(trip_daily_loss_fraction=Decimal("0.03"))


def failures(*minutes: float, mark: str = "") -> Failures:
    return Failures({f"ord-{place}": TEN + timedelta(minutes=at) for place, at in enumerate(minutes)}, mark)


@pytest.mark.parametrize(
    ("minutes", "trips"), [((0, 1), False), ((0, 5, 9.9), True), ((0, 5, 10), False), ((0, 5, 10, 11), True)]
)
def test_so_many_failures_within_the_window_trip(minutes: tuple[float, ...], trips: bool) -> None:
    assert bool(by_failures(failures(*minutes), Settings())) is trips


def test_failures_that_a_trip_was_made_of_count_no_more() -> None:
    tripped = by_failures(failures(0, 1, 2), Settings())
    assert tripped is not None and "3 orders ended without protection within 10 minutes (ord-0, ord-1" in tripped.why
    assert by_failures(failures(0, 1, 2, mark=tripped.after), Settings()) is None
    assert by_failures(failures(0, 1, 2, 3, 4, mark=tripped.after), Settings()) is None
    assert by_failures(failures(0, 1, 2, 3, 4, 5, mark=tripped.after), Settings())


def test_errors_in_a_row_trip_at_their_number() -> None:
    assert by_errors(Errors(19), Settings(), TEN) is None
    tripped = by_errors(Errors(20), Settings(), TEN)
    assert tripped and halt_by(tripped, Settings(), TEN).sentence == (
        "the account is halted: only exits are sent (tripped: 20 requests in a row were not served by the broker; "
        "trip_broker_errors is 20)"
    )


@pytest.mark.parametrize("settings", [LOSS, SHARE])
@pytest.mark.parametrize(
    ("equity", "trips"), [("97000.01", False), ("97000", True), ("60000", True), ("110000", False)]
)
def test_a_loss_trips_at_its_limit(settings: Settings, equity: str, trips: bool) -> None:
    worth = Worth(Decimal(equity), Decimal(100_000))
    assert bool(by_loss(worth, "", settings, TODAY)) is trips


@pytest.mark.parametrize(
    "worth",
    [
        Worth(Decimal(0), Decimal(100_000)),
        Worth(Decimal(90_000), None),
        Worth(Decimal(90_000), Decimal(0)),
        Worth(Decimal(90_000), Decimal(100_000), moved=Decimal(-10_000)),
    ],
    ids=["no equity", "no last equity", "a last equity of nothing", "paid out"],
)
def test_figures_that_are_missing_and_money_paid_out_are_no_loss(worth: Worth) -> None:
    assert by_loss(worth, "", LOSS, TODAY) is None


def test_a_loss_is_counted_from_where_it_tripped_today() -> None:
    tripped = by_loss(Worth(Decimal(96_500), Decimal(100_000)), "", SHARE, TODAY)
    assert (
        tripped and tripped.after == "2026-11-20 3500" and "lost $3,500.00" in tripped.why and "3.50 %" in tripped.why
    )
    assert by_loss(Worth(Decimal(93_501), Decimal(100_000)), tripped.after, SHARE, TODAY) is None
    assert by_loss(Worth(Decimal(93_500), Decimal(100_000)), tripped.after, SHARE, TODAY)
    assert by_loss(Worth(Decimal(96_500), Decimal(100_000)), tripped.after, SHARE, TODAY + timedelta(days=1))


def test_positions_that_disagreed_when_it_tripped_are_not_counted_again() -> None:
    settings = Settings(trip_drift=2)
    assert by_drift({"a"}, "", settings) is None
    tripped = by_drift({"a", "b"}, "", settings)
    assert tripped and tripped.after == "a b"
    assert by_drift({"a", "b", "c"}, tripped.after, settings) is None
    assert by_drift({"a", "c", "d"}, tripped.after, settings)


@pytest.mark.parametrize(
    "off",
    ["trip_protection_failures", "trip_broker_errors", "trip_daily_loss", "trip_daily_loss_fraction", "trip_drift"],
)
def test_nothing_that_is_off_trips(off: str) -> None:
    values: dict[str, Any] = {"trip_broker_errors": 0, "trip_protection_failures": 0} | {off: 0}
    settings = Settings(**values)
    found = [
        by_failures(failures(*range(9)), settings),
        by_errors(Errors(10**6), settings, TEN),
        by_loss(Worth(Decimal(1), Decimal(100_000)), "", settings, TODAY),
        by_drift({"a", "b"}, "", settings),
    ]
    assert found == [None] * 4


def test_what_a_trip_lets_be_sent_is_set() -> None:
    tripped = by_errors(Errors(20), Settings(), TEN)
    assert tripped and halt_by(tripped, Settings(trip_mode="reducing"), TEN).mode is Mode.REDUCING
