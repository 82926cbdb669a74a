"""What the broker and the market report, in our words."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from repeg.domain.models import Frozen, Intent, OrderType, Side


class OrderStatus(StrEnum):
    """Where a child order stands, folded from the broker's statuses to what decisions need."""

    PENDING = "pending"
    """Accepted but not confirmed live (accepted, pending_new, held, ...)."""
    LIVE = "live"
    """Working at the exchange, perhaps partially filled."""
    PENDING_CANCEL = "pending_cancel"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    REPLACED = "replaced"

    @property
    def terminal(self) -> bool:
        """True when the order can never fill again."""
        return self in _TERMINAL


# Over is not unfilled: a canceled or expired order may have filled a part. Alpaca's `done_for_day` and `calculated`
# come to `pending`, as such orders are not over (docs.alpaca.markets/docs/orders-at-alpaca).
_TERMINAL = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED, OrderStatus.REPLACED}
)


class OrderReport(Frozen):
    """One child order as the broker reports it. Prices in dollars, quantities in shares."""

    broker_order_id: str
    client_order_id: str
    symbol: str
    side: Side
    status: OrderStatus
    broker_status: str
    qty: Decimal
    filled_qty: Decimal
    avg_fill_price: Decimal | None = None
    limit_price: Decimal | None = None
    submitted_at: datetime | None = None
    filled_at: datetime | None = None
    closed_at: datetime | None = None
    replaced_by: str | None = None
    stop_price: Decimal | None = None
    type: str | None = None
    replaces: str | None = None
    """The broker's id of the order whose place this one took."""
    notional: Decimal | None = None
    """Dollars to trade for, of somebody else's order by amount: its quantity is known once it is filled."""
    multiplier: Decimal = Decimal(1)
    """Dollars that one of it costs for each dollar of its price."""
    # A held leg has been missing from the list of open orders (alpaca-trade-api-python #322): legs are read under their
    # parent.
    legs: tuple[OrderReport, ...] = ()
    """Orders of the same group that the broker keeps under this one."""

    @property
    def unpriced(self) -> bool:
        """True when shares of it, or of a leg, were filled at a price that is not reported (yet)."""
        # Alpaca has reported null or 0 as the price of a filled order for an instant (alpacahq/Alpaca-API #65): levels
        # measured from nothing would have the shares sold.
        own = self.filled_qty > 0 and self.avg_fill_price is None
        return own or any(leg.unpriced for leg in self.legs)

    @property
    def falls_short(self) -> bool:
        """True when it is filled, the broker says, with fewer shares than it was for: figures of different moments."""
        # One that replaced another may count its fills anew, and its quantity for both.
        return self.status is OrderStatus.FILLED and self.filled_qty < self.qty and self.replaces is None


class Fill(Frozen):
    """Shares that traded, as the broker's journal of the account has it."""

    broker_order_id: str
    symbol: str
    at: datetime
    filled_qty: Decimal
    """Shares that its order had filled by then, these included."""


class ChildOrder(Frozen):
    """A child order to send: always a quantity, never a notional; day orders."""

    client_order_id: str
    symbol: str
    side: Side
    qty: Decimal
    type: OrderType
    limit_price: Decimal | None = None
    extended_hours: bool = False
    intent: Intent | None = None
    """What the order may do to the position: the broker refuses it when it would do anything else."""


class ProtectiveOrder(Frozen):
    """A one-cancels-other order to send: a target and a stop, good till cancelled, over whole shares."""

    client_order_id: str
    symbol: str
    side: Side
    qty: Decimal
    target: Decimal
    stop: Decimal


US_EQUITY = "us_equity"


class Position(Frozen):
    """A position: `qty` is negative for a short; `qty_available` is what no open order holds."""

    symbol: str
    qty: Decimal
    qty_available: Decimal
    avg_entry_price: Decimal
    asset_class: str = US_EQUITY
    """The broker's word for what it is."""
    market_value: Decimal | None = None
    """Dollars that the broker values it at, negative for a short; None: it does not say."""
    last_close: Decimal | None = None
    """Dollars of a share at the last close; None: it does not say."""


class Asset(Frozen):
    """What may be done with a symbol."""

    symbol: str
    tradable: bool
    fractionable: bool
    shortable: bool
    easy_to_borrow: bool
    asset_class: str = US_EQUITY
    """The broker's word for what it is; only shares of this class are traded here."""


class Account(Frozen):
    """The account, in dollars."""

    account_number: str
    equity: Decimal
    last_equity: Decimal | None = None
    """What it was worth at the last close; None: the broker does not say."""
    cash: Decimal
    buying_power: Decimal
    trading_blocked: bool
    settled_cash: Decimal | None
    """What an account without margin may spend: cash, without proceeds that are not its to spend yet and without what
    open orders tie up; negative if the cash is. None of an account with margin."""


class KeysAccount(Frozen):
    """Which account a key pair belongs to, as the broker said at a wall time; `keys` is a fingerprint of the pair."""

    keys: str
    account_number: str
    at: datetime


class KnownAssets(Frozen):
    """Assets as the broker told them on a market date."""

    on: date
    assets: tuple[Asset, ...] = ()


class TradingDay(Frozen):
    """One regular session and the extended hours around it, as aware datetimes."""

    date: date
    opens_at: datetime
    closes_at: datetime
    extended_opens_at: datetime
    extended_closes_at: datetime
