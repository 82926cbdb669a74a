"""Fills, and what they earned: profit and loss from the records of orders. Dollars, shares, market time.

What leaves a bracket is measured by that bracket's own entry: its record says which exits took its shares. All other
shares of a symbol are one line, first in, first out: a sale takes the oldest that were bought and not sold, whoever
bought them, and its gain belongs to the strategy that bought. What was in the account before, or came otherwise, has no
entry here: its sale is told as unmatched, and earns nothing. Fees are not in the records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from math import prod
from typing import NamedTuple

from repeg.domain.market.sessions import EASTERN
from repeg.domain.models import Side, direction, opposite
from repeg.domain.order.adjustments import CorporateAction
from repeg.domain.order.beginnings import is_cover
from repeg.domain.order.protection import Exit, ExitReason
from repeg.domain.order.record import ZERO, Order

_BY_OCO = (ExitReason.TARGET, ExitReason.STOP)


@dataclass(frozen=True)
class Fill:
    """Shares that an order of ours traded: a child order, or one leg of a bracket's OCO, at its average price."""

    at: datetime
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal | None
    """None: not known."""
    kind: str
    """That of its order; of an OCO, which leg: target or stop."""
    order_id: str
    signal_id: str
    strategy: str | None
    source: str
    """The id at the broker, ours where there is one."""
    covers: bool = False
    """It bought back shares that no order here sold short: plain sells open no short."""

    @property
    def cash(self) -> Decimal | None:
        """Dollars that came in by it, or went (-)."""
        return None if self.price is None else -self.qty * self.price * direction(self.side)


@dataclass(frozen=True)
class Trade:
    """Shares that came and went. `realised` is None where a price is not known."""

    symbol: str
    strategy: str | None
    side: Side
    """Of the entry: buy for long shares, sell for short ones."""
    qty: Decimal
    entry_price: Decimal | None
    exit_price: Decimal | None
    entered_at: datetime | None
    exited_at: datetime
    reason: str
    """How they left: target, stop, close, unwind, outside, order or rebalance_leg."""
    order_id: str
    """The order that entered."""
    presumed: Decimal | None = None
    """What each brought at the least, as far as one may presume, where `exit_price` is not known: the stop."""

    @property
    def realised(self) -> Decimal | None:
        """Dollars, + is a gain."""
        if self.entry_price is None or self.exit_price is None:
            return None
        return (self.exit_price - self.entry_price) * self.qty * direction(self.side)


@dataclass(frozen=True)
class Lot:
    """Shares that are held by an entry of ours. `side`: buy for long ones."""

    symbol: str
    strategy: str | None
    side: Side
    qty: Decimal
    price: Decimal | None
    at: datetime
    order_id: str
    bracket: bool

    def unrealised(self, mark: Decimal) -> Decimal | None:
        """Dollars gained so far, were the shares worth `mark` each."""
        return None if self.price is None else (mark - self.price) * self.qty * direction(self.side)


class Unmatched(NamedTuple):
    """Shares sold (or bought back) that no entry here brought."""

    symbol: str
    qty: Decimal
    at: datetime


@dataclass
class Books:
    """What all orders together come to."""

    trades: list[Trade] = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)
    unmatched: list[Unmatched] = field(default_factory=list)


def fills_of(order: Order) -> Iterator[Fill]:
    """What an order of ours traded, its own OCOs included; of very old child orders the sum."""
    if order.side is None:
        return

    def fill(at: datetime, side: Side, qty: Decimal, price: Decimal | None, kind: str, source: str) -> Fill:
        whose = (kind, order.order_id, order.signal_id, order.strategy)
        return Fill(at, order.symbol, side, qty, price or None, *whose, source, covers)

    gone, side = order.bygone, order.side
    covers = side == "buy" and (order.kind == "close" or is_cover(order))
    if gone.filled_qty > 0:
        price = None if gone.unpriced_qty else gone.value / gone.filled_qty
        yield fill(gone.last_filled_at or order.created_at, side, gone.filled_qty, price, order.kind, "older")
    for child in order.children:
        if child.filled_qty > 0:
            at = child.closed_at or child.sent_at
            yield fill(at, side, child.filled_qty, child.avg_fill_price, order.kind, child.client_order_id)
    for left in order.all_exits:
        # What a close or an unwind took is in the fills of that order.
        if left.reason in _BY_OCO:
            yield fill(left.at, opposite(side), left.qty, left.price, left.reason.value, left.source)


def books_of(orders: Iterable[Order], splits: Iterable[CorporateAction] = ()) -> Books:
    """Every entry with how it left, and what is held yet. Needs all orders: an older one may have bought.

    `splits`: those that are in force, of shares that no bracket holds; a bracket's record has its own.
    """
    books = Books()
    lines: defaultdict[str, list[Fill]] = defaultdict(list)
    taken: defaultdict[str, list[Exit]] = defaultdict(list)
    known = list(orders)
    for order in known:
        if order.kind == "bracket" and order.filled_qty > 0:
            _book_bracket(order, books)
            for left in order.all_exits:
                taken[left.source].append(left)
    for order in known:
        # An unwind sells what its bracket holds, and is booked there.
        if order.kind not in ("bracket", "unwind"):
            lines[order.symbol] += _beside_brackets(order, taken[order.order_id])
    by_symbol: defaultdict[str, list[CorporateAction]] = defaultdict(list)
    for split in sorted(splits, key=lambda split: split.ex_date):
        by_symbol[split.symbol].append(split)
    for symbol, line in lines.items():
        _book_line(sorted(line, key=lambda fill: fill.at), by_symbol[symbol], books)
    books.trades.sort(key=lambda trade: trade.exited_at)
    books.lots.sort(key=lambda lot: (lot.symbol, lot.at))
    return books


def _book_bracket(order: Order, books: Books) -> None:
    for left in order.all_exits:
        books.trades.append(
            Trade(
                symbol=order.symbol,
                strategy=order.strategy,
                side=order.trading_side,
                qty=left.shares,
                entry_price=order.entry_price_at(left.at),
                exit_price=left.price_each,
                entered_at=order.first_sent_at,
                exited_at=left.at,
                reason=left.reason.value,
                order_id=order.order_id,
                presumed=_stop_at(order, left.at),
            )
        )
    if order.unexited_qty > 0:
        books.lots.append(
            Lot(
                symbol=order.symbol,
                strategy=order.strategy,
                side=order.trading_side,
                qty=order.unexited_qty,
                price=order.entry_price,
                at=order.first_sent_at or order.created_at,
                order_id=order.order_id,
                bracket=True,
            )
        )


def _stop_at(order: Order, at: datetime) -> Decimal | None:
    """The stop for a share as it was at that time."""
    later = prod((adjusted.ratio for adjusted in order.care.adjustments if adjusted.at > at), start=Decimal(1))
    return None if order.guard.stop_loss is None else order.guard.stop_loss * later


def _beside_brackets(order: Order, by_brackets: Sequence[Exit]) -> list[Fill]:
    """The fills of an order without the shares that it took from brackets: those are booked with them."""
    fills = list(fills_of(order))
    rest = sum((fill.qty for fill in fills), ZERO) - sum((left.qty for left in by_brackets), ZERO)
    if not by_brackets:
        return fills
    if rest <= 0 or not fills:
        return []
    # The brackets' records have the average of all its fills. So what is left is no fill of its own either: it is the
    # dollars that the brackets did not get.
    return [replace(fills[-1], qty=rest, price=_price_of_rest(order, by_brackets, rest))]


def _price_of_rest(order: Order, by_brackets: Sequence[Exit], rest: Decimal) -> Decimal | None:
    average = order.avg_fill_price
    if average is None or any(left.price is None for left in by_brackets):
        return average
    theirs = sum((left.qty * (left.price or ZERO) for left in by_brackets), ZERO)
    return (order.filled_qty * average - theirs) / rest


def _book_line(line: list[Fill], splits: list[CorporateAction], books: Books) -> None:
    """First in, first out; what is held when a session begins with a split is other shares from then on."""
    lots: list[Lot] = []
    for fill in line:
        while splits and splits[0].ex_date <= fill.at.astimezone(EASTERN).date():
            lots = _split(lots, splits.pop(0))
        if fill.side == "buy" and not fill.covers:
            lots.append(
                Lot(
                    symbol=fill.symbol,
                    strategy=fill.strategy,
                    side="buy",
                    qty=fill.qty,
                    price=fill.price,
                    at=fill.at,
                    order_id=fill.order_id,
                    bracket=False,
                )
            )
            continue
        left = fill.qty if fill.side == "sell" else ZERO
        while left > 0 and lots:
            oldest = lots.pop(0)
            took = min(left, oldest.qty)
            left -= took
            books.trades.append(_sold(oldest, fill, took))
            if oldest.qty > took:
                lots.insert(0, replace(oldest, qty=oldest.qty - took))
        if fill.side == "buy" or left > 0:
            books.unmatched.append(Unmatched(fill.symbol, fill.qty if fill.side == "buy" else left, fill.at))
    for split in splits:
        lots = _split(lots, split)
    books.lots += lots


def _split(lots: list[Lot], split: CorporateAction) -> list[Lot]:
    return [
        replace(lot, qty=lot.qty * split.ratio, price=None if lot.price is None else lot.price / split.ratio)
        for lot in lots
    ]


def _sold(lot: Lot, fill: Fill, qty: Decimal) -> Trade:
    return Trade(
        symbol=lot.symbol,
        strategy=lot.strategy,
        side="buy",
        qty=qty,
        entry_price=lot.price,
        exit_price=fill.price,
        entered_at=lot.at,
        exited_at=fill.at,
        reason=fill.kind,
        order_id=lot.order_id,
    )


def still_held(lots: Iterable[Lot], account: Mapping[str, Decimal]) -> tuple[list[Lot], dict[str, Decimal]]:
    """The lots that the account bears out, and by symbol the shares of lots that it does not hold any more.

    What left by somebody else's hand left first in, first out, plain shares before those of brackets.
    """
    held: list[Lot] = []
    missing: dict[str, Decimal] = {}
    by_symbol: defaultdict[tuple[str, Side], list[Lot]] = defaultdict(list)
    for lot in lots:
        by_symbol[lot.symbol, lot.side].append(lot)
    for (symbol, side), mine in by_symbol.items():
        shown = max(ZERO, account.get(symbol, ZERO) * direction(side))
        gone = sum((lot.qty for lot in mine), ZERO) - shown
        if gone > 0:
            missing[symbol] = missing.get(symbol, ZERO) + gone
        for lot in sorted(mine, key=lambda lot: (lot.bracket, lot.at)):
            took = min(lot.qty, max(ZERO, gone))
            gone -= took
            if lot.qty > took:
                held.append(replace(lot, qty=lot.qty - took))
    return held, missing


def strategies_of(lots: Iterable[Lot], symbols: Container[str]) -> frozenset[str]:
    """Whose the lots of these symbols are."""
    return frozenset(lot.strategy.strip() for lot in lots if lot.strategy and lot.symbol in symbols)


def split_perhaps(books: Books) -> set[str]:
    """What is held, was sold and never bought, or was held over a night and sold out by the count of before a split."""
    overnight = {
        trade.symbol
        for trade in books.trades
        if trade.entered_at and trade.entered_at.astimezone(EASTERN).date() < trade.exited_at.astimezone(EASTERN).date()
    }
    return {lot.symbol for lot in books.lots} | {each.symbol for each in books.unmatched} | overnight


def began_on(books: Books) -> date | None:
    """The day in New York on which the first of these shares came, or left without it; None: there are none."""
    began = [trade.entered_at for trade in books.trades if trade.entered_at]
    began += [lot.at for lot in books.lots] + [each.at for each in books.unmatched]
    return min(began).astimezone(EASTERN).date() if began else None


# --- a day ---


class Lost(NamedTuple):
    """What strategies lost on a day."""

    dollars: dict[str, Decimal]
    """+ is a loss; who traded and held nothing lacks."""
    unknown: dict[str, str]
    """Of strategies of which nobody knows it: a symbol without a price."""


def losses_of(
    books: Books,
    day: date,
    marks: Mapping[str, Decimal],
    closes: Mapping[str, Decimal],
    splits: Iterable[CorporateAction] = (),
) -> Lost:
    """What each strategy lost on a day of New York: by what left, and by what is held yet.

    Against the entry, or against the last close (`closes`, by symbol) for what was entered on an earlier day and whose
    last close is known. `marks` are what shares are worth now. What left at a price that nobody knows counts as lost to
    its stop. `splits`: those that are in force.
    """
    lost: defaultdict[str, Decimal] = defaultdict(Decimal)
    unknown: dict[str, str] = {}
    todays: defaultdict[str, Decimal] = defaultdict(lambda: Decimal(1))
    for split in splits:
        if split.ex_date == day:
            todays[split.symbol] *= split.ratio

    def base_of(symbol: str, entered_at: datetime | None, entry: Decimal | None, price: Decimal) -> Decimal | None:
        close = closes.get(symbol)
        if not close or (entered_at is not None and entered_at.astimezone(EASTERN).date() >= day):
            return entry
        # On the day of a split it may be that of an old share: whichever is nearer is that of one as it is now.
        return min(close, close / todays[symbol], key=lambda each: max(each / price, price / each))

    def count(each: Trade | Lot, entered_at: datetime | None, entry: Decimal | None, price: Decimal | None) -> None:
        if not each.strategy:
            return
        base = None if not price else base_of(each.symbol, entered_at, entry, price)
        if base is None or price is None:
            unknown[each.strategy.strip()] = each.symbol
        else:
            lost[each.strategy.strip()] += (base - price) * each.qty * direction(each.side)

    for trade in books.trades:
        if trade.exited_at.astimezone(EASTERN).date() == day:
            price = trade.presumed if trade.exit_price is None else trade.exit_price
            count(trade, trade.entered_at, trade.entry_price, price)
    for lot in books.lots:
        count(lot, lot.at, lot.price, marks.get(lot.symbol))
    return Lost(dict(lost), unknown)
