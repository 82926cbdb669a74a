"""Schedules as they are fired: once a day, on days with a session, by the broker's clock, whatever dies half-way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.ladder.opening import OpeningPlan
from repeg.domain.market.quotes import SpreadClass
from repeg.domain.rebalance.planned import Residual
from repeg.domain.rebalance.record import Rebalance, RebalanceStatus, Wanted, rebalance_id_for
from repeg.domain.schedule.runs import LEASE, Outcome, ScheduledRun
from repeg.domain.schedule.times import Schedule
from repeg.errors import RetryError
from repeg.events import EventBus
from repeg.store.schedules import KeptTargets, ScheduleStore
from repeg.wiring import clients, timetable
from tests.integration.handlers.conftest import TABLE, Stack, forget_everything

FRIDAY = date(2026, 11, 20)
REBALANCE, ASSESSMENT, SUMMARY = "market-open-rebalance", "pre-market-assessment", "end-of-day-summary"
TARGETS = '{"cash_buffer":"0.02","targets":{"SPY":"0.4","TQQQ":"0.6"}}'


@pytest.fixture
def fired(stack: Stack) -> Iterator[Stack]:
    """Friday, 09:25 in New York, with targets of a moment ago."""
    _set_clock(stack, "2026-11-20T09:25:20-05:00")
    store(stack).keep_targets(KeptTargets(TARGETS, wall().isoformat()))
    timetable.schedule_store.cache_clear()
    yield stack
    timetable.schedule_store.cache_clear()


def store(stack: Stack) -> ScheduleStore:
    return ScheduleStore(stack.dynamodb, TABLE)


def wall() -> datetime:
    return clients.time_keeper().wall()


def _set_clock(stack: Stack, now: str) -> None:
    stack.control.set_clock(now, paused=True)
    forget_everything()


def _fire(stack: Stack, schedule: str = REBALANCE) -> dict[str, str]:
    answer: dict[str, str] = stack.call("run_schedule", {"schedule": schedule})
    return answer


def _run(stack: Stack, schedule: str = REBALANCE, day: date = FRIDAY) -> ScheduledRun:
    found = store(stack).run(Schedule(schedule), day)
    assert found
    return found


def _signals(stack: Stack) -> list[dict[str, Any]]:
    answer = stack.sqs.receive_message(QueueUrl=stack.signals_url, MaxNumberOfMessages=10, AttributeNames=["All"])
    return list(answer.get("Messages", []))


def _alerts(stack: Stack) -> list[str]:
    return [event["detail"]["message"] for event in stack.events() if event["detail-type"] == "Order Alert"]


def _later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Another process, so much later by the wall."""
    forget_everything()
    keeper, real = clients.time_keeper(), clients.time_keeper().wall
    monkeypatch.setattr(keeper, "wall", lambda: real() + by)


def rebalance(signal_id: str = "r", **fields: Any) -> Rebalance:
    """A rebalance on record, of 09:00 on Friday."""
    now = wall()
    wanted = Wanted(
        received_wall=now,
        sent_wall=now,
        targets={symbol: Decimal(weight) for symbol, weight in fields.pop("targets", {"SPY": "1"}).items()},
        min_trade_notional=Decimal(5),
        threshold=Decimal("0.01"),
        cash_buffer=Decimal("0.01"),
        liquidate_others=True,
        include_protected=False,
        dry_run=fields.pop("dry_run", False),
        when_closed="next_open",
    )
    created_at = datetime.fromisoformat("2026-11-20T09:00:00-05:00")
    name = rebalance_id_for(signal_id)
    return Rebalance(rebalance_id=name, signal_id=signal_id, created_at=created_at, wanted=wanted, **fields)


def _refuses(*_: Any) -> None:
    raise RetryError("the bus did not take it")


# ---- the market-open rebalance ----


def test_targets_become_a_signal_in_the_queue(fired: Stack) -> None:
    assert _fire(fired) == {"run_id": f"{REBALANCE}-2026-11-20", "outcome": "sent", "detail": _run(fired).detail}
    [message] = _signals(fired)
    assert json.loads(message["Body"]) == json.loads(TARGETS) | {
        "kind": "rebalance",
        "signal_id": f"{REBALANCE}-2026-11-20",
        "when_closed": "next_open",
    }
    assert message["Attributes"]["MessageGroupId"] == "portfolio"
    assert message["Attributes"]["MessageDeduplicationId"].startswith(f"{REBALANCE}-2026-11-20-")
    run = _run(fired)
    assert (run.outcome, run.tries, run.signal_id) == (Outcome.SENT, 1, f"{REBALANCE}-2026-11-20")
    assert run.detail.startswith("SPY 0.4, TQQQ 0.6; written Fri 20 Nov 09:25 ET")
    assert not _alerts(fired)


def test_fired_twice_it_runs_once(fired: Stack) -> None:
    _fire(fired)
    assert len(_signals(fired)) == 1
    store(fired).keep_targets(KeptTargets('{"targets": {"SPY": "1"}}', wall().isoformat()))
    assert _fire(fired)["outcome"] == "ran before"
    assert not _signals(fired)


def test_a_second_firing_beside_the_first_leaves_it_alone(fired: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[str] = []

    def meanwhile(signal_id: str, body: str) -> None:
        answers.append(_fire(fired)["outcome"])

    monkeypatch.setattr(timetable, "_send", meanwhile)
    answers.append(_fire(fired)["outcome"])
    assert answers == ["running", "sent"]


@pytest.mark.parametrize("sent", [False, True])
def test_a_run_that_died_is_taken_up_with_what_was_written_down(
    fired: Stack, monkeypatch: pytest.MonkeyPatch, sent: bool
) -> None:
    """Between the claim and the send, or between the send and the record of it: one signal, as first decided."""
    send = timetable._send

    def dies(signal_id: str, body: str) -> None:
        if sent:
            send(signal_id, body)
        raise RetryError("the process died here")

    monkeypatch.setattr(timetable, "_send", dies)
    with pytest.raises(RetryError):
        _fire(fired)
    assert not _run(fired).finished
    monkeypatch.setattr(timetable, "_send", send)
    store(fired).keep_targets(KeptTargets('{"targets": {"SPY": "1"}}', wall().isoformat()))
    _later(monkeypatch, timedelta(seconds=5))
    assert _fire(fired)["outcome"] == "running"
    _later(monkeypatch, LEASE)
    assert _fire(fired)["outcome"] == "sent"
    [message] = _signals(fired)
    assert json.loads(message["Body"])["targets"] == json.loads(TARGETS)["targets"]
    assert _run(fired).tries == 2


def test_a_worker_that_wakes_after_another_took_over_records_nothing(
    fired: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stalls(signal_id: str, body: str) -> None:
        taken = _run(fired).changed(tries=2)
        assert store(fired).take_over(_run(fired), taken)

    monkeypatch.setattr(timetable, "_send", stalls)
    _fire(fired)
    assert (_run(fired).tries, _run(fired).finished) == (2, False)


def test_of_two_that_begin_at_once_one_runs(fired: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    _fire(fired)
    with monkeypatch.context() as for_now:
        for_now.setattr(ScheduleStore, "run", lambda *_: None)
        assert _fire(fired)["outcome"] == "running"
    assert len(_signals(fired)) == 1


def test_a_retry_that_comes_too_late_sends_nothing_and_says_what_may_have_been_sent(fired: Stack) -> None:
    run = ScheduledRun(
        schedule=Schedule.MARKET_OPEN_REBALANCE,
        date=FRIDAY,
        at=wall(),
        claimed_wall=wall() - LEASE,
        signal="{}",
        signal_id=f"{REBALANCE}-2026-11-20",
    )
    assert store(fired).claim(run)
    _set_clock(fired, "2026-11-20T09:35:10-05:00")
    assert _fire(fired)["outcome"] == "late"
    assert not _signals(fired)
    [alert] = _alerts(fired)
    assert f"an earlier try may have sent {REBALANCE}-2026-11-20" in alert


@pytest.mark.parametrize(
    ("document", "age", "outcome", "told"),
    [
        (TARGETS, timedelta(days=1, hours=1), "stale_targets", "written Thu 19 Nov 08:25 ET, before the previous"),
        ('{"targets": {"TQQQ": "1.5"}}', timedelta(0), "bad_targets", "targets.TQQQ"),
        (TARGETS, timedelta(hours=-3), "bad_targets", "lies ahead"),
    ],
)
def test_targets_that_must_not_be_traded_by_are_refused_with_an_alert(
    fired: Stack, document: str, age: timedelta, outcome: str, told: str
) -> None:
    _fire(fired, ASSESSMENT)  # reads the clock: what a wall time is in market time is known from then on
    written = wall() - age
    store(fired).keep_targets(KeptTargets(document, written.isoformat()))
    assert _fire(fired)["outcome"] == outcome
    assert not _signals(fired)
    [alert] = _alerts(fired)
    assert alert.startswith(f"repeg-paper (paper) {REBALANCE}-2026-11-20: The targets ") and told in alert
    assert alert.endswith("Look at it with: repeg targets show --stack repeg-paper")
    assert _fire(fired)["outcome"] == "ran before"


def test_without_targets_nothing_is_sent(stack: Stack) -> None:
    _set_clock(stack, "2026-11-20T09:25:20-05:00")
    assert _fire(stack)["outcome"] == "no_targets"
    assert len(_alerts(stack)) == 1 and not _signals(stack)


def test_on_a_monday_targets_of_friday_are_fresh(fired: Stack) -> None:
    _set_clock(fired, "2026-11-23T09:25:20-05:00")
    store(fired).keep_targets(KeptTargets(TARGETS, (wall() - timedelta(days=2, hours=17)).isoformat()))
    assert _fire(fired)["outcome"] == "sent"


# ---- days and hours ----


@pytest.mark.parametrize("schedule", [REBALANCE, ASSESSMENT, SUMMARY])
def test_a_holiday_is_on_record_and_nothing_is_done(fired: Stack, schedule: str) -> None:
    _set_clock(fired, "2026-11-26T16:25:00-05:00")
    assert _fire(fired, schedule)["outcome"] == "closed"
    assert _run(fired, schedule, date(2026, 11, 26)).outcome is Outcome.CLOSED
    assert not _signals(fired) and not fired.events()


def test_fired_before_its_time_it_leaves_the_day_to_the_real_firing(fired: Stack) -> None:
    _set_clock(fired, "2026-11-20T03:00:00-05:00")
    assert _fire(fired)["outcome"] == "early"
    assert store(fired).run(Schedule.MARKET_OPEN_REBALANCE, FRIDAY) is None
    _set_clock(fired, "2026-11-20T09:25:01-05:00")
    assert _fire(fired)["outcome"] == "sent"


def test_five_minutes_after_the_open_it_is_too_late_and_somebody_is_told(fired: Stack) -> None:
    _set_clock(fired, "2026-11-20T09:35:00-05:00")
    assert _fire(fired)["outcome"] == "late"
    assert len(_alerts(fired)) == 1 and not _signals(fired)


def test_an_early_close_changes_nothing_at_the_open(fired: Stack) -> None:
    _set_clock(fired, "2026-11-27T09:25:10-05:00")
    store(fired).keep_targets(KeptTargets(TARGETS, wall().isoformat()))
    assert _fire(fired)["outcome"] == "sent"


def test_a_broker_that_does_not_answer_leaves_the_run_to_the_retry(fired: Stack) -> None:
    fired.control.faults({"method": "GET", "path": "/v2/clock", "kind": "error", "status": 503})
    with pytest.raises(RetryError):
        _fire(fired)
    fired.control.faults()
    assert _fire(fired)["outcome"] == "sent"
    assert _run(fired).tries == 1


def test_what_is_no_schedule_is_refused(stack: Stack) -> None:
    with pytest.raises(Exception, match="is none of market-open-rebalance"):
        _fire(stack, "lunch")


# ---- the pre-market assessment ----


def test_spreads_before_the_open_are_assessed_recorded_and_published(fired: Stack) -> None:
    _set_clock(fired, "2026-11-20T09:20:10-05:00")
    fired.control.quote("TQQQ", "50.95", "50.99", 2000, 2000)
    fired.control.quote("SPY", "602.10", "602.11", 2000, 2000)
    fired.control.quote("AAPL", "229.90", "230.00", 800, 800)
    fired.control.position("AAPL", 10, "200.00")
    fired.control.position("QQQ", 5, "500.00")
    answer = _fire(fired, ASSESSMENT)
    assert answer["outcome"] == "assessed"
    plans = clients.shared_store().opening_plans()
    assert plans
    opens_at = datetime.fromisoformat("2026-11-20T09:30:00-05:00")
    found = {symbol: plans.plan_of(symbol, opens_at) for symbol in ("TQQQ", "SPY", "AAPL")}
    assert {
        symbol: plan and (plan.spread_class, plan.patience_seconds, int(plan.cap_bps)) for symbol, plan in found.items()
    } == {
        "TQQQ": (SpreadClass.NORMAL, 60, 10),
        "SPY": (SpreadClass.TIGHT, 0, 5),
        "AAPL": (SpreadClass.WIDE, 120, 15),
    }
    assert isinstance(found["SPY"], OpeningPlan) and plans.unknown == {"QQQ": "no_quote"}
    [event] = fired.events()
    assert event["detail-type"] == "Spread Assessment"
    assert [plan["symbol"] for plan in event["detail"]["plans"]] == ["AAPL", "SPY", "TQQQ"]
    assert "AAPL wide (229.90/230.00)" in answer["detail"]


def test_orders_that_wait_for_the_open_are_watched_too(stack: Stack) -> None:
    _set_clock(stack, "2026-11-20T09:20:10-05:00")
    stack.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    body = {"signal_id": "w", "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 1}
    record = {"messageId": "1", "receiptHandle": "1", "body": json.dumps(body)}
    record |= {
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(int(wall().timestamp() * 1000)),
            "MessageGroupId": "TQQQ",
        }
    }
    stack.call("accept_signal", {"Records": [record | {"eventSource": "aws:sqs", "messageAttributes": {}}]})
    stack.step("assess_market", stack.order("w").order_id)
    assert _fire(stack, ASSESSMENT)["detail"] == "TQQQ tight (50.95/50.98)"


def test_a_rebalance_that_waits_for_the_open_is_watched_too(stack: Stack) -> None:
    _set_clock(stack, "2026-11-20T09:20:10-05:00")
    stack.control.quote("SPY", "602.10", "602.11", 2000, 2000)
    waits = rebalance(status=RebalanceStatus.WAITING, targets={"SPY": "1"})
    assert clients.rebalance_store().accept(waits, "hash") is None
    assert _fire(stack, ASSESSMENT)["detail"] == "SPY tight (602.10/602.11)"


def test_with_nothing_to_watch_nothing_is_asked(stack: Stack) -> None:
    _set_clock(stack, "2026-11-20T09:20:10-05:00")
    assert _fire(stack, ASSESSMENT)["detail"] == "no symbol is watched"


# ---- the end-of-day summary ----


def test_the_day_is_summed_up_in_an_event_that_is_mailed(stack: Stack) -> None:
    _set_clock(stack, "2026-11-27T16:20:30-05:00")
    assert _fire(stack, SUMMARY)["outcome"] == "summed_up"
    [event] = stack.events()
    assert event["detail-type"] == "Daily Summary"
    assert event["detail"]["message"] == (
        "repeg-paper (paper) Fri 27 Nov: no orders; all as it should be; nothing to measure; the session ended early, "
        "at 13:00 ET. Look at it with: repeg orders --stack repeg-paper"
    )
    assert event["detail"]["orders"] == 0 and event["detail"]["closed_early_at"] == "13:00"
    assert _fire(stack, SUMMARY)["outcome"] == "ran before"
    assert not stack.events()


def test_what_rebalances_of_the_day_left_undone_is_told(stack: Stack) -> None:
    _set_clock(stack, "2026-11-20T16:20:30-05:00")
    at = datetime.fromisoformat("2026-11-20T09:31:00-05:00")
    left = (Residual(symbol="SPY", drift=Decimal("-0.021"), why="halted"),)
    ended: dict[str, Any] = {"status": RebalanceStatus.DONE_WITH_RESIDUAL, "completed_at": at, "residual": left}
    clients.rebalance_store().accept(rebalance(**ended), "hash")
    clients.rebalance_store().accept(rebalance("tried", dry_run=True, **ended), "hash")
    _fire(stack, SUMMARY)
    [event] = stack.events()
    assert event["detail"]["residuals"] == [{"symbol": "SPY", "drift": "-0.021", "why": "halted"}]
    assert "Fri 20 Nov: no orders; left by rebalances: SPY -2.1% (halted)" in event["detail"]["message"]


def test_records_that_cannot_be_read_are_not_passed_over_in_silence(stack: Stack) -> None:
    _set_clock(stack, "2026-11-20T16:20:30-05:00")
    clients.rebalance_store().accept(rebalance(), "hash")
    key = {"pk": {"S": f"REBALANCE#{rebalance_id_for('r')}"}, "sk": {"S": "REBALANCE"}}
    stack.dynamodb.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="SET rebalance = :damaged",
        ExpressionAttributeValues={":damaged": {"S": "{}"}},
    )
    _fire(stack, SUMMARY)
    [event] = stack.events()
    assert event["detail"]["unread"] == [rebalance_id_for("r")]
    assert f"no orders; NOT COUNTED: 1 that cannot be read ({rebalance_id_for('r')})" in event["detail"]["message"]


def test_a_summary_that_could_not_be_published_is_tried_again(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    _set_clock(stack, "2026-11-20T16:20:30-05:00")
    with monkeypatch.context() as for_now:
        for_now.setattr(EventBus, "publish", _refuses)
        with pytest.raises(RetryError):
            _fire(stack, SUMMARY)
    assert not _run(stack, SUMMARY).finished
    _later(monkeypatch, LEASE)
    assert _fire(stack, SUMMARY)["outcome"] == "summed_up"
