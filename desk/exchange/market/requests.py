"""What clients ask for: orders, and changes of orders, well-formed but not yet judged."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from desk.exchange.market.model import Intent, OrderClass, OrderType, Side, TimeInForce, working_limit_of


@dataclass(frozen=True, slots=True)
class StopLoss:
    """The stop leg of a group: a stop, or a stop limit if it has a limit."""

    stop_price: Decimal
    limit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A well-formed order as the client sent it. Exactly one of qty and notional is set.

    The limit price of an OCO is its take-profit.
    """

    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    qty: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    extended_hours: bool = False
    client_order_id: str | None = None
    position_intent: Intent | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    order_class: OrderClass = OrderClass.SIMPLE
    take_profit: Decimal | None = None
    stop_loss: StopLoss | None = None

    @property
    def working_limit(self) -> Decimal | None:
        """The price beyond which it never trades, None if there is none."""
        return working_limit_of(self.type, self.side, self.limit_price, self.stop_price)

    @property
    def exit_side(self) -> Side:
        """The side of the orders that leave the position."""
        return self.side if self.order_class is OrderClass.OCO else self.side.opposite

    @property
    def fractional(self) -> bool:
        """Whether it may end in a fraction of a share."""
        return self.qty is None or self.qty % 1 != 0


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a replace request wants changed; None: as it was. `trail` is dollars or percent, as the order's was."""

    qty: Decimal | None = None
    time_in_force: TimeInForce | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    client_order_id: str | None = None
