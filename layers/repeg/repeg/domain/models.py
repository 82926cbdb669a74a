"""The base of every domain record: immutable, strict about unknown fields."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, field_serializer

from repeg.domain.money import Side, plain

__all__ = ["Frozen", "Intent", "OrderType", "Side", "direction", "opposite", "printable"]

MAX_TEXT = 400

OrderType = Literal["market", "limit"]
Intent = Literal["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"]


class Frozen(BaseModel):
    """Immutable model that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_serializer("*", mode="wrap", when_used="json")
    def _numbers_in_plain_notation(self, value: Any, handler: SerializerFunctionWrapHandler) -> Any:
        return plain(value) if isinstance(value, Decimal) else handler(value)


def printable(text: str) -> str:
    """`text` safe to store and send anywhere: printable ASCII, of bounded length."""
    ascii_only = text.encode("ascii", "backslashreplace").decode()
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in ascii_only)[:MAX_TEXT]


def opposite(side: Side) -> Side:
    """The side that undoes `side`."""
    return "sell" if side == "buy" else "buy"


def direction(side: Side) -> int:
    """+1 for a buy, -1 for a sell: multiplies a price move into a cost."""
    return 1 if side == "buy" else -1
