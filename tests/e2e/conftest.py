"""One local cloud for the whole run, beside (never instead of) one that the user has up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

from desk.cloud.local import down, up
from desk.stack.connection import connect_local
from tests.support.cloud import Cloud

SPEED = 5.0


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    before = os.environ.get("REPEG_LOCAL_DIR")
    os.environ["REPEG_LOCAL_DIR"] = str(tmp_path_factory.mktemp("cloud"))
    try:
        yield Cloud(connect_local(up(speed=SPEED, enforce_roles=True)))
    finally:
        down()
        if before is None:
            del os.environ["REPEG_LOCAL_DIR"]
        else:
            os.environ["REPEG_LOCAL_DIR"] = before


@pytest.fixture
def cloud(running: Cloud) -> Cloud:
    """The cloud with an open market."""
    running.open_market()
    running.dead_letters()
    return Cloud(running.connection)


@pytest.fixture
def name() -> str:
    """A signal id that no other test uses."""
    return f"t{uuid4().hex[:12]}"
