"""The one account as the broker sees it, and what open orders keep from others: buying power and shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from desk.exchange.market.model import ZERO, Order

STARTING_CASH = Decimal(100_000)
Amount = Callable[[Order], Decimal]


@dataclass(frozen=True, slots=True)
class AccountState:
    """What the broker has set on the account; amounts in dollars."""

    account_number: str = "PA3SIMULATED"
    last_equity: Decimal = STARTING_CASH
    multiplier: Decimal = Decimal(2)
    status: str = "ACTIVE"
    shorting_enabled: bool = True
    fractional_trading: bool = True
    trading_blocked: bool = False
    account_blocked: bool = False
    trade_suspended_by_user: bool = False
    transfers_blocked: bool = False
    disable_overnight_trading: bool = False
    account_type: str = "margin"
    ptp_no_exception_entry: bool = False
    trade_confirm_email: str = "all"
    max_options_trading_level: int | None = None

    @property
    def cash_only(self) -> bool:
        """Whether it buys with settled cash alone, and never sells short."""
        return self.account_type == "cash"

    @property
    def leverage(self) -> Decimal:
        """Dollars of shares for a dollar of equity."""
        return Decimal(1) if self.cash_only else self.multiplier

    @property
    def may_short(self) -> bool:
        return self.shorting_enabled and not self.cash_only


@dataclass(frozen=True, slots=True)
class Position:
    """Shares held (negative: short) at their average entry price."""

    symbol: str
    qty: Decimal
    avg_entry_price: Decimal


@dataclass(frozen=True, slots=True)
class Valuation:
    """The account at one moment, in dollars."""

    equity: Decimal
    long_value: Decimal
    short_value: Decimal
    reserved: Decimal
    buying_power: Decimal
    non_marginable: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal


def claimed(orders: Iterable[Order], amount: Amount) -> Decimal:
    """Sum of an amount over the orders; of an order and the one about to replace it, the larger counts."""
    by_id = {order.id: order for order in orders}
    total = ZERO
    for order in by_id.values():
        # docs.alpaca.markets/reference/patchorderbyorderid-1: while both are open, the larger of the two is reserved.
        if order.replaces in by_id:
            continue
        successor = by_id.get(order.replaced_by) if order.replaced_by is not None else None
        total += max(amount(order), amount(successor) if successor is not None else ZERO)
    return total


def reserved(orders: Iterable[Order]) -> Decimal:
    """Buying power (dollars) tied up."""
    return claimed(orders, lambda order: order.reserved)


def held(orders: Iterable[Order]) -> Decimal:
    """Shares of the position kept for exits."""
    return claimed(orders, lambda order: order.holding)
