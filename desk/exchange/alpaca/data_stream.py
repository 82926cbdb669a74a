"""The market data websocket /v2/{feed}: JSON, or MessagePack for clients that say so."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from desk.exchange.alpaca import msgpack
from desk.exchange.alpaca.feeds import Accepts, Feeds, Message, Subscriber, failure
from desk.exchange.faults.rules import Faults
from desk.exchange.faults.stream import copies
from desk.exchange.faults.subjects import Subject
from desk.exchange.market.moments import parse_instant
from desk.exchange.venue.engine import Engine

FEED_PATHS = frozenset(f"/v2/{feed}" for feed in ("sip", "iex", "delayed_sip", "boats", "overnight", "otc"))
_AUTH_TIMEOUT_S = 10.0
_FATAL = frozenset({404, 406, 409})
Frame = list[Message] | None


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
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        packed = "msgpack" in request.headers.get("Content-Type", "")
        queue: asyncio.Queue[Frame] = asyncio.Queue()
        path = request.path.rstrip("/")
        client = Subscriber(self._feeds, path.rpartition("/")[2], lambda m: self._deliver(path, queue, m))
        sender = asyncio.create_task(_send(socket, queue, packed))
        queue.put_nowait([{"T": "success", "msg": "connected"}])
        clock = asyncio.get_running_loop().call_later(_AUTH_TIMEOUT_S, _time_out, client, queue)
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._keep_up()
                    answer = client.receive(_command(message.data))
                    self._moved()
                    queue.put_nowait([answer])
                    if answer.get("code") in _FATAL:
                        queue.put_nowait(None)
        finally:
            clock.cancel()
            client.leave()
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await sender
        return socket

    def _deliver(self, path: str, queue: asyncio.Queue[Frame], messages: list[Message]) -> None:
        count = copies(self._faults, path, Subject(frozenset((str(messages[0]["S"]),))))
        if count is None:
            queue.put_nowait(None)
            return
        for _ in range(count):
            queue.put_nowait(messages)


def _time_out(client: Subscriber, queue: asyncio.Queue[Frame]) -> None:
    if not client.authenticated:
        queue.put_nowait([failure(404)])
        queue.put_nowait(None)


async def _send(socket: web.WebSocketResponse, queue: asyncio.Queue[Frame], packed: bool) -> None:
    while (frame := await queue.get()) is not None:
        if packed:
            await socket.send_bytes(msgpack.pack([_stamped(message) for message in frame]))
        else:
            await socket.send_str(json.dumps(frame, separators=(",", ":")))
    await socket.close()


def _stamped(message: Message) -> Message:
    return message | {"t": msgpack.Instant(parse_instant(message["t"]))} if "t" in message else message


def _command(data: str | bytes) -> Any:
    if isinstance(data, bytes) and not data.startswith(b"{"):
        try:
            return msgpack.unpack(data)
        except msgpack.Unreadable:
            return None
    try:
        return json.loads(data)
    except ValueError:
        return None
