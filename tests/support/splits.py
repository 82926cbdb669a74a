"""Splits of TQQQ over the weekend after the Friday of the tests."""

from __future__ import annotations

from typing import Any

from tests.support.lab import Lab

FRIDAY_AFTERNOON = "15:50"
MONDAY = "2026-11-23"


def monday(lab: Lab, bid: str, ask: str, hour: str = "09:00") -> None:
    """It is Monday, the market has opened there, and the stack knows the time."""
    lab.set_clock(f"{MONDAY}T{hour}:00-05:00")
    lab.control.quote("TQQQ", bid, ask, 20000, 20000)
    lab.time.read(lab.broker)


def split(lab: Lab, new: int = 10, old: int = 1, day: str = MONDAY, **how: Any) -> None:
    """So many new shares for so many old ones, on that day."""
    kind = "forward_split" if new > old else "reverse_split"
    lab.control.corporate_action("TQQQ", kind, new, old, ex_date=day, **how)
