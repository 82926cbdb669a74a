"""Held positions in trouble: what the sweep sees to, what it leaves alone, and that it never goes blind or mad."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from desk.exchange.client import ExchangeControl
from repeg.broker.alpaca import AlpacaBroker
from repeg.domain.market.reports import OrderStatus
from repeg.domain.order.record import Order
from repeg.errors import StaleExecution
from repeg.executions import ExecutionState
from tests.support.brackets import OCO
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, STOP, TARGET, Guard, check_held, guards, hold, minutes, shares
from tests.support.scenes import alerts, by_hand, lab_at, market_time, run, send, submits

LIST = {"method": "GET", "path": "/v2/orders"}
LOOKUP = {"method": "GET", "path": "/v2/orders:by_client_order_id"}
NOT_FOUND = {"code": 40410000, "message": "order not found"}


def _lapse(lab: Lab, signal_id: str = "b", **signal: object) -> Order:
    """A position whose protection somebody cancelled."""
    order = hold(lab, signal_id, **signal)
    by_hand(lab, "DELETE", f"orders/{order.protective_order_id}")
    lab.sleep(0.5)
    return order


def _falls(lab: Lab) -> None:
    """Below the stop, above zero."""
    lab.control.quote("TQQQ", "49.50", "49.53", 2000, 2000)


def _exited(lab: Lab) -> list[tuple[str, str]]:
    return [(seen["signal_id"], seen["exit_reason"]) for kind, seen in lab.bus.events if kind == "Position Exited"]


def _unreadable(lab: Lab, signal_id: str) -> None:
    """A record that no version of the program can read."""
    lab.orders._client.update_item(
        TableName=lab.orders._table,
        Key={"pk": {"S": f"ORDER#{lab.order(signal_id).order_id}"}, "sk": {"S": "ORDER"}},
        UpdateExpression="SET #order = :nothing",
        ExpressionAttributeNames={"#order": "order"},
        ExpressionAttributeValues={":nothing": {"S": "{}"}},
    )


# --- the sweep goes on ---


def test_a_position_that_cannot_be_read_hides_no_other(lab: Lab) -> None:
    hold(lab, "bad")
    _lapse(lab, "good", qty=50)
    _unreadable(lab, "bad")
    minutes(lab, 2)
    assert lab.order("good").guard.protected is True
    assert sorted(guard.qty for guard in guards(lab)) == [50, 100]


def test_an_order_that_cannot_be_read_does_not_stop_the_watch(lab: Lab) -> None:
    _lapse(lab)
    send(lab, "bad", symbol="SPY", qty=1)
    _unreadable(lab, "bad")
    lab.running.clear()
    for _ in range(3):
        lab.sleep(60)
        lab.sweep()
        lab.running = {name: order_id for name, order_id in lab.running.items() if order_id == lab.order("b").order_id}
        lab.work()
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]


def test_a_turn_that_cannot_be_judged_does_not_stop_the_watch(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """One order waits behind a holder that cannot be looked at; the positions of the account are watched."""
    _lapse(lab)
    lab.control.quote("SPY", "450.00", "450.03", 2000, 2000)
    for signal_id in ("first", "second"):
        send(lab, signal_id, symbol="SPY", qty=1)
    real = lab.state

    def throttled(order_id: str, number: int) -> ExecutionState:
        if order_id != lab.order("b").order_id:
            raise ValueError("DescribeExecution was throttled")
        return real(order_id, number)

    monkeypatch.setattr(lab, "state", throttled)
    lab.running.clear()
    minutes(lab, 2)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]


def test_a_position_that_changed_hands_meanwhile_hides_no_other(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A close wrote one record between the sweep's look and its write: quietly, the other is seen to."""
    _lapse(lab, "b1")
    _lapse(lab, "b2", qty=50)
    save, moved = lab.orders.save, list[str]()

    def raced(order: Order, requeue: bool = False) -> Order:
        moved.append(order.order_id)
        if order.order_id == moved[0]:
            raise StaleExecution(order.order_id, "2")
        return save(order, requeue)

    monkeypatch.setattr(lab.orders, "save", raced)
    lab.sweep()
    (other,) = (lab.order(each) for each in ("b1", "b2") if lab.order(each).order_id != moved[0])
    assert other.care.due_at is not None
    assert "cannot be watched" not in caplog.text


def test_shares_that_wait_for_protection_get_it_although_open_orders_are_not_listed(lab: Lab) -> None:
    _lapse(lab)
    lab.sweep()
    lab.control.faults(LIST | {"kind": "error", "status": 503})
    minutes(lab, 2)
    lab.control.faults()
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    check_held(lab)


# --- protection that is there after all ---


def test_a_stop_at_work_is_protection_at_work(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has sold a part, and its target was cancelled for it: no reason to alarm, nor to lock the symbol."""
    order = hold(lab)
    report = lab.broker.order(order.protective_order_id or "")
    assert report
    working = {"status": OrderStatus.LIVE, "broker_status": "partially_filled", "filled_qty": Decimal(40)}
    leg = report.legs[0].changed(**(working | {"avg_fill_price": STOP, "filled_at": report.submitted_at}))
    group = report.changed(status=OrderStatus.CANCELED, legs=(leg,))
    monkeypatch.setattr(AlpacaBroker, "order", lambda *_: group)
    monkeypatch.setattr(AlpacaBroker, "open_orders", lambda *_: (leg,))
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.unexited_qty, order.guard.protected, order.run.executions) == (60, True, 1)
    assert not alerts(lab)
    assert lab.orders.holder("TQQQ") is None


def test_protection_that_was_given_up_for_lost_and_lives_is_believed_again(lab: Lab) -> None:
    """Its answer was lost, and look-ups knew nothing of it for a while: it holds the shares, and guards them."""
    missing = {"kind": "error", "status": 404, "body": NOT_FOUND, "count": 12}
    lab.control.faults(OCO | {"kind": "drop_after", "count": 1}, LOOKUP | missing)
    run(lab, "b", **BRACKET)
    lab.control.faults()
    minutes(lab, 3)
    order = lab.order("b")
    assert (order.guard.protected, order.uncovered_qty) == (True, 0)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    check_held(lab)


# --- leaving what cannot be protected ---


def test_a_position_that_care_leaves_is_told_and_published(lab: Lab) -> None:
    _lapse(lab)
    _falls(lab)
    minutes(lab, 2)
    assert _exited(lab) == [("b", "unwind")]
    assert any("left at 49.5" in alert for alert in alerts(lab))
    check_held(lab)


def test_an_unwind_whose_shares_a_close_took_ends(lab: Lab) -> None:
    """Its execution would not start, and the close was faster: nobody will ever give it the turn."""
    _lapse(lab)
    _falls(lab)
    minutes(lab)
    lab.sleep(60)
    lab.sweep()
    guard, tries = lab.deaths.guard, iter(range(12))

    def throttled(name: str, call: object) -> object:
        if name == "executions.start" and next(tries, None) is not None:
            raise RuntimeError("StartExecution was throttled")
        return guard(name, call)  # type: ignore[arg-type]

    lab.deaths.guard = throttled  # type: ignore[method-assign]
    with Crowd(lab) as crowd:
        crowd.work()
        lab.deaths.guard = guard  # type: ignore[method-assign]
        send(lab, "c", kind="close")
        crowd.work(until=market_time("10:07"), sweep_every=60)
    leaving = lab.orders.get(lab.order("b").unwind.order_id or "")
    assert leaving and leaving.status.terminal, "it waits for its turn for ever"
    assert (lab.order("b").unexited_qty, shares(lab), lab.orders.holder("TQQQ")) == (0, 0, None)
    check_held(lab)


def test_a_position_through_its_stop_is_left_alone_by_night_and_left_at_the_open(exchange: ExchangeControl) -> None:
    """Nothing can be sold before: no refused order and no alarm every ten minutes, all night."""
    with lab_at(exchange, "15:55") as lab:
        _hold_until(lab, "16:20")
        sent, told = len(submits(lab)), len(alerts(lab))
        with Crowd(lab) as crowd:
            crowd.work(until=market_time("17:20"), sweep_every=240)
        order = lab.order("b")
        assert len(submits(lab)) - sent <= 2
        assert 1 <= len(alerts(lab)) - told <= 3
        assert order.unwind.order_id is None
        assert order.care.waits_until == datetime.fromisoformat("2026-11-23T09:30:00-05:00")
        lab.set_clock("2026-11-23T09:30:05-05:00")
        _falls(lab)
        lab.time.read(lab.broker)
        minutes(lab, 2)
        assert (lab.order("b").unexited_qty, lab.order("b").exit_reason) == (0, "unwind")
        check_held(lab)


def _hold_until(lab: Lab, when: str) -> None:
    """A bracket whose protection ends after the close, below its stop."""
    order = hold(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time(when))
    by_hand(lab, "DELETE", f"orders/{order.protective_order_id}")
    _falls(lab)
    lab.sleep(1)
