"""Finding the stack, and each reason why there is none to be looked at."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions as botocore

from desk.doctor import reach as module
from desk.doctor.examine import examine
from desk.doctor.findings import Finding
from desk.doctor.words import SET_CLOCK
from desk.stack.place import Place, Processes, Status
from tests.support.clinic import Clinic, session_of_moto


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """No local cloud, and an AWS that nothing is configured for."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("REPEG_LOCAL_DIR", str(tmp_path))
    return Place(tmp_path)


def told() -> Finding:
    """The one finding of an examination that found no stack."""
    [finding] = examine().findings
    assert not finding.ok and finding.mend
    return finding


def refusing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def connect(*_: Any) -> None:
        raise error

    monkeypatch.setattr(module, "connect", connect)


def refusal(code: str, message: str = "said AWS") -> Exception:
    return botocore.ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


def test_nothing_is_up_and_nothing_is_configured(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = told()
    assert "no local cloud is up" in finding.detail and "no AWS region" in finding.detail
    assert finding.mend and finding.mend.startswith("make local; for the stack on AWS: export AWS_DEFAULT_REGION=")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    finding = told()
    assert "no AWS credentials" in finding.detail and finding.mend and "aws configure" in finding.mend


@pytest.mark.parametrize(
    ("error", "told_of", "mend"),
    [
        (refusal("ValidationError", "Stack with id repeg does not exist"), "AWS has no stack 'repeg'", "make deploy"),
        (refusal("ExpiredToken"), "expired", "aws sso login"),
        (refusal("InvalidClientTokenId"), "does not know", "aws configure"),
        (refusal("RequestTimeTooSkewed"), "wrong clock", SET_CLOCK),
        (refusal("AccessDenied"), "does not allow DescribeStacks", "allow this identity DescribeStacks"),
        (refusal("Throttling"), "throttles", "again in a minute"),
        (refusal("ResourceNotFoundException"), "only in part", "make deploy"),
        (botocore.ProfileNotFound(profile="x"), "(x)", "AWS_PROFILE"),
        (botocore.UnauthorizedSSOTokenError(), "login is over", "aws sso login"),
        (botocore.LoginRefreshRequired(), "login is over", "aws login"),
        (botocore.ConnectTimeoutError(endpoint_url="https://a"), "does not answer", "network"),
        (botocore.ReadTimeoutError(endpoint_url="https://a"), "does not answer", "network"),
    ],
)
@pytest.mark.usefixtures("place")
def test_why_aws_has_no_stack_for_us(
    monkeypatch: pytest.MonkeyPatch, error: Exception, told_of: str, mend: str
) -> None:
    refusing(monkeypatch, error)
    finding = told()
    assert told_of in finding.detail and mend in str(finding.mend)


def test_a_shell_that_still_points_at_a_local_cloud(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    finding = told()
    assert "pointed at http://127.0.0.1:1" in finding.detail
    assert finding.mend == 'make local; for the stack on AWS: eval "$(repeg local env --unset)"'


def test_a_local_cloud_that_ended_says_how(place: Place) -> None:
    place.say_processes(Processes(os.getpid(), 2, 3, "http://127.0.0.1:1", "http://127.0.0.1:2", 1.0))
    place.say_ready(Status(up=True, stack="repeg", endpoint_url="http://127.0.0.1:1"))
    last = "the exchange ended with exit code -9; the local cloud is down"
    place.log("supervisor").write_text(f"2026-11-20T15:00:00+0000 {last}\n")
    finding = told()
    assert "the local cloud is down: the exchange ended with exit code -9" in finding.detail
    assert finding.mend == "make down && make local"


def test_a_local_cloud_that_is_just_going_down_says_why(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "local_for", lambda stack: Status(up=True))
    refusing(monkeypatch, botocore.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"))
    assert "the local cloud does not answer" in told().detail
    place.log("supervisor").write_text(
        "2026-11-20T15:00:00+0000 the emulator ended with exit code 1; the local cloud is down\n"
    )
    assert told().detail == "the local cloud is down: the emulator ended with exit code 1"


@pytest.mark.parametrize(
    ("state", "lacking", "told_of", "mend"),
    [
        ("ROLLBACK_COMPLETE", "QueueUrl", "only in part: ROLLBACK_COMPLETE, it lacks QueueUrl", "make deploy"),
        ("UPDATE_ROLLBACK_FAILED", None, "only in part: UPDATE_ROLLBACK_FAILED", "make deploy"),
        ("REVIEW_IN_PROGRESS", "QueueUrl", "only in part", "make deploy"),
        ("DELETE_IN_PROGRESS", None, "being changed right now", "describe-stack-events"),
        ("UPDATE_IN_PROGRESS", None, "being changed right now", "describe-stack-events"),
        ("CREATE_COMPLETE", "SettingsOverridesName", "it lacks SettingsOverridesName", "make deploy"),
    ],
)
def test_a_stack_that_is_not_all_there(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, state: str, lacking: str | None, told_of: str, mend: str
) -> None:
    clinic.described = state
    if lacking:
        del clinic.outputs[lacking]
    monkeypatch.setattr(module, "connect", lambda *_: clinic.case.connection)
    finding = told()
    assert told_of in finding.detail and mend in str(finding.mend)


def test_functions_that_are_gone(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic["lambda"].delete_function(FunctionName="repeg-place-order")
    monkeypatch.setattr(module, "connect", lambda *_: clinic.case.connection)
    finding = told()
    assert "only in part" in finding.detail and "make deploy" in str(finding.mend)


def test_a_stack_that_is_there_is_examined_and_named(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic.keys("{}")
    counted = replace(clinic.case.connection, session=session_of_moto())
    monkeypatch.setattr(module, "connect", lambda *_: counted)
    diagnosis = examine()
    found = {finding.name: finding for finding in diagnosis.findings}
    assert found["stack"].detail == "repeg on AWS, us-east-1, CREATE_COMPLETE"
    assert not diagnosis.ok and found["alarms"].ok
    assert diagnosis.cost.trading_requests == 0 and diagnosis.cost.aws_calls > 10
