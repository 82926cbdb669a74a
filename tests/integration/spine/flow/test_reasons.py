"""Every status and every reason of the contract is reached on the spine, and told in the order's outcome."""

from __future__ import annotations

from decimal import Decimal

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.halt import Mode
from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from tests.integration.spine.flow import ends
from tests.integration.spine.flow.ends import Case
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, hold
from tests.support.moving import EVENING, overtaken
from tests.support.scenes import (
    lab_at,
    market_time,
    outcomes,
    send,
)

CONTRACT = """
    slippage_exceeded stop_through risk_reward_too_low fill_timeout market_closed extended_hours_disabled
    extended_unprotected no_quote stale_quote bad_quote not_tradable not_shortable opposite_position held_by_protection
    held_by_other_order cut_to_position client_order_id_taken overfilled cancelled
    insufficient_buying_power notional_too_small no_position wash_trade expired invalid_signal signal_conflict halted
    reducing_only broker_rejected broker_unavailable cancel_stuck protection_failed superseded
""".split()  # noqa: SIM905


CASES = [
    Case(None, Status.FILLED, ends.signal()),
    Case(Reason.INVALID_SIGNAL, Status.REJECTED, ends.signal(qty="-1")),
    Case(Reason.SIGNAL_CONFLICT, Status.REJECTED, ends.conflicting),
    Case(Reason.EXPIRED, Status.REJECTED, ends.signal(expires_at="2026-11-20T14:59:59Z")),
    Case(Reason.UNKNOWN_ORDER, Status.DONE, ends.cancelled_before_it_comes),
    Case(Reason.NOTHING_TO_CANCEL, Status.DONE, ends.cancelled_when_over),
    Case(Reason.CANCELLED, Status.REJECTED, ends.taken_back),
    Case(Reason.NOT_A_BRACKET, Status.REJECTED, ends.moved(ends.no_bracket, stop_loss="50")),
    Case(Reason.LEVELS_OUTDATED, Status.REJECTED, overtaken, when=EVENING),
    Case(Reason.POSITION_FROZEN, Status.REJECTED, ends.moved(ends.in_dispute, stop_loss="50.50")),
    Case(Reason.TARGET_THROUGH, Status.REJECTED, ends.moved(hold, take_profit="50.95")),
    Case(Reason.HALTED, Status.REJECTED, ends.halted(Mode.HALTED)),
    Case(Reason.REDUCING_ONLY, Status.REJECTED, ends.halted(Mode.REDUCING)),
    Case(Reason.SUPERSEDED, Status.SUPERSEDED, ends.superseded),
    Case(Reason.ACCOUNT_DISAGREES, Status.FAILED, ends.more_than_there_should_be),
    Case(Reason.MARKET_CLOSED, Status.REJECTED, ends.signal(), when="16:30"),
    Case(Reason.EXTENDED_HOURS_DISABLED, Status.REJECTED, ends.signal(**ends.EXTENDED), when="16:30"),
    Case(
        Reason.EXTENDED_UNPROTECTED,
        Status.REJECTED,
        ends.signal(**ends.EXTENDED),
        when="16:30",
        settings=Settings(SMART_EXECUTOR_ENABLE_EXTENDED_HOURS=True),
    ),
    Case(Reason.NOT_TRADABLE, Status.REJECTED, ends.with_asset({"tradable": False})),
    Case(Reason.NOT_SHORTABLE, Status.REJECTED, ends.with_asset({"shortable": False}, **SHORT)),
    Case(Reason.NO_POSITION, Status.REJECTED, ends.signal(kind="close")),
    Case(Reason.OPPOSITE_POSITION, Status.REJECTED, ends.holding(-50, **BRACKET)),
    Case(Reason.HELD_BY_PROTECTION, Status.REJECTED, ends.protected_shares),
    Case(Reason.HELD_BY_OTHER_ORDER, Status.REJECTED, ends.others_shares),
    Case(Reason.CUT_TO_POSITION, Status.FILLED, ends.holding(60, side="sell")),
    Case(Reason.CUT_TO_CASH, Status.PARTIALLY_FILLED, ends.dearer_leg),
    Case(Reason.NOT_FRACTIONABLE, Status.REJECTED, ends.mere_fraction),
    Case(Reason.MISCONFIGURED, Status.REJECTED, ends.locked_out),
    Case(
        Reason.BROKER_UNAVAILABLE,
        Status.REJECTED,
        ends.with_fault({"method": "GET", "path": "/v2/stocks/*", "kind": "error", "status": 503}),
    ),
    Case(Reason.NO_QUOTE, Status.REJECTED, ends.quoted("0", "50.98")),
    Case(Reason.STALE_QUOTE, Status.REJECTED, ends.stale),
    Case(Reason.BAD_QUOTE, Status.REJECTED, ends.quoted("50.99", "50.98")),
    Case(Reason.NOTIONAL_TOO_SMALL, Status.REJECTED, ends.signal(notional="0.50")),
    Case(Reason.STOP_THROUGH, Status.REJECTED, ends.quoted("49.90", "49.93", **BRACKET)),
    Case(Reason.SLIPPAGE_EXCEEDED, Status.REJECTED, ends.quoted("51.50", "51.53", **BRACKET)),
    Case(Reason.SLIPPAGE_EXCEEDED, Status.UNFILLED, ends.run_away),
    Case(Reason.RISK_REWARD_TOO_LOW, Status.REJECTED, ends.signal(**ends.POOR_REWARD)),
    ends.beyond(Reason.RISK_UNREADABLE, ends.without_worth, max_daily_loss=Decimal(1)),
    ends.beyond(Reason.RISK_SYMBOL, denied_symbols=frozenset({"TQQQ"})),
    ends.beyond(Reason.RISK_SIGNAL_AGE, ends.after_a_while, max_signal_age_seconds=Decimal(20)),
    ends.beyond(Reason.RISK_PRICE_COLLAR, price_collar_bps=Decimal("0.1")),
    ends.beyond(Reason.RISK_ORDER_QTY, max_order_qty=Decimal(99)),
    ends.beyond(Reason.RISK_ORDER_NOTIONAL, max_order_notional=Decimal(5000)),
    ends.beyond(Reason.RISK_DAILY_LOSS, ends.poorer, max_daily_loss=Decimal(1000)),
    ends.beyond(Reason.RISK_POSITION, max_position_fraction=Decimal("0.05")),
    ends.beyond(Reason.RISK_GROSS_EXPOSURE, max_gross_fraction=Decimal("0.05")),
    ends.beyond(Reason.RISK_DAILY_ORDERS, ends.twice, max_daily_orders=1),
    ends.beyond(Reason.RISK_DAILY_NOTIONAL, max_daily_notional=Decimal(5000)),
    ends.beyond(Reason.RISK_OPEN_ORDERS, ends.beside_another, max_open_orders=1),
    ends.beyond(Reason.RISK_DUPLICATE, ends.twice, duplicate_window_seconds=Decimal(60)),
    Case(Reason.INSUFFICIENT_BUYING_POWER, Status.REJECTED, ends.poor),
    Case(Reason.WASH_TRADE, Status.REJECTED, ends.wash),
    Case(
        Reason.DAY_TRADE_LIMIT,
        Status.REJECTED,
        ends.with_fault(
            ends.SUBMIT | {"kind": "error", "status": 403, "body": {"code": 40310100, "message": "trade denied"}}
        ),
    ),
    Case(Reason.CANCELLED_OUTSIDE, Status.UNFILLED, ends.cancelled_by_hand),
    Case(Reason.BROKER_REJECTED, Status.REJECTED, ends.with_fault(ends.SUBMIT | {"kind": "reject"})),
    Case(Reason.CLIENT_ORDER_ID_TAKEN, Status.REJECTED, ends.id_is_taken),
    Case(Reason.OVERFILLED, Status.FILLED, ends.more_than_asked),
    Case(Reason.FILL_TIMEOUT, Status.UNFILLED, ends.quoted("50.99", "51.02", **BRACKET)),
    Case(Reason.FILL_TIMEOUT, Status.PARTIALLY_FILLED, ends.part_of_a_bracket),
    Case(Reason.PROTECTION_FAILED, Status.UNWOUND, ends.unwound),
    Case(Reason.PROTECTION_FAILED, Status.FAILED, ends.cannot_be_left),
    Case(Reason.INTERNAL_ERROR, Status.FAILED, ends.in_trouble),
    Case(Reason.CANCEL_STUCK, Status.UNFILLED, ends.stuck),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.reason or 'no reason'}-{case.status}")
def test_reached(case: Case, exchange: ExchangeControl, aws_credentials: None) -> None:
    with lab_at(exchange, case.when, case.settings) as lab:
        order = case.scene(lab)
        assert (order.status, order.reason) == (case.status, case.reason), order.events
        assert order.run.published and order.completed_at
        told = [each for each in outcomes(lab) if each["order_id"] == order.order_id]
        assert told and {(each["status"], each["reason"]) for each in told} == {(case.status, case.reason)}


def test_every_status_and_reason_is_reached_by_a_case() -> None:
    assert {case.reason for case in CASES} - {None} == set(Reason)
    assert {case.status for case in CASES} == {status for status in Status if status.terminal}


def test_the_contract_names_no_other_reason() -> None:
    assert set(CONTRACT) <= {reason.value for reason in Reason}


def test_an_order_that_is_not_over_says_where_it_stands(lab: Lab) -> None:
    """received, waiting, working: in this order."""
    lab.settings = Settings(SMART_EXECUTOR_FILL_TIMEOUT=Decimal(20))
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    send(lab, **BRACKET)
    assert lab.order("a").status is Status.RECEIVED
    lab.sleep(0.001)
    send(lab, "next")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:02"))
        assert (lab.order("a").status, lab.order("next").status) == (Status.WORKING, Status.WAITING)
        assert not lab.order("a").status.terminal
        crowd.work()
    lab.check()
