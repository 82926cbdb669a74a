"""The life of an order in one table: where it stands, and who works on it there.

The record keeps flags; what they come to is decided here and nowhere else. `stage_of` reads them by rules of which the
first that fits decides, and `STATES` says in which states of the machine a stage is worked on. What may come next is in
`moves.py` beside this one, how it ends in `endings.py`. All of it is printed into docs/order-life.md, and the tests
hold every order to it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from repeg.domain.order.children import ChildStatus
from repeg.domain.order.protection import lone_stop
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.routes import Route


class Stage(StrEnum):
    """Where an order stands. Up to ENDING it is not over; from UNTOLD on it is, though its shares may still be held."""

    WAITING = "waiting"
    WORKING = "working"
    LIVE = "live"
    WITHDRAWN = "withdrawn"
    CANCELING = "canceling"
    SECURING = "securing"
    RESTORING = "restoring"
    LOOKING_AGAIN = "looking again"
    ENTERED = "entered"
    SOLD = "sold"
    LEAVING = "leaving"
    ENDING = "ending"
    UNTOLD = "untold"
    FROZEN = "frozen"
    HOLDING = "holding"
    BARE = "bare"
    LEAVING_LATER = "leaving later"
    OVER = "over"


class Rule(NamedTuple):
    """Stands for a stage where nothing before it fits; `when` is the same in words."""

    stage: Stage
    fits: Callable[[Order], object]
    when: str


AT_WORK = (
    # Before all others: each stage below runs into the step that keeps failing.
    Rule(
        Stage.SECURING, lambda order: order.run.securing and order.open_child, "a step kept failing; its child may fill"
    ),
    # Before its child order: what the close took protection off is bare meanwhile.
    Rule(Stage.RESTORING, lambda order: order.close.restoring, "a close puts protection back before it waits"),
    Rule(Stage.CANCELING, lambda order: _is_canceling(order), "a child order's cancel was asked for"),
    Rule(
        Stage.WITHDRAWN,
        lambda order: order.open_child and is_withdrawn(order),
        "an exit took over, or a cancel; its child may fill",
    ),
    Rule(Stage.LIVE, lambda order: order.open_child, "a child order may fill"),
    Rule(Stage.WORKING, lambda order: _is_due(order) and order.status is Status.WORKING, "its next child order is due"),
    Rule(Stage.WAITING, lambda order: _is_due(order), "it was not released, or must be assessed anew"),
)
"""While more may be bought or sold for it."""

OWED = (
    Rule(Stage.ENDING, lambda order: needs_no_care(order), "what it bought was seen to, or an exit sees to it"),
    # Before protecting: an OCO would hold the shares that are to be sold.
    Rule(Stage.LEAVING, lambda order: order.unwind.wanted, "what it bought is not worth holding"),
    Rule(
        Stage.LOOKING_AGAIN,
        lambda order: wants_another_look(order),
        "an exit sold all that it saw, and more may show",
    ),
    Rule(Stage.ENTERED, lambda order: order.unexited_qty > 0, "a bracket bought shares"),
    Rule(Stage.SOLD, lambda order: _answers_for_brackets(order), "a close took protection down"),
    Rule(Stage.ENDING, lambda order: True, "nothing is left to be done"),
)
"""Once its ladder is over: what is owed to the shares before the outcome may be recorded."""

OUTCOME_RECORDED = (
    Rule(Stage.UNTOLD, lambda order: not order.run.published, "its outcome was not published"),
    # Before exiting and protecting: neither is done with shares that the account may not hold.
    Rule(Stage.FROZEN, lambda order: order.care.frozen, "record and account disagree"),
    # Before bare: an OCO would hold the shares that are to be sold, and be refused past its stop.
    Rule(Stage.LEAVING_LATER, lambda order: _is_not_left_yet(order), "its position is past its stop"),
    Rule(
        Stage.BARE,
        lambda order: order.needs_care or lone_stop(order.guard.protections),
        "shares are not guarded as they should be",
    ),
    Rule(Stage.HOLDING, lambda order: order.unexited_qty > 0, "its shares are guarded"),
    Rule(Stage.OVER, lambda order: True, "nothing is held"),
)
"""Once its outcome is recorded."""

RULES = (*AT_WORK, *OWED)

STATES = {
    Stage.WAITING: (Route.ASSESS_MARKET, Route.WAIT_FOR_MARKET, Route.RELEASE_PROTECTION, Route.WAIT_FOR_RELEASE),
    Stage.WORKING: (Route.PLACE_ORDER, Route.WAIT_TO_PLACE),
    Stage.LIVE: (
        Route.PLACE_ORDER,
        Route.WAIT_TO_PLACE,
        Route.CHECK_FILL,
        Route.WAIT_FOR_FILL,
        Route.WAIT_OUT_PATIENCE,
    ),
    Stage.WITHDRAWN: (Route.PLACE_ORDER, Route.WAIT_TO_PLACE),
    Stage.CANCELING: (Route.CANCEL_ORDER, Route.WAIT_FOR_CANCEL),
    Stage.SECURING: (Route.SECURE_POSITION, Route.WAIT_TO_SECURE),
    Stage.RESTORING: (Route.PROTECT_POSITION, Route.WAIT_TO_PROTECT, Route.PLACE_ORDER, Route.WAIT_TO_PLACE),
    Stage.LOOKING_AGAIN: (Route.ASSESS_MARKET, Route.WAIT_FOR_MARKET),
    Stage.ENTERED: (Route.PROTECT_POSITION, Route.WAIT_TO_PROTECT),
    Stage.SOLD: (Route.PROTECT_POSITION, Route.WAIT_TO_PROTECT),
    Stage.LEAVING: (Route.UNWIND_POSITION, Route.WAIT_FOR_UNWIND),
    Stage.ENDING: (Route.RECORD_OUTCOME,),
    Stage.UNTOLD: (Route.RECORD_OUTCOME,),
    Stage.FROZEN: (Route.RECORD_OUTCOME, Route.DONE),
    Stage.HOLDING: (Route.RECORD_OUTCOME, Route.DONE),
    Stage.BARE: (Route.PROTECT_POSITION, Route.WAIT_TO_PROTECT),
    Stage.LEAVING_LATER: (Route.UNWIND_POSITION, Route.WAIT_FOR_UNWIND),
    Stage.OVER: (Route.RECORD_OUTCOME, Route.DONE),
}
"""Where a stage is worked on: first the state to which an execution goes that takes the order up."""


def stage_of(order: Order) -> Stage:
    """Where the record says that an order stands."""
    return _first(OUTCOME_RECORDED if order.status.terminal else RULES, order)


def taken_up(order: Order) -> Route:
    """Where an execution goes on that finds the order so.

    Besides the table: one that is being secured, though no child order may fill any more, is taken up there; one that
    was filled, of which nothing else is recorded, where it was worked last.
    """
    stage = stage_of(order)
    if order.run.securing and not order.status.terminal:
        return Route.SECURE_POSITION
    if stage in (Stage.ENTERED, Stage.SOLD, Stage.ENDING) and not _is_ladder_over(order):
        stage = Stage.WORKING if order.status is Status.WORKING else Stage.WAITING
    return STATES[stage][0]


def ladder_over(order: Order) -> Route:
    """Where an order goes of which no more is bought or sold: what is owed to its shares comes before its outcome.

    That it is being secured says only that its ladder is over.
    """
    return STATES[_first(OWED, order)][0]


def _first(rules: tuple[Rule, ...], order: Order) -> Stage:
    return next(rule.stage for rule in rules if rule.fits(order))


def _is_canceling(order: Order) -> bool:
    child = order.open_child
    return child is not None and child.status is ChildStatus.CANCELING


def _is_ladder_over(order: Order) -> bool:
    return bool(order.reason or order.unwind.wanted or order.guard.settled or wants_another_look(order))


def _is_due(order: Order) -> bool:
    return not _is_ladder_over(order) and not is_complete(order)


def is_complete(order: Order) -> bool:
    """True when all that it has to trade is filled; how much that is, a close learns from the account."""
    return order.terms.requested_qty is not None and order.remaining_qty <= 0


def needs_no_care(order: Order) -> bool:
    """True when what it bought was seen to, or an exit that took over sees to it."""
    return order.guard.settled or bool(order.close.superseded_by and not order.close.gave_way)


def _is_not_left_yet(order: Order) -> bool:
    return order.unwind.wanted and (order.unexited_qty > 0 or not order.guard.settled)


def _answers_for_brackets(order: Order) -> bool:
    return order.kind == "close" and bool(order.close.released or order.close.brackets_before)


def wants_another_look(order: Order) -> bool:
    """True when an exit sold all that it saw free, and nobody has seen yet that the account shows no more than that.

    What orders held, or did not show yet, may be free by now; and a split makes more shares of those that are sold.
    """
    exits = order.kind in ("close", "unwind")
    if (
        not exits
        or order.close.looked_again
        or order.close.superseded_by
        or order.reason
        or order.run.securing
        or order.open_child
    ):
        return False
    return order.remaining_qty <= 0 < order.filled_qty


def looks_again_once(order: Order) -> bool:
    """True where the look is for shares that orders held, or did not show yet: what is not free then stays."""
    return order.terms.cut is not None or order.close.bought_lately


# --- trouble, and who may be ended ---


def is_interrupted(order: Order) -> bool:
    """True when an order that a step failed for was being worked: it must be secured.

    One that is being secured already is not to be begun again; any other only has to be seen to and recorded.
    """
    undecided = order.reason is None and not is_complete(order)
    return not order.run.securing and (order.open_child is not None or undecided)


def is_untouched(order: Order) -> bool:
    """True while nothing was sent of it, and nothing decided about it."""
    return not order.children and order.reason is None


def sends_no_more(order: Order) -> bool:
    """True for an order whose last child order is over, when no further one may follow."""
    # Reasons alone do not say it: of a frozen bracket whose entry hung, the next rung would have bought more.
    return _is_ladder_over(order) or order.remaining_qty <= 0


def is_withdrawn(order: Order) -> bool:
    """True once an exit or a cancel took over: what is live is cancelled, what is on its way is not sent again."""
    return order.close.superseded_by is not None or order.reason is Reason.CANCELLED


def is_withdrawn_by(order: Order, close: Order) -> bool:
    """True when it was this close that took over."""
    return order.close.superseded_by == close.order_id


def is_restoring(close: Order) -> bool:
    """True while a close has protection put back, to go on after that."""
    return close.close.restoring


def is_being_left(order: Order) -> bool:
    """True from the verdict that the position is to be exited until an unwind ends."""
    return order.unwind.wanted


def trades_when_over(order: Order) -> bool:
    """True for an order that is over and whose position an unwind exits: that trades on its symbol's turn."""
    # That it was to be left stays in the record of one that is flat: told by that alone, it kept its turn for ever.
    return order.status.terminal and _is_not_left_yet(order)


def was_left_in_vain(order: Order) -> bool:
    """True when an unwind ended and shares are still held: protecting is all that can be done."""
    return order.unwind.failed


def is_seen_to(order: Order) -> bool:
    """True once what was bought is protected or exited, or the operator was alerted that it is neither."""
    return order.guard.settled


def is_told(order: Order) -> bool:
    """True when the outcome is recorded and published: no execution is needed but to look after its shares."""
    return order.status.terminal and order.run.published


def is_being_ended(order: Order) -> bool:
    """True once somebody sees to its end: nobody else needs to take over from it."""
    return bool(order.status.terminal or order.run.securing or order.unwind.wanted or order.close.superseded_by)


def may_be_superseded(order: Order) -> bool:
    """True while an exit may take over from it: what it bought was not seen to."""
    return not (is_being_ended(order) or order.guard.settled)


def may_be_taken_back(order: Order) -> bool:
    """True while a cancel may end it: it may trade yet, and nothing else ends it already.

    What exits a position by itself is none of anybody's orders, and an instruction is carried out at once.
    """
    if order.kind == "unwind" or order.is_instruction:
        return False
    return not is_being_ended(order) and (_is_due(order) or wants_another_look(order))


def is_to_go_on(order: Order) -> bool:
    """True while nothing speaks against leaving its child order at the market."""
    return not (order.close.superseded_by or order.reason or order.run.securing)
