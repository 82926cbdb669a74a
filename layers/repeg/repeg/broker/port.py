"""The broker port: everything repeg may ask of a broker, and the three ways a submit can end.

A submit is *accepted* (the broker has the order), *denied* (the broker said no: nothing is live) or *ambiguous*
(nobody knows: the order may be live). Only a denied order may be forgotten; an ambiguous one is looked up.
Reads raise `BrokerUnavailable`; any call may raise `BudgetExhausted` before it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from repeg.domain.market.quotes import Quote, Snapshot
from repeg.domain.market.reports import (
    Account,
    Asset,
    ChildOrder,
    Fill,
    OrderReport,
    Position,
    ProtectiveOrder,
    TradingDay,
)
from repeg.domain.order.adjustments import CorporateAction
from repeg.domain.order.reservation import Reservation
from repeg.domain.reasons import Reason


@dataclass(frozen=True)
class Accepted:
    """The broker holds the order."""

    report: OrderReport


@dataclass(frozen=True)
class Denied:
    """The broker refused: nothing is live. `message` is the broker's own text, `because_of` the id of an order."""

    reason: Reason
    message: str
    because_of: str | None = None


@dataclass(frozen=True)
class Duplicate:
    """The client order id is taken: an earlier try landed. Look it up."""


@dataclass(frozen=True)
class Ambiguous:
    """Time-out, reset, 5xx or unreadable answer: the order may or may not be live."""

    detail: str


@dataclass(frozen=True)
class Throttled:
    """Certainly not sent: refused by the rate limit, or held up before. `wait_seconds` is market time."""

    wait_seconds: float
    why: str = "no trading request is free"


MOST_FILLS = 1000
"""So many fills one look at the journal reads at most: exits need the requests, too."""

InTime = Callable[[], bool]
"""Asked right before an order is sent: may it still be?"""


def always() -> bool:
    """For what is in time whenever it is sent."""
    return True


SubmitOutcome = Accepted | Denied | Duplicate | Ambiguous | Throttled


class CancelOutcome(StrEnum):
    """What a cancel request came to. None of these says that the order is terminal: read it by id."""

    REQUESTED = "requested"
    ALREADY_TERMINAL = "already_terminal"
    UNKNOWN_ORDER = "unknown_order"
    UNCLEAR = "unclear"
    """Time-out or 5xx: it may have been taken."""


class Broker(Protocol):
    """One account at one broker."""

    def urgent(self, reserved: Reservation | None = None) -> Broker:
        """The same broker, with the part of the request budget that is kept for exits and cancels.

        Its first request is drawn on `reserved`, if that is given.
        """

    def reserve(self, requests: int) -> Reservation:
        """Debit requests ahead, so that what is sent can be taken back."""

    def give_back(self, reserved: Reservation) -> None:
        """Take back the debit of requests that were reserved and not drawn. Never raises."""

    def now(self) -> datetime:
        """The broker's clock (one trading request)."""

    def calendar(self, start: date, end: date) -> tuple[TradingDay, ...]:
        """Trading days from start to end, both included, oldest first."""

    def account(self) -> Account:
        """The account as it stands."""

    def paid_in(self, after: date, until: date) -> Decimal:
        """Dollars paid into the account less those paid out, after a date and until another (one trading request)."""

    def asset(self, symbol: str) -> Asset | None:
        """The asset, or None if the broker does not know the symbol."""

    def assets(self) -> tuple[Asset, ...]:
        """All assets that are active, thousands of them, in one answer of some megabytes (one trading request)."""

    def position(self, symbol: str) -> Position | None:
        """The position, or None when flat. A single None proves nothing: see `repeg.domain.proof.evidence`."""

    def positions(self) -> tuple[Position, ...]:
        """All positions of the account in one listing (one trading request)."""

    def quote(self, symbol: str) -> Quote | None:
        """The latest NBBO (market data: costs no trading request), or None if there is none."""

    def snapshot(self, symbol: str, witnesses: Collection[str]) -> Snapshot:
        """Latest NBBO and last trade of a symbol, and the newest quote of `witnesses` other than it, in one call."""

    def snapshots(self, symbols: Collection[str], witnesses: Collection[str], today: date) -> dict[str, Snapshot]:
        """As `snapshot`, for many symbols (a call for 100), with the close of the last session before `today`.

        What the feed does not know, or tells in a way that cannot be read, is left out. Every other symbol of a call
        is a witness.
        """

    def quotes(self, symbols: Collection[str]) -> dict[str, Quote]:
        """The latest NBBO of each of these symbols that has one (market data, a call for 100 of them)."""

    def corporate_actions_of(self, symbols: Collection[str], since: date) -> tuple[CorporateAction, ...]:
        """Splits and stock dividends from `since` to the next session, oldest first (market data, a call for 100)."""

    def submit(self, child: ChildOrder, in_time: InTime = always) -> SubmitOutcome:
        """Send a child order once, never retried here. Raises `SentTooLate` when it is not in time any more."""

    def protect(self, oco: ProtectiveOrder, in_time: InTime = always) -> SubmitOutcome:
        """Send an OCO once, never retried here. Raises `SentTooLate` when it is not in time any more."""

    def order(self, broker_order_id: str) -> OrderReport | None:
        """An order by the broker's id, with its legs if it has any, or None if unknown."""

    def open_orders(self, every_buy: bool = False) -> tuple[OrderReport, ...]:
        """All open orders of the account with statuses and fills, legs under their parents (lags by some 200 ms).

        Those that cannot be read are left out; with `every_buy` one that may be a buy makes the list unreadable.
        """

    def order_by_client_id(self, client_order_id: str) -> OrderReport | None:
        """A child order by our id, or None if the broker does not know it."""

    def orders(self, symbol: str, after: datetime) -> tuple[OrderReport, ...]:
        """All child orders of a symbol submitted after `after`, any status (lags by some 200 ms)."""

    def groups(self, symbol: str, after: datetime) -> tuple[OrderReport, ...]:
        """As `orders`, with the legs of a group under its first and not beside it."""

    def newest_fills(self, since: datetime) -> tuple[Fill, ...]:
        """The fills of the account since then by its own journal, the newest first: 100 at least, 1000 at most.

        One trading request for each 100 of them.
        """

    def cancel(self, broker_order_id: str) -> CancelOutcome:
        """Ask for a cancel."""
