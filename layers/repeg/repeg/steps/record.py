"""RecordOutcome and PublishOutcome: the terminal record first, the news of it second, each safe to repeat."""

from __future__ import annotations

from repeg.domain.execution import concluded, is_exit
from repeg.domain.orders import Order
from repeg.domain.reasons import Status
from repeg.domain.routes import Next, Route
from repeg.domain.views import order_view
from repeg.errors import StoreConflict
from repeg.events import CAP_BREACHED, OUTCOME
from repeg.steps.worker import Worker


def record(worker: Worker, order: Order) -> Next:
    """Write the terminal record and let the symbol's next order in.

    Raises:
        StoreConflict: a child order is still open; such an order is not over.
    """
    if order.status.terminal:
        return Next(Route.PUBLISH_OUTCOME)
    if order.open_child:
        raise StoreConflict(f"{order.open_child.client_order_id} may still fill")
    ended = concluded(order, worker.now(order))
    summary = f"{ended.status}{f': {ended.reason}' if ended.reason else ''}, {ended.filled_qty} filled"
    worker.orders.finish(worker.note(ended, Route.RECORD_OUTCOME, summary))
    if ended.status is Status.FAILED or (is_exit(ended) and ended.status is not Status.FILLED):
        worker.alert(ended, f"{ended.kind} of {ended.symbol} did not complete: {summary}")
    if ended.cap_breached:
        worker.alert(ended, f"{ended.avg_fill_price} is beyond the cap of {ended.max_slippage_bps} bps")
    return Next(Route.PUBLISH_OUTCOME)


def publish(worker: Worker, order: Order) -> Next:
    """Publish the outcome (at least once), then mark it published."""
    if not order.status.terminal or order.published:
        return Next(Route.DONE)
    view = order_view(order)
    view.pop("events")
    worker.publisher.publish(OUTCOME, view)
    if order.cap_breached:
        worker.publisher.publish(CAP_BREACHED, view)
    worker.orders.save(order.changed(published=True))
    return Next(Route.DONE)
