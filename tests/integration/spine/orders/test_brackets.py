"""Brackets from signal to fill, on the whole spine: what is sent, at which limit, and what is refused."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from desk.report.truth import trading_calls
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from tests.support.brackets import CRWD, bracket, crwd, levels, moves, ocos, position, seconds
from tests.support.lab import Lab
from tests.support.scenes import journal, lab_at, run, submits, whenever

PAID = Decimal("534.80")
WIDE_EXITS = {"stop_loss": "520.00", "take_profit": "564.46"}
LATE_TARGET = {"exit_anchor": "signal", "take_profit": "536.87"}


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What operators can search the log for."""
    caplog.set_level(logging.INFO, logger="lab")
    return caplog


def _refused(lab: Lab, order: Order, reason: Reason) -> None:
    assert (order.status, order.reason) == (Status.REJECTED, reason)
    assert not submits(lab), "nothing was sent"
    assert position(lab) == 0


# --- filled ---


def test_a_bracket_is_filled_at_once_and_protected_from_its_fill(lab: Lab, said: pytest.LogCaptureFixture) -> None:
    """Issue: a bracket filled at once and protected: at most 16 transitions and 6 trading calls."""
    crwd(lab)
    mark = lab.mark()
    order = run(lab, **CRWD)
    calls = trading_calls([e for e in lab.control.journal() if mark < e["seq"]])
    assert (order.status, order.reason, order.filled_qty) == (Status.FILLED, None, 25)
    assert (order.terms.ladder, order.children[0].limit_price) == ("smart_limit", Decimal("535.09"))
    assert (order.avg_fill_price, levels(order), order.guard.risk_reward) == (PAID, ("529.45", "545.50"), 2)
    assert order.guard.protected is True
    assert (order.terms.reference_price, order.terms.max_slippage_bps, order.result.cap_breached) == (
        Decimal("534.82"),
        10,
        False,
    )
    assert order.result.slippage_bps is not None and order.result.slippage_bps < 0
    assert "Smart executor trade successful" in said.text
    assert lab.machine and len(lab.machine.entered) == 3
    assert len(calls) == 5
    lab.check()


def test_an_improved_price_is_kept(lab: Lab) -> None:
    """Design 3.6: price improvement is never a reason to reject. The stop goes with the fill."""
    crwd(lab, "529.40", "529.47")
    order = bracket(lab, **WIDE_EXITS)
    assert (order.status, order.avg_fill_price) == (Status.FILLED, Decimal("529.47"))
    assert levels(order) == ("514.65", "559.11")
    assert order.result.slippage_bps is not None and order.result.slippage_bps.quantize(Decimal("0.1")) == Decimal(
        "-100.0"
    )
    assert order.guard.protected is True


def test_exits_can_stay_where_the_signal_put_them(lab: Lab) -> None:
    """Design 4: anchored at the signal, levels stay and R/R is what the fill left of it."""
    crwd(lab)
    order = bracket(lab, exit_anchor="signal")
    assert (order.status, levels(order)) == (Status.FILLED, ("529.47", "545.52"))
    assert order.guard.risk_reward and order.guard.risk_reward.quantize(Decimal("0.001")) == Decimal("2.011")


def test_stop_and_target_follow_the_average_of_several_fills(lab: Lab) -> None:
    """Design 3.7: after tick rounding, the stop inward and the target outward."""
    crwd(lab, size=10)
    moves(lab, "fill", "534.71", "534.81", after=1)
    order = bracket(lab)
    assert (order.status, order.avg_fill_price) == (Status.FILLED, Decimal("534.806"))
    assert levels(order) == ("529.46", "545.51")


def test_a_bracket_that_rests_fills_when_the_market_comes(lab: Lab) -> None:
    crwd(lab, "535.10", "535.20")
    moves(lab, "new", "534.99", "535.09", after=20)
    order = bracket(lab)
    assert (order.status, order.avg_fill_price) == (Status.FILLED, Decimal("535.09"))
    assert 20 <= seconds(order) < 21
    assert order.guard.protected is True


def test_a_second_bracket_of_the_symbol_stands_beside_the_first(lab: Lab) -> None:
    crwd(lab)
    first = bracket(lab)
    second = bracket(lab, "b", qty=10)
    assert (first.guard.protected, second.guard.protected) == (True, True)
    assert [entry["qty"] for entry in ocos(lab)] == ["25", "10"]
    assert position(lab) == 35


# --- how much ---


@pytest.mark.parametrize(("notional", "qty"), [("13400", 25), ("13377.25", 25), ("13377.24", 24)])
def test_a_notional_becomes_whole_shares_at_the_limit(lab: Lab, notional: str, qty: int) -> None:
    """Design 4, Size: bracket: whole shares; notional -> floor(notional / limit)."""
    crwd(lab)
    order = bracket(lab, qty=None, notional=notional)
    assert (order.status, order.filled_qty) == (Status.FILLED, qty)


def test_a_notional_of_less_than_one_share_is_refused(lab: Lab) -> None:
    crwd(lab)
    _refused(lab, bracket(lab, qty=None, notional="535.08"), Reason.NOTIONAL_TOO_SMALL)


# --- refused before anything is sent ---


def test_a_price_that_ran_beyond_the_cap_is_refused(lab: Lab, said: pytest.LogCaptureFixture) -> None:
    """The story of the issue: at 536.00 the old way would have bought a R/R of 1:0.13."""
    crwd(lab, "535.90", "536.00")
    order = bracket(lab, **LATE_TARGET)
    _refused(lab, order, Reason.SLIPPAGE_EXCEEDED)
    assert order.guard.risk_reward and order.guard.risk_reward.quantize(Decimal("0.01")) == Decimal("0.13")
    assert (order.terms.arrival_bid, order.terms.arrival_ask) == (Decimal("535.90"), Decimal("536.00"))
    assert "Smart executor rejected trade: excessive slippage" in said.text


@pytest.mark.parametrize(("ask", "status"), [("535.35", Status.UNFILLED), ("535.36", Status.REJECTED)])
def test_the_cap_is_a_price(lab: Lab, ask: str, status: Status) -> None:
    """Design 3.6: 534.82 and 10 bps are 535.35, rounded inward."""
    crwd(lab, "535.30", ask)
    assert bracket(lab).status is status


def test_too_little_reward_for_the_risk_is_refused(lab: Lab, said: pytest.LogCaptureFixture) -> None:
    crwd(lab)
    order = bracket(lab, take_profit="545.40")
    _refused(lab, order, Reason.RISK_REWARD_TOO_LOW)
    assert order.guard.risk_reward and order.guard.risk_reward < 2
    assert "R/R ratio too low" in said.text


@pytest.mark.parametrize(("ask", "status"), [("534.82", Status.FILLED), ("534.83", Status.REJECTED)])
def test_the_reward_counts_at_the_price_one_would_get_now(lab: Lab, ask: str, status: Status) -> None:
    """Design 3.7: with exits at the signal's levels, a cent more is a R/R below 2."""
    crwd(lab, "534.70", ask)
    order = bracket(lab, exit_anchor="signal")
    assert order.status is status
    assert order.reason is (None if status is Status.FILLED else Reason.RISK_REWARD_TOO_LOW)


@pytest.mark.parametrize(("bid", "refused"), [("529.48", False), ("529.47", True), ("527.00", True)])
def test_a_market_at_or_through_the_stop_is_not_bought(lab: Lab, bid: str, refused: bool) -> None:
    """Design 3.7: buying a crash is not price improvement."""
    crwd(lab, bid, "529.60")
    order = bracket(lab)
    if refused:
        _refused(lab, order, Reason.STOP_THROUGH)
    else:
        assert (order.status, levels(order)) == (Status.FILLED, ("524.25", "540.30"))


def test_an_opposite_position_is_neither_turned_nor_reduced(lab: Lab) -> None:
    crwd(lab)
    lab.control.position("CRWD", -10, "540")
    order = bracket(lab)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.OPPOSITE_POSITION)
    assert not submits(lab) and position(lab) == -10


def test_a_position_of_the_same_side_is_added_to_and_only_the_new_shares_are_protected(lab: Lab) -> None:
    crwd(lab)
    lab.control.position("CRWD", 100, "500")
    order = bracket(lab)
    assert (order.status, order.filled_qty) == (Status.FILLED, 25)
    assert [entry["qty"] for entry in ocos(lab)] == ["25"]
    assert position(lab) == 125


def _short(lab: Lab) -> None:
    lab.control.position("CRWD", -10, "540")


def _untradable(lab: Lab) -> None:
    lab.control.asset("CRWD", tradable=False)


@pytest.mark.parametrize(
    ("scenes", "bid", "ask", "changes", "reason"),
    [
        ([_untradable, _short], "534.70", "534.80", {}, Reason.NOT_TRADABLE),
        ([_short], "0", "534.80", {}, Reason.OPPOSITE_POSITION),
        ([_short], "520.00", "540.00", {}, Reason.OPPOSITE_POSITION),
        ([], "0", "540.00", {}, Reason.NO_QUOTE),
        ([], "529.00", "529.00", {}, Reason.BAD_QUOTE),
        ([], "520.00", "540.00", {}, Reason.BAD_QUOTE),
        ([], "529.00", "537.00", {}, Reason.STOP_THROUGH),
        ([], "535.90", "536.00", LATE_TARGET, Reason.SLIPPAGE_EXCEEDED),
        ([], "529.40", "529.50", {"take_profit": "536.00"}, Reason.STOP_THROUGH),
    ],
    ids=[
        "asset before position",
        "position before quote",
        "position before stop",
        "quote before slippage",
        "quote before stop",
        "no market before stop",
        "stop before slippage",
        "slippage before R/R",
        "stop before R/R",
    ],
)
def test_reasons_have_their_order(
    lab: Lab, scenes: list[Any], bid: str, ask: str, changes: dict[str, str], reason: Reason
) -> None:
    """Design 3.13: ... session, asset, position, quote, stop_through, slippage, R/R."""
    crwd(lab, bid, ask)
    for scene in scenes:
        scene(lab)
    order = bracket(lab, **changes)
    assert (order.status, order.reason) == (Status.REJECTED, reason)
    assert not submits(lab)


def test_a_closed_market_comes_before_all_that_the_market_could_say(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "21:00") as lab:
        crwd(lab)
        _short(lab)
        assert bracket(lab).reason is Reason.MARKET_CLOSED


@pytest.mark.parametrize(
    ("bid", "ask", "reason"),
    [
        ("535.90", "536.00", Reason.SLIPPAGE_EXCEEDED),
        ("529.00", "529.10", Reason.STOP_THROUGH),
        ("0", "534.80", Reason.NO_QUOTE),
    ],
)
def test_the_last_look_before_the_send_counts(lab: Lab, bid: str, ask: str, reason: Reason) -> None:
    """The market moves while the account answers slowly, between the assessment and the first send."""

    def answers_slowly() -> None:
        lab.sleep(1)
        crwd(lab, bid, ask)

    crwd(lab)
    whenever(lab, "broker.positions", answers_slowly)
    _refused(lab, bracket(lab), reason)


def test_buying_power_is_the_brokers_word(lab: Lab) -> None:
    crwd(lab)
    lab.control.account(cash="1000")
    order = bracket(lab)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.INSUFFICIENT_BUYING_POWER)
    assert not ocos(lab)


# --- the limit ---


@pytest.mark.parametrize(
    ("settings", "changes", "limit"),
    [
        ({}, {}, "535.09"),
        ({"SMART_EXECUTOR_LIMIT_BUFFER_REGULAR": "0"}, {}, "534.82"),
        ({"SMART_EXECUTOR_LIMIT_BUFFER_REGULAR": "0.002"}, {}, "535.35"),
        ({"SMART_EXECUTOR_MAX_SLIPPAGE_PCT": "0.0003"}, {}, "534.98"),
        ({}, {"exit_anchor": "signal"}, "534.82"),
        ({"SMART_EXECUTOR_MIN_RR_RATIO": "1.95"}, {"exit_anchor": "signal"}, "534.91"),
        ({"SMART_EXECUTOR_MIN_RR_RATIO": "1.5"}, {"exit_anchor": "signal"}, "535.09"),
    ],
    ids=["plain", "no buffer", "cap", "tighter cap", "R/R", "lower R/R", "R/R that does not bind"],
)
def test_the_limit_lies_near_the_signal_inside_cap_and_reward(
    lab: Lab, settings: dict[str, str], changes: dict[str, str], limit: str
) -> None:
    """Design 3.6, 3.7: clamped to the worst price and to the price at which R/R is still the minimum."""
    lab.settings = Settings(**{name: Decimal(value) for name, value in settings.items()})
    crwd(lab)
    order = bracket(lab, **changes)
    assert [child.limit_price for child in order.children] == [Decimal(limit)]
    assert order.status is Status.FILLED


def test_a_lower_minimum_of_reward_takes_what_was_refused(lab: Lab) -> None:
    lab.settings = Settings(SMART_EXECUTOR_MIN_RR_RATIO=Decimal("1.5"))
    crwd(lab)
    assert bracket(lab, take_profit="543.00").status is Status.FILLED


# --- the old way ---

LEGACY = Settings(USE_SMART_EXECUTOR=False)


def test_the_old_way_buys_at_the_market_and_keeps_the_signals_exits(lab: Lab) -> None:
    """Design 4, Settings: market entry, signal-anchored OCO, no slippage or R/R check."""
    lab.settings = LEGACY
    crwd(lab, "535.90", "536.00")
    order = bracket(lab, take_profit="536.87")
    assert (order.status, order.terms.ladder, order.children[0].type) == (Status.FILLED, "market", "market")
    assert (order.avg_fill_price, levels(order)) == (Decimal("536.00"), ("529.47", "536.87"))
    assert order.guard.risk_reward and order.guard.risk_reward.quantize(Decimal("0.01")) == Decimal("0.13")
    assert (order.terms.max_slippage_bps, order.guard.protected) == (None, True)


def test_the_old_way_does_not_buy_through_its_stop(lab: Lab) -> None:
    lab.settings = LEGACY
    crwd(lab, "529.00", "529.10")
    _refused(lab, bracket(lab), Reason.STOP_THROUGH)


def test_the_old_way_sizes_a_notional_by_the_touch(lab: Lab) -> None:
    lab.settings = LEGACY
    crwd(lab, "535.90", "536.00")
    assert bracket(lab, qty=None, notional="13400").filled_qty == 25
    crwd(lab, "535.91", "536.01")
    assert bracket(lab, "b", qty=None, notional="13400").filled_qty == 24


# --- more than one hand at the record ---


def test_the_same_signal_again_buys_nothing_more(lab: Lab) -> None:
    crwd(lab)
    bracket(lab)
    order = run(lab, "a", **CRWD)
    assert (order.filled_qty, position(lab)) == (25, 25)
    assert len(journal(lab, event="accepted")) == 3, "an entry, a target, a stop"
    lab.check()
