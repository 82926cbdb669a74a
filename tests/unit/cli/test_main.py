"""Exit codes and the one clear line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from desk.cli.main import COMMANDS, make_app, run
from desk.cloud import local
from desk.cloud.deploy import QUOTES
from desk.exchange.client import ExchangeControl
from desk.exchange.market.assets import listed_assets
from desk.stack.place import Status


@pytest.fixture(autouse=True)
def nothing_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPEG_LOCAL_DIR", str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["local", "up", "--speed", "0.5"], "--speed"),
        (["local", "up", "--speed", "21"], "--speed"),
        (["local", "up", "--speed", "fast"], "--speed"),
        (["local", "up", "--start", "tomorrow"], "--start"),
        (["local", "up", "--start", "1999-01-04T10:00:00-05:00"], "--start"),
        (["nonsense"], "nonsense"),
        (["local", "status", "--nonsense"], "--nonsense"),
        (["send"], "file"),
        (["wait", "fine", "a b"], "'a b'"),
        (["wait", "x" * 65], "1 to 64"),
    ],
)
def test_bad_usage_is_one_line_that_names_the_culprit(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1 and named in err.lower()


def test_status_is_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["local", "status", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["up"] is False
    assert not err


def test_stopping_what_is_not_up_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["local", "down"]) == 0
    assert "not up" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["local", "--help"], ["send", "-h"]])
def test_help_is_everywhere(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    assert "Usage: repeg" in capsys.readouterr().out


def test_there_is_no_environment_to_point_at_a_cloud_that_is_not_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["local", "env"]) == 1
    out, err = capsys.readouterr()
    assert not out and err == "the local cloud is not up; make local starts it\n"
    assert run(["local", "env", "--unset"]) == 0
    assert "unset AWS_ENDPOINT_URL\n" in capsys.readouterr().out


def test_a_cloud_that_is_down_is_down_by_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["local", "status"]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("down\n", "no local cloud is up; make local starts one\n")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert re.fullmatch(r"repeg \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_completion_can_be_had(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert "--install-completion" in capsys.readouterr().out


def test_a_command_is_made_alone_under_its_own_name() -> None:
    for entry in (entry for entries in COMMANDS.values() for entry in entries):
        name, _, group = entry.partition("=")
        made = make_app(name)
        assert len(made.registered_commands) + len(made.registered_groups) == 1, name
        assert bool(made.registered_groups) is bool(group)
    assert len(make_app("nonsense").registered_commands) > 20


_LOOKED_AT = """
import sys
from importlib import import_module
from botocore.exceptions import NoRegionError
from desk.cli import reaching
from desk.cli.main import run

def unreachable(stack):
    raise NoRegionError

reaching.connect = unreachable
for typed in ("orders --symbol T", "fills --since 7d --csv", "order s-1", "refused --json"):
    assert run(typed.split()) == 1, typed
stack = ("alarms", "alerts", "control", "metrics", "overrides", "records", "refused", "schedules")
for name in (*(f"stack.{each}" for each in stack), "doctor.reach", "positions.beside", "positions.gains"):
    import_module(f"desk.{name}")
print(*sys.modules)
"""


def test_commands_that_only_look_import_nothing_that_they_do_not_need() -> None:
    """Of half a second that a command may take, boto3 alone is a third, and what checks signals another one."""
    loaded = subprocess.run([sys.executable, "-c", _LOOKED_AT], capture_output=True, text=True, check=True)
    modules = set(loaded.stdout.split())
    assert "desk.cli.trading.orders" in modules
    assert not {"boto3", "pydantic", "asyncio", "desk.cli.exchange", "rich"} & modules


def test_symbols_that_errors_recommend_are_known_to_the_simulated_exchange() -> None:
    assert {"TQQQ", "BRK.B"} <= listed_assets().keys()


def test_symbols_are_listed_that_an_order_may_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["exchange", "symbols"]) == 0
    out, err = capsys.readouterr()
    assert set(out.split()) == set(listed_assets()) and "once it has a quote" in err


def test_symbols_of_a_local_cloud_come_behind_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    up = Status(up=True, stack="mine", endpoint_url="http://127.0.0.1:1", exchange_url="http://127.0.0.1:2")
    monkeypatch.setattr("desk.stack.place.status", lambda: up)
    monkeypatch.setattr("desk.cli.reaching._read_by_a_person", lambda: True)
    monkeypatch.setattr(ExchangeControl, "quotes", lambda _: {"SOXL": {"bid": "28.40", "ask": "28.43"}})
    assert run(["exchange", "symbols"]) == 0
    out, err = capsys.readouterr()
    assert out == "SOXL   28.40 / 28.43\n" and err.startswith("on the local cloud, stack mine\n")


def test_what_an_error_recommends_has_a_quote_when_a_local_cloud_starts() -> None:
    assert {"TQQQ", "BRK.B"} <= QUOTES.keys() <= listed_assets().keys()


@pytest.mark.parametrize("keeps", [False, True])
def test_a_local_cloud_says_what_is_next_and_how_it_is_stopped(
    keeps: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[bool] = []
    ready = Status(up=True, endpoint_url="http://127.0.0.1:1", exchange_url="http://127.0.0.1:2", speed=1)
    monkeypatch.setattr(local, "up", lambda kept, **_: asked.append(kept) or ready)
    monkeypatch.setattr(local, "keeps", lambda: keeps)
    monkeypatch.setattr(local, "down", lambda forget: True)
    monkeypatch.setattr(ExchangeControl, "quotes", lambda _: {"AAPL": {}, "SOXL": {}})
    assert run(["local", "up", *(["--keep"] if keeps else [])]) == 0 and asked == [keeps]
    *told_before, following = capsys.readouterr().err.splitlines()
    assert "prices stand still until you set them; there are quotes of AAPL, SOXL" in told_before
    then = "keeps its orders and positions for the next --keep" if keeps else "forgets its orders and positions"
    assert following == f"next: .venv/bin/repeg buy AAPL 5 --wait; make down stops it, and {then}"
    assert run(["local", "down"]) == 0
    told = capsys.readouterr().err
    assert ("to go on with it: make local ARGS=--keep" in told) is keeps
    assert run(["local", "down", "--forget"]) == 0
    told = capsys.readouterr().err
    assert "to go on with it" not in told and "all is forgotten: what it held, and what was kept before" in told
