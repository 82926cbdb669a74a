from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from desk.report.bare import Bare, bare_times
from repeg.domain.order.protection import ExitReason
from repeg.domain.order.views import order_view
from tests.unit.samples import BOUGHT, HELD, START, bracket, gone, journal, oco

FILLED = BOUGHT.sent_at
LATER = FILLED + timedelta(seconds=50)
GUARDED_LATE = HELD.with_guard(protections=(oco().changed(placed_at=LATER),))


def test_shares_are_bare_from_the_fill_until_a_stop_stands() -> None:
    assert list(bare_times([order_view(GUARDED_LATE)], journal(GUARDED_LATE), "CRWD")) == [
        Bare(FILLED, LATER, Decimal(25))
    ]
    assert list(bare_times([order_view(GUARDED_LATE)], journal(GUARDED_LATE), "TQQQ")) == []


def test_shares_that_nothing_guards_are_bare_to_the_end() -> None:
    one = bracket(BOUGHT)
    assert list(bare_times([order_view(one)], journal(one), "CRWD")) == [Bare(FILLED, None, Decimal(25))]


def test_a_target_whose_stop_died_guards_nothing() -> None:
    entries = journal(GUARDED_LATE)
    died = START + timedelta(minutes=5)
    entries.append(entries[-1] | {"event": "canceled", "at": died.isoformat()})
    assert list(bare_times([order_view(GUARDED_LATE)], entries, "CRWD"))[1] == Bare(died, None, Decimal(25))


def test_what_an_exit_is_selling_is_not_bare() -> None:
    one = bracket(BOUGHT, exits=(gone(ExitReason.CLOSE, 25, "540"),))
    exit_ = BOUGHT.changed(client_order_id="ord-2-e1", broker_order_id="b-9", sent_at=LATER)
    close = bracket(exit_, kind="close", side="sell", order_id="ord-2")
    views = [order_view(one), order_view(close)]
    assert list(bare_times(views, journal(one, close), "CRWD")) == [Bare(FILLED, LATER, Decimal(25))]
