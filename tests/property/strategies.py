"""Quotes, prices, quantities and whole records, drawn at random but possible."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from repeg.domain.ladder.rungs import PriceRule, Rung
from repeg.domain.market.quotes import Quote
from repeg.domain.models import Frozen, Side
from repeg.domain.money import tick_size
from repeg.domain.order.adjustments import Adjustment
from repeg.domain.order.record import Order
from tests.support.make import NOON

sides: st.SearchStrategy[Side] = st.sampled_from(("buy", "sell"))
caps = st.decimals("0.5", "1000", places=1)
quantities = st.one_of(
    st.integers(1, 100_000).map(Decimal),
    st.decimals("0.000000001", "1000", places=9),
)


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

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(0, 100_000),
    Decimal: st.decimals("-1000000", "1000000", places=9),
    str: st.text(min_size=1, max_size=12),
    datetime: st.datetimes(datetime(2024, 1, 2), datetime(2027, 12, 30), timezones=st.just(UTC)),
    date: st.dates(date(2024, 1, 2), date(2027, 12, 30)),
    type(None): st.none(),
}
# No share becomes none, nor less than that.
_POSSIBLE: dict[type[Frozen], dict[str, st.SearchStrategy[Any]]] = {
    Adjustment: {"ratio": st.decimals("0.0001", "10000", places=4)}
}


def records(model: type[Frozen]) -> st.SearchStrategy[Any]:
    """Any record of `model`: every field takes any value of its kind, whether the values make sense together or not."""
    fields = {name: _of(kind) for name, kind in get_type_hints(model).items()}
    return st.builds(model, **(fields | _POSSIBLE.get(model, {})))


def _of(kind: Any) -> st.SearchStrategy[Any]:
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return st.one_of([_of(part) for part in parts])
    if origin is Literal:
        return st.sampled_from(parts)
    if origin is tuple and Ellipsis not in parts:
        return st.tuples(*(_of(part) for part in parts))
    if origin is tuple:
        return st.lists(_of(parts[0]), max_size=3).map(tuple)
    if isinstance(kind, type) and issubclass(kind, Frozen):
        return records(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    return _PLAIN[kind]


orders = records(Order)
