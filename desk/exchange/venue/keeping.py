"""What an exchange holds, as bytes and back: account, orders, prices and journal outlive the process.

Faults, scripts, tapes and who listens are not kept: they belong to whoever set them up.
"""

from __future__ import annotations

import copy
import io
import pickle
from functools import partial
from typing import Any

from desk.exchange.venue.engine import Engine
from desk.exchange.venue.schedule import Action

_ENGINE = "engine"
# Listeners are others' objects; ids go on from wherever this process draws them.
_NOT_KEPT = ("listeners", "market_listeners", "reset_listeners", "_ids")
_OURS = __name__.rpartition(".")[0]


def pack(engine: Engine) -> bytes:
    """All that the exchange holds at this moment."""
    held = {name: value for name, value in vars(engine).items() if name not in _NOT_KEPT}
    held["journal"] = copy.copy(engine.journal)
    held["journal"].readers = []
    held["schedule"] = engine.schedule.chosen(_kept)
    packed = io.BytesIO()
    _Packer(packed, engine).dump(held)
    return packed.getvalue()


def unpack(engine: Engine, packed: bytes) -> None:
    """Puts what was packed in place of all that the exchange holds; `now` is what it was then.

    The bytes are as trusted as the code: both lie in a folder of whoever runs it.
    """
    held = _Unpacker(io.BytesIO(packed), engine).load()
    held["journal"].readers = engine.journal.readers
    vars(engine).update(held)
    # What others remember of it is of another exchange now, as after a reset.
    for listener in engine.reset_listeners:
        listener()


def _kept(action: Action) -> Action | None:
    """An action of the exchange itself, without the fate that a fault had for it; None for anybody else's."""
    if not isinstance(action, partial):
        return None
    if not str(action.func.__module__).startswith(_OURS):
        return None
    plain = [None if callable(argument) else argument for argument in action.args]
    return partial(action.func, *plain, **action.keywords)


class _Packer(pickle.Pickler):
    """Leaves the engine itself out: what refers to it refers to whichever engine unpacks."""

    def __init__(self, file: io.BytesIO, engine: Engine) -> None:
        super().__init__(file)
        self._engine = engine

    def persistent_id(self, obj: Any) -> str | None:
        return _ENGINE if obj is self._engine else None


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, engine: Engine) -> None:
        super().__init__(file)
        self._engine = engine

    def persistent_load(self, pid: Any) -> Engine:
        return self._engine
