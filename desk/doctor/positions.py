"""Shares that brackets hold, and what guards them: by the broker now, or by the record, with its date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.market import broker, calendar, market_now
from desk.doctor.words import repeg, some
from desk.telling.figures import NEW_YORK
from repeg.domain.market.reports import OrderReport
from repeg.domain.money import floor_qty, plain
from repeg.domain.order.protection import Protection, ProtectionStatus
from repeg.domain.order.record import ZERO, Order
from repeg.errors import BrokerUnavailable, BudgetExhausted

POSITIONS = "positions"
MOST_READS = 5
"""Requests, beside the listing: what is not listed may have been hit, or be too new for the listing."""


@dataclass(frozen=True)
class Held:
    """A bracket, how many of its shares protective orders guard, and what is wrong with those that do not."""

    order: Order
    guarded: Decimal
    note: str = ""

    @property
    def bare(self) -> Decimal:
        """Whole shares without stop and target; no protective order takes a fraction."""
        return floor_qty(max(ZERO, self.order.unexited_qty - self.guarded), fractionable=False)


def check_positions(case: Case) -> str:
    """Are all shares that brackets hold guarded by a stop and a target."""
    brackets = _holding(case)
    if not brackets:
        return "no bracket holds shares"
    for order in brackets:
        if order.care.frozen:
            detail = f"{order.symbol}: record and account disagree, nothing is traded by itself: {order.care.frozen}"
            raise Trouble(POSITIONS, detail, repeg(case.connection, f"order {order.order_id}"))
    held, known = _looked_at(case, brackets)
    bare = [each for each in held if each.order.status.terminal and each.bare > 0]
    if bare:
        raise _trouble(case, bare, known)
    return f"{some(len(brackets), 'bracket')} holding shares, all of them protected, {known}"


def _holding(case: Case) -> list[Order]:
    held = [case.orders.get(order_id) for order_id in case.orders.holding_shares()]
    return [order for order in held if order and order.unexited_qty > 0]


def _trouble(case: Case, bare: list[Held], known: str) -> Trouble:
    first = bare[0]
    order = first.order
    detail = f"{plain(first.bare)} of {plain(order.unexited_qty)} {order.symbol} without stop and target, {known}"
    detail += f"{first.note} ({order.order_id})"
    if len(bare) > 1:
        detail += f", and {len(bare) - 1} more: {', '.join(each.order.symbol for each in bare[1:])}"
    show = repeg(case.connection, f"order {order.order_id}")
    return Trouble(POSITIONS, detail, f"{show}; the sweep puts them back, a close signal for {order.symbol} sells")


def _looked_at(case: Case, brackets: list[Order]) -> tuple[list[Held], str]:
    """Every bracket, and who says so."""
    try:
        found, unread = _reports(case, brackets)
        now = market_now(case)
        session_open = case.fact(calendar).session_at(now) is not None
    except (Trouble, BrokerUnavailable, BudgetExhausted):
        recorded = [Held(order, order.unexited_qty - order.odd_qty - order.unguarded_qty) for order in brackets]
        return recorded, f"as recorded until {_as_of(brackets)}; the broker could not be asked"
    held = [_held(order, found, unread, now, session_open) for order in brackets]
    less = f", {len(unread)} of their protective orders as recorded" if unread else ""
    return held, f"as the broker says{less}"


def _as_of(brackets: list[Order]) -> str:
    """When the oldest of the records was written last."""
    last = min(order.events[-1].at if order.events else order.created_at for order in brackets)
    return f"{last.astimezone(NEW_YORK):%Y-%m-%d %H:%M:%S} ET"


def _reports(case: Case, brackets: list[Order]) -> tuple[dict[str, OrderReport], frozenset[str]]:
    """Open orders by id, and the first few protective ones that are not open; and which were not looked up.

    Costs one trading request, and one for each of the few.
    """
    found = {report.broker_order_id: report for report in case.fact(broker).open_orders()}
    wanted = [oco.broker_order_id for order in brackets for oco in order.guard.protections if not oco.status.closed]
    unlisted = [broker_order_id for broker_order_id in wanted if broker_order_id and broker_order_id not in found]
    for broker_order_id in unlisted[:MOST_READS]:
        if report := _read(case, broker_order_id):
            found[broker_order_id] = report
    return found, frozenset(unlisted[MOST_READS:])


def _read(case: Case, broker_order_id: str) -> OrderReport | None:
    """The order by its id; of one that was replaced, what took its place."""
    report = case.fact(broker).order(broker_order_id)
    if report and report.replaced_by:
        return case.fact(broker).order(report.replaced_by)
    return report


def _held(
    order: Order, found: dict[str, OrderReport], unread: frozenset[str], now: datetime, session_open: bool
) -> Held:
    """A bracket with its protective orders as they are reported; those that were not read are as recorded."""
    guarded, notes = ZERO, []
    for oco in order.guard.protections:
        report = found.get(oco.broker_order_id or "")
        if oco.status.closed or oco.broker_order_id is None or oco.broker_order_id in unread:
            guarded += oco.covers
            continue
        if report is None:
            notes.append(f"{oco.client_order_id} is unknown there")
            continue
        seen = oco.reported(report, now, session_open)
        order = order.with_protection(seen)
        if _guards(seen, oco):
            guarded += seen.covers
        elif seen.exited_qty < seen.qty:
            state = report.broker_status if seen.status.closed else "at work with one leg only"
            notes.append(f"{oco.client_order_id} is {state}")
    return Held(order, guarded, f": {', '.join(notes)}" if notes else "")


def _guards(seen: Protection, recorded: Protection) -> bool:
    """Whether both legs work; or do not work yet. Of one that worked before, a leg that does not any more is missed."""
    if seen.status.live or seen.status is ProtectionStatus.CANCELING:
        return True
    return seen.status is ProtectionStatus.SENT and not recorded.status.live
