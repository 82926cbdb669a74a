"""ReleaseProtection: a close takes down what protects the shares it must sell, and waits until that is certain."""

from __future__ import annotations

from repeg.domain.order.course import went_on
from repeg.domain.order.record import Order
from repeg.domain.patience import CANCEL_BACKOFF_SECONDS, backoff
from repeg.domain.routes import Next, Route
from repeg.worker.take_down import take_down
from repeg.worker.worker import Worker


def release(worker: Worker, order: Order) -> Next:
    """One round over every bracket whose shares the close needs."""
    here = worker.on_behalf_of(order)
    for order_id in order.close.released:
        bracket = worker.orders.get(order_id)
        # Until a cancel is done the broker keeps the shares reserved: a sale would be refused for lack of them.
        if bracket and not take_down(here, bracket, bracket.guard.protections, once=True)[1]:
            return worker.wait(order, Route.WAIT_FOR_RELEASE, backoff(CANCEL_BACKOFF_SECONDS, order.run.waits))
    down = went_on(order).with_close(released_at=order.close.released_at or worker.now(order))
    worker.orders.save(worker.note(down, "protection is down"))
    return Next(Route.ASSESS_MARKET)
