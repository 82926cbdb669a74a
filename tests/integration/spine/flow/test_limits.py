"""Limits at work: what exceeds one is not sent, exits are, and what an entry did not use is given back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from repeg.broker.port import Denied
from repeg.domain.counters import day_of
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Counted
from repeg.domain.reasons import Reason, Status
from repeg.domain.routes import Route
from repeg.domain.settings import Settings
from repeg.errors import ConfigurationError, RetryError
from repeg.steps.gate import held_back
from repeg.worker.send import take_in
from repeg.worker.worker import Worker
from tests.support.crowd import Crowd
from tests.support.deaths import Killed
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, guards, hold
from tests.support.make import child, order
from tests.support.scenes import alerts, done, on_order, out_of_reach, run, send, submits, whenever
from tests.support.stand_ins.tables import OneAtATime
from tests.support.watching import calls_since, cancel_protection, limited


def totals(lab: Lab) -> dict[str, Decimal]:
    return lab.orders.counters(day_of(lab.time.latest_now())).totals


def table_calls(lab: Lab, signal_id: str = "a", **signal: Any) -> dict[str, int]:
    """Calls of the store up to the order's send, by name."""
    before = len(lab.deaths.seen)
    done(lab, signal_id, **signal)
    seen = lab.deaths.seen[before:]
    seen = seen[: seen.index("broker.submit")]
    return {name: seen.count(name) for name in seen if name.startswith("store.")}


REFUSED: list[tuple[dict[str, Any], Reason]] = [
    ({"max_order_qty": 99}, Reason.RISK_ORDER_QTY),
    ({"max_order_notional": 5097}, Reason.RISK_ORDER_NOTIONAL),
    ({"denied_symbols": frozenset({"TQQQ"})}, Reason.RISK_SYMBOL),
    ({"allowed_symbols": frozenset({"SPY"})}, Reason.RISK_SYMBOL),
    ({"price_collar_bps": Decimal("0.5")}, Reason.RISK_PRICE_COLLAR),
    ({"max_daily_notional": 5097}, Reason.RISK_DAILY_NOTIONAL),
    ({"max_position_fraction": 0.05}, Reason.RISK_POSITION),
    ({"max_gross_fraction": 0.05}, Reason.RISK_GROSS_EXPOSURE),
    ({"strategy_limits": {"pairs": {"max_order_qty": Decimal(99)}}}, Reason.RISK_ORDER_QTY),
]


@pytest.mark.parametrize(("settings", "reason"), REFUSED)
def test_what_exceeds_a_limit_is_not_sent_and_a_tenth_of_it_is(
    lab: Lab, settings: dict[str, Any], reason: Reason
) -> None:
    limited(lab, **settings)
    for signal_id, signal in {"a": {}, "b": BRACKET}.items():
        order = done(lab, signal_id, strategy="pairs", **signal)
        assert (order.status, order.reason, order.children) == (Status.REJECTED, reason, ())
    assert submits(lab) == []
    assert totals(lab) == {}
    if reason not in (Reason.RISK_SYMBOL, Reason.RISK_PRICE_COLLAR):
        assert done(lab, "c", strategy="pairs", qty=10).status is Status.FILLED


SHORT: dict[str, Any] = {
    "kind": "bracket",
    "side": "sell",
    "qty": 100,
    "signal_price": 50.96,
    "stop_loss": 55.96,
    "take_profit": 30.96,
}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"max_order_notional": 5399}, Reason.RISK_ORDER_NOTIONAL),
        ({"max_daily_notional": 5399}, Reason.RISK_DAILY_NOTIONAL),
        ({"max_position_fraction": Decimal("0.05399")}, Reason.RISK_POSITION),
        ({"max_gross_fraction": Decimal("0.05399")}, Reason.RISK_GROSS_EXPOSURE),
    ],
)
def test_a_short_is_measured_by_the_price_that_it_would_be_sold_at(
    lab: Lab, settings: dict[str, Any], reason: Reason
) -> None:
    """Its limit is the least that it takes: at a better price it is the larger position."""
    limited(lab, **settings)
    lab.control.quote("TQQQ", "54.00", "54.03", 2000, 2000)
    order = done(lab, **SHORT)
    assert (order.status, order.reason, submits(lab)) == (Status.REJECTED, reason, [])
    assert totals(lab) == {}
    limited(lab, **{name: most + Decimal(str(most)) / 5399 for name, most in settings.items()})
    assert done(lab, "b", **SHORT).avg_fill_price == Decimal("54.00")


def test_defaults_let_a_small_account_buy_all_that_it_can_pay(lab: Lab) -> None:
    lab.control.account(cash="5200")
    assert done(lab).status is Status.FILLED


def test_a_day_admits_so_many_entries_and_sells_go_on(lab: Lab) -> None:
    limited(lab, max_daily_orders=2)
    assert [done(lab, name, qty=10).reason for name in "abc"] == [None, None, Reason.RISK_DAILY_ORDERS]
    assert done(lab, "less", side="sell", qty=5).status is Status.FILLED
    assert run(lab, "close", kind="close").status is Status.FILLED
    assert totals(lab)["orders"] == 2


def test_what_was_not_filled_is_given_back(lab: Lab) -> None:
    limited(lab, max_daily_notional=5200, max_open_orders=1)
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30)
    on_order(lab, "fill", "52.00", "52.03")
    order = done(lab)
    filled = order.filled_qty * (order.avg_fill_price or 0)
    assert 0 < order.filled_qty < 100, order.events
    assert totals(lab) == {"orders": 1, "notional": filled, "settled": filled}


def test_what_shows_late_of_an_entry_counts_at_once(lab: Lab) -> None:
    """Ten shares more than were known when it ended: until the next comparison the day would admit as much again."""
    limited(lab, max_daily_notional=5200)
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30)
    on_order(lab, "fill", "52.00", "52.03")
    ended = done(lab)
    rung = ended.children[0]
    report = lab.broker.order(str(rung.broker_order_id))
    assert report
    for _ in range(2):
        take_in(lab.worker, ended.order_id, rung.client_order_id, report.changed(filled_qty=report.filled_qty + 10))
    known = lab.order("a")
    used = known.filled_qty * (known.avg_fill_price or 0)
    assert known.filled_qty == ended.filled_qty + 10
    assert totals(lab) == {"orders": 1, "notional": used, "settled": used}


def test_what_the_broker_refused_counts_as_sent_and_costs_nothing(lab: Lab) -> None:
    limited(lab, max_daily_notional=100_000)
    lab.control.account(cash="1")
    assert done(lab).reason is Reason.INSUFFICIENT_BUYING_POWER
    assert totals(lab) == {"orders": 1}


def test_an_order_that_looks_like_one_of_a_moment_ago_is_not_sent(lab: Lab) -> None:
    limited(lab, duplicate_window_seconds=30)
    done(lab, "a", qty=10)
    assert done(lab, "b", qty=10).reason is Reason.RISK_DUPLICATE
    assert done(lab, "c", qty=11).status is Status.FILLED
    lab.sleep(30)
    assert done(lab, "d", qty=10).status is Status.FILLED


def test_a_loss_of_the_day_stops_entries_and_no_exit(lab: Lab) -> None:
    hold(lab)
    limited(lab, max_daily_loss=1000)
    lab.control.account(cash="93000")
    assert done(lab, "more", qty=1).reason is Reason.RISK_DAILY_LOSS
    assert run(lab, "close", kind="close").status is Status.FILLED


def test_positions_that_are_larger_by_now_are_known(lab: Lab) -> None:
    """The book is of before the first order: the second is held against what that one bought."""
    limited(lab, max_position_fraction=0.06)
    lab.sweep()
    assert done(lab, "a").status is Status.FILLED
    assert done(lab, "b").reason is Reason.RISK_POSITION
    assert done(lab, "c", qty=10).status is Status.FILLED


def test_exposure_is_doubted_before_it_refuses(lab: Lab) -> None:
    """By the book of a moment ago there is no room; what was sold since makes some."""
    limited(lab, max_gross_fraction=0.06)
    assert done(lab, "a").status is Status.FILLED
    lab.sleep(5)
    lab.sweep()
    assert done(lab, "b").reason is Reason.RISK_GROSS_EXPOSURE
    assert run(lab, "c", kind="close").status is Status.FILLED
    assert done(lab, "d").status is Status.FILLED


def test_entries_at_once_do_not_exceed_exposure_together(lab: Lab) -> None:
    """Each would fit by itself: what is at work counts, though the book does not show it yet."""
    limited(lab, max_gross_fraction=0.06)
    lab.control.quote("SQQQ", "50.95", "50.98", 2000, 2000)
    lab.sweep()
    send(lab, "a")
    send(lab, "b", symbol="SQQQ")
    with Crowd(lab) as crowd:
        crowd.work()
    assert sorted(str(lab.order(name).reason) for name in "ab") == ["None", "risk_gross_exposure"]


def test_of_a_hundred_at_once_exactly_as_many_pass_as_fit(lab: Lab) -> None:
    """Each in a thread, right before its send."""
    limited(lab, max_daily_orders=37, strategy_limits={"pairs": {"max_daily_orders": Decimal(90)}})
    lab.orders._client = OneAtATime(lab.orders._client)
    rung = child(status=ChildStatus.INTENT, bid=Decimal("50.95"), ask=Decimal("50.98"))

    def pass_or_not(number: int) -> str | None:
        counted = Counted(day=day_of(lab.time.latest_now()), notional=Decimal(5106))
        one = order(order_id=f"ord-{number}", strategy="pairs", counted=counted)
        held = held_back(lab.worker.at(Route.PLACE_ORDER), one, rung, None)
        return held.reason if isinstance(held, Denied) else None

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(pass_or_not, range(100)))
    assert (found.count(None), found.count(Reason.RISK_DAILY_ORDERS)) == (37, 63)
    assert totals(lab)["orders of pairs"] == 37


# --- nothing new is sent that cannot be measured; exits are ---


def unreadable(*_: Any) -> Any:
    raise ClientError({"Error": {"Code": "InternalServerError"}}, "UpdateItem")


def no_settings(_: Lab) -> Settings:
    raise ConfigurationError("settings cannot be read")


def table_down(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("count_entry", "book_and_trades", "book", "counters"):
        monkeypatch.setattr(lab.orders, name, unreadable)


def account_down(lab: Lab, _: pytest.MonkeyPatch) -> None:
    lab.control.faults({"method": "GET", "path": "/v2/account", "kind": "error", "status": 500})


def settings_gone(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = property(no_settings, lambda *_: None)
    whenever(lab, "broker.reserve", lambda: monkeypatch.setattr(Lab, "settings", gone, raising=False))


def no_settings_at_all(_: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lab, "settings", property(no_settings), raising=False)


BLIND = [table_down, account_down, settings_gone]
MEASURED = {"max_daily_orders": 9, "max_gross_fraction": 1, "max_daily_loss": 1000}


@pytest.mark.parametrize("blind", BLIND)
@pytest.mark.parametrize("signal", [{}, BRACKET], ids=["order", "bracket"])
def test_what_cannot_be_measured_is_not_sent(
    lab: Lab,
    monkeypatch: pytest.MonkeyPatch,
    blind: Callable[[Lab, pytest.MonkeyPatch], None],
    signal: dict[str, Any],
) -> None:
    limited(lab, **MEASURED)
    blind(lab, monkeypatch)
    order = run(lab, **signal)
    assert (order.status, order.reason, submits(lab)) == (Status.REJECTED, Reason.RISK_UNREADABLE, [])
    assert any("nothing was sent" in alert for alert in alerts(lab))


@pytest.mark.parametrize("blind", [table_down, account_down, no_settings_at_all])
def test_exits_need_none_of_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, blind: Callable[[Lab, pytest.MonkeyPatch], None]
) -> None:
    order = hold(lab)
    limited(lab, **MEASURED)
    blind(lab, monkeypatch)
    cancel_protection(lab, order)
    lab.sweep()
    lab.sleep(60)
    lab.sweep()
    lab.work()
    assert [guard.qty for guard in guards(lab)] == [Decimal(100)], "protected again"
    assert run(lab, "c", kind="close").status is Status.FILLED


# --- death, delay, and a second send ---


def test_what_a_dead_worker_had_counted_is_given_back(lab: Lab) -> None:
    """It dies before it gives back; the record is over, so the sweep does."""
    limited(lab, max_open_orders=1)
    whenever(lab, "store.settle_entry", lambda: (_ for _ in ()).throw(Killed("store.settle_entry")))
    send(lab)
    with pytest.raises(Killed):
        lab.work()
    lab.revive()
    assert totals(lab)["open"] == 1
    lab.sweep()
    lab.work()
    assert "open" not in totals(lab)
    assert done(lab, "b").status is Status.FILLED


def test_a_worker_that_dies_between_the_counter_and_the_send_is_followed_by_one_that_sends(lab: Lab) -> None:
    limited(lab, max_daily_orders=1)
    lab.deaths.seen.clear()
    whenever(lab, "broker.submit", lambda: (_ for _ in ()).throw(Killed("broker.submit")))
    send(lab)
    with pytest.raises(Killed):
        lab.work()
    lab.revive()
    lab.sweep()
    lab.work()
    order = lab.order("a")
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert totals(lab)["orders"] == 1


def test_a_limit_that_forbids_the_second_send_ends_the_order_once_the_first_cannot_arrive(lab: Lab) -> None:
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "drop_before", "count": 1})
    whenever(lab, "broker.order_by_client_id", lambda: limited(lab, max_order_qty=1))
    order = done(lab)
    assert (order.filled_qty, order.reason, len(submits(lab))) == (0, Reason.RISK_ORDER_QTY, 1)


def test_a_later_rung_is_held_to_what_is_set_by_then(lab: Lab) -> None:
    out_of_reach(lab)
    whenever(lab, "broker.cancel", lambda: limited(lab, max_order_qty=1))
    order = done(lab)
    assert (order.status, order.reason, len(order.children)) == (Status.UNFILLED, Reason.RISK_ORDER_QTY, 1)


def test_a_limit_that_is_set_while_an_entry_is_on_its_way_counts_it_so_that_it_is_given_back(lab: Lab) -> None:
    """It is set between the record of what is counted and the counter."""
    whenever(lab, "store.halts", lambda: limited(lab, max_open_orders=1))
    done(lab)
    lab.sweep()
    assert lab.order("a").status is Status.FILLED
    assert "open" not in totals(lab)
    assert done(lab, "b").status is Status.FILLED


def test_an_entry_that_was_put_off_over_night_counts_on_the_day_of_its_send(lab: Lab) -> None:
    """It was counted on the day before, and the broker had no request free until the close."""
    limited(lab, max_daily_orders=1)
    lab.set_clock("2026-11-20T15:57:30-05:00")
    lab.time.read(lab.broker)
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "error", "status": 429, "count": 3})
    assert done(lab, when_closed="next_open").status is Status.FILLED
    assert totals(lab) == {"orders": 1, "notional": 5098, "settled": 5098}
    assert done(lab, "b").reason is Reason.RISK_DAILY_ORDERS


def test_a_calendar_that_cannot_be_read_before_it_is_counted_puts_the_send_off_and_loses_no_request(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(lab, max_daily_orders=9, max_signal_age_seconds=900)
    real = Worker.session_of

    def once(worker: Worker, of: Order) -> Any:
        monkeypatch.setattr(Worker, "session_of", real)
        raise RetryError("no calendar")

    whenever(lab, "broker.reserve", lambda: monkeypatch.setattr(Worker, "session_of", once))
    filled = done(lab, when_closed="next_open")
    assert (filled.status, totals(lab)["orders"]) == (Status.FILLED, 1)
    assert any("a limit counts it from now on" in event.detail for event in filled.events)
    assert lab.deaths.seen.index("broker.give_back") < lab.deaths.seen.index("broker.submit")


# --- what it costs ---


def test_without_a_limit_that_counts_nothing_is_written_or_read_for_one(lab: Lab) -> None:
    usual = table_calls(lab)
    limited(lab, max_order_qty=1000, max_order_notional=100_000, denied_symbols=frozenset({"X"}))
    assert table_calls(lab, "b") == usual
    assert not usual.keys() & {"store.count_entry", "store.book_and_trades", "store.book", "store.counters"}
    assert "store.settle_entry" not in usual


def test_limits_cost_one_read_and_one_write_on_the_way_to_the_market(lab: Lab) -> None:
    usual = table_calls(lab)
    every = {"max_daily_notional": 100_000, "max_position_fraction": 1, "duplicate_window_seconds": 1}
    limited(lab, **(MEASURED | every))
    lab.sleep(11)
    lab.sweep()
    mark = lab.mark()
    found = table_calls(lab, "b")
    assert {name: count - usual.get(name, 0) for name, count in found.items() if count != usual.get(name, 0)} == {
        "store.book_and_trades": 1,
        "store.count_entry": 1,
    }
    assert len(calls_since(lab, mark)) == 2, "submit, read"
