"""Running the websocket clients of alpaca-py beside a test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE_S = 60.0


class Heard:
    """What a stream's handlers were given; waiting for it needs no sleep."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._news = threading.Condition()

    async def note(self, item: Any) -> None:
        with self._news:
            self.items.append(item)
            self._news.notify_all()

    def until(self, enough: Callable[[list[Any]], bool]) -> list[Any]:
        """Everything heard once it is enough; AssertionError after ten seconds."""
        with self._news:
            assert self._news.wait_for(lambda: enough(self.items), PATIENCE_S), self.items
            return list(self.items)


@contextmanager
def running(stream: Any, wake: Callable[[], object]) -> Iterator[None]:
    """A stream at work in a thread of its own; `wake` makes it hear something, so that it sees that it is to stop."""
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stream.stop()
        wake()
        thread.join(PATIENCE_S)
