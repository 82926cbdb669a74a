"""Where the local cloud lives on disk, and what it says there about itself."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from desk.stack.processes import is_ours

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Processes:
    """Process ids of a local cloud, and where its servers listen."""

    supervisor: int
    emulator: int
    exchange: int
    endpoint_url: str
    exchange_url: str
    speed: float
    keeps: bool = False
    """Whether what it holds is kept when it stops."""


@dataclass(frozen=True)
class Status:
    """The document of ``repeg local status``, and what only the desk itself needs to know."""

    up: bool = False
    endpoint_url: str | None = None
    exchange_url: str | None = None
    stack: str | None = None
    queue_url: str | None = None
    dlq_url: str | None = None
    table: str | None = None
    state_machines: dict[str, str] = field(default_factory=dict)
    speed: float | None = None
    outputs: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


@dataclass(frozen=True)
class Place:
    """The folder of one local cloud. Several may be up beside each other, each in a folder of its own."""

    folder: Path

    @property
    def scratch(self) -> Path:
        """Temporary files of the emulator and its workers; emptied at every start and stop."""
        return self.folder / "tmp"

    @property
    def clock(self) -> Path:
        """Where the exchange says how market time runs."""
        return self.scratch / "clock"

    @property
    def lock_file(self) -> Path:
        return self.folder / "lock"

    @property
    def kept_stack(self) -> Path:
        """What a stop kept of the table, the settings and the queues."""
        return self.folder / "kept" / "stack.json"

    @property
    def kept_exchange(self) -> Path:
        """What a stop kept of the exchange."""
        return self.folder / "kept" / "exchange.state"

    def log(self, name: str) -> Path:
        """Log file of one of the processes."""
        return self.folder / f"{name}.log"

    def processes(self) -> Processes | None:
        """What the supervisor said of the processes, or None if none was started."""
        document = _read(self.folder / "processes.json")
        return Processes(**document) if document else None

    def say_processes(self, processes: Processes) -> None:
        _write(self.folder / "processes.json", asdict(processes))

    def stack(self) -> Status | None:
        """What was said when the cloud was ready, or None if it is not."""
        document = _read(self.folder / "stack.json")
        return Status(**document) if document else None

    def say_ready(self, status: Status) -> None:
        _write(self.folder / "stack.json", status.document())

    def forget(self) -> None:
        """Removes everything but the logs, and what is kept over a stop."""
        for name in ("stack.json", "processes.json", "exchange.port"):
            (self.folder / name).unlink(missing_ok=True)
        for name in ("tmp", "home"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def forget_kept(self) -> None:
        """Removes what is kept over a stop."""
        shutil.rmtree(self.kept_stack.parent, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one start or stop at a time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.lock_file):
            yield


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds an exclusive lock on a file, waiting for it."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def here() -> Place:
    """The place named by REPEG_LOCAL_DIR, else ``.local`` in the project."""
    return Place(Path(os.environ.get("REPEG_LOCAL_DIR") or PROJECT / ".local").resolve())


def status() -> Status:
    """What is up here; ``Status(up=False)`` if nothing is."""
    place = here()
    ready, processes = place.stack(), place.processes()
    if not ready or not processes or not is_ours(processes.supervisor, str(place.folder)):
        return Status()
    return ready


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return None


def _write(path: Path, document: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document, indent=2))
    part.replace(path)
