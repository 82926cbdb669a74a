"""Run-time configuration, under the names that users know.

A test holds the defaults here against the template's. These are in force for exits while none can be read.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

import msgspec

from repeg.domain.models import Frozen

SYMBOL = re.compile(r"[A-Z][A-Z0-9.]{0,9}")

_LEVERAGED = "TQQQ SQQQ TECL SPXL UPRO UVXY LABU LABD SOXL FNGU FAS TNA TZA CURE DIRV"
_HIGH_VOLUME = "SPY QQQ TLT XLF XLK XLP XLY VOX VTV VOOG VOOV AGG BIL BSV IWM EFA VWO"

_MOST = Decimal("1e12")

Symbols = frozenset[str]
StrategyLimits = dict[str, dict[str, Decimal]]
"""By strategy: what its orders are held to beside the account's limits, by the names in `LIMITS_OF_STRATEGIES`."""
LIMITS_OF_STRATEGIES = (
    "max_order_notional",
    "max_order_qty",
    "price_collar_bps",
    "max_signal_age_seconds",
    "max_daily_loss",
    "max_daily_notional",
    "max_daily_orders",
    "max_open_orders",
    "duplicate_window_seconds",
)
ExecutionMode = Literal["AUTO", "BETTER_ORDERS", "STANDARD"]


_OF_STRATEGIES = (
    'Limits of strategies beside the account\'s, as JSON: `{"pairs": {"max_daily_orders": 20}}`; names: '
    + ", ".join(f"`{name}`" for name in LIMITS_OF_STRATEGIES)
    + "."
)


class About(NamedTuple):
    """What a setting means, and the bounds within which it may be set (`repeg.settings_check` holds it to them)."""

    meaning: str
    gt: Decimal | int | None = None
    ge: Decimal | int | None = None
    le: Decimal | int | None = None


class Settings(Frozen, omit_defaults=False):
    """Everything a trader can tune without a deployment. Fractions are fractions, not percent."""

    USE_SMART_EXECUTOR: Annotated[bool, About("Brackets enter by limit; off: by market order.")] = True
    SMART_EXECUTOR_MAX_SLIPPAGE_PCT: Annotated[
        Decimal, About("Cap of a bracket entry, as a fraction of the signal price.", ge=0, le=Decimal("0.1"))
    ] = Decimal("0.001")
    SMART_EXECUTOR_LIMIT_BUFFER_REGULAR: Annotated[
        Decimal, About("Entry limit beyond the signal price, regular session.", ge=0, le=Decimal("0.1"))
    ] = Decimal("0.0005")
    SMART_EXECUTOR_LIMIT_BUFFER_EXTENDED: Annotated[
        Decimal, About("Entry limit beyond the signal price, extended hours.", ge=0, le=Decimal("0.1"))
    ] = Decimal("0.0002")
    SMART_EXECUTOR_FILL_TIMEOUT: Annotated[Decimal, About("Seconds a bracket entry may rest.", ge=1, le=3600)] = (
        Decimal(60)
    )
    SMART_EXECUTOR_MIN_RR_RATIO: Annotated[Decimal, About("Lowest reward/risk of a bracket.", ge=0, le=100)] = Decimal(
        "2.0"
    )
    SMART_EXECUTOR_ENABLE_EXTENDED_HOURS: Annotated[bool, About("Allow entries outside the regular session.")] = False
    enabled: Annotated[bool, About("Better Orders; off: every plain order takes the standard ladder.")] = True
    execution_mode: Annotated[ExecutionMode, About("AUTO routes by symbol class; the others force a ladder.")] = "AUTO"
    max_slippage_bps: Annotated[
        Decimal,
        About(
            "Base slippage cap in bps: leveraged ETFs take all of it, high-volume ETFs half, others 3/4.", gt=0, le=1000
        ),
    ] = Decimal(20)
    aggressive_timeout_seconds: Annotated[
        Decimal, About("Patience of each marketable limit, in seconds.", ge=Decimal("0.5"), le=60)
    ] = Decimal("2.5")
    max_repegs: Annotated[int, About("Re-pegs after the first marketable limit.", ge=0, le=10)] = 2
    cap_floor_ticks: Annotated[
        int,
        About(
            "A slippage cap is at least so many ticks (of a cent, from a dollar up) from the reference price; "
            "a signal's own cap stands as it is.",
            ge=0,
            le=100,
        ),
    ] = 1
    max_quote_age_seconds: Annotated[
        Decimal, About("A quote older than this many seconds is not traded on.", gt=0, le=3600)
    ] = Decimal(10)
    max_quiet_quote_age_seconds: Annotated[
        Decimal,
        About("A quote that has not changed stands for so many seconds while a feed witness ticks.", gt=0, le=3600),
    ] = Decimal(120)
    # Two, so that one vouches for the other when it is traded itself.
    feed_witnesses: Annotated[
        Symbols,
        About("Symbols that always tick, read in the same call: a fresh quote of one shows that the feed lives."),
    ] = frozenset({"SPY", "QQQ"})
    # Of a million recorded quotes the widest was 47 bps. Priced by 150.00/250.00, a stock at 195 was bought 2.5 % too
    # dear, well within the cap of a mid that was none.
    max_spread_bps: Annotated[
        Decimal,
        About(
            "A spread wider than this, in bps of the mid, is no market: nothing but an exit trades on it.",
            gt=0,
            le=10_000,
        ),
    ] = Decimal(200)
    # Never a fallback that nobody asked for: IEX has some 2.5 % of the volume, and its spread is not the one that one
    # trades on. An account without the feed gets a 403 from Alpaca, and an order ends with that reason.
    data_feed: Annotated[
        Literal["sip", "iex", "delayed_sip"],
        About("Market data feed. iex is one venue and looks wide; it is used only when set."),
    ] = "sip"
    rebalance_margin: Annotated[
        bool, About("Let rebalances buy on margin, up to the account's buying power; off: with its cash alone.")
    ] = False
    trip_protection_failures: Annotated[
        int,
        About(
            "Trading halts once so many orders ended without protection within trip_protection_minutes; 0: never.",
            ge=0,
            le=100,
        ),
    ] = 3
    trip_protection_minutes: Annotated[int, About("The minutes within which they count.", ge=1, le=60)] = 10
    trip_broker_errors: Annotated[
        int,
        About(
            "Trading halts once so many requests of orders in a row were not served by the broker; 0: never.",
            ge=0,
            le=1000,
        ),
    ] = 20
    trip_daily_loss: Annotated[
        Decimal,
        About("Trading halts once the account lost so many dollars since the last close; 0: never.", ge=0),
    ] = Decimal(0)
    trip_daily_loss_fraction: Annotated[
        Decimal,
        About("... or this fraction of its equity at the last close; 0: never.", ge=0, le=1),
    ] = Decimal(0)
    trip_drift: Annotated[
        int,
        About(
            "Trading halts once a comparison of the book finds so many more differences of money; 0: never.",
            ge=0,
            le=1000,
        ),
    ] = 0
    trip_mode: Annotated[
        Literal["halted", "reducing"],
        About("What a trip does: halted lets only exits be sent, reducing what reduces, too."),
    ] = "halted"
    max_order_notional: Annotated[
        Decimal,
        About(
            "Dollars that one entry may cost at most, at the worst price that it may pay; 0: no limit.", ge=0, le=_MOST
        ),
    ] = Decimal(0)
    max_order_qty: Annotated[Decimal, About("Shares of one entry; 0: no limit.", ge=0, le=_MOST)] = Decimal(0)
    max_position_fraction: Annotated[
        Decimal, About("A symbol's position after an entry, as a fraction of equity; 0: no limit.", ge=0, le=100)
    ] = Decimal(0)
    max_gross_fraction: Annotated[
        Decimal,
        About(
            "All positions, long and short, with entries on their way, as a fraction of equity; 0: no limit.",
            ge=0,
            le=100,
        ),
    ] = Decimal(0)
    max_daily_loss: Annotated[
        Decimal,
        About(
            "Dollars of equity lost since the last close, deposits aside, from which on no entry is sent; 0: no limit.",
            ge=0,
            le=_MOST,
        ),
    ] = Decimal(0)
    max_daily_notional: Annotated[
        Decimal, About("Dollars that the entries of a day may cost together; 0: no limit.", ge=0, le=_MOST)
    ] = Decimal(0)
    max_daily_orders: Annotated[int, About("Entries sent in a day; 0: no limit.", ge=0, le=1_000_000)] = 0
    max_open_orders: Annotated[int, About("Entries at work at once; 0: no limit.", ge=0, le=10_000)] = 0
    # Wide enough for a one-cent tick at a dollar; what is farther off is a typing error, or a market that is none.
    price_collar_bps: Annotated[
        Decimal,
        About(
            "By how much an order's price (not an exit's) may be worse than mid or last trade, in bps; 0: no limit.",
            ge=0,
            le=10_000,
        ),
    ] = Decimal(1000)
    max_signal_age_seconds: Annotated[
        Decimal,
        About(
            "An order whose signal (or the open that it waited for) is older than this is not begun; 0: no limit.",
            ge=0,
            le=86_400,
        ),
    ] = Decimal(0)
    duplicate_window_seconds: Annotated[
        Decimal,
        About(
            "No entry like one sent so many seconds before (strategy, symbol, side, size); 0: off.",
            ge=0,
            le=86_400,
        ),
    ] = Decimal(0)
    allowed_symbols: Annotated[Symbols, About("Entries are sent in these symbols only; none: in all.")] = frozenset()
    denied_symbols: Annotated[Symbols, About("No entry is sent in these symbols.")] = frozenset()
    strategy_limits: Annotated[
        StrategyLimits,
        About(_OF_STRATEGIES),
    ] = msgspec.field(default_factory=dict)
    leveraged_etfs: Annotated[Symbols, About("Symbols routed as leveraged ETFs.")] = frozenset(_LEVERAGED.split())
    high_volume_etfs: Annotated[Symbols, About("Symbols routed as high-volume ETFs.")] = frozenset(_HIGH_VOLUME.split())
