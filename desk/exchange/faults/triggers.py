"""When a fault acts: on which requests, items or messages, about what, how often."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from desk.exchange.faults.subjects import TERMS, Subject
from desk.exchange.wire.errors import ControlError
from desk.exchange.wire.fields import number, record, text


@dataclass(slots=True)
class Trigger:
    """`left` is how often it still acts (None: without end).

    `about` narrows it to orders whose terms match (glob patterns), `when` to items of an answer with such fields
    (None: null).
    """

    method: str
    path: str
    symbol: str | None
    about: Mapping[str, str]
    when: Mapping[str, str | None]
    probability: Decimal
    left: int | None

    def fits(self, method: str, path: str, subject: Subject) -> bool:
        return self.wants(method, path) and self.is_about(subject)

    def wants(self, method: str, path: str) -> bool:
        """Whether it may act on such a request, whatever it is about."""
        return self.left != 0 and self.method in ("*", method) and fnmatchcase(path, self.path)

    def is_about(self, subject: Subject) -> bool:
        return (self.symbol is None or self.symbol in subject.symbols) and all(
            fnmatchcase(getattr(subject, term), pattern) for term, pattern in self.about.items()
        )

    def holds_for(self, item: Mapping[str, Any]) -> bool:
        """Whether the fields of an answer's item are as `when` asks."""
        return all(_matches(item.get(name), pattern) for name, pattern in self.when.items())

    def strikes(self, chance: random.Random) -> bool:
        """Whether chance lets it act now; counts it if so."""
        # No draw for a certain fault, so that adding one leaves the rest of a seeded day as it was.
        if self.probability < 1 and Decimal(chance.random()) >= self.probability:
            return False
        if self.left is not None:
            self.left -= 1
        return True

    def as_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "path": self.path,
            "symbol": self.symbol,
            **{term: self.about.get(term) for term in TERMS},
            "when": dict(self.when),
            "probability": str(self.probability),
            "count": self.left,
        }


def read_trigger(given: dict[str, Any]) -> Trigger:
    """The trigger in a control request; ControlError names a bad field."""

    def value(name: str, fallback: Any) -> Any:
        return fallback if given.get(name) is None else given[name]

    probability = number("probability", value("probability", 1))
    if probability > 1:
        raise ControlError("probability: between 0 and 1")
    count, symbol = given.get("count"), given.get("symbol")
    when = record("when", value("when", {}))
    return Trigger(
        method=text("method", value("method", "*")).upper(),
        path=text("path", value("path", "*")),
        symbol=text("symbol", symbol).upper() if symbol is not None else None,
        about={term: text(term, given[term]) for term in TERMS if given.get(term) is not None},
        when={name: None if v is None else text(f"when.{name}", v) for name, v in when.items()},
        probability=probability,
        left=None if count is None else int(number("count", count)),
    )


def _matches(value: Any, pattern: str | None) -> bool:
    return value is None if pattern is None else value is not None and fnmatchcase(str(value), pattern)
