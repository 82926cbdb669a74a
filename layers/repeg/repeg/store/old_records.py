"""Order records as earlier versions wrote them, in the present form. Whoever saves one writes the present form."""

from __future__ import annotations

import json
from typing import Any

from repeg.domain.verdicts import WaitingFor

_RENAMED = {
    "rungs": "children",
    "received_at": "received_wall",
    "sent_at": "signal_sent_wall",
    "due_at": "due_wall",
    "holds": "waits",
    "holds_since_start": "waits_since_start",
    "hold_reason": "waits_for",
}


def upgraded(text: str) -> str:
    """The JSON of an order record of the first form (one flat object) in the present form."""
    order = _renamed(json.loads(text), _RENAMED)
    order["waits_for"] = _waited_for(order.get("waits_for"))
    for sent in (*order.get("children", ()), *order.get("protections", ())):
        sent |= {"saved_wall": sent.pop("saved_at", None)}
    return json.dumps(order)


def _renamed(record: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in record.items()}


def _waited_for(sentence: str | None) -> str | None:
    """What an order waits for was kept as a sentence, which could go on behind the words of today."""
    if sentence is None:
        return None
    if sentence.startswith("waits for a spread of"):
        return WaitingFor.SPREAD
    return next((known for known in WaitingFor if sentence.startswith(known.words)), None)
