"""Orders that the broker took and says to have refused, for minutes: found by their ids, and nothing is sent twice.

Beside shares of the account's owner, without which the broker would keep a second order from trading.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from repeg.broker.alpaca_wire import Method, Reply
from repeg.domain.reasons import Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, check_held, guards, hold, shares
from tests.support.scenes import alerts, journal, market_time, send, whenever
from tests.support.watching import LACKING, lapse, moves

OWN = 200
WASH = Reply(403, {"code": 40310000, "message": "potential wash trade detected. use complex orders"})
BUSY = Reply(429, {"message": "too many requests."})
SAID = {
    "lack of shares": Reply(403, LACKING),
    "its form": Reply(422, {"code": 42210000, "message": "unprocessable"}),
}


def _said_to_be_refused(lab: Lab, said: Reply) -> None:
    """From now on each submit is carried out, and answered so."""
    wire = lab.broker._trading
    call = wire.call

    def answers(method: Method, path: str, *more: Any, **named: Any) -> Reply:
        true = call(method, path, *more, **named)
        return said if (method, path) == ("POST", "/orders") else true

    wire.call = answers  # type: ignore[method-assign]


@pytest.fixture
def shared(lab: Lab) -> Lab:
    """An account with own shares in the symbol."""
    lab.control.position("TQQQ", OWN, "40")
    return lab


def _work(lab: Lab) -> None:
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:04"), sweep_every=60)


@pytest.mark.parametrize("said", SAID.values(), ids=SAID.keys())
@pytest.mark.parametrize("what", ["entry", "its protection"])
def test_what_an_entry_bought_is_guarded(shared: Lab, what: str, said: Reply) -> None:
    """It was `rejected`, and its shares had no stop before the comparison found them; or two stops held them."""
    lab = shared
    if what == "entry":
        _said_to_be_refused(lab, said)
    else:
        whenever(lab, "broker.protect", lambda: _said_to_be_refused(lab, said))
    send(lab, "b", **BRACKET)
    _work(lab)
    order = lab.order("b")
    assert (order.status, order.filled_qty, shares(lab)) == (Status.FILLED, 100, OWN + 100)
    assert ([guard.qty for guard in guards(lab)], alerts(lab)) == ([100], [])
    check_held(lab, free=OWN)


@pytest.mark.parametrize("said", SAID.values(), ids=SAID.keys())
@pytest.mark.parametrize("signal", [{"kind": "close"}, {"kind": "close", "qty": 230}, {"side": "sell", "qty": 100}])
def test_what_is_sold_is_sold_once_and_on_record(shared: Lab, signal: dict[str, Any], said: Reply) -> None:
    lab = shared
    hold(lab)
    _said_to_be_refused(lab, said)
    send(lab, "c", **signal)
    _work(lab)
    order, asked = lab.order("c"), signal.get("qty", OWN + 100)
    assert (order.status, order.filled_qty, shares(lab)) == (Status.FILLED, asked, OWN + 100 - asked)
    assert not alerts(lab)
    held = min(100, OWN + 100 - asked)
    assert lab.order("b").unexited_qty == held
    check_held(lab, free=OWN + 100 - asked - held)


@pytest.mark.parametrize("said", SAID.values(), ids=SAID.keys())
def test_a_position_is_left_once(shared: Lab, said: Reply) -> None:
    """Each try to leave it sold a hundred of the owner's."""
    lab = shared
    lapse(lab)
    moves(lab, "49.00")
    _said_to_be_refused(lab, said)
    _work(lab)
    assert [fill["qty"] for fill in journal(lab, "fill") if fill["side"] == "sell"] == ["100"]
    assert (shares(lab), lab.order("b").exit_reason, lab.order("b").unexited_qty) == (OWN, "unwind", 0)
    check_held(lab, free=OWN)


@pytest.mark.parametrize(("throttled", "most"), [(5, 7), (25, 45)])
def test_a_true_refusal_that_cannot_be_looked_up_at_once_does_not_hold_a_close_up(
    lab: Lab, throttled: float, most: float
) -> None:
    """Its shares are bare: looked for as one without an answer, it went on after 12 s, or after 78."""
    hold(lab)
    wire, began = lab.broker._trading, lab.time.wall()
    call, left = wire.call, [WASH]

    def answers(method: Method, path: str, *more: Any, **named: Any) -> Reply:
        if (method, path) == ("POST", "/orders") and left:
            return left.pop()
        busy = not left and lab.time.wall() - began < timedelta(seconds=throttled)
        return BUSY if busy and path.startswith("/orders:by_client") else call(method, path, *more, **named)

    wire.call = answers  # type: ignore[method-assign]
    send(lab, "c", kind="close")
    _work(lab)
    sold = lab.order("c").children[-1].closed_at
    assert sold and (lab.order("c").filled_qty, shares(lab)) == (100, 0)
    assert sold - began < timedelta(seconds=most)
    check_held(lab)
