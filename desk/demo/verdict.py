"""Expected against actual, field by field, with the exchange's journal as the witness for fills."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from desk.demo.story import MARKET, Exit, Expected, Fill, Story
from desk.telling.figures import price

View = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """A story, its order (None: it never appeared) and every way in which it differs from what was expected."""

    story: Story
    order: View | None
    fills: tuple[Fill, ...]
    left: tuple[Exit, ...]
    """How the shares left that the story is about."""
    differences: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True when all is as expected."""
        return not self.differences


def judge(story: Story, order: View | None, holder: View | None, journal: Iterable[View]) -> Verdict:
    """Compare the outcome of a story with its expectation. `holder` is the order whose shares leave in it."""
    if order is None:
        return Verdict(story, None, (), (), ("there is no order",))
    fills = journal_fills(order, journal)
    left = _exits(holder) if story.expected.leaves else ()
    return Verdict(story, order, fills, left, tuple(_differences(story.expected, order, fills, left)))


def journal_fills(order: View, journal: Iterable[View]) -> tuple[Fill, ...]:
    """The order's executions as the exchange reports them, oldest first."""
    ours = {rung["client_order_id"] for rung in order["rungs"]}
    return tuple(
        (entry["qty"], price(entry["price"]))
        for entry in journal
        if entry["type"] == "fill" and entry["client_order_id"] in ours
    )


def limits(order: View) -> tuple[str, ...]:
    """Limit prices of the child orders, in order; "market" for a market order."""
    return tuple(price(rung["limit_price"]) or MARKET for rung in order["rungs"])


def risk_reward(order: View) -> str | None:
    """To two decimals; None when there is none."""
    return None if order["risk_reward"] is None else f"{Decimal(order['risk_reward']):.2f}"


def _exits(order: View | None) -> tuple[Exit, ...]:
    exits = order["exits"] if order else []
    return tuple((gone["reason"], gone["qty"], price(gone["price"])) for gone in exits)


def _differences(expected: Expected, order: View, fills: tuple[Fill, ...], left: tuple[Exit, ...]) -> list[str]:
    slow = expected.reason_when_slow
    wanted = {
        "status": expected.status,
        "reason": slow if slow and order["reason"] == slow else expected.reason,
        "ladder": expected.ladder,
        "limits": expected.limits,
        "fills": expected.fills,
        "repegs": expected.repegs,
        "market_fallback": expected.market_fallback,
        "exits": (expected.leaves,) if expected.leaves else (),
    }
    got = {name: order.get(name) for name in wanted} | {"limits": limits(order), "fills": fills, "exits": left}
    held = {
        "stop": (expected.stop, price(order["stop_loss"])),
        "target": (expected.target, price(order["take_profit"])),
        "R/R": (expected.risk_reward, risk_reward(order)),
        "protected": (expected.protected, order["protected"]),
    }
    found = [f"{name}: {got[name]} instead of {value}" for name, value in wanted.items() if got[name] != value]
    found += [f"{name}: {is_} instead of {value}" for name, (value, is_) in held.items() if value not in (None, is_)]
    earliest, sent = expected.first_sent_from, order["first_sent_at"]
    if earliest and sent and datetime.fromisoformat(sent) < datetime.fromisoformat(earliest):
        found.append(f"first sent at {sent}, before {earliest}")
    return found
