"""Processes that a test starts, none of which outlives it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def running(command: Sequence[Any], **how: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process for the length of a with-block, killed where it has not ended by itself: nobody waits for it."""
    with subprocess.Popen(command, **how) as process:
        try:
            yield process
        finally:
            process.kill()
