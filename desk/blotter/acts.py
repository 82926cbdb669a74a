"""What the page may change: as `repeg halt`, `resume`, `cancel` and `adjust` do it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from desk.blotter.refusal import Refused
from desk.stack import changing, intake
from desk.stack.connection import Connection
from desk.stack.control import Stricter, Switch
from desk.stack.records import Records
from desk.stack.signal_files import BadSignals
from repeg.domain.halt import Halt, Mode, Scope
from repeg.domain.models import printable
from repeg.domain.settings import SYMBOL
from repeg.domain.signals.fields import SIGNAL_ID
from repeg.errors import StoreConflict

MOST_CHARACTERS = 200
"""Of a reason, and of a strategy's name."""

ANSWERED_WITHIN_S = 10.0
"""A cancel or an adjust; what becomes of it later is pushed."""
_HALTED = (Scope.ACCOUNT, Scope.STRATEGY, Scope.SYMBOL)
_ATTEMPT = re.compile(r"[0-9a-z-]{8,40}", re.ASCII)


def halt(switch: Switch, body: Mapping[str, Any]) -> dict[str, Any]:
    """Have a word in force; says what holds now, and why nobody was told by mail, if so."""
    scope, of = scope_of(body)
    mode = body.get("mode")
    if mode not in (Mode.HALTED.value, Mode.REDUCING.value):
        raise Refused("mode: must be halted or reducing")
    reason = printable(_text(body, "reason")).strip()
    # A command may be in a hurry; a page asks for it in the same second as for the confirmation.
    if not reason:
        raise Refused("reason: is needed; orders and mails say it")
    word = Halt(
        scope=scope,
        of=of,
        mode=Mode(mode),
        reason=reason,
        since=datetime.now(UTC).replace(microsecond=0),
        # An entry that rests on would be filled behind the closes that are asked for next.
        cancel_open=body.get("cancel_open") is True or body.get("flatten") is True,
    )
    try:
        untold = switch.halt(word)
    except Stricter as problem:
        raise Refused(f"{problem}; lift it first") from None
    return {"said": word.sentence, "untold": untold, "scope": scope.value, "of": of or None, "about": word.about}


def resume(connection: Connection, switch: Switch, body: Mapping[str, Any]) -> dict[str, Any]:
    """Lift a word as the page showed it (`seen`); with the account's, signals are taken again, too."""
    scope, of = scope_of(body)
    try:
        in_force, untold = switch.lift(scope, of, _seen(body, scope, of))
    except StoreConflict as stands:
        raise Refused(str(stands)) from None
    about = of or "the account"
    said = f"{about} is active again" if in_force else f"{about} was not halted"
    if scope is Scope.ACCOUNT and intake.look(connection).paused:
        # Last: that intake cannot be switched must not keep a halt in force.
        intake.resume(connection)
        said += "; signals are taken again"
    return {"said": said, "untold": untold}


def cancel(connection: Connection, records: Records, body: Mapping[str, Any]) -> dict[str, Any]:
    """Take back what became of a signal; says what the stack answered."""
    about = _signal_id(body)
    try:
        asked = changing.take_back(connection.sqs, connection.queue_url, records, about, ANSWERED_WITHIN_S)
    except changing.NotSent as problem:
        raise Refused(f"the queue did not take the cancel: {problem}") from None
    if asked.answer is None:
        why = "is intake paused? A halt that takes entries out of the market needs no queue"
        raise Refused(f"no answer after {ANSWERED_WITHIN_S:g} s, the cancel stays sent; {why}")
    if asked.answer.reason is not None:
        raise Refused(asked.words)
    return {"said": asked.words, "untold": None}


def adjust(connection: Connection, records: Records, body: Mapping[str, Any]) -> dict[str, Any]:
    """Move a bracket's stop, target, or both; says what the stack answered, or that it has not yet.

    The same levels asked for twice in one attempt are one signal: a second click, or a try after a lost answer, counts
    for nothing.
    """
    about, attempt = _signal_id(body), _text(body, "attempt")
    if not _ATTEMPT.fullmatch(attempt):
        raise Refused("attempt: is none")
    stop, target = (_text(body, name).strip() or None for name in ("stop", "target"))
    if stop is None and target is None:
        raise Refused("stop: is missing; give it, the target, or both")
    force, next_open = (body.get(name) is True for name in ("force", "next_open"))
    digest = hashlib.sha256(json.dumps([attempt, about, stop, target, force, next_open]).encode()).hexdigest()
    try:
        signal = changing.adjust(f"adjust-{digest[:24]}", about, stop, target, force=force, next_open=next_open)
        changing.send(connection.sqs, connection.queue_url, signal)
    except BadSignals as problem:
        raise Refused(str(problem).replace("--", "")) from None
    except changing.NotSent as problem:
        raise Refused(f"the queue did not take it: {problem}") from None
    answer = changing.answer(records, signal.signal_id, ANSWERED_WITHIN_S)
    said = answer.words
    if not answer.over:
        said = f"no answer after {ANSWERED_WITHIN_S:g} s ({said}); it stays sent, as {signal.signal_id}"
    return {"said": said, "done": answer.done, "over": answer.over}


def scope_of(body: Mapping[str, Any]) -> tuple[Scope, str]:
    """Whom it is about. Raises Refused."""
    name, of = _text(body, "scope"), _text(body, "of").strip()
    if name not in _HALTED:
        raise Refused("scope: must be account, strategy or symbol")
    scope = Scope(name)
    if scope is Scope.SYMBOL:
        of = of.upper()
        if not SYMBOL.fullmatch(of):
            raise Refused(f"of: {of!r} is no symbol")
    # Empty is a field that was not filled in: read as the account, it would halt or lift all.
    if (scope is Scope.ACCOUNT) is bool(of):
        raise Refused("of: must not be given for the account" if of else "of: which strategy?")
    return scope, of


def _seen(body: Mapping[str, Any], scope: Scope, of: str) -> list[Halt]:
    """The words that the page showed when it asked: one that nobody there has seen is not lifted."""
    shown = body.get("seen")
    if not isinstance(shown, list):
        raise Refused("seen: must be a list of what was shown")
    try:
        return [
            Halt(
                scope=scope,
                of=of,
                mode=Mode(each["mode"]),
                reason=str(each["reason"] or ""),
                since=datetime.fromisoformat(each["since"]) if each["since"] else None,
            )
            for each in shown
        ]
    except (KeyError, TypeError, ValueError):
        raise Refused("seen: must be a list of what was shown") from None


def _signal_id(body: Mapping[str, Any]) -> str:
    found = _text(body, "signal_id")
    if not SIGNAL_ID.fullmatch(found):
        raise Refused("signal_id: is none")
    return found


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > MOST_CHARACTERS:
        raise Refused(f"{name}: must be a text of at most {MOST_CHARACTERS} characters")
    return value
