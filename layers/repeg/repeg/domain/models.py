"""The base of every domain record: immutable, made by keyword, cheap to read at a cold start."""

from __future__ import annotations

from threading import Lock
from typing import Any, Literal, Self, TypeVar, dataclass_transform

import msgspec

from repeg.domain.money import Side

__all__ = ["Frozen", "Intent", "OrderType", "Side", "direction", "from_json", "opposite", "printable", "to_json"]

MAX_TEXT = 400

OrderType = Literal["market", "limit"]
Intent = Literal["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"]
_Record = TypeVar("_Record", bound="Frozen")


class _ByKeyword(msgspec.StructMeta):
    """Records are made by keyword: msgspec's own `kw_only` is not inherited."""

    def __new__(mcls, name: str, bases: tuple[type, ...], body: dict[str, Any], **options: Any) -> Any:
        return super().__new__(mcls, name, bases, body, **({"kw_only": True} | options))


# msgspec and not pydantic: pydantic models of records that only this package writes were half of what a cold start paid
# for it. What is at its default is not written, which keeps a record small.
@dataclass_transform(frozen_default=True, kw_only_default=True)
class Frozen(msgspec.Struct, metaclass=_ByKeyword, frozen=True, omit_defaults=True):
    """Immutable record. Its fields are checked when it is read from JSON, and by the type checker when it is made.

    What comes from strangers (signals, settings, the broker's answers) is checked where it comes in.
    """

    def changed(self, **changes: Any) -> Self:
        """With the given fields replaced; a name that is no field raises TypeError."""
        return msgspec.structs.replace(self, **changes)


def to_json(record: Frozen) -> str:
    """The record as JSON: defaults are left out, decimals are strings that keep their digits (`1.50`, `1E+2`)."""
    return msgspec.json.encode(record, order="deterministic").decode()


def from_json(text: str, kind: type[_Record]) -> _Record:
    """The record of a JSON text; fields that this version does not know are passed over.

    Raises:
        ValueError: a field is missing, or not what it must be (the message names it).
    """
    record: _Record = (_readers.get(kind) or _reader(kind)).decode(text)
    return record


_readers: dict[Any, msgspec.json.Decoder[Any]] = {}
_alone = Lock()


def _reader(kind: Any) -> msgspec.json.Decoder[Any]:
    # msgspec (0.22) looks at a class when it first reads one: two threads that had it do so at once were seen to end
    # the process with a segmentation fault, and kinds share the parts that they are made of.
    with _alone:
        if kind not in _readers:
            _readers[kind] = msgspec.json.Decoder(kind)
        return _readers[kind]


def printable(text: str) -> str:
    """`text` safe to store and send anywhere: printable ASCII, of bounded length."""
    # Words of strangers (a broker's message, a field of a signal) go into records, log lines and mails.
    ascii_only = text.encode("ascii", "backslashreplace").decode()
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in ascii_only)[:MAX_TEXT]


def opposite(side: Side) -> Side:
    """The side that undoes `side`."""
    return "sell" if side == "buy" else "buy"


def direction(side: Side) -> int:
    """+1 for a buy, -1 for a sell: multiplies a price move into a cost."""
    return 1 if side == "buy" else -1
