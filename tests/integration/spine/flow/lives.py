"""Lives of orders on the spine that take every function through all it may have to do, each a scene in a lab."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from repeg.domain.halt import Scope
from repeg.domain.schedule.times import Schedule
from repeg.domain.settings import Settings
from repeg.store.items import position_item, queue_item, to_item, turn_key
from repeg.store.schedules import KeptTargets
from tests.integration.rebalance.scenes import market
from tests.integration.rebalance.scenes import send as weigh
from tests.support.brackets import OCO
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, hold, minutes, side_by_side
from tests.support.scenes import by_hand, market_time, on_order, run, send, whenever
from tests.support.stand_ins.tables import put_items

Life = Callable[[Lab, pytest.MonkeyPatch], None]


def _lapse(lab: Lab) -> None:
    by_hand(lab, "DELETE", f"orders/{hold(lab).protective_order_id}")
    lab.sleep(0.5)


def _protected_and_hit(lab: Lab, _: pytest.MonkeyPatch) -> None:
    hold(lab)
    lab.control.quote("TQQQ", "53.50", "53.53", 2000, 2000)
    minutes(lab, 2)


def _bought_in_part(lab: Lab, _: pytest.MonkeyPatch) -> None:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30, frozen=True)
    run(lab, "b", **BRACKET)


def _through_the_stop(lab: Lab, _: pytest.MonkeyPatch) -> None:
    on_order(lab, "fill", "49.50", "49.53")
    send(lab, "b", **BRACKET)
    side_by_side(lab)


def _trips(lab: Lab, _: pytest.MonkeyPatch) -> None:
    lab.settings = lab.settings.changed(trip_protection_failures=1, trip_daily_loss=Decimal(1), trip_drift=1)
    _through_the_stop(lab, _)
    lab.orders.lift_halt(Scope.ACCOUNT)
    lab.control.account(cash="90000", last_equity="100000")
    lab.sweep()


def _hit_before_it_was_seen(lab: Lab, _: pytest.MonkeyPatch) -> None:
    on_order(lab, "new", "53.50", "53.53", side="sell")
    run(lab, "b", **BRACKET)


def _hit_while_it_could_not_be_seen(lab: Lab, _: pytest.MonkeyPatch) -> None:
    unread = {"method": "GET", "path": "/v2/orders/*", "order_class": "oco", "kind": "error", "status": 503}
    lab.control.faults(unread | {"count": 1})
    _hit_before_it_was_seen(lab, _)


def _sold_short(lab: Lab, _: pytest.MonkeyPatch) -> None:
    hold(lab, **SHORT)
    run(lab, "c", kind="close")


def _plain(lab: Lab, _: pytest.MonkeyPatch) -> None:
    """Up the ladder, refused, and sold again."""
    for nth in (1, 2, 3):
        on_order(lab, "new", f"50.9{5 + nth}", f"51.0{nth}", nth=nth)
    run(lab, "a")
    run(lab, "none", symbol="NONE")
    lab.sleep(5)
    run(lab, "s", side="sell", qty=10)


def _closed(lab: Lab, _: pytest.MonkeyPatch) -> None:
    hold(lab)
    run(lab, "c1", kind="close", qty=40)
    run(lab, "c2", kind="close")


def _closed_after_an_exit_that_nobody_saw(lab: Lab, _: pytest.MonkeyPatch) -> None:
    """The last share of the record leaves while the close looks at the account."""
    hold(lab)
    lab.control.quote("TQQQ", "53.50", "53.53", 2000, 2000)
    lab.sleep(5)
    run(lab, "c", kind="close")


def _closed_while_the_target_fills(lab: Lab, _: pytest.MonkeyPatch) -> None:
    hold(lab)
    whenever(lab, "broker.cancel", lambda: lab.control.quote("TQQQ", "53.50", "53.53", 2000, 2000))
    run(lab, "c", kind="close")


def _sold_by_hand(lab: Lab, _: pytest.MonkeyPatch) -> None:
    _lapse(lab)
    sale = {"symbol": "TQQQ", "qty": 100, "side": "sell", "type": "market", "time_in_force": "day"}
    by_hand(lab, "POST", "orders", sale)
    lab.sleep(5)
    run(lab, "c", kind="close")


def _superseded(lab: Lab, _: pytest.MonkeyPatch) -> None:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30, frozen=True)
    send(lab, "b", **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:02"))
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        send(lab, "c", kind="close")
        crowd.work()


def _left_by_a_close(lab: Lab, _: pytest.MonkeyPatch) -> None:
    """An entry that a close of a part takes over is filled below its stop: what the close leaves is left at once."""
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    on_order(lab, "pending_cancel", "49.87", "49.90", after=0.02)
    send(lab, "b", **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:04"))
        send(lab, "c", kind="close", qty=30)
        crowd.work()


def _moved(lab: Lab, _: pytest.MonkeyPatch) -> None:
    """While it rests, then held: taken, refused, and sold through a stop that is meant."""
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    send(lab, "b", **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:03"))
        send(lab, "m1", kind="adjust", adjust_signal_id="b", stop_loss="49.90")
        crowd.work(until=market_time("10:00:05"))
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        crowd.work()
    for number, more in enumerate(({"stop_loss": 50}, {"stop_loss": 51}, {"stop_loss": "50.96", "force": True}), 2):
        send(lab, f"m{number}", kind="adjust", adjust_signal_id="b", **more)
        side_by_side(lab)
    assert [lab.order(f"m{number}").status for number in range(1, 5)] == ["done", "done", "rejected", "done"]
    assert lab.order("b").exit_reason == "unwind"


def _cared_for(lab: Lab, _: pytest.MonkeyPatch) -> None:
    _lapse(lab)
    lab.sweep()
    minutes(lab, 2)


def _cared_for_and_left(lab: Lab, _: pytest.MonkeyPatch) -> None:
    _lapse(lab)
    lab.sweep()
    lab.control.quote("TQQQ", "49.50", "49.53", 2000, 2000)
    minutes(lab, 2)


def _refused_for_lack_of_shares(lab: Lab, _: pytest.MonkeyPatch) -> None:
    body = {"code": 40310000, "message": "insufficient qty available for order (requested: 100, available: 0)"}
    hold(lab, "first", qty=10, take_profit="60.00")
    lab.control.faults(OCO | {"kind": "error", "status": 403, "body": body, "count": 5})
    run(lab, "b", **BRACKET)
    lab.control.faults()
    minutes(lab, 3)


def _broken(*_: object) -> None:
    raise ValueError("a defect")


def _protection_breaks(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as for_now:
        for_now.setattr("tests.support.lab.protect", _broken)
        send(lab, "b", **BRACKET)
        side_by_side(lab)


def _care_breaks(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    _lapse(lab)
    lab.sweep()
    with monkeypatch.context() as for_now:
        for_now.setattr("tests.support.lab.protect", _broken)
        minutes(lab)


def _a_look_at_the_fill_breaks(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    with monkeypatch.context() as for_now:
        for_now.setattr("tests.support.lab.check", _broken)
        run(lab, "b", **BRACKET)


def _never_started(lab: Lab, _: pytest.MonkeyPatch) -> None:
    """Written, stopped, and revived by the sweep; a second order waits for the turn."""
    send(lab, "a", qty=10)
    send(lab, "next", qty=10)
    lab.revive()
    minutes(lab, 2)


def _compared(lab: Lab, _: pytest.MonkeyPatch) -> None:
    """Nobody sweeps: what a comparison finds of shares, orders and turns, it mends itself."""
    _lapse(lab)
    lab.reconcile()
    send(lab, "a", qty=10, symbol="SOXL")
    lab.revive()
    dead = to_item({"order_id": f"ord-{'0' * 20}"})
    put_items(lab.table, [turn_key("QQQ") | dead])
    run(lab, "none", symbol="QQQ")
    put_items(lab.table, [queue_item(lab.order("none")), position_item(lab.order("none"))])
    lab.sleep(60)
    lab.reconcile()
    side_by_side(lab)
    lab.control.quote("TQQQ", "53.50", "53.53", 2000, 2000)
    lab.sleep(1)
    lab.reconcile()


def _scheduled(lab: Lab, _: pytest.MonkeyPatch) -> None:
    """All schedules of a day, with a sweep after each that looks out for its run."""
    hold(lab)
    run(lab, "s", qty=10)
    lab.on = list(Schedule)
    schedules = lab.schedules
    schedules.keep_targets(KeptTargets('{"targets": {"TQQQ": 1}}', lab.time.wall().isoformat()))
    for clock, schedule in (("09:20", "pre-market-assessment"), ("09:25", "market-open-rebalance")):
        lab.set_clock(f"2026-11-23T{clock}:30-05:00")
        lab.fire(Schedule(schedule))
        lab.sweep()
    lab.set_clock("2026-11-23T16:20:30-05:00")
    lab.fire(Schedule.END_OF_DAY_SUMMARY)
    for _minute in range(10):
        lab.sweep()
        lab.sleep(60)


def _rebalanced(lab: Lab, _: pytest.MonkeyPatch) -> None:
    """Sold and bought, and another that parks for the next open."""
    market(lab, AAPL=20)
    weigh(lab, {"SPY": "0.5"}, "r")
    lab.work()
    lab.set_clock("2026-11-20T17:00:00-05:00")
    weigh(lab, {"SPY": "0.4"}, "later", when_closed="next_open")
    lab.work()
    lab.sweep()


def _limited(lab: Lab, _: pytest.MonkeyPatch) -> None:
    """Counted, measured by the account, not sent at first, and given back."""
    lab.settings = Settings(max_daily_orders=9, max_gross_fraction=Decimal(1), max_position_fraction=Decimal(1))
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "drop_before", "count": 1})
    run(lab, "l", qty=10)
    lab.sweep()
    hold(lab)


LIVES: dict[str, Life] = {
    "limited": _limited,
    "rebalanced": _rebalanced,
    "scheduled": _scheduled,
    "compared": _compared,
    "protected and hit": _protected_and_hit,
    "bought in part": _bought_in_part,
    "through the stop": _through_the_stop,
    "trading halts by itself": _trips,
    "hit before it was seen": _hit_before_it_was_seen,
    "hit while it could not be seen": _hit_while_it_could_not_be_seen,
    "sold short": _sold_short,
    "plain": _plain,
    "closed": _closed,
    "closed after an exit that nobody saw": _closed_after_an_exit_that_nobody_saw,
    "closed while the target fills": _closed_while_the_target_fills,
    "sold by hand": _sold_by_hand,
    "superseded": _superseded,
    "left by a close": _left_by_a_close,
    "moved": _moved,
    "cared for": _cared_for,
    "cared for and left": _cared_for_and_left,
    "refused for lack of shares": _refused_for_lack_of_shares,
    "protection breaks": _protection_breaks,
    "care breaks": _care_breaks,
    "a look at the fill breaks": _a_look_at_the_fill_breaks,
    "never started": _never_started,
}
