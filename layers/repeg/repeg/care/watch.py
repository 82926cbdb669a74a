"""After the order: what the broker executed is recorded, and every position passes the last line of defence.

Exits are read and alerts raised whoever has the symbol's turn; only acting needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import groupby

from repeg.care.bare import BARE, bare_since, is_bare, tell_bare, watch_leaving
from repeg.care.reckon import reckon
from repeg.care.survey import Survey, in_turn, list_account, list_executions
from repeg.care.unfilled import without_made_up_fills
from repeg.domain.money import plain, quoted
from repeg.domain.order.alerts import bare_words
from repeg.domain.order.beginnings import by_clock
from repeg.domain.order.guarding import (
    ended_by_us,
    found_guarded,
    lent_no_more,
    lost_protection,
    taken_up_again,
    to_be_left,
    unguarded,
)
from repeg.domain.order.protection import Protection, lone_stop
from repeg.domain.order.record import Order
from repeg.domain.patience import CARE_AHEAD_OF_OPEN, CARE_BACKOFF_MINUTES, CARE_GRACE, POSITIONS_WITHIN
from repeg.domain.proof.agreement import DISAGREES, exits_stand
from repeg.domain.proof.defence import (
    Account,
    Act,
    Facts,
    Market,
    Tell,
    Verdict,
    elapsed,
    guard,
    is_through,
    market,
    verdict,
)
from repeg.domain.proof.defence import State as Standing
from repeg.domain.proof.leaving import bare_by_record, gives_way
from repeg.domain.proof.ours import listed_again
from repeg.domain.proof.standing import Found
from repeg.domain.rules.bracket_exit import levels_of
from repeg.domain.rules.life import is_being_left, trades_when_over
from repeg.domain.rules.walking import sees_to_protection
from repeg.errors import RetryError, StaleExecution
from repeg.worker.oco import read_oco
from repeg.worker.take_down import take_down

NOTHING = timedelta(0)
PAST_STOP = "past stop"


def watch_positions(survey: Survey) -> None:
    """Look at every bracket that holds shares: two listings and one call for quotes, and a read for what changed."""
    worker = survey.worker
    ids = worker.orders.holding_shares()
    survey.unjudged = set(ids)
    if not ids:
        return
    orders, broken = worker.orders.several(ids)
    for order_id, problem in broken.items():
        alert = survey.due(order_id, "unreadable")
        worker.log.error(f"its position cannot be watched: {problem}", alert=alert, order_id=order_id)
    anchor = worker.time.approximate().anchor
    held = [by_clock(order, anchor) for order in orders.values() if order.unexited_qty > 0]
    # The index is a moment old. What is neither here nor broken is gone.
    survey.unjudged = {order.order_id for order in held} | broken.keys()
    if not held:
        return
    list_executions(survey)
    list_account(survey, held)
    # By today's clock: that of the order's own day has long drifted, and the survey may have read it anew.
    anchor = worker.time.approximate().anchor
    _by_symbol(survey, [by_clock(order, anchor) for order in held])


def _by_symbol(survey: Survey, held: list[Order]) -> None:
    held.sort(key=lambda order: order.symbol)
    groups = {symbol: list(group) for symbol, group in groupby(held, key=lambda order: order.symbol)}
    symbols = in_turn(groups, survey.before.positions_after)
    for place, symbol in enumerate(symbols):
        # One each time, however late: a broker that is slow for an hour must not leave all unwatched for as long.
        if place and survey.late(POSITIONS_WITHIN):
            left = symbols[place:]
            survey.positions_after = symbols[place - 1]
            survey.unseen |= {order.order_id for each in left for order in groups[each]}
            survey.worker.log.error(f"{place} of {len(symbols)} held symbols were looked at; the next sweep goes on")
            return
        look_after(survey, sorted(groups[symbol], key=lambda order: (order.ask.received_wall, order.order_id)))


def look_after(survey: Survey, brackets: list[Order]) -> None:
    """One symbol's trouble must not keep the others from being watched."""
    worker, symbol = survey.worker, brackets[0].symbol
    survey.brackets[symbol] = brackets
    try:
        _look_at(survey, brackets)
    except (RetryError, StaleExecution) as error:
        survey.unseen |= {bracket.order_id for bracket in brackets}
        worker.log.info(f"left to the next sweep: {error}", symbol=symbol)
    except Exception as error:
        survey.unseen |= {bracket.order_id for bracket in brackets}
        alert = survey.due(brackets[0].order_id, "cannot be watched")
        worker.log.error(f"positions in {symbol} cannot be watched: {error}", alert=alert, symbol=symbol)


def _look_at(survey: Survey, brackets: list[Order]) -> None:
    holder = free_turn(survey, brackets[0].symbol)
    if holder and sees_to_protection(holder):
        # It has taken protection down on purpose. That it stands still is worth a word, and what it leaves is watched.
        for bracket in brackets:
            if holder.open_child and not bracket.guard.lent:
                watch_leaving(survey, bracket, holder)
            else:
                _judge(survey, bracket, bracket, Account.UNSEEN, holder)
        for bracket in brackets if holder.open_child else ():
            _read_exits(survey, bracket)
        return
    # A close that died, and was ended otherwise, says no word of what it was selling: that is to be guarded.
    brackets = [lent_no_more(bracket) if bracket.guard.lent_to else bracket for bracket in brackets]
    trouble: list[Exception] = []
    read = [_safely(trouble, bracket, partial(_read_exits, survey, bracket)) for bracket in brackets]
    _gone(survey, read)
    read = [bracket for bracket in read if bracket.unexited_qty > 0]
    account, saved = Account.UNSEEN, {bracket.order_id: bracket for bracket in read}
    # The account is compared for the whole symbol at once: one bracket that cannot be read makes the sum wrong.
    if read and not trouble and not any(_at_work(survey, bracket) for bracket in read):
        account, read = reckon(survey, read)
    _gone(survey, read)
    for bracket in read:
        before = saved[bracket.order_id]
        before = bracket if bracket.run.version != before.run.version else before
        if bracket.unexited_qty > 0:
            _safely(trouble, bracket, partial(_judge, survey, before, bracket, account, holder))
    if trouble:
        raise trouble[0]


def _gone(survey: Survey, read: Iterable[Order]) -> None:
    """Of what has left nothing stands any more."""
    if survey.unjudged is not None:
        survey.unjudged -= {bracket.order_id for bracket in read if bracket.unexited_qty <= 0}


def _safely(trouble: list[Exception], bracket: Order, look: Callable[[], Order]) -> Order:
    """One bracket's trouble must not hide the others of its symbol; it is raised when all were looked at."""
    try:
        return look()
    except Exception as error:
        trouble.append(error)
        return bracket


def _at_work(survey: Survey, bracket: Order) -> bool:
    """True while shares of the bracket come or go by its own doing: then the account proves nothing."""
    return not bracket.status.terminal or is_being_left(bracket) or survey.listed_as_running(bracket)


def free_turn(survey: Survey, symbol: str) -> Order | None:
    """The order that has the symbol's turn, or None. A turn that died with its execution is given back.

    Not that of a bracket whose position is being exited: its unwind trades on that turn, and the bracket is resumed.
    """
    orders = survey.worker.orders
    holder_id = orders.holder(symbol)
    holder = orders.get(holder_id) if holder_id else None
    if holder is None or not holder.status.terminal or trades_when_over(holder) or survey.running(holder):
        return holder
    survey.worker.log.info(f"{holder.order_id} gave the turn of {symbol} back", order_id=holder.order_id)
    orders.give_turn(holder)
    return None


def _read_exits(survey: Survey, order: Order) -> Order:
    """What the broker executed, or lost, of the OCOs that the listing shows otherwise than the record has them."""
    if survey.open_orders is None or survey.listed_as_running(order):
        return order
    order = without_made_up_fills(survey, order)
    before, order = order, listed_again(order, survey.open_orders.values())
    for oco in order.guard.protections:
        if not oco.status.closed and oco.broker_order_id and survey.differs(oco):
            order = read_oco(survey.worker, order, oco, also=_taken_by_lists(survey, order, oco))[0]
    # Asked for by itself before anything is written: a second writer would cost the execution its step.
    if order == before or survey.running(order):
        return before
    return survey.worker.save_exits(before, order)


def _taken_by_lists(survey: Survey, order: Order, oco: Protection) -> Decimal | None:
    """Shares that an OCO took by the lists of open orders and positions; None: they do not say how many."""
    listed = (survey.open_orders or {}).get(oco.broker_order_id or "")
    if listed:
        return oco.reported(listed, survey.now, session_open=False).exited_qty
    # Not listed it is over. That it sold all says an account without a share; beside others nothing does.
    held = (survey.positions or {}).get(order.symbol)
    return oco.qty if survey.positions is not None and held is None else None


def _judge(survey: Survey, before: Order, order: Order, account: Account, holder: Order | None) -> Order:
    """One position on the last line of defence: where it stands, the alert, and the one act that follows.

    `before` is the order as it is saved.
    """
    taken_over = holder is not None and sees_to_protection(holder)
    mine = order.status.terminal and not taken_over and not survey.listed_as_running(order)
    if is_being_left(order):
        exit_id = order.unwind.order_id
        watch_leaving(survey, order, survey.worker.orders.get(exit_id) if exit_id else None)
        return _resume(survey, order) if mine and (_has_turn(order, holder) or _yields(holder)) else order
    order, facts = _facts(survey, order, account, mine, holder)
    found = verdict(facts)
    _note_found(survey, order, facts, found)
    order = _tell(survey, order, found, mine, holder)
    if not mine or (order != before and survey.running(order)):
        return before
    return _act(survey, before, order, facts, found)


def _note_found(survey: Survey, order: Order, facts: Facts, found: Verdict) -> None:
    known = order.care.past_stop_since is not None or f"{order.order_id} {PAST_STOP}" in survey.before.marks
    survey.found[order.order_id] = Found(facts, found.state, was_past_stop=known)
    if survey.unjudged is not None:
        survey.unjudged.discard(order.order_id)


def _has_turn(order: Order, holder: Order | None) -> bool:
    return holder is None or holder.order_id == order.order_id


def _yields(holder: Order | None) -> bool:
    return holder is not None and gives_way(holder)


def _facts(survey: Survey, order: Order, account: Account, mine: bool, holder: Order | None) -> tuple[Order, Facts]:
    """What each side shows, and the order with since when."""
    opened_at = survey.session.opens_at if survey.session else None
    quote = survey.quote(order.symbol)
    through = is_through(levels_of(order), order.trading_side, quote) if quote and opened_at else None
    bare = order.needs_care if mine else is_bare(survey, order, holder)
    if mine:
        found_now = order.guard.protected and order.care.due_at is None
        known = order.care.bare_since or bare_by_record(order) or survey.now
        since = None if not bare else survey.now if found_now else known
        passed_since = order.care.past_stop_since
        # A minute without a quote does not make a stop work: since when it failed is kept.
        if through is not None or opened_at is None:
            passed_since = (passed_since or survey.now) if through else None
        order = order.with_care(bare_since=since, past_stop_since=passed_since)
    else:
        since = bare_since(survey, order, holder) if bare else None
        passed_since = survey.since(order, PAST_STOP, bool(through))
    facts = Facts(
        account=account,
        frozen=bool(order.care.frozen),
        guard=guard(bare, elapsed(since, survey.now, opened_at), opened_at is not None),
        market=market(through, elapsed(passed_since, survey.now, opened_at), opened_at is not None),
        free=mine and _has_turn(order, holder),
        yields=mine and _yields(holder),
    )
    return order, facts


def _tell(survey: Survey, order: Order, found: Verdict, mine: bool, holder: Order | None) -> Order:
    """Tell the operator of a verdict, as often as it says."""
    if found.state is not Standing.PAST_STOP:
        order = order.no_longer(PAST_STOP)
    if found.state is not Standing.BARE and not order.needs_care:
        order = order.no_longer(BARE)
    if found.tell is Tell.NO:
        return order
    if found.tell is Tell.ONCE:
        return _lost(survey, order, holder) if mine else order
    if found.act is Act.PROTECT and order.care.tries == 0 and order.care.due_at:
        return order  # told when it was lost; this is the first try to restore it
    if found.state is Standing.BARE:
        return tell_bare(survey, order, _waiting(order, holder), kept=mine, leaving=holder)
    what = PAST_STOP if found.state is Standing.PAST_STOP else DISAGREES
    detail = _words(survey, order, found, holder)
    if mine:
        return survey.worker.alert_lasting(order, what, detail)
    if survey.due(order.order_id, f"{what} told"):
        survey.worker.alert(order, detail)
    return order


def _lost(survey: Survey, order: Order, holder: Order | None) -> Order:
    """Protection is lost: alerted at once, restored after 50 s, in which somebody may be selling by hand."""
    if not order.guard.protected or order.care.due_at is not None:
        return order
    soon = "at once" if _at_once(order) else "in a minute"
    later = soon if _has_turn(order, holder) else "when the symbol's live order is over"
    # Under an OCO that hangs in its cancel, say, nobody knows: never all of them for it.
    lost = f"{plain(order.unguarded_qty)} {order.symbol} lost their protection" if order.unguarded_qty > 0 else ""
    survey.worker.alert(order, f"{lost or bare_words(order)}; it is restored {later}")
    return lost_protection(order, survey.now + (NOTHING if _at_once(order) else CARE_GRACE))


def _at_once(order: Order) -> bool:
    """True when nobody can be selling by hand: the stop of an OCO died alone, or we ended it, and died over that."""
    return any(oco.stopless for oco in order.guard.protections) or ended_by_us(order)


def _words(survey: Survey, order: Order, found: Verdict, holder: Order | None) -> str:
    shares = f"{plain(order.unexited_qty)} {order.symbol}"
    if found.state is Standing.DISAGREES:
        name = f"repeg resolve {order.symbol} --order {order.order_id} --stack {survey.worker.stack.name}"
        decide = f"nothing is traded until they agree or you decide: {name} --forget, or --qty N --stop S --target T"
        return f"{shares}: record and account disagree ({order.care.frozen}); {decide}"
    quote, stop = survey.quotes.get(order.symbol), quoted(levels_of(order).stop)
    at = f" ({quoted(quote.bid)}/{quoted(quote.ask)})" if quote else ""
    now = found.act is Act.LEAVE and not _waits(survey, order)
    act = "they are left now" if now else "they are not left yet"
    waits = _waiting(order, holder)
    return f"the market{at} has gone through the stop at {stop}, and {shares} are still there; {act}{waits}"


def _waiting(order: Order, holder: Order | None) -> str:
    return "" if _has_turn(order, holder) or holder is None else f"; {holder.order_id} has the symbol's turn"


def _act(survey: Survey, before: Order, order: Order, facts: Facts, found: Verdict) -> Order:
    match found.act:
        case Act.LEAVE:
            if not _backs_off(survey, order) and not _waits(survey, order):
                noted = survey.worker.note(order, _words(survey, order, found, None))
                return _start(survey, to_be_left(noted))
        # Not while somebody may be selling by hand: an OCO would take the shares from under that order.
        case Act.PROTECT:
            if _due(survey, before, order):
                return _start(survey, order)
        case Act.FREEZE:
            if not before.care.frozen and order.care.frozen:
                order = survey.worker.note(order, f"frozen: {order.care.frozen}")
            if order.order_id in survey.split and any(not oco.status.closed for oco in order.guard.protections):
                # What it would sell, and where, is from before: it must not trade by itself.
                return take_down(survey.worker, survey.worker.orders.save(order), order.guard.protections)[0]
            order = unguarded(order) if order.unguarded_qty > 0 else order
        case Act.NONE if facts.free and facts.market is Market.INSIDE and lone_stop(order.guard.protections):
            if not _backs_off(survey, order):
                lost = f"the target of {order.symbol} is gone, its stop guards on; both are placed anew"
                survey.worker.alert(order, lost)
                return _start(survey, survey.worker.note(order, lost))
        case Act.NONE if facts.free and order.surplus_protection:
            noted = survey.worker.note(order, f"{order.surplus_protection.client_order_id} guards more than is held")
            down = take_down(survey.worker, survey.worker.orders.save(noted), [order.surplus_protection])[0]
            return _start(survey, down) if down.bare_qty > 0 else down
        case Act.NONE if found.state is Standing.COVERED and order.care.due_at and not order.guard.protected:
            order = exits_stand(found_guarded(order))
    return order if order == before else survey.worker.orders.save(order)


def _due(survey: Survey, before: Order, order: Order) -> bool:
    """True when it is time to protect: not while somebody may sell by hand, nor before the open that it waits for."""
    if _waits(survey, order):
        return False
    if before.guard.protected and before.care.due_at is None and not _at_once(order):
        return False
    return order.care.due_at is None or survey.now >= order.care.due_at


def _waits(survey: Survey, order: Order) -> bool:
    """True while nothing can be done for it, whatever is tried: before an open, or another day."""
    return order.care.waits_until is not None and survey.now < order.care.waits_until - CARE_AHEAD_OF_OPEN


def _backs_off(survey: Survey, order: Order) -> bool:
    return order.care.tries > 0 and order.care.due_at is not None and survey.now < order.care.due_at


def _resume(survey: Survey, order: Order) -> Order:
    """Start the execution of a bracket whose position is being exited, if that died."""
    return order if survey.running(order) else _start(survey, order)


def _start(survey: Survey, order: Order) -> Order:
    """Start an execution for a position; it borrows the symbol's turn."""
    worker, tries = survey.worker, order.care.tries
    if survey.running(order):
        return order
    pause = timedelta(minutes=CARE_BACKOFF_MINUTES[min(tries, len(CARE_BACKOFF_MINUTES) - 1)])
    again = taken_up_again(order, survey.now + pause)
    number = order.run.executions + 1
    # Before the start: two executions that both believe that the position is theirs would protect it twice.
    adopted = worker.orders.adopt(again, survey.executions.arn(order.order_id, number))
    survey.executions.start(order.order_id, number)
    survey.started += 1
    worker.log.info(f"execution {number} started to look after {order.symbol}", order_id=order.order_id)
    return adopted
