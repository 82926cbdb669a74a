"""The whole spine in one process: the real machine definition, steps, store (moto) and adapter against a real exchange.

The exchange's clock stands still and is moved on by every wait, so that minutes pass in milliseconds. Any input or
output can be made to kill the worker, before or after it happened.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from desk.exchange.client import ExchangeControl
from repeg.broker.alpaca import connect_alpaca
from repeg.budget.ledger import RateBudget
from repeg.budget.table import TableBudget, Tally
from repeg.cancels import Cancels
from repeg.care.punctual import Timetable
from repeg.care.sweep import refresh_clock, sweep
from repeg.clock import TimeKeeper
from repeg.domain.metrics.figures import mark_of
from repeg.domain.metrics.listed import Metric
from repeg.domain.order.record import Order
from repeg.domain.rebalance.record import Rebalance, is_rebalance
from repeg.domain.routes import Next, Route
from repeg.domain.schedule.times import Schedule
from repeg.domain.settings import Settings
from repeg.executions import ExecutionState
from repeg.intake import Intake
from repeg.rebalance.rebalancer import Rebalancer
from repeg.rebalance.sweep import sweep_rebalances
from repeg.reconcile.counters import Counters
from repeg.reconcile.run import Reconciler, reconcile
from repeg.schedules.jobs import run_schedule
from repeg.schedules.runner import Answer, Bench
from repeg.steps.assess import assess
from repeg.steps.cancel import cancel
from repeg.steps.check import check
from repeg.steps.place import place
from repeg.steps.protect import protect
from repeg.steps.record import record
from repeg.steps.release import release
from repeg.steps.secure import secure
from repeg.steps.unwind import unwind
from repeg.store.identity import IdentityStore
from repeg.store.orders import OrderStore
from repeg.store.rebalances import RebalanceStore
from repeg.store.schedules import ScheduleStore
from repeg.store.shared import SharedStore
from repeg.wiring.handlers import run_step
from repeg.wiring.rebalancing import run_rebalance_step
from repeg.worker.worker import Worker
from tests.support.deaths import Deaths, SlowBudget, Stall, Watched
from tests.support.observed.audit import audit
from tests.support.observed.logs import LabLog
from tests.support.observed.told import Told
from tests.support.stand_ins.machine import Machine
from tests.support.stand_ins.short_exchange import reach
from tests.support.stand_ins.tables import create_table, dynamodb_client

TABLE_NUMBERS = count(1)
START = "2026-11-20T10:00:00-05:00"


class Bus:
    """Keeps what was published."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def publish(self, detail_type: str, detail: dict[str, Any]) -> None:
        self.events.append((detail_type, detail))


class Lab:
    """One stack in a box. Use `send`, then `work` until everything is over, then `check`."""

    def __init__(
        self, control: ExchangeControl, settings: Settings | None = None, deaths: Deaths | None = None
    ) -> None:
        self.control = control
        self.settings = settings or Settings()
        self.deaths = deaths or Deaths()
        self.bus = Bus()
        self.meter = Told()
        self.dead_letters: list[str] = []
        self.running: dict[str, str] = {}
        self._inside: set[str] = set()
        self.ended: set[str] = set()
        self.moved: dict[str, datetime] = {}
        self.machine: Machine | None = None
        self.make_machine: type[Machine] = Machine
        dynamodb, table = dynamodb_client(), f"lab-{next(TABLE_NUMBERS)}"
        self.table = table
        create_table(dynamodb, table)
        self.orders = OrderStore(dynamodb, table)
        self.schedules = ScheduleStore(dynamodb, table)
        self.on: list[Schedule] = []
        self.queued: list[str] = []
        self._wall = datetime.fromisoformat(control.clock().now)
        self.time = TimeKeeper(SharedStore(dynamodb, table), 1.0, lambda: self._wall)
        counted = TableBudget(dynamodb, table, "lab", self.time.latest_now, sleep=lambda _: None)
        budget: RateBudget = SlowBudget(counted, self.deaths)
        self.broker = connect_alpaca(
            "key", "secret", trading_url=control.url, data_url=control.url, budget=budget, read_timeout=2
        )
        reach(control, self.broker)
        log = LabLog()
        self.worker = Worker(
            orders=Watched(self.orders, "store", self.deaths),  # type: ignore[arg-type]
            time=self.time,
            make_broker=lambda: Watched(self.broker, "broker", self.deaths),  # type: ignore[arg-type,return-value]
            make_publisher=lambda: Watched(self.bus, "bus", self.deaths),  # type: ignore[arg-type,return-value]
            make_executions=lambda: Watched(self, "executions", self.deaths, {"start"}),  # type: ignore[arg-type,return-value]
            settings=lambda: self.settings,
            sleep=self.sleep,
            log=log,
            meter=self.meter,
        )
        self.rebalances = RebalanceStore(dynamodb, table)
        rebalances: Any = Watched(self.rebalances, "rebalances", self.deaths)
        self.rebalancer = Rebalancer(self.worker, rebalances, SharedStore(dynamodb, table))
        writes = {"accept", "record", "keep_halt", "take_back", "forget_order"}
        self.intake = Intake(
            Watched(self.orders, "store", self.deaths, writes),  # type: ignore[arg-type]
            Watched(self, "executions", self.deaths, {"start"}),  # type: ignore[arg-type]
            self.time,
            lambda body, problem: self.dead_letters.append(body),
            log,
            IdentityStore(dynamodb, table).token,
            Watched(self.rebalances, "rebalances", self.deaths, {"accept"}),  # type: ignore[arg-type]
            Watched(self, "executions", self.deaths, {"start"}),  # type: ignore[arg-type]
        )

    # --- time ---

    def sleep(self, seconds: float) -> None:
        """Market time passes."""
        self.control.advance(Decimal(str(round(seconds, 6))))
        self._wall += timedelta(seconds=seconds)

    def set_clock(self, now: str) -> None:
        """Jump to a market time; wall time goes on unmoved, as on a local cloud."""
        self.control.set_clock(now, paused=True)

    # --- Step Functions ---

    def arn(self, order_id: str, number: int) -> str:
        return f"arn:aws:states:us-east-1:000000000000:execution:lab:{order_id}-{number}"

    def start(self, order_id: str, number: int) -> None:
        name = f"{order_id}-{number}"
        if name not in self.ended:
            self.running[name] = order_id

    def state(self, order_id: str, number: int) -> ExecutionState:
        name = f"{order_id}-{number}"
        if name in self.running:
            return ExecutionState.RUNNING
        return ExecutionState.ENDED if name in self.ended else ExecutionState.MISSING

    def under_way(self) -> frozenset[str]:
        return frozenset(self.running)

    def moved_at(self, order_id: str, number: int) -> datetime | None:
        """When an execution moved last, if a test says so."""
        return self.moved.get(f"{order_id}-{number}")

    # --- use ---

    def send(self, **signal: Any) -> str:
        """Deliver a signal to intake as SQS would; returns its id."""
        signal = {"kind": "order", "symbol": "TQQQ", "side": "buy"} | signal
        self.intake.accept(json.dumps(signal))
        return str(signal["signal_id"])

    def work(self) -> None:
        """Run every started execution to its end, oldest first."""
        while waiting := [name for name in self.running if name not in self._inside]:
            name, record_id = waiting[0], self.running[waiting[0]]
            self._inside.add(name)
            try:
                self._run(name, record_id)
            finally:
                self._inside.discard(name)
                self.running.pop(name, None)
                self.ended.add(name)

    def _run(self, name: str, record_id: str) -> None:
        if is_rebalance(record_id):
            Machine(self._tasks(), self._work_meanwhile, machine_of(record_id)).run(name, {"order_id": record_id})
            return
        self.machine = self.make_machine(self._tasks(), self.sleep)
        self.machine.run(name, {"order_id": record_id})

    def _work_meanwhile(self, seconds: float) -> None:
        """What a rebalance waits for, its legs, happens while it waits."""
        self.work()
        self.sleep(seconds)

    def _rebalance(self, payload: dict[str, Any]) -> dict[str, Any]:
        following = run_rebalance_step(self.rebalancer, **payload)
        return {"route": following.route.value, "seconds": following.seconds}

    def read_clock(self) -> None:
        """What a sweep before the test would have left: a reading of the broker's clock, and the calendar."""
        refresh_clock(self.worker)

    def sweep(self) -> dict[str, int]:
        """The sweeper's minute."""
        done = sweep(self.worker, self, Timetable(self.on, self.schedules))  # type: ignore[arg-type]
        sweep_rebalances(self.rebalancer, self)  # type: ignore[arg-type]
        cancels = Cancels(self.orders, self, self.rebalances, self)  # type: ignore[arg-type]
        cancels.sweep(self.time.wall(), lambda: self.time.approximate().now(), self.worker.log)
        return done

    def reconcile(self, fix: bool = True) -> dict[str, Any]:
        """The comparison of the whole book, as the scheduler runs it; without `fix` as an operator reads it."""
        tally = Tally(self.orders._client, self.table, "lab")
        token = IdentityStore(self.orders._client, self.table).token()
        return reconcile(Reconciler(self.worker, self, Counters({"request budget": tally}), token), fix=fix)  # type: ignore[arg-type]

    def fire(self, schedule: Schedule) -> Answer:
        """A firing of a schedule; what it sends to the queue stays in `queued`."""
        bench = Bench(self.worker, self.schedules, self.rebalances, lambda *signal: self.queue(*signal))
        return run_schedule(bench, schedule)

    def queue(self, signal_id: str, body: str) -> None:
        """As SQS takes a signal from a schedule."""
        self.queued.append(body)

    def revive(self) -> None:
        """A new process takes over where one died."""
        self.deaths.at = None
        self.deaths.stopped = False
        self.ended |= self.running.keys()
        self.running.clear()

    def stall(self, on: int | str, meanwhile: Callable[[], None], *, nth: int = 1, after: bool = False) -> Stall:
        """Hold a living worker up, once: at the input or output of that number, or at the nth of that name from now on.

        `meanwhile` is all that happens before it goes on (`Crowd.stall` lets the rest of the world run for a time).
        A worker can also be held up within a call to the broker: at `budget.spend`, just before the request is sent.
        """
        stall = Stall(on, meanwhile, nth, after)
        self.deaths.stalls.append(stall)
        return stall

    def order(self, signal_id: str) -> Order:
        """The order that a signal became."""
        order = self.orders.find(signal_id)
        assert order is not None, f"no order for {signal_id}"
        return order

    def rebalance(self, signal_id: str) -> Rebalance:
        """The rebalance that a signal became."""
        found = self.rebalances.find(signal_id)
        assert found is not None, f"no rebalance for {signal_id}"
        return found

    def mark(self) -> int:
        """Where the journal ends now."""
        return max((entry["seq"] for entry in self.control.journal()), default=0)

    def check(self, *, all_over: bool = True, strangers: bool = False) -> None:
        """The audit; `strangers`: others send orders on the same account."""
        orders = list(self.orders.newest())
        alerted = {detail["order_id"] for kind, detail in self.bus.events if kind == "Order Alert"}
        audit(orders, self.control.journal(), all_over=all_over, alerted=alerted, strangers=strangers)
        told = Counter(
            line.about["order_id"] for line in self.meter.lines if Metric.ORDERS in line.values and not line.by
        )
        assert max(told.values(), default=1) == 1, f"counted more than once: {told.most_common(3)}"
        marks = [mark for order in orders if (mark := mark_of(order))]
        assert self.orders.marks(len(orders) or 1) == marks
        for symbol in {order.symbol for order in orders}:
            listed = {order.order_id for order in self.orders.holding(symbol)}
            holding = {order.order_id for order in orders if order.symbol == symbol and order.unexited_qty > 0}
            assert listed == holding, f"{symbol}: listed as holding shares {listed}, by their records {holding}"

    def _tasks(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        steps: dict[str, Callable[[Worker, Order], Next]] = {
            "AssessMarket": assess,
            "PlaceOrder": place,
            "CheckFill": check,
            "CancelOrder": cancel,
            "RecordOutcome": record,
            "ProtectPosition": protect,
            "UnwindPosition": unwind,
            "ReleaseProtection": release,
        }
        tasks = {
            name: lambda payload, name=name, step=step: self._take(payload, Route(name), step)
            for name, step in steps.items()
        }
        tasks["SecurePosition"] = lambda payload: self._take(
            payload, Route.SECURE_POSITION, lambda worker, order: secure(worker, order, payload.get("error"))
        )
        tasks["RebalancePortfolio"] = self._rebalance
        return tasks

    def _take(self, payload: dict[str, Any], state: Route, step: Callable[[Worker, Order], Next]) -> dict[str, Any]:
        following = run_step(self.worker, payload["order_id"], payload["execution"], state, step)
        return {"route": following.route.value, "seconds": following.seconds}


def machine_of(record_id: str) -> str:
    """Which machine works the record."""
    return "rebalance_portfolio" if is_rebalance(record_id) else "execute_order"
