"""What a newcomer sees first."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from desk.demo.run import Demo
from desk.demo.stories import PARTS

pytestmark = pytest.mark.cloud

SPEED = 5


def test_every_story_of_the_demo_ends_as_expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPEG_LOCAL_DIR", str(tmp_path / "demo"))
    screen = io.StringIO()
    told = Demo(Console(file=screen, width=120), SPEED).run()
    assert told.ok, screen.getvalue()
    assert told.ringing[PARTS[0].title] == [], "in its healthy part no alarm rings"
    stories = sum(len(part.stories) for part in PARTS) + 1  # the scheduled rebalance
    assert f"{stories} of {stories} stories ended as expected" in screen.getvalue()
