"""What the market before the open says about its first minutes, for all symbols that are watched."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from repeg.domain.ladder.opening import OpeningPlan, plan_opening
from repeg.domain.ladder.routing import SymbolClass, classify
from repeg.domain.market.quotes import Quote
from repeg.domain.models import Frozen
from repeg.domain.money import plain, quoted
from repeg.domain.settings import Settings

MOST_SYMBOLS = 500
"""All plans are one item of at most 400 KB: some 300 bytes a symbol leave room to spare."""


class Assessed(Frozen):
    """One symbol: its quote, and the plan that was made of it."""

    symbol_class: SymbolClass
    bid: Decimal
    ask: Decimal
    plan: OpeningPlan


class OpeningPlans(Frozen):
    """The plans of one open. `unknown` tells of which symbols no plan could be made, and why."""

    date: date
    made_at: datetime
    plans: dict[str, Assessed] = msgspec.field(default_factory=dict)
    unknown: dict[str, str] = msgspec.field(default_factory=dict)

    def plan_of(self, symbol: str, opens_at: datetime) -> OpeningPlan | None:
        """The plan for an open; that of another day says nothing about it."""
        known = self.plans.get(symbol)
        return known.plan if known and known.plan.opens_at == opens_at else None

    def view(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "date": self.date.isoformat(),
            "plans": [
                {
                    "symbol": symbol,
                    "symbol_class": each.symbol_class.value,
                    "bid": plain(each.bid),
                    "ask": plain(each.ask),
                    "spread": each.plan.spread_class.value,
                    "patience_seconds": each.plan.patience_seconds,
                    "cap_bps": plain(each.plan.cap_bps),
                }
                for symbol, each in sorted(self.plans.items())
            ],
            "unknown": dict(sorted(self.unknown.items())),
        }

    @property
    def line(self) -> str:
        """In a line."""
        words = [
            f"{symbol} {each.plan.spread_class} ({quoted(each.bid)}/{quoted(each.ask)})"
            for symbol, each in sorted(self.plans.items())
        ]
        words += [f"{symbol} {why}" for symbol, why in sorted(self.unknown.items())]
        return ", ".join(words) or "no symbol is watched"


def assessed(quote: Quote, opens_at: datetime, settings: Settings) -> Assessed:
    """What a quote says about an open."""
    return Assessed(
        symbol_class=classify(quote.symbol, settings),
        bid=quote.bid,
        ask=quote.ask,
        plan=plan_opening(quote, opens_at),
    )
