"""Side and quantity of an order, from what the account holds, where that decides."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from repeg.domain.assessment import Hold, Reject, Release, Sizing, asset_problem, limit_sell, releases, size_close
from repeg.domain.bracket_entry import position_problem, short_problem
from repeg.domain.execution import LOOKUP_BACKOFF_SECONDS, is_exit
from repeg.domain.leaving import sold_by_others
from repeg.domain.market import Position
from repeg.domain.models import direction
from repeg.domain.orders import ZERO, Order
from repeg.domain.reasons import Reason
from repeg.domain.routes import Route
from repeg.steps.oco import find_lost, read_exits
from repeg.steps.worker import Worker

STATE = Route.ASSESS_MARKET
POSITION_READS = 3
POSITION_LAG = timedelta(seconds=1)
SHOWS_LATE = "waits for the position to show the last trade"
SETTLING = "waits for the position to show what was bought"


def size(worker: Worker, order: Order) -> Sizing | Reject | Hold | Release | None:
    """What to work, or why not (yet); None for what needs no look at the account: a plain buy."""
    if (is_exit(order) or order.side == "sell") and _just_traded(worker, order):
        return Hold(seconds=1, why=SHOWS_LATE)
    if is_exit(order):
        return _size_exit(worker, order)
    if order.bracket:
        problem = position_problem(order, worker.broker.position(order.symbol))
        if order.side == "buy" and problem is None:
            return None
        asset = worker.broker.asset(order.symbol)
        return (short_problem(asset) if order.side == "sell" else asset_problem(asset)) or problem
    if order.side == "sell":
        sizing = limit_sell(worker.broker.position(order.symbol), order.signal_qty)
        nothing = isinstance(sizing, Reject) and sizing.reason is Reason.NO_POSITION
        return (asset_problem(worker.broker.asset(order.symbol)) if nothing else None) or sizing
    return None


def _just_traded(worker: Worker, order: Order) -> bool:
    """A position may still show what the symbol's last order has sold; selling it again would open a short."""
    traded_at = worker.orders.traded_at(order.symbol)
    return traded_at is not None and timedelta(0) <= worker.now(order) - traded_at < POSITION_LAG


def _size_exit(worker: Worker, order: Order) -> Sizing | Reject | Hold | Release:
    brackets = worker.orders.holding(order.symbol) if order.kind == "close" else []
    expected = _expected(order, brackets)
    position = worker.broker_for(order).position(order.symbol)
    if order.kind == "unwind" and position and position.qty * direction(order.trading_side) > 0:
        return Reject(reason=Reason.NO_POSITION, detail="the account holds the opposite position")
    held = abs(position.qty) if position else ZERO
    if brackets and not _fits(position, brackets, expected):
        # An OCO that is gone together with its shares needs no second look.
        looks = 0 if held < expected else len(LOOKUP_BACKOFF_SECONDS)
        unexited, brackets = _unexited(brackets), [read_exits(worker, bracket, STATE, looks) for bracket in brackets]
        expected = _expected(order, brackets)
        if _unexited(brackets) < unexited and order.settling < POSITION_READS:
            # What was read may be older than the exit that has come to light: look again, knowing what must be gone.
            return Hold(seconds=1, why=SETTLING, position=held, by_brackets=unexited)
    if not expected <= held <= _most(order, expected, held) and order.settling < POSITION_READS:
        return Hold(seconds=1, why=SETTLING)
    known = {bracket.order_id: bracket for bracket in brackets}
    for sold in sold_by_others(brackets, expected - held, worker.now(order)):
        worker.alert(sold, f"{order.symbol}: {sold.exits[-1].qty} shares of {sold.order_id} were left by somebody else")
        worker.save_exits(known[sold.order_id], sold)
    asked = None if order.signal_qty is None else order.signal_qty - order.filled_qty
    wanted = held if asked is None else min(held, asked)
    ids = releases(brackets, wanted - _free(position))
    if ids:
        return Release(order_ids=ids, position=held, by_brackets=_unexited(brackets))
    ours = bool(brackets) or order.kind == "unwind"
    if ours and _free(position) < wanted and order.settling < POSITION_READS:
        # What was released may not show as free yet, and what was thought lost may hold it.
        for bracket in brackets:
            found = find_lost(worker, bracket, STATE)
            if found is not bracket:
                worker.orders.save(found)
        return Hold(seconds=1, why=SETTLING)
    sizing = size_close(position, asked)
    if isinstance(sizing, Sizing) and sizing.held is not None:
        # What this order itself has sold by now is booked on nobody yet.
        before = {"held": sizing.held + order.filled_qty, "by_brackets": _unexited(brackets)}
        return sizing.model_copy(update=before)
    return sizing


def _fits(position: Position | None, brackets: list[Order], expected: Decimal) -> bool:
    """True when the account shows what the records say: all shares there, and those under OCOs not free."""
    held = abs(position.qty) if position else ZERO
    covered = sum((oco.covers for bracket in brackets for oco in bracket.protections), ZERO)
    return held >= expected and _free(position) <= held - covered


def _expected(order: Order, brackets: list[Order]) -> Decimal:
    """Shares that must be there by the records; a position may show a fill some time after it happened."""
    if order.kind == "unwind":
        return (order.signal_qty or ZERO) - order.filled_qty
    return max(ZERO, _unexited(brackets) - order.filled_qty)


def _unexited(brackets: list[Order]) -> Decimal:
    return sum((bracket.unexited_qty for bracket in brackets), ZERO)


def _most(order: Order, expected: Decimal, held: Decimal) -> Decimal:
    """What the account can hold at most: a position shows for a moment what a target or a stop has just sold."""
    if order.position_before is None or order.brackets_before is None:
        return held
    return order.position_before - (order.brackets_before - expected)


def _free(position: Position | None) -> Decimal:
    return abs(position.qty_available) if position else ZERO
