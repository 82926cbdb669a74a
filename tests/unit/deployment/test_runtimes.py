"""The Python of this machine is the functions' runtime: one that Lambda lacks is refused before anything is done."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from desk.cloud import tools
from desk.cloud.errors import CloudError
from desk.deployment import runtimes
from desk.stack.place import PROJECT
from tests.support.stack import load_template

PRETENDS = """#!{python}
import runpy, sys
sys.version_info = ({version}, 0, "final", 0)
if sys.argv[1] == "-c":
    exec(sys.argv[2])
    sys.exit(0)
sys.argv = sys.argv[sys.argv.index("-I") + 1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_the_runtimes_are_those_of_the_template() -> None:
    assert runtimes.runtimes() == load_template()["Parameters"]["PythonRuntime"]["AllowedValues"]
    assert all(runtimes.refusal(name) is None for name in runtimes.runtimes())
    assert set(runtimes.DEPRECATED) <= set(runtimes.runtimes()), "what is not taken any more needs no remark"


def test_a_python_without_a_runtime_is_refused_with_the_one_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "_works", lambda name: name == "python3.12")
    said = str(runtimes.refusal("python3.15"))
    assert said == (
        "python3.15 is no Lambda runtime of this stack, which runs on Python 3.11, 3.12, 3.13, 3.14; "
        "fix: make PYTHON=python3.12 ..."
    )
    monkeypatch.setattr(runtimes, "_works", lambda name: False)
    assert str(runtimes.refusal("python3.10")).endswith("fix: install one of them, then make PYTHON=python3.14 ...")


def test_a_runtime_that_is_deprecated_soon_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "_works", lambda name: name == "python3.13")
    assert runtimes.remark("python3.11") == (
        "AWS deprecates python3.11 in June 2027; for a newer runtime: make PYTHON=python3.13 deploy"
    )
    assert runtimes.remark("python3.13") is None


@pytest.mark.parametrize("task", ["demo", "rehearse", "deploy", "local", "test"])
def test_make_refuses_it_at_once(task: str, tmp_path: Path) -> None:
    for name in ("Makefile", "template.yaml", "desk/deployment/runtimes.py", "requirements", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
        copy(PROJECT / name, tmp_path / name)
    python = tmp_path / "python3.15"
    python.write_text(PRETENDS.format(python=sys.executable, version="3, 15"))
    python.chmod(0o755)
    ran = subprocess.run(
        ["make", task, f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 2
    assert "python3.15 is no Lambda runtime of this stack" in ran.stderr and "fix: " in ran.stderr
    assert not (tmp_path / ".venv").exists() and not (tmp_path / ".tools/sam").exists(), "nothing was installed"


def test_an_environment_of_such_a_python_runs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("cloud/bin/python", "sam/bin/sam"):
        (tmp_path / ".tools" / name).parent.mkdir(parents=True)
        (tmp_path / ".tools" / name).touch()
    (tmp_path / ".tools/cloud/pyvenv.cfg").write_text("version = 3.15.1\n")
    monkeypatch.setattr(tools, "PROJECT", tmp_path)
    with pytest.raises(CloudError, match=r"python3\.15 is no Lambda runtime"):
        tools.find_tools()
