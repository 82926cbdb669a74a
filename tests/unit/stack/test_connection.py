"""Which stack a command reaches, and that the user's own AWS configuration does not matter to the local one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from botocore.exceptions import NoRegionError

from desk.stack import connection as module
from desk.stack.connection import connect, connect_local, machines_of
from desk.stack.place import Place, Processes, Status, here, status

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:repeg-execute-order"
OUTPUTS = {"QueueUrl": "http://127.0.0.1:1/q", "ExecuteOrderArn": MACHINE, "TableName": "repeg"}
READY = Status(
    up=True,
    endpoint_url="http://127.0.0.1:1",
    exchange_url="http://127.0.0.1:2",
    stack="repeg",
    queue_url="http://127.0.0.1:1/q",
    dlq_url="http://127.0.0.1:1/d",
    table="repeg",
    state_machines={"execute_order": MACHINE},
    speed=5.0,
    outputs=OUTPUTS,
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("REPEG_LOCAL_DIR", str(tmp_path))
    return Place(tmp_path)


def say_up(place: Place, supervisor: int) -> None:
    place.say_processes(Processes(supervisor, 2, 3, "http://127.0.0.1:1", "http://127.0.0.1:2", 5.0))
    place.say_ready(READY)


def test_nothing_is_up_in_an_empty_place(place: Place) -> None:
    assert here() == place
    assert status() == Status()
    assert status().document()["up"] is False


def test_status_has_every_field_of_the_contract() -> None:
    fields = {"up", "endpoint_url", "exchange_url", "stack", "queue_url", "dlq_url", "table", "state_machines", "speed"}
    assert fields <= set(READY.document())


def test_a_cloud_whose_process_id_now_belongs_to_somebody_else_is_down(place: Place) -> None:
    say_up(place, os.getpid())
    assert not status().up


def test_without_a_local_cloud_the_stack_on_aws_is_reached(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    described = {"other": {"TableName": "records"}}
    monkeypatch.setattr(module, "stack_outputs", lambda cloudformation, stack: described[stack])
    reached = connect("other")
    assert (reached.stack, reached.table, reached.is_local) == ("other", "records", False)


def test_without_either_the_reason_is_clear(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(NoRegionError):
        connect()


def test_the_users_aws_configuration_does_not_matter_locally(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "there-is-none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere.invalid")
    reached = connect_local(READY)
    assert reached.sqs.meta.endpoint_url == "http://127.0.0.1:1"
    assert reached.sqs.meta.region_name == "us-east-1"


def test_local_calls_pass_by_the_users_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet.invalid")
    monkeypatch.delenv("no_proxy", raising=False)
    connect_local(READY)
    assert os.environ["NO_PROXY"] == "intranet.invalid,127.0.0.1"


def test_machines_go_by_their_names_without_the_stacks() -> None:
    assert machines_of("repeg", OUTPUTS) == {"execute_order": MACHINE}
    assert connect_local(READY).function("place_order") == "repeg-place-order"


def test_the_desk_can_use_the_credentials_of_aws_login() -> None:
    """They are signed by a library that botocore brings along only where it is asked for."""
    from botocore.compat import HAS_CRT

    assert HAS_CRT


@pytest.mark.parametrize(
    ("named", "local", "reached"),
    [("", True, "repeg"), ("repeg", True, "repeg"), ("live", False, "live")],
    ids=["no name", "what it holds", "another"],
)
def test_a_local_cloud_that_is_up_is_used_only_for_the_stack_that_it_holds(
    named: str, local: bool, reached: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(module, "status", lambda: READY)
    monkeypatch.setattr(module, "stack_outputs", lambda cloudformation, stack: {"TableName": stack})
    connection = connect(named)
    assert (connection.is_local, connection.stack) == (local, reached)
