"""Brackets: limits, looks before the send, checks after the fill, levels, and what intake takes for a bracket."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest

from repeg.domain.order.bracket import Bracket, Levels
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason
from repeg.domain.rules.bracket_entry import position_problem, refused_at, released_bracket, short_problem, with_terms
from repeg.domain.settings import Settings
from repeg.domain.signals.parsing import BracketSignal, parse_signal
from repeg.errors import SignalInvalid
from tests.support.make import asset, child, order, position, quote

BUFFER = Decimal("0.0005")


def crwd(**changes: Any) -> Bracket:
    """The long bracket of the design: risk 5.35, reward 10.70."""
    terms: dict[str, Any] = {
        "side": "buy",
        "signal_price": Decimal("534.82"),
        "stop_loss": Decimal("529.47"),
        "take_profit": Decimal("545.52"),
        "anchor": "fill",
        "cap_bps": Decimal(10),
        "min_rr": Decimal(2),
    }
    return Bracket(**(terms | {name: _number(value) for name, value in changes.items()}))


def short(**changes: Any) -> Bracket:
    """Its mirror."""
    return crwd(**({"side": "sell", "stop_loss": "540.17", "take_profit": "524.12"} | changes))


def _number(value: Any) -> Any:
    try:
        return Decimal(value)
    except (InvalidOperation, TypeError):
        return value


def _looked(bracket: Bracket, bid: str, ask: str) -> tuple[Decimal, Reason | None]:
    price, problem = bracket.look(quote(bid, ask), BUFFER)
    return price, problem.reason if problem else None


# --- the limit ---


@pytest.mark.parametrize(
    ("bracket", "buffer", "limit"),
    [
        (crwd(), "0.0005", "535.09"),
        (crwd(), "0.0002", "534.93"),
        (crwd(), "0", "534.82"),
        (crwd(), "0.01", "535.35"),
        (crwd(cap_bps="0"), "0.0005", "534.82"),
        (crwd(anchor="signal"), "0.0005", "534.82"),
        (crwd(anchor="signal", min_rr="1.95"), "0.0005", "534.91"),
        (short(), "0.0005", "534.55"),
        (short(), "0.01", "534.29"),
        (short(anchor="signal"), "0.0005", "534.82"),
    ],
    ids=["plain", "extended", "none", "cap", "no cap at all", "R/R", "lower R/R", "short", "short cap", "short R/R"],
)
def test_a_limit_is_the_signal_and_a_buffer_inside_cap_and_reward(bracket: Bracket, buffer: str, limit: str) -> None:
    assert bracket.limit(Decimal(buffer)) == Decimal(limit)


# --- before the send ---


@pytest.mark.parametrize(
    ("bracket", "bid", "ask", "price", "reason"),
    [
        (crwd(), "534.70", "534.80", "534.80", None),
        (crwd(), "534.70", "535.20", "535.09", None),
        (crwd(), "534.70", "535.35", "535.09", None),
        (crwd(), "534.70", "535.36", "535.36", Reason.SLIPPAGE_EXCEEDED),
        (crwd(), "529.48", "529.60", "529.60", None),
        (crwd(), "529.47", "529.60", "529.60", Reason.STOP_THROUGH),
        (crwd(), "529.00", "536.00", "536.00", Reason.STOP_THROUGH),
        (crwd(anchor="signal"), "534.70", "534.83", "534.83", Reason.RISK_REWARD_TOO_LOW),
        (crwd(take_profit="545.51"), "534.70", "534.80", "534.80", Reason.RISK_REWARD_TOO_LOW),
        (short(), "534.84", "534.94", "534.84", None),
        (short(), "534.28", "534.38", "534.28", Reason.SLIPPAGE_EXCEEDED),
        (short(), "540.07", "540.17", "540.07", Reason.STOP_THROUGH),
        (short(anchor="signal"), "534.81", "534.91", "534.81", Reason.RISK_REWARD_TOO_LOW),
        (crwd(cap_bps=None, min_rr=None), "535.90", "536.00", "536.00", None),
        (crwd(cap_bps=None, min_rr=None), "529.00", "529.10", "529.10", Reason.STOP_THROUGH),
    ],
)
def test_a_quote_is_looked_at_before_anything_is_sent(
    bracket: Bracket, bid: str, ask: str, price: str, reason: Reason | None
) -> None:
    """Design 3.6, 3.7, 3.13. The price is the one to be had: the touch, but no worse than the limit."""
    assert _looked(bracket, bid, ask) == (Decimal(price), reason)


def test_a_refusal_tells_the_reward_that_was_left() -> None:
    """The issue's figure: stop 529.47, target 536.87, market 536.00."""
    late = crwd(anchor="signal", take_profit="536.87")
    refused = refused_at(order(kind="bracket", bracket=late, entry_buffer=BUFFER), quote("535.90", "536.00"))
    assert refused and refused.reason is Reason.SLIPPAGE_EXCEEDED
    assert refused.risk_reward and refused.risk_reward.quantize(Decimal("0.01")) == Decimal("0.13")


# --- after the fill ---


@pytest.mark.parametrize(
    ("bracket", "price", "reason"),
    [
        (crwd(), "535.35", None),
        (crwd(), "535.351", Reason.SLIPPAGE_EXCEEDED),
        (crwd(), "529.48", None),
        (crwd(), "529.47", Reason.STOP_THROUGH),
        (crwd(anchor="signal"), "534.821", Reason.RISK_REWARD_TOO_LOW),
        (crwd(anchor="signal"), "529.47", Reason.STOP_THROUGH),
        (short(), "534.29", None),
        (short(), "534.28", Reason.SLIPPAGE_EXCEEDED),
        (short(), "540.17", Reason.STOP_THROUGH),
        (crwd(cap_bps=None, min_rr=None), "600", None),
        (crwd(cap_bps=None, min_rr=None), "529", None),
    ],
)
def test_a_fill_is_checked_by_its_average(bracket: Bracket, price: str, reason: Reason | None) -> None:
    problem = bracket.fill_problem(Decimal(price))
    assert (problem.reason if problem else None) is reason


def test_a_reward_too_small_by_a_hair_shows_the_hair() -> None:
    problem = crwd(anchor="signal").fill_problem(Decimal("534.821"))
    assert problem and problem.detail == "R/R at 534.821 is 1:1.999, below 1:2"


# --- levels ---


@pytest.mark.parametrize(
    ("bracket", "price", "stop", "target"),
    [
        (crwd(), "534.80", "529.45", "545.50"),
        (crwd(), "534.806", "529.46", "545.51"),
        (crwd(anchor="signal"), "536.00", "529.47", "545.52"),
        (crwd(anchor="signal", stop_loss="529.4712", take_profit="545.5212"), "534.80", "529.48", "545.53"),
        (short(), "534.84", "540.19", "524.14"),
        (short(), "534.834", "540.18", "524.13"),
    ],
    ids=["fill", "between ticks", "signal", "signal between ticks", "short", "short between ticks"],
)
def test_stop_and_target(bracket: Bracket, price: str, stop: str, target: str) -> None:
    """Design 4: risk and reward from the fill, or the signal's levels; the stop inward, the target outward."""
    assert bracket.levels_at(Decimal(price)) == Levels(stop=Decimal(stop), target=Decimal(target))


def test_levels_below_a_dollar_have_finer_ticks() -> None:
    cheap = crwd(signal_price="1.02", stop_loss="0.97", take_profit="1.12")
    assert cheap.levels_at(Decimal("1.0133")) == Levels(stop=Decimal("0.9633"), target=Decimal("1.12"))


def test_a_target_never_falls_to_nothing() -> None:
    """A short's reward can be larger than the price that it was filled at."""
    levels = crwd(side="sell", signal_price="1.00", stop_loss="1.40", take_profit="0.10").levels_at(Decimal("0.85"))
    assert levels.target == Decimal("0.0001")


def test_without_risk_there_is_no_ratio() -> None:
    levels = Levels(stop=Decimal(100), target=Decimal(110))
    assert levels.risk_reward(Decimal(100), "buy") is None
    assert levels.risk_reward(Decimal("105"), "buy") == 1
    assert Levels(stop=Decimal(110), target=Decimal(100)).risk_reward(Decimal("105"), "sell") == 1


# --- terms and size ---


def _signalled(**fields: Any) -> Order:
    return order(**({"kind": "bracket", "bracket": crwd(cap_bps=None, min_rr=None), "symbol": "CRWD"} | fields))


def test_terms_are_those_of_the_settings() -> None:
    settings = Settings(
        SMART_EXECUTOR_MAX_SLIPPAGE_PCT=Decimal("0.002"),
        SMART_EXECUTOR_MIN_RR_RATIO=Decimal("1.5"),
        SMART_EXECUTOR_LIMIT_BUFFER_REGULAR=Decimal("0.001"),
        SMART_EXECUTOR_LIMIT_BUFFER_EXTENDED=Decimal("0.0003"),
    )
    inside, outside = (with_terms(_signalled(), settings, closed) for closed in (False, True))
    assert inside.terms.bracket and (inside.terms.bracket.cap_bps, inside.terms.bracket.min_rr) == (20, Decimal("1.5"))
    assert (inside.terms.ladder, inside.terms.entry_buffer, outside.terms.entry_buffer) == (
        "smart_limit",
        Decimal("0.001"),
        Decimal("0.0003"),
    )


def test_the_old_way_has_no_terms_and_the_signals_exits() -> None:
    legacy = with_terms(_signalled(), Settings(USE_SMART_EXECUTOR=False), outside_session=False)
    assert legacy.terms.bracket and (
        legacy.terms.bracket.cap_bps,
        legacy.terms.bracket.min_rr,
        legacy.terms.bracket.anchor,
    ) == (
        None,
        None,
        "signal",
    )
    assert (legacy.terms.ladder, legacy.terms.max_slippage_bps) == ("market", None)


@pytest.mark.parametrize(
    ("notional", "smart", "qty"),
    [("13377.25", True, 25), ("13377.24", True, 24), ("535.09", True, 1), ("535.08", True, None), ("13370", False, 25)],
)
def test_a_notional_is_whole_shares_at_the_price_that_may_be_paid(notional: str, smart: bool, qty: int | None) -> None:
    """Design 4, Size: at the limit; the old way has none, and counts by the touch."""
    settings = Settings(USE_SMART_EXECUTOR=smart)
    sized = with_terms(_signalled(requested_qty=None, notional=Decimal(notional)), settings, outside_session=False)
    ready = released_bracket(sized, quote("534.70", "534.80"), settings)
    if isinstance(ready, Order):
        assert ready.terms.requested_qty == qty
    else:
        assert (ready.reason, qty) == (Reason.NOTIONAL_TOO_SMALL, None)


def test_a_released_bracket_has_one_rung_of_a_minute() -> None:
    settings = Settings()
    ready = released_bracket(with_terms(_signalled(), settings, False), quote("534.70", "534.80"), settings)
    assert isinstance(ready, Order)
    assert [(rung.limit_price, rung.patience) for rung in ready.terms.plan] == [(Decimal("535.09"), 60)]
    assert (ready.terms.arrival_bid, ready.terms.arrival_ask) == (Decimal("534.70"), Decimal("534.80"))


@pytest.mark.parametrize(
    ("side", "held", "refused"),
    [("buy", None, False), ("buy", "10", False), ("buy", "-10", True), ("sell", "10", True), ("sell", "-10", False)],
)
def test_a_bracket_adds_to_its_side_and_never_turns_the_other(side: str, held: str | None, refused: bool) -> None:
    problem = position_problem(_signalled(side=side), position(held) if held else None)
    assert (problem.reason if problem else None) == (Reason.OPPOSITE_POSITION if refused else None)


@pytest.mark.parametrize(
    ("shortable", "easy", "reason"),
    [(True, True, None), (True, False, Reason.NOT_SHORTABLE), (False, True, Reason.NOT_SHORTABLE)],
)
def test_only_what_is_easy_to_borrow_is_sold_short(shortable: bool, easy: bool, reason: Reason | None) -> None:
    found = asset().changed(shortable=shortable, easy_to_borrow=easy)
    problem = short_problem(found)
    assert (problem.reason if problem else None) is reason


def test_what_cannot_be_traded_is_that_before_it_is_not_shortable() -> None:
    problem = short_problem(asset(tradable=False))
    assert problem and problem.reason is Reason.NOT_TRADABLE


# --- the signal ---

SIGNAL = {
    "signal_id": "s",
    "kind": "bracket",
    "symbol": "CRWD",
    "side": "buy",
    "qty": Decimal(25),
    "signal_price": Decimal("534.82"),
    "stop_loss": Decimal("529.47"),
    "take_profit": Decimal("545.52"),
}
MIRROR = {"side": "sell", "stop_loss": Decimal("540.17"), "take_profit": Decimal("524.12")}


def test_a_bracket_signal_has_its_defaults() -> None:
    signal = parse_signal(SIGNAL)
    assert isinstance(signal, BracketSignal)
    assert (signal.exit_anchor, signal.extended_hours, signal.unprotected_ok) == ("fill", False, False)
    assert isinstance(parse_signal(SIGNAL | MIRROR), BracketSignal)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"stop_loss": Decimal("534.82")}, "stop_loss"),
        ({"stop_loss": Decimal("534.811")}, "stop_loss"),
        ({"stop_loss": Decimal("536")}, "stop_loss"),
        ({"take_profit": Decimal("534.82")}, "take_profit"),
        ({"take_profit": Decimal("530")}, "take_profit"),
        (MIRROR | {"stop_loss": Decimal("529.47")}, "stop_loss"),
        (MIRROR | {"take_profit": Decimal("545.52")}, "take_profit"),
        ({"qty": Decimal("2.5")}, "qty"),
        ({"notional": Decimal(1000)}, "qty"),
        ({"qty": None}, "qty"),
        ({"side": "long"}, "side"),
        ({"signal_price": Decimal(0)}, "signal_price"),
        ({"exit_anchor": "market"}, "exit_anchor"),
        ({"extended_hours": "yes"}, "extended_hours"),
        ({"max_slippage_bps": Decimal(5)}, "max_slippage_bps"),
    ],
)
def test_a_bracket_that_makes_no_sense_is_refused_by_the_name_of_its_field(changes: dict[str, Any], field: str) -> None:
    """Contract 2: refused with the reason."""
    with pytest.raises(SignalInvalid) as refused:
        parse_signal(SIGNAL | changes)
    assert refused.value.field == field


@pytest.mark.parametrize("missing", ["side", "signal_price", "stop_loss", "take_profit"])
def test_a_bracket_needs_its_prices(missing: str) -> None:
    with pytest.raises(SignalInvalid) as refused:
        parse_signal({name: value for name, value in SIGNAL.items() if name != missing})
    assert (refused.value.field, refused.value.problem) == (missing, "is missing")


# --- the grace of a part ---


def test_a_first_part_shortens_the_patience_to_its_grace() -> None:
    """Design 3.5: a bracket entry that fills in part waits 5 s for the rest."""
    resting = child(patience=Decimal(60), grace=Decimal(5))
    assert (resting.patience_ends_at - resting.sent_at).total_seconds() == 60
    for seconds, ends in ((0, 5), (20, 25), (58, 60)):
        part = resting.changed(partial_at=resting.sent_at + timedelta(seconds=seconds))
        assert (part.patience_ends_at - part.sent_at).total_seconds() == ends
