"""A period of realistic order records, as many as are wanted, and the same ones for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from repeg.domain.ladder.routing import SymbolClass, cap_bps
from repeg.domain.ladder.rungs import LadderName
from repeg.domain.market.sessions import EASTERN
from repeg.domain.models import Side, direction
from repeg.domain.money import nearest_tick
from repeg.domain.order.bracket import Bracket, Levels
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.course import ended
from repeg.domain.order.parts import Ask, Run, Terms
from repeg.domain.order.protection import Exit, ExitReason, Protection, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.rules.walking import concluded
from repeg.domain.settings import Settings

SYMBOLS: dict[str, tuple[SymbolClass, str, str]] = {
    "TQQQ": (SymbolClass.LEVERAGED_ETF, "50.96", "0.03"),
    "SOXL": (SymbolClass.LEVERAGED_ETF, "31.42", "0.02"),
    "SPY": (SymbolClass.HIGH_VOLUME_ETF, "598.40", "0.02"),
    "XLK": (SymbolClass.HIGH_VOLUME_ETF, "232.18", "0.03"),
    "CRWD": (SymbolClass.STOCK, "534.82", "0.18"),
    "NVDA": (SymbolClass.STOCK, "146.05", "0.02"),
    "AAPL": (SymbolClass.STOCK, "229.30", "0.03"),
    "RKLB": (SymbolClass.STOCK, "24.61", "0.04"),
}
"""Class, mid and spread in dollars."""
LADDERS = {
    SymbolClass.LEVERAGED_ETF: LadderName.BETTER_ORDERS,
    SymbolClass.HIGH_VOLUME_ETF: LadderName.BETTER_ORDERS,
    SymbolClass.STOCK: LadderName.STANDARD,
}
STRATEGIES = ("breakout", "momentum", "rotation", None)
FIRST = date(2026, 11, 2)
_MINUTES = (*([0, 1, 2, 3, 4, 5, 8, 12] * 3), *range(0, 385, 7))


def period(count: int, seed: int = 1, days: int = 14) -> Iterator[Order]:
    """So many orders, the oldest first, spread over trading days from 2 November 2026 on."""
    chance = random.Random(seed)
    open_days = [day for n in range(days * 2) if (day := FIRST + timedelta(days=n)).weekday() < 5][:days]
    per_day = -(-count // len(open_days))
    for number in range(count):
        day = open_days[number // per_day]
        yield _order(chance, number, day, sorted(_MINUTES)[(number % per_day) * len(_MINUTES) // per_day])


def _order(chance: random.Random, number: int, day: date, minute: int) -> Order:
    symbol = chance.choice([*SYMBOLS])
    symbol_class, mid, width = SYMBOLS[symbol]
    early = 3 if minute < 5 else 1
    drift = Decimal(chance.gauss(0, 0.01)).quantize(Decimal("0.0001"))
    spread = nearest_tick(Decimal(width) * early) or Decimal("0.01")
    bid = nearest_tick(Decimal(mid) * (1 + drift))
    opens = datetime(day.year, day.month, day.day, 9, 30, tzinfo=EASTERN).astimezone(UTC)
    at = opens + timedelta(minutes=minute, seconds=round(chance.uniform(0, 59), 3))
    bracket = chance.random() < 0.35
    side: Side = "buy" if bracket or chance.random() < 0.6 else "sell"
    qty = Decimal(chance.choice((10, 25, 40, 100, 150, 400)))
    order = Order(
        order_id=f"ord-{number:05d}",
        signal_id=f"s-{number:05d}",
        kind="bracket" if bracket else "order",
        strategy=chance.choice(STRATEGIES),
        symbol=symbol,
        side=side,
        status=Status.WORKING,
        created_at=at,
        ask=Ask(received_wall=at, qty=qty),
        terms=Terms(
            ladder=LadderName.SMART_LIMIT if bracket else LADDERS[symbol_class],
            symbol_class=symbol_class,
            requested_qty=qty,
            max_slippage_bps=cap_bps(symbol_class, Settings()),
            reference_price=(bid + bid + spread) / 2,
            arrival_bid=bid,
            arrival_ask=bid + spread,
        ),
        run=Run(published=True),
    )
    quote = (bid, bid + spread)
    if bracket:
        return _bracket(chance, order, quote)
    if chance.random() < 0.04:
        reason = chance.choice((Reason.MARKET_CLOSED, Reason.NO_QUOTE, Reason.INSUFFICIENT_BUYING_POWER))
        return ended(order, Status.REJECTED, reason, at)
    return _over(_worked(chance, order, quote, rungs=4))


def _worked(chance: random.Random, order: Order, quote: tuple[Decimal, Decimal], rungs: int) -> Order:
    """Walked down its ladder until something fills it, or nothing does."""
    (bid, ask), qty, sign = quote, order.terms.requested_qty or Decimal(0), direction(order.trading_side)
    start, children, filled = order.created_at + timedelta(seconds=chance.uniform(0.4, 1.2)), [], Decimal(0)
    for rung in range(1, rungs + 1):
        market, last = rung == 4, rung == rungs
        touch = ask if sign > 0 else bid
        limit = touch + sign * Decimal("0.01")
        fills = chance.random() < (0.97 if last else 0.72)
        part = qty - filled
        got = part if fills else (part // 2 if chance.random() < 0.2 else Decimal(0))
        improved = Decimal("0.01") if chance.random() < 0.35 else Decimal(0)
        took = chance.expovariate(1 / 0.6) if fills else 2.5
        children.append(
            ChildRecord(
                rung=rung,
                client_order_id=f"{order.order_id}-e{rung}",
                broker_order_id=f"b-{order.order_id}-{rung}",
                type="market" if market else "limit",
                limit_price=None if market else limit,
                qty=part,
                filled_qty=got,
                avg_fill_price=touch - sign * improved if got else None,
                status=ChildStatus.FILLED if fills else ChildStatus.CANCELED,
                bid=bid,
                ask=ask,
                sent_at=start,
                closed_at=start + timedelta(seconds=took),
                patience=Decimal("2.5"),
            )
        )
        filled += got
        if fills:
            break
        start += timedelta(seconds=took + 0.2)
        move = Decimal(chance.choice((-1, 0, 1, 1, 2))) / 100 * sign
        bid, ask = bid + move, ask + move
    return order.changed(children=tuple(children)).with_run(waits_since_start=len(children) * 2 - 2)


def _over(order: Order) -> Order:
    return concluded(order, order.children[-1].closed_at or order.created_at)


def _bracket(chance: random.Random, order: Order, quote: tuple[Decimal, Decimal]) -> Order:
    signal = nearest_tick(quote[1] * (1 - Decimal(chance.gauss(0.0001, 0.0004)).quantize(Decimal("0.000001"))))
    risk = nearest_tick(signal * Decimal(chance.choice(("0.008", "0.01", "0.015"))))
    reward = risk * Decimal(chance.choice(("2", "2.5", "3")))
    terms = Bracket(
        side="buy", signal_price=signal, stop_loss=signal - risk, take_profit=signal + reward, anchor="fill"
    )
    order = order.with_terms(bracket=terms, reference_price=signal, max_slippage_bps=Decimal(10))
    if quote[1] > signal * Decimal("1.0005"):
        return ended(order, Status.REJECTED, Reason.SLIPPAGE_EXCEEDED, order.created_at)
    order = _worked(chance, order, quote, rungs=1)
    paid = order.avg_fill_price
    if paid is None:
        return _over(order)
    levels = terms.levels_at(paid)
    order = order.with_guard(
        stop_loss=levels.stop, take_profit=levels.target, risk_reward=levels.risk_reward(paid, "buy"), protected=True
    )
    return _over(order.with_guard(protections=(_protected(chance, order, levels),)))


def _protected(chance: random.Random, order: Order, levels: Levels) -> Protection:
    placed = order.children[-1].closed_at or order.created_at
    gone: tuple[Exit, ...] = ()
    draw = chance.random()
    if draw < 0.8:
        won = draw < 0.34
        price = levels.target if won else levels.stop - Decimal("0.01")
        reason = ExitReason.TARGET if won else ExitReason.STOP
        at = placed + timedelta(minutes=chance.uniform(3, 600))
        gone = (Exit(source=f"oco-{order.order_id}", reason=reason, qty=order.filled_qty, price=price, at=at),)
    return Protection(
        client_order_id=f"{order.order_id}-p1",
        broker_order_id=f"oco-{order.order_id}",
        qty=order.filled_qty,
        levels=levels,
        status=ProtectionStatus.DONE if gone else ProtectionStatus.LIVE,
        placed_at=placed,
        exits=gone,
    )
