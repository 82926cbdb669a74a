"""Everything that the demo plays, in the order of market time, which only goes forward."""

from __future__ import annotations

from desk.demo.bracket_stories import SMART_EXECUTOR, THE_OLD_WAY
from desk.demo.plain_stories import BETTER_ORDERS, WIDE_OPEN
from desk.demo.story import Act, Part

_OLD_WAY = {"USE_SMART_EXECUTOR": False}

THE_OPEN_AND_THE_OLD_WAY = Part(
    "The open, and the old way",
    (
        Act(
            "Tuesday 09:29:45, just before the open",
            "2026-11-24T09:29:45-05:00",
            (WIDE_OPEN,),
            announces=_OLD_WAY,
        ),
        Act(
            "Tuesday 10:00, CRWD at 536.00 again, now with USE_SMART_EXECUTOR=false",
            "2026-11-24T10:00:00-05:00",
            (THE_OLD_WAY,),
            overrides=_OLD_WAY,
        ),
    ),
)
PARTS = (BETTER_ORDERS, SMART_EXECUTOR, THE_OPEN_AND_THE_OLD_WAY)
