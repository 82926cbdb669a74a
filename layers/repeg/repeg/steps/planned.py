"""Orders that did not look at the market before the open trade its first minutes by the plan that was made for all."""

from __future__ import annotations

from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from repeg.domain.ladder.opening import PLAN_ENDS_AFTER_OPEN
from repeg.domain.market.reports import TradingDay
from repeg.domain.order.record import Order
from repeg.domain.rules.walking import is_exit
from repeg.worker.worker import Worker


def planned(worker: Worker, order: Order, session: TradingDay | None, now: datetime) -> Order:
    """The order with the plan that the pre-market assessment has for it, unless it has one of its own for this open."""
    if session is None or now >= session.opens_at + PLAN_ENDS_AFTER_OPEN or order.kind == "bracket" or is_exit(order):
        return order
    # Its own look is the later one.
    if order.run.opening and order.run.opening.opens_at == session.opens_at:
        return order
    try:
        kept = worker.time.kept.opening_plans()
    except (ClientError, BotoCoreError, ValueError) as error:  # without a plan the class's cap and patience hold
        worker.log.error(f"the plans of the open cannot be read: {error}", order_id=order.order_id)
        return order
    plan = kept.plan_of(order.symbol, session.opens_at) if kept else None
    return order.with_run(opening=plan) if plan else order
