"""How the exchange behaves; changed through the control port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import Any

from desk.exchange.market.moments import MILLISECOND
from desk.exchange.wire.errors import ControlError
from desk.exchange.wire.fields import flag, number, only, text

# 403 with the code of a 422: QuantConnect/Lean.Brokerages.Alpaca#27, alpacahq/alpaca-trade-api-python#756.
SIP_DENIED = "subscription does not permit querying recent SIP data"
_LONGEST_SETTLEMENT = 10


@dataclass(frozen=True, slots=True)
class Settings:
    """Latencies are milliseconds of market time; `rate_limit` is trading requests per market minute,
    `data_rate_limit` those for market data.

    `position_lag_ms`: how far positions lag behind fills, for readers and for the rules of new orders.
    `market_collar_percent`: how far from the touch a market order may trade (0: as far as it takes).
    `settlement_days`: sessions until a cash account may buy with what it sold for.
    `min_order_cost`: the dollars that an order must be worth (0: none needed); `min_cost_of_sells`: of sells as well.
    `replace_carries_fills`: a replacing order starts with the fills of the replaced one (False: for the rest only).
    `subscription`: the market data plan, `sip` (all feeds) or `iex` (no recent consolidated data).
    `tell_pending_cancel`: trade updates tell of a cancel when it is asked for, too, not only when it is done.
    `key_id` and `secret_key` set: only that pair is accepted; None: any pair is.
    """

    # Executed some 10 ms after Alpaca has it, and so in its database 25 ms later: forum.alpaca.markets/t/18156.
    ack_ms: Decimal = Decimal(20)
    fill_ms: Decimal = Decimal(50)
    cancel_ms: Decimal = Decimal(50)
    replace_ms: Decimal = Decimal(50)
    # 150 to 250 ms at Alpaca (t/18156); up to 10 s in bad moments: alpacahq/Alpaca-API#276.
    list_lag_ms: Decimal = Decimal(0)
    position_lag_ms: Decimal = Decimal(0)
    # One in ten: docs.alpaca.markets/docs/paper-trading.
    partial_fill_probability: Decimal = Decimal(0)
    # 200 a minute for each account, unless it pays for more: forum.alpaca.markets/t/12029. Of data: 10,000 on the paid
    # plan, 200 on the basic one.
    rate_limit: int = 200
    data_rate_limit: int = 10_000
    # 5 % in one copy of the support pages, 2 % in another (why-do-i-see-a-discrepancy-between-the-notional-value-...).
    market_collar_percent: Decimal = Decimal(5)
    # `qty` counts what was filled before, which was taken for a defect: alpacahq/Alpaca-API#165,
    # forum.alpaca.markets/t/4329. Whether the new order shows those fills as its own is not written anywhere.
    replace_carries_fills: bool = True
    settlement_days: int = 1
    min_order_cost: Decimal = Decimal(1)
    min_cost_of_sells: bool = True
    subscription: str = "sip"
    tell_pending_cancel: bool = False
    seed: int = 1
    key_id: str | None = None
    secret_key: str | None = None

    def updated(self, changes: Mapping[str, Any]) -> Settings:
        """Settings with these changes; ControlError names a bad one."""
        only(changes, (f.name for f in fields(self)))
        return replace(self, **{name: _read(name, value) for name, value in changes.items()})

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; the secret is not shown."""
        shown = {k: str(v) if isinstance(v, Decimal) else v for k, v in asdict(self).items()}
        return {**shown, "secret_key": None if self.secret_key is None else "***"}


def nanoseconds(milliseconds: Decimal) -> int:
    """A latency in nanoseconds."""
    return int(milliseconds * MILLISECOND)


def entitled(subscription: str, feed: str) -> bool:
    """Whether a market data plan covers a feed: the full one covers all, `iex` all but the consolidated tape."""
    return subscription == "sip" or feed != "sip"


def _read(name: str, value: Any) -> Any:
    if name in ("key_id", "secret_key"):
        return None if value is None else text(name, value)
    if name == "subscription":
        if value not in ("sip", "iex"):
            raise ControlError("subscription: sip or iex is needed")
        return value
    if name in ("replace_carries_fills", "min_cost_of_sells", "tell_pending_cancel"):
        return flag(name, value)
    read = number(name, value)
    if name == "settlement_days" and read > _LONGEST_SETTLEMENT:
        raise ControlError(f"{name}: at most {_LONGEST_SETTLEMENT}")
    if name in ("rate_limit", "data_rate_limit", "seed", "settlement_days"):
        if read % 1:
            raise ControlError(f"{name}: a whole number is needed")
        return int(read)
    if name == "partial_fill_probability" and read > 1:
        raise ControlError(f"{name}: out of range: {value}")
    return read
