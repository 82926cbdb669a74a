"""Everything that the demo plays, in the order of market time, which only goes forward."""

from __future__ import annotations

from desk.demo.bracket_stories import SMART_EXECUTOR
from desk.demo.plain_stories import BETTER_ORDERS

PARTS = (BETTER_ORDERS, SMART_EXECUTOR)
