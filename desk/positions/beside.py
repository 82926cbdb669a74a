"""Record beside account, orders and market, with the verdict of the last line of defence. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.market import broker, calendar, market_now
from repeg.domain.market.quotes import Quote
from repeg.domain.market.reports import OrderReport, Position, TradingDay
from repeg.domain.models import Side, direction
from repeg.domain.money import plain
from repeg.domain.order.bracket import Levels
from repeg.domain.order.record import Order
from repeg.domain.proof.defence import Account, Facts, elapsed, guard, is_through, market, verdict
from repeg.domain.proof.evidence import DUST, expected_of, looks_split
from repeg.domain.proof.ours import held_by_ocos
from repeg.errors import RepegError

_Seen = TypeVar("_Seen")
_CENT, _MILLIONTH = Decimal("0.01"), Decimal("0.000001")
BESIDE = "no bracket's"
"""The verdict on shares that nobody is asked to protect."""


@dataclass(frozen=True)
class Sides:
    """What the broker shows now; None where it could not be asked."""

    positions: dict[str, Position] | None
    open_orders: dict[str, OrderReport] | None
    quotes: dict[str, Quote]
    session: TradingDay | None
    trouble: str = ""


def held(case: Case, symbol: str | None = None) -> list[Order]:
    """Brackets that hold shares, by symbol, oldest first."""
    orders, _ = case.orders.several(case.orders.holding_shares())
    found = [order for order in orders.values() if order.unexited_qty > 0 and symbol in (None, order.symbol)]
    return sorted(found, key=lambda order: (order.symbol, order.ask.received_wall))


def sides(case: Case, symbols: set[str], beside: Callable[[str], bool] = lambda symbol: False) -> Sides:
    """What the broker shows: two trading requests, and one for quotes of these symbols, and what is held `beside`."""
    trouble: list[str] = []

    def asked(ask: Callable[[], _Seen]) -> _Seen | None:
        try:
            return ask()
        except (Trouble, RepegError) as error:
            trouble.append(str(error))
            return None

    positions = asked(lambda: case.fact(broker).urgent().positions())
    reports = asked(lambda: case.fact(broker).urgent().open_orders())
    symbols = symbols | {position.symbol for position in positions or () if beside(position.symbol)}
    quotes = asked(lambda: case.fact(broker).quotes(symbols)) if symbols else {}
    session = asked(lambda: case.fact(calendar).session_at(market_now(case)))
    return Sides(
        positions=None if positions is None else {position.symbol: position for position in positions},
        open_orders=None if reports is None else {report.broker_order_id: report for report in reports},
        quotes=quotes or {},
        session=session,
        trouble=trouble[0] if trouble else "",
    )


def documents(case: Case, symbol: str | None = None) -> tuple[list[dict[str, Any]], str]:
    """A document for each bracket that holds shares, then for what the account holds beside them.

    And why the broker's side is missing (or nothing).
    """
    orders = held(case, symbol)
    seen = sides(case, {order.symbol for order in orders}, lambda each: symbol in (None, each))
    found = [document(case, order, orders, seen) for order in orders]
    for position in sorted((seen.positions or {}).values(), key=lambda each: each.symbol):
        if symbol in (None, position.symbol):
            found += _beside(position, [order for order in orders if order.symbol == position.symbol], seen)
    return found, seen.trouble


def _beside(position: Position, brackets: list[Order], seen: Sides) -> list[dict[str, Any]]:
    """Shares that no bracket holds: nothing is recorded of them, and nothing protects them."""
    theirs = sum((order.unexited_qty * direction(order.trading_side) for order in brackets), Decimal(0))
    rest = position.qty - theirs
    if abs(rest) <= DUST or (brackets and rest * position.qty < 0):
        return []
    side: Side = "buy" if rest > 0 else "sell"
    quote = seen.quotes.get(position.symbol)
    about = {"symbol": position.symbol, "order_id": None, "signal_id": None, "side": side, "record": None}
    return [
        about
        | {"account": _account(position), "orders": None, "market": _market(quote), "verdict": BESIDE}
        | _worth(abs(rest), side, _cost_of_rest(position, brackets, rest), quote)
    ]


def _cost_of_rest(position: Position, brackets: list[Order], rest: Decimal) -> Decimal | None:
    """What a share beside those of the brackets cost: the broker's average counts theirs in."""
    cost = position.avg_entry_price * position.qty
    for order in brackets:
        if order.entry_price is None:
            return None
        cost -= order.entry_price * order.unexited_qty * direction(order.trading_side)
    return cost / rest if cost / rest > 0 else None


def _worth(qty: Decimal, side: Side, cost: Decimal | None, quote: Quote | None) -> dict[str, Any]:
    """What shares are worth at the mid, and what they gained so far, in dollars."""
    mark = quote.mark if quote else None
    value = None if mark is None else qty * mark * direction(side)
    gained = None if mark is None or cost is None else (mark - cost) * qty * direction(side)
    return {
        "qty": plain(qty),
        "entry_price": _cut(cost),
        "value": None if value is None else plain(value.quantize(_CENT)),
        "unrealised": None if gained is None else plain(gained.quantize(_CENT)),
    }


def _market(quote: Quote | None) -> dict[str, Any] | None:
    return {"bid": plain(quote.bid), "ask": plain(quote.ask)} if quote else None


def document(case: Case, order: Order, orders: list[Order], seen: Sides) -> dict[str, Any]:
    """One bracket's position, JSON-ready; `orders` are all brackets that hold shares."""
    position, quote = (seen.positions or {}).get(order.symbol), seen.quotes.get(order.symbol)
    return {
        "symbol": order.symbol,
        "order_id": order.order_id,
        "signal_id": order.signal_id,
        "side": order.side,
        "record": {
            "qty": plain(order.unexited_qty),
            "entry_price": _cut(order.entry_price),
            "stop_loss": _text(order.guard.stop_loss),
            "take_profit": _text(order.guard.take_profit),
            "risk": _cut(order.risk_per_share),
            "protected": order.guard.protected,
            "frozen": order.care.frozen or None,
        },
        "account": None if seen.positions is None else _account(position),
        "orders": None if seen.open_orders is None else [_oco(report) for report in _guards(order, seen)],
        "market": _market(quote),
        "verdict": _verdict(case, order, [each for each in orders if each.symbol == order.symbol], seen),
    } | _worth(order.unexited_qty, order.trading_side, order.entry_price, quote)


def _account(position: Position | None) -> dict[str, Any]:
    if position is None:
        return {"qty": "0", "qty_available": "0", "avg_entry_price": None}
    return {
        "qty": plain(position.qty),
        "qty_available": plain(position.qty_available),
        "avg_entry_price": plain(position.avg_entry_price),
    }


def _oco(report: OrderReport) -> dict[str, Any]:
    stop = next((leg.stop_price for leg in report.legs if leg.stop_price is not None), report.stop_price)
    return {
        "broker_order_id": report.broker_order_id,
        "qty": plain(report.qty - report.filled_qty),
        "stop": _text(stop),
        "target": _text(report.limit_price),
        "status": report.broker_status,
    }


def _guards(order: Order, seen: Sides) -> list[OrderReport]:
    ids = [oco.broker_order_id for oco in order.guard.protections if oco.broker_order_id and not oco.status.closed]
    listed = seen.open_orders or {}
    return [listed[each] for each in ids if each in listed]


def _verdict(case: Case, order: Order, brackets: list[Order], seen: Sides) -> str:
    opened_at = seen.session.opens_at if seen.session else None
    quote = seen.quotes.get(order.symbol)
    through = None
    if quote and opened_at and order.guard.stop_loss is not None and order.guard.take_profit is not None:
        levels = Levels(stop=order.guard.stop_loss, target=order.guard.take_profit)
        through = is_through(levels, order.trading_side, quote)
    listed = seen.open_orders is not None
    bare = order.needs_care or (listed and len(_guards(order, seen)) < _open(order))
    now = market_now(case) if seen.session else order.created_at
    facts = Facts(
        account=_side_of_account(brackets, seen),
        frozen=bool(order.care.frozen),
        guard=guard(bare, elapsed(order.care.bare_since, now, opened_at), opened_at is not None),
        market=market(through, elapsed(order.care.past_stop_since, now, opened_at), opened_at is not None),
        free=False,
    )
    return verdict(facts).state.value


def _open(order: Order) -> int:
    return len([oco for oco in order.guard.protections if not oco.status.closed])


def _side_of_account(brackets: list[Order], seen: Sides) -> Account:
    if seen.positions is None:
        return Account.UNSEEN
    position = seen.positions.get(brackets[0].symbol)
    shown = position.qty * direction(brackets[0].trading_side) if position else Decimal(0)
    fits = shown >= expected_of(brackets) - DUST and not looks_split(brackets, position)
    if fits:
        return Account.FITS
    # Told as covered, nobody would look at it: its OCO would sell shares that the account does not show.
    beyond = held_by_ocos(brackets, (seen.open_orders or {}).values()) > max(Decimal(0), shown) + DUST
    return Account.DISAGREES if beyond or brackets[0].care.frozen else Account.DOUBTED


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _cut(price: Decimal | None) -> str | None:
    return None if price is None else plain(price.quantize(_MILLIONTH))
