"""Which ladder and which cap an order takes, and what the first minutes of a session change about it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from repeg.domain.ladder.opening import opening_cap, plan_opening, waits_for_spread
from repeg.domain.ladder.pricing import Cap, CapBound
from repeg.domain.ladder.routing import cap_bps, classify, route
from repeg.domain.order.record import Order
from repeg.domain.rules.timing import released
from repeg.domain.settings import Settings
from repeg.settings import validate
from tests.support.make import FRIDAY, NOON, eastern, order, quote, session_of

SESSION = session_of()
LEVERAGED = "TQQQ SQQQ TECL SPXL UPRO UVXY LABU LABD SOXL FNGU FAS TNA TZA CURE DIRV".split()  # noqa: SIM905
HIGH_VOLUME = "SPY QQQ TLT XLF XLK XLP XLY VOX VTV VOOG VOOV AGG BIL BSV IWM EFA VWO".split()  # noqa: SIM905


def test_every_symbol_of_the_lists_has_its_class() -> None:
    assert {classify(symbol, Settings()).value for symbol in LEVERAGED} == {"leveraged_etf"}
    assert {classify(symbol, Settings()).value for symbol in HIGH_VOLUME} == {"high_volume_etf"}
    assert classify("AAPL", Settings()) == "stock"


def test_a_symbol_in_both_lists_counts_as_leveraged() -> None:
    settings = validate({"leveraged_etfs": ["QQQ"], "high_volume_etfs": ["QQQ"]})
    assert classify("QQQ", settings) == "leveraged_etf"


@pytest.mark.parametrize(
    ("mode", "enabled", "leveraged", "high_volume", "stock"),
    [
        ("AUTO", True, "better_orders", "better_orders", "standard"),
        ("BETTER_ORDERS", True, "better_orders", "better_orders", "better_orders"),
        ("STANDARD", True, "standard", "standard", "standard"),
        ("AUTO", False, "standard", "standard", "standard"),
        ("BETTER_ORDERS", False, "standard", "standard", "standard"),
    ],
)
def test_mode_and_switch_route_the_classes(
    mode: str, enabled: bool, leveraged: str, high_volume: str, stock: str
) -> None:
    settings = validate({"execution_mode": mode, "enabled": enabled})
    routes = [route(classify(symbol, settings), settings) for symbol in ("TQQQ", "SPY", "AAPL")]
    assert routes == [leveraged, high_volume, stock]


@pytest.mark.parametrize(
    ("symbol", "base", "cap"),
    [("TQQQ", "20", "20"), ("SPY", "20", "10"), ("AAPL", "20", "15"), ("AAPL", "30", "22.5"), ("SPY", "5", "2.5")],
)
def test_the_cap_is_the_base_by_class(symbol: str, base: str, cap: str) -> None:
    settings = Settings(max_slippage_bps=Decimal(base))
    assert cap_bps(classify(symbol, settings), settings) == Decimal(cap)


def _released(**fields: object) -> Order:
    arrived = order(**fields)
    return released(arrived, arrived.side or "sell", quote(), SESSION, NOON, Settings())


def test_the_signal_wins_over_its_class() -> None:
    ready = _released(ask_cap_bps=Decimal(50), ask_ladder="market")
    assert (ready.terms.ladder, ready.terms.max_slippage_bps) == ("market", Decimal(50))
    assert ready.terms.symbol_class == "leveraged_etf"


def test_release_fixes_the_reference_at_the_arrival_mid() -> None:
    ready = _released()
    assert (ready.terms.reference_price, ready.terms.arrival_bid, ready.terms.arrival_ask) == (
        Decimal("50.965"),
        Decimal("50.95"),
        Decimal("50.98"),
    )
    assert (ready.status.value, ready.terms.ladder, ready.terms.max_slippage_bps) == (
        "working",
        "better_orders",
        Decimal(20),
    )
    assert ready.worst_price == Decimal("51.06")


def test_a_close_takes_the_unwind_ladder_without_a_cap() -> None:
    ready = _released(kind="close", side=None)
    assert (ready.terms.ladder, ready.terms.max_slippage_bps, ready.worst_price) == ("unwind", None, None)


def test_an_order_that_must_complete_has_its_cap_lifted_but_still_told() -> None:
    ready = _released(completion="must")
    assert (ready.terms.max_slippage_bps, ready.worst_price) == (Decimal(20), None)


# --- the opening ---


@pytest.mark.parametrize(
    ("ask", "minutes", "cap"), [("50.98", 0, 5), ("51.00", 1, 10), ("51.01", 2, 15)], ids=["tight", "normal", "wide"]
)
def test_the_spread_before_the_open_plans_patience_and_cap(ask: str, minutes: int, cap: int) -> None:
    plan = plan_opening(quote("50.95", ask), SESSION.opens_at)
    assert (plan.patience_seconds, plan.cap_bps) == (minutes * 60, cap)


WIDE, NORMAL, TIGHT = quote("50.90", "51.00"), quote("50.95", "51.00"), quote("50.95", "50.98")


@pytest.mark.parametrize(
    ("at", "waits"),
    [("09:30:00", True), ("09:31:59", True), ("09:31:59.999", True), ("09:32:00", False), ("09:35:00", False)],
)
def test_without_a_plan_a_wide_spread_is_waited_out_for_two_minutes(at: str, waits: bool) -> None:
    assert waits_for_spread(WIDE, SESSION, eastern(at), None) is waits
    assert not waits_for_spread(NORMAL, SESSION, eastern(at), None)
    assert not waits_for_spread(TIGHT, SESSION, eastern(at), None)


@pytest.mark.parametrize(
    ("planned_on", "at", "waits"),
    [
        (TIGHT, "09:30:00", False),
        (NORMAL, "09:30:59.9", True),
        (NORMAL, "09:31:00", False),
        (WIDE, "09:31:59.9", True),
        (WIDE, "09:32:00", False),
    ],
    ids=["tight", "normal within", "normal over", "wide within", "wide over"],
)
def test_a_plan_bounds_the_wait(planned_on: object, at: str, waits: bool) -> None:
    plan = plan_opening(planned_on, SESSION.opens_at)  # type: ignore[arg-type]
    assert waits_for_spread(WIDE, SESSION, eastern(at), plan) is waits


@pytest.mark.parametrize(
    ("at", "class_cap", "cap"),
    [("09:30:00", 20, 10), ("09:34:59.9", 20, 10), ("09:35:00", 20, 20), ("09:31:00", 7, 7)],
)
def test_until_five_minutes_after_the_open_the_smaller_cap_holds(at: str, class_cap: int, cap: int) -> None:
    plan = plan_opening(NORMAL, SESSION.opens_at)
    assert opening_cap(_cap(class_cap), Decimal(51), SESSION, eastern(at), plan).bps == cap


@pytest.mark.parametrize(
    ("bid", "ask", "class_cap", "floor", "bound"),
    [
        ("25.00", "25.03", 20, "0.025", "opening_spread"),
        ("25.00", "25.03", 8, "0", "setting"),
        ("250.00", "250.03", 20, "0.025", "opening_plan"),
        ("10.00", "10.20", 20, "0", "setting"),
    ],
    ids=["half the spread and a tick", "the class is closer", "basis points are farther", "a spread beyond the class"],
)
def test_a_plan_lets_the_spread_be_traded_that_it_was_made_on(
    bid: str, ask: str, class_cap: int, floor: str, bound: str
) -> None:
    seen = quote(bid, ask)
    cap = opening_cap(_cap(class_cap), seen.mid, SESSION, eastern("09:31"), plan_opening(seen, SESSION.opens_at))
    assert (cap.floor, cap.bound.value) == (Decimal(floor), bound)


def _cap(bps: int) -> Cap:
    return Cap(bps=Decimal(bps), floor=Decimal(0), bound=CapBound.SETTING)


def test_yesterdays_plan_means_nothing_today() -> None:
    stale = plan_opening(TIGHT, session_of(FRIDAY - timedelta(days=1)).opens_at)
    assert opening_cap(_cap(20), Decimal(51), SESSION, eastern("09:31"), stale) == _cap(20)
    assert waits_for_spread(WIDE, SESSION, eastern("09:31"), stale)
