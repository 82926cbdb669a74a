"""Trade events over plain HTTP, as server-sent events: what Alpaca's client for Go reads in place of the websocket.

Seen: alpacahq/alpaca-trade-api-go, alpaca/stream.go (the trading host, with its keys); the parameters and what is sent
are those of docs.alpaca.markets/reference/subscribetotradev2sse.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from aiohttp import web

from desk.exchange.faults.rules import Faults
from desk.exchange.faults.stream import copies
from desk.exchange.faults.subjects import of_order
from desk.exchange.market.model import OrderEvent
from desk.exchange.market.moments import utc_text
from desk.exchange.streams.trade_updates import TOPIC, Accepts, unsaid, update_json
from desk.exchange.venue.engine import Engine
from desk.exchange.wire import credentials
from desk.exchange.wire.errors import ApiError
from desk.exchange.wire.given import Given

EVENTS_PATH = "/v2/events/trades"
_HEARTBEAT_S = 15.0
_KEPT = 10_000
"""Events that are repeated to whoever asks for earlier ones."""
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ID_BITS, _RANDOM_BITS = 130, 80


@dataclass(frozen=True, slots=True)
class _Told:
    at: int
    id: str
    line: bytes


class TradeEvents:
    """Sends what happens to orders to everybody who asks, and what happened before to who says since when.

    Nothing is kept before the first client comes: hardly any exchange has one.
    """

    def __init__(self, engine: Engine, faults: Faults, accepts: Accepts, journaled: Callable[[], None]) -> None:
        self._engine = engine
        self._faults = faults
        self._accepts_keys = accepts
        self._journaled = journaled
        self._asked = False
        self._numbers = count(1)
        self._told: deque[_Told] = deque(maxlen=_KEPT)
        self._clients: dict[asyncio.Queue[_Told | None], web.Request] = {}
        engine.listeners.append(self._publish)
        engine.reset_listeners.append(self._told.clear)

    def _publish(self, happened: OrderEvent) -> None:
        if not self._asked or unsaid(happened, self._engine.settings):
            return
        told = self._event(happened)
        self._told.append(told)
        for waiting, client in self._clients.items():
            # Who went away is noticed only when it is written to; until then it would use up a fault of few.
            if client.transport is None or client.transport.is_closing():
                continue
            times = copies(self._faults, EVENTS_PATH, of_order(happened.order))
            for each in [None] if times is None else [told] * times:
                waiting.put_nowait(each)

    def _event(self, happened: OrderEvent) -> _Told:
        """One event: its id is a ULID, so that ids sort as the events came."""
        number = (happened.at // 1_000_000 << _RANDOM_BITS) + next(self._numbers)
        name = "".join(_DIGITS[number >> shift & 31] for shift in range(_ID_BITS - 5, -1, -5))
        event = {
            "account_id": self._engine.account_id,
            "at": utc_text(happened.at),
            **update_json(happened),
            "event_id": name,
        }
        return _Told(happened.at, name, f"data: {json.dumps(event, separators=(',', ':'))}\n\n".encode())

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One client, until it goes away, or all that it asked for is said."""
        pair = credentials.shown({name.lower(): value for name, value in request.headers.items()})
        if pair is None or not self._accepts_keys(*pair):
            return web.json_response({"message": "unauthorized."}, status=401)
        try:
            span = _Span(Given(dict(request.query), _bad, written=True))
        except ApiError as problem:
            return web.json_response(problem.body, status=problem.status)
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        waiting: asyncio.Queue[_Told | None] = asyncio.Queue()
        for told in self._told if span.replays else ():
            waiting.put_nowait(told)
        self._asked = True
        self._clients[waiting] = request
        self._engine.journal.listening(self._engine.now, TOPIC)
        self._journaled()
        try:
            await answer.prepare(request)
            await self._say(answer, waiting, span)
        except ConnectionError:
            pass
        finally:
            del self._clients[waiting]
        return answer

    async def _say(self, answer: web.StreamResponse, waiting: asyncio.Queue[_Told | None], span: _Span) -> None:
        while not waiting.empty() or not span.over(self._engine.now):
            try:
                async with asyncio.timeout(_HEARTBEAT_S):
                    told = await waiting.get()
            except TimeoutError:
                await answer.write(b": heartbeat\n\n")
                continue
            if told is None or span.passed(told):
                return
            if span.begun(told):
                await answer.write(told.line)


class _Span:
    """What a client asks for: from a time or an event on, until one; ApiError for what makes no sense."""

    def __init__(self, query: Given) -> None:
        self._since, self._until = query.instant("since"), query.instant("until")
        self._since_id, self._until_id = query.text("since_id"), query.text("until_id")
        if self._since is not None and self._since_id is not None:
            raise _bad("since and since_id can't be used at the same time")
        if self._until is not None and self._since is None:
            raise _bad("since is required if until is specified")
        if self._until_id is not None and self._since_id is None:
            raise _bad("since_id is required if until_id is specified")

    @property
    def replays(self) -> bool:
        return self._since is not None or self._since_id is not None

    def begun(self, told: _Told) -> bool:
        return told.at >= (self._since or 0) and told.id >= (self._since_id or "")

    def passed(self, told: _Told) -> bool:
        late = self._until is not None and told.at > self._until
        return late or (self._until_id is not None and told.id > self._until_id)

    def over(self, now: int) -> bool:
        """Whether nothing that is still to come can be asked for."""
        return self._until is not None and now > self._until


def _bad(message: str) -> ApiError:
    return ApiError(400, 40010001, message)
