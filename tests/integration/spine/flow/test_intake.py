"""Messages: the same again, another body, malformed ones; nothing blocks, everything is answered for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import journal, market_time, on_order, out_of_reach, outcomes, send, submits, whenever

GOOD: dict[str, Any] = {"signal_id": "a", "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 100}


def _orders(lab: Lab) -> dict[str, Status]:
    return {order.order_id: order.status for order in lab.orders.newest()}


@pytest.mark.parametrize("when", ["at once", "at work", "afterwards"])
def test_the_same_signal_again_has_no_second_effect(lab: Lab, when: str) -> None:
    on_order(lab, "new", "50.99", "51.02")
    send(lab)
    if when == "at once":
        send(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:01"))
        if when == "at work":
            send(lab)
        crowd.work()
    if when == "afterwards":
        send(lab)
        lab.work()
    assert _orders(lab) == {lab.order("a").order_id: Status.FILLED}
    assert lab.order("a").filled_qty == 100
    assert len(outcomes(lab)) == 1
    lab.check()


def test_the_same_signal_written_differently_is_the_same(lab: Lab) -> None:
    lab.intake.accept('{"signal_id":"a","kind":"order","symbol":"TQQQ","side":"buy","qty":100}')
    lab.intake.accept('{ "qty": "100", "side": "buy", "symbol": "TQQQ", "kind": "order", "signal_id": "a" }')
    lab.intake.accept('{"signal_id":"a","kind":"order","symbol":"TQQQ","side":"buy","qty":1.0e2}')
    lab.work()
    assert len(_orders(lab)) == 1
    assert len(journal(lab, event="accepted")) == 1
    lab.check()


def test_the_same_id_with_another_body_is_refused_and_recorded(lab: Lab) -> None:
    send(lab)
    send(lab, qty=7)
    send(lab, qty=7)
    lab.work()
    original = lab.order("a")
    assert (original.status, original.terms.requested_qty) == (Status.FILLED, 100)
    conflicts = [order for order in lab.orders.newest() if order.reason is Reason.SIGNAL_CONFLICT]
    assert [(order.status, order.signal_id, order.run.published) for order in conflicts] == [
        (Status.REJECTED, "a", True)
    ]
    assert len(journal(lab, event="accepted")) == 1
    assert sorted(outcome["status"] for outcome in outcomes(lab)) == ["filled", "rejected"]
    lab.check()


BAD_BODIES = {
    "unknown field": json.dumps(GOOD | {"colour": "red"}),
    "negative quantity": json.dumps(GOOD | {"qty": -5}),
    "float garbage": json.dumps(GOOD | {"qty": 0.1 + 0.2}),
    "exponent bomb": '{"signal_id":"a","kind":"order","symbol":"TQQQ","side":"buy","qty":1e999999}',
    "both sizes": json.dumps(GOOD | {"notional": 5}),
    "bad symbol": json.dumps(GOOD | {"symbol": "../../v2"}),
    "bad side": json.dumps(GOOD | {"side": "hold"}),
    "another kind": json.dumps(GOOD | {"kind": "swap"}),
    "half a character": '{"signal_id":"a","kind":"order","strategy":"\\ud800"}',
    "half a character as key": '{"signal_id":"a","\\ud800":1}',
    "a field called order": json.dumps(GOOD | {"order": 1}),
    "deeply nested": f'{{"signal_id":"a","deep":{"[" * 450}{"]" * 450}}}',
    "not a number": '{"signal_id": "a", "qty": NaN}',
    "a field twice": '{"signal_id": "a", "side": "buy", "side": "sell"}',
    "300 KB": json.dumps(GOOD | {"strategy": "x" * 300_000}),
    "a date at the end of time": json.dumps(GOOD | {"expires_at": "9999-12-31T23:59:59-14:00", "qty": -1}),
}


@pytest.fixture
def python_as_deployed() -> Iterator[None]:
    """Test tools raise the recursion limit; a Lambda has the default."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
@pytest.mark.usefixtures("python_as_deployed")
def test_a_bad_message_with_an_id_is_recorded_and_dead_lettered(lab: Lab, body: str) -> None:
    """Contract 2: a recorded rejected/invalid_signal if it has a usable signal_id, and the DLQ; it never blocks."""
    lab.intake.accept(body)
    lab.intake.accept(body)
    send(lab, "good")
    lab.work()
    refused = lab.orders.find("a")
    assert body in lab.dead_letters
    assert refused is not None
    assert (refused.status, refused.reason, refused.run.published) == (Status.REJECTED, Reason.INVALID_SIGNAL, True)
    assert len(_orders(lab)) == 2
    assert lab.order("good").status is Status.FILLED
    lab.check()


@pytest.mark.usefixtures("python_as_deployed")
@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        '"a"',
        "NaN",
        '{"signal_id": "a b", "kind": "order"}',
        '{"kind": "order"}',
        '{"signal_id": "a", "signal_id": "b"}',
        "[" * 60_000,
        f'{{"signal_id": "a", "deep": {"[" * 600}{"]" * 600}}}',
    ],
    ids=["text", "list", "string", "nan", "bad id", "no id", "two ids", "bottomless", "deep"],
)
def test_a_message_that_cannot_be_recorded_goes_to_the_dead_letters(lab: Lab, body: str) -> None:
    lab.intake.accept(body)
    send(lab, "good")
    lab.work()
    assert lab.dead_letters == [body]
    assert list(_orders(lab).values()) == [Status.FILLED]
    lab.check()


def test_a_bad_message_that_reuses_an_id_leaves_the_original_untouched(lab: Lab) -> None:
    send(lab)
    lab.intake.accept(json.dumps(GOOD | {"qty": -1}))
    lab.work()
    assert lab.order("a").status is Status.FILLED
    assert sorted(order.reason or "" for order in lab.orders.newest()) == ["", "invalid_signal"]
    lab.check()


def test_an_order_that_cannot_be_shown_does_not_keep_its_symbol(lab: Lab) -> None:
    """Whatever expiry intake lets pass, the order ends, is published, and the next one trades."""
    send(lab, "odd", expires_at="9999-12-31T23:59:59-14:00")
    send(lab, "good")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:01"), sweep_every=30)
    assert lab.order("good").status is Status.FILLED
    odd = lab.orders.find("odd")
    assert odd is not None and odd.run.published
    lab.check()


def test_an_enormous_order_is_refused_in_plain_words(lab: Lab) -> None:
    lab.control.quote("FAS", "0.0500", "0.0501", 2000, 2000)
    send(lab, "a", symbol="FAS", notional=10**18 - 1)
    lab.work()
    order = lab.order("a")
    assert order.status is Status.REJECTED
    assert order.reason in (Reason.INSUFFICIENT_BUYING_POWER, Reason.INVALID_SIGNAL)
    lab.check()


# --- deaths, and what the sweeper makes of them ---


def test_an_execution_that_was_stopped_is_taken_up_where_it_was(lab: Lab) -> None:
    out_of_reach(lab, rungs=1)
    send(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:01"))
        crowd.stop(crowd.names()[0])
        assert not crowd.names()
        assert lab.sweep() == {"to_do": 1, "started": 1}
        assert lab.sweep() == {"to_do": 1, "started": 0}, "one that runs is left alone"
        crowd.work()
    order = lab.order("a")
    assert (order.status, order.filled_qty, order.run.executions) == (Status.FILLED, 100, 2)
    assert order.run.execution_arn == lab.arn(order.order_id, 2)
    assert lab.sweep() == {"to_do": 0, "started": 0}
    lab.check()


def test_a_message_whose_execution_was_never_started_is_swept_up(lab: Lab) -> None:
    send(lab)
    lab.running.clear()
    assert lab.sweep()["started"] == 1
    lab.work()
    order = lab.order("a")
    assert (order.status, order.run.executions) == (Status.FILLED, 1)
    lab.check()


def test_the_old_execution_of_a_swept_order_sends_nothing_more(lab: Lab) -> None:
    """Two executions at once: the sweeper took a slow one for dead."""
    out_of_reach(lab, rungs=1)
    send(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:01"))
        old = crowd.names()[0]
        lab.running.pop(old)
        lab.ended.add(old)
        lab.sweep()
        crowd.work()
    order = lab.order("a")
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    lab.check()


def test_one_order_that_breaks_does_not_keep_the_sweeper_from_the_others(lab: Lab) -> None:
    """Design 3: the sweeper covers what no Catch sees; a record that it cannot read is not the end of its round."""
    send(lab, "broken")
    send(lab, "healthy", symbol="TQQQ", qty=5)
    broken = lab.order("broken").order_id
    lab.running.clear()
    real = lab.orders.several

    def several(order_ids: list[str]) -> Any:
        found, unreadable = real(order_ids)
        readable = {order_id: order for order_id, order in found.items() if order_id != broken}
        return readable, unreadable | {broken: "1 validation error for Order"}

    lab.orders.several = several  # type: ignore[method-assign]
    assert lab.sweep()["started"] == 1
    lab.orders.several = real  # type: ignore[method-assign]
    lab.sweep()
    with Crowd(lab) as crowd:
        crowd.work()
    assert lab.order("healthy").status is lab.order("broken").status is Status.FILLED
    lab.check()


def test_an_outcome_that_was_not_published_is_published_by_the_sweeper(lab: Lab) -> None:
    send(lab)
    calls = {"left": 20}
    real = lab.bus.publish

    def refuse(kind: str, detail: dict[str, Any]) -> None:
        calls["left"] -= 1
        if calls["left"] > 0:
            raise RuntimeError("the bus is down")
        real(kind, detail)

    lab.bus.publish = refuse  # type: ignore[method-assign]
    lab.work()
    order = lab.order("a")
    assert (order.status, order.run.published) == (Status.FILLED, False)
    calls["left"] = 0
    lab.sweep()
    lab.work()
    assert lab.order("a").run.published
    assert [outcome["status"] for outcome in outcomes(lab)] == ["filled"]
    lab.check()


def test_a_published_outcome_says_what_the_record_says(lab: Lab) -> None:
    send(lab, strategy="momentum")
    lab.work()
    told, order = outcomes(lab)[0], lab.order("a")
    assert told["order_id"] == order.order_id
    assert (told["status"], told["filled_qty"], told["strategy"]) == ("filled", "100", "momentum")
    assert Decimal(told["avg_fill_price"]) == order.avg_fill_price
    assert len(told["rungs"]) == 1


def test_a_record_that_cannot_be_written_for_a_while_is_written_in_the_end(lab: Lab) -> None:
    send(lab)
    failures = {"left": 7}
    real = lab.orders.finish

    def finish(order: Any) -> Any:
        if failures["left"]:
            failures["left"] -= 1
            raise RuntimeError("the table is throttled")
        return real(order)

    lab.orders.finish = finish  # type: ignore[method-assign]
    lab.work()
    order = lab.order("a")
    assert (order.status, order.reason, order.filled_qty) == (Status.FILLED, None, 100)
    assert len(submits(lab)) == 1
    lab.check()


def test_a_step_that_raced_with_itself_tries_again(lab: Lab) -> None:
    """A retried Lambda wrote the record first: the conflict is retried on a fresh read, nothing is sent twice."""
    send(lab)
    touched: list[int] = []

    def other_write() -> None:
        order = lab.order("a")
        touched.append(lab.orders.save(order).run.version)

    whenever(lab, "store.save", other_write, nth=2)
    lab.work()
    assert touched
    order = lab.order("a")
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert len(submits(lab)) == 1
    lab.check()
