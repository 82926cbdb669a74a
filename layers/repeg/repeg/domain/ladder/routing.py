"""Which ladder and which cap a plain order takes, by the class of its symbol.

A bracket's are settings, an exit has no cap, and a signal's own come first: `classified` in `rules/timing.py`.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from repeg.domain.ladder.rungs import LadderName
from repeg.domain.settings import Settings


class SymbolClass(StrEnum):
    """Classes that trade alike."""

    LEVERAGED_ETF = "leveraged_etf"
    HIGH_VOLUME_ETF = "high_volume_etf"
    STOCK = "stock"


_CAP_SHARE = {
    SymbolClass.LEVERAGED_ETF: Decimal(1),
    SymbolClass.HIGH_VOLUME_ETF: Decimal("0.5"),
    SymbolClass.STOCK: Decimal("0.75"),
}


def classify(symbol: str, settings: Settings) -> SymbolClass:
    """The class of `symbol`; a symbol in both lists counts as leveraged."""
    if symbol in settings.leveraged_etfs:
        return SymbolClass.LEVERAGED_ETF
    if symbol in settings.high_volume_etfs:
        return SymbolClass.HIGH_VOLUME_ETF
    return SymbolClass.STOCK


def cap_bps(symbol_class: SymbolClass, settings: Settings) -> Decimal:
    """Slippage cap of a plain order in basis points of the reference price."""
    return settings.max_slippage_bps * _CAP_SHARE[symbol_class]


def route(symbol_class: SymbolClass, settings: Settings) -> LadderName:
    """The ladder of a plain order or a rebalance leg."""
    if not settings.enabled or settings.execution_mode == "STANDARD":
        return LadderName.STANDARD
    if settings.execution_mode == "BETTER_ORDERS" or symbol_class is not SymbolClass.STOCK:
        return LadderName.BETTER_ORDERS
    return LadderName.STANDARD
