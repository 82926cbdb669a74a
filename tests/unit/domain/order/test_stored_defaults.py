"""What is at its default is not written: a default is part of every record that was saved while it stood."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from repeg.domain.history import ClockAnchor
from repeg.domain.market.reports import KeysAccount, KnownAssets
from repeg.domain.market.sessions import Calendar
from repeg.domain.models import Frozen
from repeg.domain.order.record import Order
from repeg.domain.schedule.runs import ScheduledRun
from repeg.domain.schedule.spreads import OpeningPlans
from repeg.store.sweeps import SweepState

WRITTEN = Path(__file__).with_name("stored_defaults.json")
STORED = (Order, ClockAnchor, Calendar, KeysAccount, KnownAssets, OpeningPlans, ScheduledRun, SweepState)
NONE = "must be given"


def kinds_in(annotation: Any) -> Iterator[type[Frozen]]:
    if isinstance(annotation, type) and issubclass(annotation, Frozen):
        yield annotation
    for part in get_args(annotation):
        yield from kinds_in(part)


def stored_kinds() -> set[type[Frozen]]:
    found: set[type[Frozen]] = set()
    ahead: list[type[Frozen]] = list(STORED)
    while ahead:
        kind = ahead.pop()
        if kind not in found:
            found.add(kind)
            ahead += [each for hint in get_type_hints(kind).values() for each in kinds_in(hint)]
    return found


def default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return json.loads(msgspec.json.encode(field.default_factory()))
    return NONE if field.required else json.loads(msgspec.json.encode(field.default))


def defaults() -> dict[str, Any]:
    fields = ((kind, field) for kind in stored_kinds() for field in msgspec.structs.fields(kind))
    return {f"{kind.__name__}.{field.name}": default(field) for kind, field in fields}


def test_no_default_of_a_stored_field_ever_changes() -> None:
    """Records that were saved before would mean something else: give such a field a new name."""
    written, found = json.loads(WRITTEN.read_text()), defaults()
    assert {name: found[name] for name in written if name in found} == {
        name: value for name, value in written.items() if name in found
    }


def test_every_default_is_written_down() -> None:
    written = json.loads(WRITTEN.read_text())
    unknown = {name: value for name, value in defaults().items() if value != NONE and name not in written}
    assert not unknown, f"add to {WRITTEN.name}, and never change it: {json.dumps(unknown)[1:-1]}"
