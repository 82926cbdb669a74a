"""When the stack is built again, and for whom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from desk.cloud import build as module
from desk.cloud.build import build
from desk.cloud.errors import CloudError
from desk.cloud.tools import Tools


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for file in ("template.yaml", "functions/place_order/app.py", "layers/repeg/Makefile", "requirements/sam.txt"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("as it was")
    (tmp_path / "requirements/cloud.txt").write_text("")
    (tmp_path / "desk/cloud").mkdir(parents=True)
    (tmp_path / "desk/cloud/build.py").write_text("")
    monkeypatch.setattr(module, "PROJECT", tmp_path)
    monkeypatch.setattr(module, "BUILD", tmp_path / ".aws-sam/build")
    monkeypatch.setattr(module, "__file__", str(tmp_path / "desk/cloud/build.py"))
    return tmp_path


@pytest.fixture
def tools(project: Path) -> Callable[..., Tools]:
    def for_python(version: str = "3.13.0", says: int = 0) -> Tools:
        cloud = project / f".tools/{version}/bin/python"
        cloud.parent.mkdir(parents=True, exist_ok=True)
        (cloud.parents[1] / "pyvenv.cfg").write_text(f"version = {version}\n")
        sam = cloud.with_name("sam")
        built = 'mkdir -p "$5"; echo "DefinitionUri: x" > "$5/template.yaml"'
        sam.write_text(f'#!/bin/sh\n{built}\necho "$REPEG_RUNTIME" >> "{project}/runs"\necho because; exit {says}\n')
        sam.chmod(0o755)
        return Tools(cloud, sam)

    return for_python


def runs(project: Path) -> list[str]:
    return (project / "runs").read_text().split()


def test_it_is_built_once_for_the_same_sources(project: Path, tools: Callable[..., Tools]) -> None:
    assert build(tools()) is True
    assert build(tools()) is False
    assert runs(project) == ["python3.13"]


@pytest.mark.parametrize("file", ["template.yaml", "functions/place_order/app.py", "layers/repeg/new.py"])
def test_a_change_builds_it_again(file: str, project: Path, tools: Callable[..., Tools]) -> None:
    build(tools())
    (project / file).write_text("changed")
    assert build(tools()) is True


def test_byte_code_is_no_change(project: Path, tools: Callable[..., Tools]) -> None:
    build(tools())
    (project / "functions/place_order/__pycache__").mkdir()
    (project / "functions/place_order/__pycache__/app.cpython-313.pyc").write_bytes(b"")
    assert build(tools()) is False


def test_another_interpreter_builds_it_again_for_itself(project: Path, tools: Callable[..., Tools]) -> None:
    build(tools("3.13.0"))
    build(tools("3.14.1"))
    assert runs(project) == ["python3.13", "python3.14"]


def test_a_failed_build_says_why_and_is_not_taken_for_done(project: Path, tools: Callable[..., Tools]) -> None:
    with pytest.raises(CloudError, match="because"):
        build(tools(says=1))
    assert build(tools()) is True
