"""Logs Insights as far as our saved queries go: `fields`, `filter`, `stats`, `sort` and `limit` over JSON lines.

Anything else is refused: a query that this cannot read is not tested, and does not belong into the template.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Row = dict[str, Any]
Test = Callable[[Row], bool]

# As much of a line as Logs Insights discovers.
MOST_FIELDS = 200
MOST_ROWS = 10_000
_TOKEN = re.compile(
    r'\s*(?:(?P<field>@?[A-Za-z_][\w.]*)|(?P<text>"[^"\\]*")|(?P<regex>/(?:[^/\\]|\\.)+/)|(?P<sign>[=()\[\],*]))'
)
_FIELD = re.compile(r"@?[A-Za-z_][\w.]*")
_FUNCTION = re.compile(r"(count|avg|max|min|sum|pct)\((\*|[\w.]+)(?:, *(\d+))?\) as (\w+)")


class NotUnderstood(Exception):
    """The query holds what is not of the subset."""


def run(query: str, lines: Iterable[str]) -> list[Row]:
    """What a query answers over lines of a log, the oldest first."""
    rows = [_discovered(number, line) for number, line in enumerate(lines)]
    shown: list[str] | None = None
    limited = MOST_ROWS
    for command in _commands(query):
        name, _, rest = command.partition(" ")
        if name == "fields":
            shown = [_field(each) for each in rest.split(",")]
        elif name == "filter":
            fits = _condition(rest)
            rows = [row for row in rows if fits(row)]
        elif name == "stats":
            rows, shown = _stats(rest, rows), None
        elif name == "sort":
            rows = _sorted(rest, rows)
        elif name == "limit" and rest.isdecimal():
            limited = int(rest)
        else:
            raise NotUnderstood(command)
    return [row if shown is None else {name: row[name] for name in shown if name in row} for row in rows[:limited]]


def _commands(query: str) -> list[str]:
    kept = [line for line in query.splitlines() if not line.lstrip().startswith("#")]
    return [" ".join(command.split()) for command in " ".join(kept).split("|")]


def _field(text: str) -> str:
    if not _FIELD.fullmatch(text.strip()):
        raise NotUnderstood(f"{text} is no field: it needs backticks, or is something else")
    return text.strip()


def _discovered(number: int, line: str) -> Row:
    """The fields of a line: of JSON every value, an array's by its place; of other lines none but the line itself."""
    row: Row = {"@timestamp": number, "@message": line}
    try:
        document = json.loads(line)
    except ValueError:
        return row
    return row | dict(list(_flat(document))[:MOST_FIELDS])


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for name, each in inside:
            yield from _flat(each, f"{path}.{name}" if path else str(name))
    elif value is not None:
        yield path, int(value) if isinstance(value, bool) else value


class _Words:
    """The words of a condition, one after the other."""

    def __init__(self, text: str) -> None:
        self._words: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if not found:
                raise NotUnderstood(text[at:])
            self._words.append(found[0].strip())
            at = found.end()

    def next_is(self, word: str) -> bool:
        """Whether this is the next word; if so, it is taken."""
        if not self._words or self._words[0] != word:
            return False
        self._words.pop(0)
        return True

    def take(self, pattern: str) -> str:
        """The next word, which must look like this."""
        if not self._words or not re.fullmatch(pattern, self._words[0]):
            raise NotUnderstood(f"{self._words[:1]} in place of {pattern}")
        return self._words.pop(0)

    def end(self) -> None:
        if self._words:
            raise NotUnderstood(" ".join(self._words))


def _condition(text: str) -> Test:
    words = _Words(text)
    fits = _either(words)
    words.end()
    return fits


def _either(words: _Words) -> Test:
    some = [_all(words)]
    while words.next_is("or"):
        some.append(_all(words))
    return lambda row: any(fits(row) for fits in some)


def _all(words: _Words) -> Test:
    every = [_one(words)]
    while words.next_is("and"):
        every.append(_one(words))
    return lambda row: all(fits(row) for fits in every)


def _one(words: _Words) -> Test:
    if words.next_is("("):
        inside = _either(words)
        words.take(r"\)")
        return inside
    if words.next_is("ispresent"):
        words.take(r"\(")
        there = words.take(_FIELD.pattern)
        words.take(r"\)")
        return lambda row: there in row
    field = words.take(_FIELD.pattern)
    if words.next_is("like"):
        pattern = re.compile(words.take("/.+/")[1:-1])
        return lambda row: pattern.search(str(row.get(field, ""))) is not None
    if words.next_is("in"):
        words.take(r"\[")
        wanted = {words.take('".*"')[1:-1]}
        while words.next_is(","):
            wanted.add(words.take('".*"')[1:-1])
        words.take(r"\]")
        return lambda row: row.get(field) in wanted
    # What "not equal" says of a line without the field is not documented: there is no such sign here.
    words.take("=")
    value = words.take('".*"')[1:-1]
    return lambda row: row.get(field) == value


def _stats(text: str, rows: list[Row]) -> list[Row]:
    told, _, by = text.partition(" by ")
    names = [_field(each) for each in by.split(",")] if by else []
    made = _FUNCTION.findall(told)
    if ", ".join(f"{f}({of}{', ' + at if at else ''}) as {name}" for f, of, at, name in made) != told:
        raise NotUnderstood(told)
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(name) for name in names), []).append(row)
    return [
        {name: value for name, value in zip(names, key, strict=True) if value is not None}
        | {name: value for f, of, at, name in made if (value := _made(f, of, at, group)) is not None}
        for key, group in groups.items()
    ]


def _made(function: str, of: str, at: str, group: list[Row]) -> float | None:
    if (function == "count") is not (of == "*") or (function == "pct") is not bool(at):
        raise NotUnderstood(f"{function}({of})")
    if function == "count":
        return len(group)
    values = sorted(row[of] for row in group if of in row)
    if not values:
        return None
    if function == "pct":
        return float(values[math.ceil(len(values) * int(at) / 100) - 1])
    reducing: Mapping[str, Callable[[list[float]], float]] = {"max": max, "min": min, "sum": sum, "avg": _mean}
    return reducing[function](values)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _sorted(text: str, rows: list[Row]) -> list[Row]:
    found = re.fullmatch(rf"({_FIELD.pattern}) (asc|desc)", text)
    if not found:
        raise NotUnderstood(text)
    name, down = found[1], found[2] == "desc"
    there = [row for row in rows if name in row]
    ordered = sorted(there, key=lambda row: row[name], reverse=down)
    return ordered + [row for row in rows if name not in row]
