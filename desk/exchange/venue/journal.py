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


class Journal:
    """Entries with ever rising `seq`; a reset empties the journal but never reuses a number."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._last = 0
        self.readers: list[Callable[[Entry], None]] = []

    @property
    def last_seq(self) -> int:
        return self._last

    def after(self, seq: int) -> list[Entry]:
        """Entries with a number above `seq`."""
        # Numbers rise by one, so that a reader who polls pays for what is new, not for what was.
        first = self._entries[0]["seq"] if self._entries else 0
        return self._entries[max(0, seq + 1 - first) :]

    def clear(self) -> None:
        self._entries = []

    def _add(self, at: int, kind: str, fields: Entry) -> None:
        self._last += 1
        entry = {"seq": self._last, "at": utc_text(at), "type": kind, **fields}
        self._entries.append(entry)
        for read in self.readers:
            read(entry)

    def request(
        self, at: int, method: str, path: str, query: str, status: int, fault: str | None, message: str | None
    ) -> None:
        """A request of a client; status 0 if it was left without an answer; `message` if it was refused with one."""
        entry: Entry = {"method": method, "path": path, "query": query, "status": status}
        told = {name: value for name, value in (("fault", fault), ("message", message)) if value is not None}
        self._add(at, "request", entry | told)

    def order(self, at: int, event: str, order: Order) -> None:
        self._add(
            at,
            "order",
            {
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
            },
        )

    def fill(self, at: int, order: Order, fill: Fill) -> None:
        self._add(
            at,
            "fill",
            {
                "order_id": order.id,
                "client_order_id": order.client_order_id,
                "parent_order_id": _parent(order),
                "symbol": order.symbol,
                "side": order.side.value,
                "qty": plain(fill.qty),
                "price": plain(fill.price),
                "bid": plain(fill.bid),
                "ask": plain(fill.ask),
            },
        )

    def elected(self, at: int, order: Order, quote: Quote) -> None:
        """The touch has reached a stop price."""
        prices = {"stop_price": plain(order.stop_price), "bid": plain(quote.bid), "ask": plain(quote.ask)}
        self._add(at, "elected", {**_named(order), "side": order.side.value, **prices})

    def resized(self, at: int, order: Order) -> None:
        """A stop leg that is for fewer shares now, as its take-profit has sold some."""
        self._add(at, "resized", {**_named(order), "qty": plain(order.qty)})

    def corporate_action(self, at: int, action: CorporateAction, position: Decimal) -> None:
        """The shares have become others; `position` is what the account has now."""
        rates = {"new_rate": plain(action.new_rate), "old_rate": plain(action.old_rate)}
        fields = {"action": action.type.value, "symbol": action.symbol, **rates, "position_qty": plain(position)}
        self._add(at, "corporate_action", fields)

    def quote(self, at: int, symbol: str, quote: Quote) -> None:
        self._add(
            at,
            "quote",
            {
                "symbol": symbol,
                "bid": plain(quote.bid),
                "ask": plain(quote.ask),
                "bid_size": plain(quote.bid_size),
                "ask_size": plain(quote.ask_size),
            },
        )

    def listening(self, at: int, topic: str) -> None:
        """A websocket client that hears updates from now on."""
        self._add(at, "listening", {"stream": topic})

    def problem(self, at: int, detail: str) -> None:
        """A script or tape that could not go on."""
        self._add(at, "problem", {"detail": detail})

    def halt(self, at: int, symbol: str, halted: bool) -> None:
        self._add(at, "halt", {"symbol": symbol, "halted": halted})


def _parent(order: Order) -> str | None:
    return order.group if order.leg else None


def _named(order: Order) -> Entry:
    return {"order_id": order.id, "parent_order_id": _parent(order), "symbol": order.symbol}
