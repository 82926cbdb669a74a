"""What an entry may have bought since anybody wrote down how it stands: the broker is asked, bare shares are told."""

from __future__ import annotations

from datetime import datetime, timedelta

from repeg.care.bare import at_broker, tell_bare
from repeg.care.survey import Survey
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Priority
from repeg.domain.patience import LATE_LOOKS_A_SWEEP, ORDERS_WITHIN, UNMOVED
from repeg.domain.proof.defence import Guard, elapsed, guard
from repeg.domain.proof.ours import child_intent, contradiction


def stands_still(order: Order, wall: datetime, speed: float) -> bool:
    """True for a bracket's entry that may fill, and of which nobody has written for too long how it stands."""
    child = order.open_child
    if child is None or order.kind != "bracket":
        return False
    due = [each for each in (order.run.due_wall, child.saved_wall) if each]
    return not due or wall - max(due) >= UNMOVED / speed


def look_for_unseen(survey: Survey) -> None:
    """Ask about entries that stand still: no record has what they bought, so nobody else would miss its protection.

    Told only: the executions that the sweep starts see to it, if they live. Of entries that move nothing is asked.
    """
    worker, still = survey.worker, survey.still[:LATE_LOOKS_A_SWEEP]
    # Read again: who took them up a moment ago may have seen to them by now.
    orders = worker.orders.several(still)[0] if still else {}
    for place, order in enumerate(orders.values()):
        if place and survey.late(ORDERS_WITHIN):  # one each time, however late
            return
        try:
            if stands_still(order, worker.time.wall(), worker.time.speed):
                _look(survey, order)
        except Exception as error:  # the next sweep looks again
            worker.log.error(f"what it bought cannot be looked for: {error}", order_id=order.order_id)


def _look(survey: Survey, order: Order) -> None:
    child = order.open_child
    if child is None:
        return
    intent = child_intent(order, child)
    report = at_broker(survey, intent, child.broker_order_id)
    if report is None or (child.broker_order_id is None and contradiction(intent, report)):
        return
    seen = order.with_child(child.reported(report, survey.now))
    if seen.filled_qty <= order.filled_qty:
        return
    # Of a part the broker says no time; it is some seconds old at least, as nobody looked for so long.
    since = report.filled_at
    calendar = survey.worker.time.calendar(survey.worker.broker_for(Priority.ROUTINE), survey.now)
    session = calendar.session_at(survey.now)
    bare_for = elapsed(since, survey.now, session.opens_at if session else None) if since else timedelta.max
    if guard(True, bare_for, session is not None) is Guard.BARE_LONG:
        tell_bare(survey, seen.with_care(bare_since=since), "; nobody works on their entry")
