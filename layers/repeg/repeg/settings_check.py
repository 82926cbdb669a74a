"""Checks what an operator sets: types, bounds, symbols. Read only when a document was not checked before."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from repeg.domain.settings import LIMITS_OF_STRATEGIES, SYMBOL, About, Settings, StrategyLimits, Symbols
from repeg.errors import ConfigurationError


def checked(document: dict[str, Any]) -> Settings:
    """Settings from a plain mapping.

    Raises:
        ConfigurationError: names the setting and what is wrong with it.
    """
    try:
        found = _DOCUMENT.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        if first["type"] == "extra_forbidden":
            raise ConfigurationError(f"{name}: there is no such setting") from None
        # Of a sentence about texts and parsing the first half says it all.
        message, _, _ = first["msg"].removeprefix("Value error, ").partition(", unable to parse")
        message = message.replace("Input should be", "must be").replace("a valid integer", "a whole number")
        raise ConfigurationError(f"{name}: {message}") from None
    return Settings(**dict(found))


def _as_symbols(value: object) -> object:
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    if isinstance(value, list | tuple | set | frozenset):
        bad = [symbol for symbol in value if not isinstance(symbol, str) or not SYMBOL.fullmatch(symbol)]
        if bad:
            raise ValueError(f"{bad[0]!r} is not a symbol")
        return frozenset(value)
    return value


def _exact(value: object) -> object:
    """Numbers come from JSON or the command line; floats are taken by their shortest decimal form."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return str(value) if isinstance(value, int | float) else value


def _as_limits(value: Any) -> dict[str, dict[str, Decimal]]:
    """Limits by strategy: a JSON object, or the text of one."""
    try:
        said = dict(json.loads(value, parse_float=Decimal) if isinstance(value, str) else value)
        return {str(strategy): _limits_of(dict(limits)) for strategy, limits in said.items()}
    except (TypeError, ValueError, InvalidOperation, RecursionError) as error:
        told = str(error) if str(error).startswith("'") else 'must be like {"pairs": {"max_daily_orders": 20}}'
        raise ValueError(told) from None


def _limits_of(limits: dict[str, Any]) -> dict[str, Decimal]:
    unknown = [name for name in limits if name not in LIMITS_OF_STRATEGIES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no limit of a strategy")
    found = {name: Decimal(str(_exact(value))) for name, value in limits.items()}
    bad = [name for name, value in found.items() if not (value.is_finite() and value >= 0)]
    if bad:
        raise ValueError(f"{bad[0]!r} must be 0 or more")
    return found


_BEFORE = {Decimal: _exact, Symbols: _as_symbols, StrategyLimits: _as_limits}


def _document() -> type[BaseModel]:
    """The model of a settings document, made of the settings' own fields, bounds and defaults."""
    fields: dict[str, Any] = {}
    defaults = Settings()
    for name, hint in get_type_hints(Settings, include_extras=True).items():
        kind, about = _parts(hint)
        before = _BEFORE.get(kind)
        bounds = {rule: bound for rule, bound in about._asdict().items() if rule != "meaning" and bound is not None}
        taken = Annotated[kind, BeforeValidator(before)] if before else kind
        fields[name] = (taken, Field(getattr(defaults, name), **bounds))
    # A name that is misspelt is refused: ignored, it would leave the default in force and nobody would know.
    return create_model("Document", __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields)


def _parts(hint: Any) -> tuple[Any, About]:
    """A setting's type, and what is said about it."""
    kind, *said = get_args(hint)
    if get_origin(hint) is not Annotated or not isinstance(said[0], About):
        raise TypeError(f"{hint} says nothing about itself")
    return kind, said[0]


_DOCUMENT = _document()
