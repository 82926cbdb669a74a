from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from desk.deployment import credentials, termination
from desk.deployment.credentials import NotReady, change_line, changes, deployed, destination, preview


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")


@mock_aws
def test_a_deployment_says_where_it_goes(somebody: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert destination("live") == "stack repeg-live goes to account 123456789012, region eu-central-1"


def _says(config: str = "default") -> str:
    with pytest.raises(NotReady) as caught:
        destination(config)
    return str(caught.value)


def test_without_credentials_it_says_how_to_get_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert "no AWS credentials" in _says()


def test_without_a_region_it_asks_for_one(somebody: None) -> None:
    assert "AWS_DEFAULT_REGION" in _says()


def test_a_shell_pointed_at_the_local_cloud_is_told_so(somebody: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert "--unset" in _says()


def test_an_unknown_section_is_named_with_those_there_are() -> None:
    assert _says("lvie") == "CONFIG=lvie: samconfig.toml has no such section; it has default, live"


class Cloudformation:
    """A stack that is deployed."""

    def __init__(self, **parameters: str) -> None:
        self.parameters = parameters
        self.protected: list[dict[str, Any]] = []

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        listed = [{"ParameterKey": name, "ParameterValue": value} for name, value in self.parameters.items()]
        return {"Stacks": [{"StackName": StackName, "Parameters": listed}]}

    def update_termination_protection(self, **asked: Any) -> None:
        self.protected.append(asked)


@pytest.fixture
def aws(somebody: None, monkeypatch: pytest.MonkeyPatch) -> Cloudformation:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    stack = Cloudformation(PythonRuntime="python3.13", TradingMode="paper", Arch="arm64", DataFeed="sip")
    monkeypatch.setattr(boto3.Session, "client", lambda session, service, **_: stack)
    monkeypatch.setattr(boto3, "client", lambda service: stack)
    monkeypatch.setattr(credentials, "destination", lambda config: "there")
    return stack


def test_a_runtime_that_another_machine_would_change_is_shown(
    aws: Cloudformation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "of_interpreter", lambda: "python3.14")
    assert preview("default") == [
        "there",
        "PythonRuntime changes: python3.13 is deployed, python3.14 will be; to keep it: make PYTHON=python3.13 deploy",
    ]
    monkeypatch.setattr(credentials, "of_interpreter", lambda: "python3.13")
    assert preview("default") == ["there"]
    monkeypatch.setattr(credentials, "of_interpreter", lambda: "python3.11")
    assert [line.split(" in ")[0] for line in preview("default")][2:] == ["AWS deprecates python3.11"]


def test_a_runtime_that_lambda_lacks_is_refused(aws: Cloudformation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "of_interpreter", lambda: "python3.15")
    with pytest.raises(NotReady, match=r"python3\.15 is no Lambda runtime"):
        preview("default")


def test_only_what_a_deployment_sets_and_the_stack_has_is_compared() -> None:
    now = {"TradingMode": "paper", "PythonRuntime": "python3.13", "DataFeed": "iex"}
    assert changes(now, {"TradingMode": "live", "PythonRuntime": "python3.13", "AlertEmail": "me@example.com"}) == {
        "TradingMode": "paper"
    }
    assert changes(None, {"TradingMode": "live"}) == {}
    assert change_line("AccountNumber", "", "123") == "AccountNumber changes: empty is deployed, 123 will be"


def test_where_aws_cannot_be_asked_nothing_is_said(somebody: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert deployed("repeg") is None, "no region"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert deployed("repeg") is None, "the local cloud"
    monkeypatch.delenv("AWS_ENDPOINT_URL")

    def refuse(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks")

    monkeypatch.setattr(boto3.Session, "client", refuse)
    assert deployed("repeg") is None, "no stack"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert deployed("repeg") is None, "no credentials"


def test_a_live_stack_is_protected_from_being_deleted_and_a_paper_one_is_not(aws: Cloudformation) -> None:
    assert termination.protect("default") is None and not aws.protected
    assert "repeg-live is protected" in str(termination.protect("live"))
    assert aws.protected == [{"StackName": "repeg-live", "EnableTerminationProtection": True}]
