"""`repeg exchange`: the simulated Alpaca on its own, for testing any Alpaca client."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from desk.cli.options import AsJson
from desk.cli.output import fail, print_json, refuse, tell

if TYPE_CHECKING:
    import socket
    import ssl

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
{trust}Make a market, and see what your client did:
  curl{cacert} -X PUT {url}/_exchange/quotes/AAPL -d '{{"bid": 199.99, "ask": 200.01}}'
  curl{cacert} {url}/_exchange/journal
More: docs/exchange.md. Ctrl-C stops it."""
_TRUST = """\
Before your client starts, tell it whom to trust:
  export SSL_CERT_FILE={file} REQUESTS_CA_BUNDLE={file} NODE_EXTRA_CA_CERTS={file}
"""

app = typer.Typer(invoke_without_command=True)

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
Tls = Annotated[bool, typer.Option("--tls", help="Speak TLS, with a certificate made now.")]
TlsCa = Annotated[
    Path | None,
    typer.Option(
        "--tls-ca",
        metavar="FILE",
        help="Where --tls writes what clients are to trust (default: .local/exchange-ca.pem).",
    ),
]
TlsCert = Annotated[
    Path | None, typer.Option("--tls-cert", metavar="FILE", help="A certificate of yours instead, PEM.")
]
TlsKey = Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="The key of --tls-cert, PEM.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Do not report orders and refusals as they happen.")]


@app.callback()
def exchange(
    context: typer.Context,
    port: Port = None,
    speed: Speed = 1.0,
    start: Start = None,
    paused: Paused = False,
    scene: Scene = None,
    tls: Tls = False,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run the simulated Alpaca in the foreground, until Ctrl-C; or ask about it, by a command."""
    if context.invoked_subcommand is None:
        _run(port, speed, start, paused, scene, _secure(tls, tls_ca, tls_cert, tls_key), quiet, as_json)


@app.command()
def symbols(as_json: AsJson = False) -> None:
    """List the symbols that have a quote on the local cloud that is up, or all that the exchange lists from the start.

    An order of a symbol without a quote waits for one, and ends as no_quote.
    """
    from desk.cli.reaching import tell_where
    from desk.exchange.client import ExchangeControl
    from desk.exchange.market.assets import listed_assets
    from desk.stack.connection import connect_local
    from desk.stack.place import status

    found = status()
    url = found.exchange_url
    if url is None:
        listed = sorted(listed_assets())
        if as_json:
            print_json(dict.fromkeys(listed))
            return
        print(" ".join(listed))
        tell("no local cloud is up: these are known to the exchange, and any other symbol once it has a quote")
        return
    try:
        quotes = ExchangeControl(url).quotes()
    except OSError as problem:
        fail(f"the exchange at {url} does not answer: {problem}")
    tell_where(connect_local(found), "")
    if as_json:
        print_json(quotes)
        return
    for symbol, quote in quotes.items():
        print(f"{symbol:<6} {_price(quote['bid'])} / {_price(quote['ask'])}")
    tell(f'set or change one: curl -X PUT {url}/_exchange/quotes/KO -d \'{{"bid": 69.99, "ask": 70.01}}\'')


def _price(text: str) -> str:
    from desk.telling.figures import price

    return price(text)


def _run(
    port: int | None,
    speed: float,
    start: str | None,
    paused: bool,
    scene: Path | None,
    secure: _Secure | None,
    quiet: bool,
    as_json: bool,
) -> None:
    import asyncio

    from desk.exchange.door.serving import serve

    bound = _bind(port)
    gateway = _gateway(speed, start)
    gateway.clock.pause(paused)
    if scene is not None:
        _set_scene(gateway, scene)
    if not quiet:
        gateway.engine.journal.readers.append(_narrate)

    def ready(port: int) -> None:
        at = _Addresses(port, secure)
        if as_json:
            print_json(_document(gateway, at))
        else:
            print(_guide(gateway, at))
        sys.stdout.flush()

    asyncio.run(serve(gateway, bound, ready, secure.context if secure else None))


class _Secure(NamedTuple):
    """How TLS is spoken, and the file that clients are to trust, if there is one."""

    context: ssl.SSLContext
    trust: Path | None


class _Addresses(NamedTuple):
    port: int
    secure: _Secure | None

    @property
    def url(self) -> str:
        return self._at("http")

    @property
    def streams(self) -> str:
        return self._at("ws")

    def _at(self, scheme: str) -> str:
        from desk.exchange.door.serving import HOST

        return f"{scheme}{'s' if self.secure else ''}://{HOST}:{self.port}"

    @property
    def trust(self) -> Path | None:
        return self.secure.trust if self.secure else None


def _secure(tls: bool, ca: Path | None, cert: Path | None, key: Path | None) -> _Secure | None:
    if (cert is None) != (key is None):
        refuse("--tls-cert and --tls-key: one is of no use without the other")
    if cert is not None and key is not None:
        from desk.exchange.door.tls import given

        try:
            return _Secure(given(cert, key), None)
        except OSError as problem:
            refuse(f"--tls-cert, --tls-key: they cannot be used ({problem.strerror or problem})")
    if not tls:
        return None
    from desk.exchange.door.tls import made
    from desk.stack.place import here

    trust = (ca or here().folder / "exchange-ca.pem").absolute()
    try:
        return _Secure(made(trust), trust)
    except OSError as problem:
        refuse(f"--tls-ca: {trust} cannot be written ({problem.strerror})")


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


def _document(gateway: Gateway, at: _Addresses) -> dict[str, Any]:
    from desk.exchange.market.moments import utc_text

    return {
        "url": at.url,
        "trade_updates_url": f"{at.streams}/stream",
        "market_data_stream_url": f"{at.streams}/v2/iex",
        "control_url": f"{at.url}/_exchange",
        "ca_file": str(at.trust) if at.trust else None,
        "now": utc_text(gateway.clock.now()),
        "speed": float(gateway.clock.speed),
        "paused": gateway.clock.paused,
        "pid": os.getpid(),
    }


def _guide(gateway: Gateway, at: _Addresses) -> str:
    from desk.exchange.market.moments import eastern

    clock = gateway.clock
    return _GUIDE.format(
        url=at.url,
        ws=at.streams,
        trust=_TRUST.format(file=at.trust) if at.trust else "",
        cacert=f" --cacert {at.trust}" if at.trust else "",
        now=f"{eastern(clock.now()):%a %d %b %Y %H:%M:%S} ET",
        speed=f"{float(clock.speed):g}",
        paused=", paused" if clock.paused else "",
    )
