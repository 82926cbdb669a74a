"""PlaceOrder: write the intent down, send it once, and find out what became of it.

A submit without an answer may be live: it is looked up after 1, 3 and 8 s; if it is nowhere, it is sent once more under
its id. SecurePosition concludes that it was never sent 15 s after its senders came back, at most 75 s later."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from repeg.broker.port import Accepted, Ambiguous, Broker, Denied, Duplicate, InTime, SubmitOutcome, Throttled
from repeg.domain.ladder.pricing import is_walled_off
from repeg.domain.ladder.rungs import PriceRule, Rung
from repeg.domain.market.quotes import Quote, SeenQuote
from repeg.domain.market.reports import ChildOrder, OrderReport
from repeg.domain.money import quoted, too_small
from repeg.domain.order.beginnings import by_clock
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.closing import selling_on
from repeg.domain.order.course import broker_answered, decided, to_be_assessed, waits_no_more
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.reservation import Priority, Reservation, emptied
from repeg.domain.order.verdicts import Refusal, WaitingFor
from repeg.domain.patience import (
    LINGER_SECONDS,
    LOOKUP_BACKOFF_SECONDS,
    MARKET_PATIENCE,
    MAX_SENDS,
)
from repeg.domain.proof.ours import child_intent
from repeg.domain.reasons import BY_A_LIMIT, HELD_BACK, Reason
from repeg.domain.routes import Next, Route
from repeg.domain.rules.bracket_entry import refused_at
from repeg.domain.rules.life import is_withdrawn, ladder_over, sends_no_more
from repeg.domain.rules.walking import (
    dust,
    intent_of,
    is_exit,
    is_marketable,
    needs_quote,
    next_rung,
    pause_after_rejected,
    requests_of_entry,
    runaway,
    write_intent,
)
from repeg.errors import BudgetExhausted, CredentialsRefused, OperatorError, RetryError
from repeg.steps.gate import held_back, stopped_by, taken_back, with_counted
from repeg.steps.late import arrived, worked_off_late
from repeg.steps.put_off import broker_down, misconfigured, no_quote, wait_for_request
from repeg.worker.lookup import look_up, taken
from repeg.worker.outcome import (
    finish,
    fold,
    proceed,
    protect_first,
    read_child,
    stays_bare,
    tell_overdue,
    wait_to_place,
)
from repeg.worker.refused import before_rung, refused, unsent, walled_off
from repeg.worker.send import answering_for, send, wait_for_sender
from repeg.worker.worker import Look, Worker


def place(worker: Worker, order: Order) -> Next:
    """Place the next rung, or find out about the one that was written down before."""
    child = order.open_child
    if child is None and sends_no_more(order):
        return Next(ladder_over(order))
    if child is None:
        return _next_rung(worker, order)
    if child.status is ChildStatus.INTENT:
        return _look_up(worker, order, child)
    if child.status is ChildStatus.CANCELING:
        return Next(Route.CANCEL_ORDER)
    return proceed(worker, order, child)


def _next_rung(worker: Worker, order: Order) -> Next:
    try:
        ready = worked_off_late(worker, order) or before_rung(worker, order)
    except BudgetExhausted as error:
        return wait_for_request(worker, order, error.wait_seconds)
    except RetryError as error:
        return broker_down(worker, order, error)
    return start_rung(worker, ready) if isinstance(ready, Order) else ready


def start_rung(worker: Worker, order: Order, seen: SeenQuote | None = None) -> Next:
    """Price the next rung by `seen` if that is recent, else by a fresh quote, and send it, or end the ladder."""
    look = Look(worker.clock_of(order))
    try:
        now = look.clock.now()
        calendar = worker.time.calendar(worker.broker_for(order), now)
        rung = next_rung(order, calendar.trading_until(now, order.terms.outside_session), now)
        if isinstance(rung, Rung) and needs_quote(order, rung):
            if seen and seen.lasts(now):
                look = look._replace(quote=seen.quote, last=seen.last)
            else:
                look = worker.fresh_quote(order, look.clock)
                order = by_clock(order, look.clock.anchor)
    except BudgetExhausted as error:
        return wait_for_request(worker, order, error.wait_seconds)
    except RetryError as error:
        return broker_down(worker, order, error)
    except OperatorError as error:
        return misconfigured(worker, order, error)
    if isinstance(rung, Refusal):
        return finish(worker, order, taken_back(worker, order) or rung)
    if look.problem and not is_exit(order):
        return no_quote(worker, order, look.problem, look.doubt)
    # Only exits come here: their shares are better sold unseen than kept for want of a quote.
    if look.problem:
        look, rung = look._replace(quote=None), Rung(rule=PriceRule.MARKET, patience=MARKET_PATIENCE)
    quote = look.quote
    order = waits_no_more(order)
    ran = _not_worth_sending(order, quote) if quote else None
    if ran:
        return finish(worker, order, ran)
    child = write_intent(order, rung, quote, look.clock.now())
    price = child.limit_price or (quote.touch(order.trading_side) if quote else None)
    if price is not None and too_small(child.qty, price):
        return finish(worker, order, dust(child.qty, price))
    if is_exit(order) and quote and is_walled_off(child.limit_price, quote, order.trading_side, order.sending.wall):
        return walled_off(worker, order)
    # So that reading and cancelling it do not wait for a minute that other entries have used up.
    if not is_exit(order):
        try:
            reserved = worker.broker_for(order).reserve(requests_of_entry(order))
        except RetryError as error:
            return wait_for_request(worker, order, error.wait_seconds if isinstance(error, BudgetExhausted) else 0)
        child = child.changed(reserved=reserved)
    return _send(worker, order, child, look.last)


def _not_worth_sending(order: Order, quote: Quote) -> Refusal | None:
    """Why the market is not worth an order any more, or None."""
    refusal = None if order.sent else refused_at(order, quote)
    return Refusal(reason=refusal.reason, detail=refusal.detail) if refusal else runaway(order, quote)


def _send(worker: Worker, order: Order, child: ChildRecord, last: Decimal | None = None) -> Next:
    """Record the intent, then send it: from here on the broker may hold the order, whatever happens to us.

    `last`: the last trade of the symbol, in dollars, if it is recent and known.
    """
    price = quoted(child.limit_price) or "market"
    noted = worker.note(order, f"{order.side} {child.qty} {order.symbol} at {price} ({child.client_order_id})")
    # Last, as what comes next is read from there: one that is tried anew may stand before others.
    noted = noted.without_child(child)
    noted, unused = with_counted(worker, noted, child), child.reserved
    connect, drawn = worker.drawing(child)

    def save(saved_wall: datetime) -> Order:
        dated = drawn.changed(saved_wall=saved_wall)
        return worker.orders.save(noted.with_child(dated))

    intent = child_intent(noted, child)

    def submit(in_time: InTime) -> SubmitOutcome:
        # Between the save and the send, so that nothing is sent that a halt found unsent. What stalls behind this look
        # is sent within seconds of the save or not at all.
        return held_back(worker, noted, child, last) or _submit(connect(), noted, drawn, in_time)

    order, outcome = send(worker, intent, save, submit)
    child = order.children[-1]
    if isinstance(outcome, Denied) and outcome.reason is Reason.MISCONFIGURED:
        return _keys_refused(worker, order, child, outcome.message)
    order = broker_answered(order).no_longer("broker").no_longer(WaitingFor.OPERATOR.words)
    match outcome:
        case Accepted(report):
            with answering_for(worker, order, child, report):
                return _accepted(worker, order.with_sending(refused=0, refused_for=None), child, report)
        case Denied() as denied if denied.reason in HELD_BACK:
            return _held_back(worker, order, child, denied, unused)
        case Denied() as denied:
            return _denied(worker, order, child, denied)
        case Throttled(wait_seconds, why):
            return _not_sent(worker, order, child, wait_seconds, why)
        case Duplicate():
            return _look_up(worker, order, child.changed(id_taken=True), refused=True)
        case Ambiguous(detail):
            # An entry that arrives after it was given up is shares that no record knows: never given up sooner.
            # An exit can only take shares that are there, and the rest of them are bare until it is given up.
            known = child.heard_of(worker.time.wall()) if is_exit(order) else child
            return _unknown(worker, order, known, detail)


def _submit(broker: Broker, order: Order, child: ChildRecord, in_time: InTime) -> SubmitOutcome:
    request = ChildOrder(
        client_order_id=child.client_order_id,
        symbol=order.symbol,
        side=order.trading_side,
        qty=child.qty,
        type=child.type,
        limit_price=child.limit_price,
        extended_hours=order.terms.outside_session,
        intent=intent_of(order),
    )
    return broker.submit(request, in_time)


def _accepted(worker: Worker, order: Order, child: ChildRecord, report: OrderReport) -> Next:
    """Watch for an instant: most marketable orders are filled before the machine could wait."""
    if not report.status.terminal and is_marketable(order, child):
        worker.sleep(LINGER_SECONDS)
        connect, child = worker.drawing(child)
        report = read_child(worker, child, lambda: connect().order(report.broker_order_id)).report or report
    order = fold(worker, order, child, report)
    return proceed(worker, order, order.children[-1])


def _denied(worker: Worker, order: Order, child: ChildRecord, denied: Denied) -> Next:
    """Nothing is live, unless the refusal is not true, or the doing of a first send that did arrive."""
    # By one that was not true what an entry bought had no stop, and an exit sold as many shares of somebody else.
    connect, drawn = worker.drawing(child)
    try:
        report, _ = look_up(worker, child_intent(order, child), listed=child.may_have_arrived, connect=connect)
    except RetryError as error:
        detail = f"refused ({denied.message}), but whether it arrived cannot be seen: {error}"
        if not is_exit(order) or child.may_have_arrived:
            return _unknown(worker, order, drawn, detail)
        # Its sender came back, and the broker has spoken of it: one look that finds nothing is enough, as it is above.
        # Looked for as one without an answer, shares that a close had taken protection off were bare for a minute.
        known = drawn.heard_of(worker.time.wall())
        return _unknown(worker, order, known, detail, lookups=len(LOOKUP_BACKOFF_SECONDS) - 1)
    if report:
        return _accepted(worker, order, drawn, report)
    return refused(worker, order, drawn, denied)


def _held_back(worker: Worker, order: Order, child: ChildRecord, why: Denied, unused: Reservation | None) -> Next:
    """Nothing was sent, by an operator's word or a limit: the order ends; an earlier send under this id is looked up.

    `unused`: what was reserved, with the request that was set aside for this send.
    """
    # Nobody gives up an entry that may be on its way before that is ruled out: its shares would be in no record.
    if child.sends > 1:
        first = child.changed(sends=child.sends - 1, reserved=unused)
        # What a limit said is not asked again, as it need not say so twice; a halt that was lifted is over.
        stopped = why.reason if why.reason in BY_A_LIMIT else None
        return worker.wait(order.with_child(first).with_sending(stopped=stopped), Route.WAIT_TO_PLACE, 1)
    if child.may_have_arrived:
        try:
            report, _ = look_up(worker, child_intent(order, child), listed=True)
        except RetryError as error:
            return _unknown(worker, order, child, f"{why.message}; what was sent before cannot be seen: {error}")
        if report:
            return _accepted(worker, order, child, report)
    following = finish(worker, unsent(worker, order, child), Refusal(reason=why.reason, detail=why.message))
    # Behind the save: a record that still counted them would give them back once more.
    worker.give_back(unused)
    return following


def _keys_refused(worker: Worker, order: Order, child: ChildRecord, message: str) -> Next:
    """Nothing was taken. Keys that are valid are refused now and then: believed only when it lasts."""
    if child.sends > 1:
        again = child.changed(sends=child.sends - 1)
        return broker_down(worker, order.with_child(again), CredentialsRefused(message))
    following = broker_down(worker, unsent(worker, order, child), CredentialsRefused(message))
    worker.give_back(child.reserved)
    return following


def _not_sent(worker: Worker, order: Order, child: ChildRecord, wait_seconds: float, why: str) -> Next:
    """The broker certainly has nothing. A first send is forgotten and priced anew; a second one is looked up first."""
    if child.sends > 1:
        again = child.changed(sends=child.sends - 1)
        return worker.wait(order.with_child(again), Route.WAIT_TO_PLACE, int(wait_seconds) + 1)
    following = wait_for_request(worker, unsent(worker, order, child), wait_seconds, why)
    # Behind the save: a record that still counted them would give them back once more.
    worker.give_back(child.reserved)
    return following


def _unknown(worker: Worker, order: Order, child: ChildRecord, detail: str, lookups: int = 0) -> Next:
    noted = worker.note(order, f"{child.client_order_id}: outcome unknown ({detail}); looking it up")
    lost = child.changed(ambiguous=True, lookups=lookups)
    return worker.wait(noted.with_child(lost), Route.WAIT_TO_PLACE, LOOKUP_BACKOFF_SECONDS[0])


def _look_up(worker: Worker, order: Order, child: ChildRecord, *, refused: bool = False) -> Next:
    """The intent is written, its fate unknown: ask by our id. Only an order that is nowhere to be seen is resent.

    With `refused`, this worker was told that the id is taken: nobody else can be sending it.
    """
    last = child.lookups + 1 >= len(LOOKUP_BACKOFF_SECONDS)
    try:
        report, stranger = look_up(worker, child_intent(order, child), listed=last)
        if report:
            return proceed(worker, *arrived(worker, order, child, report))
        if stranger:
            return _taken(worker, order, child, stranger, refused)
        if not child.ambiguous:
            return _unknown(worker, order, child, "interrupted after the intent was written")
        # Evidence of whether to send it again; what makes that safe is the id, which the broker takes only once.
        position = worker.broker_for(Priority.URGENT).position(order.symbol)
    except RetryError as error:
        return broker_down(worker, order, error)
    qty = position.qty if position else ZERO
    baseline = qty if child.lookup_position is None else child.lookup_position
    known = {
        "lookups": child.lookups + 1,
        "lookup_position": baseline,
        "saved_wall": child.saved_wall or worker.time.wall(),
    }
    seen = child.changed(**known)
    order = order.with_child(seen)
    if is_exit(order):
        return _exit_in_doubt(worker, order, seen, unmoved=qty == baseline)
    if not last:
        return worker.wait(order, Route.WAIT_TO_PLACE, LOOKUP_BACKOFF_SECONDS[seen.lookups])
    stopped = None if is_withdrawn(order) else stopped_by(worker, order)
    if qty == baseline and (stopped or is_withdrawn(order)):
        return _rule_out(worker, order, seen, stopped)
    if qty == baseline and seen.sends < MAX_SENDS:
        return _send_again(worker, order, seen)
    worker.orders.save(worker.note(decided(order, Reason.BROKER_UNAVAILABLE), "outcome stays unknown"))
    return Next(Route.SECURE_POSITION)


def _send_again(worker: Worker, order: Order, child: ChildRecord) -> Next:
    written_at = child.first_sent_at or child.sent_at
    again = {"sends": child.sends + 1, "lookups": 0, "sent_at": worker.now(order), "first_sent_at": written_at}
    order = worker.note(order, f"{child.client_order_id} never arrived: sent once more")
    # Whether its id is taken this send tells anew.
    return _send(worker, order, child.changed(**again, id_taken=False))


def _exit_in_doubt(worker: Worker, order: Order, child: ChildRecord, *, unmoved: bool) -> Next:
    """An exit goes on once nothing of this child order can arrive any more.

    What a close took protection off is guarded again meanwhile, as long as the position shows no sale: should this one
    arrive after all, the broker refuses it for the shares that are held.
    """
    looks = child.lookups - len(LOOKUP_BACKOFF_SECONDS)
    left = wait_for_sender(worker, child, max(0, looks))
    if looks >= 0 and left is None:
        # One that is taken back ends; what it left is protected again behind that.
        withdrawn = is_withdrawn(order)
        return _rule_out(worker, order, child, None) if withdrawn else _try_on(worker, order, child, unmoved=unmoved)
    pause = (left or 1) if looks >= 0 else LOOKUP_BACKOFF_SECONDS[child.lookups]
    if unmoved and stays_bare(worker, order, pause):
        return protect_first(worker, order, 0, f"{child.client_order_id} may still arrive; protected again meanwhile")
    if unmoved and looks == 0 and child.sends < MAX_SENDS and not is_withdrawn(order):
        return _send_again(worker, order, child)
    return worker.wait(tell_overdue(worker, order), Route.WAIT_TO_PLACE, pause)


def _try_on(worker: Worker, order: Order, child: ChildRecord, *, unmoved: bool) -> Next:
    """The broker has nothing of it: the exit is sized anew, by what the account holds then."""
    detail = f"{child.client_order_id} never arrived, as far as the broker shows"
    told = f"{detail}; {order.symbol} is tried on until the close; {worker.stack.by_hand(order.symbol)}"
    order, unused = _without(worker, worker.alert_lasting(order, "never arrived", told), child, detail)
    order = to_be_assessed(order)
    if unmoved:
        following = wait_to_place(worker, order, pause_after_rejected(order), Route.WAIT_FOR_MARKET)
    else:
        following = worker.wait(selling_on(order), Route.WAIT_FOR_MARKET, 1)
    worker.give_back(unused)
    return following


def _rule_out(worker: Worker, order: Order, child: ChildRecord, stopped: Reason | None) -> Next:
    """A close waits for this order to end, or what stopped it ends it: it was never sent, once nobody can send it."""
    pause = wait_for_sender(worker, child, child.lookups - len(LOOKUP_BACKOFF_SECONDS))
    if pause:
        then = "it ends" if stopped or order.reason is Reason.CANCELLED else f"{order.symbol} is left"
        detail = f"{child.client_order_id} may still arrive; {then} when that is ruled out"
        return worker.wait(worker.alert_lasting(order, "on its way", detail), Route.WAIT_TO_PLACE, pause)
    order, unused = _without(worker, order, child, f"{child.client_order_id} never arrived")
    order = worker.orders.save(decided(order, stopped) if stopped else order)
    worker.give_back(unused)
    return Next(ladder_over(order))


def _taken(worker: Worker, order: Order, child: ChildRecord, stranger: OrderReport, refused: bool) -> Next:
    """An order that is not ours bears our id: nothing of it is believed. An exit goes on under its next id."""
    pause = None if refused else wait_for_sender(worker, child, child.lookups)
    if pause:
        seen = {"lookups": child.lookups + 1, "ambiguous": True, "saved_wall": child.saved_wall or worker.time.wall()}
        return worker.wait(order.with_child(child.changed(**seen)), Route.WAIT_TO_PLACE, pause)
    detail = taken(child_intent(order, child), stranger)
    worker.alert(order, detail)
    order, unused = _without(worker, order, child.changed(id_taken=True), detail)
    if is_exit(order) and not is_withdrawn(order):
        following = worker.wait(order, Route.WAIT_TO_PLACE, 1)
    else:
        following = finish(worker, order, Refusal(reason=Reason.CLIENT_ORDER_ID_TAKEN, detail=detail))
    worker.give_back(unused)
    return following


def _without(worker: Worker, order: Order, child: ChildRecord, detail: str) -> tuple[Order, Reservation | None]:
    gone, unused = emptied(child.given_up(worker.now(order)))
    return worker.note(order.with_child(gone), detail), unused
