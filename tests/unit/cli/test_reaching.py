from __future__ import annotations

import os
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from desk.cli.main import run
from desk.stack.connection import Connection
from desk.stack.intake import Intake
from desk.stack.place import Place, Processes, Status


@pytest.fixture
def nothing_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No local cloud, and an AWS that nothing is configured for."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("REPEG_LOCAL_DIR", str(tmp_path / "local"))


@pytest.mark.usefixtures("nothing_up")
@pytest.mark.parametrize("region", [None, "us-east-1"])
@pytest.mark.parametrize("command", [["orders", "--json"], ["order", "x"], ["wait", "x"], ["settings", "show"]])
def test_without_a_stack_one_line_says_how_to_start_one(
    command: list[str], region: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if region:
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    assert run(command) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "make local" in said.err and said.err.count("\n") == 1


@pytest.mark.usefixtures("nothing_up")
@pytest.mark.parametrize(
    ("environment", "mend"),
    [
        ({}, "export AWS_DEFAULT_REGION=us-east-1"),
        ({"AWS_DEFAULT_REGION": "us-east-1"}, "aws configure"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_DEFAULT_REGION": "us-east-1"}, "repeg local env --unset"),
    ],
)
def test_what_keeps_aws_from_being_reached_is_said_with_its_mend(
    environment: dict[str, str], mend: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run(["orders"]) == 1
    assert mend in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_up")
def test_a_stack_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {"Error": {"Code": "ValidationError", "Message": "Stack with id elsewhere does not exist"}}

    def refuse(stack: str) -> None:
        raise ClientError(answer, "DescribeStacks")

    monkeypatch.setattr("desk.cli.reaching.connect", refuse)
    monkeypatch.setenv("REPEG_STACK", "elsewhere")
    assert run(["orders"]) == 1
    assert "there is no stack 'elsewhere' in this account and region" in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_up")
def test_a_local_cloud_that_died_is_not_taken_for_one_that_was_never_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path / "local")
    place.folder.mkdir()
    place.say_processes(Processes(2**22 + 1, 2**22 + 2, 2**22 + 3, "http://127.0.0.1:1", "http://127.0.0.1:2", 1))
    place.log("supervisor").write_text(
        "2026-11-20T10:00:00+0000 the exchange ended with exit code -9; the local cloud is down\n"
    )
    assert run(["orders"]) == 1
    said = capsys.readouterr().err
    assert "the exchange ended with exit code -9 (make down && make local)" in said and said.count("\n") == 1


@pytest.mark.usefixtures("nothing_up")
def test_bad_signals_are_refused_before_any_stack_is_looked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "signal.json"
    path.write_text('{"signal_id": "a b", "kind": "close", "symbol": "TQQQ"}')
    assert run(["send", str(path)]) == 2
    assert "signal 1: signal_id: must be 1 to 64" in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_up")
@pytest.mark.parametrize("command", ["orders", "fills", "pnl", "rebalances", "report", "alerts"])
def test_a_time_that_is_none_is_refused_before_any_stack_is_looked_for(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "--since", "noon"]) == 2
    assert capsys.readouterr().err.startswith("--since: noon is not a time such as")


@pytest.mark.usefixtures("nothing_up")
@pytest.mark.parametrize(
    ("named", "place"),
    [
        ([], "on the local cloud, stack repeg"),
        (["--stack", "repeg"], "on the local cloud, stack repeg"),
        (["--stack", "live"], "on AWS, us-east-1, stack live (the local cloud that is up holds repeg)"),
    ],
)
def test_a_named_stack_decides_and_one_line_says_where_it_is(
    named: list[str], place: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pause that was meant for the stack on AWS must not land on the cloud that happens to be up."""
    up = Status(up=True, stack="repeg", endpoint_url="http://127.0.0.1:1", outputs={"TableName": "repeg"})
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    acted: list[bool] = []

    def pause(connection: Connection, now: object) -> Intake:
        acted.append(connection.is_local)
        return Intake(paused=True, since=None, waiting=0)

    for module in ("desk.stack.connection", "desk.cli.reaching"):
        monkeypatch.setattr(f"{module}.status", lambda: up)
    monkeypatch.setattr("desk.stack.connection.stack_outputs", lambda client, stack: {"TableName": stack})
    monkeypatch.setattr("desk.stack.intake.pause", pause)
    monkeypatch.setattr("desk.cli.reaching._read_by_a_person", lambda: True)
    assert run(["pause", *named]) == 0
    assert acted == [place.startswith("on the local")]
    assert capsys.readouterr().err.startswith(place + "\n")


def test_a_program_that_names_no_stack_reads_nothing_but_what_it_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    up = Status(up=True, stack="repeg", endpoint_url="http://127.0.0.1:1", outputs={"TableName": "repeg"})
    for module in ("desk.stack.connection", "desk.cli.reaching"):
        monkeypatch.setattr(f"{module}.status", lambda: up)
    monkeypatch.setattr("desk.stack.intake.pause", lambda connection, now: Intake(paused=True, since=None, waiting=0))
    assert run(["pause"]) == 0
    assert "on the local cloud" not in capsys.readouterr().err
