"""Side and quantity of an order, from what the account holds, where that decides."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from repeg.domain.market.reports import Position
from repeg.domain.models import Side, direction
from repeg.domain.order.adjustments import Seen
from repeg.domain.order.protection import Protection
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.verdicts import Refusal, Wait, WaitingFor
from repeg.domain.patience import (
    LOOKUP_BACKOFF_SECONDS,
    POSITION_LAG,
    POSITION_READS,
    READ_BACKOFF_SECONDS,
    SHOWS_AFTER,
    backoff,
)
from repeg.domain.proof.evidence import Proof
from repeg.domain.reasons import Reason
from repeg.domain.rules.bracket_entry import position_problem, short_problem
from repeg.domain.rules.refusals import SHARES_LACK
from repeg.domain.rules.sizing import (
    Release,
    Sizing,
    holding_of,
    lacks_shares,
    limit_sell,
    releases,
    size_close,
    whole_shares,
)
from repeg.domain.rules.timing import asset_problem
from repeg.domain.rules.walking import is_exit
from repeg.errors import RetryError
from repeg.store.items import Traded
from repeg.worker.adjust import book_outside
from repeg.worker.book import position_by_listing, shown_position
from repeg.worker.evidence import find_out, listed_position
from repeg.worker.foreign import in_the_way, make_way
from repeg.worker.leftover import left_over, shrunk
from repeg.worker.oco import find_lost, read_exits, read_over
from repeg.worker.worker import Worker


def size(worker: Worker, order: Order) -> Sizing | Refusal | Wait | Release | None:
    """What to work, or why not (yet); None for what needs no look at the account: a plain buy."""
    if is_exit(order) or order.side == "sell":
        trades, now = worker.orders.last_trades(order.symbol), worker.now(order)
        lag = SHOWS_AFTER if order.sending.refused_for in SHARES_LACK else POSITION_LAG
        if any(timedelta(0) <= now - traded.at < lag for traded in trades):
            # A position may still show what the last order has sold; selling it again would open a short.
            return Wait(seconds=1, on=WaitingFor.LAST_TRADE)
        if not order.terms.bracket:
            return _size_leaving(worker, order, trades)
    if order.terms.bracket:
        # A position that was seen a moment ago will do, as the order says that it opens: the broker refuses it against
        # an opposite one. It spares the read, and is asked about before it refuses.
        shown = shown_position(worker, order) or position_by_listing(worker, order)
        problem = position_problem(order, shown) if shown else None
        if shown is None or problem:
            problem = position_problem(order, worker.broker_for(order).position(order.symbol))
        # The broker checks the asset when the buy is sent: reading it first would cost every bracket a request.
        if order.side == "buy" and problem is None:
            return None
        asset = worker.broker_for(order).asset(order.symbol)
        return (short_problem(asset) if order.side == "sell" else asset_problem(asset)) or problem
    return None


def set_aside(worker: Worker, leg: Order, cost: Decimal) -> Decimal | Wait:
    """Dollars that a leg may cost now, at most the `cost` that was planned: what came since may have taken of them.

    A wait, as long as it cannot be told of one what it may take.

    Raises:
        RetryError: quotes could not be read.
    """
    funds = leg.ask.funds
    if funds is None:
        return cost
    # Read here: no other order pays for it with its cold start.
    from repeg.domain.rebalance.set_aside import still_set_aside, takers
    from repeg.domain.rebalance.spoken import priced_by, without_price

    ids = [order_id for order_id in worker.orders.received_since(funds.since_wall) if order_id not in funds.counted]
    orders, _ = worker.orders.several(ids)
    arrived = list(orders.values())
    others = takers(leg, arrived, worker.now(leg))
    if not others:
        return cost
    unnamed = without_price([each for each in others if not each.status.terminal], (), {})
    quotes = worker.broker_for(leg).quotes(unnamed) if unnamed else {}
    prices = {symbol: priced_by(quote) for symbol, quote in quotes.items()}
    return still_set_aside(leg, arrived, others, prices)


def size_sell(worker: Worker, order: Order, wanted: Decimal | None) -> Sizing | Refusal:
    """What a plain sell may take of the position as it is; without `wanted`, all that is free."""
    position = worker.broker_for(order).position(order.symbol)
    sizing = limit_sell(position, wanted)
    amount = wanted is None and isinstance(sizing, Sizing) and sizing.held != sizing.qty
    if lacks_shares(sizing) or amount:
        sizing = limit_sell(position, wanted, in_the_way(worker, order.symbol))
    if isinstance(sizing, Refusal) and sizing.reason is Reason.NO_POSITION:
        return asset_problem(worker.broker_for(order).asset(order.symbol)) or sizing
    return _as_traded(worker, order, sizing)


def _as_traded(worker: Worker, order: Order, sizing: Sizing | Refusal) -> Sizing | Refusal:
    """Whole shares, where the broker trades no others; only a fraction is worth asking."""
    if isinstance(sizing, Refusal) or sizing.qty == sizing.qty.to_integral_value():
        return sizing
    try:
        asset = worker.broker_for(order).asset(order.symbol)
    except RetryError as error:
        worker.log.info(f"the asset cannot be read: {error}", order_id=order.order_id)
        return sizing
    return sizing if asset is None or asset.fractionable else whole_shares(sizing)


def _size_leaving(worker: Worker, order: Order, trades: Iterable[Traded]) -> Sizing | Refusal | Wait | Release:
    """As the account shows it, once it can show what the symbol's last plain order has bought."""
    sizing, now = _by_account(worker, order), worker.now(order)
    bought = [traded for traded in trades if traded.qty > 0 and timedelta(0) <= now - traded.at < SHOWS_AFTER]
    if (
        bought
        and isinstance(sizing, Wait)
        and sizing.on is WaitingFor.PROOF
        and not worker.orders.holding(order.symbol)
    ):
        return Wait(seconds=1, on=WaitingFor.LAST_TRADE)
    if not bought or isinstance(sizing, Wait | Release):
        return sizing
    if isinstance(sizing, Refusal):
        if sizing.reason is not Reason.NO_POSITION:
            return sizing
        left = max(traded.at for traded in bought) + SHOWS_AFTER - now
        return Wait(seconds=math.ceil(left.total_seconds()) if order.filled_qty else 1, on=WaitingFor.LAST_TRADE)
    unseen = max(traded.qty for traded in bought) > (sizing.held or ZERO) + order.filled_qty
    if sizing.side == "sell" and unseen:
        return Wait(seconds=1, on=WaitingFor.LAST_TRADE)
    # Beside shares from before, nothing tells whether the last ones show: looked at once more before the end.
    return sizing.changed(late=is_exit(order))


def _by_account(worker: Worker, order: Order) -> Sizing | Refusal | Wait | Release:
    return _size_exit(worker, order) if is_exit(order) else size_sell(worker, order, order.wanted_qty)


def _size_exit(worker: Worker, order: Order) -> Sizing | Refusal | Wait | Release:
    brackets = worker.orders.holding(order.symbol) if order.kind == "close" else []
    worker = worker.on_behalf_of(order)
    expected = _expected(order, brackets)
    position = worker.broker_for(order).position(order.symbol)
    # The shares have left already, and more: selling on would widen a short that nobody wanted.
    if order.kind == "unwind" and position and position.qty * direction(order.trading_side) > 0:
        if order.close.settling < POSITION_READS:
            return Wait(seconds=1, on=WaitingFor.SHARES)
        return Refusal(reason=Reason.NO_POSITION, detail="the account holds the opposite position")
    ended = left_over(worker, order, brackets, position, _expected(order, brackets))
    if ended:
        return ended
    held = abs(position.qty) if position else ZERO
    if brackets and not _fits(position, brackets, expected):
        # An OCO that is gone together with its shares needs no second look.
        looks = 0 if held < expected else len(LOOKUP_BACKOFF_SECONDS)
        unexited = _unexited(brackets)
        brackets = [read_exits(worker, bracket, looks) for bracket in brackets]
        expected = _expected(order, brackets)
        if _unexited(brackets) < unexited and order.close.settling < POSITION_READS:
            # What was read may be older than the exit that has come to light: look again, knowing what must be gone.
            return Wait(seconds=1, on=WaitingFor.SHARES, position=held, by_brackets=unexited)
    if order.filled_qty == 0 and held < _most(order, expected, held) and _reads_what_came_down(worker, order, brackets):
        return Wait(seconds=1, on=WaitingFor.SHARES)
    if not expected <= held <= _most(order, expected, held) and order.close.settling < POSITION_READS:
        return Wait(seconds=1, on=WaitingFor.SHARES)
    if order.kind == "close" and (position is None or held < expected):
        doubt = _missing(worker, order, brackets, position)
        if doubt:
            return doubt
    asked = None if order.wanted_qty is None else order.wanted_qty - order.filled_qty
    wanted = held if asked is None else min(held, asked)
    side: Side = "sell" if position and position.qty > 0 else "buy"
    if _free(position) < wanted and make_way(worker, order, side):
        return Wait(seconds=1, on=WaitingFor.OTHERS)
    ids = releases(brackets, wanted - _free(position))
    if ids:
        return Release(order_ids=ids, position=held, by_brackets=_unexited(brackets))
    # More is held than by protection of ours: whose it is decides whose shares are sold.
    foreign = in_the_way(worker, order.symbol) if held - _free(position) > _covered(brackets) else ()
    ours = bool(brackets) or order.kind == "unwind"
    unexplained = wanted - _free(position) - holding_of(foreign, side)
    if ours and unexplained > 0 and order.close.settling < POSITION_READS:
        # What was released may not show as free yet, and what was thought lost may hold it.
        for bracket in brackets:
            found = find_lost(worker, bracket)
            if found is not bracket:
                worker.orders.save(found)
        return Wait(seconds=1, on=WaitingFor.SHARES)
    sizing = _as_traded(worker, order, size_close(position, asked, foreign))
    if isinstance(sizing, Refusal) or position is None:
        return sizing
    seen = Seen(qty=position.qty, avg_entry_price=position.avg_entry_price, at=worker.now(order))
    return sizing.changed(by_brackets=_unexited(brackets), seen=seen)


def _reads_what_came_down(worker: Worker, order: Order, brackets: list[Order]) -> bool:
    """True when OCOs that the close took down turn out to have taken more than one answer said; that is saved.

    The account shows less than it did before. Sold by that answer alone, it would be shares of somebody's own.
    """
    read = [read_over(worker, each, _down_since(each, order.created_at)) for each in brackets]
    after = [worker.save_exits(before, each) for before, each in zip(brackets, read, strict=True)]
    return _unexited(after) < _unexited(brackets)


def _down_since(bracket: Order, since: datetime) -> list[Protection]:
    over = (oco for oco in bracket.guard.protections if oco.status.closed and oco.exited_qty < oco.qty)
    return [oco for oco in over if oco.cancel_requested_at and oco.cancel_requested_at >= since]


def _missing(worker: Worker, order: Order, brackets: list[Order], position: Position | None) -> Wait | None:
    """What to wait for when shares do not show; what others are proven to have sold is booked first.

    What is there is sold whatever is missing, as a person asked for it. That nothing is there has to be proven.
    """
    held = abs(position.qty) if position else ZERO
    if not brackets:
        listed = listed_position(worker, order.symbol) if held == 0 else None
        return (
            _unproven(order, f"the list of positions shows {listed.qty}, the position's own read none")
            if listed
            else None
        )
    unexited = _unexited(brackets)
    finding, brackets = find_out(worker, brackets, taken=_unbooked(order))
    if _unexited(brackets) < unexited:
        return Wait(seconds=1, on=WaitingFor.SHARES)
    if finding.proof is Proof.GONE:
        book_outside(worker, brackets, finding, worker.now(order))
        return None
    if finding.proof is Proof.THERE or shrunk(worker, order, brackets, position):
        return Wait(seconds=1, on=WaitingFor.SHARES)
    return _unproven(order, finding.why) if held == 0 else None


def _unproven(order: Order, why: str) -> Wait:
    tell = f"{order.symbol} is not closed yet: {why}; trying on"
    return Wait(seconds=backoff(READ_BACKOFF_SECONDS, order.run.waits), on=WaitingFor.PROOF, tell=tell)


def _fits(position: Position | None, brackets: list[Order], expected: Decimal) -> bool:
    """True when the account shows what the records say: all shares there, and those under OCOs not free."""
    held = abs(position.qty) if position else ZERO
    return held >= expected and _free(position) <= held - _covered(brackets)


def _covered(brackets: list[Order]) -> Decimal:
    return sum((oco.covers for bracket in brackets for oco in bracket.guard.protections), ZERO)


def _expected(order: Order, brackets: list[Order]) -> Decimal:
    """Shares that must be there by the records; a position may show a fill some time after it happened."""
    if order.kind == "unwind":
        return (order.wanted_qty or ZERO) - order.filled_qty
    return max(ZERO, _unexited(brackets) - _unbooked(order))


def _unbooked(order: Order) -> Decimal:
    """Shares that the close sold and that the brackets' records still count."""
    return order.filled_qty - order.close.booked_qty


def _unexited(brackets: list[Order]) -> Decimal:
    return sum((bracket.unexited_qty for bracket in brackets), ZERO)


def _most(order: Order, expected: Decimal, held: Decimal) -> Decimal:
    """What the account can hold at most: a position shows for a moment what a target or a stop has just sold."""
    if order.close.position_before is None or order.close.brackets_before is None:
        return held
    return order.close.position_before + order.close.held_by_others - (order.close.brackets_before - expected)


def _free(position: Position | None) -> Decimal:
    return abs(position.qty_available) if position else ZERO
