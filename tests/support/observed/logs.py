"""The log of the lab."""

from __future__ import annotations

import logging
from typing import Any


class LabLog:
    """Writes what is logged, and with what, to the test's own log."""

    def __init__(self) -> None:
        self._log = logging.getLogger("lab")

    def info(self, msg: str, **kwargs: Any) -> None:
        self._log.info("%s %s", msg, kwargs)

    def error(self, msg: str, **kwargs: Any) -> None:
        self._log.error("%s %s", msg, kwargs)
