"""How things stand after a sweep, told as metrics: what alarms watch, minute after minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from repeg.care.survey import Survey
from repeg.domain.metrics.figures import LOOKED_AT, Mark
from repeg.domain.metrics.measured import Standing, left_standing, line_of_sweep
from repeg.domain.order.record import Order
from repeg.domain.proof.defence import State
from repeg.domain.rules.walking import cancel_is_stuck


def hangs(order: Order, now: datetime) -> bool:
    """True when an order waits for a cancel that has gone unconfirmed for 30 s."""
    child = order.open_child
    return child is not None and cancel_is_stuck(child, now)


def tell(survey: Survey, to_do: int, intake_paused: Callable[[], bool] | None) -> None:
    """Tell what this sweep saw. Never raises: a figure that cannot be had is left out, and the next minute has it."""
    # Of positions that were not looked at nothing is known, and a count without them would be too small.
    states = None if survey.unseen else survey.states
    standing = Standing(
        open_orders=to_do,
        bare=None if states is None else states[State.BARE],
        past_stop=None if states is None else states[State.PAST_STOP],
        drift=None if states is None else states[State.DISAGREES],
        stuck_cancels=None if survey.unseen else survey.stuck_cancels,
        missed_runs=survey.missed_runs,
        intake_paused=_paused(survey, intake_paused),
    )
    before = survey.before.standing
    survey.worker.meter.put(line_of_sweep(standing, _marks(survey), before))
    survey.standing = left_standing(standing, before, survey.now)


def _paused(survey: Survey, intake_paused: Callable[[], bool] | None) -> bool | None:
    try:
        return intake_paused() if intake_paused else None
    except Exception as error:
        survey.worker.log.error(f"whether intake is paused cannot be seen: {error}")
        return None


def _marks(survey: Survey) -> list[Mark]:
    try:
        return survey.worker.orders.marks(LOOKED_AT)
    except Exception as error:
        survey.worker.log.error(f"the figures cannot be read: {error}")
        return []
