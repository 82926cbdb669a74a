"""Transitions, Lambda time, trading calls and dollars of each kind of order, on the local cloud."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any
from uuid import uuid4

from desk.bench.bill.usage import usage_of, within
from desk.bench.errors import BenchError
from desk.bench.kinds import KINDS, Kind
from desk.bench.report import Part, Table, Target, number, ratio
from desk.bench.stage import Course, Stage, Task, moment
from desk.report.prices import MILLION, PRICED_ON, REGION, Usage, bill, document, dollars, price_list
from desk.report.truth import is_trading

_QUOTE_SETTLES_S = 0.05
_LOGS_SETTLE_S = 0.2


@dataclass(frozen=True)
class Spent:
    """What one order of a kind took."""

    usage: Usage
    calls: int
    """Requests that count against the broker's limit."""
    data_calls: int
    seconds: float


def measure(stage: Stage, rounds: int, say: Callable[[str], None]) -> Part:
    """Works `rounds` orders of each kind, one of the slow ones, one after the other on a quiet stack."""
    stage.record_calls(True)
    try:
        _work(stage, KINDS[0])  # reads the broker's clock, which the next fifteen minutes need not
        found: dict[str, list[Spent]] = {}
        for kind in KINDS:
            say(f"cost of: {kind.title}")
            found[kind.name] = [_work(stage, kind.in_round(each)) for each in range(1 if kind.slow else rounds)]
    finally:
        stage.record_calls(False)
    return report(found)


def _work(stage: Stage, kind: Kind) -> Spent:
    stage.clear()
    bid, ask, size = kind.quote
    stage.exchange.quote(kind.symbol, bid, ask, size, size)
    if kind.position:
        stage.exchange.position(kind.symbol, kind.position, bid)
    if kind.script:
        stage.exchange.script(*kind.script)
    if kind.before:
        stage.ended(_send(stage, kind.before)[0])
    time.sleep(_QUOTE_SETTLES_S)
    known, mark = {order.order_id for order in stage.orders.newest()}, stage.last_entry()
    name, sent = _send(stage, kind.signal)
    order = stage.ended(name)
    over = time.time()
    if order.status.value != kind.status:
        raise BenchError(f"cost: {kind.title} ended {order.status.value} ({order.reason}), not {kind.status}")
    made = [each for each in stage.orders.newest() if each.order_id not in known]
    courses = [course for each in made for course in _finished(stage, each)]
    time.sleep(_LOGS_SETTLE_S)
    calls = _calls(stage, mark, courses)
    return Spent(usage_of(stage, courses, sent, over), calls[0], calls[1], over - sent)


def _finished(stage: Stage, order: Any) -> list[Course]:
    """An order is told to be over a moment before its execution is."""
    for _ in range(40):
        courses = stage.courses(order)
        if all(course.over for course in courses):
            return courses
        time.sleep(_QUOTE_SETTLES_S)
    raise BenchError(f"cost: the execution of {order.signal_id} does not end")


def _send(stage: Stage, signal: Any) -> tuple[str, float]:
    name = f"bench-{uuid4().hex[:12]}"
    return name, stage.send({**signal, "signal_id": name})


def _calls(stage: Stage, mark: int, courses: list[Course]) -> tuple[int, int]:
    """Trading and market data requests that the executions made; the sweep's are left out."""
    ahead = stage.market_ahead_s()
    tasks: list[Task] = [task for course in courses for task in course.tasks]
    mine = [
        entry
        for entry in stage.exchange.journal(mark)
        if entry["type"] == "request" and within(moment(entry) - ahead, tasks)
    ]
    trading = sum(map(is_trading, mine))
    return trading, len(mine) - trading


def report(found: dict[str, list[Spent]]) -> Part:
    """The findings, from what was spent by kind; the first kind is the baseline."""
    told = {name: _told(spent) for name, spent in found.items()}
    base = told[KINDS[0].name]
    rows, ratios, bills, figures = [], [], [], {}
    for kind in KINDS:
        spent, each = found[kind.name], told[kind.name]
        usage = middle([one.usage for one in spent])
        milliseconds = sorted(one.usage.lambda_ms for one in spent)
        of = {name: each[name] / base[name] for name in _TOLD}
        rows.append([kind.title, *(number(each[name]) for name in _TOLD[:3])])
        rows[-1] += [f"({milliseconds[0]:.0f} to {milliseconds[-1]:.0f})", str(len(spent))]
        rows[-1] += [number(each["trading_calls"]), f"{each['dollars'] * 1000:.3f}"]
        ratios.append([kind.title, *map(ratio, of.values())])
        bills.append([kind.title, *(f"{amount * 1000:.3f}" for amount in bill(usage).values())])
        figures[kind.name] = {
            **document(usage),
            "lambda_ms_low_high": [round(milliseconds[0]), round(milliseconds[-1])],
            "n": len(spent),
            "trading_calls": each["trading_calls"],
            "data_calls": statistics.median(one.data_calls for one in spent),
            "seconds": round(statistics.median(one.seconds for one in spent), 2),
            "of_buy_at_once": {name: round(value, 2) for name, value in of.items()},
        }
    findings = {"priced_on": PRICED_ON, "region": REGION, "prices": price_list(), "kinds": figures}
    return Part("cost", findings, _tables(rows, ratios, bills), _targets(figures))


_TOLD = ("transitions", "invocations", "lambda_ms", "trading_calls", "dollars")


def _told(spent: list[Spent]) -> dict[str, float]:
    usage = middle([each.usage for each in spent])
    calls = statistics.median(each.calls for each in spent)
    return dict(zip(_TOLD, (usage.transitions, usage.invocations, usage.lambda_ms, calls, dollars(usage)), strict=True))


def middle(usages: list[Usage]) -> Usage:
    """Each figure's median."""
    return Usage(
        **{field.name: statistics.median(getattr(usage, field.name) for usage in usages) for field in fields(Usage)}
    )


def _tables(rows: list[list[str]], ratios: list[list[str]], bills: list[list[str]]) -> list[Table]:
    services = ["step fn", "lambda", "dynamodb", "sqs", "events", "logs", "secrets"]
    return [
        Table(
            "What an order uses, median of n (calls: trading requests at the broker)",
            ["kind", "transitions", "invocations", "Lambda ms", "", "n", "calls", "$ per 1,000"],
            rows,
            "Lambda ms are this machine's, and hold the lingers for fills. Cold starts are billed beside.",
        ),
        Table(
            f"The same in terms of: {KINDS[0].title}",
            ["kind", "transitions", "invocations", "Lambda ms", "calls", "dollars"],
            ratios,
        ),
        Table("Dollars per 1,000 orders by service", ["kind", *services], bills),
        Table(
            f"Prices: list prices of {REGION} as known on {PRICED_ON}, without free tiers; check them",
            ["what", "$ a million"],
            [[name, number(amount * MILLION)] for name, amount in price_list().items()],
        ),
    ]


def _targets(figures: dict[str, dict[str, Any]]) -> list[Target]:
    at_once, bracket = figures["buy_at_once"], figures["bracket_at_once"]
    return [
        Target("order at once, transitions", at_once["transitions"], 10),
        Target("order at once, trading calls", at_once["trading_calls"], 2),
        Target("bracket at once, transitions", bracket["transitions"], 14),
        Target("bracket at once, trading calls", bracket["trading_calls"], 4),
    ]
