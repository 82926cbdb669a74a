"""Shares that no stop guards: for how long, and what the operator hears of them, which is true or is not said.

Whoever sees to them may have died: what he wrote down last is held against the broker before anything is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from repeg.care.survey import Survey
from repeg.domain.history import is_due
from repeg.domain.market.reports import OrderReport
from repeg.domain.models import direction
from repeg.domain.money import floor_qty, plain
from repeg.domain.order.alerts import long_bare_words
from repeg.domain.order.protection import Protection
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.reservation import Priority
from repeg.domain.proof.defence import Guard, elapsed, guard
from repeg.domain.proof.leaving import bare_by_record, booked
from repeg.domain.proof.ours import Intent, child_intent, listed_again, oco_intent
from repeg.errors import OperatorError, RetryError
from repeg.worker.lookup import listed, look_up

BARE = "bare"


def unlisted(survey: Survey, order: Order) -> bool:
    """True when an order that works by itself has shares that no listed OCO guards."""
    shown = survey.open_orders
    lost = any(
        shown is not None and oco.broker_order_id and oco.broker_order_id not in shown
        for oco in order.guard.protections
        if not oco.status.closed
    )
    return lost or order.needs_care


def bare_since(survey: Survey, order: Order, bare: bool) -> datetime | None:
    """Since when an order that works by itself has such shares, by its record or by the sweeps before this one."""
    seen = survey.since(order, BARE, bare)
    return min(filter(None, (seen, bare_by_record(order))), default=None) if bare else None


def watch_leaving(survey: Survey, order: Order, brackets: Sequence[Order], leaving: Order | None) -> None:
    """Shares that an exit sees to, `leaving` if it is written: told once they were bare, and not offered, for long.

    `brackets`: all of the symbol that hold shares, oldest first.
    """
    bare = unlisted(survey, order)
    opened_at = survey.session.opens_at if survey.session else None
    bare_for = elapsed(bare_since(survey, order, bare), survey.now, opened_at)
    if guard(bare, bare_for, opened_at is not None) is Guard.BARE_LONG:
        by = f"; {leaving.order_id} is to leave them" if leaving else ""
        tell_bare(survey, order, by, leaving=leaving, brackets=brackets)


def tell_bare(
    survey: Survey,
    order: Order,
    waits: str,
    *,
    kept: bool = False,
    leaving: Order | None = None,
    brackets: Sequence[Order] = (),
) -> Order:
    """Tell that shares have been bare for long, at once and every 15 minutes, if the broker shows no more than that.

    With `kept` the order remembers that it was told, and is saved by the caller; else the next sweep does.
    """
    if not is_due(order.told, BARE, survey.now) or survey.told_lately(order.order_id, f"{BARE} told"):
        return order
    worker = survey.worker
    try:
        qty = _bare_now(survey, order, leaving, brackets or (order,))
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


def _bare_now(survey: Survey, order: Order, leaving: Order | None, brackets: Sequence[Order]) -> Decimal:
    """Whole shares that nothing guards, sells or has sold, as the broker shows: what nobody knows of is looked up.

    Raises:
        RetryError, OperatorError: it could not be asked.
    """
    seen = listed_again(order, (survey.open_orders or {}).values())
    for oco in seen.guard.protections:
        seen = seen.with_protection(_shown(survey, seen, oco))
    working = (oco for oco in seen.guard.protections if oco.broker_order_id and not oco.stopless)
    bare = seen.unexited_qty - sum((oco.covers for oco in working), ZERO)
    if bare > 0 and leaving:
        bare -= _left_by(survey, order, leaving, brackets)
    if survey.positions is not None:
        position = survey.positions.get(order.symbol)
        bare = min(bare, position.qty * direction(order.trading_side) if position else ZERO)
    return floor_qty(max(ZERO, bare), fractionable=False)


def _shown(survey: Survey, order: Order, oco: Protection) -> Protection:
    """An OCO that may work, as the broker shows it; one that it does not know guards nothing."""
    if oco.status.closed and not oco.may_arrive:
        return oco
    report = at_broker(survey, oco_intent(order, oco), oco.broker_order_id)
    if report is None:
        return oco.given_up(survey.now)
    return oco.changed(broker_order_id=report.broker_order_id).reported(report, survey.now, session_open=True)


def _left_by(survey: Survey, order: Order, leaving: Order, brackets: Sequence[Order]) -> Decimal:
    """Shares of a bracket that its exit has sold and that are not booked, or offers."""
    child, offered = leaving.open_child, ZERO
    if child:
        report = at_broker(survey, child_intent(leaving, child), child.broker_order_id)
        if report:
            offered = ZERO if report.status.terminal and not report.replaced_by else report.qty - report.filled_qty
            leaving = leaving.with_child(child.reported(report, survey.now))
    if leaving.kind != "close":
        return leaving.filled_qty + offered
    left = {each.order_id: each.unexited_qty for each in brackets}
    left |= {each.order_id: each.unexited_qty for each in booked(leaving, brackets)}
    return order.unexited_qty - left[order.order_id] + _part_of(offered, order, brackets)


def _part_of(offered: Decimal, order: Order, brackets: Iterable[Order]) -> Decimal:
    """How many of the shares that a close offers are this bracket's: the oldest are left first."""
    for each in brackets:
        if each.order_id == order.order_id:
            break
        offered -= min(offered, max(ZERO, each.uncovered_qty))
    return offered


def at_broker(survey: Survey, intent: Intent, broker_order_id: str | None) -> OrderReport | None:
    """What was written down, as it is listed, or else as a read by its id shows it; None: the broker has no such."""
    worker, shown = survey.worker, survey.open_orders or {}
    by_name = (each for each in shown.values() if each.client_order_id == intent.client_order_id)
    known = shown.get(broker_order_id or "") or next(by_name, None)
    if known:
        return known
    found = look_up(worker, intent, listed=True).report if broker_order_id is None else None
    if broker_order_id is None and found is None:
        return None
    # By the broker's own id: a look-up by ours shows no legs, and one of them may have sold.
    broker_order_id = found.broker_order_id if found else broker_order_id or ""
    report = worker.broker_for(Priority.URGENT).order(broker_order_id)
    # A 404 alone proves nothing.
    return report or found or listed(worker, intent.symbol, broker_order_id, intent.written_at)
