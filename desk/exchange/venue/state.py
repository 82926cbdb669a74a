"""What is the case in the exchange at one moment of market time, and the one way to change an order and tell of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from desk.exchange.market.account import Valuation
from desk.exchange.market.assets import listed_assets
from desk.exchange.market.corporate import CorporateAction
from desk.exchange.market.model import ZERO, Asset, Fill, MarketEvent, Order, OrderEvent
from desk.exchange.market.sessions import Phase, account_phase
from desk.exchange.market.settlement import Proceeds
from desk.exchange.rules.admission import Standing
from desk.exchange.rules.settings import Settings, nanoseconds
from desk.exchange.venue.blotter import Blotter
from desk.exchange.venue.book import Book
from desk.exchange.venue.history import History
from desk.exchange.venue.journal import Journal
from desk.exchange.venue.ledger import Ledger
from desk.exchange.venue.schedule import Schedule
from desk.exchange.wire.errors import not_found

Listener = Callable[[OrderEvent], None]
MarketListener = Callable[[MarketEvent], None]


class State:
    """Orders, books, the account and what is planned; `now` is market time in nanoseconds.

    `ids` makes order ids, `seed` drives chance (partial fills, faults): same inputs, same outcome.
    """

    def __init__(self, start: int, settings: Settings, ids: random.Random) -> None:
        self.now = start
        self.journal = Journal()
        self.listeners: list[Listener] = []
        self.market_listeners: list[MarketListener] = []
        self.reset_listeners: list[Callable[[], None]] = []
        self._ids = ids
        self.account_id = self.new_id()
        self.clear(settings)

    def clear(self, settings: Settings) -> None:
        """Empty again; the time, the journal, the listeners and the order ids go on."""
        self.settings = settings
        self.chance = random.Random(settings.seed)
        self.assets = listed_assets()
        self.ledger = Ledger()
        self.orders = Blotter()
        self.books: dict[str, Book] = {}
        self.schedule = Schedule()
        self.history = History()
        self.proceeds = Proceeds()
        self.announced: list[CorporateAction] = []
        # The equity at the closes of sessions.
        self.closes: dict[date, Decimal] = {}

    def configure(self, changes: dict[str, Any]) -> None:
        """Change settings; ControlError names a bad one. A new seed restarts chance."""
        self.settings = self.settings.updated(changes)
        if "seed" in changes:
            self.chance = random.Random(self.settings.seed)

    # --- the market

    @property
    def overnight(self) -> bool:
        """Whether the account trades in the overnight session."""
        return not self.ledger.account.disable_overnight_trading

    @property
    def phase(self) -> Phase:
        """Phase of the day, as far as the account trades in it."""
        return account_phase(self.now, self.overnight)

    def asset(self, symbol: str) -> Asset:
        """The asset, listed with default terms if it is new."""
        return self.assets.setdefault(symbol, Asset(symbol=symbol, name=symbol))

    def book(self, symbol: str) -> Book:
        return self.books.setdefault(symbol, Book(symbol))

    def mark(self, symbol: str) -> Decimal | None:
        """Price that positions are valued at: the last sale."""
        book = self.books.get(symbol)
        return book.last.price if book and book.last else None

    def tell_market(self, event: MarketEvent) -> None:
        """Publish what everybody can see."""
        self.history.note(event)
        for listener in self.market_listeners:
            listener(event)

    # --- the account

    def valuation(self, without: Order | None = None) -> Valuation:
        """The account now, as it would be without one of its open orders."""
        others = [o for o in self.orders.open() if without is None or o.id != without.id]
        return self.ledger.value(self.mark, others, self.unsettled)

    @property
    def unsettled(self) -> Decimal:
        """Proceeds of sales that the account may not buy with yet: none, unless it is a cash account.

        Alpaca's own accounts are margin accounts, and the smallest of them (multiplier 1) trade on unsettled funds:
        alpaca.markets/support/alpaca-cash-accounts.
        """
        if not self.ledger.account.cash_only:
            return ZERO
        return self.proceeds.unsettled(self.now, self.settings.settlement_days)

    @property
    def positions_known_at(self) -> int:
        """The instant up to which fills show in positions."""
        return self.now - nanoseconds(self.settings.position_lag_ms)

    def standing(self, symbol: str, without: Order | None = None) -> Standing:
        """What a new order in the symbol is judged by; `without` the order that it would replace."""
        book = self.books.get(symbol)
        others = [order for order in self.orders.open(symbol) if without is None or order.id != without.id]
        return Standing(
            now=self.now,
            asset=self.assets.get(symbol),
            account=self.ledger.account,
            valuation=lambda: self.valuation(without),
            position=self.ledger.sellable(symbol, self.positions_known_at),
            open_orders=tuple(others),
            client_id_taken=self.client_id_taken,
            quote=book.quote if book else None,
            last_price=self.mark(symbol),
            phase=self.phase,
            settings=self.settings,
        )

    # --- orders

    def find(self, order_id: str) -> Order:
        """The order as it is now; ApiError 404 if there is none."""
        if (order := self.orders.get(order_id)) is None:
            raise not_found(f"order not found for {order_id}")
        return order

    def members(self, order: Order) -> list[Order]:
        """The open orders of its group, itself included; not those that wait to replace one of them."""
        return [m for m in self.orders.group(order) if not m.status.final and not m.succeeding]

    def client_id_taken(self, client_order_id: str | None) -> bool:
        """Whether an order of this client id was ever accepted."""
        return client_order_id is not None and self.orders.by_client_id(client_order_id) is not None

    def new_id(self) -> str:
        """An id for an order."""
        return str(UUID(int=self._ids.getrandbits(128), version=4))

    def change(self, order: Order, event: str, fill: Fill | None = None, **changes: Any) -> Order:
        """The next version of an order, recorded under an event."""
        order = replace(order, updated_at=self.now, **changes)
        self.record(event, order, fill)
        return order

    def record(self, event: str, order: Order, fill: Fill | None = None) -> None:
        """Store a version of an order, write the event down and tell the listeners."""
        self.orders.put(order)
        self.journal.order(self.now, event, order)
        happened = OrderEvent(event, order, self.now, fill)
        if fill is not None:
            self.history.executions.append(happened)
        for listener in self.listeners:
            listener(happened)
