"""A child order that cannot be placed now: without a quote, a free request, a broker that answers, or its keys."""

from __future__ import annotations

from repeg.domain.order.course import awaiting, broker_failed, to_be_assessed
from repeg.domain.order.record import Order
from repeg.domain.order.verdicts import Refusal, WaitingFor, no_market
from repeg.domain.patience import (
    BROKER_TRIES,
    KEYS_PAUSE_SECONDS,
    NO_MARKET_PAUSE_SECONDS,
    NO_QUOTE_PAUSE_SECONDS,
    READ_BACKOFF_SECONDS,
    backoff,
)
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.domain.rules.walking import is_exit, waits_for_market
from repeg.errors import CredentialsRefused, OperatorError, RetryError
from repeg.worker.outcome import finish, reason_of
from repeg.worker.worker import Worker


def no_quote(worker: Worker, order: Order, problem: Reason, doubt: str | None) -> Next:
    """Only an exit goes to market blindly. What must complete looks again until its time is up."""
    if order.must_complete and order.sent:
        return worker.wait(order, Route.WAIT_TO_PLACE, NO_QUOTE_PAUSE_SECONDS)
    if doubt and waits_for_market(order):
        if order.run.waits_for is not WaitingFor.MARKET:
            order = worker.note(awaiting(order, WaitingFor.MARKET), no_market(doubt).sentence)
        if order.sent:
            return worker.wait(order, Route.WAIT_TO_PLACE, NO_MARKET_PAUSE_SECONDS)
        return worker.wait(to_be_assessed(order), Route.WAIT_FOR_MARKET, NO_MARKET_PAUSE_SECONDS)
    return finish(worker, order, Refusal(reason=problem, detail=doubt or "no quote to trade on"))


def wait_for_request(worker: Worker, order: Order, seconds: float, why: str = "no trading request is free") -> Next:
    """Wait for a trading request. An order that sent nothing yet is assessed anew: it may have expired by then."""
    order = worker.note(order, f"waits {seconds:.0f} s: {why}")
    if order.sent:
        return worker.wait(order, Route.WAIT_TO_PLACE, int(seconds) + 1)
    return worker.wait(to_be_assessed(order), Route.WAIT_FOR_MARKET, int(seconds) + 1)


def broker_down(worker: Worker, order: Order, error: RetryError) -> Next:
    """The broker does not answer: tried again, and given up where nothing is at the market and nothing must be left."""
    failures = order.sending.broker_failures + 1
    child = order.open_child
    keys = isinstance(error, CredentialsRefused)
    # With a child order that may be live nothing ends: its fill would be in no record.
    if child is None and failures >= BROKER_TRIES and not is_exit(order):
        if keys:
            worker.alert(order, str(error))
        return finish(worker, order, Refusal(reason=reason_of(error), detail=str(error)))
    worker.log.error(f"broker: {error}", order_id=order.order_id)
    if failures >= BROKER_TRIES:
        live = f"{child.client_order_id} may be live, and the broker does not answer" if child else ""
        order = worker.alert_lasting(order, "broker", f"{live or f'{order.symbol} cannot be left'}: {error}")
    seconds = backoff(READ_BACKOFF_SECONDS, order.sending.broker_failures)
    return worker.wait(broker_failed(order), Route.WAIT_TO_PLACE, seconds)


def misconfigured(worker: Worker, order: Order, error: OperatorError) -> Next:
    """Only the operator can mend it: an exit waits for that, what enters ends."""
    if is_exit(order):
        told = worker.alert_lasting(order, WaitingFor.OPERATOR.words, str(error))
        return worker.wait(told, Route.WAIT_TO_PLACE, KEYS_PAUSE_SECONDS)
    worker.alert(order, str(error))
    return finish(worker, order, Refusal(reason=Reason.MISCONFIGURED, detail=str(error)))
