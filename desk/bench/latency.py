"""From SendMessage to the first child order at the exchange, warm, beside a function that only submits."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from desk.bench.errors import BenchError
from desk.bench.report import Part, Table, Target, number, ratio
from desk.bench.sample import Sample, sample
from desk.bench.stage import Course, Stage
from desk.bench.submit_only import SubmitOnly, deploy
from repeg.domain.orders import order_id_for

MOST_OF_SUBMIT_ONLY = 2.5
QUOTE = ("50.95", "50.98", 5000)
PAUSE = "emulator's sleep before the first state"
_WARM_UP_ROUNDS = 3
# Neither way shall ever meet the account's limit here: what it costs in time is measured by the burst.
_NO_LIMIT = 100_000
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Trip:
    """Seconds from sending to the exchange, and of the stretches that they are made of (none known: empty)."""

    seconds: float
    stretches: Mapping[str, float] = field(default_factory=dict)

    @property
    def pause_s(self) -> float:
        return self.stretches.get(PAUSE, 0.0)


def measure(stage: Stage, rounds: int, say: Callable[[str], None]) -> Part:
    """Sends `rounds` signals each way, in turn, each when the one before is over."""
    stage.clear(rate_limit=_NO_LIMIT)
    stage.exchange.quote("TQQQ", *QUOTE, QUOTE[2])
    submit_only = deploy(stage)
    say("latency: warming both ways up")
    for _ in range(_WARM_UP_ROUNDS):
        _through_the_stack(stage)
        _submitted(stage, submit_only)
    ours, theirs = [], []
    for nth in range(rounds):
        if nth % 10 == 0:
            say(f"latency, signal {nth + 1} of {rounds}")
        ours.append(_through_the_stack(stage))
        theirs.append(_submitted(stage, submit_only))
    return report(ours, theirs)


def _through_the_stack(stage: Stage) -> Trip:
    name, mark = f"bench-{uuid4().hex[:12]}", stage.last_entry()
    ahead = stage.market_ahead_s()
    sent = stage.send({"signal_id": name, "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 10})
    arrived = _arrival(stage, f"{order_id_for(name)}-e1", mark) - ahead
    (course, *_) = stage.courses(stage.ended(name))
    return Trip(arrived - sent, _stretches(course, sent, arrived))


def _stretches(course: Course, sent: float, arrived: float) -> dict[str, float]:
    """Of an order whose first two tasks are AssessMarket and PlaceOrder, as every order's that is worked at once."""
    assess, place = course.tasks[:2]
    return {
        "queue and AcceptSignal": course.started - sent,
        PAUSE: course.start_pause_s,
        "AssessMarket": assess.ended - assess.started,
        "between the states": place.started - assess.ended,
        "PlaceOrder until the order is there": arrived - place.started,
    }


def _submitted(stage: Stage, submit_only: SubmitOnly) -> Trip:
    name, mark = f"bench-{uuid4().hex[:12]}", stage.last_entry()
    ahead = stage.market_ahead_s()
    signal: dict[str, Any] = {"signal_id": name, "symbol": "TQQQ", "side": "buy", "qty": 10, "limit_price": 50.99}
    sent = stage.send(signal, submit_only.queue_url)
    arrived = _arrival(stage, name, mark) - ahead
    time.sleep(0.2)  # the order fills, the function is done
    return Trip(arrived - sent)


def _arrival(stage: Stage, client_order_id: str, mark: int) -> float:
    """Market time, epoch seconds, at which the exchange took the order."""

    def taken(entry: dict[str, Any]) -> bool:
        return entry.get("client_order_id") == client_order_id and entry.get("event") == "accepted"

    try:
        entry = stage.exchange.wait_for(taken, _PATIENCE_S, after=mark)
    except TimeoutError:
        raise BenchError(f"latency: {client_order_id} did not reach the exchange in {_PATIENCE_S:.0f} s") from None
    return datetime.fromisoformat(entry["at"]).timestamp()


def report(ours: list[Trip], theirs: list[Trip]) -> Part:
    """The findings, from the trips each way."""
    whole = sample(trip.seconds * 1000 for trip in ours)
    awake = sample((trip.seconds - trip.pause_s) * 1000 for trip in ours)
    stretches = {name: sample(trip.stretches[name] * 1000 for trip in ours) for name in ours[0].stretches}
    base = sample(trip.seconds * 1000 for trip in theirs)
    named = {"through the stack": whole, "less the emulator's sleep": awake, "submit-only Lambda": base}
    return Part(
        "latency",
        {
            "stack_ms": whole.document(),
            "stack_without_start_sleep_ms": awake.document(),
            "stretches_ms": {name: each.document() for name, each in stretches.items()},
            "submit_only_ms": base.document(),
            "of_submit_only": round(whole.to(base), 2),
            "of_submit_only_without_start_sleep": round(awake.to(base), 2),
        },
        [
            Table(
                "SendMessage to the first child order at the exchange, warm, ms",
                ["way", "median", "p95", "lowest to highest", "n", "of submit-only"],
                [[name, *_cells(each), ratio(each.to(base))] for name, each in named.items()],
            ),
            Table(
                "Where the stack's time goes, ms",
                ["stretch", "median", "p95", "lowest to highest", "n", "of submit-only"],
                [[name, *_cells(each), ratio(each.to(base))] for name, each in stretches.items()],
            ),
        ],
        [
            Target("signal to first child order, of a submit-only Lambda", whole.to(base), MOST_OF_SUBMIT_ONLY),
            Target("the same, less the emulator's sleep", awake.to(base), MOST_OF_SUBMIT_ONLY),
        ],
    )


def _cells(each: Sample) -> list[str]:
    middle = [number(each.median), number(each.percentile(0.95))]
    return [*middle, f"{each.low:.0f} to {each.high:.0f}", str(each.n)]
