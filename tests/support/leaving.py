"""Scenes of positions that are held under protection and left again, and what must be true of them at any time."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from repeg.domain.models import direction
from repeg.domain.order.protection import SPENT_REMEMBERED
from repeg.domain.order.record import Order
from repeg.domain.settings import Settings
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import alerts, by_hand, ends_early, journal, run

BRACKET: dict[str, Any] = {
    "kind": "bracket",
    "symbol": "TQQQ",
    "side": "buy",
    "qty": 100,
    "signal_price": "50.97",
    "stop_loss": "49.97",
    "take_profit": "53.47",
}
"""At 50.95/50.98 it fills at 50.98; its stop goes to 49.98, its target to 53.48."""
SHORT: dict[str, Any] = BRACKET | {
    "side": "sell",
    "signal_price": "50.96",
    "stop_loss": "51.96",
    "take_profit": "48.46",
}
"""At 50.95/50.98 it fills at 50.95; its stop goes to 51.95, its target to 48.45."""
STOP, TARGET = Decimal("49.98"), Decimal("53.48")
LIST_LAG_SECONDS = 0.3
HALT_SECONDS = 400
TRIES_SECONDS = 150
"""An exit tries until the session ends, which is soon: nobody wants to wait for the evening."""
FEW_RUNGS = Settings(aggressive_timeout_seconds=Decimal(30))


class Guard(NamedTuple):
    """A protective order as the exchange shows it: shares still guarded, and where."""

    qty: Decimal
    stop: Decimal
    target: Decimal


def hold(lab: Lab, signal_id: str = "b", **signal: Any) -> Order:
    """A bracket that is filled and protected."""
    order = run(lab, signal_id, **(BRACKET | signal))
    assert order.guard.protected is True, f"{order.status} {order.reason} {order.events}"
    return order


def halt(lab: Lab, event: str | None = None, side: str = "sell") -> None:
    """Nothing trades in TQQQ (from an order's event on, or from now) until behind the end of the session."""
    lab.settings = FEW_RUNGS
    ends_early(lab, TRIES_SECONDS)
    when = {"on": {"symbol": "TQQQ", "event": event, "side": side}} if event else {}
    change = {"symbol": "TQQQ"} | when
    lab.control.script(change | {"halt": True}, change | {"halt": False, "after": HALT_SECONDS})


def side_by_side(lab: Lab) -> None:
    """Work all that was started at once: a bracket and the unwind that it waits for, say."""
    with Crowd(lab) as crowd:
        crowd.work()


def minutes(lab: Lab, count: int = 1) -> None:
    """Sweeps as the scheduler runs them, and what they start."""
    for _ in range(count):
        lab.sleep(60)
        lab.sweep()
        side_by_side(lab)


def shares(lab: Lab, symbol: str = "TQQQ") -> Decimal:
    """What the account holds: negative when short."""
    return _position(lab, symbol, "qty")


def free_shares(lab: Lab, symbol: str = "TQQQ") -> Decimal:
    """What no open order holds."""
    return _position(lab, symbol, "qty_available")


def guards(lab: Lab, symbol: str = "TQQQ") -> list[Guard]:
    """The OCOs that are at work at the exchange, oldest first."""
    lab.sleep(LIST_LAG_SECONDS)
    listed = by_hand(lab, "GET", "orders?status=open&nested=true&direction=asc&limit=500")
    ours = [each for each in listed if each["symbol"] == symbol and each["order_class"] == "oco"]
    return [_guard(each) for each in ours]


def check_held(
    lab: Lab,
    symbol: str = "TQQQ",
    *,
    free: int = 0,
    naked: Decimal | int = 0,
    over: bool = True,
    strangers: bool = False,
) -> None:
    """The audit; and account, exchange and store agree on what is held, and no share was sold that was not there.

    The account holds what the store's brackets hold and `free` shares besides; all of the brackets' shares but `naked`
    are guarded by OCOs at the exchange that the store knows, and naked ones were told to the operator.
    """
    lab.check(all_over=over, strangers=strangers)
    brackets = lab.orders.holding(symbol)
    held = sum((order.unexited_qty * direction(order.trading_side) for order in brackets), Decimal(0))
    assert shares(lab, symbol) == held + free, f"account {shares(lab, symbol)}, store {held} and {free} free"
    guarded = sum((guard.qty for guard in guards(lab, symbol)), Decimal(0))
    unguarded = sum((order.unexited_qty for order in brackets), Decimal(0)) - guarded
    assert unguarded == naked, f"{unguarded} shares are without protection: {[o.events[-3:] for o in brackets]}"
    assert not naked or alerts(lab), "nobody was told"
    for order in brackets:
        assert not order.guard.protected or order.unguarded_qty == 0, f"{order.order_id} is not protected and says so"
    check_never_crossed(lab, symbol)
    check_known(lab, symbol)


def check_never_crossed(lab: Lab, symbol: str = "TQQQ") -> None:
    """By the exchange's own fills a long position never became a short one, nor a short a long one."""
    fills = [entry for entry in journal(lab, "fill") if entry["symbol"] == symbol]
    changes = [Decimal(entry["qty"]) * (1 if entry["side"] == "buy" else -1) for entry in fills]
    at_last = shares(lab, symbol)
    history = [at_last - sum(changes[place:], Decimal(0)) for place in range(len(changes) + 1)]
    assert not (min(history) < 0 < max(history)), f"{symbol} crossed zero: {history}"


def check_known(lab: Lab, symbol: str = "TQQQ") -> None:
    """What protective orders sold at the exchange is what the store has as their exits; none is unknown to it."""
    brackets = [order for order in lab.orders.newest() if order.symbol == symbol]
    known = {oco.client_order_id for order in brackets for oco in order.guard.protections}
    # What came to nothing is counted and not kept.
    known |= {
        o.with_guard(ocos=n).protective_client_order_id
        for o in brackets
        for n in range(o.guard.ocos - SPENT_REMEMBERED)
    }
    sent = [entry for entry in journal(lab, event="accepted") if entry["order_class"] == "oco"]
    heads = {entry["client_order_id"] for entry in sent if not entry["parent_order_id"] and entry["symbol"] == symbol}
    assert heads <= known, f"the store does not know {heads - known}"
    legs = {entry["order_id"] for entry in sent}
    sold = sum((Decimal(e["qty"]) for e in journal(lab, "fill") if e["order_id"] in legs), Decimal(0))
    recorded = sum((oco.exited_qty for order in brackets for oco in order.guard.protections), Decimal(0))
    still_open = any(not oco.status.closed for order in brackets for oco in order.guard.protections)
    assert recorded == sold or (still_open and recorded < sold), f"recorded {recorded}, sold {sold}"


def closed_by(orders: Iterable[Order], close: Order) -> list[int]:
    """How many shares of each order a close took."""
    return [int(sum(gone.qty for gone in order.guard.exits if gone.source == close.order_id)) for order in orders]


def _position(lab: Lab, symbol: str, field: str) -> Decimal:
    held = {entry["symbol"]: Decimal(entry[field]) for entry in by_hand(lab, "GET", "positions")}
    return held.get(symbol, Decimal(0))


def _guard(group: dict[str, Any]) -> Guard:
    members = [group, *(group["legs"] or [])]
    stop = next(Decimal(each["stop_price"]) for each in members if each["stop_price"])
    target = next(Decimal(each["limit_price"]) for each in members if each["limit_price"])
    return Guard(Decimal(group["qty"]) - Decimal(group["filled_qty"]), stop, target)
