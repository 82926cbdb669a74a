"""From a message to an order record: accepted, or rejected with the reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from repeg.domain.brackets import Bracket
from repeg.domain.orders import Order, order_id_for
from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import SYMBOL
from repeg.domain.signals import BracketSignal, CloseSignal, OrderSignal, Signal, body_hash
from repeg.errors import SignalInvalid

UNKNOWN_SYMBOL = "?"


def accepted_order(signal: Signal, market_now: datetime, received_wall: datetime, sent_at: datetime) -> Order:
    """The record of a valid signal."""
    order = Order(
        order_id=order_id_for(signal.signal_id),
        signal_id=signal.signal_id,
        kind=signal.kind,
        strategy=signal.strategy,
        symbol=signal.symbol,
        created_at=market_now,
        received_wall=received_wall,
        signal_sent_wall=sent_at,
        expires_at=signal.expires_at,
        explicit_expiry=signal.expires_at is not None,
        when_closed=signal.when_closed,
    )
    match signal:
        case OrderSignal():
            order = order.changed(
                side=signal.side,
                requested_qty=signal.qty,
                signal_qty=signal.qty,
                notional=signal.notional,
                signal_cap_bps=signal.max_slippage_bps,
                signal_ladder=signal.ladder,
                completion=signal.completion,
            )
        case BracketSignal():
            order = order.changed(
                side=signal.side,
                requested_qty=signal.qty,
                signal_qty=signal.qty,
                notional=signal.notional,
                reference_price=signal.signal_price,
                stop_loss=signal.stop_loss,
                take_profit=signal.take_profit,
                bracket=Bracket(
                    side=signal.side,
                    signal_price=signal.signal_price,
                    stop_loss=signal.stop_loss,
                    take_profit=signal.take_profit,
                    anchor=signal.exit_anchor,
                ),
                extended_hours=signal.extended_hours,
                unprotected_ok=signal.unprotected_ok,
            )
        case CloseSignal():
            order = order.changed(signal_qty=signal.qty, requested_qty=signal.qty, foreign_orders=signal.foreign_orders)
    return order.noted(market_now, "AcceptSignal", f"{signal.kind} signal accepted")


def invalid_order(
    signal_id: str, body: Any, problem: SignalInvalid, market_now: datetime, received_wall: datetime, sent_at: datetime
) -> Order:
    """The record of a message that breaks the contract but names a usable signal_id."""
    order_id = order_id_for(signal_id, body_hash(body))
    return _rejected(order_id, signal_id, body, market_now, received_wall, sent_at, Reason.INVALID_SIGNAL, str(problem))


def conflicting_order(
    signal_id: str, body: Any, market_now: datetime, received_wall: datetime, sent_at: datetime
) -> Order:
    """The record of a signal whose id was used before with another body."""
    detail = f"{signal_id} was used before with another body; send this under a new signal_id"
    order_id = order_id_for(signal_id, body_hash(body))
    return _rejected(order_id, signal_id, body, market_now, received_wall, sent_at, Reason.SIGNAL_CONFLICT, detail)


def _rejected(
    order_id: str,
    signal_id: str,
    body: Any,
    market_now: datetime,
    received_wall: datetime,
    sent_at: datetime,
    reason: Reason,
    detail: str,
) -> Order:
    symbol, kind, side = body.get("symbol"), body.get("kind"), body.get("side")
    return Order(
        order_id=order_id,
        signal_id=signal_id,
        kind=kind if kind in ("order", "close", "bracket") else "order",
        symbol=symbol if isinstance(symbol, str) and SYMBOL.fullmatch(symbol) else UNKNOWN_SYMBOL,
        side=side if side in ("buy", "sell") else None,
        status=Status.REJECTED,
        reason=reason,
        created_at=market_now,
        received_wall=received_wall,
        signal_sent_wall=sent_at,
        completed_at=market_now,
    ).noted(market_now, "AcceptSignal", detail)
