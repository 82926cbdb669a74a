"""One poller for all pages: each source is looked at in its own rhythm while somebody watches, and never otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from desk.blotter.feed import Row, Shown

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Something that is looked at again and again: `look` returns tables, in a thread. Times in wall seconds."""

    name: str
    look: Callable[[], Shown]
    every: float
    after_trouble: float = 5.0
    begins_after: float = 0.0


class Watcher:
    """What every page shows, and when it changed."""

    def __init__(self, sources: Sequence[Source], hear: Callable[[Shown, Shown], None] = lambda old, new: None) -> None:
        self._sources = sources
        self._hear = hear
        self._pokes = {source.name: asyncio.Event() for source in sources}
        self._pages = 0
        self._watched = asyncio.Event()
        self._news = asyncio.Condition()
        self.shown: Shown = {}
        self.number = 0
        """Rises with each change."""

    def poke(self, name: str) -> None:
        """Look at a source at once: something is known to have changed."""
        self._pokes[name].set()

    @asynccontextmanager
    async def page(self) -> AsyncIterator[None]:
        """As long as a page watches."""
        self._pages += 1
        self._watched.set()
        try:
            yield
        finally:
            self._pages -= 1
            if not self._pages:
                self._watched.clear()

    async def news(self, since: int, seconds: float) -> None:
        """Return once something has changed since that number, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: self.number > since)

    async def run(self) -> None:
        """Look at all sources, each by itself, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for source in self._sources:
                group.create_task(self._watch(source))

    async def _watch(self, source: Source) -> None:
        poke = self._pokes[source.name]
        if source.begins_after:
            await self._watched.wait()
            await asyncio.sleep(source.begins_after)
        while True:
            await self._watched.wait()
            poke.clear()
            begun = time.monotonic()
            pause = source.every
            try:
                found = await asyncio.to_thread(source.look)
            except Exception as error:
                log.debug("%s", source.name, exc_info=True)
                await self._put({"trouble": self._troubles() | {source.name: _trouble(source.name, error)}})
                pause = source.after_trouble
            else:
                troubles = self._troubles()
                troubles.pop(source.name, None)
                await self._put({**found, "trouble": troubles})
            # A look that takes long is not followed by the next at once.
            took = time.monotonic() - begun
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(pause - took, took / 2)):
                    await poke.wait()

    def _troubles(self) -> dict[str, Row]:
        return dict(self.shown.get("trouble", {}))

    async def _put(self, tables: Shown) -> None:
        before, now = self.shown, {**self.shown, **tables}
        if now == before:
            return
        self.shown = now
        self.number += 1
        self._hear(before, now)
        async with self._news:
            self._news.notify_all()


def _trouble(name: str, error: Exception) -> Row:
    return {"source": name, "says": str(error) or type(error).__name__, "since": _now()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
