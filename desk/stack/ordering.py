"""The signals that plain commands make: `repeg buy`, `sell`, `close` and `bracket`. No terminal in here."""

from __future__ import annotations

import json
import re
import secrets
from datetime import datetime
from typing import Any

from desk.stack.signal_files import BadSignals, outgoing
from repeg.domain.market.sessions import EASTERN
from repeg.domain.signals.outgoing import OutgoingSignal
from repeg.domain.signals.parsing import faults_of

ARGUMENTS = {
    "qty": "QTY",
    "notional": "QTY",
    "symbol": "SYMBOL",
    "signal_id": "--id",
    "strategy": "--strategy",
    "max_slippage_bps": "--cap",
    "ladder": "--ladder",
    "adjust_signal_id": "SIGNAL_ID",
    "signal_price": "--at",
    "stop_loss": "--stop",
    "take_profit": "--target",
}
"""What the fields of a signal are called on the command line."""
_FIELD = re.compile(r"\b(?:signal_price|stop_loss|take_profit)\b")
_AT_FAULT = re.compile(r"\b(stop_loss|take_profit):")
_FORCE = re.compile(r"\bwith force\b")
_OTHER = re.compile("[^A-Za-z0-9]")
"""What no id takes of a symbol; that it is none, if so, is told of the symbol, not of an id that nobody gave."""


def checked(body: dict[str, Any]) -> OutgoingSignal:
    """A signal ready for the queue, from its fields; those that are None were not given.

    Raises:
        BadSignals: in one line, all that is wrong with it, by the names that the command line has for fields.
    """
    given = {name: value for name, value in body.items() if value is not None}
    if faults := faults_of(given):
        raise BadSignals("; ".join(f"{_typed(each.field)}: {_FIELD.sub(_typed, each.problem)}" for each in faults))
    return outgoing(json.dumps(given))


def as_typed(words: str) -> str:
    """What the stack answered, with what it says of a signal's fields by the names that the command line has for them.

    Only as the one that something is wrong with: `stop_loss` is also how shares leave.
    """
    named = _AT_FAULT.sub(lambda found: f"{_typed(found[1])}:", words)
    return _FORCE.sub("with --force", named)


def _typed(field: str | re.Match[str]) -> str:
    """A field, or one that a problem speaks of beside its own, as it is called on the command line."""
    name = field if isinstance(field, str) else field[0]
    return ARGUMENTS.get(name, name)


def made_id(verb: str, symbol: str, now: datetime) -> str:
    """An id for a signal that was given none, as `buy-TQQQ-1120-3f9a1c`: what, on which day in New York, and chance."""
    # Chance keeps two orders of one day apart: a number that counts would need a place to count in.
    local = now.astimezone(EASTERN)
    return f"{verb}-{_OTHER.sub('-', symbol)[:10]}-{local:%m%d}-{secrets.token_hex(3)}"
