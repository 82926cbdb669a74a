"""A signal that came by HTTP: who may send it, how large it may be, and what the sender is told."""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from repeg.domain.signals.outgoing import OutgoingSignal, outgoing
from repeg.domain.signals.parsing import MAX_BODY_BYTES, canonical, read_json
from repeg.errors import SignalInvalid

# Where it stands, not what it is.
SECRET_FIELD = "secret"  # nosec B105
SECRET_HEADER = "x-repeg-secret"  # nosec B105
MOST_FAULTS = 20
"""So many are told of a signal: an alert with thousands of them would reach nobody."""
_WRITTEN = re.compile(rf'"{SECRET_FIELD}"\s*:\s*"([^"]*)"')
# The names that a chart service puts in ("NASDAQ:TQQQ", a time) hold what no signal_id does.
_NOT_OF_AN_ID = re.compile(r"[^A-Za-z0-9_-]")


class Refused(NamedTuple):
    """An answer to a request that is not sent on: an HTTP status, and one line for whoever sent it.

    `known`: it came with the secret, so that the person whose signal it was has to hear of it.
    """

    status: int
    line: str
    known: bool = False


def posted_signal(event: Mapping[str, Any], secret: str) -> OutgoingSignal | Refused:
    """The signal in a function URL's event, or why it is none. What a line says never holds the secret."""
    method = event.get("requestContext", {}).get("http", {}).get("method", "POST")
    if method != "POST":
        return Refused(405, f"method: is {method}; send a signal by POST")
    data = _data(event)
    if data is None:
        return Refused(400, "body: is not base64, though it says so")
    # As a message it is held to the same size: what is larger is not even parsed.
    if len(data) > MAX_BODY_BYTES:
        return Refused(413, f"body: is larger than {MAX_BODY_BYTES // 1024} KB")
    header = {name.lower(): value for name, value in (event.get("headers") or {}).items()}.get(SECRET_HEADER)
    text = data.decode(errors="replace")
    try:
        body = read_json(text)
    except SignalInvalid as problem:
        # Who sent it hears nothing from most such services: whoever's secret stands in it is told another way.
        found = _WRITTEN.search(text)
        known = _is_secret(header or (found and found[1]), secret)
        return Refused(400, _without(secret, str(problem)), known)
    given = body.pop(SECRET_FIELD, None) if isinstance(body, dict) else None
    if not _is_secret(header or given, secret):
        return Refused(401, f"{SECRET_FIELD}: is missing or not the one that repeg webhook shows")
    told = canonical(body)
    # Taken out before it is looked at: a line that is cut may end in the middle of it.
    message = outgoing(_named(json.loads(_without(secret, told))))
    if isinstance(message, OutgoingSignal):
        # From a strategy's name, say, it would go into the queue, the record, and every line about it.
        stands = Refused(422, f"{SECRET_FIELD}: stands in another field, too; take it out there", known=True)
        return stands if secret in told else message
    more = f"; and {len(message) - MOST_FAULTS} more" if len(message) > MOST_FAULTS else ""
    line = "; ".join(map(str, message[:MOST_FAULTS])) + more
    return Refused(422, line, known=True)


def _without(secret: str, line: str) -> str:
    return line.replace(secret, "***") if secret else line


def _data(event: Mapping[str, Any]) -> bytes | None:
    text = str(event.get("body") or "")
    try:
        return base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except ValueError:
        return None


def _is_secret(given: Any, secret: str) -> bool:
    """Compared in a time that tells nothing; an empty secret opens no door."""
    if not isinstance(given, str) or not secret:
        return False
    return hmac.compare_digest(given.encode(errors="surrogatepass"), secret.encode())


def _named(body: Any) -> Any:
    """With a signal_id that is one: each character that none may hold is a dash."""
    if isinstance(body, dict) and isinstance(body.get("signal_id"), str):
        return body | {"signal_id": _NOT_OF_AN_ID.sub("-", body["signal_id"])}
    return body
