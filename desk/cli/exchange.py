"""`repeg exchange`: the simulated Alpaca on its own, for testing any Alpaca client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desk.cli.options import AsJson
from desk.cli.output import print_json, refuse

if TYPE_CHECKING:
    from desk.exchange.door.gateway import Gateway

USUAL_PORT = 8811
FASTEST = 1000.0
_GUIDE = """\
simulated Alpaca on {url}, market time {now}, speed {speed}{paused}
Any key pair will do. Point your client at it:
  alpaca-py      TradingClient("key", "secret", url_override="{url}")
                 StockHistoricalDataClient("key", "secret", url_override="{url}")
                 TradingStream("key", "secret", url_override="{ws}/stream")
                 StockDataStream("key", "secret", url_override="{ws}/v2/iex")
  other clients  APCA_API_BASE_URL={url} APCA_API_DATA_URL={url}
Make a market, and see what your client did:
  curl -X PUT {url}/_exchange/quotes/AAPL -d '{{"bid": 199.99, "ask": 200.01}}'
  curl {url}/_exchange/journal
More: docs/exchange.md. Ctrl-C stops it."""

Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help=f"Port, 0 for any free one (default: {USUAL_PORT} if free)."),
]
Speed = Annotated[float, typer.Option("--speed", metavar="X", help="Market seconds per second.")]
Start = Annotated[
    str | None,
    typer.Option("--start", metavar="TIME", help="Market time, as 2026-11-20T09:25:00-05:00, or now."),
]
Paused = Annotated[bool, typer.Option("--paused", help="Let market time stand still until the control port moves it.")]
Scene = Annotated[
    Path | None,
    typer.Option("--scene", metavar="FILE", help="JSON with quotes, positions, settings and more to start with."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Do not tell of orders and refusals as they happen.")]


def exchange(
    port: Port = None,
    speed: Speed = 1.0,
    start: Start = None,
    paused: Paused = False,
    scene: Scene = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run the simulated Alpaca in the foreground, until Ctrl-C."""
    from desk.exchange.door.serving import serve

    bound = _bind(port)
    gateway = _gateway(speed, start)
    gateway.clock.pause(paused)
    if scene is not None:
        _set_scene(gateway, scene)
    if not quiet:
        gateway.engine.journal.readers.append(_narrate)

    def ready(port: int) -> None:
        if as_json:
            print_json(_document(gateway, port))
        else:
            print(_guide(gateway, port))
        sys.stdout.flush()

    asyncio.run(serve(gateway, bound, ready))


def _bind(port: int | None) -> socket.socket:
    from desk.exchange.door.serving import PortRefused, bind

    try:
        return bind(USUAL_PORT if port is None else port)
    except PortRefused as problem:
        if port is not None:
            refuse(f"--port: {problem}")
    return bind(0)


def _gateway(speed: float, start: str | None) -> Gateway:
    from desk.exchange.door.gateway import Gateway
    from desk.exchange.door.serving import DEFAULT_START
    from desk.exchange.market.moments import parse_instant, to_ns
    from desk.exchange.market.sessions import covers

    if not 0 < speed <= FASTEST:
        refuse(f"--speed: {speed:g} is not above 0 and at most {FASTEST:g}")
    try:
        instant = to_ns(datetime.now(UTC)) if start == "now" else parse_instant(start or DEFAULT_START)
    except ValueError:
        refuse(f"--start: {start} is not a time such as {DEFAULT_START}, nor now")
    if not covers(instant):
        refuse(f"--start: {start} is outside the simulated exchange's calendar")
    return Gateway(instant, Fraction(str(speed)))


def _set_scene(gateway: Gateway, path: Path) -> None:
    from desk.exchange.control.scene import play
    from desk.exchange.wire.errors import ApiError, ControlError

    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as problem:
        refuse(f"--scene: {path} cannot be read ({problem.strerror})")
    except ValueError:
        refuse(f"--scene: {path} is not JSON")
    try:
        play(gateway.control, document)
    except (ApiError, ControlError) as problem:
        refuse(f"--scene: {problem}")


def _narrate(entry: dict[str, Any]) -> None:
    from desk.exchange.control.narration import line

    if (text := line(entry)) is not None:
        # The terminal may be gone; the exchange goes on.
        with contextlib.suppress(OSError):
            print(text, file=sys.stderr, flush=True)


def _document(gateway: Gateway, port: int) -> dict[str, Any]:
    from desk.exchange.door.serving import HOST
    from desk.exchange.market.moments import utc_text

    url, ws = f"http://{HOST}:{port}", f"ws://{HOST}:{port}"
    return {
        "url": url,
        "trade_updates_url": f"{ws}/stream",
        "market_data_stream_url": f"{ws}/v2/iex",
        "control_url": f"{url}/_exchange",
        "now": utc_text(gateway.clock.now()),
        "speed": float(gateway.clock.speed),
        "paused": gateway.clock.paused,
        "pid": os.getpid(),
    }


def _guide(gateway: Gateway, port: int) -> str:
    from desk.exchange.door.serving import HOST
    from desk.exchange.market.moments import eastern

    clock = gateway.clock
    return _GUIDE.format(
        url=f"http://{HOST}:{port}",
        ws=f"ws://{HOST}:{port}",
        now=f"{eastern(clock.now()):%a %d %b %Y %H:%M:%S} ET",
        speed=f"{float(clock.speed):g}",
        paused=", paused" if clock.paused else "",
    )
