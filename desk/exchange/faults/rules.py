"""The faults in force: each a trigger (when, about what) and an effect (what happens)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from desk.exchange.faults.effects import (
    ITEMS,
    GoOn,
    Item,
    Kind,
    OnItem,
    OnMessage,
    OnOrder,
    OnRequest,
    Terms,
    named,
    read_terms,
)
from desk.exchange.faults.subjects import TERMS, Subject
from desk.exchange.faults.triggers import Trigger, read_trigger
from desk.exchange.venue.engine import Engine
from desk.exchange.venue.fate import Fate, Moment
from desk.exchange.wire.errors import ControlError
from desk.exchange.wire.fields import only
from desk.exchange.wire.web import Reply, Request

FIELDS = frozenset(
    ("kind", "method", "path", "symbol", *TERMS, "when", "count", "probability", "status", "body", "delay_ms", "stage")
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule."""

    kind: Kind
    trigger: Trigger
    terms: Terms

    @property
    def unheard(self) -> bool:
        """Whether the request it acts on reaches nothing at all."""
        return isinstance(self.kind.effect, OnRequest) and self.kind.effect.unheard

    def answer(self, go_on: GoOn) -> Reply:
        """The answer to a request that it acts on; `go_on` lets the request take effect."""
        assert isinstance(self.kind.effect, OnRequest)
        return self.kind.effect.answer(self.terms, go_on)

    def shape(self, item: Item) -> Item | None:
        """What it makes of an item of an answer; None leaves it out."""
        assert isinstance(self.kind.effect, OnItem)
        return self.kind.effect.shape(self.terms, item)

    @property
    def copies(self) -> int | None:
        """How often a message that it acts on is sent; None closes the stream instead."""
        assert isinstance(self.kind.effect, OnMessage)
        return self.kind.effect.copies

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind.value, **self.trigger.as_json(), **self.terms.as_json()}


class Faults:
    """The faults in force; the first that fits a request acts on it."""

    def __init__(self, chance: Callable[[], random.Random]) -> None:
        self._chance = chance
        self.rules: list[Fault] = []

    def put(self, given: list[dict[str, Any]], engine: Engine) -> None:
        """Replace all faults; ControlError names a bad field. What lasts as long as its fault ends with it."""
        self.rules = [_read(item) for item in given]
        in_force = {fault.kind for fault in self.rules}
        for kind, effect in _on_orders():
            if kind not in in_force:
                effect.lifted(engine)

    def fate(self, moment: Moment, request: Request, subject: Callable[[], Subject]) -> Fate | None:
        """What becomes of an order at that moment after such a request, where a fault acts on it; counts it."""
        # Asked at every order: what one is about is found out only where there are faults.
        if not self.rules:
            return None
        fates = {kind: effect.fates[moment] for kind, effect in _on_orders() if moment in effect.fates}
        fault = self.draw(fates, request.method, request.path, subject())
        return None if fault is None else fates[fault.kind]

    def draw(self, kinds: Iterable[Kind], method: str, path: str, subject: Subject) -> Fault | None:
        """The fault that acts on this request now, if any; counts it."""
        # First that fits, not best: a test says what goes first by the order in which it lists.
        wanted = frozenset(kinds)
        for fault in self.rules:
            if fault.kind in wanted and fault.trigger.fits(method, path, subject) and self.strikes(fault):
                return fault
        return None

    def strikes(self, fault: Fault) -> bool:
        """Whether chance lets a fault that fits act now; counts it if so."""
        return fault.trigger.strikes(self._chance())


def _on_orders() -> Iterator[tuple[Kind, OnOrder]]:
    return ((kind, kind.effect) for kind in Kind if isinstance(kind.effect, OnOrder))


def _read(given: dict[str, Any]) -> Fault:
    only(given, FIELDS)
    kind = named(given.get("kind"))
    fault = Fault(kind, read_trigger(given), read_terms(kind, given))
    if fault.trigger.when and kind not in ITEMS:
        raise ControlError("when: only an edit or hide looks at answers")
    return fault
