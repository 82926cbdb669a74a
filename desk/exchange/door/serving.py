"""Serving an exchange on loopback until the process is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import ssl
from collections.abc import Callable

from aiohttp import web

from desk.exchange.door.gateway import Gateway
from desk.exchange.door.server import Server

HOST = "127.0.0.1"
DEFAULT_START = "2026-11-20T10:00:00-05:00"
# Long, so that a client's idle connection is never cut by accident: only faults do that.
_KEEPALIVE_S = 3600.0
# What an order leaves behind is kept, and has no cycles. With Python's own thresholds all of it is looked through for
# some again and again, and at 20,000 orders nobody is served for an eighth of a second.
_RARE_COLLECTIONS = (50_000, 20, 50)


class PortRefused(Exception):
    """The port is not to be had; the message says why."""


def bind(port: int) -> socket.socket:
    """A socket on loopback; port 0 asks for a free one. Raises PortRefused."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        bound.listen()
    except OSError as problem:
        bound.close()
        raise PortRefused(f"{port} cannot be used ({problem.strerror})") from None
    return bound


async def serve(
    gateway: Gateway, bound: socket.socket, ready: Callable[[int], None], tls: ssl.SSLContext | None = None
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called with the port once it answers."""
    runner = web.AppRunner(
        Server(gateway).app(),
        access_log=None,
        shutdown_timeout=0.5,
        keepalive_timeout=_KEEPALIVE_S,
        # What a body is packed in is for the reader of the request to refuse; here it would cut the connection.
        auto_decompress=False,
    )
    gc.freeze()
    gc.set_threshold(*_RARE_COLLECTIONS)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await runner.setup()
    await web.SockSite(runner, bound, ssl_context=tls).start()
    ready(bound.getsockname()[1])
    await stop.wait()
    await runner.cleanup()
