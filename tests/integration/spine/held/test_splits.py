"""A record and an account that disagree are never traded on: splits, stock dividends, and what nobody explains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.order.record import Order
from repeg.store import orders
from repeg.store.orders import OrderStore
from repeg.worker import adjust
from tests.support.deaths import Killed
from tests.support.lab import Lab
from tests.support.leaving import SHORT, Guard, guards, hold, minutes, shares
from tests.support.scenes import alerts, dying_at_write, journal, lab_at, run
from tests.support.splits import FRIDAY_AFTERNOON, monday, split
from tests.support.watching import cancel_protection, lapse

SPLIT_DAY = "2026-11-23T09:00:00-05:00"


@pytest.fixture
def evening(exchange: ExchangeControl, aws_credentials: None) -> Iterator[Lab]:
    """Friday afternoon, before a weekend on which splits happen."""
    with lab_at(exchange, FRIDAY_AFTERNOON) as lab:
        yield lab


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_death_while_a_split_is_followed_leaves_no_bracket_behind(evening: Lab, nth: int) -> None:
    """At the nth write of the sweep: with one of two that has followed, the account agrees with the records."""
    lab = evening
    hold(lab)
    hold(lab, "b2", qty=30)
    minutes(lab)
    monday(lab, "509.50", "509.80")
    split(lab, 1, 10)
    with dying_at_write(lab, nth):
        lab.sweep()
    minutes(lab, 4)
    assert [lab.order(name).unexited_qty for name in ("b", "b2")] == [10, 3]
    assert [guard.qty for guard in guards(lab)] == [10, 3]
    assert not lab.order("b2").care.frozen


@pytest.mark.parametrize("nth", [2, 3])
def test_a_death_between_the_writes_of_a_crowd_has_the_split_followed_by_all(
    evening: Lab, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    """More brackets than one write takes (here: one): with some of them written, the others were followed by nobody,
    and the written ones' old stop sold a thousand new shares at the open."""
    lab = evening
    for name, qty in (("b", 100), ("b2", 30), ("b3", 20)):
        hold(lab, name, qty=qty)
    minutes(lab)
    monday(lab, "5.09", "5.10")
    split(lab)
    saved, writes = OrderStore._saved, count(1)

    def dies(store: OrderStore, orders: Sequence[Order]) -> list[Order]:
        if next(writes) == nth:
            raise Killed("between two transactions")
        return saved(store, orders)

    for module in (adjust, orders):
        monkeypatch.setattr(module, "TOGETHER", 1)
    monkeypatch.setattr(OrderStore, "_saved", dies)
    with suppress(Killed):
        lab.sweep()
    lab.revive()
    assert {lab.order(name).unexited_qty for name in ("b", "b2", "b3")} & {100, 30, 20}, "not all were written"
    minutes(lab, 4)
    assert [lab.order(name).unexited_qty for name in ("b", "b2", "b3")] == [1000, 300, 200]
    assert [guard.qty for guard in guards(lab)] == [1000, 300, 200]
    assert not any(lab.order(name).care.frozen for name in ("b", "b2", "b3"))


def _stock(order: Order) -> tuple[Decimal, str, str]:
    return order.unexited_qty, f"{order.guard.stop_loss:.2f}", f"{order.guard.take_profit:.2f}"


@pytest.mark.parametrize(
    ("new", "old", "quote", "expected"),
    [
        (10, 1, ("5.09", "5.10"), (1000, "5.00", "5.35")),
        (3, 2, ("33.96", "33.98"), (150, "33.32", "35.66")),
        (1, 10, ("509.50", "509.80"), (10, "499.80", "534.80")),
    ],
    ids=["10 for 1", "3 for 2", "1 for 10"],
)
def test_a_split_over_night_is_followed_before_the_open(
    evening: Lab, new: int, old: int, quote: tuple[str, str], expected: tuple[int, str, str]
) -> None:
    """Quantities of resting legs follow at the broker, their prices do not: the old OCO would sell at the open."""
    lab = evening
    hold(lab)
    minutes(lab)
    mark = lab.mark()
    monday(lab, *quote)
    split(lab, new, old)
    minutes(lab, 2)
    order = lab.order("b")
    assert _stock(order) == (Decimal(expected[0]), expected[1], expected[2])
    assert (order.filled_qty, order.avg_fill_price, order.guard.exits, order.guard.protected) == (
        100,
        Decimal("50.98"),
        (),
        True,
    )
    stop, target = Decimal(expected[1]), Decimal(expected[2])
    assert guards(lab) == [Guard(Decimal(expected[0]), stop, target)]
    assert any("corporate action" in alert for alert in alerts(lab))
    assert any("split" in event.detail for event in order.events)
    monday(lab, *quote, hour="09:31")
    minutes(lab, 2)
    assert shares(lab) == expected[0]
    assert not [entry for entry in lab.control.journal(mark) if entry["type"] == "fill"]
    assert lab.order("b").care.frozen == ""


@pytest.mark.parametrize(("new", "old", "at"), [(10, 1, ("5.09", "5.10")), (1, 10, ("509.50", "509.80"))])
@pytest.mark.parametrize("signal", [{}, SHORT], ids=["long", "short"])
def test_legs_that_the_broker_scaled_itself_are_not_scaled_again(
    evening: Lab, signal: dict[str, Any], new: int, old: int, at: tuple[str, str]
) -> None:
    """They look like levels that somebody moved: scaled twice, the target lies where everything is sold at the open."""
    lab = evening
    held, ratio = hold(lab, **signal), Decimal(new) / old
    hold(lab, "b2", **(signal | {"qty": 30}))
    minutes(lab)
    mark = lab.mark()
    monday(lab, *at)
    split(lab, new, old, orders="rescale")
    minutes(lab, 3)
    monday(lab, *at, hour="09:31")
    minutes(lab, 3)
    first, second = lab.order("b"), lab.order("b2")
    assert (first.unexited_qty, second.unexited_qty) == (100 * ratio, 30 * ratio)
    assert [guard.qty for guard in guards(lab)] == [100 * ratio, 30 * ratio]
    assert held.guard.stop_loss
    for guard in guards(lab):
        assert abs(guard.stop - held.guard.stop_loss / ratio) <= Decimal("0.01")
    assert not [entry for entry in lab.control.journal(mark) if entry["type"] == "fill"]
    assert not first.care.frozen


def test_the_split_of_a_short_is_followed_too(evening: Lab) -> None:
    lab = evening
    hold(lab, **SHORT)
    minutes(lab)
    monday(lab, "25.47", "25.49")
    split(lab, 2, 1)
    minutes(lab, 2)
    assert guards(lab) == [Guard(Decimal(200), Decimal("25.97"), Decimal("24.22"))]
    assert shares(lab) == -200


def test_a_split_that_leaves_a_fraction_is_protected_in_whole_shares(evening: Lab) -> None:
    """100 for 3: 33 shares, and a third that is paid in cash."""
    lab = evening
    hold(lab)
    minutes(lab)
    monday(lab, "152.90", "152.95")
    split(lab, 1, 3, cash_in_lieu="152.90")
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.unexited_qty, order.care.frozen, order.guard.protected) == (33, "", True)
    assert [guard.qty for guard in guards(lab)] == [33]


def test_a_stock_dividend_is_followed(evening: Lab) -> None:
    lab = evening
    hold(lab)
    minutes(lab)
    monday(lab, "48.50", "48.55")
    lab.control.corporate_action("TQQQ", "stock_dividend", rate="0.05", ex_date="2026-11-23")
    minutes(lab, 2)
    assert (lab.order("b").unexited_qty, lab.order("b").guard.protected) == (105, True)
    assert [guard.qty for guard in guards(lab)] == [105]


def test_of_own_shares_and_a_bracket_each_is_split_for_itself(evening: Lab) -> None:
    lab = evening
    run(lab, "own", qty=30)
    hold(lab)
    minutes(lab)
    monday(lab, "25.47", "25.49")
    split(lab, 2, 1)
    minutes(lab, 2)
    assert (lab.order("b").unexited_qty, shares(lab)) == (200, 260)
    assert [guard.qty for guard in guards(lab)] == [200]


@pytest.mark.parametrize(
    ("qty", "price", "quote"),
    [(1000, "5.098", ("5.09", "5.10")), (10, "509.80", ("509.50", "509.80")), (150, "33.99", ("33.96", "33.98"))],
)
def test_what_looks_split_and_is_confirmed_by_nobody_is_frozen(
    lab: Lab, qty: int, price: str, quote: tuple[str, str]
) -> None:
    """Same cost, another quantity, and the OCO is gone: nothing sold, nothing booked, an operator decides."""
    order = hold(lab)
    cancel_protection(lab, order)
    lab.control.position("TQQQ", qty, price)
    lab.control.quote("TQQQ", *quote, 20000, 20000)
    sent = len(journal(lab, event="accepted"))
    minutes(lab, 20)
    order = lab.order("b")
    assert (order.unexited_qty, order.guard.exits, shares(lab)) == (100, (), qty)
    assert "as after a split" in order.care.frozen
    assert len(journal(lab, event="accepted")) == sent
    told = [alert for alert in alerts(lab) if "disagree" in alert]
    assert 2 <= len(told) <= 3
    decide = f"repeg resolve TQQQ --order {order.order_id} --stack repeg --forget, or --qty N --stop S --target T"
    assert decide in told[0], "a command that is taken as it stands"


def test_a_split_that_the_data_tell_late_ends_the_freeze(evening: Lab) -> None:
    """The account knows before the data do; the OCO of before is taken down meanwhile: it would sell at the open."""
    lab = evening
    hold(lab)
    minutes(lab)
    monday(lab, "5.09", "5.10")
    split(lab, 10, 1, announce=False)
    minutes(lab, 3)
    assert "as after a split" in lab.order("b").care.frozen
    assert guards(lab) == []
    split(lab, 10, 1, apply=False)
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.care.frozen, order.guard.protected, _stock(order)) == ("", True, (Decimal(1000), "5.00", "5.35"))
    assert guards(lab) == [Guard(Decimal(1000), Decimal("5.00"), Decimal("5.35"))]


def test_shares_that_nobody_sold_and_that_are_gone_freeze_the_order(lab: Lab) -> None:
    """A reverse split can show a position missing for days: an exit is booked for shares that somebody sold only."""
    order = lapse(lab)
    lab.control.position("TQQQ", 40, "50.98")
    minutes(lab, 3)
    order = lab.order("b")
    assert (order.unexited_qty, order.guard.exits) == (100, ())
    assert "no order of the account explains it" in order.care.frozen
    lab.control.position("TQQQ", 100, "50.98")
    minutes(lab, 3)
    order = lab.order("b")
    assert (order.care.frozen, order.guard.protected) == ("", True)
    assert [guard.qty for guard in guards(lab)] == [100]


def test_old_records_know_what_they_paid(lab: Lab) -> None:
    """Written before the account was noted beside: a lone bracket's own cost tells a split."""
    order = lapse(lab)
    assert order.care.seen is None
    lab.control.position("TQQQ", 1000, "5.098")
    lab.control.quote("TQQQ", "5.09", "5.10", 20000, 20000)
    minutes(lab, 2)
    assert "as after a split" in lab.order("b").care.frozen


def test_a_split_in_the_session_is_followed_when_the_old_protection_is_gone(lab: Lab) -> None:
    """Confirmed by the data at the first look; 10 became 33 1/3: whole shares are protected, nothing is sold."""
    order = hold(lab, qty=10)
    minutes(lab)
    cancel_protection(lab, order)
    lab.control.corporate_action("TQQQ", "forward_split", 10, 3)
    lab.control.quote("TQQQ", "15.28", "15.30", 20000, 20000)
    minutes(lab, 4)
    order = lab.order("b")
    assert (order.care.frozen, order.guard.exits, order.guard.protected) == ("", (), True)
    assert guards(lab) == [Guard(Decimal(33), Decimal("15.00"), Decimal("16.05"))]
    assert shares(lab).quantize(Decimal("0.001")) == Decimal("33.333")
    told = len(alerts(lab))
    minutes(lab, 10)
    assert (shares(lab).quantize(Decimal("0.001")), len(alerts(lab))) == (Decimal("33.333"), told)
