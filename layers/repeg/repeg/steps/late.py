"""Orders that the broker worked off after they were given up: found before another is sent in their place."""

from __future__ import annotations

from repeg.domain.market.reports import OrderReport
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.closing import found_with_more
from repeg.domain.order.course import arrived_after_all
from repeg.domain.order.record import Order
from repeg.domain.order.verdicts import WaitingFor
from repeg.domain.patience import LOOKED_FOR
from repeg.domain.proof.ours import child_intent, contradiction
from repeg.domain.routes import Next
from repeg.domain.rules.walking import is_exit
from repeg.worker.lookup import since
from repeg.worker.outcome import fold, proceed
from repeg.worker.worker import Worker


def worked_off_late(worker: Worker, order: Order) -> Next | None:
    """Where an exit goes that has a child order at the broker which was given up for never sent, or which did not fill.

    None: it has none.

    One request, and only while there is one that may show.

    Raises:
        RetryError: the list of orders could not be read.
    """
    if order.run.waits_for is WaitingFor.EXPLANATION:
        # The account shows more than what was sold should leave, and nothing explains it.
        from repeg.worker.unfilled import goes_on_unfilled

        following = goes_on_unfilled(worker, order)
        if following:
            return following
    given_up = [child for child in order.children if is_exit(order) and _may_show(worker, order, child)]
    if not given_up:
        return None
    first = min(child_intent(order, child).written_at for child in given_up)
    # One listing for all of them, as each look-up by id would be a trading request.
    reports = {report.client_order_id: report for report in since(worker, order.symbol, first)}
    for child in given_up:
        report = reports.get(child.client_order_id)
        # What only bears our id has sold nothing of ours: believed, it would leave shares behind.
        if report and not contradiction(child_intent(order, child), report):
            noted = worker.note(order, f"{child.client_order_id} arrived after it was given up")
            return proceed(worker, *arrived(worker, noted, child, report))
    return None


def arrived(worker: Worker, order: Order, child: ChildRecord, report: OrderReport) -> tuple[Order, ChildRecord]:
    """The order with a child order that shows after all as its newest one, not yet saved; and that child order."""
    again = child.changed(status=ChildStatus.INTENT, closed_at=None)
    order = fold(worker, _before_it(arrived_after_all(order, again), report), again, report)
    return order, order.children[-1]


def _before_it(order: Order, report: OrderReport) -> Order:
    """The order with what the account held before this sale, where it was only looked at after it."""
    before, seen, at = order.close.position_before, order.care.seen, report.filled_at
    if before is None or seen is None or at is None or at > seen.at:
        return order
    # Else shares that were sold would be missing from what was there, and others be taken for left over.
    return found_with_more(order, report.filled_qty)


def _may_show(worker: Worker, order: Order, child: ChildRecord) -> bool:
    if child.status is not ChildStatus.NEVER_SENT or not child.ambiguous:
        return False
    return child.closed_at is None or worker.now(order) - child.closed_at < LOOKED_FOR
