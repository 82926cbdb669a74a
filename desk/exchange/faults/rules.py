"""Faults to order: what shall go wrong, with which requests, how often."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from desk.exchange.faults.subjects import Subject
from desk.exchange.wire.errors import ControlError
from desk.exchange.wire.fields import number, only, record, text


class Kind(StrEnum):
    ERROR = "error"
    DELAY = "delay"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    HTML = "html"
    STUCK_CANCEL = "stuck_cancel"
    REJECT = "reject"
    EDIT = "edit"
    HIDE = "hide"
    STREAM_DROP = "stream_drop"
    STREAM_DUPLICATE = "stream_duplicate"
    STREAM_CLOSE = "stream_close"


TRANSPORT = frozenset({Kind.ERROR, Kind.DELAY, Kind.DROP_BEFORE, Kind.DROP_AFTER, Kind.HTML})
STREAM = frozenset({Kind.STREAM_DROP, Kind.STREAM_DUPLICATE, Kind.STREAM_CLOSE})
ANSWERS = frozenset({Kind.EDIT, Kind.HIDE})
_DEFAULT_STATUS = {Kind.ERROR: 500, Kind.HTML: 502}
_ABOUT = ("order_class", "side", "type", "client_order_id")
_FIELDS = [
    *("method", "path", "kind", "status", "body", "delay_ms", "count", "probability", "symbol", "stage", "when"),
    *_ABOUT,
]


@dataclass(slots=True)
class Fault:
    """One rule. `delay_ms` is wall time; `left` is how often it still acts (None: without end).

    `after_effect` (stage "answer") lets the request take effect first and spoils only its answer. `about` narrows it
    to orders whose terms match (glob patterns), `when` to items of an answer with such fields (None: null).
    """

    kind: Kind
    method: str
    path: str
    symbol: str | None
    about: Mapping[str, str]
    status: int
    body: Any
    delay_ms: int
    probability: Decimal
    left: int | None
    after_effect: bool
    when: Mapping[str, str | None]

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

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "method": self.method,
            "path": self.path,
            "symbol": self.symbol,
            **{term: self.about.get(term) for term in _ABOUT},
            "status": self.status,
            "body": self.body,
            "when": dict(self.when),
            "delay_ms": self.delay_ms,
            "probability": str(self.probability),
            "count": self.left,
            "stage": "answer" if self.after_effect else "request",
        }


class Faults:
    """The faults in force; the first that fits a request acts on it."""

    def __init__(self, chance: Callable[[], random.Random]) -> None:
        self._chance = chance
        self.rules: list[Fault] = []

    def put(self, given: list[dict[str, Any]]) -> None:
        """Replace all faults; ControlError names a bad field."""
        self.rules = [_read(item) for item in given]

    def draw(self, kinds: Iterable[Kind], method: str, path: str, subject: Subject) -> Fault | None:
        """The fault that acts on this request now, if any; counts it."""
        wanted = frozenset(kinds)
        for fault in self.rules:
            if fault.kind not in wanted or not fault.fits(method, path, subject):
                continue
            if self.strikes(fault):
                return fault
        return None

    def strikes(self, fault: Fault) -> bool:
        """Whether chance lets a fault that fits act now; counts it if so."""
        if fault.probability < 1 and Decimal(self._chance().random()) >= fault.probability:
            return False
        if fault.left is not None:
            fault.left -= 1
        return True


def _read(given: dict[str, Any]) -> Fault:
    only(given, _FIELDS)
    try:
        kind = Kind(given.get("kind", ""))
    except ValueError:
        raise ControlError(f"kind: one of {', '.join(Kind)} is needed") from None
    probability = number("probability", _or(given, "probability", 1))
    if probability > 1:
        raise ControlError("probability: between 0 and 1")
    stage = _or(given, "stage", "answer" if kind is Kind.DELAY else "request")
    if stage not in ("request", "answer"):
        raise ControlError("stage: request or answer is needed")
    status = int(number("status", _or(given, "status", _DEFAULT_STATUS.get(kind, 500))))
    if not 200 <= status <= 599:
        raise ControlError("status: an HTTP status is needed")
    if kind is Kind.EDIT:
        record("body", given.get("body"))
    count = given.get("count")
    symbol = given.get("symbol")
    return Fault(
        kind=kind,
        method=text("method", _or(given, "method", "*")).upper(),
        path=text("path", _or(given, "path", "*")),
        symbol=text("symbol", symbol).upper() if symbol is not None else None,
        about={term: text(term, given[term]) for term in _ABOUT if given.get(term) is not None},
        status=status,
        body=given.get("body"),
        delay_ms=int(number("delay_ms", _or(given, "delay_ms", 0))),
        probability=probability,
        left=None if count is None else int(number("count", count)),
        after_effect=stage == "answer",
        when=_when(kind, given),
    )


def _when(kind: Kind, given: dict[str, Any]) -> dict[str, str | None]:
    when = record("when", _or(given, "when", {}))
    if when and kind not in ANSWERS:
        raise ControlError("when: only an edit or hide looks at answers")
    return {name: None if value is None else text(f"when.{name}", value) for name, value in when.items()}


def _matches(value: Any, pattern: str | None) -> bool:
    return value is None if pattern is None else value is not None and fnmatchcase(str(value), pattern)


def _or(given: dict[str, Any], name: str, fallback: Any) -> Any:
    value = given.get(name)
    return fallback if value is None else value
