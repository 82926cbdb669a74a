"""Settings at run time: the template's defaults, the operator's overrides, and the last valid document.

Both documents live in SSM as JSON. A document that does not validate is refused as a whole, and the last valid one,
kept in the table, stays in force.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from repeg.domain.models import from_json, to_json
from repeg.domain.settings import SYMBOL, ExecutionMode, Settings
from repeg.errors import ConfigurationError

# What a standard parameter of SSM holds.
MAX_OVERRIDES_BYTES = 4096


class Kept(NamedTuple):
    """A valid document as it is kept, and a digest of the texts that it was made of."""

    document: str
    of: str = ""


class LastValid(Protocol):
    """Where the last valid document is kept."""

    def load(self) -> Kept | None:
        """The kept document, or None."""

    def keep(self, kept: Kept) -> None:
        """Keep a document."""


def merge(defaults: str, overrides: str | None) -> Settings:
    """Settings from the two JSON documents; an override wins over its default.

    Raises:
        ConfigurationError: names the setting and what is wrong with it.
    """
    document = _read("defaults", defaults)
    if overrides:
        if len(overrides.encode()) > MAX_OVERRIDES_BYTES:
            raise ConfigurationError(
                f"overrides: larger than {MAX_OVERRIDES_BYTES} bytes; drop what equals the default"
            )
        document |= _read("overrides", overrides)
    return validate(document)


def validate(document: dict[str, Any]) -> Settings:
    """Settings from a plain mapping.

    Raises:
        ConfigurationError: names the setting and what is wrong with it.
    """
    from repeg.settings_check import checked  # a process that finds its document checked does not pay for reading it

    return checked(document)


def _read(name: str, text: str) -> dict[str, Any]:
    try:
        # As decimals: a cap of 0.001 read as a float is not a tenth of a per cent.
        document = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{name}: not JSON ({error})") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{name}: must be a JSON object")
    return document


def load_settings(
    fetch: Callable[[], tuple[str, str | None]], last_valid: LastValid, report: Callable[[str], None]
) -> Settings:
    """The settings in force. `fetch` returns (defaults, overrides); `report` is told why documents were refused.

    Raises:
        ConfigurationError: the documents are bad and no valid one was ever kept.
    """
    kept = last_valid.load()
    known = as_kept(kept)
    try:
        texts = fetch()
        if found := checked_before(kept, *texts):
            return found
        settings = merge(*texts)
    except ConfigurationError as error:
        if known is None:
            raise
        report(f"settings refused, the last valid ones stay in force: {error}")
        return known
    last_valid.keep(Kept(to_json(settings), _digest(*texts)))
    return settings


def checked_before(kept: Kept | None, defaults: str, overrides: str | None) -> Settings | None:
    """What the two documents come to, if it is the kept document that was made of them.

    Nobody pays for the models that check them, then: not a cold start, and not a command.
    """
    return as_kept(kept) if kept and kept.of == _digest(defaults, overrides) else None


def as_kept(kept: Kept | None) -> Settings | None:
    """The settings of a kept document, or None if there are none or another version's cannot be read."""
    try:
        return from_json(kept.document, Settings) if kept else None
    except ValueError:
        return None


def _digest(defaults: str, overrides: str | None) -> str:
    """What changes when the texts do, or what this version makes of them: its rules, and its own defaults."""
    rules = (Settings.__annotations__, ExecutionMode, SYMBOL.pattern, to_json(Settings()))
    return hashlib.sha256(repr((defaults, overrides, rules)).encode()).hexdigest()
