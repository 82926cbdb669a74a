"""What is mended, each by what does the same elsewhere: under the record's fence and turn, and never by a send of ours.

Twice at once is once: every write is on the condition that nobody wrote meanwhile, and who loses leaves it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from repeg.care.survey import Survey, list_account
from repeg.care.sweep import revive_one
from repeg.care.watch import free_turn, look_after
from repeg.domain.counters import day_of
from repeg.domain.order.beginnings import by_clock
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import emptied
from repeg.domain.patience import COMPARED_WITHIN
from repeg.domain.reconcile.book import Book
from repeg.domain.reconcile.findings import Finding, Heal, What
from repeg.domain.reconcile.work import LIMITS
from repeg.domain.rules.walking import sees_to_protection
from repeg.errors import RetryError, StaleExecution
from repeg.reconcile.counters import Counters
from repeg.worker.oco import read_over
from repeg.worker.take_down import take_down
from repeg.worker.unfilled import settle


def heal(survey: Survey, book: Book, counters: Counters, findings: Sequence[Finding]) -> int:
    """Mend what can be mended; returns of how many findings that was tried and did not fail."""
    mended, held, failed = 0, dict[str, list[Order]](), set[str]()
    to_look_at = [finding for finding in findings if finding.heal is Heal.LOOK]
    # Exits first: whoever looks at the account before they are booked finds shares that are missing.
    for finding in sorted(to_look_at, key=lambda finding: finding.what is not What.UNRECORDED_EXIT):
        if survey.late(COMPARED_WITHIN):
            break
        if not _went(survey, finding, partial(_prepare, survey, finding, held)):
            failed.add(finding.key)
    _list_again(survey, held)
    for finding in findings:
        if finding.heal is Heal.NONE or finding.key in failed:
            continue
        if survey.late(COMPARED_WITHIN):
            survey.worker.log.error("not all that differs was mended; the next comparison goes on")
            break
        if finding.heal is Heal.LOOK:
            mended += _tried(survey, finding, partial(_look, survey, held.pop(finding.symbol, [])))
        else:
            mended += _tried(survey, finding, partial(_mend, survey, book, counters, finding))
    return mended


def _prepare(survey: Survey, finding: Finding, held: dict[str, list[Order]]) -> None:
    """Book what an OCO took that is over, and put the symbol's brackets, as they are after that, into `held`."""
    if finding.what is What.UNRECORDED_EXIT:
        _read_again(survey, finding)
    anchor, brackets = survey.worker.time.approximate().anchor, survey.worker.orders.holding(finding.symbol)
    held[finding.symbol] = [by_clock(order, anchor) for order in brackets if order.unexited_qty > 0]


def _list_again(survey: Survey, held: Mapping[str, list[Order]]) -> None:
    """The broker's side anew, behind the records: two requests for all of them."""
    # By lists that are older, protection that was placed meanwhile is missing, and what one more answer says of it is
    # believed: it was placed once more, over shares of somebody else.
    if any(held.values()):
        survey.positions = survey.open_orders = None
        list_account(survey, [order for brackets in held.values() for order in brackets])


def _tried(survey: Survey, finding: Finding, mend: Callable[[], None]) -> bool:
    went = _went(survey, finding, mend)
    if went:
        about = {"order_id": finding.order_id, "symbol": finding.symbol}
        survey.worker.log.info(f"{finding.what}: {finding.heal}; {finding.detail}", **about)
    return went


def _went(survey: Survey, finding: Finding, mend: Callable[[], None]) -> bool:
    about = {"order_id": finding.order_id, "symbol": finding.symbol}
    try:
        mend()
    except (RetryError, StaleExecution) as error:
        survey.worker.log.info(f"left to the next comparison, {finding.what}: {error}", **about)
        return False
    except Exception as error:  # one that cannot be mended must not keep the others from it
        survey.worker.log.error(f"{finding.what} could not be mended: {error}", alert=True, **about)
        return False
    return True


def _look(survey: Survey, held: list[Order]) -> None:
    if held:
        look_after(survey, held)


def _read_again(survey: Survey, finding: Finding) -> None:
    """What an OCO took that the record has for over: nobody else reads it any more."""
    worker = survey.worker
    order, holder_id = worker.orders.get(finding.order_id), worker.orders.holder(finding.symbol)
    holder = worker.orders.get(holder_id) if holder_id else None
    if order is None or survey.running(order) or (holder and sees_to_protection(holder)):
        return
    order = by_clock(order, worker.time.approximate().anchor)
    named = (each for each in order.guard.protections if each.client_order_id == finding.name)
    # The journal of fills said so in both looks; a read by its id says it once more.
    known = read_over(worker, order, (each for each in named if each.status.closed and each.broker_order_id))
    if known is not order:
        booked = worker.save_exits(order, known)
        # One that was placed for shares that had left: with none left nobody would look at it again.
        if holder is None and booked.surplus_protection:
            take_down(worker, booked, [booked.surplus_protection])


def _mend(survey: Survey, book: Book, counters: Counters, finding: Finding) -> None:
    orders = survey.worker.orders
    match finding.heal:
        case Heal.COUNT_ANEW if finding.name.startswith(LIMITS) and book.day:
            orders.correct_counters(day_of(survey.now), book.day.kept, book.day.counted)
        case Heal.COUNT_ANEW:
            counters.count_anew(finding.name)
        case Heal.TAKE_BACK | Heal.RECORD:
            _take_in(survey, book, finding)
        case Heal.RELEASE if finding.what is What.DEAD_TURN:
            _release_turn(survey, book, finding)
        case Heal.RELEASE if finding.what is What.DEAD_PLACE:
            orders.drop_place(finding.symbol, finding.order_id)
        case _:
            # As it is now: what changed since the comparison is no business of it.
            order = orders.get(finding.order_id)
            if order:
                _mend_order(survey, finding.heal, order)


def _release_turn(survey: Survey, book: Book, finding: Finding) -> None:
    if finding.order_id in book.orders:
        free_turn(survey, finding.symbol)
    else:
        survey.worker.orders.drop_turn(finding.symbol, finding.order_id)


def _mend_order(survey: Survey, heal: Heal, order: Order) -> None:
    worker, over = survey.worker, order.status.terminal
    match heal:
        case Heal.REVIVE:
            revive_one(survey, order.order_id, order, None)
        case Heal.RELIST:
            worker.orders.relist(order)
        case Heal.STAND_IN_LINE:
            if not over:
                worker.orders.stand_in_line(order)
        case Heal.RELEASE:
            if over:
                worker.orders.settle_entry(order, survey.now)
                _give_back(survey, order)
        case _:
            # Counted as mended it would be alerted by nobody.
            raise AssertionError(f"nothing here knows how to {heal}")


def _take_in(survey: Survey, book: Book, finding: Finding) -> None:
    worker, order = survey.worker, book.orders[finding.order_id]
    child = next(each for each in order.children if each.client_order_id == finding.name)
    broker = worker.broker_for(order)
    # Read by itself, beside the listing and the journal: no single answer books shares, or cancels an order.
    broker_order_id = child.broker_order_id
    report = broker.order(broker_order_id) if broker_order_id else broker.order_by_client_id(finding.name)
    if report:
        settle(worker, order.order_id, finding.name, report)


def _give_back(survey: Survey, order: Order) -> None:
    worker, unused = survey.worker, []
    for child in order.children:
        changed, left = emptied(child)
        if left:
            order = order.with_child(changed)
            unused.append(left)
    if not order.needs_care:
        guard, left = emptied(order.guard)
        order = order.changed(guard=guard)
        unused += [left] if left else []
    worker.orders.save(order)
    for left in unused:
        worker.give_back(left)
