"""The worker dies after every single output of an order's life, and before the first: what it reads changes nothing.

After each death: the sweeper revives the order; there is one order of the right quantity, it ends, and the journal and
the store agree (design, section 3: the record is the truth, executions are disposable).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.order.record import Order
from repeg.domain.reasons import Status
from repeg.domain.settings import Settings
from tests.support.crowd import Crowd
from tests.support.deaths import Killed
from tests.support.lab import START, Lab
from tests.support.leaving import BRACKET
from tests.support.scenes import journal
from tests.support.stand_ins.short_moto import quick_aws

READS = {
    "store": """get find claim_of earlier holding holder last_trades several to_do given_up holding_shares sweep_state
        marks halts""",
    "broker": """now calendar account asset assets position positions quote quotes snapshot snapshots order orders
        groups open_orders order_by_client_id corporate_actions_of""",
}
"""Calls after which a death is the same death as after the call before them; whatever is not named here counts."""
INPUTS = {f"{port}.{call}" for port, calls in READS.items() for call in calls.split()}


@dataclass(frozen=True)
class Life:
    """One way for an order to live: the scene, the signal, and how it must end whatever happens."""

    name: str
    scene: Callable[[ExchangeControl], None]
    signal: dict[str, object]
    ends: Callable[[Order], bool]
    settings: Settings = field(default_factory=Settings)
    ocos: int = 0
    """How many OCOs the exchange accepts in all, whoever dies."""


def _scene_calm(control: ExchangeControl) -> None:
    control.quote("TQQQ", "50.95", "50.98", 2000, 2000)


def _scene_steps_away_once(control: ExchangeControl) -> None:
    _scene_calm(control)
    away = {"symbol": "TQQQ", "bid": "50.98", "ask": "51.01", "bid_size": 2000, "ask_size": 2000}
    control.script({"on": {"symbol": "TQQQ", "event": "new", "side": "buy", "nth": 1}, **away})


def _scene_partial_fill(control: ExchangeControl) -> None:
    control.quote("TQQQ", "50.95", "50.98", 2000, 30)
    away = {"symbol": "TQQQ", "bid": "51.00", "ask": "51.03", "bid_size": 2000, "ask_size": 2000}
    control.script({"on": {"symbol": "TQQQ", "event": "fill", "side": "buy", "nth": 1}, **away})


def _scene_out_of_reach(control: ExchangeControl) -> None:
    control.quote("TQQQ", "50.95", "50.98", 2000, 10)
    away = {"symbol": "TQQQ", "bid": "52.00", "ask": "52.03", "bid_size": 2000, "ask_size": 2000}
    control.script({"on": {"symbol": "TQQQ", "event": "fill", "side": "buy", "nth": 1}, **away})


def _scene_position(control: ExchangeControl) -> None:
    _scene_calm(control)
    control.position("TQQQ", 100, "40")


def _scene_one_cent_wide(control: ExchangeControl) -> None:
    control.quote("AAPL", "200.00", "200.01", 2000, 2000)


def _scene_few_shares(control: ExchangeControl) -> None:
    control.quote("TQQQ", "50.95", "50.98", 2000, 10)


def _scene_falls_through_the_stop(control: ExchangeControl) -> None:
    _scene_calm(control)
    below = {"symbol": "TQQQ", "bid": "49.90", "ask": "49.93", "bid_size": 2000, "ask_size": 2000}
    control.script({"on": {"symbol": "TQQQ", "event": "fill", "side": "buy", "nth": 1}, **below})


def _scene_protection_is_rejected_once(control: ExchangeControl) -> None:
    _scene_calm(control)
    control.faults({"method": "POST", "path": "/v2/orders", "order_class": "oco", "kind": "reject", "count": 1})


def _held(order: Order, qty: int) -> bool:
    return order.guard.protected is True and order.unexited_qty == order.filled_qty == qty


LIVES = [
    Life("filled at once", _scene_calm, {"qty": 100}, lambda order: order.status is Status.FILLED),
    Life("filled on a re-peg", _scene_steps_away_once, {"qty": 100}, lambda order: order.status is Status.FILLED),
    Life("filled in two parts", _scene_partial_fill, {"qty": 100}, lambda order: order.status is Status.FILLED),
    Life(
        "partly filled, then out of reach",
        _scene_out_of_reach,
        {"qty": 100},
        lambda order: order.status is Status.PARTIALLY_FILLED and order.filled_qty == 10,
        Settings(max_repegs=0),
    ),
    Life(
        "rests on where it is for a rung more",
        _scene_one_cent_wide,
        {"qty": 100, "symbol": "AAPL"},
        lambda order: order.status is Status.FILLED and order.filled_qty == 100,
    ),
    Life("close", _scene_position, {"kind": "close"}, lambda order: order.status is Status.FILLED),
    Life(
        "bracket, filled and protected",
        _scene_calm,
        BRACKET,
        lambda order: order.status is Status.FILLED and _held(order, 100),
        ocos=1,
    ),
    Life(
        "bracket, partly filled and protected",
        _scene_few_shares,
        BRACKET,
        lambda order: order.status is Status.PARTIALLY_FILLED and _held(order, 10),
        ocos=1,
    ),
    Life(
        "bracket, protected at the second try",
        _scene_protection_is_rejected_once,
        BRACKET,
        lambda order: order.status is Status.FILLED and _held(order, 100),
        ocos=2,
    ),
    Life(
        "bracket, protection refused and unwound",
        _scene_falls_through_the_stop,
        BRACKET,
        lambda order: order.status is Status.UNWOUND and order.filled_qty == 100 and order.exit_reason == "unwind",
    ),
]


@contextmanager
def _born(life: Life, exchange: ExchangeControl) -> Iterator[Lab]:
    exchange.reset()
    exchange.set_clock(START, paused=True)
    life.scene(exchange)
    with quick_aws():
        lab = Lab(exchange, life.settings)
        lab.read_clock()
        lab.deaths.seen.clear()
        yield lab


def _message(life: Life) -> str:
    body = {"signal_id": "s", "kind": "order", "symbol": "TQQQ", "side": "buy"} | life.signal
    if body["kind"] == "close":
        del body["side"]
    return json.dumps(body)


def _live(lab: Lab, life: Life) -> bool:
    """Deliver and work the signal; True if the worker died on the way."""
    try:
        lab.intake.accept(_message(life))
    except Killed:
        return True
    _work(lab)
    return lab.deaths.stopped


def _work(lab: Lab) -> None:
    with Crowd(lab) as crowd:
        crowd.work()


def _recover(lab: Lab, life: Life) -> None:
    lab.revive()
    if lab.orders.find("s") is None or not lab.ended:
        lab.intake.accept(_message(life))
    for _ in range(3):
        lab.sweep()
        _work(lab)


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
def test_survives_death_after_every_output(life: Life, exchange: ExchangeControl, aws_credentials: None) -> None:
    with _born(life, exchange) as lab:
        assert not _live(lab, life)
        _check(lab, life, "nobody died")
        calls = list(lab.deaths.seen)
    points = [at for at in range(1, len(calls) + 1) if at == 1 or calls[at - 2] not in INPUTS]
    assert len(points) > 5, "the worker hardly did anything"
    for at in points:
        with _born(life, exchange) as lab:
            lab.deaths.at = at
            assert _live(lab, life), f"nobody died before call {at} of {calls}"
            _recover(lab, life)
            _check(lab, life, f"death before {lab.deaths.seen[at - 1]} (number {at})")


def _check(lab: Lab, life: Life, where: str) -> None:
    order = lab.order("s")
    assert life.ends(order), f"{where}: {order.status} {order.reason} {order.filled_qty}, {order.events}"
    assert [kind for kind, _ in lab.bus.events if kind == "Order Outcome"], f"{where}: outcome not published"
    assert order.run.published, where
    accepted = [entry for entry in journal(lab, event="accepted") if entry["order_class"] == "oco"]
    assert len(accepted) == 2 * life.ocos, f"{where}: {[entry['client_order_id'] for entry in accepted]}"
    lab.check()
