"""What becomes of a bracket's entry once it is sent: time-outs, parts, races, stuck cancels, other people's hands."""

from __future__ import annotations

from decimal import Decimal

import pytest

from desk.exchange.client import ExchangeControl
from desk.report.truth import trading_calls
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from tests.support.brackets import CANCEL, CRWD, bracket, crwd, levels, moves, ocos, position, seconds
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import alerts, by_hand, lab_at, market_time, run, send

# --- time ---


def test_a_bracket_that_does_not_fill_ends_after_sixty_seconds(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """Issue: a 60 s unfilled bracket: at most 40 transitions and 12 trading calls."""
    caplog.set_level("INFO", logger="lab")
    crwd(lab, "535.10", "535.20")
    mark = lab.mark()
    order = run(lab, **CRWD)
    calls = trading_calls([e for e in lab.control.journal() if mark < e["seq"]])
    assert (order.status, order.reason, len(order.children)) == (Status.UNFILLED, Reason.FILL_TIMEOUT, 1)
    assert 60 <= seconds(order) <= 62
    assert "Order fill timeout" in caplog.text
    assert lab.machine and len(lab.machine.entered) <= 40
    assert len(calls) <= 12
    lab.check()


def test_the_patience_is_a_setting(lab: Lab) -> None:
    lab.settings = Settings(SMART_EXECUTOR_FILL_TIMEOUT=Decimal(10))
    crwd(lab, "535.10", "535.20")
    order = bracket(lab)
    assert order.reason is Reason.FILL_TIMEOUT
    assert 10 <= seconds(order) <= 11


@pytest.mark.parametrize(("when", "status"), [("15:57:29", Status.FILLED), ("15:57:31", Status.REJECTED)])
def test_no_entry_starts_that_could_not_be_over_ninety_seconds_before_the_close(
    exchange: ExchangeControl, when: str, status: Status
) -> None:
    """Design 3.11: 60 s of patience and 90 s of margin."""
    with lab_at(exchange, when) as lab:
        crwd(lab)
        order = bracket(lab)
        assert order.status is status
        assert order.reason is (None if status is Status.FILLED else Reason.MARKET_CLOSED)


# --- in parts ---


def test_a_part_is_given_five_seconds_and_then_protected(lab: Lab) -> None:
    """Contract 3: 60 s time-out with 10 of 25 filled: partially_filled/fill_timeout, protected."""
    crwd(lab, size=10)
    order = bracket(lab)
    assert (order.status, order.reason, order.filled_qty) == (Status.PARTIALLY_FILLED, Reason.FILL_TIMEOUT, 10)
    assert 5 <= seconds(order) <= 8
    assert (order.guard.protected, [entry["qty"] for entry in ocos(lab)]) == (True, ["10"])
    assert levels(order) == ("529.45", "545.50")
    assert position(lab) == 10


def test_a_part_that_becomes_whole_within_its_grace_is_filled(lab: Lab) -> None:
    crwd(lab, size=10)
    moves(lab, "fill", "534.70", "534.80", after=3)
    order = bracket(lab)
    assert (order.status, order.reason, order.filled_qty) == (Status.FILLED, None, 25)
    assert [entry["qty"] for entry in ocos(lab)] == ["25"], "one OCO for the whole"


def test_a_late_part_has_no_more_time_than_the_entry(lab: Lab) -> None:
    crwd(lab, "535.10", "535.20")
    moves(lab, "new", "534.99", "535.09", after=58, size=10)
    order = bracket(lab)
    assert (order.status, order.filled_qty, order.guard.protected) == (Status.PARTIALLY_FILLED, 10, True)
    assert seconds(order) <= 62


@pytest.mark.parametrize(("size", "status"), [(500, Status.FILLED), (10, Status.PARTIALLY_FILLED)])
def test_a_fill_that_wins_against_the_cancel_is_protected(lab: Lab, size: int, status: Status) -> None:
    """Design 3.1: the final filled quantity of the cancelled order is the truth."""
    crwd(lab, "535.10", "535.20")
    moves(lab, "pending_cancel", "534.70", "534.80", after=0.02, size=size)
    order = bracket(lab)
    assert (order.status, order.filled_qty, order.guard.protected) == (status, min(size, 25), True)
    assert [entry["qty"] for entry in ocos(lab)] == [str(min(size, 25))]


def _stuck_with_a_part(lab: Lab, crowd: Crowd) -> Order:
    crwd(lab, size=10)
    lab.control.faults(CANCEL | {"kind": "stuck_cancel"})
    send(lab, **CRWD)
    crowd.work(until=market_time("10:00:30"))
    assert lab.order("a").guard.protections == ()
    crowd.work(until=market_time("10:01"))
    return lab.order("a")


def test_what_a_stuck_cancel_left_filled_is_protected_at_once(lab: Lab) -> None:
    """Design 3.1: stuck for 30 s: what is filled gets its protection now, alarm, the symbol stays locked."""
    with Crowd(lab) as crowd:
        order = _stuck_with_a_part(lab, crowd)
        assert (order.status, order.guard.protected, order.filled_qty) == (Status.WORKING, True, 10)
        assert [entry["qty"] for entry in ocos(lab, "new")] == ["10"]
        assert any("cancel not confirmed" in text for text in alerts(lab))
        send(lab, "next", **CRWD)
        crowd.work(until=market_time("10:02"))
        assert lab.order("next").status is Status.WAITING
        lab.check(all_over=False)
        lab.control.faults()
        crowd.work()
    order = lab.order("a")
    assert (order.status, order.reason, order.filled_qty) == (Status.PARTIALLY_FILLED, Reason.CANCEL_STUCK, 10)
    lab.check()


@pytest.mark.parametrize(
    ("late", "ending"),
    [(500, (Status.FILLED, None, 25)), (5, (Status.PARTIALLY_FILLED, Reason.CANCEL_STUCK, 15))],
    ids=["the rest", "some"],
)
def test_a_late_fill_of_a_stuck_cancel_gets_its_own_protection(
    lab: Lab, late: int, ending: tuple[Status, Reason | None, int]
) -> None:
    with Crowd(lab) as crowd:
        _stuck_with_a_part(lab, crowd)
        crwd(lab, size=late)
        crowd.work(until=market_time("10:02"))
        assert [entry["qty"] for entry in ocos(lab, "new")] == ["10", str(min(late, 15))]
        lab.check(all_over=False)
        lab.control.faults()
        crowd.work()
    order = lab.order("a")
    assert (order.status, order.reason, order.filled_qty) == ending
    assert (order.guard.protected, order.uncovered_qty) == (True, 0)
    lab.check()


# --- somebody else's hand ---


def _raised_by_hand(lab: Lab, ask: str) -> Order:
    """The entry rests, the market runs away, and somebody raises the limit to follow it."""
    crwd(lab, "535.10", "535.20")
    send(lab, **CRWD)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:04"))
        lab.control.quote("CRWD", str(Decimal(ask) - Decimal("0.10")), ask, 500, 500)
        child = lab.order("a").children[0]
        by_hand(lab, "PATCH", f"orders/{child.broker_order_id}", {"limit_price": "536.50"})
        crowd.work()
    return lab.order("a")


def test_a_fill_beyond_the_cap_is_left_again(lab: Lab) -> None:
    """Design 3.8: rejected after a fill: unwind, confirmed flat, and say what it cost."""
    order = _raised_by_hand(lab, "536.00")
    assert (order.status, order.reason, order.filled_qty) == (Status.UNWOUND, Reason.SLIPPAGE_EXCEEDED, 25)
    assert (order.avg_fill_price, order.exit_price) == (Decimal("536.00"), Decimal("535.90"))
    assert (order.exit_reason, order.unwind.cost, order.guard.protected) == ("unwind", Decimal("2.50"), False)
    assert order.result.cap_breached and not ocos(lab)
    assert position(lab) == 0
    assert alerts(lab)
    lab.check()


def test_a_fill_inside_the_cap_is_kept_whoever_moved_the_limit(lab: Lab) -> None:
    order = _raised_by_hand(lab, "535.35")
    assert (order.status, order.guard.protected) == (Status.FILLED, True)
    lab.check()
