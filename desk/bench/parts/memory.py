"""Memory of the local cloud: of its three servers and of every worker that runs a function."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from desk.bench.report import Part, Table, number, ratio

MEGABYTE = 1_000_000
_EVERY_S = 1.0


class MemoryWatch:
    """Reads the memory of processes and all their descendants now and then, until it is stopped."""

    def __init__(self, roots: Iterable[int]) -> None:
        self._roots = set(roots)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.first = self.now()
        self.highest = self.first
        self._thread.start()

    def now(self) -> tuple[int, int]:
        """Bytes and processes."""
        table = _processes()
        mine = descendants(self._roots, {pid: parent for pid, (parent, _) in table.items()})
        return sum(_bytes_of(pid, table[pid][1]) for pid in mine), len(mine)

    def stop(self) -> None:
        """Take no more readings."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY_S):
            self.highest = max(self.highest, self.now())


def descendants(roots: Iterable[int], parents: dict[int, int]) -> set[int]:
    """The processes among `parents` (pid to parent's pid) that are a root or below one."""
    children: dict[int, list[int]] = defaultdict(list)
    for pid, parent in parents.items():
        children[parent].append(pid)
    found: set[int] = set()
    left = [pid for pid in roots if pid in parents]
    while left:
        pid = left.pop()
        if pid not in found:
            found.add(pid)
            left += children[pid]
    return found


def parents() -> dict[int, int]:
    """Every process, and who started it."""
    return {pid: parent for pid, (parent, _) in _processes().items()}


def report(ready: tuple[int, int], peak: tuple[int, int], after: tuple[int, int]) -> Part:
    """The findings, from (bytes, processes) when the cloud was ready, at most, and in the end."""
    named = {"ready": ready, "peak": peak, "in the end": after}
    rows = [
        [name, number(taken / MEGABYTE), str(processes), ratio(taken / ready[0])]
        for name, (taken, processes) in named.items()
    ]
    figures = {name.replace(" ", "_"): {"bytes": taken, "processes": count} for name, (taken, count) in named.items()}
    note = "Memory that processes share is divided among them." if sys.platform == "linux" else ""
    table = Table("Memory of the local cloud", ["when", "MB", "processes", "of ready"], rows, note)
    return Part("memory", figures, [table])


def _processes() -> dict[int, tuple[int, int]]:
    """Parent and resident bytes of every process."""
    if Path("/proc/self/stat").exists():
        found = {int(path.name): _stat(path) for path in Path("/proc").iterdir() if path.name.isdecimal()}
        return {pid: read for pid, read in found.items() if read}
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True)
    rows = (map(int, line.split()) for line in listed.stdout.splitlines())
    return {pid: (parent, kilobytes * 1024) for pid, parent, kilobytes in rows}


def _stat(process: Path) -> tuple[int, int] | None:
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return None
    return int(fields[1]), int(fields[21]) * os.sysconf("SC_PAGESIZE")


def _bytes_of(pid: int, resident: int) -> int:
    """The process's share of memory where the system tells it, else what is resident."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return resident
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), resident)
