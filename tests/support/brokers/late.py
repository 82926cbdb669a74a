"""A broker that answers a request too late, and works it off later still."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from repeg.broker.alpaca_wire import Method, NoAnswer, Reply
from tests.support.lab import Lab


class Queued:
    """The next `count` orders that `fits` get no answer for `timeout` s; they reach the broker when `arrive` is called.

    `pause` lets the time of the time-out pass.
    """

    def __init__(
        self, lab: Lab, pause: Callable[[float], None], timeout: float, count: int = 1, order_class: str = ""
    ) -> None:
        self._wire, self._count, self._class = lab.broker._trading, count, order_class
        self._pause, self._timeout, self._kept = pause, timeout, list[dict[str, Any]]()
        self._call = self._wire.call
        self._wire.call = self._answers  # type: ignore[method-assign]

    def arrive(self) -> list[int]:
        """The broker works off what was sent; returns its answers, which nobody hears."""
        kept, self._kept = self._kept, []
        return [self._call("POST", "/orders", data).status for data in kept]

    def _answers(self, method: Method, path: str, data: dict[str, Any] | None = None, version: str = "v2") -> Reply:
        if method != "POST" or not self._count or data is None or data.get("order_class", "") != self._class:
            return self._call(method, path, data, version)
        self._count -= 1
        self._kept.append(data)
        self._pause(self._timeout)
        raise NoAnswer("read timed out")
