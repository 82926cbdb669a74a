"""An adjust beside fills, entries, closes and the end of the session: whichever comes first."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, STOP, TARGET, Guard, check_held, guards, hold, shares
from tests.support.moving import DONE, adjusted, refused, told
from tests.support.scenes import (
    lab_at,
    market_time,
    on_order,
    run,
    send,
    whenever,
)

pytestmark = pytest.mark.usefixtures("aws_credentials")


# --- fills that win the race ---


@pytest.mark.parametrize(("bid", "how"), [("49.90", "stop"), ("53.60", "target")])
def test_an_exit_that_fills_while_it_is_cancelled_is_told(lab: Lab, bid: str, how: str) -> None:
    hold(lab)
    ask = str(Decimal(bid) + Decimal("0.03"))

    def fills() -> None:
        lab.control.quote("TQQQ", bid, ask, 2000, 2000)
        lab.sleep(1)

    whenever(lab, "broker.cancel", fills)
    order = adjusted(lab, stop_loss="50.50")
    assert refused(order) == (Status.REJECTED, Reason.NO_POSITION)
    assert f"its shares left by {how}" in order.events[-2].detail
    held = lab.order("b")
    assert (held.guard.stop_loss, held.guard.take_profit) == (STOP, TARGET), "nothing ever stood at other levels"
    assert shares(lab) == 0
    assert len(guards(lab)) == 0
    check_held(lab)


# --- before anything is bought ---


def test_levels_named_while_the_entry_rests_are_those_of_the_oco_to_come(lab: Lab) -> None:
    """The target, not named, goes on being measured from the fill; the reward is judged by the signal's own levels."""
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    send(lab, "b", **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:03"))
        told(lab, stop_loss="48.00")
        crowd.work(until=market_time("10:00:05"))
        assert refused(lab.order("m")) == DONE, "not behind the order that it is about"
        assert lab.order("b").guard.stop_loss == 48
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        crowd.work()
    held = lab.order("b")
    assert (held.status, held.guard.protected) == (Status.FILLED, True)
    assert held.avg_fill_price
    target = held.avg_fill_price + Decimal("2.50")
    assert guards(lab) == [Guard(Decimal(100), Decimal(48), target)]
    check_held(lab)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"stop_loss": "50.97"}, "stop_loss: must lie at least a cent below signal_price, 50.97"),
        ({"take_profit": "50.97"}, "take_profit: must lie at least a cent above signal_price, 50.97"),
    ],
)
def test_while_the_entry_rests_its_exits_lie_around_its_price(lab: Lab, wanted: dict[str, Any], words: str) -> None:
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    send(lab, "b", **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:03"))
        told(lab, **wanted)
        crowd.work()
    assert refused(lab.order("m")) == (Status.REJECTED, Reason.INVALID_SIGNAL)
    assert any(words in event.detail for event in lab.order("m").events)
    lab.check()


@pytest.mark.parametrize("latest_first", [False, True])
@pytest.mark.parametrize("call", ["broker.submit", "broker.protect", "store.finish"])
def test_levels_named_at_any_moment_of_the_entry_hold(lab: Lab, call: str, latest_first: bool) -> None:
    """While the entry is sent, while its OCO is, while its outcome is recorded."""
    send(lab, "b", **BRACKET)
    with Crowd(lab, latest_first=latest_first) as crowd:

        def says() -> None:
            told(lab, stop_loss="49.00")
            crowd.pause(2)

        lab.stall(call, says)
        crowd.work()
        crowd.work(until=market_time("10:02"), sweep_every=60)
        crowd.work()
    assert refused(lab.order("m")) == DONE, lab.order("m").events
    assert [(guard.qty, guard.stop) for guard in guards(lab)] == [(Decimal(100), Decimal(49))]
    check_held(lab)


# --- beside others ---


def test_it_waits_for_the_order_that_has_the_turn(lab: Lab) -> None:
    hold(lab)
    lab.settings = Settings(max_repegs=0, aggressive_timeout_seconds=Decimal(5))
    on_order(lab, "new", "50.96", "51.05", nth=2)
    send(lab, "o", qty=10)
    lab.sleep(0.01)
    told(lab, stop_loss="50.50")
    with Crowd(lab) as crowd:
        crowd.work()
    ended = lab.order("o").completed_at
    done = lab.order("m").completed_at
    assert ended and done and ended <= done
    assert refused(lab.order("m")) == DONE
    check_held(lab, free=10)


def test_a_close_that_is_at_work_comes_first(lab: Lab) -> None:
    hold(lab)
    lab.control.quote("TQQQ", "50.95", "50.98", 30, 30)
    send(lab, "c", kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:04"))
        told(lab, stop_loss="50.50")
        crowd.work(until=market_time("10:00:06"))
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        crowd.work()
    assert lab.order("c").status is Status.FILLED
    assert refused(lab.order("m")) == (Status.REJECTED, Reason.NO_POSITION)
    check_held(lab)


@pytest.mark.parametrize("qty", [None, 40])
@pytest.mark.parametrize("call", ["store.take_turn", "broker.cancel", "broker.protect"])
def test_a_close_takes_over_from_a_move(lab: Lab, call: str, qty: int | None) -> None:
    """Whatever it had begun: what the close does not sell is protected."""
    hold(lab)
    with Crowd(lab) as crowd:

        def closes() -> None:
            send(lab, "c", kind="close", **({"qty": qty} if qty else {}))
            crowd.pause(20)

        lab.stall(call, closes)
        told(lab, stop_loss="50.50")
        crowd.work(until=market_time("10:05"), sweep_every=60)
        crowd.work()
    assert lab.order("m").status.terminal and lab.order("c").status is Status.FILLED
    assert shares(lab) == (60 if qty else 0)
    assert sum((guard.qty for guard in guards(lab)), Decimal(0)) == shares(lab)
    check_held(lab)


# --- outside the session ---


def test_while_the_market_is_closed_it_is_refused_or_waits_for_the_open(exchange: Any) -> None:
    """Off hours a cancel may hang until the open."""
    with lab_at(exchange, "2026-11-19T15:50:00-05:00") as lab:
        hold(lab)
        lab.sleep(11 * 60)
        order = adjusted(lab, stop_loss="50.50")
        assert refused(order) == (Status.REJECTED, Reason.MARKET_CLOSED)
        told(lab, "n", stop_loss="50.50", when_closed="next_open")
        with Crowd(lab) as crowd:
            crowd.work(until="2026-11-19T18:00:00-05:00")
            assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
            crowd.work(until=market_time("09:32"))
            crowd.work()
        assert refused(lab.order("n")) == DONE, lab.order("n").events
        assert guards(lab) == [Guard(Decimal(100), Decimal("50.50"), TARGET)]
        check_held(lab)


def test_what_was_bought_in_extended_hours_gets_the_levels_at_the_open(exchange: Any) -> None:
    on = Settings(SMART_EXECUTOR_ENABLE_EXTENDED_HOURS=True)
    with lab_at(exchange, "09:05", on) as lab:
        bought = run(lab, "b", **(BRACKET | {"extended_hours": True, "unprotected_ok": True}))
        assert bought.status is Status.FILLED
        told(lab, stop_loss="50.10", when_closed="next_open")
        with Crowd(lab) as crowd:
            crowd.work(until=market_time("09:33"))
            crowd.work()
        assert refused(lab.order("m")) == DONE
        assert guards(lab) == [Guard(Decimal(100), Decimal("50.10"), TARGET)]
        check_held(lab)
