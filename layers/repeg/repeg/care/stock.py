"""What each sweep leaves for entries: the account as it sees it, and counters without what nobody gave back."""

from __future__ import annotations

from datetime import timedelta

from repeg.care.survey import Survey
from repeg.domain.book import Book, book_of, held_by
from repeg.domain.counters import day_of
from repeg.domain.limits import counts_entries, limits_losses, looks_at_account
from repeg.domain.loss import ZERO, Losses
from repeg.domain.order.reservation import Priority
from repeg.worker.book import look_at_account

BOOK_AHEAD_OF_OPEN = timedelta(minutes=2)
"""So that at the open there is a book, which lasts a minute."""


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
    settings = worker.settings()
    if looks_at_account(settings):
        if _session_is_open(survey):
            kept = worker.orders.book()
            book = look_at_account(worker, worker.broker_for(Priority.ROUTINE), survey.now, kept)
            if settings.max_daily_loss:
                book = book.changed(paid_in=survey.paid_in())
            if limits_losses(settings):
                try:
                    _keep_losses(survey, book)
                except Exception as error:  # those strategies wait; what else the book is for does not
                    told = f"what strategies lost cannot be reckoned, their entries wait: {error}"
                    worker.log.error(told, alert=survey.due("sweep", "losses"))
            worker.orders.keep_book(book)
    elif survey.listed_at is None:
        # Nothing is held, so that nobody looked. One request a minute of those that nobody uses then spares each
        # bracket of the next minute one on its way to the market.
        if _session_is_open(survey):
            at = survey.now
            worker.orders.keep_book(book_of(at, worker.broker_for(Priority.ROUTINE).positions()))
    # What was listed to watch over positions will do.
    elif survey.positions is not None:
        worker.orders.keep_book(book_of(survey.listed_at, survey.positions.values()))


def _keep_losses(survey: Survey, book: Book) -> None:
    """What each strategy lost today, by the account as the book has it; not now, if not all records were read yet."""
    from repeg.care.ledger import ledger_of  # only a limit to a strategy's loss needs it
    from repeg.domain.profit import books_of, losses_of, still_held, strategies_of

    ledger = ledger_of(survey.worker.orders)
    orders = ledger.read(survey)
    if orders is None:
        return
    splits = ledger.splits(survey, books_of(orders))
    books = books_of(orders, splits)
    # What somebody sold by hand is not held any more, whatever the records say.
    all_lots = books.lots
    books.lots, missing = still_held(all_lots, {symbol: held.qty for symbol, held in book.positions.items()})
    # What was sold since the last look, a stop's shares perhaps, is in the records by the next one; until then what it
    # lost is neither in what is held nor in what was sold. Since the last reckoning, not the last book: an entry that
    # looked in between shows nothing that is gone.
    held = held_by(book)
    was = book.losses.held if book.losses else {}
    left = {symbol for symbol, qty in was.items() if held.get(symbol, ZERO) < qty}
    unknown = strategies_of(all_lots, missing.keys() & left)
    marks = {symbol: held.mark for symbol, held in book.positions.items() if held.mark is not None}
    lost, blind = losses_of(books, day_of(book.at), marks, book.closes, splits)
    if blind:
        told = f"what strategies lost today is not known, their entries wait: nobody knows a price of {blind}"
        survey.worker.log.error(told, alert=survey.due("sweep", "losses unknown"))
    every = unknown | blind.keys()
    survey.worker.orders.keep_losses(Losses(at=book.at, lost=lost, unknown=every, held=held))


def _session_is_open(survey: Survey) -> bool:
    """True in the session, and in the minutes before it: those who wait for the open are measured by it."""
    worker = survey.worker
    # With nothing held the survey did not look.
    calendar = worker.time.calendar(worker.broker_for(Priority.ROUTINE), survey.now)
    return any(calendar.session_at(survey.now + ahead) for ahead in (timedelta(0), BOOK_AHEAD_OF_OPEN))


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
