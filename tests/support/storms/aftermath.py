"""What must be true after a storm: the audit, and besides it ends, turns, bare shares and alerts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from desk.report.bare import bare_times
from repeg.domain.counters import reckoned
from repeg.domain.halt import Scope, halt_of
from repeg.domain.market.reports import TradingDay
from repeg.domain.order.views import order_view
from repeg.domain.reasons import Reason, Status
from repeg.domain.rebalance.legs import leg_id
from repeg.events import REBALANCED
from repeg.store.rebalances import PORTFOLIO
from tests.support.scenes import by_hand
from tests.support.storms.seen import Told
from tests.support.storms.storm import SWEEP_SECONDS, SYMBOL, Storm

BARE_FOR = timedelta(seconds=60)
FOUND_WITHIN = timedelta(seconds=75)
"""The sweep comes every minute, and takes its time; one that dies is made good by the next (and has its own alarm)."""
MOMENT = timedelta(seconds=61)
"""A worker may stand still for so long between a look and a word."""
JUST_SENT = timedelta(seconds=4)
"""Between the last look at the halt and the broker's word: what is older than three seconds is not sent."""
MANY = 3
"""A death between an alert and its record repeats it; more than so often in a quarter of an hour is a nuisance."""
QUARTER = timedelta(minutes=14)
OF_NONE = re.compile(r"(?<![\d.,$])-?0 (of [\d.]+ )?(TQQQ|SPY|shares|of them|more)\b")


def look_at(storm: Storm) -> None:
    """All checks."""
    assert storm.settled, f"not over: {_unfinished(storm)}"
    storm.lab.check(strangers=storm.strangers)
    _check_turn(storm)
    _check_rebalances(storm)
    _check_counters(storm)
    _check_halts(storm)
    _check_cancels(storm)
    _check_bare_shares(storm)
    _check_alerts_of_bare_shares(storm)
    _check_nuisance(storm)
    _check_nothing_is_told_of(storm)


def _unfinished(storm: Storm) -> list[str]:
    orders = list(storm.lab.orders.newest())
    over = [
        f"{o.signal_id} {o.status} {o.run.waits_for} {o.events[-1].detail}" for o in orders if not o.status.terminal
    ]
    over += [
        f"{r.signal_id} {r.status} {r.work.waits_for} {r.events[-1].detail}" for r in storm.lab.rebalances.newest()
    ]
    return over + [f"{o.signal_id}: {o.uncovered_qty} uncovered" for o in orders if o.needs_care]


def _check_turn(storm: Storm) -> None:
    holder = storm.lab.orders.holder(SYMBOL)
    order = storm.lab.orders.get(holder) if holder else None
    assert order is None or not order.status.terminal, f"the dead {holder} has the turn of {SYMBOL}"


def _check_rebalances(storm: Storm) -> None:
    """Each is over and told once, has one leg for a symbol and a half, and spent no money that was not there."""
    for rebalance in storm.lab.rebalances.newest():
        assert rebalance.status.terminal and rebalance.work.published, f"{rebalance.status}: {rebalance.events}"
        told = [each for each in storm.told if each.kind == REBALANCED]
        assert told, "the rebalance's end was not told"
        orders = [order for order in storm.lab.orders.newest() if order.rebalance_id == rebalance.rebalance_id]
        planned = {leg_id(rebalance, leg) for leg in (*rebalance.sells, *rebalance.buys)}
        assert {order.order_id for order in orders} <= planned, "a leg that no plan has"
        assert by_hand(storm.lab, "GET", "account")["cash"][0] != "-", "money was spent that was not there"
    holder = storm.lab.rebalances.holder(PORTFOLIO)
    assert holder is None, f"{holder} has the turn of the portfolio"


def _check_counters(storm: Storm) -> None:
    """The counters of entries are what the records say, once a sweep gave back what the dead did not."""
    storm.lab.sweep()
    orders = list(storm.lab.orders.newest())
    for day in {order.sending.counted.day for order in orders if order.sending.counted}:
        stand, right = storm.lab.orders.counters(day), reckoned(day, orders)
        assert (stand.entries, stand.totals) == (right.entries, right.totals), f"of {day}"


def _check_halts(storm: Storm) -> None:
    """Nothing that a halt stops was sent while it was in force, but for what was just being sent."""
    orders = {child.client_order_id: order for order in storm.lab.orders.newest() for child in order.children}
    sent = [entry for entry in storm.lab.control.journal() if entry["type"] == "order" and entry["event"] == "accepted"]
    for halted in storm.halts:
        for entry in sent:
            order, at = orders.get(entry["client_order_id"]), datetime.fromisoformat(entry["at"])
            within = halted.at + JUST_SENT < at < (halted.lifted or at)
            assert not (order and within and halt_of([halted.halt], order)), f"{entry['client_order_id']} at {at}"


def _check_cancels(storm: Storm) -> None:
    """Nothing was sent of what a cancel took back, but for what was just being sent; and it left no word behind."""
    orders = {child.client_order_id: order for order in storm.lab.orders.newest() for child in order.children}
    sent = [entry for entry in storm.lab.control.journal() if entry["type"] == "order" and entry["event"] == "accepted"]
    for cancel in storm.cancels:
        answer = storm.lab.orders.find(cancel.cancel_id)
        assert answer and answer.status is Status.DONE and answer.run.published, f"{cancel.cancel_id} has no answer"
        for entry in sent if answer.reason is not Reason.NOTHING_TO_CANCEL else ():
            order, at = orders.get(entry["client_order_id"]), datetime.fromisoformat(entry["at"])
            ours = order is not None and order.signal_id == cancel.about and order.kind != "unwind"
            entered = "-p" not in entry["client_order_id"]
            assert not (ours and entered and at > cancel.at + JUST_SENT), f"{entry['client_order_id']} at {at}"
    left = [word for word in storm.lab.orders.halts() if word.scope is Scope.ORDER]
    assert not any(storm.lab.orders.get(word.of) for word in left), f"not over, or not forgotten: {left}"


def _check_nuisance(storm: Storm) -> None:
    """No alert is repeated over and over."""
    said: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for told in _alerts(storm):
        times = said[told.detail["order_id"], told.detail["alert"]]
        times.append(told.at)
        lately = [at for at in times if told.at - at < QUARTER]
        assert len(lately) <= MANY, f"told {len(lately)} times: {told.detail['alert']}"


def _check_nothing_is_told_of(storm: Storm) -> None:
    """No alert speaks of no shares."""
    for told in _alerts(storm):
        assert not OF_NONE.search(told.detail["alert"]), told.detail["alert"]


def _check_bare_shares(storm: Storm) -> None:
    """No share of a bracket was bare for more than a minute of session without anybody hearing of it."""
    heard = [told.at for told in _alerts(storm) if told.detail.get("symbol") == SYMBOL]
    died = sum("sweep-" in line and ("crash" in line or "kill" in line) for line in storm.lines)
    within = BARE_FOR + FOUND_WITHIN + died * timedelta(seconds=SWEEP_SECONDS)
    days = storm.lab.time.calendar(storm.lab.broker, storm.now()).days
    for start, end, qty in _bare_times(storm):
        for since, until in _in_sessions(start, end, days):
            if until - since <= within:
                continue
            by = since + within
            told = [at for at in heard if start - timedelta(minutes=15) <= at <= by]
            assert told, f"{qty} shares were bare from {since:%a %H:%M:%S} to {until:%H:%M:%S}, and nobody was told"


def _check_alerts_of_bare_shares(storm: Storm) -> None:
    """Who is told that shares have no protection is told the truth, give or take a moment."""
    bare = [(start - MOMENT, end + MOMENT) for start, end, _ in _bare_times(storm)]
    for told in _alerts(storm):
        words = told.detail["alert"]
        if "have been without protection" in words or "lost their protection" in words:
            assert any(start <= told.at <= end for start, end in bare), f"{told.at:%H:%M:%S}: not true: {words}"


def _alerts(storm: Storm) -> Iterator[Told]:
    return (told for told in storm.told if told.kind == "Order Alert")


def _in_sessions(start: datetime, end: datetime, days: tuple[TradingDay, ...]) -> Iterator[tuple[datetime, datetime]]:
    """The parts of a time that lie in regular sessions."""
    for day in days:
        since, until = max(start, day.opens_at), min(end, day.closes_at)
        if since < until:
            yield since, until


def _bare_times(storm: Storm) -> Iterator[tuple[datetime, datetime, Decimal]]:
    """When whole shares of brackets were guarded by nothing, and nobody was selling them: from, to, how many."""
    views = [order_view(order) for order in storm.lab.orders.newest()]
    for bare in bare_times(views, storm.control.journal(), SYMBOL, storm.own_shares):
        yield bare.since, bare.until or storm.now(), bare.qty
