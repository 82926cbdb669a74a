"""What each sweep leaves for entries: the account as it sees it, and counters without what nobody gave back."""

from __future__ import annotations

from repeg.care.survey import Survey
from repeg.domain.book import book_of
from repeg.domain.counters import day_of
from repeg.domain.limits import counts_entries, looks_at_account
from repeg.domain.order.reservation import Priority
from repeg.worker.book import look_at_account


def take_stock(survey: Survey) -> None:
    """Keep the book, in a session; give back what entries that are over still count for. Never raises."""
    try:
        if counts_entries(survey.worker.settings()):
            _give_back(survey)
        _keep_book(survey)
    except Exception as error:  # an entry asks the broker itself, and what counts too much refuses
        survey.worker.log.info(f"the book was not kept: {error}")


def _keep_book(survey: Survey) -> None:
    """One look for all entries of the next minute."""
    worker = survey.worker
    if looks_at_account(worker.settings()):
        if _session_is_open(survey):
            worker.orders.keep_book(look_at_account(worker, worker.broker_for(Priority.ROUTINE), survey.now))
    # What was listed to watch over positions will do; by itself nobody lists them while nothing is held.
    elif survey.positions is not None and survey.listed_at:
        worker.orders.keep_book(book_of(survey.listed_at, survey.positions.values()))


def _session_is_open(survey: Survey) -> bool:
    worker = survey.worker
    # With nothing held the survey did not look.
    return worker.time.calendar(worker.broker_for(Priority.ROUTINE), survey.now).session_at(survey.now) is not None


def _give_back(survey: Survey) -> None:
    """What a worker that died, or was held up, left behind."""
    worker, day = survey.worker, day_of(survey.now)
    counters = worker.orders.counters(day)
    if not counters.entries:
        return
    orders, broken = worker.orders.several(list(counters.entries))
    for order_id in counters.entries.keys() - broken.keys():
        order = orders.get(order_id)
        if order and order.status.terminal:
            worker.orders.settle_entry(order, survey.now)
            worker.log.info("it counted as an entry at work, and is over", order_id=order_id)
