"""One client of a stream: its commands come in, what is said to it goes out in order, until either side hangs up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import WSMsgType, web

from desk.exchange.wire import frames

log = logging.getLogger(__name__)

# A client that went without a word is let go, or it would keep the one connection of its feed.
_HEARTBEAT_S = 30.0
Encode = Callable[[Any], str | bytes]


class Talk:
    """What is to be said waits in a queue of its own, so that a slow client holds up nobody."""

    def __init__(self, encode: Encode) -> None:
        self.socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S)
        self._encode = encode
        self._queue: asyncio.Queue[Any] = asyncio.Queue()

    def say(self, message: Any) -> None:
        self._queue.put_nowait(message)

    def hang_up(self) -> None:
        """Close the connection once everything is said."""
        self._queue.put_nowait(None)

    async def commands(self) -> AsyncIterator[Any]:
        """What the client says, None for a frame that cannot be read, until it goes away."""
        async for message in self.socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                try:
                    yield frames.read(message.data)
                except frames.Unreadable:
                    yield None

    async def send(self) -> None:
        """Say what waits; a client that no more can be said to is not left in silence, but cut off."""
        try:
            while (message := await self._queue.get()) is not None:
                frame = self._encode(message)
                await (self.socket.send_str(frame) if isinstance(frame, str) else self.socket.send_bytes(frame))
        except ConnectionError:
            return
        except Exception:
            log.exception("a message could not be sent")
        await self.socket.close()


@contextlib.asynccontextmanager
async def talk(request: web.Request, encode: Encode) -> AsyncIterator[Talk]:
    """Answer the handshake and talk."""
    client = Talk(encode)
    await client.socket.prepare(request)
    sender = asyncio.create_task(client.send())
    try:
        yield client
    finally:
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await sender
