"""The first order of the day: every function on its way starts cold, one after the other, and does its real work."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from desk.bench.artefacts import Artefacts
from desk.bench.errors import BenchError
from desk.bench.kinds import KINDS, Kind
from desk.bench.parts.cold import MOST_OF_NATIVE, MOST_OF_PLAIN, plain_handlers
from desk.bench.report import Part, Table, Target, number, ratio, span
from desk.bench.runtime import ColdStart, Deployed, start_cold
from desk.bench.sample import rounded, sample
from desk.bench.stage import Stage
from desk.bench.turns import take_turns
from desk.report.prices import computing
from repeg.domain.order.record import order_id_for

FIRST = {"order": "buy_at_once", "bracket": "bracket_at_once"}
_WAYS, _PLAIN = ("ours", "native"), ("plain",)
_ACCEPT, _DONE = "accept_signal", "done"
_IDLE = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
_TRIES = 3

Walk = list[tuple[str, ColdStart]]
"""The functions that one order went through, and their starts."""


def measure(stage: Stage, artefacts: Artefacts, folder: Path, seconds: float, say: Callable[[str], None]) -> Part:
    """Lets one order after the other be its day's first, by turns on our layers and on native ones, and plain ones."""
    plain = plain_handlers(artefacts, folder)
    for function in (*plain.values(), *(_deployed(artefacts, way, _ACCEPT, b"{}", {}) for way in _WAYS)):
        start_cold(function)  # the first start reads from the disk
    with _alone(stage) as environment:
        turns: dict[tuple[str, str], Callable[[], Walk]] = {
            (kind, way): partial(_walk, stage, kind, way, artefacts, environment) for kind in FIRST for way in _WAYS
        }
        turns |= {("", name): partial(_start, name, plain[name]) for name in _PLAIN}
        found = take_turns(
            turns,
            lambda walk: sum(start.init_ms + start.call_ms for _, start in walk),
            seconds,
            lambda nth, left: say(f"first order of the day, round {nth}: {left} ways"),
            often=[("", name) for name in _PLAIN],
        )
    return report(found)


def _start(name: str, plain: Deployed) -> Walk:
    return [(name, start_cold(plain))]


@contextmanager
def _alone(stage: Stage) -> Iterator[Callable[[str], dict[str, str]]]:
    """Environments of functions, on a stack whose machine and sweep leave our orders to us."""
    connection = stage.connection

    def deployed(function: str) -> dict[str, Any]:
        name = connection.function(function)
        return dict(connection.lambda_.get_function_configuration(FunctionName=name))

    machine = connection.stepfunctions.create_state_machine(
        name="bench-idle", roleArn=deployed(_ACCEPT)["Role"], definition=json.dumps(_IDLE)
    )["stateMachineArn"]
    ours = {"AWS_ENDPOINT_URL": str(connection.endpoint_url), "STATE_MACHINE_ARN": machine}
    sweep = connection.function("sweep_orders")
    connection.lambda_.put_function_concurrency(FunctionName=sweep, ReservedConcurrentExecutions=0)
    try:
        yield lambda function: {**deployed(function)["Environment"]["Variables"], **ours}
    finally:
        connection.lambda_.delete_function_concurrency(FunctionName=sweep)
        connection.stepfunctions.delete_state_machine(stateMachineArn=machine)


def _walk(
    stage: Stage, kind: str, way: str, artefacts: Artefacts, environment: Callable[[str], dict[str, str]]
) -> Walk:
    """An order from its message to its end, without any wait: one that the broker was too slow for is let go."""
    for _ in range(_TRIES):
        function, event, walk = _ACCEPT, *_begin(stage, next(each for each in KINDS if each.name == FIRST[kind]))
        step = {"order_id": order_id_for(event["Records"][0]["messageId"])}
        step["execution"] = f"{step['order_id']}-1"
        while function in artefacts.functions:
            deployed = _deployed(artefacts, way, function, json.dumps(event).encode(), environment(function))
            start = start_cold(deployed)
            walk.append((function, start))
            answer, event = json.loads(start.answer), step
            function = _snake(answer["route"]) if function != _ACCEPT else "assess_market"
        if function == _DONE:
            return walk
    raise BenchError(f"first: {kind} led to {function}, {_TRIES} times")


def _begin(stage: Stage, kind: Kind) -> tuple[dict[str, Any], Walk]:
    """A fresh market, and the signal's message."""
    stage.clear()
    bid, ask, size = kind.quote
    stage.exchange.quote(kind.symbol, bid, ask, size, size)
    return _message({**kind.signal, "signal_id": f"bench-{uuid4().hex[:12]}"}), []


def _snake(route: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", route).lower()


def _deployed(artefacts: Artefacts, way: str, function: str, event: bytes, environment: Mapping[str, str]) -> Deployed:
    layers = artefacts.ours if way == "ours" else artefacts.native
    return Deployed(artefacts.functions[function], layers, event, environment)


def _message(signal: dict[str, Any]) -> dict[str, Any]:
    """As Lambda hands a queue's message on."""
    sent = str(int(time.time() * 1000))
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": sent, "ApproximateFirstReceiveTimestamp": sent}
    attributes |= {"SenderId": "bench", "MessageGroupId": signal["symbol"], "SequenceNumber": "1"}
    record = {"messageId": signal["signal_id"], "receiptHandle": "bench", "body": json.dumps(signal), "md5OfBody": ""}
    record |= {"attributes": attributes, "messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": "us-east-1"}
    return {"Records": [record | {"eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:signals.fifo"}]}


class Cost(NamedTuple):
    """Milliseconds of functions that start in sequence."""

    init: float
    together: float
    """With their first calls."""
    cpu: float

    def of(self, other: Cost) -> dict[str, float]:
        """Ratios."""
        return {name: value / getattr(other, name) for name, value in self._asdict().items()}


def report(found: Mapping[tuple[str, str], Sequence[Walk]]) -> Part:
    """The findings, from walks by kind and way (those of plain handlers by "" and their name).

    Ratios compare the fastest start of each function: what else runs only ever adds to one.
    """
    rows: list[list[str]] = []
    figures: dict[str, Any] = {}
    targets = []
    for kind in FIRST:
        path = [function for function, _ in found[kind, "ours"][0]]
        ways = {way: _by_function(found[kind, way], path) for way in _WAYS}
        ways |= {way: _by_function(found["", way], [way]) * len(path) for way in _PLAIN}
        least = {way: _cost(starts, min) for way, starts in ways.items()}
        figures[kind] = {"functions": path}
        for way, starts in ways.items():
            middle = _cost(starts, lambda values: sample(values).median)
            of = least["ours"].of(least[way])
            title = f"{kind}, {way}" if way in _WAYS else f"{len(path)} handlers, {way}"
            rows.append([title, *map(number, (middle.init, middle.together - middle.init, middle.together))])
            rows[-1] += [f"({least[way].together:.0f} to {_cost(starts, max).together:.0f})", number(middle.cpu)]
            rows[-1] += [ratio(value) for value in of.values()]
            rows[-1].append(f"{computing(middle.init) * 1000:.3f}")
            figures[kind][way] = {f"{name}_ms": rounded(value) for name, value in middle._asdict().items()} | {
                "fastest_together_ms": rounded(least[way].together),
                "slowest_together_ms": rounded(_cost(starts, max).together),
                "n": len(starts[0]),
                "init_dollars": float(f"{computing(middle.init):.3g}"),
                "ours_of_it": {name: round(value, 3) for name, value in of.items()},
            }
        of_native, of_plain = (least["ours"].of(least[way])["init"] for way in ("native", "plain"))
        what = f"first {kind} of the day, init of its functions, of"
        targets.append(Target(f"{what} the same on native layers", of_native, MOST_OF_NATIVE))
        targets.append(Target(f"{what} as many plain imports with equal byte code", of_plain, MOST_OF_PLAIN))
    return Part("first", figures, [_table(rows, [len(walks) for walks in found.values()])], targets)


def _by_function(walks: Sequence[Walk], path: Sequence[str]) -> list[list[ColdStart]]:
    if any([function for function, _ in walk] != path for walk in walks):
        raise BenchError("first: not every order went the same way")
    return [[start for _, start in at] for at in zip(*walks, strict=True)]


def _cost(starts: Sequence[Sequence[ColdStart]], of: Callable[[list[float]], float]) -> Cost:
    """Of each function the middle, the least or the most; and their sum."""
    return Cost(
        sum(of([start.init_ms for start in each]) for each in starts),
        sum(of([start.init_ms + start.call_ms for start in each]) for each in starts),
        sum(of([start.cpu_ms for start in each]) for each in starts),
    )


def _table(rows: list[list[str]], taken: Sequence[int]) -> Table:
    return Table(
        f"The first order of the day, its functions' cold starts in sequence: ms, sums of medians of {span(taken)}",
        [
            "way",
            "init",
            "first calls",
            "together",
            "",
            "CPU",
            "ours of it, init",
            "together",
            "CPU",
            "init, $ per 1,000",
        ],
        rows,
        "Real first calls on the local cloud: the order is written, placed (with the 150 ms in which its fill is\n"
        "awaited), protected if it is a bracket, and its outcome published. Plain handlers do nothing when\n"
        "they are called. Ratios compare the fastest start of each function. Init phases are billed like invocations.",
    )
