"""Run-time configuration, under the names that users know. The template owns the defaults."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from repeg.domain.models import Frozen

SYMBOL = re.compile(r"[A-Z][A-Z0-9.]{0,9}")

_LEVERAGED = "TQQQ SQQQ TECL SPXL UPRO UVXY LABU LABD SOXL FNGU FAS TNA TZA CURE DIRV"
_HIGH_VOLUME = "SPY QQQ TLT XLF XLK XLP XLY VOX VTV VOOG VOOV AGG BIL BSV IWM EFA VWO"


def _as_symbols(value: object) -> object:
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    if isinstance(value, list | tuple | set | frozenset):
        bad = [symbol for symbol in value if not isinstance(symbol, str) or not SYMBOL.fullmatch(symbol)]
        if bad:
            raise ValueError(f"{bad[0]!r} is not a symbol")
        return frozenset(value)
    return value


def _exact(value: object) -> object:
    """Numbers come from JSON or the command line; floats are taken by their shortest decimal form."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return str(value) if isinstance(value, int | float) else value


Symbols = Annotated[frozenset[str], BeforeValidator(_as_symbols)]
Number = Annotated[Decimal, BeforeValidator(_exact)]
ExecutionMode = Literal["AUTO", "BETTER_ORDERS", "STANDARD"]


class Settings(Frozen):
    """Everything a trader can tune without a deployment. Fractions are fractions, not percent."""

    USE_SMART_EXECUTOR: bool = Field(True, description="Brackets enter by limit; off: by market order.")
    SMART_EXECUTOR_MAX_SLIPPAGE_PCT: Number = Field(
        Decimal("0.001"),
        ge=0,
        le=Decimal("0.1"),
        description="Cap of a bracket entry, as a fraction of the signal price.",
    )
    SMART_EXECUTOR_LIMIT_BUFFER_REGULAR: Number = Field(
        Decimal("0.0005"), ge=0, le=Decimal("0.1"), description="Entry limit beyond the signal price, regular session."
    )
    SMART_EXECUTOR_LIMIT_BUFFER_EXTENDED: Number = Field(
        Decimal("0.0002"), ge=0, le=Decimal("0.1"), description="Entry limit beyond the signal price, extended hours."
    )
    SMART_EXECUTOR_FILL_TIMEOUT: Number = Field(
        Decimal(60), ge=1, le=3600, description="Seconds a bracket entry may rest."
    )
    SMART_EXECUTOR_MIN_RR_RATIO: Number = Field(
        Decimal("2.0"), ge=0, le=100, description="Lowest reward/risk of a bracket."
    )
    SMART_EXECUTOR_ENABLE_EXTENDED_HOURS: bool = Field(False, description="Allow entries outside the regular session.")
    enabled: bool = Field(True, description="Better Orders; off: every plain order takes the standard ladder.")
    execution_mode: ExecutionMode = Field("AUTO", description="AUTO routes by symbol class; the others force a ladder.")
    max_slippage_bps: Number = Field(
        Decimal(20),
        gt=0,
        le=1000,
        description="Base slippage cap in bps: leveraged ETFs take all of it, high-volume ETFs half, others 3/4.",
    )
    aggressive_timeout_seconds: Number = Field(
        Decimal("2.5"), ge=Decimal("0.5"), le=60, description="Patience of each marketable limit, in seconds."
    )
    max_repegs: int = Field(2, ge=0, le=10, description="Re-pegs after the first marketable limit.")
    cap_floor_ticks: int = Field(
        1,
        ge=0,
        le=100,
        description="A slippage cap is at least so many ticks (of a cent, from a dollar up) from the reference price; "
        "a signal's own cap stands as it is.",
    )
    max_quote_age_seconds: Number = Field(
        Decimal(10), gt=0, le=3600, description="A quote older than this many seconds is not traded on."
    )
    max_quiet_quote_age_seconds: Number = Field(
        Decimal(120),
        gt=0,
        le=3600,
        description="A quote that has not changed stands for so many seconds while a feed witness ticks.",
    )
    feed_witnesses: Symbols = Field(
        frozenset({"SPY", "QQQ"}),
        description="Symbols that always tick, read in the same call: a fresh quote of one shows that the feed lives.",
    )
    max_spread_bps: Number = Field(
        Decimal(200),
        gt=0,
        le=10_000,
        description="A spread wider than this, in bps of the mid, is no market: nothing but an exit trades on it.",
    )
    data_feed: Literal["sip", "iex", "delayed_sip"] = Field(
        "sip", description="Market data feed. iex is one venue and looks wide; it is used only when set."
    )
    leveraged_etfs: Symbols = Field(frozenset(_LEVERAGED.split()), description="Symbols routed as leveraged ETFs.")
    high_volume_etfs: Symbols = Field(
        frozenset(_HIGH_VOLUME.split()), description="Symbols routed as high-volume ETFs."
    )
