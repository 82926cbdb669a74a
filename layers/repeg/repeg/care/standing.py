"""How things stand after a sweep, told as metrics: what alarms watch, minute after minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from repeg.care.survey import Survey
from repeg.domain.metrics.figures import LOOKED_AT, Mark
from repeg.domain.metrics.measured import Standing, left_standing, line_of_sweep
from repeg.domain.order.record import Order
from repeg.domain.patience import COUNTS_FOR
from repeg.domain.proof.standing import troubles
from repeg.domain.rules.walking import cancel_is_stuck


def hangs(order: Order, now: datetime) -> bool:
    """True when an order waits for a cancel that has gone unconfirmed for 30 s."""
    child = order.open_child
    return child is not None and cancel_is_stuck(child, now)


def stands(survey: Survey, to_do: int, intake_paused: Callable[[], bool] | None) -> Standing:
    """What this sweep saw, and what the next one needs to tell the end of it. Never raises."""
    found = troubles(survey.found, survey.unjudged)
    standing = Standing(
        open_orders=to_do,
        bare=found.bare,
        past_stop=found.past_stop,
        drift=_drift(survey, found.disagree),
        # One that hangs does, whatever could not be looked at; that there is none takes all of them.
        stuck_cancels=survey.stuck_cancels or (None if survey.unread else 0),
        missed_runs=survey.missed_runs or (None if survey.runs_unseen else 0),
        intake_paused=_paused(survey, intake_paused),
    )
    survey.standing = left_standing(standing, survey.before.standing, survey.now)
    return standing


def tell(survey: Survey, standing: Standing) -> None:
    """Tell what this sweep saw. Never raises: a figure that cannot be had is left out, and the next minute has it."""
    survey.worker.meter.put(line_of_sweep(standing, _marks(survey), survey.before.standing))


def _drift(survey: Survey, disagree: int | None) -> int | None:
    """Positions that disagree, and what the last comparison of the book found beside them, while that is news."""
    try:
        last = survey.worker.orders.compared()
    except Exception as error:
        survey.worker.log.error(f"what the last comparison found cannot be read: {error}")
        return disagree or None
    recent = last.at is not None and survey.now - last.at <= COUNTS_FOR
    # Told here, too: else a sweep that finds nothing would end the alarm between two comparisons.
    return (disagree or 0) + last.differs if recent else disagree


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
