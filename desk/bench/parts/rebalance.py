"""What a rebalance of ten legs costs, and one of fifty: requests, transitions, dollars, and time beside the ceiling."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from desk.bench.bill.usage import usage_of
from desk.bench.errors import BenchError
from desk.bench.parts.burst import LIMIT, WINDOW_S, busiest
from desk.bench.report import Part, Table, Target, number, ratio
from desk.bench.stage import Course, Stage, moment
from desk.report.audit import audit
from desk.report.prices import Usage, dollars
from desk.report.truth import is_trading
from repeg.domain.order.views import order_view
from repeg.domain.rebalance.record import Rebalance
from repeg.store.rebalances import RebalanceStore

# Funds fill at once, stocks walk up their ladder: with both, fifty legs take more requests than a minute has.
_FUNDS = (
    "TQQQ SQQQ TECL SPXL UPRO UVXY LABU LABD SOXL FNGU FAS TNA TZA CURE DIRV "
    "QQQ TLT XLF XLK XLP XLY VOX VTV VOOG VOOV AGG BIL BSV IWM EFA VWO"
)
_STOCKS = "AAPL MSFT CRWD NVDA AMZN GOOGL META TSLA IBM AIG BAC AMD INTC NFLX ORCL CRM ADBE CSCO JPM"
SYMBOLS = tuple(f"{_FUNDS} {_STOCKS}".split())
SIZES = (10, 50)
MOST_OF_CEILING = 1.2
_PATIENCE_S, _LOOK_S, _SETTLES_S = 300.0, 0.2, 0.5


@dataclass(frozen=True)
class Outcome:
    """What became of a rebalance. `legs` are their order ids, `requests` the moments of trading requests, in order."""

    wanted: int
    legs: Sequence[str]
    off_target: int
    requests: Sequence[float]
    seconds: float
    refused_429: int
    differences: Sequence[str]
    usage: Usage


def measure(stage: Stage, say: Callable[[str], None]) -> Part:
    """Turns a book of equal parts into another one, each time from an idle minute."""
    stage.record_calls(True)
    try:
        found = []
        for size in SIZES:
            say(f"a rebalance of {size} legs")
            found.append(_work(stage, size))
    finally:
        stage.record_calls(False)
    return report(found)


def _work(stage: Stage, size: int) -> Outcome:
    sold, bought = SYMBOLS[: size // 2], SYMBOLS[size // 2 : size]
    stage.clear()
    stage.let_pass(minutes=2)
    for symbol in (*sold, *bought, "SPY"):
        stage.exchange.quote(symbol, "100.00", "100.01", 50_000, 50_000)
    for symbol in sold:
        stage.exchange.position(symbol, 40, "100")
    stage.exchange.account(cash="0")
    known, mark, ahead = {order.order_id for order in stage.orders.newest()}, stage.last_entry(), stage.market_ahead_s()
    weight = f"{0.99 / len(bought):.4f}"
    name = f"bench-{uuid4().hex[:12]}"
    sent = stage.send({"signal_id": name, "kind": "rebalance", "targets": dict.fromkeys(bought, weight)})
    done = _ended(stage, name)
    over = time.time()
    time.sleep(_SETTLES_S)
    legs = [order for order in stage.orders.newest() if order.order_id not in known]
    journal = stage.exchange.journal(mark)
    trading = [entry for entry in journal if is_trading(entry)]
    courses: list[Course] = [*stage.courses_of(done), *(course for leg in legs for course in stage.courses(leg))]
    return Outcome(
        wanted=len(done.sells) + len(done.buys),
        legs=[leg.order_id for leg in legs],
        off_target=len(done.residual),
        requests=sorted(moment(entry) - ahead for entry in trading),
        seconds=over - sent,
        refused_429=sum(entry["status"] == 429 for entry in trading),
        differences=audit([order_view(order) for order in legs], journal).differences,
        usage=usage_of(stage, courses, sent, over),
    )


def _ended(stage: Stage, name: str) -> Rebalance:
    rebalances = RebalanceStore(stage.connection.dynamodb, stage.connection.table)
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found = rebalances.find(name)
        if found and found.status.terminal and found.work.published:
            return found
        time.sleep(_LOOK_S)
    raise BenchError(f"rebalance: {name} is not over after {_PATIENCE_S:.0f} s")


def report(found: Sequence[Outcome]) -> Part:
    """The findings."""
    figures: dict[str, Any] = {f"legs_{each.wanted}": _figures(each) for each in found}
    rows = [_row(name.removeprefix("legs_"), told) for name, told in figures.items()]
    columns = ["legs", "trading calls a leg", "transitions a leg", "dollars x 1000", "seconds", "of ceiling", "busiest"]
    note = (
        f"Of ceiling: beside the seconds that so many requests take at {LIMIT} a minute, or 30 s if that is less. "
        "Busiest: trading requests in the busiest 60 s."
    )
    targets = [target for name, told in figures.items() for target in _targets(name.replace("legs_", ""), told)]
    return Part("rebalance", figures, [Table("A book becomes another", columns, rows, note)], targets)


def _figures(outcome: Outcome) -> dict[str, Any]:
    calls, legs = len(outcome.requests), max(1, len(outcome.legs))
    least = max(calls / LIMIT * WINDOW_S, WINDOW_S / 2)
    return {
        "legs": len(outcome.legs),
        "missing": outcome.wanted - len(outcome.legs),
        "off_target": outcome.off_target,
        "trading_calls": calls,
        "calls_a_leg": round(calls / legs, 2),
        "transitions": outcome.usage.transitions,
        "transitions_a_leg": round(outcome.usage.transitions / legs, 1),
        "dollars": round(dollars(outcome.usage), 5),
        "seconds": round(outcome.seconds, 1),
        "of_least_seconds": round(outcome.seconds / least, 2),
        "busiest_minute": busiest(outcome.requests),
        "refused_429": outcome.refused_429,
        "differences": list(outcome.differences),
    }


def _row(legs: str, told: dict[str, Any]) -> list[str]:
    return [
        legs,
        number(told["calls_a_leg"]),
        number(told["transitions_a_leg"]),
        f"{told['dollars'] * 1000:.2f}",
        number(told["seconds"]),
        ratio(told["of_least_seconds"]),
        f"{told['busiest_minute']} of {LIMIT}",
    ]


def _targets(legs: str, told: dict[str, Any]) -> list[Target]:
    return [
        Target(f"rebalance of {legs}: legs lost or doubled, or off their target", _faults(told), 0),
        Target(f"rebalance of {legs}: requests refused with 429", told["refused_429"], 0),
        Target(f"rebalance of {legs}: trading calls in the busiest 60 s", told["busiest_minute"], LIMIT),
        Target(f"rebalance of {legs}: seconds, of what the ceiling allows", told["of_least_seconds"], MOST_OF_CEILING),
    ]


def _faults(told: dict[str, Any]) -> int:
    return int(abs(told["missing"]) + told["off_target"] + len(told["differences"]))
