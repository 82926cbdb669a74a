"""What a market order would have made of a bracket: bought at the touch, stop and target kept from the signal."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from repeg.domain.models import direction
from repeg.domain.order.bracket import Bracket, Levels


@dataclass(frozen=True)
class OldWay:
    """Prices in dollars a share, amounts in dollars."""

    price: Decimal
    levels: Levels
    risk_reward: Decimal | None
    to_win: Decimal
    to_lose: Decimal


def old_way(signal: dict[str, Any], touch: Decimal) -> OldWay:
    """The same signal, filled at `touch`."""
    bracket = Bracket(
        side=signal["side"],
        signal_price=Decimal(signal["signal_price"]),
        stop_loss=Decimal(signal["stop_loss"]),
        take_profit=Decimal(signal["take_profit"]),
        anchor="signal",
    )
    return entered_at(bracket, Decimal(signal["qty"]), touch)


def entered_at(bracket: Bracket, qty: Decimal, touch: Decimal) -> OldWay:
    """So many shares of a bracket, filled at `touch`; stop and target stay where the signal has them."""
    levels = bracket.changed(anchor="signal").levels_at(touch)
    shares = qty * direction(bracket.side)
    return OldWay(
        price=touch,
        levels=levels,
        risk_reward=levels.risk_reward(touch, bracket.side),
        to_win=(levels.target - touch) * shares,
        to_lose=(touch - levels.stop) * shares,
    )
