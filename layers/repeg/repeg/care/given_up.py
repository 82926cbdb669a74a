"""The sweep looks for what was given up: a broker in trouble works off an order long after everybody went home."""

from __future__ import annotations

from repeg.care.survey import Survey
from repeg.domain.order.children import ChildRecord
from repeg.domain.order.given_up import Given, looked_for, to_look_for
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Priority
from repeg.domain.patience import LATE_LOOKS_A_SWEEP, ORDERS_WITHIN
from repeg.domain.proof.ours import child_intent, contradiction, oco_intent
from repeg.errors import RetryError, StaleExecution
from repeg.worker.send import answer_for


def look_for_given_up(survey: Survey) -> None:
    """Look up, for each order that is over, what is due of it: one trading request, at most two in an order's life.

    An order that is being worked, or looked after, is left to its execution.
    """
    worker = survey.worker
    ids = worker.orders.given_up()
    orders = worker.orders.several(ids)[0] if ids else {}
    due = [(order, given) for order in orders.values() if (given := to_look_for(order, survey.now))]
    for order, given in due[:LATE_LOOKS_A_SWEEP]:
        if survey.late(ORDERS_WITHIN):
            return
        try:
            if not survey.running(order):
                _look(survey, order, given)
        except (RetryError, StaleExecution) as error:
            worker.log.info(f"left to the next sweep: {error}", order_id=order.order_id)
        except Exception as error:
            alert = survey.due(order.order_id, "given up")
            worker.log.error(f"{given.client_order_id} cannot be looked for: {error}", alert=alert)


def _look(survey: Survey, order: Order, given: Given) -> None:
    worker = survey.worker
    report = worker.broker_for(Priority.ROUTINE).order_by_client_id(given.client_order_id)
    intent = child_intent(order, given) if isinstance(given, ChildRecord) else oco_intent(order, given)
    # On other terms it is somebody else's: to take it back would cancel an order that is not ours.
    if report is None or contradiction(intent, report):
        worker.orders.save(looked_for(order, given))
    else:
        answer_for(worker, order.order_id, given, report)
