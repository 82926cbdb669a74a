"""The two changes to the emulator: tasks queue for workers, and equal archives are unpacked once."""

from __future__ import annotations

import ast
import sys
import threading
import zipfile
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

from desk.cloud.emulator import EMULATOR_VERSION, limited, shared_archives
from tests.support.stack import ROOT

CLOUD_ENVIRONMENT = ROOT / ".tools/cloud"


class Workers:
    """Counts who is inside at once; each stays until let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.leave = threading.Semaphore(0)
        self.inside = 0
        self.most = 0
        self._lock = threading.Lock()

    def call(self, function: str, event: object) -> object:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.entered.release()
        self.leave.acquire()
        with self._lock:
            self.inside -= 1
        return event


def test_calls_beyond_the_limit_wait_and_none_is_lost() -> None:
    workers, answers = Workers(), []
    call = limited(workers.call, 3)
    threads = [threading.Thread(target=lambda number=n: answers.append(call("f", number))) for n in range(10)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        assert workers.entered.acquire(timeout=5)
    assert not workers.entered.acquire(timeout=0.05), "a fourth call got in"
    for _ in threads:
        workers.leave.release()
    for thread in threads:
        thread.join(5)
    assert sorted(answers) == list(range(10))
    assert workers.most == 3


def test_functions_do_not_wait_for_each_other() -> None:
    workers = Workers()
    call = limited(workers.call, 1)
    threads = [threading.Thread(target=call, args=(name, None)) for name in ("f", "g")]
    for thread in threads:
        thread.start()
    assert workers.entered.acquire(timeout=5) and workers.entered.acquire(timeout=5)
    workers.leave.release(2)
    for thread in threads:
        thread.join(5)


def test_a_failing_call_gives_its_turn_back() -> None:
    def fail(function: str, event: object) -> object:
        raise ValueError(function)

    call = limited(fail, 1)
    for _ in range(3):
        with pytest.raises(ValueError, match="f"):
            call("f", None)


def archive(path: Path, text: str) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("python/module.py", text)
    return path


def unpack(kind: type[zipfile.ZipFile], source: Path, target: Path) -> Path:
    """As the emulator does it: a fresh folder, the names looked at, everything unpacked."""
    target.mkdir(parents=True)
    with kind(source) as opened:
        opened.namelist()
        opened.extractall(target)
    return target


def test_equal_archives_are_unpacked_once(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    kind = shared_archives(tmp_path / "cache")
    first = unpack(kind, archive(tmp_path / "a.zip", "x = 1"), tmp_path / "one/layer")
    second = unpack(kind, archive(tmp_path / "b.zip", "x = 1"), tmp_path / "two/layer")
    assert (first / "python/module.py").read_text() == (second / "python/module.py").read_text() == "x = 1"
    assert first.resolve() == second.resolve()


def test_other_archives_are_unpacked_apart(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    kind = shared_archives(tmp_path / "cache")
    first = unpack(kind, archive(tmp_path / "a.zip", "x = 1"), tmp_path / "one/layer")
    second = unpack(kind, archive(tmp_path / "b.zip", "x = 2"), tmp_path / "two/layer")
    assert (first / "python/module.py").read_text() == "x = 1"
    assert (second / "python/module.py").read_text() == "x = 2"


def test_workers_that_start_at_the_same_time_all_get_a_whole_archive(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    kind, source = shared_archives(tmp_path / "cache"), archive(tmp_path / "a.zip", "x = 1")
    targets = [tmp_path / str(number) / "layer" for number in range(8)]
    threads = [threading.Thread(target=unpack, args=(kind, source, target)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert {(target / "python/module.py").read_text() for target in targets} == {"x = 1"}


def test_the_known_version_is_the_locked_one() -> None:
    assert f"ministack=={EMULATOR_VERSION} " in (ROOT / "requirements/cloud.txt").read_text()


def test_the_emulator_still_has_what_the_changes_change() -> None:
    """Read, not imported: the emulator has an environment of its own."""
    site = next(CLOUD_ENVIRONMENT.glob("lib/python*/site-packages"))
    found = PathFinder.find_spec("ministack", [str(site)])
    assert found and found.origin
    package = Path(found.origin).parent
    functions = {
        node.name: [argument.arg for argument in node.args.args]
        for node in ast.walk(ast.parse((package / "services/stepfunctions.py").read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    assert functions["_call_lambda"] == ["func_ref", "event"]
    assert "ministack" not in sys.modules
