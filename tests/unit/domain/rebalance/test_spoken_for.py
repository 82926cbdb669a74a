"""What orders that rest may still take of the cash."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Status
from repeg.domain.rebalance.plan import plan, plan_buys
from repeg.domain.rebalance.spoken import SpokenFor, filled_lately, spent_lately, spoken_for, without_price
from tests.support.books import book, held, price, shares_of, targets, why_left
from tests.support.make import NOON, child, order, report

NONE_HELD: dict[str, Decimal] = {}
PRICES = {"TQQQ": price("TQQQ", 50)}


def _theirs(**fields: Any) -> SpokenFor:
    """Of somebody else's buy of 100 TQQQ, at $50, unless the test says otherwise."""
    return spoken_for([], [report().changed(**fields)], PRICES, NONE_HELD)


@pytest.mark.parametrize(
    ("fields", "dollars"),
    [
        ({"limit_price": Decimal(49)}, 4900),
        ({"limit_price": Decimal(49), "filled_qty": Decimal(40), "avg_fill_price": Decimal(48)}, 2940),
        ({}, 5250),
        ({"stop_price": Decimal(52)}, 5460),
        ({"stop_price": Decimal(40)}, 5250),
        ({"stop_price": Decimal(52), "limit_price": Decimal(53)}, 5300),
        ({"qty": Decimal(0), "notional": Decimal(2500)}, 2500),
        ({"filled_qty": Decimal(20), "avg_fill_price": Decimal(50), "notional": Decimal(2500)}, 1500),
        ({"symbol": "AAPL261218C00200000", "limit_price": Decimal("2.5"), "multiplier": Decimal(100)}, 25_000),
        ({"side": "sell"}, 0),
    ],
    ids=["limit", "filled in part", "market", "stop", "stop that the market is through", "stop limit", "amount",
         "amount, filled in part", "option", "sell"],
)  # fmt: skip
def test_what_an_order_of_somebody_else_may_still_cost(fields: dict[str, Any], dollars: int) -> None:
    assert _theirs(**fields) == SpokenFor(Decimal(dollars))


@pytest.mark.parametrize(
    "fields",
    [{"symbol": "BTC/USD"}, {"symbol": "KO"}, {"symbol": "AAPL261218C00200000", "multiplier": Decimal(100)}],
    ids=["crypto", "a symbol without a price", "an option"],
)
def test_a_cost_that_cannot_be_told_is_no_zero(fields: dict[str, Any]) -> None:
    found = spoken_for([], [report().changed(**fields)], {"KO": price("KO", 0)}, NONE_HELD)
    assert found.dollars == 0 and fields["symbol"] in found.unknown


def _ours(**fields: Any) -> Order:
    return order(**{"status": Status.WORKING, "side": "buy", "qty": Decimal(100)} | fields)


@pytest.mark.parametrize(
    ("fields", "dollars"),
    [
        ({}, 5000),
        ({"qty": None, "notional": Decimal(3000)}, 3000),
        ({"children": (child(status=ChildStatus.INTENT, limit_price=Decimal(51)),)}, 5100),
        ({"children": (child(filled_qty=Decimal(60), limit_price=Decimal(51)),)}, 2040),
        ({"children": (child(type="market", limit_price=None),)}, 5250),
    ],
    ids=["nothing sent", "an amount", "sent, and nobody knows its fate", "filled in part", "at market"],
)
def test_what_an_order_of_ours_may_still_cost_is_told_by_its_record(fields: dict[str, Any], dollars: int) -> None:
    ours = _ours(**fields)
    assert spoken_for([ours], [], PRICES, NONE_HELD) == SpokenFor(Decimal(dollars))
    if ours.children:
        listed = report().changed(limit_price=Decimal(51), client_order_id=ours.children[0].client_order_id)
        assert spoken_for([ours], [listed], PRICES, NONE_HELD) == SpokenFor(Decimal(dollars)), "counted once"


def test_what_buys_a_short_back_is_kept_for_it_elsewhere() -> None:
    assert spoken_for([_ours()], [report()], PRICES, {"TQQQ": Decimal(-100)}) == SpokenFor(Decimal(0))


_SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("fields", "ago", "dollars"),
    [
        ({"status": ChildStatus.FILLED, "closed_at": NOON}, 9, 5050),
        ({"status": ChildStatus.FILLED, "closed_at": NOON}, 10, 0),
        ({"status": ChildStatus.FILLED, "closed_at": NOON}, -1, 5050),
        ({"status": ChildStatus.FILLED, "closed_at": NOON}, -10, 0),
        ({}, 3600, 5050),
        ({"status": ChildStatus.CANCELED, "filled_qty": Decimal(10), "closed_at": NOON}, 1, 505),
        ({"status": ChildStatus.CANCELED, "filled_qty": Decimal(0), "closed_at": NOON}, 1, 0),
        ({"status": ChildStatus.FILLED, "avg_fill_price": None, "closed_at": NOON}, 1, 5100),
    ],
    ids=[
        "a moment ago",
        "shown by now",
        "by a clock that is ahead",
        "before the clock was set back",
        "at rest, whenever it was",
        "a part",
        "nothing",
        "without a price",
    ],
)
def test_what_was_bought_a_moment_ago_need_not_be_gone_from_the_cash(
    fields: dict[str, Any], ago: int, dollars: int
) -> None:
    filled = {"filled_qty": Decimal(100), "avg_fill_price": Decimal("50.5"), "limit_price": Decimal(51)}
    ours, now = _ours(children=(child(**filled | fields),)), NOON + ago * _SECOND
    assert spent_lately([ours], NONE_HELD, now) == SpokenFor(Decimal(dollars))
    assert filled_lately(ours, now) is (dollars > 0)
    assert spent_lately([ours], {"TQQQ": Decimal(-100)}, now).dollars == 0, "kept for the short elsewhere"
    assert spent_lately([ours.changed(side="sell")], NONE_HELD, now).dollars == 0


def test_what_was_bought_a_moment_ago_for_nobody_knows_what_is_no_zero() -> None:
    unpriced = child(status=ChildStatus.FILLED, filled_qty=Decimal(100), limit_price=None, closed_at=NOON)
    assert "TQQQ" in spent_lately([_ours(children=(unpriced,))], NONE_HELD, NOON).unknown


def test_prices_are_asked_of_what_names_none() -> None:
    crypto, limit = report().changed(symbol="BTC/USD"), report().changed(symbol="KO", limit_price=Decimal(60))
    amount = report().changed(symbol="PEP", notional=Decimal(100))
    assert without_price([_ours(symbol="AAPL")], [report(), crypto, limit, amount], NONE_HELD) == {"TQQQ", "AAPL"}


MARKS = {"AAPL": 200, "SPY": 400}


@pytest.mark.parametrize("make", [plan, plan_buys])
def test_while_a_cost_is_unknown_nothing_is_bought_and_that_is_why(make: Any) -> None:
    account = book(50_000, {"AAPL": 100}, MARKS).changed(unknown_cost="BTC/USD rests")
    planned = make(account, targets({"SPY": 1}))
    assert (planned.buys, planned.spendable, why_left(planned)["SPY"]) == ((), 0, "BTC/USD rests")


def test_where_the_broker_s_own_figure_is_less_what_rests_it_counts() -> None:
    unknown = {"unknown_cost": "BTC/USD rests"}
    lent = book(50_000, {}, MARKS, buying_power=20_000).changed(**unknown)
    assert shares_of(plan(lent, targets({"SPY": 1}, margin=True)).buys) == {"SPY": 50}
    settled = book(50_000, {}, MARKS, settled_cash=20_000).changed(**unknown)
    assert shares_of(plan(settled, targets({"SPY": 1})).buys) == {"SPY": 50}


def test_what_an_option_that_was_written_brought_is_not_spent() -> None:
    written = held("AAPL261218C00200000", -10, tradable=False).changed(value=Decimal(-20_000))
    planned = plan(book(120_000, [written], MARKS), targets({"SPY": 1}))
    assert (planned.equity, planned.spendable) == (100_000, 100_000)
