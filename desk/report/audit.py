"""Do the records tell the truth? Compares order views with the exchange's own journal, which knows nothing of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

View = dict[str, Any]
ZERO = Decimal(0)
PRICE_TOLERANCE = Decimal("0.000001")
_OVER = {"canceled", "expired", "rejected", "replaced"}


@dataclass
class ChildTruth:
    """An order as the journal tells it: a child order, or one leg of a protection."""

    order_id: str = ""
    parent_id: str | None = None
    """The exchange's id of the OCO whose stop this is."""
    accepted: int = 0
    qty: Decimal = ZERO
    limit_price: str | None = None
    stop_price: str | None = None
    filled: Decimal = ZERO
    paid: Decimal = ZERO
    ended: str | None = None


@dataclass(frozen=True)
class Audit:
    """What was compared, and every difference found; none means that journal and records agree."""

    orders: int
    child_orders: int
    protections: int
    fills: int
    differences: list[str] = field(default_factory=list)


def audit(orders: Iterable[View], journal: Iterable[View]) -> Audit:
    """Compare all orders of a stack with the whole journal of its exchange."""
    orders, entries = list(orders), list(journal)
    truth = _children(entries)
    named = {rung["client_order_id"]: order for order in orders for rung in order["rungs"]}
    guards = {oco["client_order_id"] for order in orders for oco in order["protections"]}
    known = named.keys() | guards
    heads = {truth[name].order_id for name in guards & truth.keys()}
    strays = (name for name, child in truth.items() if name not in known and child.parent_id not in heads)
    differences = [
        *_doubled(orders),
        *(f"{name}: at the exchange, but in no record" for name in strays),
        *(line for order in orders for line in _order_differences(order, truth)),
        *(line for order in orders for line in _protection_differences(order, truth)),
        *_overfills(entries, named),
    ]
    fills = sum(entry["type"] == "fill" for entry in entries)
    legs = sum(child.parent_id is not None for child in truth.values())
    return Audit(len(orders), len(truth) - legs - len(heads), len(heads), fills, differences)


def _children(entries: Iterable[View]) -> dict[str, ChildTruth]:
    children: dict[str, ChildTruth] = defaultdict(ChildTruth)
    for entry in entries:
        if entry["type"] == "order":
            child = children[entry["client_order_id"]]
            if entry["event"] == "accepted":
                child.accepted += 1
                child.order_id, child.parent_id = entry["order_id"], entry["parent_order_id"]
                child.qty = Decimal(entry["qty"])
                child.limit_price, child.stop_price = entry["limit_price"], entry["stop_price"]
            elif entry["event"] in _OVER | {"filled"}:
                child.ended = entry["event"]
        elif entry["type"] == "fill":
            child = children[entry["client_order_id"]]
            child.filled += Decimal(entry["qty"])
            child.paid += Decimal(entry["qty"]) * Decimal(entry["price"])
    return dict(children)


def _doubled(orders: Iterable[View]) -> Iterator[str]:
    """One signal, one order; refusals of a repeated or bad signal stand beside it and send nothing.

    What leaves for an order carries its signal, too.
    """
    own = (order for order in orders if order["rungs"] and order["kind"] != "unwind")
    for signal_id, count in Counter(order["signal_id"] for order in own).items():
        if count > 1:
            yield f"{signal_id}: became {count} orders"


def _order_differences(order: View, truth: dict[str, ChildTruth]) -> Iterator[str]:
    total = ZERO
    for rung in order["rungs"]:
        name = rung["client_order_id"]
        child = truth.get(name)
        if child is None:
            if rung["status"] != "rejected":
                yield f"{name}: in the record as {rung['status']}, but the exchange never saw it"
            continue
        total += child.filled
        yield from (f"{name}: {difference}" for difference in _rung_differences(rung, child))
    if Decimal(order["filled_qty"]) != total:
        yield f"{order['order_id']}: {order['filled_qty']} filled in the record, {total} at the exchange"


def _rung_differences(rung: View, child: ChildTruth) -> Iterator[str]:
    if child.accepted != 1:
        yield f"accepted {child.accepted} times"
    if Decimal(rung["qty"]) != child.qty:
        yield f"quantity {rung['qty']} in the record, {child.qty} at the exchange"
    if not _same_price(rung["limit_price"], child.limit_price):
        yield f"limit {rung['limit_price']} in the record, {child.limit_price} at the exchange"
    if Decimal(rung["filled_qty"]) != child.filled:
        yield f"{rung['filled_qty']} filled in the record, {child.filled} at the exchange"
    elif child.filled and not _same_price(rung["avg_fill_price"], child.paid / child.filled):
        yield f"filled at {rung['avg_fill_price']} in the record, {child.paid / child.filled} at the exchange"
    if rung["closed_at"] and rung["status"] != child.ended:
        yield f"{rung['status']} in the record, {child.ended or 'live'} at the exchange"


def _protection_differences(order: View, truth: dict[str, ChildTruth]) -> Iterator[str]:
    """What protects a bracket is at the exchange as recorded, and guards exactly the shares that are held."""
    guarded = ZERO
    for oco in order["protections"]:
        name = oco["client_order_id"]
        target = truth.get(name)
        if target is None:
            if oco["status"] != "refused":
                yield f"{name}: in the record as {oco['status']}, but the exchange never saw it"
            continue
        stops = [child for child in truth.values() if child.parent_id == target.order_id]
        yield from (f"{name}: {difference}" for difference in _oco_differences(oco, target, stops))
        yield from (f"{name}: {difference}" for leg in (target, *stops) for difference in _exit_differences(order, leg))
        if target.ended is None:
            guarded += target.qty - sum((leg.filled for leg in (target, *stops)), ZERO)
    held = Decimal(order["unexited_qty"])
    if guarded > held or (order["protected"] and guarded != held):
        yield f"{order['order_id']}: {held} held by the record, {guarded} guarded at the exchange"


def _oco_differences(oco: View, target: ChildTruth, stops: list[ChildTruth]) -> Iterator[str]:
    if target.accepted != 1:
        yield f"accepted {target.accepted} times"
    if Decimal(oco["qty"]) != target.qty:
        yield f"quantity {oco['qty']} in the record, {target.qty} at the exchange"
    if not _same_price(oco["target"], target.limit_price):
        yield f"target {oco['target']} in the record, {target.limit_price} at the exchange"
    if [Decimal(stop.stop_price or 0) for stop in stops] != [Decimal(oco["stop"])]:
        yield f"stop {oco['stop']} in the record, {[stop.stop_price for stop in stops]} at the exchange"
    over = all(leg.ended for leg in (target, *stops))
    if bool(oco["closed_at"]) != over:
        yield f"{oco['status']} in the record, {'over' if over else 'live'} at the exchange"


def _exit_differences(order: View, leg: ChildTruth) -> Iterator[str]:
    gone = next((gone for gone in order["exits"] if gone["source"] == leg.order_id), None)
    recorded = Decimal(gone["qty"]) if gone else ZERO
    if recorded != leg.filled:
        yield f"{recorded} left in the record, {leg.filled} at the exchange"
    elif gone and not _same_price(gone["price"], leg.paid / leg.filled):
        yield f"left at {gone['price']} in the record, {leg.paid / leg.filled} at the exchange"


def _same_price(recorded: str | None, true: str | Decimal | None) -> bool:
    if recorded is None or true is None:
        return recorded is true
    return abs(Decimal(recorded) - Decimal(true)) <= PRICE_TOLERANCE


def _overfills(entries: Iterable[View], named: dict[str, View]) -> Iterator[str]:
    """At every moment: filled plus live quantity never exceeds what was asked for."""
    live: dict[str, dict[str, Decimal]] = defaultdict(dict)
    filled: dict[str, Decimal] = defaultdict(Decimal)
    for entry in entries:
        order = named.get(entry.get("client_order_id", ""))
        if order is None or order["requested_qty"] is None:
            continue
        owner, child = order["order_id"], entry["client_order_id"]
        if entry["type"] == "fill":
            filled[owner] += Decimal(entry["qty"])
            live[owner][child] -= Decimal(entry["qty"])
        elif entry["event"] == "accepted":
            live[owner][child] = Decimal(entry["qty"])
        elif entry["event"] in _OVER:
            live[owner][child] = ZERO
        exposed = filled[owner] + sum(live[owner].values(), ZERO)
        if exposed > Decimal(order["requested_qty"]):
            yield f"{owner}: {exposed} filled or live at {entry['at']}, {order['requested_qty']} wanted"
