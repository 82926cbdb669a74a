"""The HTTP shell: hands requests to the gateway and keeps the engine moving between them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from aiohttp import web

from desk.exchange.control.api import JOURNAL, poll_of
from desk.exchange.door.gateway import Gateway
from desk.exchange.faults.effects import SERVER_ERROR
from desk.exchange.streams.data_stream import FEED_PATHS, DataStream
from desk.exchange.streams.trade_events import EVENTS_PATH, TradeEvents
from desk.exchange.streams.trade_updates import STREAM_PATH, TradeUpdates
from desk.exchange.wire.errors import ControlError
from desk.exchange.wire.web import Reply, Request

log = logging.getLogger(__name__)

_MAX_WAIT_S = 30.0
_MAX_POLL_S = 60.0


class Server:
    """One exchange on one port."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._moved = asyncio.Event()
        engine, faults, accepts = gateway.engine, gateway.faults, gateway.accepts_keys
        self._stream = TradeUpdates(engine, faults, accepts, self._moved.set)
        self._events = TradeEvents(engine, faults, accepts, self._moved.set)
        self._data = DataStream(engine, faults, accepts, gateway.keep_up, self._moved.set)
        self._news = asyncio.Condition()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        # aiohttp matches what an address decodes to, in which there may be line breaks.
        app.router.add_route("*", r"/{path:[\s\S]*}", self._handle)
        app.cleanup_ctx.append(self._keep_moving)
        return app

    async def _handle(self, incoming: web.Request) -> web.StreamResponse:
        # Some clients end the address with a slash.
        path = incoming.rel_url.raw_path.rstrip("/")
        if path == STREAM_PATH:
            return await self._stream.serve(incoming)
        if path == EVENTS_PATH and incoming.method == "GET":
            return await self._events.serve(incoming)
        if path in FEED_PATHS and incoming.headers.get("Upgrade", "").lower() == "websocket":
            return await self._data.serve(incoming)
        try:
            return await self._answer(incoming)
        except web.HTTPRequestEntityTooLarge:
            return _response(Reply(413, {"message": "request body is too large"}))
        except ConnectionError:
            # Nobody is there any more.
            raise
        except Exception:
            log.exception("%s %s failed", incoming.method, path)
            return _response(Reply(500, SERVER_ERROR))

    async def _answer(self, incoming: web.Request) -> web.StreamResponse:
        request = Request(
            method=incoming.method,
            path=incoming.rel_url.raw_path,
            query_string=incoming.rel_url.raw_query_string,
            headers={name.lower(): value for name, value in incoming.headers.items()},
            body=await incoming.read(),
        )
        if request.path == JOURNAL and request.query.has("wait"):
            await self._await_news(request)
        fault = self._gateway.fault_for(request)
        if fault is not None and fault.terms.delay_ms and not fault.terms.after_effect:
            await asyncio.sleep(fault.terms.delay_ms / 1000)
        reply = self._gateway.serve(request, fault)
        self._moved.set()
        if reply.delay_ms and fault is not None and fault.terms.after_effect:
            await asyncio.sleep(reply.delay_ms / 1000)
        if reply.status == 0 and incoming.transport is not None:
            incoming.transport.abort()
        return _response(reply)

    async def _await_news(self, request: Request) -> None:
        """Hold a journal request until there is an entry it has not seen, for at most its `wait` wall seconds."""
        journal = self._gateway.engine.journal
        # A poll that makes no sense is refused where all control requests are.
        with contextlib.suppress(TimeoutError, ControlError):
            after, wait = poll_of(request)
            async with asyncio.timeout(min(wait, _MAX_POLL_S)), self._news:
                await self._news.wait_for(lambda: journal.last_seq > after)

    async def _keep_moving(self, app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _run(self) -> None:
        """Let events happen when they fall due, whether or not anybody asks."""
        engine, clock = self._gateway.engine, self._gateway.clock
        seen = 0
        while True:
            self._moved.clear()
            try:
                self._gateway.keep_up()
            except Exception:
                log.exception("an event failed and is left out")
                continue
            if engine.journal.last_seq != seen:
                seen = engine.journal.last_seq
                async with self._news:
                    self._news.notify_all()
            due = engine.schedule.next_at
            wait = clock.wall_seconds_until(due) if due is not None else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_MAX_WAIT_S if wait is None else min(wait, _MAX_WAIT_S)):
                    await self._moved.wait()


def _response(reply: Reply) -> web.Response:
    if reply.status == 0:
        return web.Response()
    return web.Response(
        status=reply.status,
        body=reply.encoded(),
        headers=reply.headers,
        content_type=reply.content_type if reply.status != 204 else None,
    )
