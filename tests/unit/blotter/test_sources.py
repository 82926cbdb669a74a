"""What one source hears of another: what was traded, or is guarded otherwise, has the account asked again."""

from __future__ import annotations

from typing import Any

import pytest

from desk.blotter.sources import BOOK, FIGURES, HOLDINGS, REALISED, _hear

ROW = {
    "symbol": "TQQQ",
    "live": True,
    "filled_qty": "0",
    "holds": "0",
    "stop_loss": "38",
    "take_profit": "44",
    "protected": True,
}


class _Heard:
    """A watcher, the broker's side and the day's profit, as far as they are told."""

    def __init__(self) -> None:
        self.told: set[str] = set()
        self.noted: list[str] = []
        self.poke = self.told.add
        self.hurry = lambda: self.told.add("hurry")
        self.watch = lambda symbols: None
        self.note = self.noted.extend


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"status": "working"}, set()),
        ({"filled_qty": "40"}, {HOLDINGS, REALISED, "hurry"}),
        ({"holds": "40"}, {HOLDINGS, "hurry"}),
        ({"stop_loss": "39"}, {HOLDINGS, "hurry"}),
        ({"protected": False}, {HOLDINGS, "hurry"}),
        ({"live": False}, {FIGURES}),
    ],
)
def test_a_change_is_told_to_whom_it_concerns(change: dict[str, Any], told: set[str]) -> None:
    heard: Any = _Heard()
    _hear(heard, heard, heard, {BOOK: {"ord-1": ROW}}, {BOOK: {"ord-1": ROW | change}})
    assert heard.told == told


def test_the_first_order_of_all_is_counted_when_it_comes_filled() -> None:
    heard: Any = _Heard()
    _hear(heard, heard, heard, {BOOK: {}}, {BOOK: {"ord-1": ROW | {"filled_qty": "100"}}})
    assert heard.noted == ["ord-1"]
