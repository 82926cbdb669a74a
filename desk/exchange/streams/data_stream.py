"""The market data websocket /v2/{feed}: JSON, or MessagePack for clients that say so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgpack
from aiohttp import web

from desk.exchange.faults.rules import Faults
from desk.exchange.faults.stream import copies
from desk.exchange.faults.subjects import Subject
from desk.exchange.market.moments import parse_instant
from desk.exchange.streams.feeds import Accepts, Feeds, Message, Subscriber, failure
from desk.exchange.streams.talk import Talk, talk
from desk.exchange.venue.engine import Engine
from desk.exchange.wire import credentials, frames

# docs.alpaca.markets/docs/real-time-stock-pricing-data has the two night feeds under v1beta1; alpaca-py's
# StockDataStream puts v2 before all of them.
FEED_PATHS = frozenset(
    {
        *(f"/v2/{feed}" for feed in ("sip", "iex", "delayed_sip", "boats", "overnight", "otc", "test")),
        *(f"/v1beta1/{feed}" for feed in ("boats", "overnight")),
    }
)
# docs.alpaca.markets/docs/streaming-market-data: ten seconds to authenticate.
_AUTH_TIMEOUT_S = 10.0
_FATAL = frozenset({404, 406, 409})


class DataStream:
    """Serves the clients of the data stream.

    `keep_up` brings the engine to the present; `moved` tells that there may be something new to wait for.
    """

    def __init__(
        self,
        engine: Engine,
        faults: Faults,
        accepts: Accepts,
        keep_up: Callable[[], None],
        moved: Callable[[], None],
    ) -> None:
        self._faults = faults
        self._keep_up = keep_up
        self._moved = moved
        self._feeds = Feeds(engine, accepts)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One client, until it goes away."""
        async with talk(request, _packed if frames.packs(request.headers) else frames.as_text) as client:
            path = request.path.rstrip("/")
            subscriber = Subscriber(self._feeds, path.rpartition("/")[2], lambda m: self._deliver(path, client, m))
            clock = asyncio.get_running_loop().call_later(_AUTH_TIMEOUT_S, _time_out, subscriber, client)
            try:
                client.say([{"T": "success", "msg": "connected"}])
                if (keys := credentials.shown(request.headers)) is not None:
                    _answer(client, subscriber.authenticate(*keys))
                async for command in client.commands():
                    self._keep_up()
                    _answer(client, subscriber.receive(command))
                    self._moved()
            finally:
                clock.cancel()
                subscriber.leave()
        return client.socket

    def _deliver(self, path: str, client: Talk, messages: list[Message]) -> None:
        count = copies(self._faults, path, Subject(frozenset((str(messages[0]["S"]),))))
        if count is None:
            client.hang_up()
            return
        for _ in range(count):
            client.say(messages)


def _answer(client: Talk, answer: Message) -> None:
    client.say([answer])
    if answer.get("code") in _FATAL:
        client.hang_up()


def _time_out(subscriber: Subscriber, client: Talk) -> None:
    if not subscriber.authenticated:
        _answer(client, failure(404))


def _packed(messages: list[Message]) -> bytes:
    return frames.as_packed([_stamped(message) for message in messages])


def _stamped(message: Message) -> Message:
    """In MessagePack a time is a timestamp, not a text (alpaca-py reads nothing else)."""
    if "t" not in message:
        return message
    return message | {"t": msgpack.Timestamp.from_unix_nano(parse_instant(message["t"]))}
