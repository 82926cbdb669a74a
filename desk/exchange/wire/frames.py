"""What the frames of a stream say: JSON, or MessagePack for clients that ask for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgpack

PACKED = "application/msgpack"
# A command is a map, and no JSON text begins with a byte that begins one in MessagePack.
_MAPS = frozenset({*range(0x80, 0x90), 0xDE, 0xDF})


class Unreadable(ValueError):
    """A frame that is neither JSON nor MessagePack, or says what cannot be said back."""


def packs(headers: Mapping[str, str]) -> bool:
    """Whether a handshake asks for MessagePack."""
    return PACKED in headers.get("content-type", "").lower()


def read(data: str | bytes) -> Any:
    """The value of a frame; raises Unreadable."""
    try:
        if isinstance(data, bytes) and data and data[0] in _MAPS:
            return msgpack.unpackb(data)
        value = json.loads(data)
        # JSON can escape half a character, which no answer in MessagePack could repeat.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as problem:
        raise Unreadable(str(problem)) from None
    return value


def as_text(message: Any) -> str:
    return json.dumps(message, separators=(",", ":"))


def as_packed(message: Any) -> bytes:
    """Instants are given as msgpack.Timestamp."""
    packed: bytes = msgpack.packb(message)
    return packed
