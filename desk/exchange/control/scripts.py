"""Scripted market events: at a market time, on an order event, or now; each with an optional delay."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from desk.exchange.control.quotes import PRICE_FIELDS, put_quote
from desk.exchange.market.model import OrderEvent, Side
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import ControlError
from desk.exchange.wire.fields import flag, instant, number, only, record, seconds, symbol, text

_ORDER_EVENTS = (
    *("accepted", "new", "partially_filled", "filled", "pending_cancel"),
    *("canceled", "pending_replace", "replaced", "rejected", "expired", "fill"),
)
_TRIGGERED_BY = ("symbol", "event", "side", "nth")


@dataclass(frozen=True, slots=True)
class Change:
    """What a script event does to a symbol: a quote (fields as given) or a halt."""

    symbol: str
    quote: dict[str, Any]
    halt: bool | None


@dataclass(slots=True)
class OrderTrigger:
    """Waits for the nth order event of a kind, then plans the change."""

    symbol: str
    event: str
    side: Side | None
    left: int
    after: int
    change: Change

    def matches(self, happened: OrderEvent) -> bool:
        named = self.event == happened.name or (self.event == "fill" and happened.fill is not None)
        order = happened.order
        return named and order.symbol == self.symbol and self.side in (None, order.side)


@dataclass(frozen=True, slots=True)
class _Planned:
    at: int | None
    on: OrderTrigger | None
    after: int
    change: Change


class Scripts:
    """Scripts posted to one engine. Order triggers act after the event that set them off is complete."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: list[OrderTrigger] = []
        engine.listeners.append(self._on_order)

    def clear(self) -> None:
        self._waiting = []

    def post(self, events: list[dict[str, Any]]) -> int:
        """Plan all events, or none if one is bad (ControlError). Returns how many."""
        # All are read before the first is planned: half a script would be a scene that nobody asked for.
        planned = [_read(event) for event in events]
        for item in planned:
            if item.on is not None:
                self._waiting.append(item.on)
            else:
                self._plan(item.change, (self._engine.now if item.at is None else item.at) + item.after)
        return len(planned)

    def _plan(self, change: Change, at: int) -> None:
        self._engine.schedule.add(at, partial(apply_change, self._engine, change))

    def _on_order(self, happened: OrderEvent) -> None:
        for trigger in [t for t in self._waiting if t.matches(happened)]:
            trigger.left -= 1
            if trigger.left == 0:
                self._waiting.remove(trigger)
                # Planned, not done: the order that set it off is in the middle of its own event.
                self._plan(trigger.change, happened.at + trigger.after)


def apply_change(engine: Engine, change: Change) -> None:
    """Carry out a scripted change now."""
    if change.halt is not None:
        engine.set_halt(change.symbol, change.halt)
    if change.quote:
        try:
            put_quote(engine, change.symbol, change.quote)
        # It was well-formed when it was posted, but the quote that it builds on has never come; nobody waits for an
        # answer.
        except ControlError as problem:
            engine.journal.problem(engine.now, f"script: {problem}")


def _read(event: dict[str, Any]) -> _Planned:
    only(event, ("at", "on", "after", "symbol", "halt", *PRICE_FIELDS))
    quote = {name: event[name] for name in PRICE_FIELDS if name in event}
    for name in quote.keys() - {"frozen"}:
        number(name, quote[name])
    halt = flag("halt", event["halt"]) if "halt" in event else None
    if not quote and halt is None:
        raise ControlError("script event: a quote or halt is needed")
    if "at" in event and "on" in event:
        raise ControlError("script event: only one of at and on")
    after = seconds("after", event.get("after", 0))
    on = record("on", event["on"]) if "on" in event else None
    change = Change(symbol(event.get("symbol", on.get("symbol") if on else None)), quote, halt)
    at = instant("at", event["at"]) if "at" in event else None
    return _Planned(at, _read_trigger(on, after, change) if on is not None else None, after, change)


def _read_trigger(on: dict[str, Any], after: int, change: Change) -> OrderTrigger:
    only(on, _TRIGGERED_BY)
    name = text("on.event", on.get("event"))
    if name not in _ORDER_EVENTS:
        raise ControlError(f"on.event: one of {', '.join(sorted(_ORDER_EVENTS))} is needed")
    side = on.get("side")
    if side not in (None, "buy", "sell"):
        raise ControlError("on.side: buy or sell is needed")
    nth = int(number("on.nth", on.get("nth", 1)))
    if nth < 1:
        raise ControlError("on.nth: counts from 1")
    return OrderTrigger(
        symbol=symbol(on.get("symbol", change.symbol)),
        event=name,
        side=Side(side) if side else None,
        left=nth,
        after=after,
        change=change,
    )
