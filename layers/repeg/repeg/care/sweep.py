"""The sweeper: positions are watched, orders that are not over have a worker, outcomes are published.

Positions come first, then orders; both within bounds of time, and who was left out comes first the next minute.
"""

from __future__ import annotations

from collections.abc import Callable

from repeg.care.given_up import look_for_given_up
from repeg.care.punctual import Timetable, look_for_missed_runs
from repeg.care.standing import hangs, stands, tell
from repeg.care.stock import take_stock
from repeg.care.survey import Survey, begin, check_clock, end, in_turn, list_executions
from repeg.care.trips import look_for_trips
from repeg.care.unseen import look_for_unseen, stands_still
from repeg.care.watch import free_turn, watch_positions
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Priority
from repeg.domain.patience import BLIND_AT_MOST, HISTORIES, ORDERS_WITHIN, OVERDUE
from repeg.domain.reasons import Status
from repeg.domain.routes import Route
from repeg.domain.rules.life import is_told
from repeg.domain.rules.parking import was_set_forward
from repeg.errors import OperatorError, RetryError
from repeg.executions import Executions, ExecutionState
from repeg.store.orders import BATCH
from repeg.worker.worker import Worker


def sweep(
    worker: Worker,
    executions: Executions,
    timetable: Timetable | None = None,
    intake_paused: Callable[[], bool] | None = None,
    check_account: Callable[[], None] | None = None,
) -> dict[str, int]:
    """Watch positions, restart what died, and tell how things stand, in metrics.

    Returns how many orders are to do, and how many executions started.
    """
    survey = begin(worker.at(Route.PROTECT_POSITION), executions)
    refresh_clock(worker)
    # Before the orders: bare shares can lose money while an order without an execution only waits.
    try:
        watch_positions(survey)
    except Exception as error:  # the next sweep looks again
        _not_watched(survey, error)
    take_stock(survey)
    to_do = _revive_all(survey)
    _look_for_unseen(survey)
    _look_for_given_up(survey)
    look_for_missed_runs(survey, timetable)
    look_for_trips(survey)
    standing = stands(survey, to_do, intake_paused)
    # The lock asks ahead of need, and positions do not wait for it.
    if check_account:
        _check_account(survey, check_account)
    # Before it is told: an end that nobody remembers to tell would let an alarm ring for ever.
    end(survey)
    tell(survey, standing)
    return {"to_do": to_do, "started": survey.started}


def _not_watched(survey: Survey, error: Exception) -> None:
    """Positions were not watched: alerted at once, or after three minutes if it is trouble that passes by itself."""
    since = survey.marks["sweep blind"] = survey.before.marks.get("sweep blind", survey.now)
    lasts = not isinstance(error, RetryError) or survey.now - since >= BLIND_AT_MOST
    alert = lasts and survey.due("sweep", "positions")
    survey.worker.log.error(f"positions could not be looked after: {error}", alert=alert)


def _check_account(survey: Survey, check_account: Callable[[], None]) -> None:
    try:
        check_account()
    except RetryError as error:
        survey.worker.log.error(f"the account could not be checked: {error}")
    except OperatorError as error:
        survey.worker.log.error(str(error), alert=survey.due("sweep", "account"))


def _look_for_unseen(survey: Survey) -> None:
    try:
        look_for_unseen(survey)
    except Exception as error:  # the next sweep looks again
        survey.worker.log.error(f"entries that stand still could not be looked at: {error}")


def _look_for_given_up(survey: Survey) -> None:
    try:
        look_for_given_up(survey)
    except Exception as error:  # the next sweep looks again
        survey.worker.log.error(f"what was given up could not be looked for: {error}")


def _revive_all(survey: Survey) -> int:
    worker = survey.worker
    ids = in_turn(dict.fromkeys(worker.orders.to_do()), survey.before.orders_after)
    survey.unread = set(ids)
    if ids:
        list_executions(survey)
    for place in range(0, len(ids), BATCH):
        some = ids[place : place + BATCH]
        orders, broken = worker.orders.several(some)
        for order_id in some:
            if order_id != ids[0] and survey.late(ORDERS_WITHIN):  # one each time, however late
                return _out_of_time(survey, ids, order_id)
            _look_for_trouble(survey, order_id, orders.get(order_id), broken.get(order_id))
            revive_one(survey, order_id, orders.get(order_id), broken.get(order_id))
    return len(ids)


def _out_of_time(survey: Survey, ids: list[str], at: str) -> int:
    place = ids.index(at)
    survey.orders_after = ids[place - 1]
    survey.unseen |= set(ids[place:])
    survey.worker.log.error(f"{place} of {len(ids)} open orders were looked at; the next sweep goes on")
    return len(ids)


def _look_for_trouble(survey: Survey, order_id: str, order: Order | None, problem: str | None) -> None:
    if problem:
        return
    survey.unread.discard(order_id)
    if order is None:
        return
    survey.stuck_cancels += hangs(order, survey.worker.now(order))
    if stands_still(order, survey.worker.time.wall(), survey.worker.time.speed):
        survey.still.append(order_id)


def revive_one(survey: Survey, order_id: str, order: Order | None, problem: str | None) -> None:
    """Give an order an execution; one whose record is bad must not keep the others from theirs."""
    log = survey.worker.log
    try:
        if problem:
            raise ValueError(problem)
        if order:
            _revive(survey, order)
    except RetryError as error:
        survey.unseen.add(order_id)
        log.info(f"left to the next sweep: {error}", order_id=order_id)
    except Exception as error:
        log.error(f"could not be revived: {error}", alert=survey.due(order_id, "not revived"), order_id=order_id)


def _revive(survey: Survey, order: Order) -> None:
    if is_told(order):
        return
    if order.status is Status.WAITING:
        free_turn(survey, order.symbol)
    state = survey.state_of(order)
    running = state is ExecutionState.RUNNING
    if running and not _sleeps_on(survey, order):
        _watch_pace(survey, order)
        return
    number = order.run.executions
    # One that is missing was never started: the same name again is safe, whoever else starts it.
    if running or state is ExecutionState.ENDED:
        number += 1
        # Before the start: from this write on the execution before, should it live after all, can write nothing.
        survey.worker.orders.adopt(order, survey.executions.arn(order.order_id, number))
    survey.executions.start(order.order_id, number)
    survey.started += 1
    survey.worker.log.info(f"execution {number} started", order_id=order.order_id)


def _sleeps_on(survey: Survey, order: Order) -> bool:
    """True when an order waits for an open by a clock that was set forward: the machine's wait does not hear of it.

    A fresh execution takes over; the one that waits ends quietly when it wakes.
    """
    if order.status is not Status.WAITING or order.run.parked_until is None or order.run.clock is None:
        return False
    check_clock(survey, order.symbol)
    return was_set_forward(survey.now, survey.worker.clock_of(order).now())


def _watch_pace(survey: Survey, order: Order) -> None:
    """An execution that runs and does not move looks healthy; the operator hears of it once it is overdue."""
    wall = survey.worker.time.wall()
    if wall - (order.run.due_wall or order.ask.received_wall) < OVERDUE or survey.histories >= HISTORIES:
        return
    # Counted, as Step Functions throttles this call: a sweep of a thousand orders must not use it up.
    survey.histories += 1
    moved_at = survey.executions.moved_at(order.order_id, order.run.executions)
    if moved_at is None or wall - moved_at < OVERDUE:
        return
    if survey.due(order.order_id, "stands still"):
        minutes = int((wall - moved_at).total_seconds() // 60)
        survey.worker.alert(order, f"{order.kind} of {order.symbol} has not moved for {minutes} minutes: look at it")


def refresh_clock(worker: Worker) -> None:
    """Read clock and calendar ahead of need: it spares each order a trading request."""
    try:
        clock = worker.time.kept_fresh(worker.broker_for(Priority.ROUTINE))
        worker.time.calendar(worker.broker_for(Priority.ROUTINE), clock.now())
    except Exception as error:  # watching and reviving is what the sweep is for; the clock is a courtesy
        worker.log.error(f"the broker's clock could not be read: {error}")
