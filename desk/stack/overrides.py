"""The overrides document in SSM: read, checked against the defaults, written back. No terminal in here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, get_args, get_type_hints

from repeg.domain.money import plain
from repeg.domain.settings import Settings
from repeg.errors import ConfigurationError
from repeg.settings import MAX_OVERRIDES_BYTES, Kept, checked_before, merge

Document = dict[str, Any]


@dataclass(frozen=True)
class Documents:
    """The two parameters as they are; `overrides` is None when there are none."""

    defaults: str
    overrides: str | None

    def in_force(self, last: Kept | None = None) -> Document:
        """Every setting with the value that orders see, JSON-ready; `last` is the last valid document, if known.

        Raises:
            ConfigurationError: the stack refuses these documents, too.
        """
        return _plain(self.settings(last))

    def settings(self, last: Kept | None) -> Settings:
        """The same, as orders are worked by it."""
        return checked_before(last, self.defaults, self.overrides) or merge(self.defaults, self.overrides)

    def overridden(self) -> Document:
        """What the overrides say, as written.

        Raises:
            ConfigurationError: not a JSON object.
        """
        if self.overrides is None:
            return {}
        try:
            document = json.loads(self.overrides)
        except ValueError as error:
            raise ConfigurationError(f"overrides: not JSON ({error})") from None
        if not isinstance(document, dict):
            raise ConfigurationError("overrides: must be a JSON object")
        return document

    def changed(self, changes: Document) -> str:
        """The overrides document with `changes` on top.

        Raises:
            ConfigurationError: names the setting and what is wrong with it.
        """
        return self.replaced(self.overridden() | changes)

    def without(self, names: Sequence[str]) -> str:
        """The overrides document without these settings.

        Raises:
            ConfigurationError: one of them is no setting, or what is left is refused.
        """
        overridden = self.overridden()
        for name in names:
            # What is no setting any more, since another version wrote it, can be reset all the same.
            if name not in Settings.__struct_fields__ and name not in overridden:
                raise ConfigurationError(f"{name}: there is no such setting")
        return self.replaced({name: value for name, value in overridden.items() if name not in names})

    def replaced(self, document: Document) -> str:
        """An overrides document of exactly these settings, in the form that the defaults have.

        Raises:
            ConfigurationError: names the setting and what is wrong with it, or says that it is too large.
        """
        settings = _plain(merge(self.defaults, json.dumps(document, default=str)))
        text = json.dumps({name: settings[name] for name in document}, separators=(",", ":"))
        if len(text.encode()) > MAX_OVERRIDES_BYTES:
            raise ConfigurationError(
                f"overrides: larger than {MAX_OVERRIDES_BYTES} bytes; remove what equals the default"
            )
        return text


def meanings() -> dict[str, str]:
    """What each setting is, in the words of its page."""
    hints = get_type_hints(Settings, include_extras=True)
    return {name: get_args(hint)[1].meaning for name, hint in hints.items()}


def read_pairs(pairs: list[str]) -> Document:
    """Changes from KEY=VALUE words.

    Raises:
        ConfigurationError: a word that is not KEY=VALUE, or a key given twice.
    """
    changes: Document = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ConfigurationError(f"{pair}: KEY=VALUE is needed, for example max_repegs=3")
        if name in changes:
            raise ConfigurationError(f"{name}: is given twice")
        changes[name] = value
    return changes


def read_document(text: str) -> Document:
    """Overrides from the text of a file.

    Raises:
        ConfigurationError: not a JSON object.
    """
    try:
        document = json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise ConfigurationError(f"not JSON ({error})") from None
    if not isinstance(document, dict):
        raise ConfigurationError("must be a JSON object of settings")
    return document


class OverridesStore:
    """The parameters of one stack. `ssm` is a low-level SSM client."""

    def __init__(self, ssm: Any, defaults_name: str, overrides_name: str) -> None:
        self._ssm = ssm
        self._defaults = defaults_name
        self._overrides = overrides_name

    def read(self) -> Documents:
        """Both documents."""
        answer = self._ssm.get_parameters(Names=[self._defaults, self._overrides])
        values = {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}
        if self._defaults not in values:
            raise ConfigurationError(f"the stack has no parameter {self._defaults}; deploy it again")
        return Documents(values[self._defaults], values.get(self._overrides))

    def write(self, document: str) -> None:
        """Put the overrides; an empty object deletes them."""
        if document == "{}":
            self.delete()
        else:
            self._ssm.put_parameter(Name=self._overrides, Value=document, Type="String", Overwrite=True)

    def delete(self) -> None:
        """Back to the defaults; deleting nothing is fine."""
        self._ssm.delete_parameters(Names=[self._overrides])


def _plain(settings: Settings) -> Document:
    return {name: _in_json(getattr(settings, name)) for name in settings.__struct_fields__}


def _in_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dict):
        return {name: _in_json(each) for name, each in value.items()}
    return sorted(value) if isinstance(value, frozenset) else value
