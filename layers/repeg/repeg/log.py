"""What the rest of the package asks of a logger."""

from __future__ import annotations

from typing import Any, Protocol


class Log(Protocol):
    """The part of a logger that steps use."""

    def info(self, msg: str, **kwargs: Any) -> Any:
        """Something worth knowing."""

    def error(self, msg: str, **kwargs: Any) -> Any:
        """Something that somebody must look at."""
