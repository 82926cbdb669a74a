"""Answers that tell something else than the truth: items of a read that are hidden or edited by faults."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from desk.exchange.faults.effects import ITEMS, Item, Kind
from desk.exchange.faults.rules import Fault, Faults
from desk.exchange.faults.subjects import of_item
from desk.exchange.wire.errors import ApiError, not_found
from desk.exchange.wire.web import Reply, Request, refusal


def shaped(faults: Faults, request: Request, reply: Reply) -> tuple[Reply, Kind | None]:
    """The answer as `edit` and `hide` faults leave it, and the kind of one that did something.

    Only a successful answer has items: the object it is, or those of the list it is, and their legs. The first fault
    that fits an item acts on it.
    """
    able = [fault for fault in faults.rules if fault.kind in ITEMS]
    rules = [fault for fault in able if fault.trigger.wants(request.method, request.path)]
    if not rules or reply.status != 200:
        return reply, None
    shaper = _Shaper(faults, rules)
    body = shaper.shape(reply.body)
    acted = shaper.acted
    if acted is None:
        return reply, None
    return refusal(_missing(request)) if body is None else replace(reply, body=body), acted


@dataclass
class _Shaper:
    """Goes through one answer; a fault that acts on several of its items is counted once."""

    faults: Faults
    rules: list[Fault]
    _strikes: dict[int, bool] = field(default_factory=dict)

    @property
    def acted(self) -> Kind | None:
        return next((self.rules[i].kind for i, strikes in self._strikes.items() if strikes), None)

    def shape(self, body: Any) -> Any:
        """What is left of an answer, None if nothing is."""
        if isinstance(body, list):
            return [left for item in body if (left := self.shape(item)) is not None]
        return self._shape_item(body) if isinstance(body, dict) else body

    def _shape_item(self, item: Item) -> Item | None:
        fault = next((rule for i, rule in enumerate(self.rules) if _is_meant(rule, item) and self._strike(i)), None)
        if fault is not None and fault.shape(item) is None:
            return None
        if item.get("legs"):
            item = {**item, "legs": self.shape(item["legs"]) or None}
        return item if fault is None else fault.shape(item)

    def _strike(self, i: int) -> bool:
        # Drawn once for an answer: an order and its leg in one list must not use up two of `count`.
        if i not in self._strikes:
            self._strikes[i] = self.faults.strikes(self.rules[i])
        return self._strikes[i]


def _is_meant(fault: Fault, item: Item) -> bool:
    return fault.trigger.is_about(of_item(item)) and fault.trigger.holds_for(item)


def _missing(request: Request) -> ApiError:
    if request.path.startswith("/v2/positions"):
        return not_found("position does not exist")
    named = request.query.seen("client_order_id") or request.path.rstrip("/").split("/")[-1]
    return not_found(f"order not found for {named}")
