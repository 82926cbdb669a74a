"""Cash and positions of the one account."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from desk.exchange.model import ZERO, Order, Side

Mark = Callable[[str], Decimal | None]

STARTING_CASH = Decimal(100_000)
_LONG_MAINTENANCE = Decimal("0.3")
_PENNY = Decimal("0.01")


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


class Ledger:
    """Books fills on cash and positions."""

    def __init__(self) -> None:
        self.account = AccountState()
        self.positions: dict[str, Position] = {}
        self.cash = STARTING_CASH

    def held(self, symbol: str) -> Decimal:
        """Shares held; negative for a short."""
        position = self.positions.get(symbol)
        return position.qty if position else ZERO

    def set_position(self, symbol: str, qty: Decimal, avg_entry_price: Decimal) -> None:
        """Put a position in place without touching cash; zero removes it."""
        if qty:
            self.positions[symbol] = Position(symbol, qty, avg_entry_price)
        else:
            self.positions.pop(symbol, None)

    def book(self, symbol: str, side: Side, qty: Decimal, price: Decimal) -> Decimal:
        """Book one execution; returns the resulting position."""
        change = qty * side.sign
        before = self.positions.get(symbol) or Position(symbol, ZERO, ZERO)
        after = before.qty + change
        self.cash -= change * price
        if before.qty * change >= 0:
            entry = (before.qty * before.avg_entry_price + change * price) / after
        else:
            entry = before.avg_entry_price if before.qty * after > 0 else price
        self.set_position(symbol, after, entry)
        return after

    def value(self, mark: Mark, orders: Iterable[Order]) -> Valuation:
        """Value the account at the marks; open orders tie up buying power."""
        values = [(p.qty * (mark(p.symbol) or p.avg_entry_price)) for p in self.positions.values()]
        long_value = sum((v for v in values if v > 0), ZERO)
        short_value = sum((v for v in values if v < 0), ZERO)
        equity = self.cash + long_value + short_value
        exposure = long_value - short_value
        reserved = sum((order.reserved for order in orders), ZERO)
        multiplier = self.account.multiplier
        return Valuation(
            equity=equity,
            long_value=long_value,
            short_value=short_value,
            reserved=reserved,
            buying_power=_cents(max(ZERO, multiplier * equity - exposure - reserved)),
            non_marginable=_cents(max(ZERO, self.cash + short_value * 2 - reserved)),
            initial_margin=_cents((exposure + reserved) / max(multiplier, Decimal(1))),
            maintenance_margin=_cents(exposure * _LONG_MAINTENANCE),
        )


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_PENNY)
