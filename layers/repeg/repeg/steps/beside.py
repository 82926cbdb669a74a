"""What a close of a part leaves is guarded while it sells."""

from __future__ import annotations

from repeg.domain.order.record import Order
from repeg.worker.worker import Worker


def guard_rest(worker: Worker, order: Order) -> None:
    """Have what a close of a part leaves of its brackets protected, while its child order is at the market."""
    if not order.close.released or order.ask.qty is None:
        return
    # Read here: no other order that is looked at, or cancelled, pays for it with its cold start.
    from repeg.steps.protect import protect
    from repeg.worker.restore import guard_beside

    try:
        guard_beside(worker, order, protect)
    except Exception as error:  # its sale is no worse for it, and must not be taken back; the sweep tells what is bare
        about = {"order_id": order.order_id, "symbol": order.symbol}
        worker.log.error(f"what it leaves could not be guarded beside it: {error}", exc_info=True, **about)
