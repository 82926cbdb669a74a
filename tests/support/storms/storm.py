"""Random storms over the lab: what traders, markets, brokers, strangers and dying or stalling workers do at once.

A storm follows from its seed alone: the same seed is the same storm. Signals of all kinds arrive on one symbol while
quotes run, answers are lost, workers die or stand still between any two of their calls, and somebody else trades on the
account. Then the weather clears, and everything must have come to a true end (`aftermath.py` looks).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

from desk.exchange.client import ExchangeControl
from repeg.domain.halt import Halt, Mode, Scope
from repeg.domain.settings import Settings
from tests.support.deaths import Killed
from tests.support.lab import Lab
from tests.support.scenes import by_hand
from tests.support.storms.moves import moves
from tests.support.storms.seen import Cancelled, Halted, Told
from tests.support.storms.trouble import StormCrowd, Trouble

SYMBOL = "TQQQ"
SWEEP_SECONDS = 60
NIGHT_SWEEP_SECONDS = 1200
DELIVERIES = 5
MOST_SIGNALS = 6
CLEARING_MINUTES = 45
REBALANCES = 0.5
"""The share of storms that a rebalance joins."""
HALTS = 0.3
"""The share of storms in which an operator halts trading."""
CANCELS = 0.4
"""The share of storms in which orders are taken back."""

SESSIONS = {
    "regular": "2026-11-20T11:00:00-05:00",
    "opening": "2026-11-20T09:26:00-05:00",
    "closing": "2026-11-20T15:54:30-05:00",
    "early close": "2026-11-27T12:55:00-05:00",
    "pre-market": "2026-11-20T08:10:00-05:00",
    "after hours": "2026-11-19T16:40:00-05:00",
    "night": "2026-11-19T22:00:00-05:00",
    "weekend": "2026-11-21T12:00:00-05:00",
}
"""Where in the week a storm begins; it lasts some minutes, then the clock runs on to the next open session."""
_MOSTLY = {"regular": 8, "opening": 3, "closing": 4, "early close": 1, "pre-market": 2, "after hours": 2}


@dataclass
class Storm:
    """One storm: use `rage`, then look at `lab`, `told`, `lines`."""

    seed: int
    control: ExchangeControl
    lines: list[str] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    signals: list[dict[str, Any]] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    halts: list[Halted] = field(default_factory=list)
    cancels: list[Cancelled] = field(default_factory=list)
    strangers: bool = False
    own_shares: Decimal = Decimal(0)

    def rage(self) -> Lab:
        """The storm from its first signal until the weather is clear again and everything had time to end."""
        self.random = Random(self.seed)
        self.session = self.random.choices(list(_MOSTLY), list(_MOSTLY.values()))[0]
        if self.random.random() < 0.15:
            self.session = self.random.choice(("night", "weekend"))
        self._set_up()
        with StormCrowd(self.lab) as crowd:
            self.crowd = self.trouble.crowd = crowd
            self.lab.worker.sleep = crowd.pause
            self.trouble.calm = False
            for seconds, act in self._plan():
                self._run_until(seconds)
                act()
            self._run_until(self.length)
            self._clear()
            self._calm_down()
        return self.lab

    # --- the scene ---

    def _set_up(self) -> None:
        random = self.random
        self.control.reset()
        self.control.set_clock(SESSIONS[self.session], paused=True)
        self.price = Decimal("50.96")
        self._quote(Decimal(0), size=2000)
        self.control.quote("SPY", "600.00", "600.01", 5000, 5000)
        settings = Settings(
            SMART_EXECUTOR_ENABLE_EXTENDED_HOURS=True,
            SMART_EXECUTOR_FILL_TIMEOUT=Decimal(random.choice((20, 60))),
            USE_SMART_EXECUTOR=random.random() < 0.9,
            # Never reached: every second storm's entries are counted, whoever dies then.
            max_open_orders=10_000 * (self.seed % 2),
            max_daily_notional=Decimal(10**9) * (self.seed % 2),
        )
        self.number = 0
        self.trouble = Trouble(
            meanwhile=self._meanwhile, random=random, odds=random.choice((0.003, 0.015, 0.04)), story=self.say
        )
        self.lab = Lab(self.control, settings, deaths=self.trouble)
        publish = self.lab.bus.publish

        def heard(kind: str, detail: dict[str, Any]) -> None:
            self.told.append(Told(self.now(), kind, detail))
            publish(kind, detail)

        self.lab.bus.publish = heard  # type: ignore[method-assign]
        self.control.settings(
            ack_ms=random.choice((20, 200)),
            fill_ms=random.choice((50, 400)),
            cancel_ms=random.choice((50, 2000)),
            list_lag_ms=random.choice((0, 250)),
            position_lag_ms=random.choice((0, 0, 400, 2500)),
            partial_fill_probability=random.choice(("0", "0.2")),
            replace_carries_fills=random.random() < 0.5,
            seed=random.randrange(1000),
        )
        if random.random() < 0.3:
            self.own_shares = Decimal(random.choice((40, 100)))
            self.control.position(SYMBOL, self.own_shares, "48")
        self.started = self.now()
        self.length = random.choice((30, 90, 240))
        self.lab.sweep()

    def _quote(self, change: Decimal, *, spread: str = "0.03", size: int | None = None) -> None:
        self.price = max(Decimal(5), (self.price + change).quantize(Decimal("0.01")))
        half = Decimal(spread) / 2
        bid = (self.price - half).quantize(Decimal("0.01"))
        size = size or self.random.choice((10, 200, 2000, 2000))
        self.control.quote(SYMBOL, bid, bid + Decimal(spread), size, size)

    # --- what happens ---

    def _plan(self) -> list[tuple[float, Callable[[], None]]]:
        random = self.random
        doings: list[Callable[[], None]] = [self._signal] * random.randint(1, 6)
        doings += [self._market] * random.randint(0, 6)
        doings += [self._halt] * (random.random() < 0.2)
        doings += [self._fault] * random.randint(0, 6)
        doings += [self._stranger] * (random.randint(1, 3) if random.random() < 0.4 else 0)
        doings += [self._stop_execution] * (random.random() < 0.4)
        moments = [random.random() * self.length * random.choice((0.1, 0.5, 1)) for _ in doings]
        plan = list(zip(moments, doings, strict=True))
        # Drawn apart, so that a storm without one is the storm that it was.
        apart = Random(f"{self.seed} rebalances")
        if apart.random() < REBALANCES:
            plan += [(apart.random() * self.length, partial(self._rebalance, apart))]
        apart = Random(f"{self.seed} halts")
        if apart.random() < HALTS:
            at = apart.random() * self.length
            plan += [(at, partial(self._throw, apart)), (at + apart.choice((10, 60, 400)), self._lift)]
        apart = Random(f"{self.seed} cancels")
        if apart.random() < CANCELS:
            for number in range(apart.randint(1, 3)):
                at = apart.random() * self.length * apart.choice((0.1, 0.5, 1))
                plan += [(at, partial(self._cancel, number, apart.choice(("s1", "s1", "s2", "s3", "r1"))))]
        return sorted(plan + moves(self), key=lambda planned: planned[0])

    def _meanwhile(self) -> None:
        """Something happens while a worker stands still."""
        self.crowd.spawn(
            f"meanwhile-{len(self.lines)}", self.random.choice((self._signal, self._market, self._stranger))
        )

    def _signal(self) -> None:
        random = self.random
        self.number = number = self.number + 1
        if number > MOST_SIGNALS:
            return
        kind = "bracket" if not self.signals else random.choices(("bracket", "order", "close"), (3, 4, 4))[0]
        signal: dict[str, Any] = {"signal_id": f"s{number}", "kind": kind, "symbol": SYMBOL}
        signal["when_closed"] = random.choice(("reject", "next_open"))
        if kind == "order":
            signal["side"] = random.choice(("buy", "buy", "sell"))
            signal |= random.choice(({"qty": 100}, {"qty": "3.5"}, {"notional": 2500}, {"qty": 37}))
            signal |= {"ladder": "standard"} if random.random() < 0.3 else {}
            signal |= {"completion": "must"} if random.random() < 0.2 else {}
        elif kind == "close":
            signal |= random.choice(({}, {}, {"qty": 30}, {"qty": "3.5"}))
            signal |= {"foreign_orders": "cancel"} if random.random() < 0.2 else {}
        else:
            side = "buy" if random.random() < 0.75 else "sell"
            sign, price = (1 if side == "buy" else -1), self.price + Decimal("0.01")
            signal |= {"side": side, "signal_price": price, "exit_anchor": random.choice(("fill", "signal"))}
            signal |= {"stop_loss": price - sign, "take_profit": price + sign * Decimal("2.5")}
            signal |= {"qty": random.choice((10, 60, 100))}
            signal |= {"extended_hours": True, "unprotected_ok": True} if random.random() < 0.4 else {}
        signal = json.loads(json.dumps(signal, default=str))
        self.signals.append(signal)
        self.say(f"signal {signal}")
        self.crowd.spawn(f"intake-{number}", partial(self._deliver, signal, number))

    def _rebalance(self, random: Random) -> None:
        """Of less than the account has, so that the other signals need none of its money."""
        weights = random.choice(({SYMBOL: "0.3", "SPY": "0.3"}, {"SPY": "0.5"}, {SYMBOL: "0.02"}, {SYMBOL: "0.4"}))
        signal = {"signal_id": "r1", "kind": "rebalance", "targets": weights}
        signal |= {"when_closed": random.choice(("reject", "next_open")), "include_protected": random.random() < 0.3}
        self.signals.append(signal)
        self.say(f"signal {signal}")
        self.crowd.spawn("intake-r1", partial(self._deliver, signal, "r1"))

    def _throw(self, random: Random) -> None:
        """An operator throws the kill switch, for all or for the symbol."""
        scope, of = random.choice(((Scope.ACCOUNT, ""), (Scope.SYMBOL, SYMBOL)))
        mode = random.choice((Mode.HALTED, Mode.HALTED, Mode.REDUCING))
        halt = Halt(scope=scope, of=of, mode=mode, cancel_open=random.random() < 0.5)
        self.say(f"thrown: {halt.sentence}{', open orders are taken back' if halt.cancel_open else ''}")
        self.lab.orders.keep_halt(halt)
        self.halts.append(Halted(halt, self.now()))

    def _lift(self) -> None:
        for halted in self.halts:
            self.lab.orders.lift_halt(halted.halt.scope, halted.halt.of)
            halted.lifted = halted.lifted or self.now()
        self.say("lifted")

    def _cancel(self, number: int, about: str) -> None:
        """An order or a rebalance is taken back; often it is over, and now and then it only comes after that."""
        signal = {"signal_id": f"c{number}", "kind": "cancel", "cancel_signal_id": about}
        self.say(f"signal {signal}")

        def deliver() -> None:
            self._deliver(signal, f"c{number}")
            self.cancels.append(Cancelled(signal["signal_id"], about, self.now()))

        self.crowd.spawn(f"intake-c{number}", deliver)

    def _deliver(self, signal: dict[str, Any], number: int | str) -> None:
        """As SQS does: what was not finished is delivered again."""
        for _ in range(DELIVERIES):
            try:
                self.crowd.take(self.lab.intake.accept, json.dumps(signal))
                return
            except Killed:
                self.trouble.dead.discard(f"intake-{number}")
            except Exception as error:
                self.say(f"intake of {signal['signal_id']}: {error}")
            self.crowd.pause(2)
        self.trouble.dead.add(f"intake-{number}")
        raise AssertionError("intake never took the signal")

    def _market(self) -> None:
        random = self.random
        steps = ("0.01", "0.02", "0.04", "0.04", "0.1", "0.3", "1.2", "3")
        step = Decimal(random.choice(steps)) * random.choice((1, -1))
        spread = random.choice(("0.01", "0.03", "0.03", "0.08", "0.40"))
        self._quote(step, spread=spread)
        self.say(f"the market moves by {step} to {self.price}, spread {spread}")

    def _halt(self) -> None:
        seconds = self.random.choice((20, 90, 310))
        self.say(f"halt for {seconds} s")
        self.control.script({"symbol": SYMBOL, "halt": True}, {"symbol": SYMBOL, "halt": False, "after": seconds})

    def _fault(self) -> None:
        random = self.random
        count = random.choice((1, 1, 2, 5))
        orders, one = "/v2/orders", "/v2/orders/*"
        faults = (
            {"method": "POST", "path": orders, "kind": "drop_before"},
            {"method": "POST", "path": orders, "kind": "drop_after"},
            {"method": "POST", "path": orders, "kind": "error", "status": 503},
            {"method": "POST", "path": orders, "kind": "error", "status": 504, "stage": "answer"},
            {"method": "POST", "path": orders, "kind": "reject"},
            {"method": "POST", "path": orders, "kind": "error", "status": 401, "body": {"message": "unauthorized."}},
            {"method": "DELETE", "path": one, "kind": "drop_after"},
            {"method": "DELETE", "path": one, "kind": "drop_before"},
            {"method": "DELETE", "path": one, "kind": "stuck_cancel"},
            {"method": "GET", "path": one, "kind": "error", "status": 500},
            {"method": "GET", "path": one, "kind": "html"},
            {
                "method": "GET",
                "path": "/v2/orders:by_client_order_id",
                "kind": "error",
                "status": 404,
                "body": _NO_ORDER,
            },
            {"method": "GET", "path": "/v2/positions/*", "kind": "error", "status": 404, "body": _NO_POSITION},
            {"method": "GET", "path": "/v2/positions*", "kind": "error", "status": 500},
            {"method": "GET", "path": "/v2/stocks/*", "kind": "error", "status": 500},
            {"method": "*", "path": "/v2/*", "kind": "error", "status": 502},
        )
        fault = random.choice(faults) | {"count": count}
        self.say(f"fault {fault}")
        self.faults = [*self.faults[-2:], fault]
        self.control.faults(*self.faults)

    def _stranger(self) -> None:
        """Somebody trades or cancels by hand, in the broker's own interface."""
        self.strangers = True
        doing = self.random.choice(("cancel", "sell", "replace"))
        with suppress(AssertionError, OSError):  # the broker fails for everybody
            listed = list(by_hand(self.lab, "GET", "orders?status=open&nested=true&limit=500"))
            if doing == "cancel" and listed:
                self.say(f"somebody cancels {listed[0]['client_order_id']}")
                by_hand(self.lab, "DELETE", f"orders/{listed[0]['id']}")
            elif doing == "replace" and listed and listed[0]["limit_price"]:
                price = str(Decimal(listed[0]["limit_price"]) + Decimal("0.05"))
                self.say(f"somebody moves {listed[0]['client_order_id']} to {price}")
                by_hand(self.lab, "PATCH", f"orders/{listed[0]['id']}", {"limit_price": price})
            else:
                body = {"symbol": SYMBOL, "qty": 5, "side": "sell", "type": "market", "time_in_force": "day"}
                by_hand(self.lab, "POST", "orders", body | {"position_intent": "sell_to_close"})
                self.say("somebody sells 5")

    def _stop_execution(self) -> None:
        running = [name for name in self.crowd.names() if name in self.lab.running]
        if running:
            name = self.random.choice(running)
            self.say(f"StopExecution {name}")
            self.crowd.stop(name)

    # --- time ---

    def now(self) -> datetime:
        """Market time."""
        return datetime.fromisoformat(self.control.clock().now)

    def say(self, text: str) -> None:
        """One more line of the storm's story."""
        self.lines.append(f"{self.now():%a %H:%M:%S} {text}")

    def _next_sweep(self) -> datetime:
        """A whole number of minutes after the start, whatever else happens then."""
        since = (self.now() - self.started).total_seconds()
        return self.started + timedelta(seconds=(since // SWEEP_SECONDS + 1) * SWEEP_SECONDS)

    def _run_until(self, seconds: float) -> None:
        """Everybody works until so many seconds after the start; the sweep comes every minute."""
        end = self.started + timedelta(seconds=seconds)
        while self.now() < end:
            next_sweep = self._next_sweep()
            self.crowd.work(until=min(next_sweep, end).isoformat())
            if next_sweep <= end:
                self._sweep()

    def _sweep(self) -> None:
        name = f"sweep-{self.now():%d%H%M%S}"
        self.crowd.spawn(name, partial(self._take_sweep, name))

    def _take_sweep(self, name: str) -> None:
        with suppress(Killed, RuntimeError):
            self.crowd.take(self.lab.sweep)

    def _clear(self) -> None:
        """The weather clears: nothing fails any more, the market is quiet and open to all."""
        self.say("the weather clears")
        self.trouble.calm = True
        self.control.faults()
        self.control.script({"symbol": SYMBOL, "halt": False})
        self._lift()
        self._quote(Decimal(0), size=5000)

    def _calm_down(self) -> None:
        """Minutes pass until nothing is under way; a night or a weekend on the way passes faster."""
        open_minutes = quiet = 0
        while open_minutes < CLEARING_MINUTES and quiet < 3:
            if self._in_session():
                open_minutes += 1
                self.crowd.work(until=self._next_sweep().isoformat())
            else:
                self.crowd.work(until=self._after_the_night().isoformat())
                self._quote(Decimal(0), size=5000)
            self._sweep()
            self.crowd.work(until=(self.now() + timedelta(seconds=1)).isoformat())
            quiet = quiet + 1 if self._is_quiet() else 0
        self.settled = quiet >= 3

    def _in_session(self) -> bool:
        return bool(by_hand(self.lab, "GET", "clock")["is_open"])

    def _after_the_night(self) -> datetime:
        opens = datetime.fromisoformat(by_hand(self.lab, "GET", "clock")["next_open"])
        step = timedelta(seconds=NIGHT_SWEEP_SECONDS)
        return min(self.now() + step, max(opens + timedelta(seconds=2), self.now() + timedelta(seconds=2)))

    def _is_quiet(self) -> bool:
        orders = list(self.lab.orders.newest())
        over = all(order.status.terminal and order.run.published for order in orders)
        cared = all(not order.needs_care for order in orders if order.kind == "bracket")
        over = over and not self.lab.rebalances.to_do()
        return over and cared and not self.crowd.names() and self._in_session()


_NO_ORDER = {"code": 40410000, "message": "order not found"}
_NO_POSITION = {"code": 40410000, "message": "position does not exist"}
