"""Quotes as control requests and scripts give them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from typing import Any

from desk.exchange.market.model import Quote, Trade
from desk.exchange.market.moments import eastern, eastern_ns
from desk.exchange.market.sessions import last_closed
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import ControlError
from desk.exchange.wire.fields import flag, number, seconds

PRICE_FIELDS = ("bid", "ask", "bid_size", "ask_size", "frozen", "age", "last", "previous_close")
DEFAULT_SIZE = Decimal(1_000)


def put_quote(engine: Engine, symbol: str, given: Mapping[str, Any]) -> None:
    """Put the quote that a request describes.

    `last`: the last sale, which else is the midpoint. `previous_close`: of the last session before today.
    """
    # All of it is read before anything is put.
    quote, last = quote_from(engine, symbol, given), _price("last", given)
    if (close := _previous_close(engine, given)) is not None:
        engine.history.put_past(symbol, close)
    engine.put_quote(symbol, quote, last)


def quotes_json(engine: Engine) -> dict[str, dict[str, str]]:
    """The touch of every symbol that has one, by its name."""
    shown = {symbol: book.quote for symbol, book in sorted(engine.books.items()) if book.quote}
    fields = ("bid", "ask", "bid_size", "ask_size")
    return {symbol: {name: str(getattr(quote, name)) for name in fields} for symbol, quote in shown.items()}


def quote_from(engine: Engine, symbol: str, given: Mapping[str, Any]) -> Quote:
    """The quote a request describes, stamped now. What it leaves out stays as it was (sizes start at 1,000).

    `age`: it is stamped so many seconds ago, and grows older.
    """
    book = engine.books.get(symbol)
    before = book.quote if book else None
    known = {
        "bid": before.bid if before else None,
        "ask": before.ask if before else None,
        "bid_size": before.bid_size if before else DEFAULT_SIZE,
        "ask_size": before.ask_size if before else DEFAULT_SIZE,
    }
    values: dict[str, Decimal] = {}
    for name, fallback in known.items():
        value = number(name, given[name]) if given.get(name) is not None else fallback
        if value is None:
            raise ControlError(f"{name}: needed for the first quote of {symbol}")
        values[name] = value
    age = seconds("age", given["age"]) if given.get("age") is not None else None
    frozen = flag("frozen", given.get("frozen", age is not None))
    if age is not None and not frozen:
        raise ControlError("age: a quote with an age is frozen")
    return Quote(at=engine.now - (age or 0), frozen=frozen, **values)


def _previous_close(engine: Engine, given: Mapping[str, Any]) -> Trade | None:
    price = _price("previous_close", given)
    session = last_closed(eastern_ns(eastern(engine.now).date(), time(0)))
    if price is None:
        return None
    if session is None:
        raise ControlError("previous_close: there is no session before today in the calendar")
    return Trade(price, Decimal(1), session.close)


def _price(name: str, given: Mapping[str, Any]) -> Decimal | None:
    if given.get(name) is None:
        return None
    price = number(name, given[name])
    if price == 0:
        raise ControlError(f"{name}: must be above 0")
    return price
