"""The part of MessagePack that the data stream needs: JSON's values, and timestamps on the way out."""

from __future__ import annotations

import struct
from typing import Any

from desk.exchange.market.moments import SECOND


class Unreadable(ValueError):
    """The bytes are not MessagePack, or of a kind that no client sends."""


class Instant(int):
    """Nanoseconds since the epoch, packed as a timestamp."""


def pack(value: Any) -> bytes:
    """Encode a JSON value, with Instants."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, Instant):
        return b"\xc7\x0c\xff" + struct.pack(">Iq", value % SECOND, value // SECOND)
    if isinstance(value, int):
        return bytes([value]) if 0 <= value < 128 else b"\xd3" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return _head(len(data), 0xA0, 32, b"\xda", b"\xdb") + data
    if isinstance(value, dict):
        pairs = b"".join(pack(key) + pack(item) for key, item in value.items())
        return _head(len(value), 0x80, 16, b"\xde", b"\xdf") + pairs
    if isinstance(value, list | tuple):
        return _head(len(value), 0x90, 16, b"\xdc", b"\xdd") + b"".join(map(pack, value))
    raise TypeError(f"cannot be packed: {type(value).__name__}")


def _head(length: int, small: int, below: int, two_bytes: bytes, four_bytes: bytes) -> bytes:
    if length < below:
        return bytes([small | length])
    return two_bytes + struct.pack(">H", length) if length < 65_536 else four_bytes + struct.pack(">I", length)


def unpack(data: bytes) -> Any:
    """Decode one value; raises Unreadable."""
    try:
        value, end = _read(data, 0, 0)
    except (IndexError, struct.error, UnicodeDecodeError, TypeError) as problem:
        raise Unreadable(str(problem)) from None
    if end != len(data):
        raise Unreadable("more than one value")
    return value


_FIXED = {0xC0: None, 0xC2: False, 0xC3: True}
_NUMBERS = {
    **{0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q"},
    **{0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"},
}
_SIZES = {1: ">B", 2: ">H", 4: ">I"}
_TEXTS = {0xD9: 1, 0xDA: 2, 0xDB: 4, 0xC4: 1, 0xC5: 2, 0xC6: 4}
_LISTS = {0xDC: 2, 0xDD: 4}
_MAPS = {0xDE: 2, 0xDF: 4}
_DEEPEST = 32


def _read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > _DEEPEST:
        raise Unreadable("nested too deeply")
    kind, at = data[at], at + 1
    if kind < 0x80 or kind >= 0xE0:
        return (kind if kind < 0x80 else kind - 0x100), at
    if kind in _FIXED:
        return _FIXED[kind], at
    if kind in _NUMBERS:
        return _number(data, at, _NUMBERS[kind])
    if kind < 0xC0:
        size, base = (kind & 0x1F, 0xA0) if kind >= 0xA0 else (kind & 0x0F, kind & 0xF0)
        return _sized(data, at, base, size, depth)
    for sizes, base in ((_TEXTS, 0xA0), (_LISTS, 0x90), (_MAPS, 0x80)):
        if kind in sizes:
            size, at = _number(data, at, _SIZES[sizes[kind]])
            return _sized(data, at, base, size, depth)
    raise Unreadable(f"unknown kind {kind:#x}")


def _number(data: bytes, at: int, form: str) -> tuple[Any, int]:
    (value,) = struct.unpack_from(form, data, at)
    return value, at + struct.calcsize(form)


def _sized(data: bytes, at: int, base: int, size: int, depth: int) -> tuple[Any, int]:
    if base == 0xA0:
        if at + size > len(data):
            raise Unreadable("cut off")
        return data[at : at + size].decode(), at + size
    items = []
    for _ in range(size * (2 if base == 0x80 else 1)):
        item, at = _read(data, at, depth + 1)
        items.append(item)
    return (dict(zip(items[::2], items[1::2], strict=True)) if base == 0x80 else items), at
