"""`repeg exchange --tls`: clients that insist on TLS, told to trust it as the guide says."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desk.cli.main import run
from desk.exchange.client import ExchangeControl
from desk.exchange.door.tls import issue
from repeg.broker.alpaca import connect_alpaca
from repeg.broker.port import Ambiguous
from repeg.budget.ledger import Unlimited
from repeg.errors import BrokerUnavailable
from tests.integration.broker.known import CHILD
from tests.integration.exchange.test_cli import started

# alpaca-py unchanged but for its URLs; it knows of the certificate through the environment alone.
BOT = """
import os
import sys
from alpaca.data.live import StockDataStream
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest
from alpaca.trading.stream import TradingStream

url, updates, data = sys.argv[1:]
order = LimitOrderRequest(symbol="AAPL", qty=1, side=OrderSide.BUY, limit_price=200.01, time_in_force=TimeInForce.DAY)

quotes = StockDataStream("key", "secret", url_override=data)
async def quote(heard):
    print("quote", heard.symbol, flush=True)
    await quotes.stop_ws()
quotes.subscribe_quotes(quote, "AAPL")
quotes.run()

trades = TradingStream("key", "secret", url_override=updates)
async def update(heard):
    print("update", heard.event, flush=True)
    if heard.event == "fill":
        os._exit(0)
trades.subscribe_trade_updates(update)
first = trades._subscribe_trade_updates
async def then_order():
    await first()
    TradingClient("key", "secret", url_override=url).submit_order(order)
trades._subscribe_trade_updates = then_order
trades.run()
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    ca = tmp_path_factory.mktemp("tls") / "ca.pem"
    scene = ca.with_name("scene.json")
    scene.write_text(json.dumps({"quotes": {"AAPL": {"bid": 199.99, "ask": 200.01}}}))
    with started("--port", "0", "--tls", "--tls-ca", str(ca), "--scene", str(scene)) as (_, told):
        yield told


def test_the_addresses_say_so(told: dict[str, Any]) -> None:
    assert told["url"].startswith("https://127.0.0.1:")
    assert told["trade_updates_url"].startswith("wss://") and told["market_data_stream_url"].startswith("wss://")
    assert "PRIVATE" not in Path(told["ca_file"]).read_text()


def test_the_sdk_trades_and_hears(told: dict[str, Any]) -> None:
    trust = {"SSL_CERT_FILE": told["ca_file"], "REQUESTS_CA_BUNDLE": told["ca_file"]}
    addresses = (told["url"], told["trade_updates_url"], told["market_data_stream_url"])
    bot = subprocess.run(
        [sys.executable, "-c", BOT, *addresses],
        env={**os.environ, **trust},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert bot.returncode == 0, bot.stderr
    said = bot.stdout.splitlines()
    assert (said[0], said[-1]) == ("quote AAPL", "update fill")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_strict_client_believes_the_certificate(told: dict[str, Any], name: str) -> None:
    context = ssl.create_default_context(cafile=told["ca_file"])
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    port = int(told["url"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 5) as plain, context.wrap_socket(plain, server_hostname=name):
        pass


def test_others_do_not(told: dict[str, Any]) -> None:
    port = int(told["url"].rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
        ssl.create_default_context().wrap_socket(plain, server_hostname="localhost"),
    ):
        pass


def test_repeg_sends_nothing_to_a_broker_whose_certificate_nobody_vouches_for(told: dict[str, Any]) -> None:
    broker = connect_alpaca("key", "secret", trading_url=told["url"], data_url=told["url"], budget=Unlimited())
    with pytest.raises(BrokerUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        broker.account()
    outcome = broker.submit(CHILD)
    assert isinstance(outcome, Ambiguous) and "CERTIFICATE_VERIFY_FAILED" in outcome.detail
    journal = ExchangeControl(told["url"], ca_file=told["ca_file"]).journal()
    assert CHILD.client_order_id not in json.dumps(journal)


def test_a_certificate_of_ones_own(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("cert.pem", "key.pem", "ca.pem")]
    for file, pem in zip(files, issue(), strict=True):
        file.write_bytes(pem)
    cert, key, trust = files
    with started("--port", "0", "--tls-cert", str(cert), "--tls-key", str(key)) as (_, told):
        assert told["ca_file"] is None
        assert ExchangeControl(told["url"], ca_file=str(trust)).clock().speed == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--tls-cert", "here.pem"], "--tls-cert and --tls-key: one is of no use without the other"),
        (["--tls-cert", "no.pem", "--tls-key", "no.pem"], "--tls-cert, --tls-key: they cannot be used (No such file"),
        (["--tls", "--tls-ca", "/proc/ca.pem"], "--tls-ca: /proc/ca.pem cannot be written"),
    ],
)
def test_what_cannot_be_used(capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str) -> None:
    assert run(["exchange", "--port", "0", *arguments]) == 2
    assert problem in capsys.readouterr().err
