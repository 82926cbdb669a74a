"""An order as the analysis sees it: a few figures, so that ten thousand of them are a small thing to hold."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from desk.report.old_way import entered_at
from repeg.domain.metrics.figures import Mark, mark_of
from repeg.domain.metrics.measured import (
    arrival_touch,
    estimated_cost,
    estimated_transitions,
    price_improvement_bps,
)
from repeg.domain.models import direction
from repeg.domain.order.children import ChildRecord
from repeg.domain.order.protection import ExitReason, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.rules.walking import is_exit

NEW_YORK = ZoneInfo("America/New_York")
ZERO = Decimal(0)
_LEGS = (ExitReason.TARGET, ExitReason.STOP)
_STOOD = (ProtectionStatus.LIVE, ProtectionStatus.CANCELING, ProtectionStatus.DONE, ProtectionStatus.GONE)


class Filled(NamedTuple):
    """What a rung filled, in dollars; `rung` counts from 1."""

    rung: int
    market: bool
    dollars: Decimal


class Left(NamedTuple):
    """Shares of a bracket that left at a known price."""

    day: str
    """In New York, as 2026-11-20."""
    reason: str
    dollars: Decimal
    """Realised, + is profit."""
    reward: Decimal | None
    """The same in multiples of what the entry risked on all its shares."""
    old_dollars: Decimal | None
    """What the same leg would have made of the old way's entry; None for exits that no leg made."""


class Old(NamedTuple):
    """What a market order on arrival would have made of a bracket."""

    risk_reward: Decimal | None
    worse_than_signal: Decimal
    """Dollars that its entry would have cost above the signal's price, for all shares asked for."""


class Trade(NamedTuple):
    """One order. Dollars are signed as each field says; bps are those of docs/metrics.md."""

    order_id: str
    symbol: str
    kind: str
    strategy: str | None
    status: Status
    reason: Reason | None
    ladder: str | None
    symbol_class: str | None
    created_at: datetime
    day: str
    minute: int | None
    """Of the day in New York, from midnight, at which its first child order was sent."""
    exit: bool
    mark: Mark | None
    filled: bool
    """Something of it, at whatever price."""
    traded: Decimal
    """Dollars that changed hands, as far as the price is known."""
    slippage_bps: Decimal | None
    slippage_base: Decimal
    """Dollars filled at the reference price: the weight of its slippage."""
    shortfall_bps: Decimal | None
    shortfall_base: Decimal
    """Dollars filled at the mid on arrival."""
    saved_bps: Decimal | None
    """Price improvement on the touch of arrival."""
    saved_base: Decimal
    """Dollars filled at that touch."""
    seconds: Decimal | None
    reached: int
    """Rungs that child orders were sent for."""
    fills: tuple[Filled, ...]
    sent: int
    repegs: int
    market_fallback: bool
    at_worst: bool
    """A limit at the worst price stood in for a market order."""
    cap_breached: bool
    transitions: int
    cost: Decimal
    left: tuple[Left, ...]
    unpriced: int
    """Exits whose price nobody knows."""
    risk_reward: Decimal | None
    held: bool
    entered: bool
    """A bracket that bought, or sold short."""
    protected: bool
    """Its stop and target stood at the broker, for however long."""
    unwind_cost: Decimal
    old: Old | None

    @property
    def instruction(self) -> bool:
        """True for what trades nothing itself."""
        return self.kind in ("cancel", "adjust")

    @property
    def slippage_dollars(self) -> Decimal:
        """+ is cost."""
        return self.slippage_base * (self.slippage_bps or ZERO) / 10_000

    @property
    def shortfall_dollars(self) -> Decimal:
        """+ is cost."""
        return self.shortfall_base * (self.shortfall_bps or ZERO) / 10_000

    @property
    def saved_dollars(self) -> Decimal:
        """+ is better than the old way."""
        return self.saved_base * (self.saved_bps or ZERO) / 10_000


def trade_of(order: Order) -> Trade:
    """The trade behind an order record."""
    terms, result, filled = order.terms, order.result, order.filled_qty
    price, touch, sent = order.avg_fill_price, arrival_touch(order), order.sent
    mid = (terms.arrival_bid + terms.arrival_ask) / 2 if terms.arrival_bid and terms.arrival_ask else ZERO
    first = order.first_sent_at.astimezone(NEW_YORK) if order.first_sent_at and sent else None
    priced = [gone for gone in order.all_exits if gone.price is not None]
    return Trade(
        order_id=order.order_id,
        symbol=order.symbol,
        kind=order.kind,
        strategy=order.strategy,
        status=order.status,
        reason=order.reason,
        ladder=terms.ladder and str(terms.ladder),
        symbol_class=terms.symbol_class and str(terms.symbol_class),
        created_at=order.created_at,
        day=_day(order.created_at),
        minute=first.hour * 60 + first.minute if first else None,
        exit=is_exit(order),
        mark=mark_of(order),
        filled=filled > 0,
        traded=filled * price if price else ZERO,
        slippage_bps=result.slippage_bps if terms.reference_price else None,
        slippage_base=filled * (terms.reference_price or ZERO),
        shortfall_bps=result.shortfall_bps,
        shortfall_base=filled * mid,
        saved_bps=price_improvement_bps(order) if order.status.terminal else None,
        saved_base=filled * (touch or ZERO),
        seconds=result.seconds_to_fill if filled else None,
        reached=max((child.rung + child.kept for child in sent), default=0),
        fills=tuple(_filled(child) for child in sent if child.filled_qty > 0),
        sent=order.bygone.sent + len(sent),
        repegs=order.repegs,
        market_fallback=order.market_fallback,
        at_worst=any(child.at_worst for child in sent),
        cap_breached=result.cap_breached,
        transitions=estimated_transitions(order),
        cost=estimated_cost(order),
        left=tuple(_left(order)),
        unpriced=len(order.all_exits) - len(priced),
        risk_reward=order.guard.risk_reward,
        held=order.unexited_qty > 0,
        entered=order.kind == "bracket" and filled > 0,
        protected=any(oco.status in _STOOD for oco in order.guard.protections),
        unwind_cost=order.unwind.cost or ZERO,
        old=_old(order, touch),
    )


def _day(at: datetime) -> str:
    return at.astimezone(NEW_YORK).date().isoformat()


def _filled(child: ChildRecord) -> Filled:
    dollars = child.filled_qty * (child.avg_fill_price or ZERO)
    return Filled(child.rung + child.kept, child.type == "market", dollars)


def _old(order: Order, touch: Decimal | None) -> Old | None:
    bracket, qty = order.terms.bracket, order.terms.requested_qty or order.ask.qty
    if bracket is None or not touch or not qty or not order.status.terminal:
        return None
    worse = (touch - bracket.signal_price) * direction(bracket.side) * qty
    return Old(entered_at(bracket, qty, touch).risk_reward, worse)


def _left(order: Order) -> list[Left]:
    """The exits of a bracket whose price is known, in dollars and in multiples of its risk."""
    bracket, paid = order.terms.bracket, order.avg_fill_price
    if bracket is None or paid is None:
        return []
    sign, touch = direction(bracket.side), arrival_touch(order)
    ours = bracket.levels_at(paid)
    stake, entry_now = order.risk_per_share, order.entry_price
    # Of all its shares, as many as they were on entry.
    risk = stake * paid / entry_now * order.filled_qty if stake and entry_now else ZERO
    found = []
    for gone in order.all_exits:
        entry = order.entry_price_at(gone.at)
        if gone.price_each is None or gone.price is None or entry is None:
            continue
        dollars = (gone.price_each - entry) * sign * gone.shares
        old = None
        # After a split, levels of before say nothing of prices of today.
        if touch and gone.reason in _LEGS and not order.care.adjustments:
            theirs = entered_at(bracket, order.filled_qty, touch).levels
            shift = theirs.target - ours.target if gone.reason is ExitReason.TARGET else theirs.stop - ours.stop
            old = (gone.price + shift - touch) * sign * gone.qty
        found.append(Left(_day(gone.at), str(gone.reason), dollars, dollars / risk if risk > 0 else None, old))
    return found
