"""Signals as people write them down: one JSON object, an array, or JSON lines; checked before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

from repeg.domain.schedule.targets import parse_targets
from repeg.domain.signals.outgoing import OutgoingSignal
from repeg.domain.signals.outgoing import outgoing as message_of
from repeg.domain.signals.parsing import RebalanceSignal, parse_signal, read_json
from repeg.errors import SignalInvalid


class BadSignals(Exception):
    """The input holds signals that cannot be sent: a line for each, which names the entry, the field and the mend."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def read_signals(text: str) -> list[OutgoingSignal]:
    """Every signal in `text`, in order.

    Raises:
        BadSignals: for all that break the contract, each with all that is wrong with it; or when there is none at all.
    """
    signals: list[OutgoingSignal] = []
    seen: dict[str, str] = {}
    bad: list[str] = []
    try:
        for place, entry in _entries(text):
            try:
                signal = outgoing(entry)
            except BadSignals as problem:
                bad.append(f"{place}: {problem}")
                continue
            if signal.signal_id in seen:
                bad.append(f"{place}: signal_id: {signal.signal_id!r} is also that of {seen[signal.signal_id]}")
            seen.setdefault(signal.signal_id, place)
            signals.append(signal)
    except BadSignals as unreadable:
        bad.append(str(unreadable))
    if bad:
        raise BadSignals(*bad)
    if not signals:
        raise BadSignals("there is no signal in it; see events/ for samples")
    return signals


def read_rebalance(text: str) -> RebalanceSignal:
    """The one rebalance in `text`: its signal, or targets, which are the same without what names and dates a signal.

    Raises:
        BadSignals: it breaks the contract, or is of another kind.
    """
    try:
        body = read_json(text.removeprefix("\ufeff"))
        if not isinstance(body, dict) or not {"kind", "signal_id"} & body.keys():
            return parse_targets(body)
        signal = parse_signal(body)
    except SignalInvalid as problem:
        raise BadSignals(str(problem)) from None
    if not isinstance(signal, RebalanceSignal):
        raise BadSignals(f"kind: is {signal.kind!r}; only a rebalance has a plan")
    return signal


def outgoing(text: str) -> OutgoingSignal:
    """The one signal in `text`, a JSON object.

    Raises:
        BadSignals: in one line, all that is wrong with it.
    """
    try:
        found = message_of(read_json(text))
    except SignalInvalid as problem:
        raise BadSignals(str(problem)) from None
    if isinstance(found, OutgoingSignal):
        return found
    raise BadSignals("; ".join(map(str, found)))


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """(where it stands, its JSON text) for each signal. An array is opened up; otherwise values follow each other."""
    text = text.removeprefix("\ufeff")
    start = _skip_space(text, 0)
    values = _values_in_array(text, start) if text[start : start + 1] == "[" else _values_in_a_row(text, start)
    for number, value in enumerate(values, 1):
        yield f"signal {number}", value


def _values_in_a_row(text: str, position: int) -> Iterator[str]:
    while position < len(text):
        end = _end_of_value(text, position)
        yield text[position:end]
        position = _skip_space(text, end)


def _values_in_array(text: str, start: int) -> Iterator[str]:
    if rest := text[_end_of_value(text, start) :].strip():
        raise BadSignals(f"body: nothing may follow the array, but {rest[:20]!r} does")
    position = _skip_space(text, start + 1)
    while text[position] != "]":
        end = _end_of_value(text, position)
        yield text[position:end]
        position = _skip_space(text, end)
        if text[position] == ",":
            position = _skip_space(text, position + 1)


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal)


def _end_of_value(text: str, start: int) -> int:
    try:
        return _DECODER.raw_decode(text, start)[1]
    except json.JSONDecodeError as error:
        raise BadSignals(f"line {error.lineno}: body: is not JSON ({error.msg} at column {error.colno})") from None
    except (ValueError, ArithmeticError) as error:
        raise BadSignals(f"body: is not JSON ({error})") from None
    except RecursionError:
        raise BadSignals("body: is nested too deeply") from None
