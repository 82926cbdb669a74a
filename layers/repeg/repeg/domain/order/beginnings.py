"""What an order is where no signal says it: an exit of a position, a leg of a rebalance; its side, date and clock."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from repeg.domain.history import ClockAnchor
from repeg.domain.models import Side, opposite
from repeg.domain.order.course import lives_until
from repeg.domain.order.parts import Ask, Funds, Run, Terms
from repeg.domain.order.record import Order, order_id_for


# An order of its own: with a second ladder of the other side in the bracket's record, every rule about filled, live and
# remaining shares would have two meanings.
def unwind_order(
    bracket: Order, market_now: datetime, wall_now: datetime, when_closed: Literal["reject", "next_open"] = "reject"
) -> Order:
    """An order to exit what a bracket still holds, on the bracket's turn. Its id is a pure function of the bracket.

    A further unwind of the same bracket is another order.
    """
    order_id = order_id_for(bracket.signal_id, f"{bracket.order_id} unwind {bracket.unwind.order_id or ''}")
    ask = Ask(received_wall=wall_now, qty=bracket.unexited_qty, when_closed=when_closed, parent_id=bracket.order_id)
    return Order(
        order_id=order_id,
        signal_id=bracket.signal_id,
        kind="unwind",
        strategy=bracket.strategy,
        namespace=bracket.namespace,
        symbol=bracket.symbol,
        side=opposite(bracket.trading_side),
        created_at=market_now,
        ask=ask,
        terms=as_asked(ask),
        # Taken over, since to read the clock anew costs a trading request before anything is sold.
        run=Run(clock=bracket.run.clock),
    ).noted(market_now, "UnwindPosition", f"leaves what {bracket.order_id} holds")


class Origin(NamedTuple):
    """The rebalance that a leg is of."""

    rebalance_id: str
    signal_id: str
    strategy: str | None
    namespace: str
    clock: ClockAnchor | None


def leg_id_of(signal_id: str, rebalance_id: str | None, phase: str, symbol: str) -> str:
    """A leg's order id: a pure function of the rebalance, its half (`sell` or `buy`), and the symbol."""
    return order_id_for(signal_id, f"{rebalance_id} {phase} {symbol}")


def is_cover(order: Order) -> bool:
    """True for a leg that buys a short back: the buys of a rebalance's first half do."""
    first_half = leg_id_of(order.signal_id, order.rebalance_id, "sell", order.symbol)
    return order.kind == "rebalance_leg" and order.side == "buy" and order.order_id == first_half


def leg_order(
    order_id: str,
    origin: Origin,
    symbol: str,
    side: Side | None,
    qty: Decimal,
    cost: Decimal | None,
    *,
    funds: Funds | None,
    market_now: datetime,
    wall_now: datetime,
    closes_at: datetime,
) -> Order:
    """A leg: `qty` shares that may cost at most `cost` dollars. Without a side it is a close.

    It lives until the session's close, however long it waits for a trading request to be free.
    """
    ask = Ask(received_wall=wall_now, sent_wall=wall_now, qty=qty, notional=cost, explicit_expiry=True, funds=funds)
    leg = Order(
        order_id=order_id,
        signal_id=origin.signal_id,
        rebalance_id=origin.rebalance_id,
        kind="rebalance_leg" if side else "close",
        strategy=origin.strategy,
        namespace=origin.namespace,
        symbol=symbol,
        side=side,
        created_at=market_now,
        ask=ask,
        terms=as_asked(ask),
        # Taken over, since to read the clock anew costs a trading request before anything is traded.
        run=Run(clock=origin.clock),
    )
    return lives_until(leg, closes_at).noted(market_now, "RebalancePortfolio", f"a leg of {origin.rebalance_id}")


def as_asked(ask: Ask) -> Terms:
    """The terms of an order of which no more is known than what was asked for."""
    return Terms(requested_qty=ask.qty)


def by_clock(order: Order, reading: ClockAnchor) -> Order:
    """The order as it is worked by this reading of the clock."""
    return order.with_run(clock=reading)


def dated(order: Order, created_at: datetime) -> Order:
    """The order with its creation, and the events of its intake, placed in market time."""
    events = tuple(event.changed(at=created_at) for event in order.events)
    return order.changed(created_at=created_at, events=events)


def trading(order: Order, side: Side) -> Order:
    """The order with the side that it trades: what exits a position learns it from the account."""
    return order.changed(side=side)
