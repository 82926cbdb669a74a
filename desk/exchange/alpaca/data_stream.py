"""The market data websocket /v2/{feed}: JSON, or MessagePack for clients that say so."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from desk.exchange.alpaca import msgpack
from desk.exchange.alpaca.feeds import Feeds, Message, Subscriber, failure
from desk.exchange.door.gateway import Gateway
from desk.exchange.faults.stream import copies
from desk.exchange.faults.subjects import Subject
from desk.exchange.market.moments import parse_instant

FEED_PATHS = frozenset(f"/v2/{feed}" for feed in ("sip", "iex", "delayed_sip", "boats", "overnight", "otc"))
_AUTH_TIMEOUT_S = 10.0
_FATAL = frozenset({404, 406, 409})
Frame = list[Message] | None


class DataStream:
    """Serves the clients of the data stream."""

    def __init__(self, gateway: Gateway, moved: Callable[[], None]) -> None:
        self._gateway = gateway
        self._moved = moved
        self._feeds = Feeds(gateway.engine, gateway.accepts_keys)

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
                    self._gateway.engine.advance_to(self._gateway.clock.now())
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
        count = copies(self._gateway.faults, path, Subject(frozenset((str(messages[0]["S"]),))))
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
