"""One false answer about an order makes nobody sell its shares again, forget them, or leave them where they are."""

from __future__ import annotations

from typing import Any

import pytest

from repeg.broker.alpaca_wire import Reply
from repeg.domain.reasons import Status
from tests.support.brokers.liar import NOT_FOUND, Liar, saying
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, hold, shares
from tests.support.scenes import market_time, send, whenever

OVER = {"filled_qty": "0", "filled_avg_price": None, "filled_at": None}


@pytest.mark.parametrize(
    ("kept", "status"), [("close", "canceled"), ("close", "expired"), ("order", "rejected"), ("bracket", "canceled")]
)
def test_a_fill_that_one_answer_calls_over_is_not_traded_again(lab: Lab, kept: str, status: str) -> None:
    signal: dict[str, Any] = {"close": {"kind": "close", "qty": 60}, "order": {"qty": 60}, "bracket": BRACKET}[kept]
    if kept == "close":
        lab.control.position("TQQQ", 200, "40")
    liar = Liar(lab, "GET", "/orders/", saying(status=status, **OVER))
    with Crowd(lab) as crowd:
        send(lab, "a", **signal)
        crowd.work(until=market_time("10:00:30"))
    assert liar.told
    assert lab.order("a").status is Status.FILLED
    assert shares(lab) == {"close": 140, "order": 60, "bracket": 100}[kept]
    lab.check()


@pytest.mark.parametrize(
    ("signal", "filled", "held"),
    [({"qty": 100, "ladder": "standard"}, [60, 40], 100), (BRACKET, [60], 60)],
    ids=["order", "bracket"],
)
def test_what_filled_before_a_cancel_counts_though_one_answer_misses_it(
    lab: Lab, signal: dict[str, Any], filled: list[int], held: int
) -> None:
    """Sixty are bought before the cancel arrives, and the first answer after it knows nothing of them."""
    lab.control.quote("TQQQ", "50.90", "51.02", 2000, 2000)
    liars: list[Liar] = []

    def fills() -> None:
        lab.control.quote("TQQQ", "50.90", "50.96", 60, 60, frozen=True)
        lab.sleep(1)
        lab.control.quote("TQQQ", "50.90", "51.02", 2000, 2000)
        liars.append(Liar(lab, "GET", "/orders/", saying(**OVER)))

    whenever(lab, "broker.cancel", fills)
    with Crowd(lab) as crowd:
        send(lab, "a", **signal)
        crowd.work()
    assert liars and liars[0].told
    order = lab.order("a")
    assert [child.filled_qty for child in order.children if child.filled_qty] == filled
    assert (shares(lab), order.guard.protected) == (held, True if "signal_price" in signal else None)
    lab.check()


def test_an_answer_about_another_symbol_is_none(lab: Lab) -> None:
    """Folded, its fills would be booked for shares that nobody bought."""
    lab.control.quote("TQQQ", "50.99", "51.10", 2000, 2000)
    rests = {"symbol": "SQQQ", "status": "filled", "filled_qty": "60", "filled_avg_price": "50.99"}
    liar = Liar(lab, "GET", "/orders/", saying(**rests))
    with Crowd(lab) as crowd:
        send(lab, "a", qty=60, ladder="better_orders")
        crowd.work()
    assert liar.told
    assert (lab.order("a").status, lab.order("a").filled_qty) == (Status.FILLED, shares(lab))
    lab.check()


def test_the_position_of_another_symbol_is_not_sold(lab: Lab) -> None:
    lab.control.position("TQQQ", 200, "40")
    Liar(lab, "GET", "/positions/", saying(symbol="SQQQ", qty="7", qty_available="7"))
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close")
        crowd.work(until=market_time("10:00:30"))
    assert (lab.order("c").status, lab.order("c").filled_qty, shares(lab)) == (Status.FILLED, 200, 0)
    lab.check()


def test_a_cancel_that_one_404_swallowed_is_asked_again_at_once(lab: Lab) -> None:
    """Taken for asked, the rung would stay at the market for half a minute, and the exit with it."""
    hold(lab)
    lab.control.quote("TQQQ", "50.95", "50.98", 30, 2000, frozen=True)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close")
        liar = Liar(lab, "DELETE", "/orders/", lambda _: NOT_FOUND, nth=2, unheard=True)
        crowd.work(until=market_time("10:00:20"))
    assert liar.told
    waited = [
        (child.closed_at - child.cancel_requested_at).total_seconds()
        for child in lab.order("c").children
        if child.cancel_requested_at and child.closed_at
    ]
    assert waited and max(waited) < 5


@pytest.mark.parametrize(
    "said",
    [Reply(404, {"code": 40410000, "message": "asset not found"}), Reply(422, {"code": 42210000, "message": "no"})],
    ids=["404", "422"],
)
def test_an_exit_does_not_end_by_one_refusal(lab: Lab, said: Reply) -> None:
    hold(lab)
    Liar(lab, "POST", "/orders", lambda _: said, unheard=True)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close")
        crowd.work(until=market_time("10:00:20"))
    assert (lab.order("c").status, shares(lab)) == (Status.FILLED, 0)
    lab.check()
