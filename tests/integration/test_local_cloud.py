"""The local cloud's life as a user sees it: up, up again, trouble, down, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from desk.exchange.client import ExchangeControl
from desk.stack.connection import REGION, Connection, connect_local
from desk.stack.place import Place, Status
from desk.stack.processes import is_ours
from tests.support.children import running

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

START = "2026-11-20T09:25:00-05:00"
PATIENCE_S = 90
"""For what is there within seconds, on a machine that does nothing else."""


def until(condition: Callable[[], bool]) -> bool:
    """Whether it comes true. Looking takes a process, or the emulator's time: it is not done all the time."""
    ends = time.monotonic() + PATIENCE_S
    while not (true := condition()) and time.monotonic() < ends:
        time.sleep(0.25)
    return true


class Repeg:
    """The command, in a place of its own."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(folder)

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """stdout and stderr of a command that must end with this exit code."""
        ran = subprocess.run(
            [sys.executable, "-c", "from desk.cli.main import main; main()", *arguments],
            env={**os.environ, "REPEG_LOCAL_DIR": str(self.place.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == code, ran.stderr
        return ran.stdout, ran.stderr

    def document(self, *arguments: str) -> dict[str, Any]:
        return dict(json.loads(self.run(*arguments, "--json")[0]))


@pytest.fixture(scope="module")
def repeg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repeg]:
    command = Repeg(tmp_path_factory.mktemp("local"))
    yield command
    command.run("local", "down")


@pytest.fixture(scope="module")
def ready(repeg: Repeg) -> dict[str, Any]:
    document = repeg.document("local", "up", "--speed", "10", "--start", START, "--enforce-roles")
    exchange = ExchangeControl(document["exchange_url"])
    # The command ends when the machine lets it: what the clock read when the cloud was said to be ready.
    since = time.time() - (repeg.place.folder / "stack.json").stat().st_mtime
    now = datetime.fromisoformat(exchange.clock().now)
    document["read"] = (now - timedelta(seconds=since * 10)).isoformat()
    return document


@pytest.fixture(scope="module")
def connection(ready: dict[str, Any]) -> Connection:
    return connect_local(Status(**{name: value for name, value in ready.items() if name != "read"}))


def test_the_clock_just_reads_the_start_when_it_is_ready(ready: dict[str, Any]) -> None:
    late = datetime.fromisoformat(ready["read"]) - datetime.fromisoformat(START).astimezone(UTC)
    assert 0 <= late.total_seconds() < 10 * 3


def test_status_says_what_up_said(repeg: Repeg, ready: dict[str, Any]) -> None:
    assert repeg.document("local", "status") == {name: value for name, value in ready.items() if name != "read"}


def test_up_again_is_the_same_cloud(repeg: Repeg, ready: dict[str, Any]) -> None:
    before = repeg.place.processes()
    assert repeg.document("local", "up", "--speed", "10")["endpoint_url"] == ready["endpoint_url"]
    assert repeg.place.processes() == before


def test_another_speed_is_refused_with_one_line(repeg: Repeg, ready: dict[str, Any]) -> None:
    out, err = repeg.run("local", "up", "--speed", "5", "--json", code=2)
    assert not out
    assert err.count("\n") == 1 and "--speed" in err


def test_everything_listens_on_loopback_only(repeg: Repeg, ready: dict[str, Any]) -> None:
    tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6")]
    if not tables[0].exists():
        pytest.skip("needs /proc")
    ports = {int(ready[name].rpartition(":")[2]) for name in ("endpoint_url", "exchange_url")}
    rows = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    local = [row[1].split(":") for row in rows if row[3] == "0A"]
    assert {address for address, port in local if int(port, 16) in ports} == {"0100007F"}


def test_the_sweep_is_fired_on_market_time(connection: Connection, ready: dict[str, Any]) -> None:
    """Nothing else runs, since no signal was sent; at speed 10 a market minute lasts 6 s."""

    def invocations() -> int:
        answer = connection.logs.filter_log_events(logGroupName=connection.log_group, filterPattern="START RequestId")
        return len(answer["events"])

    before = invocations()
    assert until(lambda: invocations() >= before + 2)


def test_the_functions_have_keys_and_first_quotes(connection: Connection, ready: dict[str, Any]) -> None:
    secret = connection.secretsmanager.get_secret_value(SecretId=connection.secret_id)["SecretString"]
    assert all(json.loads(secret).values())
    defaults = connection.ssm.get_parameter(Name=connection.settings_defaults)["Parameter"]["Value"]
    assert "${" not in defaults


def acting_as(connection: Connection, function: str) -> Any:
    """A client of the secrets with the permissions of a function."""
    role = connection.lambda_.get_function_configuration(FunctionName=connection.function(function))["Role"]
    keys = connection.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.client(
        "secretsmanager",
        endpoint_url=connection.endpoint_url,
        region_name=REGION,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def test_a_function_is_refused_what_its_role_does_not_allow(connection: Connection) -> None:
    assert acting_as(connection, "place_order").get_secret_value(SecretId=connection.secret_id)
    with pytest.raises(ClientError, match="AccessDenied"):
        acting_as(connection, "record_outcome").get_secret_value(SecretId=connection.secret_id)


def test_a_dead_emulator_is_not_called_up_and_down_leaves_nothing(repeg: Repeg, ready: dict[str, Any]) -> None:
    processes, mark = repeg.place.processes(), str(repeg.place.folder)
    assert processes
    os.kill(processes.emulator, signal.SIGKILL)
    assert until(lambda: not repeg.document("local", "status")["up"])
    repeg.run("local", "down")
    for pid in (processes.supervisor, processes.emulator, processes.exchange):
        assert not is_ours(pid, mark)
    left = {path.name for path in repeg.place.folder.iterdir()}
    assert left <= {"lock", "emulator.log", "exchange.log", "supervisor.log"}
    assert not repeg.document("local", "status")["up"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_broken_off_leaves_nothing_running(tmp_path: Path, how: signal.Signals) -> None:
    place = Place(tmp_path / "broken off")
    command = [sys.executable, "-c", "from desk.cli.main import main; main()", "local", "up"]
    environment = {**os.environ, "REPEG_LOCAL_DIR": str(place.folder)}
    try:
        with running(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as starting:
            assert until(lambda: _running_with(str(place.folder)) > 0)
            starting.send_signal(how)
            said = starting.communicate(timeout=PATIENCE_S)[0]
        assert (starting.returncode, said.splitlines()[-1]) == (130, b"interrupted")
        # What was told to end may take a moment on a busy machine; what was forgotten stays.
        assert until(lambda: _running_with(str(place.folder)) == 0)
    finally:
        Repeg(place.folder).run("local", "down")


def _running_with(mark: str) -> int:
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "command="], capture_output=True, text=True, check=True)
    return listed.stdout.count(mark)
