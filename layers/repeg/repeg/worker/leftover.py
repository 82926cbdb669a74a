"""The last look of a close: does the account show what it should leave, and whose are the shares beyond that?"""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal

from repeg.domain.market.reports import Position
from repeg.domain.money import plain
from repeg.domain.order.adjustments import Adjustment
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.verdicts import Refusal, Wait, WaitingFor
from repeg.domain.patience import READ_BACKOFF_SECONDS, SHOWS_AFTER, UNEXPLAINED_LOOKS, backoff
from repeg.domain.proof.evidence import DUST, Finding, Looks, Proof
from repeg.domain.proof.leftover import (
    as_it_should_be,
    before_at_most,
    explained,
    held_of,
    more_by_split,
    rescaled_in_close,
    split_within,
    surplus,
)
from repeg.domain.reasons import Reason
from repeg.domain.rules.bracket_exit import after_split
from repeg.domain.rules.life import wants_another_look
from repeg.domain.rules.sizing import Sizing, size_close
from repeg.errors import OperatorError, RetryError
from repeg.worker.adjust import adjusted
from repeg.worker.evidence import listed_position, since_then
from repeg.worker.foreign import in_the_way
from repeg.worker.worker import Worker

LAST_LOOKS = (WaitingFor.LAST_TRADE, WaitingFor.EXPLANATION)
"""All that the close was to sell is sold: there is nothing to protect between these looks, as far as anybody knows."""


def seen_flat(worker: Worker, close: Order) -> Order:
    """The close as it ends if one read shows the account as it should be: the rule, at the cost of one request."""
    if not wants_another_look(close):
        return close
    try:
        position = worker.broker_for(close).position(close.symbol)
        over = surplus(close, position)
        if over is not None and over < -DUST and listed_position(worker, close.symbol) == position:
            close = before_at_most(close, position)
    except (RetryError, OperatorError) as error:
        worker.log.info(f"the position is not seen yet: {error}", order_id=close.order_id)
        return close
    return close.with_close(looked_again=True) if as_it_should_be(close, position) else close


def left_over(
    worker: Worker, close: Order, brackets: list[Order], position: Position | None, expected: Decimal
) -> Wait | Refusal | Sizing | None:
    """What an exit that sold what it was to has still to do; None: look at the account as at any other time.

    `expected`: shares that are still there by the records.
    """
    if not wants_another_look(close):
        return None
    over = surplus(close, position)
    if as_it_should_be(close, position) or (over is not None and over <= DUST and held_of(close, position) <= DUST):
        return Refusal(reason=Reason.NO_POSITION, detail="what was to be closed is closed, as the account shows")
    if over is None or over <= DUST:
        return None
    # A position may show a sale ten seconds late: what it shows too much, sold again, would open a short.
    filled = [child.closed_at for child in close.sent if child.filled_qty > 0 and child.closed_at]
    left = max(filled) + SHOWS_AFTER - worker.now(close) if filled else timedelta(0)
    if left > timedelta(0):
        looks = close.run.waits if close.run.waits_for is WaitingFor.LAST_TRADE else 0
        return Wait(
            seconds=min(math.ceil(left.total_seconds()), backoff(READ_BACKOFF_SECONDS, looks)), on=WaitingFor.LAST_TRADE
        )
    # What was bought just before it shows by now, and needs no other explanation.
    if close.close.bought_lately:
        return None
    if close.ask.qty is None and held_of(close, position) <= expected + DUST:
        return None
    finding = _find_out(worker, close, position)
    if finding.proof is Proof.THERE:
        return Refusal(reason=Reason.NO_POSITION, detail=f"what was to be closed is closed; {finding.why}")
    if finding.proof is Proof.ADJUSTED and position:
        return _after_split(worker, close, brackets, position, finding)
    looks = close.run.waits if close.run.waits_for is WaitingFor.EXPLANATION else 0
    # Answers that contradict each other never become a proof, however often they are read.
    if looks < UNEXPLAINED_LOOKS or finding.proof is Proof.UNCLEAR:
        words = f"{WaitingFor.EXPLANATION.words}: {finding.why}"
        tell = f"{close.symbol} is not closed yet: {finding.why}" if looks >= UNEXPLAINED_LOOKS else ""
        return Wait(seconds=backoff(READ_BACKOFF_SECONDS, looks), on=WaitingFor.EXPLANATION, words=words, tell=tell)
    # What nothing explains may be somebody's own shares.
    mend = "nothing more is sold by itself; look at the account, and send another close for what is to be sold"
    worker.alert(close, f"{close.symbol}: {finding.why}; {mend}")
    return Refusal(reason=Reason.ACCOUNT_DISAGREES, detail=finding.why)


def _find_out(worker: Worker, close: Order, position: Position | None) -> Finding:
    """By both reads of the position, the orders of others, and the broker's corporate actions."""
    read, listed = position.qty if position else ZERO, listed_position(worker, close.symbol)
    looks = Looks(
        read=read,
        listed=listed.qty if listed else ZERO,
        avg_entry_price=position.avg_entry_price if position else None,
    )
    if looks.held is None:
        said = f"the position's own read says {plain(read)}, the list of positions {plain(looks.listed or ZERO)}"
        return Finding(proof=Proof.UNCLEAR, why=said)
    # Since the position was last seen: what was traded before shows in that figure already.
    began = close.care.seen.at if close.care.seen else close.created_at
    looks = since_then(worker, close.symbol, looks, began)
    if looks.unbooked is None:
        return Finding(proof=Proof.UNCLEAR, why="the account's orders could not be read")
    return explained(close, looks)


def shrunk(worker: Worker, close: Order, brackets: list[Order], position: Position | None) -> bool:
    """True when shares do not show since a split within the close made fewer of them; its brackets have followed it."""
    if (
        position is None
        or close.close.position_before is None
        or any(_adjusted_since(close, each) for each in brackets)
    ):
        return False
    began = close.care.seen.at if close.care.seen else close.created_at
    looks = since_then(worker, close.symbol, Looks(read=None, listed=None), began)
    looks = looks.changed(avg_entry_price=position.avg_entry_price)
    finding = split_within(close, looks, held_of(close, position))
    if finding is None:
        return False
    adjusted(worker, brackets, finding, position, rescaled_in_close(close, brackets, finding))
    return True


def _after_split(
    worker: Worker, close: Order, brackets: list[Order], position: Position, finding: Finding
) -> Sizing | Refusal:
    """The brackets follow it, once; of a close of everything the shares that it made are sold, too."""
    if brackets and not any(_adjusted_since(close, bracket) for bracket in brackets):
        quantities = rescaled_in_close(close, brackets, finding)
        brackets = adjusted(worker, brackets, finding, position, quantities)
    if close.kind == "unwind":
        return _rest_of_unwind(worker, close, position, finding)
    # A close of a part asks for a number of shares, and a split changes no number that somebody asked for.
    if close.ask.qty is not None:
        return Refusal(reason=Reason.NO_POSITION, detail=f"all that was asked for is sold; {finding.why}")
    foreign = in_the_way(worker, close.symbol) if abs(position.qty_available) < finding.held else ()
    sizing = size_close(position, finding.held, foreign)
    if isinstance(sizing, Refusal):
        return sizing
    note = f"{finding.why} while it was being closed: {plain(sizing.qty)} more are to be left"
    if not brackets:
        worker.alert(close, f"{close.symbol}: {note}")
    return sizing.changed(note=note, by_brackets=_unexited(brackets))


def _rest_of_unwind(worker: Worker, leaving: Order, position: Position, finding: Finding) -> Sizing | Refusal:
    """Shares that a split added are exited, too; the bracket is adjusted when it books this order."""
    bracket = worker.orders.get(leaving.ask.parent_id or "")
    more = more_by_split(leaving, finding)
    if bracket is None or more <= DUST:
        return Refusal(reason=Reason.NO_POSITION, detail=f"all that was to be left is left; {finding.why}")
    levels, now = after_split(bracket, finding.ratio), worker.now(leaving)
    change = Adjustment(
        why="corporate_action", detail=finding.why, change=more, ratio=finding.ratio, levels=levels, at=now
    )
    worker.alert(leaving, f"corporate action: {finding.why} while {leaving.symbol} was being left: {plain(more)} more")
    sizing = size_close(position, more)
    return sizing if isinstance(sizing, Refusal) else sizing.changed(adjustment=change)


def _adjusted_since(close: Order, bracket: Order) -> bool:
    began = close.first_sent_at
    return began is not None and any(change.at >= began for change in bracket.care.adjustments)


def _unexited(brackets: list[Order]) -> Decimal:
    return sum((bracket.unexited_qty for bracket in brackets), ZERO)
