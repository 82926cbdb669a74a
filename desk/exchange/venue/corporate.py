"""Splits and stock dividends: what they do to the account and its orders, and what the market data tells of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_DNS, uuid5

from desk.exchange.market.model import Order, Status
from desk.exchange.market.prices import on_tick
from desk.exchange.rules.drafting import trail_from

if TYPE_CHECKING:
    from desk.exchange.venue.engine import Engine

_CUSIP_DIGITS = 10**9


class ActionType(StrEnum):
    FORWARD_SPLIT = "forward_split"
    REVERSE_SPLIT = "reverse_split"
    STOCK_DIVIDEND = "stock_dividend"


class OrderPolicy(StrEnum):
    """What becomes of open orders: their quantity follows (as at Alpaca), nothing, all of it follows, or they end."""

    QUANTITY = "quantity"
    KEEP = "keep"
    RESCALE = "rescale"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """`new_rate` shares for `old_rate` shares; of a dividend, `new_rate` further shares for one."""

    id: str
    type: ActionType
    symbol: str
    new_rate: Decimal
    old_rate: Decimal
    ex_date: date
    process_date: date
    record_date: date | None = None
    payable_date: date | None = None

    @property
    def ratio(self) -> Decimal:
        """Shares after it for one share before."""
        if self.type is ActionType.STOCK_DIVIDEND:
            return 1 + self.new_rate
        return self.new_rate / self.old_rate

    def as_json(self) -> dict[str, Any]:
        """As `GET /v1/corporate-actions` of the market data host has it; dates that are not known are left out."""
        dates = {"record_date": self.record_date, "payable_date": self.payable_date}
        return {
            "id": self.id,
            "symbol": self.symbol,
            **self._terms(),
            "process_date": self.process_date.isoformat(),
            "ex_date": self.ex_date.isoformat(),
            **{name: day.isoformat() for name, day in dates.items() if day is not None},
        }

    def _terms(self) -> dict[str, Any]:
        if self.type is ActionType.STOCK_DIVIDEND:
            return {"cusip": cusip(self.symbol), "rate": _number(self.new_rate)}
        rates = {"new_rate": _number(self.new_rate), "old_rate": _number(self.old_rate)}
        if self.type is ActionType.FORWARD_SPLIT:
            return {"cusip": cusip(self.symbol), **rates}
        return {"old_cusip": cusip(self.symbol), "new_cusip": cusip(f"{self.symbol} after {self.id}"), **rates}


def cusip(name: str) -> str:
    """Nine digits that stand for a security here."""
    return f"{uuid5(NAMESPACE_DNS, name).int % _CUSIP_DIGITS:09d}"


def carry_out(engine: Engine, action: CorporateAction, policy: OrderPolicy, cash_in_lieu: Decimal | None) -> None:
    """Let the account's position and its open orders follow. `cash_in_lieu`: dollars a share paid for a fraction."""
    engine.ledger.rescale(action.symbol, action.ratio, engine.now, cash_in_lieu)
    engine.journal.corporate_action(engine.now, action, engine.ledger.held(action.symbol))
    if policy is OrderPolicy.KEEP:
        return
    for order in engine.orders.open(action.symbol):
        _follow(engine, order.id, action.ratio, policy)


def _follow(engine: Engine, order_id: str, ratio: Decimal, policy: OrderPolicy) -> None:
    order = engine.find(order_id)
    if order.status.final:
        return
    qty = _quantity(order, ratio)
    if policy is OrderPolicy.CANCEL or qty == order.filled_qty:
        engine.finish(order, Status.CANCELED)
        return
    order = replace(order, qty=qty)
    if policy is OrderPolicy.RESCALE:
        order = _repriced(order, ratio)
    engine.change(order, "restated")


def _quantity(order: Order, ratio: Decimal) -> Decimal | None:
    """What it has filled, and as many shares as the rest has become: whole ones, if it was for whole ones."""
    if order.qty is None:
        return None
    left = (order.qty - order.filled_qty) * ratio
    return order.filled_qty + (left // 1 if order.whole else round(left, 9))


def _repriced(order: Order, ratio: Decimal) -> Order:
    def moved(price: Decimal | None) -> Decimal | None:
        return None if price is None else on_tick(price / ratio)

    order = replace(
        order,
        limit_price=moved(order.limit_price),
        stop_price=moved(order.stop_price),
        trail_price=moved(order.trail_price),
        collar=moved(order.collar),
        reserve_price=order.reserve_price / ratio,
    )
    return order if order.hwm is None else trail_from(order, order.hwm / ratio)


def _number(value: Decimal) -> int | float:
    return int(value) if value % 1 == 0 else float(value)
