"""The trade_updates websocket: order events as they happen, to every authenticated listener."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from aiohttp import WSMsgType, web

from desk.exchange.alpaca.views import order_json
from desk.exchange.faults.rules import Faults
from desk.exchange.faults.stream import copies
from desk.exchange.faults.subjects import of_order
from desk.exchange.market.model import OrderEvent, Status
from desk.exchange.market.moments import utc_text
from desk.exchange.market.prices import plain
from desk.exchange.venue.engine import Engine

STREAM_PATH = "/stream"
_TOPIC = "trade_updates"
_NAMES = {"filled": "fill", "partially_filled": "partial_fill", "replace_rejected": "order_replace_rejected"}
Message = dict[str, Any]
Accepts = Callable[[str, str], bool]


class TradeUpdates:
    """Sends what happens to orders; nothing that happened before a client listens is repeated."""

    def __init__(self, engine: Engine, faults: Faults, accepts: Accepts, journaled: Callable[[], None]) -> None:
        self._engine = engine
        self._faults = faults
        self._accepts_keys = accepts
        self._journaled = journaled
        # Whoever connects again missed what happened meanwhile: forum.alpaca.markets/t/4351 asks for a replay.
        self._listening: set[asyncio.Queue[Message | None]] = set()
        engine.listeners.append(self._publish)

    def _publish(self, happened: OrderEvent) -> None:
        if self._listening:
            message = {"stream": _TOPIC, "data": update_json(happened)}
            for queue in self._listening:
                count = copies(self._faults, STREAM_PATH, of_order(happened.order))
                for sent in [None] if count is None else [message] * count:
                    queue.put_nowait(sent)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One client, until it goes away."""
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        queue: asyncio.Queue[Message | None] = asyncio.Queue()
        sender = asyncio.create_task(_send(socket, queue))
        authorized = False
        try:
            async for message in socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    continue
                command = _command(message.data)
                if command.get("action") in ("authenticate", "auth"):
                    authorized = self._accepts(command)
                    queue.put_nowait(_authorization(authorized))
                elif command.get("action") == "listen":
                    queue.put_nowait(self._listen(command, queue) if authorized else _authorization(False))
        finally:
            self._listening.discard(queue)
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await sender
        return socket

    def _accepts(self, command: Message) -> bool:
        data = command.get("data") if isinstance(command.get("data"), dict) else command
        assert isinstance(data, dict)
        key = data.get("key_id") or data.get("key")
        secret = data.get("secret_key") or data.get("secret")
        return bool(key and secret and self._accepts_keys(str(key), str(secret)))

    def _listen(self, command: Message, queue: asyncio.Queue[Message | None]) -> Message:
        data = command.get("data")
        wanted = data.get("streams") if isinstance(data, dict) else None
        streams = [_TOPIC] if isinstance(wanted, list) and _TOPIC in wanted else []
        if streams:
            self._listening.add(queue)
            self._engine.journal.listening(self._engine.now, _TOPIC)
            self._journaled()
        else:
            self._listening.discard(queue)
        return {"stream": "listening", "data": {"streams": streams}}


def update_json(happened: OrderEvent) -> Message:
    """The data of one update; execution fields only where there was an execution."""
    order, fill = happened.order, happened.fill
    name = _NAMES.get(happened.name, happened.name)
    if name == "accepted" and order.status is not Status.ACCEPTED:
        name = order.status.value
    update: Message = {"event": name, "timestamp": utc_text(happened.at), "order": order_json(order)}
    update["event_id"] = str(uuid5(NAMESPACE_OID, f"{order.id} {happened.name} {order.filled_qty}"))
    if fill is not None:
        update |= {
            "execution_id": str(uuid5(NAMESPACE_OID, f"{order.id} {order.filled_qty}")),
            "price": plain(fill.price),
            # Of this execution alone, not of the order so far: alpacahq/Alpaca-API#103.
            "qty": plain(fill.qty),
            "position_qty": plain(fill.position_qty),
        }
    return update


async def _send(socket: web.WebSocketResponse, queue: asyncio.Queue[Message | None]) -> None:
    while (message := await queue.get()) is not None:
        # Binary frames, unlike the data stream's: alpacahq/user-docs#122.
        await socket.send_bytes(json.dumps(message, separators=(",", ":")).encode())
    await socket.close()


def _command(data: str | bytes) -> Message:
    try:
        command = json.loads(data)
    except ValueError:
        return {}
    return command if isinstance(command, dict) else {}


def _authorization(authorized: bool) -> Message:
    status = "authorized" if authorized else "unauthorized"
    return {"stream": "authorization", "data": {"action": "authenticate", "status": status}}
