"""Order records as earlier versions wrote them, in the present form. Whoever saves one writes the present form."""

from __future__ import annotations

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


def upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """The parsed JSON of an order record of the first form (one flat object), in the present form."""
    order = _with_reservation(_renamed(data, _RENAMED), "reserve", "reserve_left")
    order["waits_for"] = _waited_for(order.get("waits_for"))
    children = [_with_reservation(_sent(child), "held", "held_left") for child in order.get("children", ())]
    return order | {"children": children, "protections": [_sent(oco) for oco in order.get("protections", ())]}


def _sent(record: dict[str, Any]) -> dict[str, Any]:
    return _renamed(record, {"saved_at": "saved_wall"})


def _renamed(record: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in record.items()}


def _waited_for(sentence: str | None) -> str | None:
    """What an order waits for was kept as a sentence, which could go on behind the words of today."""
    if sentence is None:
        return None
    if sentence.startswith("waits for a spread of"):
        return WaitingFor.SPREAD
    return next((known for known in WaitingFor if sentence.startswith(known.words)), None)


def _with_reservation(record: dict[str, Any], second: str, left: str) -> dict[str, Any]:
    """A reservation was two fields: the second stayed when none of its requests was left, and counted no more."""
    kept = {name: value for name, value in record.items() if name not in (second, left)}
    if record.get(second) is None or not record.get(left):
        return kept
    return {**kept, "reserved": {"second": record[second], "left": record[left]}}
