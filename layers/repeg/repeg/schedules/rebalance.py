"""The market-open rebalance: the targets on record become a signal like any other."""

from __future__ import annotations

from datetime import timedelta

from repeg.domain.market.reports import TradingDay
from repeg.domain.money import plain
from repeg.domain.order.reservation import Priority
from repeg.domain.schedule.runs import Outcome, ScheduledRun
from repeg.domain.schedule.targets import fresh_since, judge, signal_text
from repeg.schedules.runner import Bench, Decided, Done, Job

# The longest time without a session in living memory were six days.
LOOK_BACK = timedelta(days=10)


def _decide(bench: Bench, session: TradingDay, run_id: str) -> Decided:
    kept = bench.store.targets()
    if kept is None:
        return Decided(Outcome.NO_TARGETS, "write some with: repeg targets set FILE")
    worker, now = bench.worker, bench.now()
    # The calendar that orders share begins yesterday, and on a Monday shows no session before.
    days = worker.broker_for(Priority.ROUTINE).calendar(session.date - LOOK_BACK, session.date)
    judged = judge(kept.document, kept.written_at, worker.time.approximate().at, now, fresh_since(session.date, days))
    if judged.problem:
        return Decided(judged.problem, judged.detail)
    if judged.signal is None:
        raise AssertionError("targets without a problem are a rebalance")
    weights = ", ".join(f"{symbol} {plain(weight)}" for symbol, weight in judged.signal.targets.items())
    return Decided(None, f"{weights}; {judged.detail}", signal_text(kept.document, run_id), run_id)


def _perform(bench: Bench, session: TradingDay, run: ScheduledRun) -> Done:
    if run.signal is None or run.signal_id is None:
        raise AssertionError("what is to be sent was written down when it was claimed")
    # The very same body, whatever the targets say by now: under another one this id would be refused.
    bench.send(run.signal_id, run.signal)
    return Done(Outcome.SENT, run.detail)


REBALANCE = Job(_decide, _perform)
