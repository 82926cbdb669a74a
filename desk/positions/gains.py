"""What orders earned, as a document: realised from their fills, unrealised of what is held. Changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from desk.doctor.case import Case
from desk.doctor.market import broker, market_now
from repeg.domain.market.quotes import Quote
from repeg.domain.market.sessions import EASTERN
from repeg.domain.money import plain
from repeg.domain.order.adjustments import CorporateAction
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.views import json_value
from repeg.domain.profit import Books, Lot, Trade, began_on, books_of, split_perhaps, still_held

_CENT = Decimal("0.01")
Splits = tuple[CorporateAction, ...]
WAYS = ("symbol", "strategy", "day")


@dataclass(frozen=True)
class Worth:
    """What the account holds now, signed shares by symbol, and the quotes of it."""

    account: dict[str, Decimal]
    quotes: dict[str, Quote]


def booked(orders: Sequence[Order], splits_of: Callable[[Books], Splits]) -> Books:
    """The books of all orders, with the splits that are in force; `splits_of` is asked only where they matter."""
    books = books_of(orders)
    splits = splits_of(books) if split_perhaps(books) else ()
    return books_of(orders, splits) if splits else books


def worth_of(case: Case, books: Books) -> Worth:
    """What the books' shares are worth: a trading request, and market data.

    Raises:
        Trouble: keys or clock are not as they must be.
        RepegError: the broker could not be asked.
    """
    account = case.fact(broker)
    held = {position.symbol: position.qty for position in account.urgent().positions()}
    return Worth(held, account.quotes(_open_symbols(books)))


def splits_in_force(case: Case, books: Books) -> Splits:
    """The splits of the books' shares up to today: market data. Raises as `worth_of` does."""
    since = began_on(books)
    if since is None:
        return ()
    day = market_now(case).astimezone(EASTERN).date()
    found = case.fact(broker).corporate_actions_of(split_perhaps(books), since)
    return tuple(split for split in found if split.ex_date <= day)


def _open_symbols(books: Books) -> set[str]:
    return {lot.symbol for lot in books.lots} | {each.symbol for each in books.unmatched}


@dataclass
class _Row:
    trades: int = 0
    wins: int = 0
    realised: Decimal = ZERO
    unrealised: Decimal | None = None
    unpriced: Decimal = ZERO
    lots: list[Lot] = field(default_factory=list)


def gains(books: Books, by: str, since: datetime | None, worth: Worth | None) -> dict[str, Any]:
    """Profit and loss by symbol, strategy or day (in New York), JSON-ready. `worth` is None: nobody could be asked.

    `since` leaves out what was realised before; what is held is told as it is now.
    """
    trades = [trade for trade in books.trades if since is None or trade.exited_at >= since]
    held, gone = still_held(books.lots, worth.account) if worth else (books.lots, {})
    rows: defaultdict[str | None, _Row] = defaultdict(_Row)
    for trade in trades:
        _count(rows[_key(by, trade)], trade)
    total = _Row()
    for trade in trades:
        _count(total, trade)
    for lot in held if worth else ():
        for row in (total, rows[_key(by, lot)]) if by != "day" else (total,):
            _add_held(row, lot, worth.quotes.get(lot.symbol) if worth else None)
    return {
        "by": by,
        "since": json_value("since", since),
        **_figures(total),
        "rows": [{by: key} | _figures(rows[key]) for key in sorted(rows, key=lambda key: key or "")],
        "unmatched": _unmatched(books, since),
        "not_held": {symbol: plain(qty) for symbol, qty in sorted(gone.items())},
    }


def _key(by: str, of: Trade | Lot) -> str | None:
    if by == "day":
        at = of.exited_at if isinstance(of, Trade) else of.at
        return at.astimezone(EASTERN).date().isoformat()
    return of.symbol if by == "symbol" else of.strategy


def _count(row: _Row, trade: Trade) -> None:
    row.trades += 1
    if trade.realised is None:
        row.unpriced += trade.qty
    else:
        row.realised += trade.realised
        row.wins += trade.realised > 0


def _add_held(row: _Row, lot: Lot, quote: Quote | None) -> None:
    row.lots.append(lot)
    mark = quote.mark if quote else None
    gained = None if mark is None else lot.unrealised(mark)
    if gained is not None:
        row.unrealised = (row.unrealised or ZERO) + gained
    else:
        row.unpriced += lot.qty


def _figures(row: _Row) -> dict[str, Any]:
    return {
        "trades": row.trades,
        "wins": row.wins,
        "realised": plain(row.realised.quantize(_CENT)),
        "unrealised": None if row.unrealised is None else plain(row.unrealised.quantize(_CENT)),
        "held": plain(sum((lot.qty for lot in row.lots), ZERO)),
        # Alpaca books them on the day after, by the day and not by the order: no record has them.
        "fees": None,
        "unpriced_qty": plain(row.unpriced),
    }


def _unmatched(books: Books, since: datetime | None) -> dict[str, str]:
    """By symbol, shares that left and that no order here brought."""
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for each in books.unmatched:
        if since is None or each.at >= since:
            found[each.symbol] += each.qty
    return {symbol: plain(qty) for symbol, qty in sorted(found.items())}


def fill_rows(fills: Iterable[Any]) -> list[dict[str, Any]]:
    """Fills as JSON-ready data, in the order in which they come."""
    names = ("at", "symbol", "side", "qty", "price", "cash", "kind", "strategy", "signal_id", "order_id", "source")
    return [{name: json_value(name, getattr(fill, name)) for name in names} for fill in fills]
