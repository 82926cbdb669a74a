"""Plays acts on a running stack: sets the market, sends the signals through the queue, follows the records."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from desk.demo.story import Act, Story
from desk.demo.verdict import Verdict, judge
from desk.stack.sending import send_all
from desk.stack.signal_files import read_signals
from repeg.domain.order.views import order_view

if TYPE_CHECKING:
    from desk.exchange.client import ExchangeControl
    from repeg.store.orders import OrderStore

View = dict[str, Any]
POLL_SECONDS = 0.2
SETTINGS_SECONDS = 5.5
"""Wall seconds until every function has taken up changed settings."""


@dataclass(frozen=True)
class Progress:
    """How far one story is. `order` is None until its record exists; `seconds` are wall seconds since it was sent."""

    story: Story
    order: View | None
    seconds: float
    over: bool
    holder: View | None = None
    """The order whose shares leave in this story."""


Watcher = Callable[[Act, Sequence[Progress]], None]


class Tuning:
    """The stack's settings: changed only where they differ, and waited for only as long as they still need."""

    def __init__(
        self,
        override: Callable[[Mapping[str, Any]], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._override = override
        self._clock = clock
        self._sleep = sleep
        self._wanted: Mapping[str, Any] = {}
        self._taken_up = clock()

    def want(self, settings: Mapping[str, Any]) -> None:
        """Have these overrides, from a few seconds on."""
        if settings != self._wanted:
            self._override(settings)
            self._wanted, self._taken_up = settings, self._clock() + SETTINGS_SECONDS

    def settle(self) -> None:
        """Return when what was wanted is in force everywhere."""
        if (left := self._taken_up - self._clock()) > 0:
            self._sleep(left)


class Stage:
    """A stack with its exchange, and who is told how the stories go."""

    def __init__(
        self,
        send: Callable[[Iterable[Story]], None],
        tuning: Tuning,
        orders: OrderStore,
        exchange: ExchangeControl,
        watcher: Watcher,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._send = send
        self._tuning = tuning
        self._orders = orders
        self._exchange = exchange
        self._watcher = watcher
        self._clock = clock
        self._sleep = sleep

    def play(self, act: Act, timeout: float) -> list[Verdict]:
        """Play one act to its end, at most `timeout` wall seconds; stories that are not over by then are not ok."""
        self._move_on_to(act.starts_at)
        self._tuning.want(act.overrides or act.announces)
        if act.overrides:
            self._watcher(act, [Progress(story, None, 0.0, over=False) for story in act.stories])
            self._tuning.settle()
        for story in act.stories:
            if story.quote:
                self._exchange.quote(story.symbol, **story.quote.fields)
            if story.script:
                self._exchange.script(*story.script)
        started = self._clock()
        self._send(act.stories)
        progress = {story.signal_id: Progress(story, None, 0.0, over=False) for story in act.stories}
        while True:
            self._look(progress, self._clock() - started)
            self._watcher(act, list(progress.values()))
            if all(item.over for item in progress.values()) or self._clock() - started > timeout:
                break
            self._sleep(POLL_SECONDS)
        if act.overrides:
            self._tuning.want({})
        journal = self._exchange.journal()
        return [judge(item.story, item.order, item.holder, journal) for item in progress.values()]

    def _move_on_to(self, starts_at: str) -> None:
        """Market time only ever goes forward."""
        if datetime.fromisoformat(self._exchange.clock().now) < datetime.fromisoformat(starts_at):
            self._exchange.set_clock(starts_at)

    def _look(self, progress: dict[str, Progress], seconds: float) -> None:
        for signal_id, known in progress.items():
            if known.over:
                continue
            order = self._orders.find(signal_id)
            holder = self._orders.find(known.story.holder) if known.story.holder else order
            left = known.story.expected.leaves is None or (holder is not None and holder.unexited_qty == 0)
            over = order is not None and order.status.terminal and left
            views = [order_view(found) if found else None for found in (order, holder)]
            progress[signal_id] = Progress(known.story, views[0], seconds, over, views[1])


def send_stories(sqs: Any, queue_url: str, stories: Iterable[Story]) -> None:
    """The signals of the stories, through the same door as anybody's.

    Raises:
        RuntimeError: the queue did not take one.
    """
    signals = read_signals(json.dumps([dict(story.signal) for story in stories]))
    refused: Mapping[str, str] = send_all(sqs, queue_url, signals)
    if refused:
        raise RuntimeError(f"the queue refused {refused}")
