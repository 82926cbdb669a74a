"""The exchange's own record of everything that happened, in order: the independent truth for audits."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from desk.exchange.market.corporate import CorporateAction
from desk.exchange.market.model import Fill, Order, Quote
from desk.exchange.market.moments import utc_text
from desk.exchange.market.prices import plain

Entry = dict[str, Any]
Write = Callable[..., Entry]


class Journal:
    """Entries with ever rising `seq`; a reset empties the journal but never reuses a number.

    What happened is kept as it is handed in, none of which ever changes, and written out as an entry when it is read:
    written at once, entries would be half of the memory and a good part of the time that an order costs.
    """

    def __init__(self) -> None:
        self._notes: list[tuple[int, str, Write, tuple[Any, ...]]] = []
        self._last = 0
        self.readers: list[Callable[[Entry], None]] = []

    @property
    def last_seq(self) -> int:
        return self._last

    def after(self, seq: int) -> list[Entry]:
        """Entries with a number above `seq`."""
        # Numbers rise by one, so that a reader who polls pays for what is new, not for what was.
        first = self._last - len(self._notes) + 1
        start = max(first, seq + 1)
        return [_entry(number, *note) for number, note in enumerate(self._notes[start - first :], start)]

    def clear(self) -> None:
        self._notes = []

    def _add(self, at: int, kind: str, write: Write, *happened: Any) -> None:
        self._last += 1
        self._notes.append((at, kind, write, happened))
        for read in self.readers:
            read(_entry(self._last, at, kind, write, happened))

    def request(
        self, at: int, method: str, path: str, query: str, status: int, fault: str | None, message: str | None
    ) -> None:
        """A request of a client; status 0 if it was left without an answer; `message` if it was refused with one."""
        self._add(at, "request", _request, method, path, query, status, fault, message)

    def order(self, at: int, event: str, order: Order) -> None:
        """Something happened to an order, which is as it was after that."""
        self._add(at, "order", _order, event, order)

    def fill(self, at: int, order: Order, fill: Fill) -> None:
        """An execution, with the order as it was before."""
        self._add(at, "fill", _fill, order, fill)

    def elected(self, at: int, order: Order, quote: Quote) -> None:
        """The touch has reached a stop price."""
        self._add(at, "elected", _elected, order, quote)

    def resized(self, at: int, order: Order) -> None:
        """A stop leg that is for fewer shares now, as its take-profit has sold some."""
        self._add(at, "resized", _resized, order)

    def corporate_action(self, at: int, action: CorporateAction, position: Decimal) -> None:
        """The shares have become others; `position` is what the account has now."""
        self._add(at, "corporate_action", _corporate_action, action, position)

    def position(self, at: int, symbol: str, qty: Decimal) -> None:
        """Shares that were put in place, or taken away, without a trade: signed, as the account has them now."""
        self._add(at, "position", _position, symbol, qty)

    def quote(self, at: int, symbol: str, quote: Quote) -> None:
        self._add(at, "quote", _quote, symbol, quote)

    def listening(self, at: int, topic: str) -> None:
        """A websocket client that hears updates from now on."""
        self._add(at, "listening", _listening, topic)

    def problem(self, at: int, detail: str) -> None:
        """A script or tape that could not go on."""
        self._add(at, "problem", _problem, detail)

    def halt(self, at: int, symbol: str, halted: bool) -> None:
        self._add(at, "halt", _halt, symbol, halted)


def _entry(seq: int, at: int, kind: str, write: Write, happened: tuple[Any, ...]) -> Entry:
    return {"seq": seq, "at": utc_text(at), "type": kind, **write(*happened)}


def _listening(topic: str) -> Entry:
    return {"stream": topic}


def _problem(detail: str) -> Entry:
    return {"detail": detail}


def _halt(symbol: str, halted: bool) -> Entry:
    return {"symbol": symbol, "halted": halted}


def _request(method: str, path: str, query: str, status: int, fault: str | None, message: str | None) -> Entry:
    entry: Entry = {"method": method, "path": path, "query": query, "status": status}
    told = {name: value for name, value in (("fault", fault), ("message", message)) if value is not None}
    return entry | told


def _order(event: str, order: Order) -> Entry:
    return {
        "event": event,
        "order_id": order.id,
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "order_type": order.type.value,
        "time_in_force": order.time_in_force.value,
        "extended_hours": order.extended_hours,
        "qty": plain(order.qty),
        "notional": plain(order.notional),
        "filled_qty": plain(order.filled_qty),
        "limit_price": plain(order.limit_price),
        "stop_price": plain(order.stop_price),
        "trail_price": plain(order.trail_price),
        "trail_percent": plain(order.trail_percent),
        "collar": plain(order.collar),
        "order_class": order.order_class.value,
        "parent_order_id": _parent(order),
        "replaces": order.replaces,
    }


def _fill(order: Order, fill: Fill) -> Entry:
    return {
        "order_id": order.id,
        "client_order_id": order.client_order_id,
        "parent_order_id": _parent(order),
        "symbol": order.symbol,
        "side": order.side.value,
        "qty": plain(fill.qty),
        "price": plain(fill.price),
        "bid": plain(fill.bid),
        "ask": plain(fill.ask),
    }


def _elected(order: Order, quote: Quote) -> Entry:
    prices = {"stop_price": plain(order.stop_price), "bid": plain(quote.bid), "ask": plain(quote.ask)}
    return {**_named(order), "side": order.side.value, **prices}


def _resized(order: Order) -> Entry:
    return {**_named(order), "qty": plain(order.qty)}


def _corporate_action(action: CorporateAction, position: Decimal) -> Entry:
    rates = {"new_rate": plain(action.new_rate), "old_rate": plain(action.old_rate)}
    return {"action": action.type.value, "symbol": action.symbol, **rates, "position_qty": plain(position)}


def _position(symbol: str, qty: Decimal) -> Entry:
    return {"symbol": symbol, "position_qty": plain(qty)}


def _quote(symbol: str, quote: Quote) -> Entry:
    return {
        "symbol": symbol,
        "bid": plain(quote.bid),
        "ask": plain(quote.ask),
        "bid_size": plain(quote.bid_size),
        "ask_size": plain(quote.ask_size),
    }


def _parent(order: Order) -> str | None:
    return order.group if order.leg else None


def _named(order: Order) -> Entry:
    return {"order_id": order.id, "parent_order_id": _parent(order), "symbol": order.symbol}
