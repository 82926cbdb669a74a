"""What every step of a rebalance works with, and the small things that all of them do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from repeg.broker.port import Broker
from repeg.clock import MarketClock
from repeg.domain.history import is_due
from repeg.domain.order.reservation import Priority
from repeg.domain.order.verdicts import Wait
from repeg.domain.patience import MAX_WAITS_PER_EXECUTION
from repeg.domain.rebalance.record import Rebalance
from repeg.domain.rebalance.routes import Onward, RebalanceRoute
from repeg.domain.rebalance.views import rebalance_view
from repeg.events import ALERT
from repeg.store.rebalances import RebalanceStore
from repeg.store.shared import SharedStore
from repeg.worker.worker import Worker

STATE = "RebalancePortfolio"


@dataclass
class Rebalancer:
    """Ports and clients of one process; `worker` is what orders are worked with."""

    worker: Worker
    rebalances: RebalanceStore
    shared: SharedStore

    @property
    def broker(self) -> Broker:
        """The broker; exits of others are served before a rebalance."""
        return self.worker.broker_for(Priority.ROUTINE)

    def clock_of(self, rebalance: Rebalance) -> MarketClock:
        """The reading that this execution works by."""
        clock = rebalance.work.clock
        return self.worker.time.carry_on(clock) if clock else self.worker.time.approximate()

    def now(self, rebalance: Rebalance) -> datetime:
        """Market time."""
        return self.clock_of(rebalance).now()

    def note(self, rebalance: Rebalance, detail: str) -> Rebalance:
        """The rebalance with one more event, also logged."""
        self.worker.log.info(detail, state=STATE, rebalance_id=rebalance.rebalance_id)
        return rebalance.noted(self.now(rebalance), STATE, detail)

    def wait(self, rebalance: Rebalance, route: RebalanceRoute, wait: Wait) -> Onward:
        """Wait in the machine; after very many waits end here, and let a fresh execution take over."""
        work, time = rebalance.work, self.worker.time
        goes_on = work.waits_for is wait.on
        if not goes_on:
            rebalance = self.note(rebalance, wait.sentence)
        held = rebalance.with_work(
            waits=work.waits + 1 if goes_on else 1,
            waits_since=work.waits_since if goes_on else self.now(rebalance),
            waits_for=wait.on,
            waits_since_start=work.waits_since_start + 1,
            due_wall=time.wall() + timedelta(seconds=wait.seconds / time.speed),
            parked_until=wait.parked_until,
        )
        self.rebalances.save(held, requeue=wait.parked_until != work.parked_until)
        if held.work.waits_since_start >= MAX_WAITS_PER_EXECUTION:
            return Onward(RebalanceRoute.DONE)
        return Onward(route, wait.seconds)

    def alert(self, rebalance: Rebalance, detail: str) -> None:
        """Alert the operator: a log line that alarms watch, and an event. Failing to publish never stops a step."""
        self.worker.log.error(detail, alert=True, rebalance_id=rebalance.rebalance_id)
        about = {"order_id": None, "signal_id": rebalance.signal_id, "symbol": None}
        line = self.worker.stack.line(
            f"rebalance {rebalance.signal_id}", detail, f"repeg rebalance {rebalance.signal_id}"
        )
        try:
            more = {"rebalance_id": rebalance.rebalance_id, "alert": detail, "message": line}
            self.worker.publisher.publish(ALERT, about | more)
        except Exception as error:  # the log line above has alarmed already
            self.worker.log.error(f"alert was not published: {error}", rebalance_id=rebalance.rebalance_id)

    def alert_lasting(self, rebalance: Rebalance, what: str, detail: str) -> Rebalance:
        """Alert of trouble called `what` at once and again every 15 minutes while it lasts; the caller saves."""
        now = self.now(rebalance)
        if not is_due(rebalance.told, what, now):
            return rebalance
        self.alert(rebalance, detail)
        return rebalance.having_told(what, now)

    def publish(self, rebalance: Rebalance, detail_type: str) -> None:
        """Publish what the rebalance came to; its history stays in the record."""
        view = rebalance_view(rebalance)
        view.pop("events")
        self.worker.publisher.publish(detail_type, view)
