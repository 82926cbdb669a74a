"""The server: the page, the stream of what changes, one order in full, and the switch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from botocore.exceptions import BotoCoreError, ClientError

from desk.blotter import acts
from desk.blotter.door import HEADERS, KEY_HEADER, opens, refused
from desk.blotter.feed import Shown, diff
from desk.blotter.refusal import Refused
from desk.blotter.rows import order_detail
from desk.blotter.sources import ALERTS, BOOK, HALTS, INTAKE, Reached
from desk.stack.intake import IntakeError
from desk.stack.market_time import measured_now
from repeg.domain.order.record import Order
from repeg.errors import OperatorError

HOST = "127.0.0.1"
DEFAULT_PORT = 8787
BEAT_S = 5.0
MOST_PAGES = 16
PAGE = Path(__file__).resolve().parent / "page"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Server:
    """The blotter of one stack. `key` opens everything but the bare page."""

    def __init__(self, reached: Reached, key: str) -> None:
        self._reached = reached
        self._key = key
        self._pages = 0
        self._files = {path.name: (path.read_bytes(), _TYPES[path.suffix]) for path in PAGE.iterdir()}

    def app(self) -> web.Application:
        """With everything in place; the sources are watched as long as it runs."""
        app = web.Application(client_max_size=16 * 1024, middlewares=[self._guard])
        app.router.add_get("/", self._page)
        app.router.add_get("/page/{name}", self._page)
        app.router.add_get("/api/events", self._events)
        app.router.add_get("/api/orders/{order_id}", self._order)
        app.router.add_post("/api/halt", self._halt)
        app.router.add_post("/api/resume", self._resume)
        app.router.add_post("/api/cancel", self._cancel)
        app.router.add_post("/api/adjust", self._adjust)
        app.router.add_post("/api/closings", self._closings)
        app.router.add_post("/api/close", self._close)
        app.router.add_post("/api/acknowledge", self._acknowledge)
        app.cleanup_ctx.append(self._watching)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if why := refused(request.method, request.headers):
                raise web.HTTPForbidden(text=why)
            if request.path.startswith("/api/") and not opens(self._shown_key(request), self._key):
                raise web.HTTPUnauthorized(
                    text="the key is missing, or of another run: use the address in the terminal"
                )
            answer = await handler(request)
        except web.HTTPException as problem:
            answer = web.Response(status=problem.status, text=problem.text)
        if not answer.prepared:
            answer.headers.update(HEADERS)
        return answer

    def _shown_key(self, request: web.Request) -> str | None:
        # A stream of events cannot be asked for with a header.
        in_address = request.query.get("key") if request.path == "/api/events" else None
        return in_address or request.headers.get(KEY_HEADER)

    async def _page(self, request: web.Request) -> web.Response:
        found = self._files.get(request.match_info.get("name", "index.html"))
        if found is None:
            raise web.HTTPNotFound(text="there is no such page")
        return web.Response(body=found[0], content_type=found[1], charset="utf-8")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if self._pages >= MOST_PAGES:
            raise web.HTTPServiceUnavailable(text=f"{MOST_PAGES} pages are open; close one")
        stream = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream; charset=utf-8"})
        await stream.prepare(request)
        self._pages += 1
        try:
            async with self._reached.watcher.page():
                await self._push(stream)
        except ConnectionError:
            # Nobody is there any more.
            pass
        finally:
            self._pages -= 1
        return stream

    async def _push(self, stream: web.StreamResponse) -> None:
        watcher = self._reached.watcher
        sent, number = watcher.shown, watcher.number
        await stream.write(_event("whole", {"about": self._about(), "tables": sent, **self._beat()}))
        while True:
            await watcher.news(number, BEAT_S)
            # What a slow page has not fetched yet it is sent as one.
            now, number = watcher.shown, watcher.number
            found = diff(sent, now)
            sent = now
            await stream.write(
                _event("diff", {"tables": found, **self._beat()}) if found else _event("beat", self._beat())
            )

    def _about(self) -> dict[str, Any]:
        connection = self._reached.connection
        where = "local cloud" if connection.is_local else f"AWS {connection.region}"
        return {"stack": connection.stack, "where": where, "local": connection.is_local}

    def _beat(self) -> dict[str, Any]:
        connection = self._reached.connection
        return {
            "wall": datetime.now(UTC).isoformat(),
            "market": measured_now(connection).isoformat(),
            "speed": connection.speed or 1,
        }

    async def _order(self, request: web.Request) -> web.Response:
        found = await self._in_thread(lambda: self._reached.records.find(request.match_info["order_id"]))
        if not isinstance(found, Order):
            raise web.HTTPNotFound(text="there is no such order")
        return web.json_response(order_detail(found))

    async def _halt(self, request: web.Request) -> web.Response:
        body = await _body(request)
        said = await self._in_thread(lambda: acts.halt(self._reached.switch, body))
        self._reached.watcher.poke(HALTS)
        self._reached.watcher.poke(BOOK)
        return web.json_response(said)

    async def _resume(self, request: web.Request) -> web.Response:
        body = await _body(request)
        try:
            said = await self._in_thread(lambda: acts.resume(self._reached.connection, self._reached.switch, body))
        finally:
            self._reached.watcher.poke(HALTS)
            self._reached.watcher.poke(INTAKE)
        return web.json_response(said)

    async def _cancel(self, request: web.Request) -> web.Response:
        body = await _body(request)
        reached = self._reached
        return web.json_response(await self._in_thread(lambda: acts.cancel(reached.connection, reached.records, body)))

    async def _adjust(self, request: web.Request) -> web.Response:
        body = await _body(request)
        reached = self._reached
        return web.json_response(await self._in_thread(lambda: acts.adjust(reached.connection, reached.records, body)))

    async def _closings(self, request: web.Request) -> web.Response:
        body = await _body(request)
        closings = self._reached.closings
        return web.json_response(await self._in_thread(lambda: closings.look(*acts.scope_of(body))))

    async def _close(self, request: web.Request) -> web.Response:
        shown = str((await _body(request)).get("shown"))
        reached = self._reached
        try:
            said = await self._in_thread(lambda: reached.closings.close(reached.connection, shown))
        finally:
            reached.watcher.poke(BOOK)
            reached.watcher.poke(HALTS)
        return web.json_response(said)

    async def _acknowledge(self, request: web.Request) -> web.Response:
        names = (await _body(request)).get("alerts")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise web.HTTPBadRequest(text="alerts: must be a list of ids")
        seen = await self._in_thread(lambda: self._reached.alerts.acknowledge(names))
        self._reached.watcher.poke(ALERTS)
        return web.json_response({"said": f"{seen} {'alert is' if seen == 1 else 'alerts are'} acknowledged"})

    async def _in_thread(self, act: Callable[[], Any]) -> Any:
        """What an act returns; what it raises, in words for the page."""
        try:
            return await asyncio.to_thread(act)
        except Refused as problem:
            raise web.HTTPBadRequest(text=str(problem)) from None
        except (BotoCoreError, ClientError, IntakeError, OperatorError) as problem:
            told = "it may have been done all the same; asked for again it counts once"
            raise web.HTTPBadGateway(text=f"the stack gave no answer: {problem}; {told}") from None

    async def _watching(self, app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._reached.watcher.run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(text="the body is not JSON") from None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="the body must be an object")
    return body


def _event(name: str, data: dict[str, Any] | Shown) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def bind(port: int | None) -> socket.socket:
    """A socket on loopback: on that port, or on the usual one, or on any if that is taken.

    Raises OSError: the port that was asked for is not to be had.
    """
    try:
        return _bound(DEFAULT_PORT if port is None else port)
    except OSError:
        if port is not None:
            raise
        return _bound(0)


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        bound.listen()
    except OSError:
        bound.close()
        raise
    return bound


async def serve(server: Server, bound: socket.socket, ready: Callable[[int], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called with the port once it answers."""
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=0.5)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await runner.setup()
    await web.SockSite(runner, bound).start()
    ready(bound.getsockname()[1])
    await stop.wait()
    await runner.cleanup()
