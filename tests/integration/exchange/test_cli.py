"""`repeg exchange`: a process that serves until it is told to stop, and says at once what is wrong with its input."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from desk.cli.main import run
from desk.exchange.client import ExchangeControl
from tests.integration.exchange.plain import PlainClient
from tests.support.children import running

COMMAND = [sys.executable, "-c", "from desk.cli.main import main; main()", "exchange"]
SCENE = {
    "settings": {"rate_limit": 500},
    "account": {"cash": 5000.5},
    "assets": {"NEWCO": {"shortable": False}},
    "quotes": {"newco": {"bid": 9.99, "ask": "10.01"}},
    "positions": {"NEWCO": {"qty": 7}},
    "script": [{"on": {"symbol": "NEWCO", "event": "new"}, "symbol": "NEWCO", "bid": 10.5, "ask": 10.52}],
    "faults": [{"kind": "error", "path": "/v2/clock"}],
}


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The running command and the JSON that it printed."""
    command = [*COMMAND, "--json", *arguments]
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            text += process.stdout.readline() or pytest.fail("it ended")
        yield process, json.loads(text)


def end(process: subprocess.Popen[str], by: signal.Signals) -> tuple[int, str, str]:
    process.send_signal(by)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_what_it_was_asked_for_until_it_is_told_to_stop(by: signal.Signals) -> None:
    with started("--port", "0", "--speed", "3", "--start", "2026-11-20T12:00:00-05:00") as (process, told):
        control = ExchangeControl(told["url"])
        control.quote("AAPL", "199.99", "200.01")
        plain = PlainClient(told["url"], control)
        plain.order({"symbol": "AAPL", "qty": 1, "side": "buy", "type": "market", "time_in_force": "day"})
        control.wait_for(lambda entry: entry.get("event") == "filled")
        assert plain.call("GET", "/v2/orders/0").status_code == 422
        assert (told["pid"], control.clock().speed, told["now"][:16]) == (process.pid, 3, "2026-11-20T17:00")
        code, out, err = end(process, by)
    assert (code, out) == (0, "")
    assert [line.split()[1] for line in err.splitlines()] == ["accepted", "new", "fill", "filled", "refused"]


def test_the_usual_port_or_a_free_one_if_it_is_taken() -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8811))
            taken.listen()
        except OSError:
            pass  # somebody else's, which is as good
        with started("--paused") as (_, told):
            assert told["url"].startswith("http://127.0.0.1:") and not told["url"].endswith(":8811")
            assert told["paused"] and ExchangeControl(told["url"]).clock().paused


def test_a_scene(tmp_path: Path) -> None:
    scene = tmp_path / "scene.json"
    scene.write_text(json.dumps(SCENE))
    with started("--port", "0", "--quiet", "--scene", str(scene)) as (process, told):
        control = ExchangeControl(told["url"])
        plain = PlainClient(told["url"], control)
        account = plain.ok("GET", "/v2/account")
        assert (account["cash"], account["equity"]) == ("5000.5", "5070.5")
        assert not plain.ok("GET", "/v2/assets/NEWCO")["shortable"]
        assert plain.call("GET", "/v2/clock").status_code == 500
        order = {"symbol": "NEWCO", "qty": 7, "side": "sell", "limit_price": "10.40", "time_in_force": "day"}
        plain.order({**order, "type": "limit"})
        assert control.wait_for(lambda entry: entry["type"] == "fill")["price"] == "10.5"
        assert end(process, signal.SIGTERM) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--port", "eighty"], "--port"),
        (["--port", "65536"], "--port"),
        (["--speed", "0"], "--speed"),
        (["--speed", "1e9"], "--speed"),
        (["--speed", "nan"], "--speed"),
        (["--start", "noon"], "--start"),
        (["--start", "1999-01-04T10:00:00-05:00"], "--start"),
        (["--scene", "nowhere.json"], "nowhere.json"),
    ],
)
def test_bad_input_is_one_line_that_names_it(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["exchange", "--port", "0", *arguments]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1 and named in err.lower()


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["exchange", "--port", str(port)]) == 2
    assert f"--port: {port} cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("scene", "named"),
    [
        ("{", "not JSON"),
        ("[]", "scene"),
        ('{"colour": 1}', "colour"),
        ('{"quotes": []}', "quotes"),
        ('{"quotes": {"AAPL": {"bid": -1, "ask": 2}}}', "bid"),
        ('{"settings": {"ack_ms": "soon"}}', "ack_ms"),
        ('{"tapes": [{"symbol": "AAPL", "path": "nowhere.gz"}]}', "nowhere.gz"),
        ('{"quotes": {"a b": {"bid": 1, "ask": 2}}}', "a b"),
    ],
)
def test_a_bad_scene(tmp_path: Path, scene: str, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "scene.json"
    path.write_text(scene)
    assert run(["exchange", "--port", "0", "--scene", str(path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "--scene" in err and named in err
