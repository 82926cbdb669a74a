"""Expected against actual, field by field, with the exchange's journal as the witness for fills."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from desk.demo.stories import MARKET, Expected, Fill, Story

View = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """A story, its order (None: it never appeared) and every way in which it differs from what was expected."""

    story: Story
    order: View | None
    fills: tuple[Fill, ...]
    differences: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True when all is as expected."""
        return not self.differences


def judge(story: Story, order: View | None, journal: Iterable[View]) -> Verdict:
    """Compare the outcome of a story with its expectation."""
    if order is None:
        return Verdict(story, None, (), ("there is no order",))
    fills = journal_fills(order, journal)
    return Verdict(story, order, fills, tuple(_differences(story.expected, order, fills)))


def journal_fills(order: View, journal: Iterable[View]) -> tuple[Fill, ...]:
    """The order's executions as the exchange reports them, oldest first."""
    ours = {rung["client_order_id"] for rung in order["rungs"]}
    return tuple(
        (entry["qty"], entry["price"])
        for entry in journal
        if entry["type"] == "fill" and entry["client_order_id"] in ours
    )


def limits(order: View) -> tuple[str, ...]:
    """Limit prices of the child orders, in order; "market" for a market order."""
    return tuple(rung["limit_price"] or MARKET for rung in order["rungs"])


def _differences(expected: Expected, order: View, fills: tuple[Fill, ...]) -> list[str]:
    wanted = {
        "status": expected.status,
        "reason": expected.reason,
        "ladder": expected.ladder,
        "limits": expected.limits,
        "fills": expected.fills,
        "repegs": expected.repegs,
        "market_fallback": expected.market_fallback,
    }
    got = {name: order.get(name) for name in wanted} | {"limits": limits(order), "fills": fills}
    found = [f"{name}: {got[name]} instead of {value}" for name, value in wanted.items() if got[name] != value]
    earliest, sent = expected.first_sent_from, order["first_sent_at"]
    if earliest and sent and datetime.fromisoformat(sent) < datetime.fromisoformat(earliest):
        found.append(f"first sent at {sent}, before {earliest}")
    return found
