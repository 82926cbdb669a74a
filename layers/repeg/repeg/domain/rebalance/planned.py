"""What a plan says: its legs, and what they cannot reach. Records keep it; how it is made, they need not know."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from repeg.domain.models import Frozen, Side


class Leg(Frozen):
    """One order of the plan. `cost` is what it may cost at most, in dollars; None for a sell.

    Weights and `drift` (+ is too much held) are fractions of the investable equity; the target weight is the one that
    was asked for. A buy of the phase `sell` covers a short. `by_close`: it sells shares that a bracket protects.
    """

    symbol: str
    side: Side
    qty: Decimal
    cost: Decimal | None
    current_weight: Decimal
    target_weight: Decimal
    drift: Decimal
    mark: Decimal
    phase: Literal["sell", "buy"]
    by_close: bool = False


class Residual(Frozen):
    """What of a symbol stays off its target when every leg is filled, as a fraction of the equity, and why."""

    symbol: str
    drift: Decimal
    why: str


class Plan(Frozen):
    """Legs of both phases, the largest drift first, and what they cannot reach.

    `equity` is what the weights are of, `cash` the account's, `spendable` what the buys may cost: dollars.
    """

    equity: Decimal
    cash: Decimal
    spendable: Decimal
    sells: tuple[Leg, ...]
    buys: tuple[Leg, ...]
    residual: tuple[Residual, ...]

    @property
    def all_hold(self) -> bool:
        """True when everything is where it should be."""
        return not (self.sells or self.buys or self.residual)


def summary(planned: Plan) -> str:
    """What a plan comes to, in words."""
    left = f", {len(planned.residual)} left as they are" if planned.residual else ""
    if not (planned.sells or planned.buys):
        return f"nothing to trade{left}"
    first = f"{count_of(planned.sells)} to free cash, then " if planned.sells else ""
    return f"{first}{count_of(planned.buys)} to buy, of ${planned.equity:,.2f}{left}"


def count_of(legs: Sequence[Leg]) -> str:
    """How many legs, in words."""
    return "1 leg" if len(legs) == 1 else f"{len(legs) or 'no'} legs"
