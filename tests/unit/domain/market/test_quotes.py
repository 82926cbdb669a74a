"""Which quotes may be traded on, and how wide they are."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from repeg.domain.market.quotes import QuoteRules, Snapshot, describe, quote_problem
from repeg.domain.reasons import Reason
from tests.support.make import NOON, quote

TEN_SECONDS = Decimal(10)


@pytest.mark.parametrize(
    ("bid", "ask", "spread"),
    [
        ("100.00", "100.01", "tight"),
        ("100.00", "100.03", "tight"),
        ("100.00", "100.0301", "normal"),
        ("100.00", "100.05", "normal"),
        ("100.00", "100.0501", "wide"),
        ("0.50", "0.53", "tight"),
    ],
)
def test_spread_classes_change_exactly_at_three_and_five_cents(bid: str, ask: str, spread: str) -> None:
    assert quote(bid, ask).spread_class == spread


def test_spread_is_told_in_cents_and_in_basis_points_of_the_mid() -> None:
    assert quote("99.90", "100.10").spread_cents == 20
    assert quote("99.90", "100.10").spread_bps == 20
    assert describe(quote("602.10", "602.11")) == "bid 602.10 ask 602.11 (1 cent, 0.2 bps, tight)"


@pytest.mark.parametrize(
    ("bid", "ask", "problem"),
    [
        ("50.95", "50.98", None),
        ("0", "50.98", Reason.NO_QUOTE),
        ("50.95", "0", Reason.NO_QUOTE),
        ("50.98", "50.98", Reason.BAD_QUOTE),
        ("50.99", "50.98", Reason.BAD_QUOTE),
    ],
)
def test_one_sided_locked_and_crossed_quotes_are_not_traded_on(bid: str, ask: str, problem: Reason | None) -> None:
    assert quote_problem(quote(bid, ask), NOON, TEN_SECONDS) is problem


@pytest.mark.parametrize(("age", "problem"), [(10, None), (10.001, Reason.STALE_QUOTE), (3600, Reason.STALE_QUOTE)])
def test_a_quote_older_than_ten_seconds_is_stale(age: float, problem: Reason | None) -> None:
    assert quote_problem(quote(at=NOON - timedelta(seconds=age)), NOON, TEN_SECONDS) is problem


def test_the_absence_of_a_quote_is_a_problem() -> None:
    assert quote_problem(None, NOON, TEN_SECONDS) is Reason.NO_QUOTE


@pytest.mark.parametrize(("side", "touch"), [("buy", "50.98"), ("sell", "50.95")])
def test_the_far_touch_is_what_the_order_would_trade_at(side: str, touch: str) -> None:
    assert quote().touch(side) == Decimal(touch)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ask", "words"),
    [("102.03", "a spread of 201 bps"), ("102.021", "a spread of 200.1 bps"), ("125", "a spread of 2222 bps")],
)
def test_a_spread_that_is_no_market_is_told_beside_the_setting_that_says_so(ask: str, words: str) -> None:
    rules = QuoteRules(max_age=Decimal(10), max_quiet_age=Decimal(120), max_spread_bps=Decimal(200))
    doubt = rules.doubt(Snapshot(quote=quote("100", ask)), NOON)
    assert doubt == f"{words} is no market: max_spread_bps is 200"
