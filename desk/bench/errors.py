"""Why a benchmark could not be run."""

from __future__ import annotations


class BenchError(Exception):
    """Something could not be measured; the message says which part, and why."""
