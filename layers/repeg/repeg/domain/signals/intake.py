"""From a message to an order record: accepted, or rejected with the reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from repeg.domain.order.beginnings import as_asked
from repeg.domain.order.bracket import Bracket
from repeg.domain.order.given_up import may_yet_show
from repeg.domain.order.parts import Ask, Guard, Run
from repeg.domain.order.record import UNKNOWN_SYMBOL, Order, order_id_for
from repeg.domain.reasons import Reason, Status
from repeg.domain.rebalance.record import Rebalance, Wanted, Work, rebalance_id_for
from repeg.domain.settings import SYMBOL
from repeg.domain.signals.parsing import (
    AdjustSignal,
    BracketSignal,
    CancelSignal,
    CloseSignal,
    OrderRequest,
    OrderSignal,
    RebalanceSignal,
    body_hash,
)
from repeg.errors import SignalInvalid


def accepted_order(signal: OrderRequest, market_now: datetime, received_wall: datetime, sent_wall: datetime) -> Order:
    """The record of a valid signal."""
    ask = Ask(
        received_wall=received_wall,
        sent_wall=sent_wall,
        qty=signal.qty,
        when_closed=signal.when_closed,
        explicit_expiry=signal.expires_at is not None,
    )
    order = Order(
        order_id=order_id_for(signal.signal_id),
        signal_id=signal.signal_id,
        kind=signal.kind,
        strategy=signal.strategy,
        symbol=signal.symbol,
        created_at=market_now,
        ask=ask,
        terms=as_asked(ask),
        run=Run(expires_at=signal.expires_at),
    )
    match signal:
        case OrderSignal():
            asked = ask.changed(
                notional=signal.notional,
                cap_bps=signal.max_slippage_bps,
                ladder=signal.ladder,
                completion=signal.completion,
            )
            order = order.changed(side=signal.side, ask=asked)
        case BracketSignal():
            order = _as_bracket(order, signal)
        case CloseSignal():
            order = order.changed(ask=ask.changed(foreign_orders=signal.foreign_orders))
    return order.noted(market_now, "AcceptSignal", f"{signal.kind} signal accepted")


def _as_bracket(order: Order, signal: BracketSignal) -> Order:
    asked = order.ask.changed(
        notional=signal.notional, extended_hours=signal.extended_hours, unprotected_ok=signal.unprotected_ok
    )
    bracket = Bracket(
        side=signal.side,
        signal_price=signal.signal_price,
        stop_loss=signal.stop_loss,
        take_profit=signal.take_profit,
        anchor=signal.exit_anchor,
    )
    guard = Guard(stop_loss=signal.stop_loss, take_profit=signal.take_profit)
    order = order.changed(side=signal.side, ask=asked, guard=guard)
    return order.with_terms(reference_price=signal.signal_price, bracket=bracket)


def answered_cancel(
    signal: CancelSignal,
    found: Order | Rebalance | None,
    ends: bool,
    market_now: datetime,
    received_wall: datetime,
    sent_wall: datetime,
) -> Order:
    """The record of a cancel, which is over at once: what it names as it was found, and whether that ends by it."""
    reason, detail = _answer(signal.about, found, ends)
    symbol = found.symbol if isinstance(found, Order) else UNKNOWN_SYMBOL
    record_id = None if found is None else found.order_id if isinstance(found, Order) else found.rebalance_id
    return Order(
        order_id=order_id_for(signal.signal_id),
        signal_id=signal.signal_id,
        kind=signal.kind,
        strategy=signal.strategy,
        symbol=symbol,
        status=Status.DONE,
        reason=reason,
        created_at=market_now,
        completed_at=market_now,
        ask=Ask(received_wall=received_wall, sent_wall=sent_wall, about=record_id, names=signal.about),
    ).noted(market_now, "AcceptSignal", detail)


def _answer(about: str, found: Order | Rebalance | None, ends: bool) -> tuple[Reason | None, str]:
    if found is None:
        return Reason.UNKNOWN_ORDER, f"nothing is known of {about}: should it come within a day, nothing is sent for it"
    stands = f"{found.status}{f': {found.reason}' if found.reason else ''}"
    if ends and (found.status.terminal or found.reason is Reason.CANCELLED):
        return None, f"{about} was taken back before"
    if ends:
        return None, f"{about} is taken back; it was {stands}"
    if isinstance(found, Order) and not found.status.terminal:
        return _past_it(about, found, stands)
    # "Nothing" is said only where nothing can fill any more: who believes it sends the next order beside the old one.
    unseen = may_yet_show(found) if isinstance(found, Order) else None
    if unseen:
        detail = (
            f"{about} is over ({stands}), but the broker may still have {unseen.client_order_id}: look for it there"
        )
        return Reason.BROKER_UNAVAILABLE, detail
    return Reason.NOTHING_TO_CANCEL, f"{about} is over ({stands})"


def _past_it(about: str, found: Order, stands: str) -> tuple[Reason | None, str]:
    """Of an order that is not over, and that no cancel ends."""
    if found.kind == "unwind":
        return Reason.NOTHING_TO_CANCEL, f"{about} exits what is not to be kept, and is not taken back ({stands})"
    if found.is_instruction:
        return Reason.NOTHING_TO_CANCEL, f"{about} is an instruction, which is not taken back ({stands})"
    child = found.open_child
    if child and found.remaining_qty > 0:
        detail = (
            f"{about} is being ended already ({stands}): {child.client_order_id} is cancelled at the broker, and may "
        )
        detail += "fill until that is confirmed"
        if child.cancel_alarmed:
            detail += ", which takes more than 30 s; should it last, look at it there"
        return None, detail
    return Reason.NOTHING_TO_CANCEL, f"{about} is past being taken back ({stands})"


def accepted_adjust(
    signal: AdjustSignal, about: Order | None, market_now: datetime, received_wall: datetime, sent_wall: datetime
) -> Order:
    """The record of a valid adjust of an order; over at once if there is none."""
    ask = Ask(
        received_wall=received_wall,
        sent_wall=sent_wall,
        when_closed=signal.when_closed,
        explicit_expiry=signal.expires_at is not None,
        about=about.order_id if about else None,
        names=signal.about,
        force=signal.force,
    )
    order = Order(
        order_id=order_id_for(signal.signal_id),
        signal_id=signal.signal_id,
        kind=signal.kind,
        strategy=signal.strategy,
        symbol=about.symbol if about else UNKNOWN_SYMBOL,
        created_at=market_now,
        ask=ask,
        guard=Guard(stop_loss=signal.stop_loss, take_profit=signal.take_profit),
        run=Run(expires_at=signal.expires_at),
    )
    if about:
        return order.noted(market_now, "AcceptSignal", f"{signal.kind} of {signal.about} accepted")
    over = order.changed(status=Status.REJECTED, reason=Reason.UNKNOWN_ORDER, completed_at=market_now)
    return over.noted(
        market_now,
        "AcceptSignal",
        f"nothing is known of a signal {signal.about}; once it is, send this again under a new signal_id",
    )


def accepted_rebalance(
    signal: RebalanceSignal, market_now: datetime, received_wall: datetime, sent_wall: datetime
) -> Rebalance:
    """The record of a valid rebalance signal."""
    wanted = Wanted(
        received_wall=received_wall,
        sent_wall=sent_wall,
        targets=signal.targets,
        min_trade_notional=signal.min_trade_notional,
        threshold=signal.threshold,
        cash_buffer=signal.cash_buffer,
        liquidate_others=signal.liquidate_others,
        include_protected=signal.include_protected,
        dry_run=signal.dry_run,
        when_closed=signal.when_closed,
        explicit_expiry=signal.expires_at is not None,
    )
    return Rebalance(
        rebalance_id=rebalance_id_for(signal.signal_id),
        signal_id=signal.signal_id,
        strategy=signal.strategy,
        created_at=market_now,
        wanted=wanted,
        work=Work(expires_at=signal.expires_at),
    ).noted(market_now, "AcceptSignal", "rebalance signal accepted")


def invalid_order(
    signal_id: str,
    body: Any,
    problem: SignalInvalid,
    market_now: datetime,
    received_wall: datetime,
    sent_wall: datetime,
) -> Order:
    """The record of a message that breaks the contract but names a usable signal_id."""
    order_id = order_id_for(signal_id, body_hash(body))
    return _rejected(
        order_id, signal_id, body, market_now, received_wall, sent_wall, Reason.INVALID_SIGNAL, str(problem)
    )


def conflicting_order(
    signal_id: str, body: Any, market_now: datetime, received_wall: datetime, sent_wall: datetime
) -> Order:
    """The record of a signal whose id was used before with another body."""
    # Under an id of its own, made from the body as well: the record of the first body stands.
    detail = f"{signal_id} was used before with another body; send this under a new signal_id"
    order_id = order_id_for(signal_id, body_hash(body))
    return _rejected(order_id, signal_id, body, market_now, received_wall, sent_wall, Reason.SIGNAL_CONFLICT, detail)


def _rejected(
    order_id: str,
    signal_id: str,
    body: Any,
    market_now: datetime,
    received_wall: datetime,
    sent_wall: datetime,
    reason: Reason,
    detail: str,
) -> Order:
    # The message broke the contract: of what it says only what is well-formed is kept.
    symbol, kind, side = body.get("symbol"), body.get("kind"), body.get("side")
    return Order(
        order_id=order_id,
        signal_id=signal_id,
        kind=kind if kind in ("order", "close", "bracket", "cancel", "adjust") else "order",
        symbol=symbol if isinstance(symbol, str) and SYMBOL.fullmatch(symbol) else UNKNOWN_SYMBOL,
        side=side if side in ("buy", "sell") else None,
        status=Status.REJECTED,
        reason=reason,
        created_at=market_now,
        completed_at=market_now,
        ask=Ask(received_wall=received_wall, sent_wall=sent_wall),
    ).noted(market_now, "AcceptSignal", detail)
