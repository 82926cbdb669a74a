"""From SendMessage to the first child order, warm, beside a function that only submits; near the broker, and far."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import uuid4

from desk.bench.errors import BenchError
from desk.bench.report import Part, Table, Target, number, ratio
from desk.bench.sample import Sample, sample
from desk.bench.stage import Course, Stage, moment
from desk.bench.submit_only import SubmitOnly, deploy

MOST_OF_SUBMIT_ONLY = 2.2
QUOTE = ("50.95", "50.98", 5000)
DISTANCES_MS = (0, 10, 25)
"""What each request to the exchange takes on its way there, beside the loopback's own; 0 decides on the target."""
_WARM_UP_ROUNDS = 3
_FRESH_BUDGET_MIN = 2
# Neither way shall ever meet the account's limit here: what it costs in time is measured by the burst.
_NO_LIMIT = 100_000
_PATIENCE_S = 20.0
# The journal tells the times afterwards; who asks meanwhile takes processors from what is measured.
_UNWATCHED_S = 0.15


@dataclass(frozen=True)
class Trip:
    """Seconds from sending until the first child order arrives at the exchange, and until it is live there."""

    arrived_s: float
    live_s: float
    stretches: Mapping[str, float] = field(default_factory=dict)
    """What the way is made of, in seconds, where that is known."""


@dataclass(frozen=True)
class Both:
    """The trips through the stack, and those of the function that only submits, at one distance."""

    ours: Sequence[Trip]
    theirs: Sequence[Trip]


def measure(stage: Stage, rounds: int, say: Callable[[str], None]) -> Part:
    """Sends one signal after the other, by turns through the stack and straight; first near, then far."""
    stage.clear(rate_limit=_NO_LIMIT)
    stage.exchange.quote("TQQQ", *QUOTE, QUOTE[2])
    submit_only = deploy(stage)
    say("latency: warming both ways up")
    for _ in range(_WARM_UP_ROUNDS):
        _both(stage, submit_only)
    found: dict[int, list[tuple[Trip, Trip]]] = {}
    try:
        for distance in DISTANCES_MS:
            say(f"latency, broker {distance} ms away")
            stage.let_pass(_FRESH_BUDGET_MIN)
            _both(stage, submit_only)  # finds out the time
            stage.exchange.faults(*_far(distance))
            found[distance] = [_both(stage, submit_only) for _ in range(rounds)]
            stage.exchange.faults()
    finally:
        stage.exchange.faults()
    ways = (zip(*trips, strict=True) for trips in found.values())
    return report({distance: Both(*way) for distance, way in zip(found, ways, strict=True)})


def _far(distance_ms: int) -> list[dict[str, Any]]:
    return [{"kind": "delay", "path": "/v2/*", "stage": "request", "delay_ms": distance_ms}] if distance_ms else []


def _both(stage: Stage, submit_only: SubmitOnly) -> tuple[Trip, Trip]:
    return _through_the_stack(stage), _submitted(stage, submit_only)


def _through_the_stack(stage: Stage) -> Trip:
    name, mark = f"bench-{uuid4().hex[:12]}", stage.last_entry()
    ahead = stage.market_ahead_s()
    sent = stage.send({"signal_id": name, "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 10})
    time.sleep(_UNWATCHED_S)
    arrived, live = (at - ahead for at in _arrival(stage, stage.first_child(name), mark))
    (course, *_) = stage.courses(stage.ended(name))
    looks = (moment(entry) - ahead for entry in stage.exchange.journal(mark) if "/snapshots" in entry.get("path", ""))
    looked = max((at for at in looks if at < arrived), default=None)
    return Trip(arrived - sent, live - sent, _stretches(course, sent, looked, arrived, live))


def _stretches(course: Course, sent: float, looked: float | None, arrived: float, live: float) -> dict[str, float]:
    """Of an order that its first task, AssessMarket, places, as every one that is worked at once."""
    started = course.tasks[0].started
    looked = started if looked is None else looked
    return {
        "queue and AcceptSignal": course.started - sent,
        "start of the execution": started - course.started,
        "AssessMarket until it looks at the market": looked - started,
        "from the look until the order arrives": arrived - looked,
        "acknowledgement": live - arrived,
    }


def _submitted(stage: Stage, submit_only: SubmitOnly) -> Trip:
    name, mark = f"bench-{uuid4().hex[:12]}", stage.last_entry()
    ahead = stage.market_ahead_s()
    signal: dict[str, Any] = {"signal_id": name, "symbol": "TQQQ", "side": "buy", "qty": 10, "limit_price": 50.99}
    sent = stage.send(signal, submit_only.queue_url)
    time.sleep(_UNWATCHED_S)
    arrived, live = (at - ahead for at in _arrival(stage, name, mark))
    _event(stage, name, "filled", mark)  # and the function is done, too
    return Trip(arrived - sent, live - sent)


def _arrival(stage: Stage, client_order_id: str, mark: int) -> tuple[float, float]:
    """Market times, epoch seconds, at which the exchange took the order, and acknowledged that it is live."""
    return _event(stage, client_order_id, "accepted", mark), _event(stage, client_order_id, "new", mark)


def _event(stage: Stage, client_order_id: str, event: str, mark: int) -> float:
    def happened(entry: dict[str, Any]) -> bool:
        return entry.get("client_order_id") == client_order_id and entry.get("event") == event

    try:
        return moment(stage.exchange.wait_for(happened, _PATIENCE_S, after=mark))
    except TimeoutError:
        raise BenchError(f"latency: {client_order_id} is not {event} after {_PATIENCE_S:.0f} s") from None


def report(found: Mapping[int, Both]) -> Part:
    """The findings, from the trips each way by distance in ms, the first of which decides."""
    near = next(iter(found))
    arrived = {distance: _ways(both, lambda trip: trip.arrived_s) for distance, both in found.items()}
    live = {distance: _ways(both, lambda trip: trip.live_s) for distance, both in found.items()}
    stretches = {
        name: sample(trip.stretches[name] * 1000 for trip in found[near].ours) for name in found[near].ours[0].stretches
    }
    return Part(
        "latency",
        {f"broker_{distance}_ms_away": _document(arrived[distance], live[distance]) for distance in found}
        | {"stretches_ms": {name: each.document() for name, each in stretches.items()}},
        [
            _table("SendMessage until the first child order is live, warm, ms", live, _LIVE),
            _table("SendMessage until the first child order arrives at the exchange, warm, ms", arrived, _ARRIVED),
            _whereabouts(stretches),
        ],
        [
            Target(
                "signal to live first child order, of a submit-only Lambda", live[near].of_theirs, MOST_OF_SUBMIT_ONLY
            )
        ],
    )


class Ways(NamedTuple):
    """Milliseconds each way."""

    ours: Sample
    theirs: Sample

    @property
    def of_theirs(self) -> float:
        return self.ours.to(self.theirs)


def _ways(both: Both, until: Callable[[Trip], float]) -> Ways:
    return Ways(*(sample(until(trip) * 1000 for trip in trips) for trips in (both.ours, both.theirs)))


def _document(arrived: Ways, live: Ways) -> dict[str, Any]:
    return {
        name: {
            "stack_ms": ways.ours.document(),
            "submit_only_ms": ways.theirs.document(),
            "of_submit_only": round(ways.of_theirs, 2),
        }
        for name, ways in (("live", live), ("arrived", arrived))
    }


_LIVE = (
    "live: the exchange has acknowledged the order, 20 ms after it arrived by default, both ways: now it exists in\n"
    "the market, and the target is about this moment. broker N ms away: each request takes N ms more to get there,\n"
    "for a quote or with an order; the target is about the first two rows, where that takes next to nothing."
)
_ARRIVED = "arrives: the exchange has the request; what it makes of it is nobody's merit here."


def _table(title: str, found: Mapping[int, Ways], note: str) -> Table:
    rows = []
    for distance, ways in found.items():
        where = f", broker {distance} ms away" if distance else ""
        for way, each in (("through the stack", ways.ours), ("submit-only Lambda", ways.theirs)):
            rows.append([f"{way}{where}", *_cells(each), str(each.n), ratio(each.to(ways.theirs))])
    return Table(title, ["way", "median", "p95", "lowest to highest", "n", "of submit-only"], rows, note)


def _whereabouts(stretches: Mapping[str, Sample]) -> Table:
    return Table(
        "Where the stack's time goes, ms",
        ["stretch", "median", "p95", "lowest to highest"],
        [[name, *_cells(each)] for name, each in stretches.items()],
    )


def _cells(each: Sample) -> list[str]:
    return [number(each.median), number(each.percentile(0.95)), f"{each.low:.0f} to {each.high:.0f}"]
