"""How each symbol stands against its target, and what the weights are weights of."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from repeg.domain.rebalance.book import ZERO, Book, Holding, Price, Targets


class Standing(NamedTuple):
    """A symbol that is wanted, or held and not wanted.

    `qty` are its investable shares, negative when short; `free` and `reach` how many of them, long or short, a leg can
    trade without and with taking protection down. `weight` is the target as it was asked for, `target` the dollars
    that it comes to. `obstacle` says why nothing of it is traded now, if so.
    """

    symbol: str
    price: Price
    qty: Decimal
    free: Decimal
    reach: Decimal
    weight: Decimal
    target: Decimal
    equity: Decimal
    fractionable: bool
    obstacle: str

    @property
    def value(self) -> Decimal:
        """Dollars that the investable shares are worth; negative for a short."""
        return self.qty * self.price.mark

    @property
    def drift(self) -> Decimal:
        """What is held too much (+) or too little, as a fraction of the investable equity."""
        return (self.value - self.target) / self.equity

    @property
    def leaves(self) -> bool:
        """True when nothing of it is wanted and it is held, long or short."""
        return self.qty < 0 or (self.target == 0 and self.qty > 0)

    @property
    def enters(self) -> bool:
        """True when it is wanted and nothing of it is held."""
        return self.target > 0 and self.qty == 0

    def off(self, threshold: Decimal) -> bool:
        """True when it is to be traded.

        The threshold spares small corrections. What is to be left or entered is no correction: of a hundred symbols at
        a hundredth each, none would ever be bought.
        """
        return self.leaves or self.enters or abs(self.drift) > threshold


def investable_equity(book: Book, targets: Targets) -> Decimal:
    """Dollars that weights are weights of: cash and every share that is not outside, wanted or not.

    Shorts that stay outside are taken off: the cash that came of them will be needed to buy them back.

    Raises:
        ValueError: an investable holding has no price.
    """
    equity = book.cash
    for holding in book.holdings:
        shares = holding.investable(targets.include_protected)
        if shares:
            equity += shares * book.price(holding.symbol).mark
        short = min(ZERO, holding.outside(targets.include_protected))
        if short and holding.symbol in book.prices:
            equity += short * book.prices[holding.symbol].mark
        elif short:
            equity -= abs(holding.value or ZERO)
    return equity


def standings(book: Book, targets: Targets, equity: Decimal) -> list[Standing]:
    """Every symbol that the rebalance is about, the largest drift first; `equity` is more than nothing."""
    held = {holding.symbol: holding for holding in book.holdings}
    symbols = set(targets.weights)
    if targets.liquidate_others:
        symbols |= {each.symbol for each in book.holdings if each.investable(targets.include_protected)}
    scale = _scale(targets)
    found = [_standing(book, targets, held.get(symbol), symbol, equity, scale) for symbol in symbols]
    return sorted(found, key=lambda each: (-abs(each.drift), each.symbol))


def _scale(targets: Targets) -> Decimal:
    """What the weights are multiplied with, so that the buffer stays in cash."""
    total = sum(targets.weights.values(), ZERO)
    return min(Decimal(1), (1 - targets.cash_buffer) / total) if total > 0 else Decimal(1)


def _standing(
    book: Book, targets: Targets, held: Holding | None, symbol: str, equity: Decimal, scale: Decimal
) -> Standing:
    weight = targets.weights.get(symbol, ZERO)
    price = book.price(symbol)
    obstacle = book.waiting.get(symbol) or price.obstacle
    if held is not None and not held.tradable:
        obstacle = held.why or "it is not traded here"
    return Standing(
        symbol=symbol,
        price=price,
        qty=held.investable(targets.include_protected) if held else ZERO,
        free=held.free if held else ZERO,
        reach=held.reach(targets.include_protected) if held else ZERO,
        weight=weight,
        target=weight * equity * scale,
        equity=equity,
        fractionable=symbol in book.fractionable,
        obstacle=obstacle,
    )
