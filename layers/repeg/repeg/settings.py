"""Settings at run time: the template's defaults, the operator's overrides, and the last valid document.

Both documents live in SSM as JSON. A document that does not validate is refused as a whole, and the last valid one,
kept in the table, stays in force.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

from pydantic import ValidationError

from repeg.domain.settings import Settings
from repeg.errors import ConfigurationError

MAX_OVERRIDES_BYTES = 4096


class LastValid(Protocol):
    """Where the last valid document is kept."""

    def load(self) -> str | None:
        """The kept document, or None."""

    def keep(self, document: str) -> None:
        """Keep `document`."""


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
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        if first["type"] == "extra_forbidden":
            raise ConfigurationError(f"{name}: there is no such setting") from None
        message = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        raise ConfigurationError(f"{name}: {message}") from None


def _read(name: str, text: str) -> dict[str, Any]:
    try:
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
    try:
        settings = merge(*fetch())
    except ConfigurationError as error:
        kept = last_valid.load()
        if kept is None:
            raise
        report(f"settings refused, the last valid ones stay in force: {error}")
        return Settings.model_validate_json(kept)
    document = settings.model_dump_json()
    if last_valid.load() != document:
        last_valid.keep(document)
    return settings
