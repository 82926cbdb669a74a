"""Order records as earlier versions wrote them, in the present form. Whoever saves one writes the present form."""

from __future__ import annotations

import json
from typing import Any

_RENAMED = {
    "rungs": "children",
    "received_at": "received_wall",
    "sent_at": "signal_sent_wall",
    "due_at": "due_wall",
}


def upgraded(text: str) -> str:
    """The JSON of an order record of the first form (one flat object) in the present form."""
    order = _renamed(json.loads(text), _RENAMED)
    for sent in (*order.get("children", ()), *order.get("protections", ())):
        sent |= {"saved_wall": sent.pop("saved_at", None)}
    return json.dumps(order)


def _renamed(record: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in record.items()}
