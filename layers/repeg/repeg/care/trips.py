"""What the sweep halts trading for: the loss of the day."""

from __future__ import annotations

from functools import partial

from repeg.broker.port import Broker
from repeg.care.survey import Survey
from repeg.domain.market.sessions import EASTERN
from repeg.domain.order.reservation import Priority
from repeg.domain.patience import SECOND_LOOK_SECONDS
from repeg.domain.trips import ZERO, Trip, Tripped, Worth, by_loss, watches_loss
from repeg.errors import OperatorError, RetryError
from repeg.worker.book import paid_in_since_close
from repeg.worker.trips import tripping


def look_for_trips(survey: Survey) -> None:
    """Halt trading if it is time to. Never raises."""
    tripping(survey.worker, partial(_loss, survey), lambda: survey.due("sweep", "trips"))


def _loss(survey: Survey) -> Tripped | None:
    """The loss as two looks at the account show it, a second apart, without what was paid in or out."""
    worker, settings = survey.worker, survey.worker.settings()
    if not watches_loss(settings):
        return None
    broker, now = worker.broker_for(Priority.ROUTINE), survey.now
    # Outside it the account is valued at prices at which nobody trades.
    if worker.time.calendar(broker, now).session_at(now) is None:
        return None
    today = now.astimezone(EASTERN).date()
    paid = survey.paid_in()
    # A deposit would hide a loss from the first look. A withdrawal, which looks like one, is asked about anew below.
    seen = _worth(broker)._replace(moved=max(ZERO, paid.dollars) if paid else ZERO)
    if by_loss(seen, "", settings, today) is None:
        return None
    mark = worker.orders.trips().mark(Trip.LOSS)
    if by_loss(seen, mark, settings, today) is None:
        return None
    # One answer about the account halts nothing: by the second it may be another one.
    worker.sleep(SECOND_LOOK_SECONDS)
    again = _worth(broker)
    try:
        moved = paid_in_since_close(broker, now).dollars
    except (RetryError, OperatorError) as error:
        # On the worst of days the broker answers worst. A withdrawal that nobody told of halts what an operator
        # resumes; a loss that halts nothing goes on.
        worker.log.error(f"what was paid in or out cannot be asked, the loss is taken as it was last told: {error}")
        moved = paid.dollars if paid else ZERO
    return by_loss(again._replace(moved=moved), mark, settings, today)


def _worth(broker: Broker) -> Worth:
    account = broker.account()
    return Worth(account.equity, account.last_equity)
