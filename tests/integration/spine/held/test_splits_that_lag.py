"""A split that the market follows before the account does, or one answer before another: nothing is sold by its price.

A tenth of a share costs a tenth: any stop from before lies above that price, and a target from before a reverse split
below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from tests.support.lab import Lab
from tests.support.leaving import SHORT, Guard, guards, hold, minutes, shares
from tests.support.scenes import alerts, journal, lab_at
from tests.support.splits import FRIDAY_AFTERNOON, monday, split
from tests.support.watching import cancel_protection

FORWARD = (10, 1, "5.09", "5.10")
REVERSE = (1, 10, "509.50", "509.80")
AS_BEFORE = {"qty": "100", "qty_available": "0", "avg_entry_price": "50.98"}


@pytest.fixture
def lab(exchange: ExchangeControl, aws_credentials: None) -> Iterator[Lab]:
    """Friday afternoon, before a weekend on which splits happen."""
    with lab_at(exchange, FRIDAY_AFTERNOON) as lab:
        yield lab


def _sold_since(lab: Lab, mark: int) -> list[Any]:
    return [entry for entry in journal(lab, "fill") if entry["seq"] > mark]


@pytest.mark.parametrize("late", ["/v2/positions/*", "/v2/positions"], ids=["the read", "the list"])
def test_one_answer_that_lags_behind_a_split_does_not_hide_it(lab: Lab, late: str) -> None:
    """The list showed it first, and the read was believed: the split passed for known, and the old stop sold all."""
    hold(lab)
    minutes(lab)
    mark = lab.mark()
    monday(lab, "5.09", "5.10")
    split(lab, 10, 1)
    lab.control.faults({"kind": "edit", "method": "GET", "path": late, "body": AS_BEFORE, "count": 1})
    minutes(lab, 3)
    assert guards(lab) == [Guard(Decimal(1000), Decimal("5"), Decimal("5.35"))]
    monday(lab, "5.09", "5.10", hour="09:31")
    minutes(lab)
    assert (shares(lab), _sold_since(lab, mark), lab.order("b").unexited_qty) == (1000, [], 1000)


@pytest.mark.parametrize(
    ("signal", "rates", "lost"),
    [({}, FORWARD, False), ({}, FORWARD, True), ({}, REVERSE, True), (SHORT, REVERSE, False)],
    ids=["10 for 1", "10 for 1, bare", "1 for 10, bare", "1 for 10 of a short"],
)
def test_what_the_account_does_not_show_yet_is_neither_sold_nor_guarded_at_old_prices(
    lab: Lab, signal: dict[str, Any], rates: tuple[int, int, str, str], lost: bool
) -> None:
    """Told, with all orders from before taken down; once the account follows, the shares are guarded as they count."""
    new, old, bid, ask = rates
    order = hold(lab, **signal)
    minutes(lab)
    if lost:
        cancel_protection(lab, order)
    mark = lab.mark()
    monday(lab, bid, ask)
    split(lab, new, old, apply=False)
    minutes(lab, 2)
    monday(lab, bid, ask, hour="09:31")
    minutes(lab, 3)
    order = lab.order("b")
    assert (order.unexited_qty, order.guard.protected, order.guard.exits, guards(lab)) == (100, False, (), [])
    assert any("the account does not show it yet" in alert for alert in alerts(lab))
    split(lab, new, old)
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.unexited_qty, order.guard.protected, order.care.frozen) == (100 * new / old, True, "")
    assert [guard.qty for guard in guards(lab)] == [100 * new / old]
    assert not _sold_since(lab, mark)


def test_a_split_that_is_only_told_keeps_nobody_from_leaving(lab: Lab) -> None:
    """The data announce one, and the market knows of none: a price that fits the shares as they are is believed."""
    order = hold(lab)
    cancel_protection(lab, order)
    split(lab, 10, 1, apply=False)
    monday(lab, "49.00", "49.03", hour="09:31")
    minutes(lab, 3)
    order = lab.order("b")
    assert (order.unexited_qty, order.exit_reason, shares(lab)) == (0, "unwind", 0)


def test_a_price_as_far_off_as_a_split_sells_nothing_while_none_can_be_ruled_out(lab: Lab) -> None:
    """Corporate actions cannot be read: told, and the orders stay as they are; when they can, the shares are left."""
    order = hold(lab)
    cancel_protection(lab, order)
    monday(lab, "30.00", "30.03", hour="09:31")
    lab.control.faults({"kind": "error", "status": 500, "path": "/v1/corporate-actions*"})
    minutes(lab, 3)
    assert (shares(lab), lab.order("b").care.frozen) == (100, "")
    assert any("not left yet" in alert for alert in alerts(lab))
    lab.control.faults()
    minutes(lab, 12)
    assert (shares(lab), lab.order("b").exit_reason) == (0, "unwind")


def test_of_two_brackets_the_one_that_was_bought_in_new_shares_keeps_its_orders(lab: Lab) -> None:
    order = hold(lab)
    minutes(lab)
    cancel_protection(lab, order)
    monday(lab, "5.09", "5.10", hour="09:31")
    split(lab, 10, 1, apply=False)
    new = {"signal_price": "5.10", "stop_loss": "5.00", "take_profit": "5.35"}
    hold(lab, "n", qty=1000, **new)
    minutes(lab, 3)
    assert [lab.order(each).guard.protected for each in ("b", "n")] == [False, True]
    assert [guard.qty for guard in guards(lab)] == [1000]
    assert shares(lab) == 1100


def test_protection_that_is_done_for_the_day_is_not_lost(lab: Lab) -> None:
    hold(lab)
    done = {"kind": "edit", "method": "GET", "path": "/v2/orders*", "when": {"order_class": "oco", "status": "new"}}
    lab.control.faults(done | {"body": {"status": "done_for_day"}})
    lab.set_clock("2026-11-20T16:05:00-05:00")
    lab.time.read(lab.broker)
    minutes(lab, 3)
    assert (lab.order("b").guard.protected, alerts(lab)) == (True, [])
