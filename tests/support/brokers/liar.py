"""A broker that answers one request falsely."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from repeg.broker.alpaca_wire import Method, Reply
from tests.support.lab import Lab

NOT_FOUND = Reply(404, {"code": 40410000, "message": "order not found"})


class Liar:
    """The nth request of `method` below `path` is carried out, and answered by what `lie` makes of the true answer.

    `unheard`: it is not carried out, `lie` is told nothing.
    """

    def __init__(
        self, lab: Lab, method: Method, path: str, lie: Callable[[Reply], Reply], nth: int = 1, *, unheard: bool = False
    ) -> None:
        self._wire, self._about, self._lie, self._left, self._unheard = (
            lab.broker._trading,
            (method, path),
            lie,
            nth,
            unheard,
        )
        self._call = self._wire.call
        self._wire.call = self._answers  # type: ignore[method-assign]

    @property
    def told(self) -> bool:
        """True once the false answer was given."""
        return self._left <= 0

    def _answers(self, method: Method, path: str, *more: Any, **named: Any) -> Reply:
        about, below = self._about
        if method != about or not path.startswith(below):
            return self._call(method, path, *more, **named)
        self._left -= 1
        if self._left:
            return self._call(method, path, *more, **named)
        return self._lie(Reply(0) if self._unheard else self._call(method, path, *more, **named))


def saying(**fields: Any) -> Callable[[Reply], Reply]:
    """The true answer with these fields in it."""

    def lie(reply: Reply) -> Reply:
        assert reply.ok, f"nothing to lie about: {reply}"
        return Reply(reply.status, deepcopy(reply.body) | fields, reply.text, reply.headers)

    return lie
