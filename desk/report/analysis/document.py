"""The document of `repeg report --json`: its fields, and what each says. docs/report.md prints them from here.

Money, prices, quantities, basis points and fractions are decimal strings; times are RFC 3339, market time; days and
minutes are New York's.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from repeg.domain.models import Frozen


def _says(text: str) -> Meta:
    return Meta(description=text)


class Period(Frozen):
    """What the report is about: orders created from `since` on, before `until`."""

    since: datetime | None
    until: datetime | None
    strategy: str | None
    first: Annotated[datetime | None, _says("creation of the oldest order found")]
    last: Annotated[datetime | None, _says("creation of the newest")]


class TargetLine(Frozen):
    """One of the four figures, by its definition in docs/metrics.md, over all entries of the period."""

    metric: Annotated[str, _says("its name in docs/metrics.md")]
    name: str
    wanted: Annotated[str, _says("the target in words")]
    level: Annotated[Decimal, _says("the target")]
    unit: str
    measured: Decimal | None
    ok: Annotated[bool | None, _says("null: there was nothing to measure")]
    orders: Annotated[int, _says("entries that the figure is about")]


class Counts(Frozen):
    """Orders of the period, of every kind but those that say something of another order: cancels and adjusts."""

    orders: int
    open: Annotated[int, _says("not over yet: in these counts, exits and cloud cost, and in no other figure")]
    entries: Annotated[int, _says("orders that ended, but for closes and unwinds")]
    sent: Annotated[int, _says("orders of which a child order reached the broker")]
    traded: Annotated[int, _says("orders that filled, in whole or in part")]
    traded_dollars: Annotated[Decimal, _says("shares times average price, bought and sold")]
    by_status: dict[str, int]


class Costs(Frozen):
    """What some orders cost, in basis points: the average by dollars, and quantiles of orders."""

    name: str
    orders: int
    dollars: Annotated[Decimal, _says("filled, at the price that the cost is measured against")]
    cost_dollars: Annotated[Decimal, _says("+ is cost")]
    average_bps: Annotated[Decimal | None, _says("by dollars, + is cost")]
    low_bps: Annotated[Decimal | None, _says("95 % interval of the average; null: fewer than five orders")]
    high_bps: Decimal | None
    interval: Annotated[str | None, _says("how it was found: bootstrap (up to 100 orders) or normal")]
    p5_bps: Decimal | None
    p25_bps: Decimal | None
    median_bps: Decimal | None
    p75_bps: Decimal | None
    p95_bps: Decimal | None


class Bar(Frozen):
    """A bin of a histogram: from `low` up to `high`; null: whatever lies beyond the others."""

    low: Decimal | None
    high: Decimal | None
    orders: int


class Minute(Frozen):
    """Entries whose first child order was sent in one minute of the day."""

    minute: Annotated[str, _says("as 09:31")]
    orders: int
    cost_dollars: Decimal
    average_bps: Decimal | None


class CostSection(Frozen):
    """A cost of entries, in all and broken down."""

    all: Costs
    by_class: list[Costs]
    by_ladder: list[Costs]
    by_minute: list[Minute]
    histogram: list[Bar]


class Fills(Frozen):
    """How much was filled, and how fast."""

    sent: Annotated[int, _says("entries that reached the broker")]
    filled: Annotated[int, _says("... and were filled in whole")]
    partly: int
    within_60_s: Annotated[int, _says("... in whole, within 60 s of the first child order")]
    p5_seconds: Decimal | None
    p25_seconds: Decimal | None
    median_seconds: Decimal | None
    p75_seconds: Decimal | None
    p95_seconds: Decimal | None
    by_seconds: Annotated[list[Reached], _says("entries filled in whole by then")]


class Reached(Frozen):
    """How many entries were filled in whole within so many seconds."""

    seconds: Decimal
    orders: int
    share: Annotated[Decimal, _says("of those that were sent, 0 to 1")]


class RungLine(Frozen):
    """A rung of a ladder: who came to it, and what it filled."""

    ladder: str
    rung: Annotated[int, _says("from 1; child orders that a long record left out are in no rung")]
    market: Annotated[bool, _says("it filled by market orders")]
    reached: Annotated[int, _says("orders that were worked as far as this rung")]
    filled: Annotated[int, _says("orders that it filled something of")]
    dollars: Decimal


class Fallbacks(Frozen):
    """What ladders needed beside their first limit. Counts of orders, but for `repegs`."""

    repegs: Annotated[int, _says("limits sent after the first")]
    repegged: int
    market: Annotated[int, _says("a market order had to finish")]
    at_worst: Annotated[int, _says("a limit at the worst price stood in for a market order")]
    cap_breached: Annotated[int, _says("the average price lies beyond the cap")]


class End(Frozen):
    """Entries that ended with a reason."""

    status: str
    reason: str
    meaning: str
    orders: int
    share: Annotated[Decimal, _says("of all entries that ended, 0 to 1")]


class ExitLine(Frozen):
    """Shares that left brackets of the period, at known prices."""

    name: Annotated[str | None, _says("a day, a strategy (null: of none), a reason, or all")]
    brackets: int
    exits: int
    won: Annotated[int, _says("exits at a profit")]
    dollars: Annotated[Decimal, _says("realised, + is profit")]
    reward: Annotated[Decimal | None, _says("the same in multiples of what the entries risked, added up")]


class Exits(Frozen):
    """How brackets of the period left, and what that realised; fees are not known here."""

    all: ExitLine
    by_reason: list[ExitLine]
    by_day: list[ExitLine]
    by_strategy: list[ExitLine]
    unpriced: Annotated[int, _says("exits whose price nobody knows: in no sum")]
    held: Annotated[int, _says("brackets that still hold shares")]
    entered: Annotated[int, _says("brackets that bought, or sold short")]
    protected: Annotated[int, _says("... and whose stop and target stood at the broker, for however long")]
    unwind_cost: Annotated[Decimal, _says("dollars lost by leaving what would not be held, in the exits, too")]


class Saved(Frozen):
    """What some orders saved against a market order on arrival."""

    name: str
    orders: int
    dollars: Annotated[Decimal, _says("filled, at the touch of arrival")]
    saved_dollars: Annotated[Decimal, _says("+ is better than the old way")]
    low_dollars: Annotated[Decimal | None, _says("95 % interval; null: fewer than five orders")]
    high_dollars: Decimal | None
    saved_bps: Decimal | None
    low_bps: Decimal | None
    high_bps: Decimal | None
    interval: str | None


class OldBrackets(Frozen):
    """Brackets the old way: entered at the touch of arrival, stop and target where the signal has them."""

    entered: Annotated[int, _says("brackets that bought, whose arrival quote is on record")]
    risk_reward: Annotated[Decimal | None, _says("average reward for the risk, as entered")]
    old_risk_reward: Annotated[Decimal | None, _says("... and as the old way would have had it")]
    below_minimum: Annotated[int, _says("of these, how many have less reward than the target")]
    old_below_minimum: Annotated[int, _says("... and as the old way would have had it")]
    refused: Annotated[int, _says("refused for their price, stop or reward: the old way would have bought")]
    refused_below_minimum: Annotated[int, _says("of these, how many with less reward than the target")]
    refused_worse_dollars: Annotated[Decimal, _says("what those entries would have cost beyond the signals' prices")]
    closed: Annotated[int, _says("exits by target or stop, compared below")]
    dollars: Annotated[Decimal, _says("realised by them")]
    old_dollars: Annotated[Decimal, _says("by the old way, had the same leg ended it")]


class OldWay(Frozen):
    """Against the old way: a market order on arrival, which fills at the touch whatever its size."""

    all: Saved
    by_class: list[Saved]
    by_day: list[Saved]
    brackets: OldBrackets
    without_quote: Annotated[int, _says("orders that traded, with no quote of their arrival: not compared")]


class Cloud(Frozen):
    """What AWS charges for these orders: an estimate by the list, not a bill."""

    transitions: Annotated[int, _says("of Step Functions, from executions and waits")]
    transition_dollars: Decimal
    other_dollars: Annotated[Decimal, _says("Lambda, table, queue, events and logs")]
    dollars: Decimal
    dollars_per_order: Decimal | None
    priced_on: str
    region: str
    estimate: bool


class Step(Frozen):
    """A child order, beside the quote that it was priced by."""

    rung: int
    type: str
    limit_price: Decimal | None
    qty: Decimal
    filled_qty: Decimal
    price: Annotated[Decimal | None, _says("average of its fills")]
    bid: Decimal | None
    ask: Decimal | None
    sent_at: datetime
    closed_at: datetime | None
    status: str


class Timeline(Frozen):
    """One order, as it was worked."""

    order_id: str
    signal_id: str
    symbol: str
    side: str | None
    kind: str
    strategy: str | None
    ladder: str | None
    status: str
    reason: str | None
    created_at: datetime
    filled_qty: Decimal
    price: Decimal | None
    reference_price: Decimal | None
    arrival_bid: Decimal | None
    arrival_ask: Decimal | None
    shortfall_bps: Annotated[Decimal | None, _says("against the mid on arrival, + is cost")]
    shortfall_dollars: Decimal
    saved_dollars: Annotated[Decimal, _says("against the old way, + is better")]
    seconds_to_fill: Decimal | None
    steps: list[Step]


class Report(Frozen):
    """The whole of it."""

    period: Period
    targets: list[TargetLine]
    counts: Counts
    slippage: Annotated[CostSection, _says("of entries, against the reference price")]
    shortfall: Annotated[CostSection, _says("of entries, against the mid on arrival")]
    leaving: Annotated[Costs, _says("shortfall of closes and unwinds, which have no cap")]
    fills: Fills
    rungs: list[RungLine]
    fallbacks: Fallbacks
    ends: Annotated[list[End], _says("entries with a reason, the most frequent first")]
    exits: Exits
    old_way: OldWay
    cloud: Cloud
    best: Annotated[list[Timeline], _says("the orders of the smallest shortfall in dollars")]
    worst: Annotated[list[Timeline], _says("the orders of the largest")]
    unread: Annotated[list[str], _says("ids of records that cannot be read, of this period or not: in no figure")]

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        ready: dict[str, Any] = msgspec.to_builtins(self, str_keys=True)
        return ready


def schema() -> dict[str, Any]:
    """The JSON schema of the document."""
    return msgspec.json.schema(Report)
