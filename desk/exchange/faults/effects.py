"""What a fault does. A new fault is one more member of `Kind`, with its words for docs/exchange.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from desk.exchange.venue.engine import Engine
from desk.exchange.venue.fate import Fate, Moment, hang, refuse
from desk.exchange.wire.errors import ControlError
from desk.exchange.wire.fields import number, record
from desk.exchange.wire.web import Reply

Item = dict[str, Any]
GoOn = Callable[[], Reply]

SERVER_ERROR = {"code": 50010000, "message": "internal server error occurred"}
_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1><p>upstream failure</p></body></html>"


@dataclass(frozen=True, slots=True)
class Terms:
    """How it does so: the answer that is told in place of the true one, and how much later (wall time).

    `after_effect` (stage "answer") lets the request take effect first and spoils only its answer.
    """

    status: int
    body: Any
    delay_ms: int
    after_effect: bool

    def as_json(self) -> dict[str, Any]:
        stage = "answer" if self.after_effect else "request"
        return {"status": self.status, "body": self.body, "delay_ms": self.delay_ms, "stage": stage}


@dataclass(frozen=True, slots=True)
class Effect:
    """`does` says it in docs/exchange.md; `status` and `stage` are what terms are that nobody gave."""

    does: str
    status: int = 500
    stage: str = "request"


@dataclass(frozen=True, slots=True)
class OnRequest(Effect):
    """Answers a request in place of what would (`GoOn` lets that happen).

    `unheard`: the request does not even reach the keys and the limits.
    """

    answer: Callable[[Terms, GoOn], Reply] = lambda terms, go_on: go_on()
    unheard: bool = False


@dataclass(frozen=True, slots=True)
class OnOrder(Effect):
    """Happens to an order at a moment after its request, in place of what would.

    `lifted` ends what lasts as long as such a fault is in force.
    """

    fates: Mapping[Moment, Fate] = field(default_factory=dict)
    lifted: Callable[[Engine], None] = lambda engine: None


@dataclass(frozen=True, slots=True)
class OnItem(Effect):
    """Makes an item of an answer another one, or none."""

    shape: Callable[[Terms, Item], Item | None] = lambda terms, item: item
    needs_fields: bool = False


@dataclass(frozen=True, slots=True)
class OnMessage(Effect):
    """Sends a message of a stream so many times; None closes the stream instead."""

    copies: int | None = 1


def _cut(terms: Terms, go_on: GoOn) -> Reply:
    return Reply(0)


def _cut_after(terms: Terms, go_on: GoOn) -> Reply:
    go_on()
    return Reply(0)


def _late(terms: Terms, go_on: GoOn) -> Reply:
    return replace(go_on(), delay_ms=terms.delay_ms if terms.after_effect else 0)


def _error(terms: Terms, go_on: GoOn) -> Reply:
    if terms.after_effect:
        go_on()
    return Reply(terms.status, SERVER_ERROR if terms.body is None else terms.body, delay_ms=terms.delay_ms)


def _html(terms: Terms, go_on: GoOn) -> Reply:
    if terms.after_effect:
        go_on()
    page = _PAGE.format(terms.status) if terms.body is None else terms.body
    return Reply(terms.status, page, content_type="text/html", delay_ms=terms.delay_ms)


class Kind(StrEnum):
    """The faults, by name; the order is that of the table in docs/exchange.md."""

    effect: Effect

    def __new__(cls, name: str, effect: Effect) -> Kind:
        kind = str.__new__(cls, name)
        kind._value_ = name
        kind.effect = effect
        return kind

    # A 504 does not say whether the order exists: docs.alpaca.markets/docs/working-with-orders has clients look for
    # it instead of sending it again. Keys that were right got 401 for hours: alpacahq/Alpaca-API#118, #228.
    ERROR = (
        "error",
        OnRequest(
            'answers `status` (500) with `body`; with `"stage": "answer"` only after the request took effect',
            answer=_error,
        ),
    )
    HTML = (
        "html",
        OnRequest("the same with an HTML page (502)", status=502, answer=_html),
    )
    DELAY = (
        "delay",
        OnRequest(
            'answers `delay_ms` later (wall time); with `"stage": "request"` the request itself takes effect later',
            stage="answer",
            answer=_late,
        ),
    )
    # Connections that ended without an answer: alpacahq/alpaca-trade-api-python#268, #297, alpacahq/Alpaca-API#123.
    DROP_BEFORE = (
        "drop_before",
        OnRequest("cuts the connection before anything happens", answer=_cut, unheard=True),
    )
    DROP_AFTER = (
        "drop_after",
        OnRequest("cuts it after the request took effect", answer=_cut_after),
    )
    # Accepted first, rejected later: alpacahq/Alpaca-API#107; replacements, too, for minutes:
    # forum.alpaca.markets/t/18469.
    REJECT = (
        "reject",
        OnOrder(
            "accepts the order (or replacement) and rejects it afterwards",
            fates={Moment.TAKEN: refuse, Moment.REPLACED: refuse},
        ),
    )
    # Orders that hung in pending_cancel until the next open: forum.alpaca.markets/t/813.
    STUCK_CANCEL = (
        "stuck_cancel",
        OnOrder(
            "leaves orders in `pending_cancel` until the fault is cleared; they may still fill",
            fates={Moment.CANCELED: hang},
            lifted=Engine.release_stuck,
        ),
    )
    # A filled order without a price: alpacahq/Alpaca-API#65; one that is replaced, by nobody: #275.
    EDIT = (
        "edit",
        OnItem(
            "answers as ever, but with the fields of `body` in place of the true ones, in each item that it fits",
            shape=lambda terms, item: {**item, **terms.body},
            needs_fields=True,
        ),
    )
    # A position that the list shows and that is not found alone: alpacahq/Alpaca-API#215, #278.
    HIDE = (
        "hide",
        OnItem(
            "leaves the items that it fits out of the answer: 404 if it was the only one asked for",
            shape=lambda terms, item: None,
        ),
    )
    # Updates that stopped without an error: alpacahq/alpaca-trade-api-csharp#170.
    STREAM_DROP = (
        "stream_drop",
        OnMessage("loses a message of a stream", copies=0),
    )
    STREAM_DUPLICATE = (
        "stream_duplicate",
        OnMessage("sends it twice", copies=2),
    )
    STREAM_CLOSE = (
        "stream_close",
        OnMessage("closes the stream in its place", copies=None),
    )


def named(value: Any) -> Kind:
    """The fault of a name; ControlError if there is none."""
    found = next((kind for kind in Kind if kind == value), None)
    if found is None:
        raise ControlError(f"kind: one of {', '.join(Kind)} is needed")
    return found


def acting_on(where: type[Effect]) -> frozenset[Kind]:
    """The kinds that act there."""
    return frozenset(kind for kind in Kind if isinstance(kind.effect, where))


TRANSPORT, ITEMS, MESSAGES = acting_on(OnRequest), acting_on(OnItem), acting_on(OnMessage)


def read_terms(kind: Kind, given: dict[str, Any]) -> Terms:
    """The terms in a control request; ControlError names a bad field."""

    def value(name: str, fallback: Any) -> Any:
        return fallback if given.get(name) is None else given[name]

    stage = value("stage", kind.effect.stage)
    if stage not in ("request", "answer"):
        raise ControlError("stage: request or answer is needed")
    status = int(number("status", value("status", kind.effect.status)))
    if not 200 <= status <= 599:
        raise ControlError("status: an HTTP status is needed")
    body = given.get("body")
    if isinstance(kind.effect, OnItem) and kind.effect.needs_fields:
        record("body", body)
    return Terms(status, body, int(number("delay_ms", value("delay_ms", 0))), after_effect=stage == "answer")
