"""How the adapter connects: no credentials but its own, no proxy to this machine, no stale connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from repeg.broker import alpaca_wire
from repeg.broker.alpaca import AlpacaBroker, connect_alpaca
from repeg.budget.ledger import Unlimited
from repeg.errors import ConfigurationError

ID = "61e69015-8549-4bfd-b9c3-01e75843f47d"
UNKNOWN = {"code": 40410000, "message": f"order not found for {ID}"}


def connect(url: str) -> AlpacaBroker:
    return connect_alpaca("key", "secret", trading_url=url, data_url=url, budget=Unlimited())


def test_no_proxy_and_no_netrc_for_a_broker_on_this_machine(
    server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.answers_json(UNKNOWN, 404)
    assert connect(server.url).order(ID) is None
    assert "Authorization" not in server.received[0].headers


def test_credentials_of_a_netrc_go_to_no_broker(server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(alpaca_wire, "is_loopback", lambda url: False)
    server.answers_json(UNKNOWN, 404)
    assert connect(server.url).order(ID) is None
    assert "Authorization" not in server.received[0].headers


def test_connections_are_kept_but_not_over_a_long_pause(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers_json(UNKNOWN, 404)
    broker = connect(server.url)
    broker.order(ID)
    broker.order(ID)
    monkeypatch.setattr(alpaca_wire, "_STALE_AFTER_SECONDS", 0.0)
    broker.order(ID)
    first, second, third = (request.connection for request in server.received)
    assert first == second != third


@pytest.mark.parametrize(
    "wrong",
    [
        {"feed": "sap"},
        {"key_id": ""},
        {"secret_key": "with\nbreak"},
        {"trading_url": "paper-api.alpaca.markets"},
        {"data_url": ""},
    ],
)
def test_wrong_settings_are_named_before_anything_is_sent(wrong: dict[str, str]) -> None:
    settings = {"key_id": "k", "secret_key": "s", "trading_url": "http://127.0.0.1:9", "data_url": "http://127.0.0.1:9"}
    with pytest.raises(ConfigurationError):
        connect_alpaca(**{**settings, **wrong}, budget=Unlimited())  # type: ignore[arg-type]
