"""What a check found: ok or not, why, and the one thing that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cost:
    """What looking took: requests of the account's 200 a minute, calls to AWS, wall seconds."""

    trading_requests: int = 0
    aws_calls: int = 0
    seconds: float = 0.0

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "trading_requests": self.trading_requests,
            "aws_calls": self.aws_calls,
            "seconds": round(self.seconds, 3),
        }


class Trouble(Exception):
    """Something is not ok: what, and the one command or action that mends it.

    `owner` is the check that tells of it. Other checks that need the same fact point there instead of repeating it.
    """

    def __init__(self, owner: str, detail: str, mend: str) -> None:
        self.owner = owner
        self.detail = detail
        self.mend = mend
        super().__init__(detail)


@dataclass(frozen=True)
class Finding:
    """One line of the examination. What is not ok always names its mend."""

    name: str
    ok: bool
    detail: str
    mend: str | None = None
    cost: Cost = Cost()
    behind: str | None = None
    """The check that has to be mended before this one can tell anything."""

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "name": self.name,
            "ok": self.ok,
            "detail": self.detail,
            "mend": self.mend,
            "cost": self.cost.document(),
        }


@dataclass(frozen=True)
class Diagnosis:
    """All findings, in the order in which they are shown, and what they took together."""

    findings: tuple[Finding, ...]
    cost: Cost

    @property
    def ok(self) -> bool:
        """True when every check is."""
        return all(finding.ok for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        checks = [finding.document() for finding in self.findings]
        return {"ok": self.ok, "checks": checks, "cost": self.cost.document()}
