"""The sweep's listing as the second witness of a fill: what it shows at work was not filled by then."""

from __future__ import annotations

from repeg.care.survey import Survey
from repeg.domain.order.beginnings import by_clock
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Priority
from repeg.worker.unfilled import settle


def without_made_up_fills(survey: Survey, order: Order) -> Order:
    """The bracket without fills of its entry that a listing, and a read by id, contradict; what rests is taken back.

    Costs no request unless an entry is listed as open that the record has for filled.
    """
    shown, worker = survey.open_orders or {}, survey.worker
    for child in order.children:
        listed = shown.get(child.broker_order_id or "")
        if listed is None or listed.filled_qty >= child.filled_qty or not order.status.terminal:
            continue
        # Beside own shares no broker refuses the stop of shares that were not bought: it would sell those.
        report = worker.broker_for(Priority.URGENT).order(listed.broker_order_id)
        if report and not report.status.terminal and not survey.running(order):
            settle(worker, order.order_id, child.client_order_id, report)
            order = by_clock(worker.orders.get(order.order_id) or order, worker.time.approximate().anchor)
    return order
