"""Reading records: each kind is looked at once, by one thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from typing import Any

import msgspec
import pytest

from repeg.domain import models
from repeg.domain.models import Frozen, from_json, to_json


class Part(Frozen):
    qty: int = 0


class Whole(Frozen):
    part: Part


def test_threads_that_read_first_do_not_look_at_kinds_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """They share the parts they are made of: looked at by two threads at once, those ended the process."""
    looking, looked = Lock(), []

    def decoder(kind: Any) -> Any:
        assert looking.acquire(blocking=False), "another thread looks, too"
        Event().wait(0.01)
        looked.append(kind)
        looking.release()
        return made(kind)

    made = msgspec.json.Decoder
    monkeypatch.setattr(models, "_readers", {})
    monkeypatch.setattr(msgspec.json, "Decoder", decoder)
    wanted: list[Frozen] = [Whole(part=Part(qty=3)), Part(qty=2)] * 4
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda one: from_json(to_json(one), type(one)), wanted)) == wanted
    assert sorted(kind.__name__ for kind in looked) == ["Part", "Whole"]
