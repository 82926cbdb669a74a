"""An operator's word on a position whose record and account disagree, and what follows from it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from desk.positions.resolve import Word, disputed, resolve
from repeg.domain.order.bracket import Levels
from repeg.domain.order.record import Order
from repeg.domain.proof.resolving import NotResolvable
from repeg.domain.reasons import Status
from tests.support.lab import Lab
from tests.support.leaving import Guard, guards, hold, minutes, shares, side_by_side
from tests.support.scenes import alerts, run
from tests.support.watching import lapse

NEW = Word(Decimal(1000), Levels(stop=Decimal("5.00"), target=Decimal("5.35")))


def _frozen(lab: Lab) -> Order:
    """The account shows ten times the shares at a tenth of the price, and nobody says why."""
    lapse(lab)
    lab.control.position("TQQQ", 1000, "5.098")
    lab.control.quote("TQQQ", "5.09", "5.10", 20000, 20000)
    minutes(lab, 2)
    order = lab.order("b")
    assert order.care.frozen
    return order


def _say(lab: Lab, word: Word | None) -> Order:
    meant = disputed(lab.orders, "TQQQ")
    return resolve(lab.orders, lab, lab.time.approximate(), meant, word, lab.broker.position("TQQQ"))  # type: ignore[arg-type]


def test_what_an_operator_says_is_protected_at_once(lab: Lab) -> None:
    _frozen(lab)
    _say(lab, NEW)
    side_by_side(lab)
    order = lab.order("b")
    assert (order.care.frozen, order.unexited_qty, order.guard.protected) == ("", 1000, True)
    assert (order.filled_qty, order.avg_fill_price, order.entry_price) == (100, Decimal("50.98"), Decimal("5.098"))
    assert guards(lab) == [Guard(Decimal(1000), Decimal("5.00"), Decimal("5.35"))]
    told = len(alerts(lab))
    minutes(lab, 3)
    assert (lab.order("b").care.frozen, len(alerts(lab)), shares(lab)) == ("", told, 1000)


def test_what_is_forgotten_is_not_watched_any_more(lab: Lab) -> None:
    _frozen(lab)
    _say(lab, None)
    told = len(alerts(lab))
    minutes(lab, 3)
    order = lab.order("b")
    assert (order.unexited_qty, order.exit_reason, order.exit_price, order.care.frozen) == (0, "outside", None, "")
    assert lab.orders.holding_shares() == []
    assert (shares(lab), len(alerts(lab))) == (1000, told)
    assert "not watched any more" in order.events[-1].detail


def test_a_word_is_only_taken_where_it_is_asked_for(lab: Lab) -> None:
    with pytest.raises(NotResolvable, match="no bracket holds"):
        disputed(lab.orders, "TQQQ")
    hold(lab)
    with pytest.raises(NotResolvable, match="agree"):
        disputed(lab.orders, "TQQQ")


@pytest.mark.parametrize(
    ("qty", "stop", "target", "said"),
    [
        ("0", "5.00", "5.35", "--qty 0: must be above 0"),
        ("10", "5.35", "5.00", "--target 5: must lie above the stop"),
        ("10", "5.001", "5.35", "--stop 5.001: must be a price in whole ticks"),
    ],
)
def test_a_word_that_cannot_be_protected_is_refused(lab: Lab, qty: str, stop: str, target: str, said: str) -> None:
    _frozen(lab)
    with pytest.raises(NotResolvable, match=said):
        _say(lab, Word(Decimal(qty), Levels(stop=Decimal(stop), target=Decimal(target))))
    assert lab.order("b").care.frozen


def test_an_execution_that_runs_is_not_overtaken(lab: Lab) -> None:
    order = _frozen(lab)
    lab.running[f"{order.order_id}-{order.run.executions}"] = order.order_id
    with pytest.raises(NotResolvable, match="being worked on"):
        _say(lab, NEW)


def test_a_close_of_a_frozen_position_sells_what_the_account_holds(lab: Lab) -> None:
    """It is somebody's word: 1,000 are there, 1,000 are sold; at what price the record's 100 left is not known."""
    _frozen(lab)
    close = run(lab, "c", kind="close")
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 1000, 0)
    order = lab.order("b")
    assert (order.unexited_qty, order.exit_reason, order.care.frozen) == (0, "close", "")
    assert lab.orders.holding_shares() == []
