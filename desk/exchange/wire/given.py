"""The fields of a request, each read as what it must be: handlers see these values and nothing else that was sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from desk.exchange.wire.errors import invalid
from desk.exchange.wire.values import day_of, decimal_of, id_of, instant_of, whole_of

_Choice = TypeVar("_Choice", bound=StrEnum)
_Value = TypeVar("_Value")
Refuse = Callable[[str], Exception]


class Given:
    """Fields by name, of a query or of a JSON object. Null and the empty text count as not given.

    Every reader returns None (or its fallback) for what is not given and raises what `refuse` makes of a message
    for what is not of its type. `label` is what a message calls the field. `written`: all values are texts, as in a
    query.
    """

    def __init__(self, fields: Mapping[str, Any], refuse: Refuse = invalid, *, written: bool = False) -> None:
        self._fields = fields
        self._refuse = refuse
        self._written = written

    def refusing(self, refuse: Refuse) -> Given:
        """The same fields, refused in the words of another host."""
        return Given(self._fields, refuse, written=self._written)

    def has(self, *names: str) -> bool:
        """Whether any of the fields is given."""
        return any(self._value(name) is not None for name in names)

    def seen(self, name: str) -> str:
        """The text of a field for somebody who only looks: empty if there is none."""
        value = self._fields.get(name)
        return value if isinstance(value, str) else ""

    def text(self, name: str) -> str | None:
        value = self._value(name)
        if value is not None and not isinstance(value, str):
            raise self._refuse(f"invalid {name}")
        return value

    def names(self, name: str) -> list[str]:
        """What stands between the commas of a text, without blanks."""
        return [part.strip() for part in (self.text(name) or "").split(",") if part.strip()]

    def texts(self, name: str) -> list[str] | None:
        """A JSON array of texts."""
        value = self._value(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self._refuse(f"invalid {name}")
        return value

    def part(self, name: str) -> Given | None:
        """A JSON object within."""
        value = self._value(name)
        if value is not None and not isinstance(value, dict):
            raise self._refuse(f"invalid {name}")
        return Given(value, self._refuse) if value is not None else None

    def flag(self, name: str) -> bool | None:
        """True or false; in a query in any case, as some clients send True."""
        value = self._value(name)
        if self._written and isinstance(value, str):
            value = {"true": True, "false": False}.get(value.lower(), value)
        if value is not None and not isinstance(value, bool):
            raise self._refuse(f"invalid {name}")
        return value

    def one_of(self, name: str, known: tuple[str, ...], fallback: str) -> str:
        """One of some words."""
        value = self.text(name) or fallback
        if value not in known:
            raise self._refuse(f"invalid {name}")
        return value

    def choice(self, kind: type[_Choice], name: str, label: str | None = None) -> _Choice | None:
        """A member of an enum; in a query in any case."""
        value = self._value(name)
        if value is None:
            return None
        try:
            return kind(value.lower() if self._written else value)
        except ValueError:
            raise self._refuse(f"invalid {label or name}") from None

    def needed(self, kind: type[_Choice], name: str, label: str | None = None) -> _Choice:
        """A member of an enum that must be given."""
        found = self.choice(kind, name, label)
        if found is None:
            raise self._refuse(f"{name} is required")
        return found

    def decimal(self, name: str, label: str | None = None) -> Decimal | None:
        """A number above 0."""
        value = self._value(name)
        if value is None:
            return None
        number = decimal_of(value)
        if number is None:
            raise self._refuse(f"invalid {label or name}")
        if number <= 0:
            raise self._refuse(f"{label or name} must be > 0")
        return number

    def whole(self, name: str, low: int, high: int, fallback: int) -> int:
        """A whole number within bounds."""
        value = self._value(name)
        if value is None:
            return fallback
        # True is a 1 to Python, and no number to whoever sent it.
        number = whole_of(str(value)) if not isinstance(value, bool) else None
        if number is None or not low <= number <= high:
            raise self._refuse(f"invalid {name}, {name} must be between {low} and {high}")
        return number

    def instant(self, name: str) -> int | None:
        """Nanoseconds."""
        return self._read(name, instant_of)

    def day(self, name: str) -> date | None:
        """The calendar day that a day or an instant names as it is written."""
        return self._read(name, lambda text: day_of(text if instant_of(text) is None else text[:10]))

    def id(self, name: str) -> str | None:
        """A UUID."""
        return self._read(name, id_of)

    def _read(self, name: str, read: Callable[[str], _Value | None]) -> _Value | None:
        text = self.text(name)
        if text is None:
            return None
        if (value := read(text)) is None:
            raise self._refuse(f"invalid {name}")
        return value

    def _value(self, name: str) -> Any:
        value = self._fields.get(name)
        return None if value == "" else value
