"""A lab per test, on one exchange per session."""

from __future__ import annotations

from tests.integration.spine.conftest import aws_credentials, exchange, lab, stages, swept

__all__ = ["aws_credentials", "exchange", "lab", "stages", "swept"]
