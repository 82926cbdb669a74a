"""What a rebalance is planned on: the account's money and shares, judged prices, and what is wanted."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from repeg.domain.models import Frozen
from repeg.domain.reasons import Reason

ZERO = Decimal(0)


class Price(Frozen):
    """A symbol's prices in dollars a share, judged before the plan is made.

    `mark` is what a share is valued at: the mid of a valid quote, else the last trade or the previous close.
    `worst_buy` and `worst_sell` are what a leg's slippage cap allows it to pay at most and to get at least. With a
    `problem` the symbol is valued and not traded; `why` says so in words.
    """

    symbol: str
    bid: Decimal
    ask: Decimal
    mark: Decimal
    worst_buy: Decimal
    worst_sell: Decimal
    problem: Reason | None = None
    why: str = ""

    @property
    def obstacle(self) -> str:
        """Why the symbol is not traded, in words; empty when it may be."""
        if self.problem is not None:
            return self.why or self.problem.explanation
        priced = min(self.mark, self.worst_buy, self.worst_sell) > 0
        return "" if priced else Reason.NO_QUOTE.explanation

    @property
    def buys_back(self) -> Decimal:
        """Dollars that it may take to buy one share back."""
        return max(self.worst_buy, self.mark)


class Holding(Frozen):
    """Shares of a symbol in the account; negative quantities are short.

    `available` is what no order holds, with the sign of `qty`; `protected` how many of the shares brackets hold. What
    is not `tradable` here (options, crypto) stands outside the equity that is invested; `why` says what it is.
    """

    symbol: str
    qty: Decimal
    available: Decimal
    protected: Decimal = ZERO
    tradable: bool = True
    why: str = ""
    value: Decimal | None = None
    """Dollars that the broker values it at, negative for a short; None: it does not say."""

    def investable(self, include_protected: bool) -> Decimal:
        """Shares that the weights are about: all but those of brackets, unless these are included."""
        if not self.tradable:
            return ZERO
        ours = ZERO if include_protected else min(abs(self.protected), abs(self.qty))
        return (abs(self.qty) - ours).copy_sign(self.qty)

    def outside(self, include_protected: bool) -> Decimal:
        """Shares that stay as they are, whatever is wanted."""
        return self.qty - self.investable(include_protected)

    @property
    def free(self) -> Decimal:
        """Shares, long or short, that can be traded and neither an order nor a bracket holds."""
        # Between a bracket's fill and its protective order nothing holds its shares at the broker: they are its own.
        return max(ZERO, min(self._unheld, abs(self.qty) - abs(self.protected)))

    def reach(self, include_protected: bool) -> Decimal:
        """Shares, long or short, that a leg can trade: free ones, and those of brackets if these are included."""
        return self._unheld + abs(self.protected) if include_protected else self.free

    @property
    def _unheld(self) -> Decimal:
        """Shares that no order holds; none where the account says less than nothing, as of more orders than shares."""
        return abs(self.available) if self.available * self.qty > 0 else ZERO


class Book(Frozen):
    """The account at one moment. Dollars; `settled_cash`, less what open orders may cost, is None with margin.

    `spoken_for` is what open buy orders may still cost. `waiting` names symbols that must not be traded now, as an
    order of theirs is at work, and why. `unknown_cost` says in words why orders or shorts may cost more than can
    be told. `prices` has every symbol that is wanted or held, but for holdings that are not tradable;
    `fractionable` those that the broker trades in fractions of a share.
    """

    cash: Decimal
    settled_cash: Decimal | None
    buying_power: Decimal
    holdings: tuple[Holding, ...]
    prices: dict[str, Price]
    fractionable: frozenset[str] = frozenset()
    spoken_for: Decimal = ZERO
    waiting: dict[str, str] = msgspec.field(default_factory=dict)
    unknown_cost: str = ""

    def price(self, symbol: str) -> Price:
        """The symbol's price.

        Raises:
            ValueError: there is none, and so nothing that could be called the account's value.
        """
        if symbol not in self.prices:
            raise ValueError(f"no price for {symbol}: what the account is worth is not known")
        return self.prices[symbol]


class Targets(Frozen):
    """What is wanted. Weights, `threshold` and `cash_buffer` are fractions of the investable equity, notionals dollars.

    `margin`: buys may use the account's buying power and not its cash alone.
    """

    weights: dict[str, Decimal]
    threshold: Decimal
    min_trade_notional: Decimal
    cash_buffer: Decimal
    liquidate_others: bool
    include_protected: bool
    margin: bool = False
