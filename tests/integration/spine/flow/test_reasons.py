"""Every status and every reason of the contract is reached on the spine, and told in the order's outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from tests.integration.rebalance.scenes import legs, market
from tests.integration.rebalance.scenes import send as weigh
from tests.support.cancels import cancel
from tests.support.crowd import Crowd
from tests.support.lab import START, Lab
from tests.support.leaving import BRACKET, SHORT, halt, hold, side_by_side
from tests.support.scenes import (
    by_hand,
    lab_at,
    limit_by_hand,
    market_time,
    on_order,
    out_of_reach,
    outcomes,
    run,
    send,
    whenever,
)

OF_A_LATER_FEATURE = {Reason.HALTED, Reason.REDUCING_ONLY}
"""Refusals by the operator's switch, which does not exist yet; so are the `risk_` ones."""
CONTRACT = """
    slippage_exceeded stop_through risk_reward_too_low fill_timeout market_closed extended_hours_disabled
    extended_unprotected no_quote stale_quote bad_quote not_tradable not_shortable opposite_position held_by_protection
    held_by_other_order cut_to_position client_order_id_taken overfilled cancelled
    insufficient_buying_power notional_too_small no_position wash_trade expired invalid_signal signal_conflict halted
    reducing_only broker_rejected broker_unavailable cancel_stuck protection_failed superseded
""".split()  # noqa: SIM905
SUBMIT = {"method": "POST", "path": "/v2/orders"}
Scene = Callable[[Lab], Order]


@dataclass(frozen=True)
class Case:
    """A way to end with `reason` as `status`."""

    reason: Reason | None
    status: Status
    scene: Scene
    when: str = START
    settings: Settings | None = None


def _signal(**signal: Any) -> Scene:
    return lambda lab: run(lab, **signal)


def _quoted(bid: str, ask: str, **signal: Any) -> Scene:
    def scene(lab: Lab) -> Order:
        lab.control.quote("TQQQ", bid, ask, 2000, 2000)
        return run(lab, **signal)

    return scene


def _with_fault(fault: dict[str, Any], **signal: Any) -> Scene:
    def scene(lab: Lab) -> Order:
        lab.control.faults(fault)
        return run(lab, **signal)

    return scene


def _holding(shares: int, **signal: Any) -> Scene:
    def scene(lab: Lab) -> Order:
        lab.control.position("TQQQ", shares, "50")
        return run(lab, **signal)

    return scene


def _with_asset(changes: dict[str, Any], **signal: Any) -> Scene:
    def scene(lab: Lab) -> Order:
        lab.control.asset("TQQQ", **changes)
        return run(lab, **signal)

    return scene


def _unwound(lab: Lab) -> Order:
    on_order(lab, "fill", "49.50", "49.53")
    send(lab, **BRACKET)
    side_by_side(lab)
    return lab.order("a")


def _cannot_be_left(lab: Lab) -> Order:
    halt(lab, "fill", side="buy")
    on_order(lab, "fill", "49.50", "49.53")
    send(lab, **BRACKET)
    side_by_side(lab)
    return lab.order("a")


def _part_of_a_bracket(lab: Lab) -> Order:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30)
    on_order(lab, "fill", "50.99", "51.02")
    return run(lab, **BRACKET)


def _superseded(lab: Lab) -> Order:
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    send(lab, **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:02"))
        send(lab, "close", kind="close")
        crowd.work()
    return lab.order("a")


def _stuck(lab: Lab) -> Order:
    out_of_reach(lab, rungs=1)
    lab.control.faults({"method": "DELETE", "path": "/v2/orders/*", "kind": "stuck_cancel"})
    send(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:01"))
        lab.control.faults()
        crowd.work()
    return lab.order("a")


def _conflicting(lab: Lab) -> Order:
    run(lab, qty=5)
    run(lab, qty=6)
    return next(order for order in lab.orders.newest() if order.reason is Reason.SIGNAL_CONFLICT)


def _stale(lab: Lab) -> Order:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000, frozen=True)
    lab.sleep(11)
    return run(lab)


def _wash(lab: Lab) -> Order:
    lab.control.position("TQQQ", 100, "40")
    limit_by_hand(lab, "sell", 50, "50.99")
    return run(lab)


def _poor(lab: Lab) -> Order:
    lab.control.account(cash="100")
    return run(lab)


def _locked_out(lab: Lab) -> Order:
    lab.control.settings(key_id="somebody else")
    return run(lab)


def _protected_shares(lab: Lab) -> Order:
    hold(lab)
    return run(lab, side="sell")


def _id_is_taken(lab: Lab) -> Order:
    send(lab)
    body = {"symbol": "TQQQ", "side": "buy", "qty": 1, "type": "limit", "time_in_force": "day", "limit_price": "40"}
    by_hand(lab, "POST", "orders", body | {"client_order_id": lab.order("a").client_order_id})
    lab.sleep(0.1)
    lab.work()
    return lab.order("a")


def _more_than_asked(lab: Lab) -> Order:
    """Somebody replaces the resting order by a larger one."""
    out_of_reach(lab, rungs=1)
    send(lab)

    def enlarge() -> None:
        (resting,) = by_hand(lab, "GET", "orders?status=open")
        by_hand(lab, "PATCH", f"orders/{resting['id']}", {"qty": "120", "limit_price": "51.05"})

    whenever(lab, "broker.order", enlarge)
    lab.work()
    return lab.order("a")


def _others_shares(lab: Lab) -> Order:
    lab.control.position("TQQQ", 100, "40")
    limit_by_hand(lab, "sell", 100, "60")
    return run(lab, side="sell")


def _mere_fraction(lab: Lab) -> Order:
    lab.control.position("TQQQ", "0.5", "40")
    lab.control.asset("TQQQ", fractionable=False)
    return run(lab, kind="close")


def _in_trouble(lab: Lab) -> Order:
    """A step keeps failing: every write of a cancelled child is refused."""
    out_of_reach(lab, rungs=1)
    save, fail = lab.orders.save, {"left": 12}

    def broken(order: Order, requeue: bool = False) -> Order:
        child = order.open_child
        if child and child.cancel_requested_at and not order.run.securing and fail["left"]:
            fail["left"] -= 1
            raise ValueError("a defect")
        return save(order, requeue)

    lab.orders.save = broken  # type: ignore[method-assign]
    return run(lab)


def _more_than_there_should_be(lab: Lab) -> Order:
    """A split that nobody announces, while a close is worked: the account shows shares that nothing explains."""
    lab.control.position("TQQQ", 100, "50.98")
    lab.control.quote("TQQQ", "50.95", "50.98", 5, 5)
    send(lab, kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:04"))
        lab.control.corporate_action("TQQQ", "forward_split", 10, 1, ex_date="2026-11-20", announce=False)
        lab.control.quote("TQQQ", "5.09", "5.10", 20000, 20000)
        crowd.work(until=market_time("10:04"))
    return lab.order("a")


def _run_away(lab: Lab) -> Order:
    out_of_reach(lab, rungs=4, step="0.50")
    return run(lab)


def _dearer_leg(lab: Lab) -> Order:
    """Between the plan of a rebalance and its leg, the price rises by more than what was set aside allows for."""
    market(lab)
    lab.control.account(cash="10000")
    lab.stall("rebalances.add_leg", lambda: lab.control.quote("SPY", "520.00", "520.02", 900, 900))
    weigh(lab, {"SPY": "0.98"}, "a")
    lab.work()
    (leg,) = legs(lab)
    return leg


def _beyond(reason: Reason, scene: Scene | None = None, **limit: Any) -> Case:
    return Case(reason, Status.REJECTED, scene or _signal(), settings=Settings(**limit))


def _twice(lab: Lab) -> Order:
    run(lab, "first")
    return run(lab)


def _beside_another(lab: Lab) -> Order:
    """Another entry is on its way, and stays there."""
    lab.control.quote("SQQQ", "50.95", "50.98", 2000, 2000)
    lab.stall("broker.submit", lambda: run(lab, "second"), nth=1)
    run(lab, "first", symbol="SQQQ")
    return lab.order("second")


def _without_worth(lab: Lab) -> Order:
    lab.control.faults({"method": "GET", "path": "/v2/account", "kind": "error", "status": 503})
    return run(lab)


def _after_a_while(lab: Lab) -> Order:
    send(lab)
    lab.sleep(30)
    lab.work()
    return lab.order("a")


def _poorer(lab: Lab) -> Order:
    lab.control.account(cash="99000")
    return run(lab)


EXTENDED = BRACKET | {"extended_hours": True}


def _taken_back(lab: Lab) -> Order:
    whenever(lab, "broker.snapshot", lambda: cancel(lab))
    return run(lab)


def _cancelled_when_over(lab: Lab) -> Order:
    run(lab)
    return _cancelled_before_it_comes(lab)


def _cancelled_before_it_comes(lab: Lab) -> Order:
    cancel(lab)
    lab.work()
    return lab.order("c")


POOR_REWARD = BRACKET | {"take_profit": "51.97"}
CASES = [
    Case(None, Status.FILLED, _signal()),
    Case(Reason.INVALID_SIGNAL, Status.REJECTED, _signal(qty="-1")),
    Case(Reason.SIGNAL_CONFLICT, Status.REJECTED, _conflicting),
    Case(Reason.EXPIRED, Status.REJECTED, _signal(expires_at="2026-11-20T14:59:59Z")),
    Case(Reason.UNKNOWN_ORDER, Status.DONE, _cancelled_before_it_comes),
    Case(Reason.NOTHING_TO_CANCEL, Status.DONE, _cancelled_when_over),
    Case(Reason.CANCELLED, Status.REJECTED, _taken_back),
    Case(Reason.SUPERSEDED, Status.SUPERSEDED, _superseded),
    Case(Reason.ACCOUNT_DISAGREES, Status.FAILED, _more_than_there_should_be),
    Case(Reason.MARKET_CLOSED, Status.REJECTED, _signal(), when="16:30"),
    Case(Reason.EXTENDED_HOURS_DISABLED, Status.REJECTED, _signal(**EXTENDED), when="16:30"),
    Case(
        Reason.EXTENDED_UNPROTECTED,
        Status.REJECTED,
        _signal(**EXTENDED),
        when="16:30",
        settings=Settings(SMART_EXECUTOR_ENABLE_EXTENDED_HOURS=True),
    ),
    Case(Reason.NOT_TRADABLE, Status.REJECTED, _with_asset({"tradable": False})),
    Case(Reason.NOT_SHORTABLE, Status.REJECTED, _with_asset({"shortable": False}, **SHORT)),
    Case(Reason.NO_POSITION, Status.REJECTED, _signal(kind="close")),
    Case(Reason.OPPOSITE_POSITION, Status.REJECTED, _holding(-50, **BRACKET)),
    Case(Reason.HELD_BY_PROTECTION, Status.REJECTED, _protected_shares),
    Case(Reason.HELD_BY_OTHER_ORDER, Status.REJECTED, _others_shares),
    Case(Reason.CUT_TO_POSITION, Status.FILLED, _holding(60, side="sell")),
    Case(Reason.CUT_TO_CASH, Status.PARTIALLY_FILLED, _dearer_leg),
    Case(Reason.NOT_FRACTIONABLE, Status.REJECTED, _mere_fraction),
    Case(Reason.MISCONFIGURED, Status.REJECTED, _locked_out),
    Case(
        Reason.BROKER_UNAVAILABLE,
        Status.REJECTED,
        _with_fault({"method": "GET", "path": "/v2/stocks/*", "kind": "error", "status": 503}),
    ),
    Case(Reason.NO_QUOTE, Status.REJECTED, _quoted("0", "50.98")),
    Case(Reason.STALE_QUOTE, Status.REJECTED, _stale),
    Case(Reason.BAD_QUOTE, Status.REJECTED, _quoted("50.99", "50.98")),
    Case(Reason.NOTIONAL_TOO_SMALL, Status.REJECTED, _signal(notional="0.50")),
    Case(Reason.STOP_THROUGH, Status.REJECTED, _quoted("49.90", "49.93", **BRACKET)),
    Case(Reason.SLIPPAGE_EXCEEDED, Status.REJECTED, _quoted("51.50", "51.53", **BRACKET)),
    Case(Reason.SLIPPAGE_EXCEEDED, Status.UNFILLED, _run_away),
    Case(Reason.RISK_REWARD_TOO_LOW, Status.REJECTED, _signal(**POOR_REWARD)),
    _beyond(Reason.RISK_UNREADABLE, _without_worth, max_daily_loss=Decimal(1)),
    _beyond(Reason.RISK_SYMBOL, denied_symbols=frozenset({"TQQQ"})),
    _beyond(Reason.RISK_SIGNAL_AGE, _after_a_while, max_signal_age_seconds=Decimal(20)),
    _beyond(Reason.RISK_PRICE_COLLAR, price_collar_bps=Decimal("0.1")),
    _beyond(Reason.RISK_ORDER_QTY, max_order_qty=Decimal(99)),
    _beyond(Reason.RISK_ORDER_NOTIONAL, max_order_notional=Decimal(5000)),
    _beyond(Reason.RISK_DAILY_LOSS, _poorer, max_daily_loss=Decimal(1000)),
    _beyond(Reason.RISK_POSITION, max_position_fraction=Decimal("0.05")),
    _beyond(Reason.RISK_GROSS_EXPOSURE, max_gross_fraction=Decimal("0.05")),
    _beyond(Reason.RISK_DAILY_ORDERS, _twice, max_daily_orders=1),
    _beyond(Reason.RISK_DAILY_NOTIONAL, max_daily_notional=Decimal(5000)),
    _beyond(Reason.RISK_OPEN_ORDERS, _beside_another, max_open_orders=1),
    _beyond(Reason.RISK_DUPLICATE, _twice, duplicate_window_seconds=Decimal(60)),
    Case(Reason.INSUFFICIENT_BUYING_POWER, Status.REJECTED, _poor),
    Case(Reason.WASH_TRADE, Status.REJECTED, _wash),
    Case(
        Reason.DAY_TRADE_LIMIT,
        Status.REJECTED,
        _with_fault(SUBMIT | {"kind": "error", "status": 403, "body": {"code": 40310100, "message": "trade denied"}}),
    ),
    Case(Reason.BROKER_REJECTED, Status.REJECTED, _with_fault(SUBMIT | {"kind": "reject"})),
    Case(Reason.CLIENT_ORDER_ID_TAKEN, Status.REJECTED, _id_is_taken),
    Case(Reason.OVERFILLED, Status.FILLED, _more_than_asked),
    Case(Reason.FILL_TIMEOUT, Status.UNFILLED, _quoted("50.99", "51.02", **BRACKET)),
    Case(Reason.FILL_TIMEOUT, Status.PARTIALLY_FILLED, _part_of_a_bracket),
    Case(Reason.PROTECTION_FAILED, Status.UNWOUND, _unwound),
    Case(Reason.PROTECTION_FAILED, Status.FAILED, _cannot_be_left),
    Case(Reason.INTERNAL_ERROR, Status.FAILED, _in_trouble),
    Case(Reason.CANCEL_STUCK, Status.UNFILLED, _stuck),
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
    assert {case.reason for case in CASES} - {None} == set(Reason) - OF_A_LATER_FEATURE
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
