"""The trade_updates websocket: order events as they happen, to every authenticated listener."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from aiohttp import web

from desk.exchange.alpaca.views import order_json
from desk.exchange.faults.rules import Faults
from desk.exchange.faults.stream import copies
from desk.exchange.faults.subjects import of_order
from desk.exchange.market.model import OrderEvent, Status
from desk.exchange.market.moments import utc_text
from desk.exchange.market.prices import plain
from desk.exchange.rules.settings import Settings
from desk.exchange.streams.talk import Talk, talk
from desk.exchange.venue.engine import Engine
from desk.exchange.wire import frames

STREAM_PATH = "/stream"
TOPIC = "trade_updates"
_NAMES = {"filled": "fill", "partially_filled": "partial_fill", "replace_rejected": "order_replace_rejected"}
# What Alpaca says before it has heard from the venue; everything else is the venue's word and carries its id
# (QuantConnect/Lean.Brokerages.Alpaca, issue 41, logs `pending_new` without one and `new` with one).
_BEFORE_THE_VENUE = frozenset({"accepted", "held", "pending_new", "pending_cancel", "pending_replace"})
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
        self._listening: set[Talk] = set()
        engine.listeners.append(self._publish)

    def _publish(self, happened: OrderEvent) -> None:
        if not self._listening or unsaid(happened, self._engine.settings):
            return
        message = {"stream": TOPIC, "data": update_json(happened)}
        for client in self._listening:
            count = copies(self._faults, STREAM_PATH, of_order(happened.order))
            if count is None:
                client.hang_up()
            for _ in range(count or 0):
                client.say(message)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One client, until it goes away."""
        # Both kinds in binary frames, unlike the data stream's: alpacahq/user-docs#122.
        encode = frames.as_packed if frames.packs(request.headers) else _as_bytes
        async with talk(request, encode) as client:
            authorized = False
            try:
                async for command in client.commands():
                    action = command.get("action") if isinstance(command, dict) else None
                    if action in ("authenticate", "auth"):
                        authorized = self._accepts(command)
                        client.say(_authorization("authenticate", authorized))
                    elif action == "listen":
                        client.say(self._listen(command, client) if authorized else _authorization("listen", False))
                    else:
                        client.say(_NOT_UNDERSTOOD)
            finally:
                self._listening.discard(client)
        return client.socket

    def _accepts(self, command: Message) -> bool:
        data = command.get("data") if isinstance(command.get("data"), dict) else command
        assert isinstance(data, dict)
        # An application's token: alpacahq/alpaca-docs, content/oauth/guide.md.
        if token := data.get("oauth_token"):
            return self._accepts_keys(str(token), "")
        key = data.get("key_id") or data.get("key")
        secret = data.get("secret_key") or data.get("secret")
        return bool(key and secret and self._accepts_keys(str(key), str(secret)))

    def _listen(self, command: Message, client: Talk) -> Message:
        data = command.get("data")
        wanted = data.get("streams") if isinstance(data, dict) else None
        streams = [TOPIC] if isinstance(wanted, list) and TOPIC in wanted else []
        if streams:
            self._listening.add(client)
            self._engine.journal.listening(self._engine.now, TOPIC)
            self._journaled()
        else:
            self._listening.discard(client)
        return {"stream": "listening", "data": {"streams": streams}}


def unsaid(happened: OrderEvent, settings: Settings) -> bool:
    """Most cancels are told of only when they are done; docs.alpaca.markets/docs/websocket-streaming."""
    if happened.name != "pending_cancel":
        return False
    return not happened.order.stuck and not settings.tell_pending_cancel


def update_json(happened: OrderEvent) -> Message:
    """The data of one update; an execution id for what the venue said, prices only where there was an execution."""
    order, fill = happened.order, happened.fill
    name = _NAMES.get(happened.name, happened.name)
    if name == "accepted" and order.status is not Status.ACCEPTED:
        name = order.status.value
    update: Message = {"event": name, "timestamp": utc_text(happened.at), "order": order_json(order)}
    update["event_id"] = _id(f"{order.id} {happened.name} {order.filled_qty}")
    if name not in _BEFORE_THE_VENUE:
        update["execution_id"] = _id(f"{order.id} {order.filled_qty}" if fill else f"{order.id} {name}")
    if fill is not None:
        update |= {
            "price": plain(fill.price),
            # Of this execution alone, not of the order so far: alpacahq/Alpaca-API#103.
            "qty": plain(fill.qty),
            "position_qty": plain(fill.position_qty),
        }
    return update


def _id(text: str) -> str:
    return str(uuid5(NAMESPACE_OID, text))


def _as_bytes(message: Message) -> bytes:
    return frames.as_text(message).encode()


# Alpaca does not document what it says to a command that makes no sense; silence would hide the mistake.
_NOT_UNDERSTOOD = {"stream": "error", "data": {"error": "invalid syntax"}}


def _authorization(action: str, authorized: bool) -> Message:
    status = "authorized" if authorized else "unauthorized"
    return {"stream": "authorization", "data": {"action": action, "status": status}}
