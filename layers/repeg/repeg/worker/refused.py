"""A child order was refused: believed, or tried again as `domain/rules/refusals.py` has it."""

from __future__ import annotations

from repeg.broker.port import Denied
from repeg.domain.market.reports import OrderReport
from repeg.domain.models import opposite
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.course import to_be_assessed
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.reservation import Priority, emptied
from repeg.domain.order.verdicts import Refusal
from repeg.domain.patience import WASH_WAITS
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.domain.rules.refusals import SHARES_LACK, Denial, Doubt, Sort, doubts_of, sort_of, try_again_in
from repeg.domain.rules.sizing import named_orders, nearest_wall, order_words, sized
from repeg.domain.rules.walking import is_exit
from repeg.errors import OperatorError, RetryError
from repeg.worker.foreign import against, make_way
from repeg.worker.outcome import finish, wait_to_place
from repeg.worker.size import size_sell
from repeg.worker.worker import Worker

IN_THE_WAY = "orders in the way"


def refused(worker: Worker, order: Order, child: ChildRecord, denied: Denied) -> Next:
    """Nothing of the child order is live. Try again later, or end the ladder with the broker's reason."""
    reason = _meant(order, denied.reason)
    times = order.sending.refused + 1 if order.sending.refused_for is reason else 1
    order = order.with_sending(refused_for=reason, refused=times)
    sort, now = sort_of(order), worker.now(order)
    doubts = doubts_of(order, now)
    if sort is Sort.EXIT and reason is Reason.WASH_TRADE:
        resting, ours = _in_the_way(worker, order, denied.because_of)
        order, doubts = _facing(worker, order, resting, lost=True), doubts | ({Doubt.OURS} if ours else set())
    refusal = Denial(reason=reason, of=sort, times=times, doubts=doubts)
    wait = try_again_in(refusal)
    if wait is None:
        # An earlier send under this id may arrive yet: given up and not refused, it is looked for.
        over = (
            child.given_up(now) if child.may_have_arrived else child.changed(status=ChildStatus.REJECTED, closed_at=now)
        )
        ended, _ = emptied(over)
        detail = f"broker: {denied.message}{_named(worker, denied)}"
        following = finish(worker, order.with_child(ended), Refusal(reason=reason, detail=detail))
    else:
        if times == 1:
            order = worker.note(order, f"broker: {denied.message}; tried again")
        following = _again(worker, unsent(worker, order, child), refusal, wait)
    # Behind the save of a record that does not count them any more, lest they be given back twice.
    worker.give_back(child.reserved)
    return following


def _named(worker: Worker, denied: Denied) -> str:
    """The order that the broker refuses ours for, in words."""
    if denied.because_of is None:
        return ""
    try:
        report = worker.broker_for(Priority.URGENT).order(denied.because_of)
    except (RetryError, OperatorError):
        report = None
    return f"; in the way: {order_words(report) if report else f'order {denied.because_of}'}"


def _meant(order: Order, reason: Reason) -> Reason:
    turns = order.terms.bracket and reason is Reason.NO_POSITION
    if turns or (reason is Reason.HELD_BY_PROTECTION and order.side == "buy"):
        # For a buy, "insufficient qty" means a short position that the order would turn into a long one.
        return Reason.OPPOSITE_POSITION
    return reason


def unsent(worker: Worker, order: Order, child: ChildRecord) -> Order:
    """The order without a send that the broker did not take: a first one is forgotten, and its id used again.

    What was sent under the id before may still arrive, and stays known.
    """
    if not child.may_have_arrived:
        return order.without_child(child)
    gone, _ = emptied(child.given_up(worker.now(order)))
    return order.with_child(gone)


def _again(worker: Worker, order: Order, refusal: Denial, wait: int) -> Next:
    if refusal.of is Sort.EXIT and refusal.reason in SHARES_LACK:
        # What the account showed was old: the exit is sized anew.
        again = to_be_assessed(order).with_sending(resizes=order.sending.resizes + 1)
        return worker.wait(again, Route.WAIT_FOR_MARKET, wait)
    return wait_to_place(worker, order, wait)


def before_rung(worker: Worker, order: Order) -> Order | Next:
    """The order made ready for its next rung after a refusal: sized anew, or priced off opposite orders."""
    if order.sending.refused_for in SHARES_LACK and sort_of(order) is Sort.SELL:
        return _sized_anew(worker, order)
    if order.sending.wall is not None and is_exit(order):
        return _facing(worker, order, _in_the_way(worker, order, None)[0])
    return order


def walled_off(worker: Worker, order: Order) -> Next:
    """An opposite order of the account rests at every price that would trade: counted as a refusal."""
    order = order.with_sending(refused_for=Reason.WASH_TRADE, refused=order.sending.refused + 1)
    wait = try_again_in(Denial(reason=Reason.WASH_TRADE, of=Sort.EXIT, times=order.sending.refused))
    rests = f"an order of the account rests at {order.sending.wall}, and what could meet it is refused; cancel it"
    order = worker.alert_lasting(order, IN_THE_WAY, f"{order.symbol} cannot be left: {rests}")
    return wait_to_place(worker, order, wait or WASH_WAITS[-1])


def _sized_anew(worker: Worker, order: Order) -> Order | Next:
    """A plain sell by what is free now; that nothing is free is one refusal more."""
    sizing = size_sell(worker, order, (order.terms.requested_qty or ZERO) - order.filled_qty)
    if not isinstance(sizing, Refusal):
        order = worker.note(order, sizing.note) if sizing.note else order
        return sized(order, sizing)
    order = order.with_sending(refused_for=sizing.reason, refused=order.sending.refused + 1)
    wait = try_again_in(Denial(reason=sizing.reason, of=Sort.SELL, times=order.sending.refused))
    if wait is None:
        return finish(worker, order, Refusal(reason=sizing.reason, detail=sizing.detail))
    return worker.wait(order, Route.WAIT_TO_PLACE, wait)


def _in_the_way(worker: Worker, order: Order, named: str | None) -> tuple[tuple[OrderReport, ...], bool]:
    """Somebody's opposite orders, the one that the broker named even if no list shows it yet; and whether ours rest."""
    if make_way(worker, order, opposite(order.trading_side)):
        worker.log.info("orders in the way are being cancelled", order_id=order.order_id)
    found, own = against(worker, order)
    ours = bool(own)
    # The list lags behind the refusal, which names the order.
    if named is None or named in own or any(each.broker_order_id == named for each in found):
        return found, ours
    try:
        report = worker.broker_for(Priority.URGENT).order(named)
    except (RetryError, OperatorError):
        report = None
    return (found if report is None or report.status.terminal else (*found, report)), ours


def _facing(worker: Worker, order: Order, resting: tuple[OrderReport, ...], lost: bool = False) -> Order:
    """Keep how near these orders let our price come. Against one without a limit all is refused: that is alerted."""
    wall = nearest_wall(resting, order.trading_side)
    names = named_orders(resting, opposite(order.trading_side))
    if wall != order.sending.wall and wall is not None:
        order = worker.note(order, f"stays off {names}")
    order = order.with_sending(wall=wall)
    # Against a market order or a plain stop Alpaca refuses at any price (docs.alpaca.markets/docs/user-protection).
    blocking = [each for each in resting if each.limit_price is None]
    if blocking and lost:
        detail = f"{order.symbol} cannot be left: {order_words(blocking[0])} rests, and the broker takes nothing "
        return worker.alert_lasting(order, IN_THE_WAY, detail + "against it; cancel it")
    return order if blocking or wall is not None else order.no_longer(IN_THE_WAY)
