"""What the exchange trades in: assets, quotes, orders, fills. Immutable; instants are nanoseconds, money is Decimal."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from uuid import NAMESPACE_DNS, uuid5

import msgspec

from desk.exchange.market.moments import SECOND
from desk.exchange.market.prices import buy_stop_limit

ZERO = Decimal(0)
SHARES = "us_equity"
SHARE_STEP = Decimal("0.000000001")


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for what adds shares, -1 for what takes them away."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"

    @property
    def stops(self) -> bool:
        """Whether it waits for a stop price before it trades."""
        return self in (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)


class TimeInForce(StrEnum):
    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    OPG = "opg"
    CLS = "cls"

    @property
    def rests(self) -> bool:
        """Whether the order may stay on the book."""
        return self in (TimeInForce.DAY, TimeInForce.GTC)

    @property
    def auction(self) -> bool:
        """Whether the order trades in an opening or closing auction only."""
        return self in (TimeInForce.OPG, TimeInForce.CLS)


class OrderClass(StrEnum):
    # An order without a class is told as an empty text: ccxt/ccxt#24172.
    SIMPLE = ""
    BRACKET = "bracket"
    OCO = "oco"
    OTO = "oto"


class Role(StrEnum):
    """What an order does in its group."""

    ENTRY = "entry"
    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"


class Intent(StrEnum):
    BUY_TO_OPEN = "buy_to_open"
    BUY_TO_CLOSE = "buy_to_close"
    SELL_TO_OPEN = "sell_to_open"
    SELL_TO_CLOSE = "sell_to_close"

    @property
    def opens(self) -> bool:
        return self in _OPENING


_OPENING = frozenset({Intent.BUY_TO_OPEN, Intent.SELL_TO_OPEN})


class Status(StrEnum):
    ACCEPTED = "accepted"
    PENDING_NEW = "pending_new"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    PENDING_CANCEL = "pending_cancel"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    PENDING_REPLACE = "pending_replace"
    REPLACED = "replaced"
    # Not in Alpaca's list of states for years, and sent all the same: alpacahq/alpaca-py#182,
    # Petersoj/alpaca-java#101.
    HELD = "held"

    @property
    def final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset({Status.FILLED, Status.CANCELED, Status.EXPIRED, Status.REJECTED, Status.REPLACED})


@dataclass(frozen=True, slots=True)
class Asset:
    """A listed share or fund. `asset_class` is only shown: whatever it says, the rules are those of shares."""

    symbol: str
    name: str = ""
    asset_class: str = SHARES
    exchange: str = "NASDAQ"
    status: str = "active"
    tradable: bool = True
    marginable: bool = True
    shortable: bool = True
    fractionable: bool = True
    easy_to_borrow: bool = True
    attributes: tuple[str, ...] = ("fractional_eh_enabled", "overnight_tradable")

    @property
    def id(self) -> str:
        return _asset_id(self.symbol)


@cache
def _asset_id(symbol: str) -> str:
    return str(uuid5(NAMESPACE_DNS, f"{symbol}.asset.exchange"))


@dataclass(frozen=True, slots=True)
class Quote:
    """The displayed touch. A price of zero means that the side is empty; sizes are shares."""

    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal
    at: int
    frozen: bool = False

    # Live quotes tick all the time: one that stood for minutes would look to a client like a dead feed.
    def stamp(self, now: int) -> int:
        """The time the quote carries: a quote that holds is re-stamped every full second, a frozen one never."""
        return self.at if self.frozen else self.at + max(0, now - self.at) // SECOND * SECOND

    def touch(self, side: Side) -> Decimal:
        """Price that an order of this side trades at: the ask for a buy."""
        return self.ask if side is Side.BUY else self.bid

    def size(self, side: Side) -> Decimal:
        """Shares displayed against an order of this side."""
        return self.ask_size if side is Side.BUY else self.bid_size

    @property
    def mid(self) -> Decimal | None:
        """Midpoint, or None unless both sides are there."""
        return (self.bid + self.ask) / 2 if self.bid > 0 and self.ask > 0 else None


@dataclass(frozen=True, slots=True)
class Trade:
    """The last sale of a symbol."""

    price: Decimal
    size: Decimal
    at: int


# An order is copied seven times in its life: as a dataclass that was a tenth of what it costs. It holds nothing that
# could hold it, so the garbage collector need not look at it.
class Order(msgspec.Struct, frozen=True, gc=False):
    """One version of an order; every change makes a new version.

    `live`: it has reached the market. `elected`: its stop price was reached. `covered`: the shares are kept by another
    order of its group, so that it keeps none. `hwm`: the best touch a trailing stop has seen. `collar`: the price that
    the broker lets a market order trade at at worst.
    """

    id: str
    client_order_id: str
    number: int
    symbol: str
    asset_id: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    qty: Decimal | None
    notional: Decimal | None
    limit_price: Decimal | None
    extended_hours: bool
    position_intent: Intent
    reserve_price: Decimal
    status: Status
    created_at: int
    expires_at: int
    updated_at: int
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    hwm: Decimal | None = None
    collar: Decimal | None = None
    order_class: OrderClass = OrderClass.SIMPLE
    role: Role | None = None
    group: str | None = None
    asset_class: str = SHARES
    replaces: str | None = None
    replaced_by: str | None = None
    live: bool = False
    stuck: bool = False
    elected: bool = False
    covered: bool = False
    filled_qty: Decimal = ZERO
    filled_value: Decimal = ZERO
    filled_at: int | None = None
    canceled_at: int | None = None
    expired_at: int | None = None
    failed_at: int | None = None
    replaced_at: int | None = None

    @property
    def avg_price(self) -> Decimal | None:
        """Average fill price rounded to nine decimals, None before the first fill."""
        return (self.filled_value / self.filled_qty).quantize(SHARE_STEP) if self.filled_qty else None

    @property
    def whole(self) -> bool:
        """Whether only whole shares may fill."""
        return self.qty is not None and self.qty % 1 == 0

    @property
    def leg(self) -> bool:
        """Whether another order of its group is its parent."""
        return self.role is Role.STOP_LOSS or (self.role is Role.TAKE_PROFIT and self.order_class is not OrderClass.OCO)

    @property
    def dormant(self) -> bool:
        """Whether it still waits for its stop price."""
        return self.type.stops and not self.elected

    @property
    def succeeding(self) -> bool:
        """Whether it still waits to take the place of the order it replaces."""
        return self.replaces is not None and self.status is Status.PENDING_NEW

    @property
    def working_limit(self) -> Decimal | None:
        """The price beyond which it never trades, None if there is none."""
        return working_limit_of(self.type, self.side, self.limit_price, self.stop_price)

    @property
    def at_market(self) -> bool:
        """Whether it trades at any price now."""
        return not self.dormant and self.working_limit is None

    def left_at(self, price: Decimal) -> Decimal:
        """Shares still to fill; for a notional order, what the money left buys at this price."""
        if self.qty is not None:
            return self.qty - self.filled_qty
        assert self.notional is not None
        # Cut off, not rounded, which could cost more than the money there is.
        return (self.notional - self.filled_value) // (price * SHARE_STEP) * SHARE_STEP

    @property
    def reserved(self) -> Decimal:
        """Buying power that the unfilled part ties up."""
        if self.status.final or not self.position_intent.opens:
            return ZERO
        if self.qty is None:
            assert self.notional is not None
            return max(ZERO, self.notional - self.filled_value)
        return (self.qty - self.filled_qty) * self.reserve_price

    @property
    def holding(self) -> Decimal:
        """Shares of the position that the unfilled part keeps from other orders."""
        if self.status.final or self.position_intent.opens or self.covered:
            return ZERO
        return self.left_at(self.reserve_price) if self.reserve_price > 0 else (self.qty or ZERO) - self.filled_qty


def working_limit_of(kind: OrderType, side: Side, limit: Decimal | None, stop: Decimal | None) -> Decimal | None:
    """The price beyond which such an order never trades, None if there is none."""
    if kind in (OrderType.LIMIT, OrderType.STOP_LIMIT):
        return limit
    return buy_stop_limit(stop) if kind is OrderType.STOP and side is Side.BUY and stop is not None else None


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution, with the touch it met."""

    order_id: str
    price: Decimal
    qty: Decimal
    bid: Decimal
    ask: Decimal
    position_qty: Decimal


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """Something that happened to an order; `fill` is set when it executed."""

    name: str
    order: Order
    at: int
    fill: Fill | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """Trades of a stretch of time that begins at `at`, in dollars and shares."""

    at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    count: int
    vwap: Decimal


@dataclass(frozen=True, slots=True)
class MarketEvent:
    """Something that everybody can see in a symbol: a quote, a trade, or a halt that begins (True) or ends."""

    symbol: str
    at: int
    quote: Quote | None = None
    trade: Trade | None = None
    halted: bool | None = None
