"""Looking for what was sent, when nobody knows whether it arrived: by our id, then in the list of orders.

A read by id may know nothing of an order that the list shows; and what bears our id need not be ours.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from repeg.broker.port import Broker
from repeg.domain.market.reports import OrderReport, OrderStatus
from repeg.domain.order.reservation import Priority
from repeg.domain.proof.ours import Intent, contradiction, in_words
from repeg.domain.rules.endings import by_both, ends_short
from repeg.errors import OperatorError, RetryError
from repeg.worker.worker import Worker

# The intent is dated by our clock, the list is cut by the broker's: they may differ a little.
SUBMITTED_BEFORE = timedelta(seconds=5)


class Seen(NamedTuple):
    """What a look-up found: our order; or one that bears its id and is not ours; or nothing."""

    report: OrderReport | None = None
    stranger: OrderReport | None = None


def look_up(worker: Worker, intent: Intent, *, listed: bool, connect: Callable[[], Broker] | None = None) -> Seen:
    """Look for what was written down. With `listed`, the list of orders is asked when the id leads nowhere.

    `connect`: to a broker for the look by its id, where a request is reserved for that.

    Raises:
        RetryError: the broker could not be asked; nothing follows from that.
    """
    broker = connect() if connect else worker.broker_for(Priority.URGENT)
    report = broker.order_by_client_id(intent.client_order_id)
    if report and not contradiction(intent, report):
        return Seen(report)
    strangers = [report] if report else []
    # The list has shown orders that a read by id did not know: believed, such a 404 leaves shares that no record has.
    if listed or report:
        for each in since(worker, intent.symbol, intent.written_at):
            if each.client_order_id == intent.client_order_id:
                if not contradiction(intent, each):
                    return Seen(each)
                strangers.append(each)
    return Seen(stranger=strangers[0] if strangers else None)


def listed(worker: Worker, symbol: str, broker_order_id: str, written_at: datetime) -> OrderReport | None:
    """An order of ours as the list shows it, which the broker does not know by its own id any more; None: nowhere.

    Raises:
        RetryError: the list could not be read.
    """
    return next(
        (each for each in since(worker, symbol, written_at) if each.broker_order_id == broker_order_id),
        None,
    )


def successor_of(worker: Worker, symbol: str, broker_order_id: str, written_at: datetime) -> OrderReport | None:
    """The order that says it took the place of this one, by the list of orders; None: no such order is listed.

    Raises:
        RetryError: the list could not be read.
    """
    return next((each for each in since(worker, symbol, written_at) if each.replaces == broker_order_id), None)


def ended_by_both(worker: Worker, report: OrderReport) -> OrderReport:
    """What is reported, but for an order that ended short: then what a second answer has it come to.

    While there is none, it is not over.
    """
    if not ends_short(report):
        return report
    try:
        again = worker.broker_for(Priority.URGENT).order(report.broker_order_id)
        if again is None and report.submitted_at:
            again = listed(worker, report.symbol, report.broker_order_id, report.submitted_at)
    except (RetryError, OperatorError) as error:
        worker.log.info(f"{report.client_order_id} is said to be {report.broker_status}, once: {error}")
        again = None
    about_it = again and (again.symbol, again.side) == (report.symbol, report.side)
    return by_both(report, again) if again and about_it else report.changed(status=OrderStatus.PENDING)


def taken(intent: Intent, stranger: OrderReport) -> str:
    """The alert about an order that bears our id and is not ours."""
    why = contradiction(intent, stranger)
    return (
        f"{intent.client_order_id} is taken by an order that is not ours, {in_words(stranger)}: {why}; it is left alone"
    )


def since(worker: Worker, symbol: str, written_at: datetime) -> tuple[OrderReport, ...]:
    """All orders of a symbol that may have been sent from then on.

    Raises:
        RetryError: the list could not be read.
    """
    # Legs under their parents: beside them, the stop of an OCO would pass for an order of its own.
    return worker.broker_for(Priority.URGENT).groups(symbol, written_at - SUBMITTED_BEFORE)
