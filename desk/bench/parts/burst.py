"""Two hundred signals for a hundred symbols at once, against what the account's request limit allows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from desk.bench.errors import BenchError
from desk.bench.report import Part, Table, Target, number, ratio
from desk.bench.sample import Sample, sample
from desk.bench.stage import Stage, moment
from desk.report.audit import audit
from desk.report.truth import is_trading
from repeg.domain.order.record import Order
from repeg.domain.order.views import order_view

SYMBOLS = tuple(f"B{chr(65 + n // 10)}{chr(65 + n % 10)}" for n in range(100))
EACH = 2
LIMIT = 200
WINDOW_S = 60.0
LEAST_OF_CEILING = 0.8
_PATIENCE_S = 300.0
_LOOK_S = 1.0
_SENDERS = 8


@dataclass(frozen=True)
class Outcome:
    """What became of a burst. Times in seconds; `requests` are the moments of trading requests, in order."""

    signals: int
    orders: Sequence[Order]
    first_child: Sample
    requests: Sequence[float]
    seconds: float
    """From the first SendMessage to the last trading request."""
    refused_429: int
    differences: Sequence[str]


def measure(stage: Stage, say: Callable[[str], None]) -> Part:
    """Opens a market with fresh allowances, sends everything, and waits until all is over."""
    _open(stage)
    say(f"burst of {EACH * len(SYMBOLS)} signals for {len(SYMBOLS)} symbols")
    ahead = stage.market_ahead_s()
    mark = stage.last_entry()
    sent = _send_all(stage)
    _wait(stage, sent, say)
    orders = [order for order in stage.orders.newest() if order.signal_id in sent]
    # Only what belongs to the burst: the order that was worked before it is in the journal, too.
    return report(_outcome(sent, orders, stage.exchange.journal(mark), ahead))


def _open(stage: Stage) -> None:
    """Two minutes on, no request counts any more; one order finds out the time."""
    stage.clear()
    stage.let_pass(minutes=2)
    for symbol in ("TQQQ", *SYMBOLS):
        stage.exchange.quote(symbol, "20.00", "20.01", 5000, 5000)
    name = f"bench-{uuid4().hex[:12]}"
    stage.send({"signal_id": name, "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 1})
    stage.ended(name)


def _send_all(stage: Stage) -> dict[str, float]:
    """Every symbol's first signal, then every symbol's second; returns when each was sent."""
    run = uuid4().hex[:8]
    sent: dict[str, float] = {}
    with ThreadPoolExecutor(_SENDERS) as pool:
        for nth in range(EACH):
            signals = [
                {"signal_id": f"{run}-{symbol}-{nth}", "kind": "order", "symbol": symbol, "side": "buy", "qty": 10}
                | {"ladder": "better_orders"}
                for symbol in SYMBOLS
            ]
            for signal, at in zip(signals, pool.map(stage.send, signals), strict=True):
                sent[str(signal["signal_id"])] = at
    return sent


def _wait(stage: Stage, sent: Iterable[str], say: Callable[[str], None]) -> None:
    """Asks seldom and little: what asks takes time from what works."""
    deadline = time.monotonic() + _PATIENCE_S
    left = list(sent)
    while left:
        if time.monotonic() > deadline:
            raise BenchError(f"burst: {len(left)} signals are not over after {_PATIENCE_S:.0f} s")
        time.sleep(_LOOK_S)
        order = stage.orders.find(left[-1])
        if order and order.status.terminal and order.run.published:
            left.pop()
            while left and (order := stage.orders.find(left[-1])) and order.status.terminal and order.run.published:
                left.pop()
            say(f"burst: {len(left)} signals left")


def _outcome(sent: dict[str, float], orders: Sequence[Order], journal: list[dict[str, Any]], ahead: float) -> Outcome:
    arrived = {
        entry["client_order_id"]: moment(entry) - ahead
        for entry in journal
        if entry["type"] == "order" and entry["event"] == "accepted"
    }
    named = {order.signal_id: order.children[0].client_order_id for order in orders if order.children}
    firsts = {name: arrived.get(named.get(name, "")) for name in sent}
    trading = [entry for entry in journal if is_trading(entry)]
    requests = sorted(moment(entry) - ahead for entry in trading)
    if not requests:
        raise BenchError("burst: nothing reached the exchange")
    return Outcome(
        signals=len(sent),
        orders=orders,
        first_child=sample(at - sent[name] for name, at in firsts.items() if at is not None),
        requests=requests,
        seconds=requests[-1] - min(sent.values()),
        refused_429=sum(entry["status"] == 429 for entry in trading),
        differences=audit([order_view(order) for order in orders], journal).differences,
    )


def busiest(moments: Sequence[float], window: float = WINDOW_S) -> int:
    """The most moments that any window of so many seconds holds; `moments` in order."""
    most, first = 0, 0
    for last, at in enumerate(moments):
        while moments[first] <= at - window:
            first += 1
        most = max(most, last - first + 1)
    return most


def report(outcome: Outcome) -> Part:
    """The findings."""
    minutes = outcome.seconds / WINDOW_S
    calls = len(outcome.requests)
    statuses = Counter(order.status.value for order in outcome.orders)
    lost = outcome.signals - statuses["filled"]
    head_start = (calls - 1) // LIMIT * WINDOW_S
    share = calls / minutes / LIMIT
    figures = {
        "signals": outcome.signals,
        "seconds": round(outcome.seconds, 1),
        "orders_a_minute": round(len(outcome.orders) / minutes, 1),
        "first_child_s": outcome.first_child.document() | {"p50": round(outcome.first_child.median, 2)},
        "trading_calls": calls,
        "calls_an_order": round(calls / max(1, len(outcome.orders)), 2),
        "calls_a_minute": round(calls / minutes, 1),
        "busiest_minute": busiest(outcome.requests),
        "of_ceiling": round(share, 3),
        "least_seconds_from_an_idle_minute": head_start,
        "refused_429": outcome.refused_429,
        "statuses": dict(statuses),
        "differences": list(outcome.differences),
    }
    return Part(
        "burst", figures, [_table(figures, outcome.first_child)], _targets(figures, lost, len(outcome.differences))
    )


def _table(figures: dict[str, Any], first_child: Sample) -> Table:
    allowed = LIMIT / figures["calls_an_order"]
    rows = [
        ["orders a minute", number(figures["orders_a_minute"]), number(allowed), ratio(figures["of_ceiling"])],
        ["trading calls a minute", number(figures["calls_a_minute"]), str(LIMIT), ratio(figures["of_ceiling"])],
        [
            "busiest 60 s, trading calls",
            str(figures["busiest_minute"]),
            str(LIMIT),
            ratio(figures["busiest_minute"] / LIMIT),
        ],
        ["seconds for all", *_beside(figures["seconds"], figures["trading_calls"] / LIMIT * WINDOW_S)],
        ["first child order, p50 s", *_beside(first_child.median, figures["trading_calls"] / LIMIT * WINDOW_S / 2)],
        [
            "first child order, p95 s",
            *_beside(first_child.percentile(0.95), figures["trading_calls"] / LIMIT * WINDOW_S),
        ],
        ["first child order, max s", *_beside(first_child.high, figures["trading_calls"] / LIMIT * WINDOW_S)],
    ]
    return Table(
        f"A burst of {figures['signals']} signals ({figures['calls_an_order']} trading calls an order)",
        ["", "measured", "ceiling", "of ceiling"],
        rows,
        f"Ceiling: the account's {LIMIT} trading requests a minute, spent evenly. From an idle minute, all in one go, "
        f"the least would be {figures['least_seconds_from_an_idle_minute']:.0f} s.",
    )


def _beside(value: float, ceiling: float) -> list[str]:
    return [number(value), number(ceiling), ratio(value / ceiling)]


def _targets(figures: dict[str, Any], lost: int, differences: int) -> list[Target]:
    return [
        Target("burst: signals not filled", lost, 0),
        Target("burst: differences between records and exchange", differences, 0),
        Target("burst: trading calls in the busiest 60 s", figures["busiest_minute"], LIMIT),
        Target("burst: throughput, of what the ceiling allows", figures["of_ceiling"], LEAST_OF_CEILING, at_least=True),
    ]
