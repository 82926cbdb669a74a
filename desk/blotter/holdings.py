"""What the account holds, what guards it, and what it is worth now: the broker's side, asked within bounds.

Trading requests are the account's 200 a minute, which orders need. Quotes have a limit of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from desk.blotter.feed import Row, Shown
from desk.doctor.broker import mode_of
from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.market import broker, calendar, market_now
from desk.positions.beside import Sides, document, held
from repeg.domain.market.quotes import Quote
from repeg.domain.market.reports import Account, OrderReport, Position
from repeg.domain.money import plain
from repeg.errors import RepegError

ASKED_EVERY_S = 15.0
"""Three trading requests each time: 12 of the 200 a minute."""
ASKED_SOONER_S = 5.0
"""After a fill."""
ASKED_WHEN_CLOSED_S = 60.0
RENEWED_EVERY_S = 900.0
"""Keys, hosts and clock are read again: two more requests."""
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Asked:
    """What the account showed when it was asked last."""

    account: Account
    positions: dict[str, Position]
    open_orders: dict[str, OrderReport]


class Holdings:
    """Tables `positions`, `quotes` and `account`. For one thread at a time, but for `hurry` and `watch`."""

    def __init__(self, reach: Callable[[], Case], seconds: Callable[[], float] = time.monotonic) -> None:
        self._reach = reach
        self._seconds = seconds
        self._case: Case | None = None
        self._reached_at = self._asked_at = float("-inf")
        self._asked: Asked | None = None
        self._hurried = False
        self._watched: frozenset[str] = frozenset()

    def hurry(self) -> None:
        """Something was bought or sold: ask the account as soon as that may be."""
        self._hurried = True

    def watch(self, symbols: frozenset[str]) -> None:
        """Quotes of these are wanted, too."""
        self._watched = symbols

    def look(self) -> Shown:
        """Raises Trouble or RepegError: the broker cannot be asked, or not as it should be."""
        try:
            return self._look(self._fresh_case())
        except (Trouble, RepegError):
            self._case = None
            raise

    def _look(self, case: Case) -> Shown:
        orders = held(case)
        session = case.fact(calendar).session_at(market_now(case))
        asked = self._ask(case, is_open=session is not None)
        symbols = {*self._watched, *asked.positions, *(order.symbol for order in orders)}
        quotes = case.fact(broker).quotes(symbols) if symbols else {}
        seen = Sides(asked.positions, asked.open_orders, quotes, session)
        brackets = [document(case, order, orders, seen) for order in orders]
        return {
            "positions": position_rows(asked.positions, brackets, quotes),
            "quotes": {symbol: _quote(quote) for symbol, quote in quotes.items()},
            "account": {"account": _account(asked.account, mode_of(case), session is not None)},
        }

    def _fresh_case(self) -> Case:
        now = self._seconds()
        if self._case is None or now - self._reached_at > RENEWED_EVERY_S:
            self._case, self._reached_at = self._reach(), now
        return self._case

    def _ask(self, case: Case, *, is_open: bool) -> Asked:
        age = self._seconds() - self._asked_at
        due = ASKED_SOONER_S if self._hurried else ASKED_EVERY_S if is_open else ASKED_WHEN_CLOSED_S
        if self._asked is None or age >= due:
            self._hurried = False
            port = case.fact(broker)
            self._asked = Asked(
                account=port.account(),
                positions={position.symbol: position for position in port.positions()},
                open_orders={report.broker_order_id: report for report in port.open_orders()},
            )
            self._asked_at = self._seconds()
        return self._asked


def position_rows(
    positions: Mapping[str, Position], brackets: list[Row], quotes: Mapping[str, Quote]
) -> dict[str, Row]:
    """A row for each symbol that the account or a bracket holds, with the brackets that hold it."""
    symbols = sorted({*positions, *(bracket["symbol"] for bracket in brackets)})
    return {
        symbol: _position(
            symbol,
            positions.get(symbol),
            [bracket for bracket in brackets if bracket["symbol"] == symbol],
            quotes.get(symbol),
        )
        for symbol in symbols
    }


def _position(symbol: str, position: Position | None, brackets: list[Row], quote: Quote | None) -> Row:
    qty = position.qty if position else Decimal(0)
    mark = quote.mark if quote else None
    entry = position.avg_entry_price if position else None
    pnl = (mark - entry) * qty if mark is not None and entry else None
    return {
        "symbol": symbol,
        "qty": plain(qty),
        "entry": None if entry is None else plain(entry),
        "mark": None if mark is None else plain(mark),
        "value": None if mark is None else _money(mark * qty),
        "pnl": None if pnl is None else _money(pnl),
        "pnl_percent": None if pnl is None or not entry or not qty else _money(pnl / abs(entry * qty) * 100),
        "guarded": plain(sum((Decimal(oco["qty"]) for each in brackets for oco in each["orders"] or ()), Decimal(0))),
        "brackets": [_bracket(each, mark) for each in brackets],
    }


def _bracket(each: Row, mark: Decimal | None) -> Row:
    record = each["record"]
    return {
        "order_id": each["order_id"],
        "signal_id": each["signal_id"],
        "side": each["side"],
        "qty": record["qty"],
        "entry": record["entry_price"],
        "stop": record["stop_loss"],
        "target": record["take_profit"],
        "verdict": each["verdict"],
        "frozen": record["frozen"],
        "r": _r(record, each["side"], mark),
    }


def _r(record: Row, side: str, mark: Decimal | None) -> str | None:
    """What is won or lost so far, in multiples of what was risked."""
    if mark is None or not record["entry_price"] or not record["risk"]:
        return None
    sign = 1 if side == "buy" else -1
    return _money((mark - Decimal(record["entry_price"])) * sign / Decimal(record["risk"]))


def _quote(quote: Quote) -> Row:
    # Without its time: a quote that only came once more would be news.
    return {"bid": plain(quote.bid), "ask": plain(quote.ask)}


def _account(account: Account, mode: str, is_open: bool) -> Row:
    return {
        "number": account.account_number,
        "mode": mode,
        "equity": _money(account.equity),
        "today": None if account.last_equity is None else _money(account.equity - account.last_equity),
        "cash": _money(account.cash),
        "buying_power": _money(account.buying_power),
        "blocked": account.trading_blocked,
        "open": is_open,
    }


def _money(value: Decimal) -> str:
    return plain(value.quantize(_CENT))
