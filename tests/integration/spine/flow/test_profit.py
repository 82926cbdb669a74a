"""What `repeg pnl` makes of the records is what the exchange's own journal says, to the cent."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from repeg.domain.models import direction
from repeg.domain.profit import books_of, fills_of
from tests.support.brackets import CRWD, crwd, moves
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import journal, market_time, run, send


def test_realised_profit_is_the_cash_that_came_and_went(lab: Lab) -> None:
    """An order of several fills sold again, a bracket at its target, one unwound, and one closed."""
    lab.control.quote("TQQQ", "50.95", "50.98", 40, 1000)
    run(lab, "in", qty=37)
    run(lab, "out", qty=37, side="sell")
    crwd(lab)
    run(lab, "target", **CRWD)
    crwd(lab, "545.60", "545.70")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:05"), sweep_every=60)
    crwd(lab)
    run(lab, "closed", **(CRWD | {"qty": 7}))
    send(lab, "close", kind="close", symbol="CRWD")
    with Crowd(lab) as crowd:
        crowd.work()
    moves(lab, "fill", "529.00", "529.10")
    send(lab, "unwound", **(CRWD | {"qty": 11}))
    with Crowd(lab) as crowd:
        crowd.work()
    lab.check()

    orders = list(lab.orders.newest())
    books = books_of(orders)
    assert (books.lots, books.unmatched) == ([], [])
    assert {trade.reason for trade in books.trades} == {"order", "target", "close", "unwind"}
    cash: defaultdict[str, Decimal] = defaultdict(Decimal)
    for fill in journal(lab, "fill"):
        cash[fill["symbol"]] -= Decimal(fill["qty"]) * Decimal(fill["price"]) * direction(fill["side"])
    earned: defaultdict[str, Decimal] = defaultdict(Decimal)
    for trade in books.trades:
        assert trade.realised is not None
        earned[trade.symbol] += trade.realised
    assert {symbol: round(sum_, 2) for symbol, sum_ in earned.items()} == {
        symbol: round(sum_, 2) for symbol, sum_ in cash.items()
    }
    listed = [fill for order in orders for fill in fills_of(order)]
    assert round(sum((fill.cash or Decimal(0) for fill in listed), Decimal(0)), 2) == round(sum(cash.values()), 2)
