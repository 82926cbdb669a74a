"""The preview of a rebalance as people read it."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from desk.telling.plans import preview_page

ROW = {"held": "14", "price": "534.775", "side": None, "qty": None, "dollars": None, "why": None, "symbol": "CRWD"}
VIEW: dict[str, Any] = {
    "at": "2026-11-20T15:00:00Z",
    "equity": "78758.93",
    "cash": "77609.03",
    "cash_after": "907.12",
    "cash_buffer": "0.01",
    "spendable": "77969.64",
    "threshold": "0.01",
    "plan": [],
    "residual": [],
}


@pytest.mark.parametrize(("weight", "told"), [(None, ", without what is outside"), ("0.1", "")])
def test_an_equity_without_what_brackets_hold_says_so(weight: str | None, told: str) -> None:
    """The account's own figure is another one, and beside it this one would look like a loss."""
    view = VIEW | {"symbols": [ROW | {"current_weight": weight, "target_weight": weight}]}
    screen = Console(width=100, highlight=False, color_system=None)
    with screen.capture() as captured:
        screen.print(preview_page(view))
    [line] = [line for line in captured.get().splitlines() if line.startswith("equity")]
    assert line.split(maxsplit=1)[1].rstrip() == f"$78,758.93{told}"
