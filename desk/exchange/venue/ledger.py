"""Cash and positions of the one account."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import ROUND_DOWN, Decimal

from desk.exchange.market.account import STARTING_CASH, AccountState, Position, Valuation
from desk.exchange.market.account import reserved as reserved_by
from desk.exchange.market.model import SHARE_STEP, ZERO, Order, Side

Mark = Callable[[str], Decimal | None]

# Of shares at $2.50 and more: docs.alpaca.markets/docs/margin-and-short-selling.
_LONG_MAINTENANCE = Decimal("0.3")
_PENNY = Decimal("0.01")


class Ledger:
    """Books fills on cash and positions."""

    def __init__(self) -> None:
        self.account = AccountState()
        self.positions: dict[str, Position] = {}
        self.cash = STARTING_CASH
        self._history: dict[str, list[tuple[int, Position]]] = {}

    def held(self, symbol: str) -> Decimal:
        """Shares held; negative for a short."""
        position = self.positions.get(symbol)
        return position.qty if position else ZERO

    def seen(self, symbol: str, instant: int) -> Position | None:
        """The position as it stood at an instant, None if there was none."""
        for at, position in reversed(self._history.get(symbol, ())):
            if at <= instant:
                return position if position.qty else None
        return None

    def all_seen(self, instant: int) -> list[Position]:
        """All positions as they stood at an instant, by symbol."""
        return [position for symbol in sorted(self._history) if (position := self.seen(symbol, instant)) is not None]

    def sellable(self, symbol: str, instant: int) -> Decimal:
        """Shares that both were there at the instant and are still there; negative for a short."""
        now, position = self.held(symbol), self.seen(symbol, instant)
        then = position.qty if position else ZERO
        return min(now, then, key=abs) if now * then > 0 else ZERO

    def forget_history(self, instant: int) -> None:
        """Positions are known since the instant (the clock was set back to it)."""
        self._history = {symbol: [(min(h[-1][0], instant), h[-1][1])] for symbol, h in self._history.items()}

    def set_position(self, symbol: str, qty: Decimal, avg_entry_price: Decimal) -> None:
        """Put a position in place without touching cash; zero removes it. It is seen at once."""
        # From the beginning of time, so that no lag hides a scene that was set.
        self._history[symbol] = [(0, Position(symbol, qty, avg_entry_price))]
        self._put(symbol, qty, avg_entry_price)

    def rescale(self, symbol: str, ratio: Decimal, at: int, cash_in_lieu: Decimal | None) -> None:
        """So many shares for each one, at the same cost; `cash_in_lieu`: dollars a share paid for a fraction."""
        before = self.positions.get(symbol)
        if before is None:
            return
        qty = (before.qty * ratio).quantize(SHARE_STEP, ROUND_DOWN)
        entry = before.qty * before.avg_entry_price / qty if qty else ZERO
        if cash_in_lieu is not None:
            whole = qty.quantize(Decimal(1), ROUND_DOWN)
            self.cash += (qty - whole) * cash_in_lieu
            qty = whole
        self._history.setdefault(symbol, []).append((at, Position(symbol, qty, entry)))
        self._put(symbol, qty, entry)

    def _put(self, symbol: str, qty: Decimal, avg_entry_price: Decimal) -> None:
        if qty:
            self.positions[symbol] = Position(symbol, qty, avg_entry_price)
        else:
            self.positions.pop(symbol, None)

    def book(self, symbol: str, side: Side, qty: Decimal, price: Decimal, at: int) -> Decimal:
        """Book one execution at an instant; returns the resulting position."""
        change = qty * side.sign
        before = self.positions.get(symbol) or Position(symbol, ZERO, ZERO)
        after = before.qty + change
        self.cash -= change * price
        if before.qty * change >= 0:
            entry = (before.qty * before.avg_entry_price + change * price) / after
        else:
            # Selling a part changes no cost: only what is bought more of is averaged.
            entry = before.avg_entry_price if before.qty * after > 0 else price
        self._history.setdefault(symbol, []).append((at, Position(symbol, after, entry)))
        self._put(symbol, after, entry)
        return after

    def equity(self, mark: Mark) -> Decimal:
        """Cash and positions at the marks, in dollars."""
        return self.cash + sum((p.qty * (mark(p.symbol) or p.avg_entry_price) for p in self.positions.values()), ZERO)

    def value(self, mark: Mark, orders: Iterable[Order], unsettled: Decimal = ZERO) -> Valuation:
        """Value the account at the marks; open orders tie up buying power, and what is not settled is none."""
        values = [(p.qty * (mark(p.symbol) or p.avg_entry_price)) for p in self.positions.values()]
        long_value = sum((v for v in values if v > 0), ZERO)
        short_value = sum((v for v in values if v < 0), ZERO)
        equity = self.cash + long_value + short_value
        exposure = long_value - short_value
        reserved = reserved_by(orders)
        multiplier = self.account.leverage
        return Valuation(
            equity=equity,
            long_value=long_value,
            short_value=short_value,
            reserved=reserved,
            buying_power=_cents(max(ZERO, multiplier * equity - exposure - reserved - unsettled)),
            non_marginable=_cents(max(ZERO, self.cash + short_value * 2 - reserved - unsettled)),
            initial_margin=_cents((exposure + reserved) / max(multiplier, Decimal(1))),
            maintenance_margin=_cents(exposure * _LONG_MAINTENANCE),
        )


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_PENNY)
