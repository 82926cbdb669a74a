"""Scenes for the spine tests: a lab at any market time, moves of the market, and what others do in the account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from desk.exchange.client import ExchangeControl
from repeg.domain.order.record import Order
from repeg.domain.settings import Settings
from tests.support.deaths import Killed
from tests.support.lab import START, Lab
from tests.support.stand_ins.short_exchange import stranger
from tests.support.stand_ins.short_moto import quick_aws

_KEYS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}

NEVER_ARRIVED: dict[str, dict[str, Any]] = {
    "connection lost": {"kind": "drop_before"},
    "504": {"kind": "error", "status": 504},
    "503": {"kind": "error", "status": 503, "body": "try later"},
    "502 html": {"kind": "html", "status": 502},
    "200 html": {"kind": "html", "status": 200, "body": "<html>oops</html>"},
}
"""Answers that do not tell whether the order arrived; it has not."""


@contextmanager
def lab_at(control: ExchangeControl, when: str = START, settings: Settings | None = None) -> Iterator[Lab]:
    """A lab at a market time (RFC 3339, or `09:15` on Friday 2026-11-20), TQQQ at 50.95/50.98."""
    control.reset()
    control.set_clock(market_time(when), paused=True)
    control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    with quick_aws():
        lab = Lab(control, settings)
        lab.read_clock()
        yield lab


def market_time(text: str) -> str:
    """`09:15`, `09:15:30` or `09:15:30.5` on the Friday of the tests, in New York; anything with a date stands."""
    if "T" in text:
        return text
    return f"2026-11-20T{text}{':00' if len(text) == 5 else ''}-05:00"


def at(text: str) -> datetime:
    """A market time to compare with."""
    return datetime.fromisoformat(market_time(text))


def ends_early(lab: Lab, seconds: float) -> None:
    """As the broker's calendar has it now, the session ends in so many seconds: an exit tries no longer."""
    now = datetime.fromisoformat(lab.control.clock().now)
    known = lab.time.calendar(lab.broker.urgent(), now)
    closes_at = now + timedelta(seconds=seconds)
    days = tuple(day.changed(closes_at=closes_at) if day.opens_at <= now < day.closes_at else day for day in known.days)
    lab.time._calendar = known.changed(days=days)


def done(lab: Lab, signal_id: str = "a", **signal: Any) -> Order:
    """Send a signal (a buy of 100 TQQQ unless it says otherwise), work it to its end, and audit."""
    order = run(lab, signal_id, **signal)
    lab.check()
    return order


def run(lab: Lab, signal_id: str = "a", **signal: Any) -> Order:
    """As `done`, without the audit."""
    send(lab, signal_id, **signal)
    lab.work()
    return lab.order(signal_id)


def send(lab: Lab, signal_id: str = "a", **signal: Any) -> None:
    """Deliver a signal to intake."""
    body: dict[str, Any] = {"signal_id": signal_id, "kind": "order", "symbol": "TQQQ"} | signal
    if body["kind"] == "order":
        body = {"side": "buy"} | body
        if not body.keys() & {"qty", "notional"}:
            body["qty"] = 100
    if body["kind"] in ("adjust", "cancel"):
        del body["symbol"]
    lab.intake.accept(json.dumps(body))


def on_order(
    lab: Lab,
    event: str,
    bid: str,
    ask: str,
    *,
    nth: int = 1,
    side: str = "buy",
    after: float = 0,
    size: int = 2000,
    symbol: str = "TQQQ",
) -> None:
    """The quote moves when the nth child order of `symbol` meets `event`."""
    trigger = {"symbol": symbol, "event": event, "side": side, "nth": nth}
    quote = {"symbol": symbol, "bid": bid, "ask": ask, "bid_size": size, "ask_size": size}
    lab.control.script({"on": trigger, "after": after, **quote})


def out_of_reach(lab: Lab, rungs: int = 3, step: str = "0.02", size: int = 2000) -> None:
    """Each arriving buy limit finds the quote just moved above it; 3 x 2 cents stay inside a 20 bps cap."""
    for nth in range(1, rungs + 1):
        up = Decimal(step) * nth
        on_order(lab, "new", str(Decimal("50.95") + up), str(Decimal("50.98") + up), nth=nth, size=size)


def journal(lab: Lab, kind: str = "order", event: str | None = None) -> list[dict[str, Any]]:
    """The exchange's entries of a type, oldest first."""
    entries = [entry for entry in lab.control.journal() if entry["type"] == kind]
    return [entry for entry in entries if event is None or entry.get("event") == event]


def submits(lab: Lab) -> list[dict[str, Any]]:
    """Requests that tried to send an order."""
    return [e for e in journal(lab, "request") if e["method"] == "POST" and e["path"] == "/v2/orders"]


def alerts(lab: Lab) -> list[str]:
    """What the operator was told."""
    return [detail["alert"] for kind, detail in lab.bus.events if kind == "Order Alert"]


def outcomes(lab: Lab) -> list[dict[str, Any]]:
    """Outcomes as published."""
    return [detail for kind, detail in lab.bus.events if kind == "Order Outcome"]


def check_ours(lab: Lab, *, all_over: bool = True) -> None:
    """The audit, leaving out what others sent on the same account."""
    lab.check(all_over=all_over, strangers=True)


def by_hand(lab: Lab, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """A request of somebody else on the same account (an app, another program)."""
    with stranger(lab.control) as session:
        answer = session.request(method, f"{lab.control.url}/v2/{path}", json=body, headers=_KEYS)
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def limit_by_hand(lab: Lab, side: str, qty: int, price: str, symbol: str = "TQQQ") -> str:
    """A resting limit order of somebody else; returns the broker's id."""
    body = {"symbol": symbol, "qty": qty, "side": side, "type": "limit", "time_in_force": "day", "limit_price": price}
    placed = by_hand(lab, "POST", "orders", body | {"client_order_id": f"hand-{side}-{qty}-{price}"})
    lab.sleep(0.1)
    return str(placed["id"])


@contextmanager
def dying_at_write(lab: Lab, nth: int) -> Iterator[None]:
    """The process dies just before the nth write of records in here, if there are as many; behind it another lives."""
    guard, writes = lab.deaths.guard, count(1)

    def dies(called: str, call: Callable[[], Any]) -> Any:
        if called.startswith("store.save") and next(writes) == nth:
            lab.deaths.stopped = True
        return guard(called, call)

    lab.deaths.guard = dies  # type: ignore[method-assign]
    with suppress(Killed):
        yield
    lab.deaths.guard = guard  # type: ignore[method-assign]
    lab.revive()


def whenever(lab: Lab, name: str, act: Callable[[], None], nth: int = 1) -> None:
    """Do `act` just before the nth call of a port (`broker.cancel`, `store.finish`) from now on."""
    guard, seen = lab.deaths.guard, {"calls": 0}

    def watched(called: str, call: Callable[[], Any]) -> Any:
        if called == name:
            seen["calls"] += 1
            if seen["calls"] == nth:
                act()
        return guard(called, call)

    lab.deaths.guard = watched  # type: ignore[method-assign]
