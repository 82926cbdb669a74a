"""An adjust moves the exits of a bracket: the old OCO is cancelled, that is confirmed, and a new one placed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from desk.report.analysis.trades import trade_of
from desk.telling.holding import bracket_facts
from repeg.domain.order.views import order_view
from repeg.domain.reasons import Reason, Status
from tests.support.brackets import OCO
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import SHORT, STOP, TARGET, Guard, check_held, guards, hold, minutes, shares
from tests.support.moving import DONE, adjusted, bare_for, refused, told, use_up
from tests.support.scenes import (
    alerts,
    journal,
    market_time,
    outcomes,
    run,
    whenever,
)

pytestmark = pytest.mark.usefixtures("aws_credentials")

FORM = {"code": 42210000, "message": "something is wrong with it"}


# --- what is held ---


@pytest.mark.parametrize(
    ("wanted", "stop", "target"),
    [
        ({"stop_loss": "50.50"}, Decimal("50.50"), TARGET),
        ({"take_profit": "51.50"}, STOP, Decimal("51.50")),
        ({"stop_loss": 49, "take_profit": "60"}, Decimal(49), Decimal(60)),
    ],
    ids=["stop", "target", "both"],
)
def test_exits_are_moved_and_bare_for_less_than_a_second(
    lab: Lab, wanted: dict[str, Any], stop: Decimal, target: Decimal
) -> None:
    """What is not named stays; a worse reward for the risk is the operator's word."""
    hold(lab)
    moved = adjusted(lab, **wanted)
    assert refused(moved) == DONE, moved.events
    assert guards(lab) == [Guard(Decimal(100), stop, target)]
    held = lab.order("b")
    assert (held.guard.stop_loss, held.guard.take_profit, held.guard.protected) == (stop, target, True)
    assert (held.status, held.filled_qty) == (Status.FILLED, 100)
    assert bare_for(lab) < 1
    assert not any(entry["event"] == "replaced" for entry in journal(lab)), "never by PATCH"
    assert [told["status"] for told in outcomes(lab)] == ["filled", "done"]
    assert not alerts(lab)
    check_held(lab)


def test_those_of_a_short_are_moved_the_other_way_round(lab: Lab) -> None:
    hold(lab, **SHORT)
    assert refused(adjusted(lab, stop_loss="51.40")) == DONE
    assert guards(lab) == [Guard(Decimal(100), Decimal("51.40"), Decimal("48.45"))]
    assert refused(adjusted(lab, "n", stop_loss="50.90")) == (Status.REJECTED, Reason.STOP_THROUGH)
    check_held(lab)


def test_they_are_moved_again_and_again_and_the_record_does_not_grow_by_it(lab: Lab) -> None:
    hold(lab)
    for step in range(4):
        assert refused(adjusted(lab, f"m{step}", stop_loss=f"50.{step}0")) == DONE
    assert guards(lab) == [Guard(Decimal(100), Decimal("50.30"), TARGET)]
    assert len(lab.order("b").care.adjustments) == 1
    check_held(lab)


def test_what_the_target_has_sold_is_not_guarded_again(lab: Lab) -> None:
    hold(lab)
    lab.control.quote("TQQQ", "53.48", "53.50", 30, 30)
    lab.sleep(2)
    lab.control.quote("TQQQ", "52.00", "52.03", 2000, 2000)
    moved = adjusted(lab, stop_loss="51.00")
    left = 100 - sum(gone.qty for gone in lab.order("b").all_exits)
    assert 0 < left < 100
    assert refused(moved) == DONE
    assert guards(lab) == [Guard(Decimal(left), Decimal("51.00"), TARGET)]
    check_held(lab)


def test_the_same_word_twice_or_one_that_changes_nothing_moves_nothing(lab: Lab) -> None:
    hold(lab)
    assert refused(adjusted(lab, stop_loss="50.50")) == DONE
    ocos = len(journal(lab, event="accepted"))
    assert refused(adjusted(lab, stop_loss="50.50")) == DONE, "delivered twice"
    assert refused(adjusted(lab, "n", stop_loss="50.5", take_profit="53.48")) == DONE
    assert len(journal(lab, event="accepted")) == ocos
    check_held(lab)


@pytest.mark.parametrize("latest_first", [False, True])
def test_of_two_at_once_the_last_one_sent_holds(lab: Lab, latest_first: bool) -> None:
    hold(lab)
    told(lab, "m", stop_loss="50.20", take_profit="52")
    told(lab, "n", stop_loss="50.40")
    with Crowd(lab, latest_first=latest_first) as crowd:
        crowd.work()
    assert refused(lab.order("m")) == refused(lab.order("n")) == DONE
    assert guards(lab) == [Guard(Decimal(100), Decimal("50.40"), Decimal(52))]
    check_held(lab)


# --- refused ---


@pytest.mark.parametrize(
    ("wanted", "reason", "words"),
    [
        ({"stop_loss": "50.95"}, Reason.STOP_THROUGH, "the market, 50.95, is through the stop at 50.95"),
        ({"stop_loss": "52"}, Reason.STOP_THROUGH, "the market, 50.95, is through the stop at 52"),
        ({"take_profit": "50.95"}, Reason.TARGET_THROUGH, "the market, 50.95, is at or beyond the target"),
        ({"stop_loss": "53.48"}, Reason.INVALID_SIGNAL, "stop_loss: must lie at least a cent below the target, 53.48"),
        ({"take_profit": "49.98"}, Reason.INVALID_SIGNAL, "take_profit: must lie at least a cent above the stop"),
        ({"stop_loss": 51, "take_profit": 50}, Reason.INVALID_SIGNAL, "stop_loss: must lie at least a cent below"),
    ],
)
def test_a_level_that_cannot_be_is_refused_before_anything_is_cancelled(
    lab: Lab, wanted: dict[str, Any], reason: Reason, words: str
) -> None:
    hold(lab)
    order = adjusted(lab, **wanted)
    assert refused(order) == (Status.REJECTED, reason)
    assert any(words in event.detail for event in order.events), order.events
    assert not journal(lab, event="pending_cancel")
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    check_held(lab)


def test_what_there_is_nothing_to_be_moved_of_is_a_clear_answer(lab: Lab) -> None:
    run(lab, "o", symbol="AAPL", qty=1)
    answers = {
        "unknown": adjusted(lab, "m1", adjust_signal_id="nobody", stop_loss=50),
        "plain": adjusted(lab, "m2", adjust_signal_id="o", stop_loss=50),
    }
    hold(lab)
    run(lab, "c", kind="close")
    answers["gone"] = adjusted(lab, "m3", stop_loss=50)
    assert {name: refused(order) for name, order in answers.items()} == {
        "unknown": (Status.REJECTED, Reason.UNKNOWN_ORDER),
        "plain": (Status.REJECTED, Reason.NOT_A_BRACKET),
        "gone": (Status.REJECTED, Reason.NO_POSITION),
    }
    assert "its shares left by close" in answers["gone"].events[-2].detail
    assert len(outcomes(lab)) == 6, "each is told"
    assert not alerts(lab)
    lab.check()


def test_nothing_is_moved_of_a_position_that_is_in_dispute(lab: Lab) -> None:
    from repeg.domain.proof.agreement import frozen

    lab.orders.save(frozen(hold(lab), "the account shows 50"))
    assert refused(adjusted(lab, stop_loss="50.50")) == (Status.REJECTED, Reason.POSITION_FROZEN)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]


def test_a_market_that_cannot_be_seen_moves_nothing_unless_it_is_meant(lab: Lab) -> None:
    hold(lab)
    lab.control.faults({"method": "GET", "path": "/v2/stocks/*", "kind": "error", "status": 500, "body": {}})
    assert adjusted(lab, stop_loss="50.50").status is Status.REJECTED
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    assert refused(adjusted(lab, "n", stop_loss="50.50", force=True)) == DONE
    assert guards(lab) == [Guard(Decimal(100), Decimal("50.50"), TARGET)]
    lab.control.faults()
    check_held(lab)


# --- refused by the broker ---


@pytest.mark.parametrize("kind", ["error", "reject"])
def test_levels_that_the_broker_refuses_are_taken_back_at_once(lab: Lab, kind: str) -> None:
    """Refused on the way in, or behind its 200."""
    hold(lab)
    lab.control.faults(OCO | {"kind": kind, "status": 422, "body": FORM, "count": 1})
    order = adjusted(lab, stop_loss="50.50")
    assert refused(order) == (Status.REJECTED, Reason.BROKER_REJECTED)
    assert "stop 49.98, target 53.48 are in place again" in order.events[-2].detail
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    assert lab.order("b").guard.protected is True
    assert bare_for(lab) < 2
    assert refused(adjusted(lab, "n", stop_loss="50.50")) == DONE, "the next word is taken"
    check_held(lab)


def test_old_levels_that_are_refused_too_are_tried_on_and_told(lab: Lab) -> None:
    hold(lab)
    lab.control.faults(OCO | {"kind": "error", "status": 422, "body": FORM})
    order = adjusted(lab, stop_loss="50.50")
    assert refused(order) == (Status.REJECTED, Reason.BROKER_REJECTED)
    assert any("without protection" in text for text in alerts(lab))
    lab.control.faults()
    minutes(lab, 3)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    check_held(lab)


def test_a_market_that_falls_through_the_new_stop_meanwhile_leaves_the_old_one(lab: Lab) -> None:
    """The quote was fine, the broker finds the market through it: without force that is no sale."""
    hold(lab)
    whenever(lab, "broker.protect", lambda: lab.control.quote("TQQQ", "50.40", "50.43", 2000, 2000))
    assert refused(adjusted(lab, stop_loss="50.50")) == (Status.REJECTED, Reason.STOP_THROUGH)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    assert shares(lab) == 100
    check_held(lab)


def test_a_market_that_falls_through_the_old_stop_as_well_is_left(lab: Lab) -> None:
    hold(lab)
    whenever(lab, "broker.protect", lambda: lab.control.quote("TQQQ", "49.40", "49.43", 2000, 2000))
    assert refused(adjusted(lab, stop_loss="50.50")) == (Status.REJECTED, Reason.STOP_THROUGH)
    assert (shares(lab), lab.order("b").exit_reason) == (0, "unwind")
    check_held(lab)


# --- with force ---


def test_a_stop_through_the_market_that_is_meant_sells_at_once(lab: Lab) -> None:
    hold(lab)
    order = adjusted(lab, stop_loss="50.96", force=True)
    assert refused(order) == DONE
    held = lab.order("b")
    assert (shares(lab), held.exit_reason, held.exit_price, held.status) == (0, "unwind", Decimal("50.95"), "filled")
    assert any("TQQQ was past the stop that it was moved to and was left at 50.95" in each for each in alerts(lab))
    check_held(lab)


def test_a_market_that_falls_through_a_stop_that_is_meant_sells(lab: Lab) -> None:
    hold(lab)
    whenever(lab, "broker.protect", lambda: lab.control.quote("TQQQ", "50.40", "50.43", 2000, 2000))
    assert refused(adjusted(lab, stop_loss="50.50", force=True)) == DONE
    assert (shares(lab), lab.order("b").exit_reason) == (0, "unwind")
    check_held(lab)


def test_a_target_that_the_market_has_reached_sells_where_it_is_meant(lab: Lab) -> None:
    hold(lab)
    adjusted(lab, take_profit="50.90", force=True)
    minutes(lab, 2)
    assert (shares(lab), lab.order("b").exit_reason, lab.order("b").exit_price) == (0, "target", Decimal("50.95"))
    check_held(lab)


@pytest.mark.parametrize(
    ("wanted", "now", "words"),
    [
        ({"stop_loss": "50.96", "force": True}, "125", "R/R 1:125.00 (entered at 1:2.50)"),
        ({"stop_loss": "50.50"}, "5.2083", "R/R 1:5.21 (entered at 1:2.50)"),
        ({"take_profit": "52.98"}, "2", "R/R 1:2.00 (entered at 1:2.50)"),
        ({"stop_loss": "51.00"}, None, "no risk left (entered at 1:2.50)"),
    ],
    ids=["with force, left at once", "stop", "target", "beyond what was paid"],
)
def test_the_reward_that_is_shown_is_that_of_what_stands_and_the_entrys_is_kept(
    lab: Lab, wanted: dict[str, Any], now: str | None, words: str
) -> None:
    """A stop drawn near makes the rest another trade; what was entered, and is averaged, stays what it was."""
    hold(lab)
    lab.control.quote("TQQQ", *(("51.10", "51.13") if now is None else ("50.95", "50.98")), 2000, 2000)
    assert refused(adjusted(lab, **wanted)) == DONE
    held = lab.order("b")
    view = order_view(held)
    assert (view["risk_reward"], view["entry_risk_reward"]) == (now, "2.5")
    assert trade_of(held).risk_reward == Decimal("2.5"), "the report's, as entered"
    assert words in (bracket_facts(view)["exits"] or "")
    check_held(lab)


# --- what it costs, and what it tells ---


def test_at_once_it_costs_five_trading_requests(lab: Lab) -> None:
    """The cancel and two looks that agree on what is left, the new OCO and a look whether it stands; nothing else."""
    hold(lab)
    before = lab.mark()
    adjusted(lab, stop_loss="50.50")
    calls = [e for e in lab.control.journal(after=before) if e["type"] == "request" and "/stocks/" not in e["path"]]
    assert [f"{call['method']} {call['path'].partition('?')[0].split('/')[2]}" for call in calls] == [
        "DELETE orders",
        "GET orders",
        "GET orders",
        "POST orders",
        "GET orders",
    ]


def test_with_no_request_left_nothing_is_taken_down_and_what_is_begun_is_ended(lab: Lab) -> None:
    """Others use up the minute, once right behind the cancel, once before it."""
    hold(lab)
    lab.stall("broker.cancel", lambda: use_up(lab), after=True)
    assert refused(adjusted(lab, stop_loss="50.50")) == DONE
    assert bare_for(lab) < 1
    mark = lab.mark()
    told(lab, "n", stop_loss="50.60")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:50"))
        assert not [entry for entry in lab.control.journal(mark) if entry.get("event") == "pending_cancel"]
        crowd.work()
    assert refused(lab.order("n")) == DONE
    assert guards(lab) == [Guard(Decimal(100), Decimal("50.60"), TARGET)]
    assert lab.order("b").guard.reserved is None
    check_held(lab)


def test_events_say_from_where_to_where(lab: Lab) -> None:
    hold(lab)
    adjusted(lab, stop_loss="50.50")
    assert any(
        event.detail == "m moves the exits to stop 50.50, target 53.48, from stop 49.98, target 53.48"
        for event in lab.order("b").events
    )
