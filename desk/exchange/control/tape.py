"""Recorded quotes (gzip CSV) played on the market clock."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal, InvalidOperation
from functools import partial
from itertools import chain

from desk.exchange.market.model import Quote
from desk.exchange.market.moments import eastern, eastern_ns, utc_text
from desk.exchange.market.sessions import sessions_from
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import ControlError

COLUMNS = ("timestamp_ns_utc", "bid_price", "bid_size", "ask_price", "ask_size")


@dataclass(frozen=True, slots=True)
class Tick:
    """One recorded quote; `at` in nanoseconds."""

    at: int
    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal


def read_ticks(path: str) -> Iterator[Tick]:
    """Ticks of a gzip CSV in file order; ControlError names a bad row."""
    try:
        with gzip.open(path, "rt", newline="") as file:
            for line, row in enumerate(csv.reader(file), start=1):
                if line == 1 and tuple(row) == COLUMNS:
                    continue
                try:
                    at, bid, bid_size, ask, ask_size = row
                    yield Tick(int(at), Decimal(bid), Decimal(bid_size), Decimal(ask), Decimal(ask_size))
                except (ValueError, InvalidOperation):
                    raise ControlError(f"path: line {line} is not {','.join(COLUMNS)}") from None
    except (OSError, EOFError) as problem:
        raise ControlError(f"path: {problem}") from None


class Tapes:
    """Tapes playing into one engine; of each only the next tick is scheduled."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._run = 0

    def clear(self) -> None:
        self._run += 1

    def play(self, symbol: str, path: str, align: bool) -> str:
        """Play a tape; returns the market time of its first tick (RFC 3339).

        Ticks that are past already are skipped, but the last of them becomes the quote now. `align` moves the tape by
        whole days, so that it plays at its own time of day in the current session (or the next one).
        """
        ticks = read_ticks(path)
        first = next(ticks, None)
        if first is None:
            raise ControlError("path: the tape is empty")
        # Whole days, so that opens and closes on the tape stay those of the session.
        offset = self._offset(first.at) if align else 0
        self._feed(symbol, chain((first,), ticks), offset, self._run)
        return utc_text(first.at + offset)

    def _offset(self, first: int) -> int:
        recorded = eastern(first).date()
        now = self._engine.now
        session = next((s for s in sessions_from(now) if s.post_close > now), None)
        if session is None:
            raise ControlError("align: the trading calendar ends here")
        return _midnight(session.day) - _midnight(recorded)

    def _feed(self, symbol: str, ticks: Iterator[Tick], offset: int, run: int) -> None:
        past: Tick | None = None
        for tick in ticks:
            if tick.at + offset > self._engine.now:
                self._engine.schedule.add(tick.at + offset, partial(self._show, symbol, tick, ticks, offset, run))
                break
            past = tick
        if past is not None:
            self._put(symbol, past)

    def _show(self, symbol: str, tick: Tick, ticks: Iterator[Tick], offset: int, run: int) -> None:
        # A reset came in between: the tick belongs to a scene that is over.
        if run != self._run:
            return
        self._put(symbol, tick)
        try:
            self._feed(symbol, ticks, offset, run)
        except ControlError as problem:
            self._engine.journal.problem(self._engine.now, f"tape: {problem}")

    def _put(self, symbol: str, tick: Tick) -> None:
        # Frozen: between two ticks a recorded feed was silent, and that is what the client must cope with.
        quote = Quote(tick.bid, tick.ask, tick.bid_size, tick.ask_size, self._engine.now, frozen=True)
        self._engine.put_quote(symbol, quote)


def _midnight(day: date) -> int:
    return eastern_ns(day, time(0))
