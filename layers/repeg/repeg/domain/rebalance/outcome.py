"""What a rebalance came to: whether the account shows it yet, and what is left and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from repeg.domain.money import DOLLAR, tidy
from repeg.domain.order.record import ZERO, Order
from repeg.domain.reasons import Status
from repeg.domain.rebalance.legs import cash_flow, leg_id, traded_qty
from repeg.domain.rebalance.plan import SHOWN
from repeg.domain.rebalance.planned import Residual
from repeg.domain.rebalance.record import Rebalance, RebalanceStatus

# A cent a share and a thousandth of the value: more than what brokers and the SEC take of a sale.
_FEE_PER_SHARE, _FEE_SHARE = Decimal("0.01"), Decimal("0.001")


def shows_shares(before: Mapping[str, Decimal], orders: Iterable[Order], held: Mapping[str, Decimal]) -> bool:
    """True when the account shows the shares that the orders traded, of symbols that held `before`."""
    expected = dict(before)
    for order in orders:
        if order.filled_qty:
            expected[order.symbol] = expected.get(order.symbol, ZERO) + traded_qty(order)
    return all(held.get(symbol, ZERO) == qty for symbol, qty in expected.items())


def shows_cash(before: Decimal, orders: Iterable[Order], cash: Decimal) -> bool:
    """True when the account shows the cash that the orders brought, less what fees may have taken of it."""
    orders = list(orders)
    shares = sum((order.filled_qty for order in orders), ZERO)
    value = sum((order.filled_qty * (order.avg_fill_price or ZERO) for order in orders), ZERO)
    return cash >= before + cash_flow(orders) - shares * _FEE_PER_SHARE - value * _FEE_SHARE


def explained(left: Iterable[Residual], orders: Iterable[Order]) -> tuple[Residual, ...]:
    """What is left, with what became of the leg where there was one that did not fill."""
    ended: dict[str, str] = {}
    for order in orders:
        if order.status is not Status.FILLED or order.reason:
            ended.setdefault(order.symbol, _became(order))
    return tuple(each.changed(why=ended.get(each.symbol, each.why)) for each in left)


def left_by_record(rebalance: Rebalance, orders: Mapping[str, Order], why: str) -> tuple[Residual, ...]:
    """What is left where the account cannot be asked any more: of each leg what is not known to be filled.

    `orders`: those of legs that were placed, by id; `why` the others were not. What the plan could not reach stays.
    """
    left = {each.symbol: each for each in rebalance.residual}
    equity = rebalance.equity
    for leg in (*rebalance.sells, *rebalance.buys) if equity else ():
        order = orders.get(leg_id(rebalance, leg))
        if order is None or order.status is not Status.FILLED:
            traded = traded_qty(order) * leg.mark / equity if order and equity else ZERO
            words = _became(order) if order else why
            left[leg.symbol] = Residual(symbol=leg.symbol, drift=tidy((leg.drift + traded).quantize(SHOWN)), why=words)
    return tuple(sorted(left.values(), key=lambda each: (-abs(each.drift), each.symbol)))


def _became(order: Order) -> str:
    why = f" ({order.reason})" if order.reason else ""
    became = f"was {order.status}{why}" if order.status.terminal else "hangs, and is still at work"
    return f"the {order.side or 'sell'} leg {became}".replace("_", " ")


def status_with(rebalance: Rebalance, left: Iterable[Residual]) -> RebalanceStatus:
    """How a rebalance ends that leaves this: what is off its target by no more than the threshold is on it.

    So is what no order may be as small as: with a threshold of nothing a rest of cents would wake somebody every day.
    """
    smallest = max(DOLLAR, rebalance.wanted.min_trade_notional)
    within = max(rebalance.wanted.threshold, smallest / rebalance.equity if rebalance.equity else ZERO)
    off = any(abs(each.drift) > within for each in left)
    return RebalanceStatus.DONE_WITH_RESIDUAL if off else RebalanceStatus.DONE


def in_words(rebalance: Rebalance) -> str:
    """How it ended, for a person: what is off its target by how much, the most first, and why."""
    off = sorted(rebalance.residual, key=lambda each: -abs(each.drift))[:3]
    left = "; ".join(f"{each.symbol} {each.drift * 100:+.1f} % off its target: {each.why}" for each in off)
    more = f" and {len(rebalance.residual) - 3} more" if len(rebalance.residual) > 3 else ""
    reason = f" ({rebalance.reason.explanation.rstrip('.')})" if rebalance.reason else ""
    return f"{rebalance.status.value.replace('_', ' ')}{reason}{f'. {left}{more}' if left else ''}"
