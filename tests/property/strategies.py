"""Quotes, prices, quantities and whole orders, drawn at random but possible."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from repeg.domain.ladders import PriceRule, Rung
from repeg.domain.models import Side
from repeg.domain.money import tick_size
from repeg.domain.opening import OpeningPlan
from repeg.domain.orders import ChildRecord, ClockAnchor, Event, Order, RungStatus
from repeg.domain.quotes import Quote, SpreadClass
from repeg.domain.reasons import Reason, Status
from repeg.domain.routing import SymbolClass
from tests.support.make import NOON

sides: st.SearchStrategy[Side] = st.sampled_from(("buy", "sell"))
caps = st.decimals("0.5", "1000", places=1)
quantities = st.one_of(
    st.integers(1, 100_000).map(Decimal),
    st.decimals("0.000000001", "1000", places=9),
)
moments = st.datetimes(datetime(2024, 1, 2), datetime(2027, 12, 30), timezones=st.just(UTC))
_numbers = st.decimals("0.000000001", "1000000", places=9)
_words = st.text("abcdefghij-_", min_size=1, max_size=12)


@st.composite
def prices(draw: st.DrawFn) -> Decimal:
    """A price on its tick, from a hundredth of a cent to $5,000."""
    if draw(st.booleans()):
        return Decimal(draw(st.integers(1, 9_999))) / 10_000
    return Decimal(draw(st.integers(100, 500_000))) / 100


@st.composite
def quotes(draw: st.DrawFn) -> Quote:
    """A two-sided quote on its ticks, from one tick to very wide."""
    bid = draw(prices())
    ask = bid + draw(st.integers(1, 200)) * tick_size(bid)
    ask = ask.quantize(tick_size(ask))
    if ask <= bid:
        ask = bid + Decimal("0.01")
    size = Decimal(draw(st.integers(0, 5_000)))
    return Quote(symbol="TQQQ", bid=bid, ask=ask, bid_size=size, ask_size=size, at=NOON)


rungs = st.builds(
    Rung,
    rule=st.sampled_from(PriceRule),
    patience=st.sampled_from((Decimal("2.5"), Decimal(5))),
    fraction=st.integers(0, 5).map(lambda k: Decimal(k) / 5),
)


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


children = st.builds(
    ChildRecord,
    rung=st.integers(1, 50),
    client_order_id=_words,
    broker_order_id=_maybe(_words),
    type=st.sampled_from(("limit", "market")),
    limit_price=_maybe(_numbers),
    qty=_numbers,
    filled_qty=_numbers,
    avg_fill_price=_maybe(_numbers),
    status=st.sampled_from(RungStatus),
    bid=_maybe(_numbers),
    ask=_maybe(_numbers),
    sent_at=moments,
    closed_at=_maybe(moments),
    patience=_numbers,
    price_protected=st.booleans(),
    ambiguous=st.booleans(),
    sends=st.integers(0, 5),
    lookups=st.integers(0, 5),
    lookup_position=_maybe(st.decimals("-1000", "1000", places=9)),
    cancel_requested_at=_maybe(moments),
    cancel_alarmed=st.booleans(),
)

_plans = st.builds(
    OpeningPlan,
    opens_at=moments,
    spread_class=st.sampled_from(SpreadClass),
    patience_seconds=st.integers(0, 120),
    cap_bps=_numbers,
)

orders = st.builds(
    Order,
    order_id=_words,
    signal_id=_words,
    rebalance_id=_maybe(_words),
    kind=st.sampled_from(("order", "close", "bracket", "rebalance_leg", "unwind")),
    strategy=_maybe(st.text(max_size=20)),
    symbol=st.sampled_from(("TQQQ", "BRK.B")),
    side=_maybe(sides),
    status=st.sampled_from(Status),
    reason=_maybe(st.sampled_from(Reason)),
    ladder=_maybe(_words),
    symbol_class=_maybe(st.sampled_from(SymbolClass)),
    requested_qty=_maybe(_numbers),
    notional=_maybe(_numbers),
    max_slippage_bps=_maybe(_numbers),
    cap_breached=st.booleans(),
    reference_price=_maybe(_numbers),
    arrival_bid=_maybe(_numbers),
    arrival_ask=_maybe(_numbers),
    slippage_bps=_maybe(st.decimals("-1000", "1000", places=20)),
    shortfall_bps=_maybe(st.decimals("-1000", "1000", places=20)),
    stop_loss=_maybe(_numbers),
    take_profit=_maybe(_numbers),
    risk_reward=_maybe(_numbers),
    protected=_maybe(st.booleans()),
    protective_order_id=_maybe(_words),
    unwind_order_id=_maybe(_words),
    unwind_cost=_maybe(_numbers),
    exit_price=_maybe(_numbers),
    exit_reason=_maybe(_words),
    exit_at=_maybe(moments),
    seconds_to_fill=_maybe(_numbers),
    created_at=moments,
    completed_at=_maybe(moments),
    execution_arn=_maybe(_words),
    executions=st.integers(1, 10_000),
    rungs=st.lists(children, max_size=3).map(tuple),
    events=st.lists(st.builds(Event, at=moments, state=_words, detail=st.text(max_size=20)), max_size=3).map(tuple),
    received_at=moments,
    expires_at=_maybe(moments),
    explicit_expiry=st.booleans(),
    when_closed=st.sampled_from(("reject", "next_open")),
    completion=st.sampled_from(("protect_price", "must")),
    signal_ladder=_maybe(_words),
    signal_cap_bps=_maybe(_numbers),
    signal_qty=_maybe(_numbers),
    plan=st.lists(rungs, max_size=3).map(tuple),
    opening=_maybe(_plans),
    parked=st.booleans(),
    holds=st.integers(0, 10_000),
    holds_since_start=st.integers(0, 500),
    broker_failures=st.integers(0, 10),
    hold_reason=_maybe(st.text(max_size=20)),
    clock=_maybe(st.builds(ClockAnchor, market_at=moments, wall_at=moments)),
    cancel_unclear=st.booleans(),
    securing=st.booleans(),
    published=st.booleans(),
    version=st.integers(0, 100_000),
)
"""Every field of an order takes a value of its own kind."""
