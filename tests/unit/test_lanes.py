"""`make test` runs its tests in lanes, each a process: what one leaves out, another runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.stack import ROOT

TESTS = ROOT / "tests"


def _lane(name: str) -> list[str]:
    """What a lane hands to pytest."""
    said = subprocess.run(["make", "-n", name], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [word.rstrip(";") for word in said.partition("-m pytest ")[2].splitlines()[0].split()]


def _files(lane: list[str]) -> set[Path]:
    """The test files that a lane goes through."""
    apart = [place + 1 for place, word in enumerate(lane) if word == "--ignore"]
    ignored = {ROOT / lane[place] for place in apart}
    named = [ROOT / word for place, word in enumerate(lane) if word.startswith("tests/") and place not in apart]
    found = {path for root in named or [TESTS] for path in ([root] if root.is_file() else root.rglob("test_*.py"))}
    return {path for path in found if not ignored & {path, *path.parents}}


@pytest.mark.parametrize("mark", [True, False], ids=["on the local cloud", "without it"])
def test_every_file_is_in_a_lane(mark: bool) -> None:
    with_cloud = {path for path in TESTS.rglob("test_*.py") if "mark.cloud" in path.read_text()}
    lanes = ("test-cloud", "test-clouds") if mark else ("test-spine-1", "test-spine-2", "test-apart", "test-browser")
    gone_through = set[Path]().union(*(_files(_lane(name)) for name in lanes))
    wanted = with_cloud if mark else set(TESTS.rglob("test_*.py")) - with_cloud
    assert wanted - {Path(__file__)} <= gone_through
