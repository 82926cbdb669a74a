"""After the open: wide spreads are waited out for two minutes at most, and caps are narrower for five."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from repeg.domain.ladder.pricing import ZERO, Cap, CapBound, cap_distance
from repeg.domain.market.quotes import Quote, SpreadClass
from repeg.domain.market.reports import TradingDay
from repeg.domain.models import Frozen
from repeg.domain.money import tick_size

# Bounded, since the spread of a thin symbol may stay wide all day, and its order is there to be traded.
PATIENCE_ENDS_AFTER_OPEN = timedelta(minutes=2)
PLAN_ENDS_AFTER_OPEN = timedelta(minutes=5)

_PATIENCE_MINUTES = {SpreadClass.TIGHT: 0, SpreadClass.NORMAL: 1, SpreadClass.WIDE: 2}
_PLANNED_CAP_BPS = {SpreadClass.TIGHT: Decimal(5), SpreadClass.NORMAL: Decimal(10), SpreadClass.WIDE: Decimal(15)}


class OpeningPlan(Frozen):
    """What the spread before the open says about the first minutes after it."""

    opens_at: datetime
    spread_class: SpreadClass
    patience_seconds: int
    cap_bps: Decimal
    cap_floor: Decimal = Decimal(0)
    """Half of the spread that was seen and a tick, in dollars: a cap that is closer trades nothing."""


def plan_opening(quote: Quote, opens_at: datetime) -> OpeningPlan:
    """Patience of 0/1/2 minutes and a cap of 5/10/15 bps for a tight/normal/wide pre-market spread."""
    spread = quote.spread_class
    return OpeningPlan(
        opens_at=opens_at,
        spread_class=spread,
        patience_seconds=_PATIENCE_MINUTES[spread] * 60,
        cap_bps=_PLANNED_CAP_BPS[spread],
        # From the mid to the touch is half of the spread: 5 bps of a $25 stock quoted three cents wide are less than
        # that, and the order would trade nothing though nothing had moved.
        cap_floor=quote.half_spread + tick_size(quote.ask),
    )


def waits_for_spread(quote: Quote, session: TradingDay, now: datetime, plan: OpeningPlan | None) -> bool:
    """True while a wide spread is worth waiting out: until the plan's patience or two minutes after the open."""
    if quote.spread_class is not SpreadClass.WIDE:
        return False
    patience = PATIENCE_ENDS_AFTER_OPEN
    # The plan of another day says nothing about this open.
    if plan and plan.opens_at == session.opens_at:
        patience = min(patience, timedelta(seconds=plan.patience_seconds))
    return now < session.opens_at + patience


def opening_cap(cap: Cap, reference: Decimal, session: TradingDay, now: datetime, plan: OpeningPlan | None) -> Cap:
    """The cap to use at `now`: in the first five minutes the closer of the plan's and the class's."""
    if plan is None or plan.opens_at != session.opens_at or now >= session.opens_at + PLAN_ENDS_AFTER_OPEN:
        return cap
    by_spread = plan.cap_floor > cap_distance(reference, plan.cap_bps, ZERO)
    bound = CapBound.OPENING_SPREAD if by_spread else CapBound.OPENING_PLAN
    planned = Cap(bps=plan.cap_bps, floor=plan.cap_floor, bound=bound)
    # The closer one: a plan may narrow the cap, and never widens what the settings allow.
    return planned if planned.distance(reference) < cap.distance(reference) else cap
