from __future__ import annotations

import os
from pathlib import Path

import pytest
from moto import mock_aws

from desk.cloud.credentials import NotReady, destination


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
