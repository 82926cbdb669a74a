"""Shares that no stop guards: for how long, and what the operator hears of them, which is true or is not said.

Whoever sees to them may have died: what he wrote down last is held against the broker before anything is told. One
answer that is false, or does not come, makes nobody sell what is guarded, and keeps no alert back for two sweeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from repeg.care.survey import Survey
from repeg.domain.history import is_due
from repeg.domain.market.reports import OrderReport, Position
from repeg.domain.models import direction
from repeg.domain.money import floor_qty, plain
from repeg.domain.order.alerts import long_bare_words
from repeg.domain.order.children import ChildRecord
from repeg.domain.order.protection import Protection
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.reservation import Priority
from repeg.domain.patience import BARE_TOLD_AFTER
from repeg.domain.proof.defence import Guard, elapsed, guard
from repeg.domain.proof.leaving import bare_by_record, spoken_for
from repeg.domain.proof.ours import Intent, child_intent, listed_again, oco_intent
from repeg.domain.rules.walking import is_exit
from repeg.errors import OperatorError, RetryError
from repeg.worker.lookup import listed, look_up

BARE = "bare"
NOT_OFFERED = "not offered"


def is_bare(survey: Survey, order: Order, leaving: Order | None) -> bool:
    """True when an order that works by itself has shares that no listed order guards, or sells for `leaving`.

    `leaving`: who has the symbol's turn, or exits this order's shares.
    """
    if any(_lost(survey, order)) or order.needs_care or _lent_in_vain(survey, order, leaving):
        return True
    if _name(order) not in survey.before.marks:
        return False
    # What was bare a minute ago is guarded by more than one listing, or one that cannot be had.
    try:
        return _bare_now(survey, order, leaving) > 0
    except (RetryError, OperatorError):
        return True


def bare_since(survey: Survey, order: Order, leaving: Order | None) -> datetime:
    """Since when an order that works by itself has such shares: by its record, this sweep, or those before it."""
    seen = survey.since(order, BARE, True) or survey.now
    if survey.now - seen <= BARE_TOLD_AFTER:
        # Else a sweep that sees it late is followed by two more before anybody hears of it.
        seen = survey.marks[_name(order)] = min((seen, *_ended(survey, order, leaving)))
    return min(filter(None, (seen, bare_by_record(order))))


def watch_leaving(survey: Survey, order: Order, leaving: Order | None) -> None:
    """Shares that an exit sees to, `leaving` if it is written: told once they were bare, and not offered, for long."""
    opened_at = survey.session.opens_at if survey.session else None
    if not is_bare(survey, order, leaving):
        return
    bare_for = elapsed(bare_since(survey, order, leaving), survey.now, opened_at)
    if guard(True, bare_for, opened_at is not None) is Guard.BARE_LONG:
        by = f"; {leaving.order_id} {_is_to(leaving)}" if leaving else ""
        tell_bare(survey, order, by, leaving=leaving)


def _is_to(leaving: Order) -> str:
    a_part = leaving.kind == "close" and leaving.ask.qty is not None
    return "has the symbol's turn" if a_part else "is to leave them"


def tell_bare(survey: Survey, order: Order, waits: str, *, kept: bool = False, leaving: Order | None = None) -> Order:
    """Tell that shares have been bare for long, at once and every 15 minutes, if the broker shows no more than that.

    With `kept` the order remembers that it was told, and is saved by the caller; else the next sweep does.
    """
    if not is_due(order.told, BARE, survey.now) or survey.told_lately(order.order_id, f"{BARE} told"):
        return order
    worker = survey.worker
    try:
        qty = _bare_now(survey, order, leaving)
    except (RetryError, OperatorError) as error:
        of = f"{plain(order.unexited_qty)} {order.symbol}"
        detail = f"whether {of} are protected is not known, the broker cannot be asked: {error}{waits}"
    else:
        if qty <= 0:
            worker.log.info("its shares are guarded or gone, as the broker shows", order_id=order.order_id)
            return order
        detail = f"{long_bare_words(order, qty, order.care.bare_since)}{waits}"
    if kept:
        return worker.alert_lasting(order, BARE, detail)
    survey.due(order.order_id, f"{BARE} told")
    worker.alert(order, detail)
    return order


def _name(order: Order) -> str:
    return f"{order.order_id} {BARE}"


def _lost(survey: Survey, order: Order) -> Iterator[Protection]:
    """OCOs that are not over by the record, and that the broker does not list."""
    shown = survey.open_orders
    for oco in order.guard.protections if shown is not None else ():
        if not oco.status.closed and oco.broker_order_id and oco.broker_order_id not in (shown or {}):
            yield oco


def _lent_in_vain(survey: Survey, order: Order, leaving: Order | None) -> bool:
    """True when shares are lent to a close that has nothing at the market, by the listing or by two sweeps."""
    if not order.guard.lent:
        return False
    child = leaving.open_child if leaving and leaving.order_id == order.guard.lent_to else None
    if child and child.broker_order_id:
        return survey.open_orders is not None and child.broker_order_id not in survey.open_orders
    # Between two child orders it has nothing there for a moment.
    survey.since(order, NOT_OFFERED, True)
    return f"{order.order_id} {NOT_OFFERED}" in survey.before.marks


def _ended(survey: Survey, order: Order, leaving: Order | None) -> Iterator[datetime]:
    """When that ended which is not listed any more, by a read of it."""
    worker = survey.worker
    sold_by = leaving.children[-1:] if leaving and _lent_in_vain(survey, order, leaving) else ()
    over: tuple[Protection | ChildRecord, ...] = (*_lost(survey, order), *sold_by)
    for each in over:
        closed_at = each.closed_at
        if closed_at is None and each.broker_order_id:
            try:
                report = worker.broker_for(Priority.URGENT).order(each.broker_order_id)
            except (RetryError, OperatorError) as error:
                worker.log.info(f"when {each.client_order_id} ended cannot be read: {error}")
                continue
            closed_at = report.closed_at if report and report.status.terminal else None
        if closed_at:
            yield closed_at


def _bare_now(survey: Survey, order: Order, leaving: Order | None) -> Decimal:
    """Whole shares that nothing guards, sells or has sold, as the broker shows: what nobody knows of is looked up.

    Raises:
        RetryError, OperatorError: it could not be asked.
    """
    seen = listed_again(order, (survey.open_orders or {}).values())
    for oco in seen.guard.protections:
        seen = seen.with_protection(_shown(survey, seen, oco))
    bare = seen.unexited_qty - _guarded(seen)
    if bare <= 0:
        return ZERO
    known = {each.order_id: each for each in survey.brackets.get(order.symbol, ())} | {seen.order_id: seen}
    brackets = list(known.values())
    left = _left_by(survey, seen, leaving, brackets)
    bare -= left.of_it
    if bare > 0 and survey.positions is not None:
        taken = sum(map(_guarded, brackets), left.offered)
        there = _held(order, survey.positions.get(order.symbol)) - taken
        # By one listing that was not true nobody would hear of them.
        if there < bare:
            read = survey.worker.broker_for(Priority.URGENT).position(order.symbol)
            there = max(there, _held(order, read) - taken)
        bare = min(bare, there)
    return floor_qty(max(ZERO, bare), fractionable=False)


def _held(order: Order, position: Position | None) -> Decimal:
    return position.qty * direction(order.trading_side) if position else ZERO


def _guarded(order: Order) -> Decimal:
    working = (oco for oco in order.guard.protections if oco.broker_order_id and not oco.stopless)
    return sum((oco.covers for oco in working), ZERO)


def _shown(survey: Survey, order: Order, oco: Protection) -> Protection:
    """An OCO that may work, as the broker shows it; one that it does not know guards nothing."""
    if oco.status.closed and not oco.may_arrive:
        return oco
    report = at_broker(survey, oco_intent(order, oco), oco.broker_order_id)
    if report is None:
        return oco.given_up(survey.now)
    return oco.changed(broker_order_id=report.broker_order_id).reported(report, survey.now, session_open=True)


class Left(NamedTuple):
    """Shares that an exit has sold and that are not booked, or offers: of one bracket; and all that it offers."""

    of_it: Decimal
    offered: Decimal


def _left_by(survey: Survey, order: Order, leaving: Order | None, brackets: Sequence[Order]) -> Left:
    if leaving is None or not is_exit(leaving):
        return Left(ZERO, ZERO)
    child, offered = leaving.open_child, ZERO
    if child:
        report = at_broker(survey, child_intent(leaving, child), child.broker_order_id)
        if report:
            offered = ZERO if report.status.terminal and not report.replaced_by else report.qty - report.filled_qty
            leaving = leaving.with_child(child.reported(report, survey.now))
    booked = sum((gone.qty for gone in order.guard.exits if gone.source == leaving.order_id), ZERO)
    if leaving.kind == "close":
        spoken = dict(zip((each.order_id for each in brackets), spoken_for(leaving, brackets, offered), strict=True))
        return Left(spoken[order.order_id] - booked, offered)
    # An unwind sells the shares of its own bracket only.
    of_it = leaving.filled_qty - booked + offered if leaving.ask.parent_id == order.order_id else ZERO
    return Left(of_it, offered)


def at_broker(survey: Survey, intent: Intent, broker_order_id: str | None) -> OrderReport | None:
    """What was written down, as two answers of the broker show it, a listing's or a read's; None: it has no such."""
    broker, shown = survey.worker.broker_for(Priority.URGENT), survey.open_orders or {}
    by_name = (each for each in shown.values() if each.client_order_id == intent.client_order_id)
    known = shown.get(broker_order_id or "") or next(by_name, None)
    found = look_up(survey.worker, intent, listed=True).report if broker_order_id is None and known is None else None
    broker_order_id = known.broker_order_id if known else found.broker_order_id if found else broker_order_id
    if broker_order_id is None:
        return None
    # By the broker's own id: a look-up by ours shows no legs, and one of them may have sold.
    report = broker.order(broker_order_id)
    # A 404 alone proves nothing.
    if report is None:
        return known or found or listed(survey.worker, intent.symbol, broker_order_id, intent.written_at)
    if survey.open_orders is not None and _contradicted(known, report):
        report = broker.order(broker_order_id) or report
    return report


def _contradicted(known: OrderReport | None, report: OrderReport) -> bool:
    """True when a listing, in which what is over is missing, does not have it that an order, or a leg, is over."""
    if known is None:
        return not report.status.terminal
    over = {leg.broker_order_id: leg.status.terminal for leg in known.legs}
    return report.status.terminal or any(
        over.get(leg.broker_order_id, leg.status.terminal) is not leg.status.terminal for leg in report.legs
    )
