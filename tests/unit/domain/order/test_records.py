"""Ids, settings, reasons and what the outside sees of an order."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from repeg.domain.history import ClockAnchor
from repeg.domain.models import printable
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import order_id_for
from repeg.domain.order.views import order_view
from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from repeg.domain.signals.intake import accepted_order, conflicting_order, invalid_order
from repeg.domain.signals.parsing import parse_signal
from repeg.errors import ConfigurationError, SignalInvalid
from repeg.settings import merge, validate
from tests.support.make import NOON, child, order

CONTRACT = """order_id signal_id rebalance_id kind strategy symbol side status reason ladder symbol_class requested_qty
filled_qty avg_fill_price reference_price max_slippage_bps cap_breached arrival_bid arrival_ask slippage_bps
shortfall_bps stop_loss take_profit risk_reward protected protective_order_id unwind_order_id unwind_cost exit_price
exit_reason exit_at repegs market_fallback seconds_to_fill created_at first_sent_at completed_at execution_arn
executions rungs events""".split()  # noqa: SIM905
CONTRACT_RUNG = """rung client_order_id broker_order_id type limit_price qty filled_qty avg_fill_price status bid ask
sent_at closed_at""".split()  # noqa: SIM905
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


# --- ids ---


def test_an_order_id_is_a_pure_function_of_its_signal() -> None:
    assert order_id_for("s-1") == order_id_for("s-1")
    assert len({order_id_for("s-1"), order_id_for("s-2"), order_id_for("s-1", "other body")}) == 3


@pytest.mark.parametrize("signal_id", ["a", "x" * 64])
def test_ids_are_short_enough_for_broker_and_machine(signal_id: str) -> None:
    many = order(order_id=order_id_for(signal_id), children=tuple(child(n) for n in range(1, 1000)))
    assert len(many.client_order_id) <= 48
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", f"{many.order_id}-99999"), "an execution's name"


def test_client_order_ids_count_what_was_written_before() -> None:
    assert order().client_order_id == "ord-1-e1"
    assert order(children=(child(1), child(2, status=ChildStatus.NEVER_SENT))).client_order_id == "ord-1-e3"


# --- intake ---


def test_an_accepted_signal_keeps_all_it_says() -> None:
    body = {"signal_id": "s", "kind": "order", "symbol": "SPY", "side": "sell", "qty": "5", "strategy": "pairs"}
    more = {"max_slippage_bps": "7", "ladder": "standard", "completion": "must", "when_closed": "next_open"}
    accepted = accepted_order(parse_signal(body | more), NOON, NOON, NOON)
    assert (accepted.status, accepted.kind, accepted.strategy) == (Status.RECEIVED, "order", "pairs")
    assert (accepted.ask.cap_bps, accepted.ask.ladder, accepted.ask.completion) == (Decimal(7), "standard", "must")
    assert (accepted.terms.requested_qty, accepted.side, accepted.ask.when_closed) == (Decimal(5), "sell", "next_open")


@pytest.mark.parametrize(
    "body",
    [
        {"signal_id": "s"},
        {"signal_id": "s", "symbol": ["TQQQ"], "kind": {"a": 1}, "side": []},
        {"signal_id": "s", "symbol": "../x", "kind": "close", "side": "up"},
    ],
)
def test_a_refused_message_is_recorded_whatever_it_holds(body: dict[str, Any]) -> None:
    invalid = invalid_order("s", body, SignalInvalid("qty", "is missing \ud800" * 1000), NOON, NOON, NOON)
    assert (invalid.status, invalid.reason, invalid.completed_at) == (Status.REJECTED, Reason.INVALID_SIGNAL, NOON)
    assert invalid.symbol == "?"
    assert json.dumps(order_view(invalid))
    assert "qty: is missing" in invalid.events[-1].detail


def test_a_conflict_is_an_order_of_its_own() -> None:
    conflict = conflicting_order("s", {"signal_id": "s", "symbol": "TQQQ", "kind": "order"}, NOON, NOON, NOON)
    assert conflict.order_id != order_id_for("s")
    assert (conflict.signal_id, conflict.symbol, conflict.reason) == ("s", "TQQQ", Reason.SIGNAL_CONFLICT)
    assert "new signal_id" in conflict.events[-1].detail


def test_event_text_is_printable_and_bounded() -> None:
    assert printable("é\ud800\n" * 400).isascii()
    assert len(printable("é" * 4000)) <= 400


# --- reasons ---


def test_reasons_take_precedence_in_the_order_of_the_design() -> None:
    groups = [
        [Reason.INVALID_SIGNAL],
        [Reason.SIGNAL_CONFLICT],
        [Reason.EXPIRED],
        [Reason.HALTED, Reason.REDUCING_ONLY],
        [Reason.MARKET_CLOSED],
        [Reason.NOT_TRADABLE, Reason.NOT_SHORTABLE],
        [Reason.NO_POSITION, Reason.OPPOSITE_POSITION, Reason.HELD_BY_PROTECTION],
        [Reason.NO_QUOTE, Reason.STALE_QUOTE, Reason.BAD_QUOTE],
        [Reason.SLIPPAGE_EXCEEDED],
    ]
    rank = {reason: place for place, reason in enumerate(Reason)}
    for earlier, later in pairwise(groups):
        assert max(rank[reason] for reason in earlier) < min(rank[reason] for reason in later)


def test_every_reason_explains_itself() -> None:
    assert all(reason.explanation.endswith(".") and reason.value.islower() for reason in Reason)


def test_only_three_statuses_are_not_terminal() -> None:
    assert [status.value for status in Status if not status.terminal] == ["received", "waiting", "working"]


# --- settings ---


def test_the_defaults_are_the_documented_ones() -> None:
    settings = Settings()
    assert settings.SMART_EXECUTOR_MAX_SLIPPAGE_PCT == Decimal("0.001")
    assert settings.SMART_EXECUTOR_LIMIT_BUFFER_REGULAR == Decimal("0.0005")
    assert settings.SMART_EXECUTOR_LIMIT_BUFFER_EXTENDED == Decimal("0.0002")
    assert (settings.SMART_EXECUTOR_FILL_TIMEOUT, settings.SMART_EXECUTOR_MIN_RR_RATIO) == (60, Decimal("2.0"))
    assert (settings.USE_SMART_EXECUTOR, settings.SMART_EXECUTOR_ENABLE_EXTENDED_HOURS) == (True, False)
    assert (settings.enabled, settings.execution_mode, settings.max_slippage_bps) == (True, "AUTO", 20)
    assert (settings.aggressive_timeout_seconds, settings.max_repegs) == (Decimal("2.5"), 2)
    assert (settings.max_quote_age_seconds, settings.data_feed) == (10, "sip")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("max_slippage_bps", 0),
        ("max_slippage_bps", -1),
        ("max_slippage_bps", 1001),
        ("max_slippage_bps", "much"),
        ("max_slippage_bps", True),
        ("max_slippage_bps", "NaN"),
        ("aggressive_timeout_seconds", 0.1),
        ("aggressive_timeout_seconds", 61),
        ("max_repegs", -1),
        ("max_repegs", 11),
        ("max_repegs", 1.5),
        ("execution_mode", "FAST"),
        ("data_feed", "free"),
        ("enabled", "perhaps"),
        ("leveraged_etfs", ["tqqq"]),
        ("leveraged_etfs", "TQQQ, ../x"),
        ("leveraged_etfs", 5),
        ("max_quote_age_seconds", 0),
        ("SMART_EXECUTOR_FILL_TIMEOUT", 0),
        ("no_such_setting", 1),
    ],
)
def test_a_bad_setting_is_refused_by_name(setting: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=f"^{setting}: "):
        validate({setting: value})


def test_an_override_wins_over_its_default() -> None:
    settings = merge('{"max_repegs": 1, "max_slippage_bps": 20}', '{"max_slippage_bps": 12.5}')
    assert (settings.max_repegs, settings.max_slippage_bps) == (1, Decimal("12.5"))
    assert merge("{}", None) == Settings()


def test_symbol_lists_are_read_from_lists_and_from_text() -> None:
    assert validate({"leveraged_etfs": "TQQQ, SOXL"}).leveraged_etfs == {"TQQQ", "SOXL"}
    assert validate({"leveraged_etfs": ["TQQQ"]}).leveraged_etfs == {"TQQQ"}


@pytest.mark.parametrize(
    "document",
    ["[1]", "nonsense", "5", "[" * 4000, '{"max_repegs": 1' + " " * 4096 + "}"],
    ids=["list", "text", "number", "bottomless", "too large"],
)
def test_a_bad_document_is_refused(document: str) -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)  # as deployed: test tools raise it
    try:
        with pytest.raises(ConfigurationError, match=r"^overrides: "):
            merge("{}", document)
    finally:
        sys.setrecursionlimit(before)


# --- views ---


def _full() -> dict[str, Any]:
    filled = child(
        filled_qty=Decimal("100.000000000"),
        avg_fill_price=Decimal("50.98"),
        status=ChildStatus.FILLED,
        bid=Decimal("50.950"),
        ask=Decimal("50.98"),
        closed_at=NOON,
    )
    ended = order(
        status=Status.FILLED,
        children=(filled, child(2, status=ChildStatus.NEVER_SENT)),
        max_slippage_bps=Decimal("20.0"),
        reference_price=Decimal("50.965"),
        slippage_bps=Decimal("2.943196311193956636"),
        created_at=NOON.astimezone(timezone(timedelta(hours=-5))),
        completed_at=NOON,
        expires_at=NOON,
    ).noted(NOON, "RecordOutcome", "done")
    return order_view(ended)


def test_a_view_has_every_field_of_the_contract() -> None:
    view = _full()
    assert set(CONTRACT) <= set(view)
    assert set(CONTRACT_RUNG) == set(view["rungs"][0])
    assert set(view["events"][0]) == {"at", "state", "detail"}
    assert len(view["rungs"]) == 1, "a child order that never reached the broker is not shown"


def test_decimals_are_plain_strings_and_times_are_utc() -> None:
    view = json.loads(json.dumps(_full()))
    assert view["requested_qty"] == view["filled_qty"] == "100"
    assert view["avg_fill_price"] == "50.98"
    assert view["max_slippage_bps"] == "20"
    assert view["slippage_bps"] == "2.9432"
    assert view["rungs"][0]["bid"] == "50.95"
    times = [view[name] for name in ("created_at", "first_sent_at", "completed_at", "expires_at")]
    times += [view["rungs"][0]["sent_at"], view["rungs"][0]["closed_at"], view["events"][0]["at"]]
    assert all(UTC_TIME.fullmatch(time) for time in times), times
    assert view["created_at"] == "2026-11-20T17:00:00Z"
    assert not any(isinstance(value, float) for value in view.values())


def test_flags_and_counts_keep_their_types_and_absent_values_are_null() -> None:
    view = order_view(order())
    assert (view["cap_breached"], view["market_fallback"], view["repegs"], view["executions"]) == (False, False, 0, 1)
    assert view["reason"] is view["first_sent_at"] is view["avg_fill_price"] is view["protected"] is None


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+14:00"])
def test_an_expiry_at_the_end_of_time_is_refused_or_can_be_shown(text: str) -> None:
    body = {"signal_id": "s", "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": "1", "expires_at": text}
    try:
        signal = parse_signal(body)
    except SignalInvalid as problem:
        assert problem.field == "expires_at"
        return
    assert order_view(accepted_order(signal, NOON, NOON, NOON))["expires_at"]


def test_market_time_follows_from_one_reading_at_any_speed() -> None:
    wall = datetime(2030, 1, 1, tzinfo=NOON.tzinfo)
    anchor = ClockAnchor(market_at=NOON, wall_at=wall)
    assert anchor.market_time(wall + timedelta(seconds=3), 10) == NOON + timedelta(seconds=30)
