"""The pre-market spread assessment: a plan for the first minutes of each symbol that is going to be traded."""

from __future__ import annotations

from repeg.domain.market.quotes import Snapshot, quote_rules
from repeg.domain.market.reports import TradingDay
from repeg.domain.order.reservation import Priority
from repeg.domain.reasons import Status
from repeg.domain.schedule.runs import Outcome, ScheduledRun
from repeg.domain.schedule.spreads import MOST_SYMBOLS, OpeningPlans, assessed
from repeg.domain.schedule.targets import parse_targets
from repeg.domain.signals.parsing import read_json
from repeg.errors import OperatorError, RetryError, SignalInvalid
from repeg.events import SPREADS
from repeg.schedules.runner import Bench, Decided, Done, Job


def _decide(bench: Bench, session: TradingDay, run_id: str) -> Decided:
    return Decided(None)


def _perform(bench: Bench, session: TradingDay, run: ScheduledRun) -> Done:
    plans = assess_spreads(bench, session)
    bench.worker.time.kept.keep_opening_plans(plans)
    bench.worker.publisher.publish(SPREADS, plans.view())
    return Done(Outcome.ASSESSED, plans.line)


ASSESSMENT = Job(_decide, _perform)


def assess_spreads(bench: Bench, session: TradingDay) -> OpeningPlans:
    """The plans of an open, from one look at the quotes of all watched symbols."""
    worker = bench.worker
    settings, symbols = worker.settings(), watched(bench)[:MOST_SYMBOLS]
    quotes = worker.broker_for(Priority.ROUTINE).quotes({*symbols, *settings.feed_witnesses}) if symbols else {}
    now = bench.now()
    ticks = [quotes[each].at for each in settings.feed_witnesses if each in quotes]
    # Of any width: how wide the market is before the open is what the plans are made from.
    rules = quote_rules(settings, any_width=True)
    plans, unknown = {}, {}
    for symbol in symbols:
        quote = quotes.get(symbol)
        problem = rules.problem(Snapshot(quote=quote, feed_at=max(ticks, default=None)), now)
        if quote is None or problem:
            unknown[symbol] = str(problem)
        else:
            plans[symbol] = assessed(quote, session.opens_at, settings)
    return OpeningPlans(date=session.date, made_at=now, plans=plans, unknown=unknown)


def watched(bench: Bench) -> list[str]:
    """Symbols that may be traded at the open: of targets, of what is held besides, of orders that wait for it."""
    targets = [*_of_targets(bench), *_of_rebalances(bench)]
    # What is held and has no target is sold by the rebalance; without targets nothing is.
    held = _held(bench) if targets else []
    return sorted({*targets, *held, *_waiting(bench)})


def _of_targets(bench: Bench) -> list[str]:
    kept = bench.store.targets()
    try:
        return list(parse_targets(read_json(kept.document)).targets) if kept else []
    except SignalInvalid:  # the rebalance tells of it
        return []


def _of_rebalances(bench: Bench) -> list[str]:
    """Rebalances that somebody sent, and that wait for the open."""
    found = (bench.rebalances.get(rebalance_id) for rebalance_id in bench.rebalances.to_do())
    return [symbol for each in found if each and not each.status.terminal for symbol in each.wanted.targets]


def _held(bench: Bench) -> list[str]:
    try:
        return [position.symbol for position in bench.worker.broker_for(Priority.ROUTINE).positions()]
    except (RetryError, OperatorError) as error:  # a plan less: those orders look for themselves
        bench.worker.log.error(f"positions are not listed, their spreads are not assessed: {error}")
        return []


def _waiting(bench: Bench) -> list[str]:
    orders, _ = bench.worker.orders.several(bench.worker.orders.to_do())
    return [order.symbol for order in orders.values() if order.status is Status.WAITING]
