"""What `repeg halt --flatten` closes: all that is held in the scope of a halt, by close signals as anybody may send.

A close is of a whole symbol. Of a strategy, whose shares cannot be told from others of the symbol at the broker, only
those symbols are closed that nobody else holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple

from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.market import broker, calendar, market_now
from desk.positions.beside import held
from desk.stack.signal_files import outgoing
from repeg.domain.halt import Halt, Scope
from repeg.domain.market.reports import US_EQUITY, Position
from repeg.domain.money import plain
from repeg.domain.order.record import Order
from repeg.domain.rules.life import may_be_taken_back
from repeg.domain.settings import SYMBOL
from repeg.domain.signals.outgoing import OutgoingSignal
from repeg.errors import RepegError

LISTINGS = 2
"""What one listing leaves out would be forgotten in an emergency; a close of what is not there ends by itself."""
_OTHER = re.compile("[^A-Z0-9]")


class Closing(NamedTuple):
    """A symbol that is closed. `held`: shares, negative if short; None: not known. `signal`: None if one is at work."""

    symbol: str
    held: Decimal | None
    signal_id: str
    signal: OutgoingSignal | None

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        shares = None if self.held is None else plain(self.held)
        return {"symbol": self.symbol, "held": shares, "signal_id": self.signal_id, "at_work": self.signal is None}


class Left(NamedTuple):
    """A symbol that stays as it is, and why."""

    symbol: str
    why: str


class Flattening(NamedTuple):
    """What is to be done. `waits_until`: the open that closes wait for; `trouble`: why not all is known, or nothing."""

    closings: list[Closing]
    left: list[Left]
    waits_until: datetime | None
    trouble: str

    def document(self, refused: dict[str, str], paused: bool | None) -> dict[str, Any]:
        """JSON-ready, with what the queue did not take and why, and whether intake is paused."""
        opens = self.waits_until
        return {
            "closes": [each.document() | {"refused": refused.get(each.signal_id)} for each in self.closings],
            "left": [each._asdict() for each in self.left],
            "waits_until": opens.isoformat().replace("+00:00", "Z") if opens else None,
            "intake_paused": paused,
        }


class _Book(NamedTuple):
    """Who holds what: the account by symbol (None: not known), our brackets, our orders that are not over."""

    account: dict[str, Position] | None
    brackets: list[Order]
    at_work: list[Order]


def flattening(case: Case, halt: Halt) -> Flattening:
    """What closes everything that a halt is about; nothing is sent. Three trading requests, four without a calendar."""
    account, trouble = _account(case)
    found, _ = case.orders.several(case.orders.to_do())
    book = _Book(account, held(case), [order for order in found.values() if not order.status.terminal])
    left = list(_left(book, halt))
    symbols = _symbols(book, halt) - {each.symbol for each in left}
    waits_until, unclear = _waits_until(case)
    closings = [_closing(case, book, halt, symbol) for symbol in sorted(symbols)]
    return Flattening(closings, left, waits_until, trouble or unclear)


def _account(case: Case) -> tuple[dict[str, Position] | None, str]:
    try:
        listings = [case.fact(broker).urgent().positions() for _ in range(LISTINGS)]
        return {position.symbol: position for listing in listings for position in listing}, ""
    except (Trouble, RepegError) as error:
        return None, f"what the account holds is not known: {error}"


def _waits_until(case: Case) -> tuple[datetime | None, str]:
    try:
        days, now = case.fact(calendar), market_now(case)
    except (Trouble, RepegError) as error:
        return None, f"whether the session is open is not known: {error}"
    upcoming = None if days.session_at(now) else days.next_session(now)
    return (upcoming.opens_at if upcoming else None), ""


def _symbols(book: _Book, halt: Halt) -> set[str]:
    """What is held, and what an entry of ours that is not over may buy yet: a close ends it."""
    if halt.scope is Scope.STRATEGY:
        return {bracket.symbol for bracket in _of(halt, book.brackets)}
    ours = {order.symbol for order in (*book.brackets, *book.at_work)}
    return {symbol for symbol in ours | (book.account or {}).keys() if halt.concerns(None, symbol)} | (
        {halt.of} if halt.scope is Scope.SYMBOL and book.account is None else set()
    )


def _left(book: _Book, halt: Halt) -> Iterable[Left]:
    if halt.scope is Scope.STRATEGY:
        yield from _shared(book, halt)
        return
    for symbol, position in (book.account or {}).items():
        if halt.concerns(None, symbol) and position.asset_class != US_EQUITY:
            yield Left(symbol, f"is {position.asset_class}, and only shares are traded here; close it at Alpaca")
        elif halt.concerns(None, symbol) and not SYMBOL.fullmatch(symbol):
            yield Left(symbol, "is no symbol that can be traded here; close it at Alpaca")


def _shared(book: _Book, halt: Halt) -> Iterable[Left]:
    """Symbols of a strategy that others hold as well: a close would sell theirs."""
    for symbol in sorted({bracket.symbol for bracket in _of(halt, book.brackets)}):
        here = [bracket for bracket in book.brackets if bracket.symbol == symbol]
        own = sum((bracket.unexited_qty for bracket in _of(halt, here)), Decimal(0))
        by_hand = f"close its {plain(own)} by hand, with: repeg close {symbol} {plain(own)}"
        if len(_of(halt, here)) < len(here):
            yield Left(symbol, f"brackets of other strategies hold it, too; {by_hand}")
        elif book.account is None:
            yield Left(symbol, f"whether others hold it is not known; {by_hand}")
        elif symbol in book.account and abs(book.account[symbol].qty) > own:
            yield Left(symbol, f"the account holds {plain(abs(book.account[symbol].qty))} of it; {by_hand}")


def _of(halt: Halt, orders: list[Order]) -> list[Order]:
    return [order for order in orders if halt.concerns(order.strategy, order.symbol)]


def _closing(case: Case, book: _Book, halt: Halt, symbol: str) -> Closing:
    shares = book.account[symbol].qty if book.account and symbol in book.account else None
    shares = Decimal(0) if shares is None and book.account is not None else shares
    under_way = next((order for order in book.at_work if order.symbol == symbol and _is_of_all(order)), None)
    signal_id = under_way.signal_id if under_way else None
    for number in count(1):
        if signal_id:
            break
        # By what it became, and not by chance: who types the command twice, or beside somebody else, sends one close.
        made = f"flatten-{_OTHER.sub('-', symbol)}-{number}"
        claim = case.orders.claim_of(made)
        order = case.orders.get(claim.order_id) if claim else None
        if claim is None:
            return Closing(symbol, shares, made, _signal(made, symbol, halt))
        signal_id = made if order and _is_of_all(order) else None
    return Closing(symbol, shares, signal_id or "", None)


def _is_of_all(order: Order) -> bool:
    """True for a close that will sell all there is. One that is over does not, nor one that something ends already."""
    closes = order.kind == "close" and order.ask.qty is None
    return closes and not order.status.terminal and may_be_taken_back(order)


def _signal(signal_id: str, symbol: str, halt: Halt) -> OutgoingSignal:
    body = {"signal_id": signal_id, "kind": "close", "symbol": symbol, "when_closed": "next_open"}
    if halt.scope is Scope.STRATEGY:
        body["strategy"] = halt.of
    else:
        # All of it is meant, whoever's orders hold the shares.
        body["foreign_orders"] = "cancel"
    return outgoing(json.dumps(body))
