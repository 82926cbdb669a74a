"""One false answer about an OCO, beside shares of the account's owner: what is guarded is what is left, and only ours.

Without those a wrong OCO would be refused for want of shares; beside them it stands, over shares of somebody else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from repeg.broker.alpaca_wire import Reply
from tests.support.brokers.liar import Liar, saying
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, check_held, guards, hold, minutes, shares, side_by_side
from tests.support.moving import DONE, refused, told
from tests.support.scenes import alerts, by_hand, market_time, run, send, whenever

OWN = 100
NOTHING: dict[str, Any] = {"filled_qty": "0", "filled_avg_price": None, "filled_at": None}
OVER = {"status": "canceled"}
OWN_SALE = {
    "symbol": "TQQQ",
    "qty": "100",
    "side": "sell",
    "type": "limit",
    "limit_price": "70",
    "time_in_force": "gtc",
}
SOLD = {"status": "filled", "filled_qty": "100", "filled_avg_price": "53.48", "filled_at": "2026-11-20T15:00:30Z"}


@pytest.fixture
def shared(lab: Lab) -> Lab:
    """An account with own shares in the symbol, and a bracket of as many."""
    lab.control.position("TQQQ", OWN, "40")
    hold(lab)
    return lab


def _throughout(**fields: Any) -> Callable[[Reply], Reply]:
    """The true answer with these fields in it, and in its legs."""

    def lie(reply: Reply) -> Reply:
        body = dict(reply.body)
        return Reply(200, body | fields | {"legs": [leg | fields for leg in body["legs"] or ()]})

    return lie


def _sixty_leave(lab: Lab) -> None:
    lab.control.quote("TQQQ", "53.49", "53.52", 60, 60, frozen=True)
    lab.sleep(1)
    lab.control.quote("TQQQ", "53.40", "53.43", 2000, 2000)


def _cancelled_by_hand(lab: Lab) -> None:
    by_hand(lab, "DELETE", f"orders/{lab.order('b').protective_order_id}")
    lab.sleep(0.5)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_an_adjust_guards_what_is_left_though_one_answer_says_that_all_is(shared: Lab, nth: int) -> None:
    """Sixty leave in the moment of the cancel, and the nth answer after that knows nothing of it."""
    lab = shared

    def takes() -> None:
        _sixty_leave(lab)
        Liar(lab, "GET", "/orders/", _throughout(**NOTHING), nth)

    whenever(lab, "broker.cancel", takes)
    told(lab, stop_loss="50.50")
    side_by_side(lab)
    assert refused(lab.order("m")) == DONE
    assert ([guard.qty for guard in guards(lab)], lab.order("b").unexited_qty) == ([40], 40)
    check_held(lab, free=OWN)


@pytest.mark.parametrize("nth", [1, 2])
def test_an_adjust_waits_for_a_stop_that_sells_though_one_answer_calls_it_over(shared: Lab, nth: int) -> None:
    """The stop has 30 left to sell when it is to be moved; one answer has it cancelled with what it sold by then."""
    lab = shared
    lab.control.quote("TQQQ", "49.90", "49.93", 70, 2000, frozen=True)
    lab.sleep(1)
    lab.control.quote("TQQQ", "50.95", "50.98", 0, 2000, frozen=True)
    whenever(lab, "broker.cancel", lambda: Liar(lab, "GET", "/orders/", _throughout(**OVER), nth) and None)
    told(lab, stop_loss="50.50")
    side_by_side(lab)
    left = lab.order("b").unexited_qty
    assert sum(guard.qty for guard in guards(lab)) in (0, left)
    minutes(lab)
    check_held(lab, free=OWN)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize(
    ("truth", "lie", "left"),
    [
        (_sixty_leave, _throughout(**NOTHING, **OVER), 40),
        (lambda lab: None, saying(**SOLD), 100),
        (lambda lab: None, saying(filled_qty="40", filled_avg_price="53.48"), 100),
    ],
    ids=["fewer than it sold", "all of it", "more than it sold"],
)
def test_the_sweep_guards_what_is_left_of_an_oco_that_somebody_cancelled(
    shared: Lab, truth: Callable[[Lab], None], lie: Callable[[Reply], Reply], left: int, nth: int
) -> None:
    """Its owner cancels it, to sell by hand, and changes his mind: one answer is false about what it sold before."""
    lab = shared
    minutes(lab)
    truth(lab)
    _cancelled_by_hand(lab)
    liar = Liar(lab, "GET", "/orders/", lie, nth)
    minutes(lab, 4)
    assert ([guard.qty for guard in guards(lab)], lab.order("b").unexited_qty) == ([left], left)
    assert liar.told
    check_held(lab, free=OWN)


@pytest.mark.parametrize("nth", [1, 2])
def test_a_close_of_a_part_guards_what_is_left_of_an_oco_that_somebody_cancelled(shared: Lab, nth: int) -> None:
    lab = shared
    _sixty_leave(lab)
    _cancelled_by_hand(lab)
    Liar(lab, "GET", "/orders/", _throughout(**NOTHING), nth)
    run(lab, "c", kind="close", qty=30)
    minutes(lab, 4)
    held = lab.order("b").unexited_qty
    assert [guard.qty for guard in guards(lab)] == ([held] if held else [])
    assert held in (10, 40), "what was sold is the owner's, or the bracket's"
    check_held(lab, free=int(shares(lab) - held))


@pytest.mark.parametrize("nth", [1, 2])
def test_an_order_that_one_answer_calls_its_successor_is_not_cancelled(shared: Lab, nth: int) -> None:
    """The owner's own sale: the OCO is said to be replaced by it, and is to be cancelled then."""
    lab = shared
    mine = by_hand(lab, "POST", "orders", OWN_SALE)
    Liar(lab, "GET", "/orders/", saying(status="replaced", replaced_by=mine["id"]), nth)
    for stop in ("50.50", "50.60", "50.70"):
        told(lab, f"m{stop[3:]}", stop_loss=stop)
        side_by_side(lab)
    assert by_hand(lab, "GET", f"orders/{mine['id']}")["status"] in ("new", "accepted")
    assert [guard.qty for guard in guards(lab)] == [100]
    check_held(lab, free=OWN, strangers=True)


def test_an_order_that_one_answer_calls_the_successor_of_an_entry_is_not_cancelled(lab: Lab) -> None:
    """The owner's own buy, behind the market; the entry rests, as the market shows no size."""
    lab.control.quote("TQQQ", "50.90", "51.02", 0, 0)
    own = {"symbol": "TQQQ", "qty": "7", "side": "buy", "type": "limit", "limit_price": "40", "time_in_force": "gtc"}
    mine = by_hand(lab, "POST", "orders", own)
    with Crowd(lab) as crowd:
        send(lab, "a", qty=60, ladder="better_orders")
        liar = Liar(lab, "GET", "/orders/", saying(status="replaced", replaced_by=mine["id"]))
        crowd.work(until=market_time("10:00:01"))
        lab.control.quote("TQQQ", "50.90", "51.02", 2000, 2000)
        crowd.work()
    assert liar.told
    assert by_hand(lab, "GET", f"orders/{mine['id']}")["status"] in ("new", "accepted")
    assert (lab.order("a").filled_qty, shares(lab)) == (60, 60)


def test_a_cancel_ends_no_order_that_one_answer_lists_among_the_legs(shared: Lab) -> None:
    """The owner's own stop: the broker says that the OCO is over already, and names that as a leg of it, once."""
    lab = shared
    own = {"symbol": "TQQQ", "qty": "100", "side": "sell", "type": "stop", "stop_price": "45", "time_in_force": "gtc"}
    mine = by_hand(lab, "POST", "orders", own)

    def lies() -> None:
        over = {"code": 42210000, "message": 'order is already in "canceled" state'}
        Liar(lab, "DELETE", "/orders/", lambda _: Reply(422, over), unheard=True)
        Liar(lab, "GET", "/orders/", lambda reply: saying(legs=[mine])(reply))

    whenever(lab, "broker.cancel", lies)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30)
        crowd.work()
    assert by_hand(lab, "GET", f"orders/{mine['id']}")["status"] in ("new", "accepted")
    assert lab.order("c").filled_qty == 30
    check_held(lab, free=OWN, strangers=True)


def test_a_fill_that_one_answer_made_up_is_told(lab: Lab) -> None:
    """The entry rests; its protection stands over shares of the owner, as no broker refuses it for those."""
    lab.control.position("TQQQ", OWN, "40")
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    Liar(lab, "GET", "/orders/", saying(**(SOLD | {"filled_avg_price": "50.98"})))
    with Crowd(lab) as crowd:
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time("10:02"))
        lab.reconcile()
        crowd.work()
    (told,) = alerts(lab)
    assert "is canceled with 0 TQQQ filled, by two answers; one before had 100, and the record follows the two" in told
    assert (shares(lab), guards(lab), lab.order("b").filled_qty) == (OWN, [], 0)


def test_a_part_of_a_fill_that_one_answer_made_up_is_told(lab: Lab) -> None:
    lab.control.position("TQQQ", OWN, "40")
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    forty = {"status": "partially_filled", "filled_qty": "40", "filled_avg_price": "50.98"}
    Liar(lab, "GET", "/orders/", saying(**forty))
    with Crowd(lab) as crowd:
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time("10:02"))
    (told,) = alerts(lab)
    assert "is over with 0 TQQQ filled, by three answers; one before had 40, and the record follows" in told
    assert (shares(lab), guards(lab), lab.order("b").filled_qty) == (OWN, [], 0)


def test_an_exit_that_was_taken_though_the_broker_refused_it_sells_once(shared: Lab) -> None:
    """For lack of the shares that it sells: sized anew, it sold seventy of the owner's more."""
    lab = shared
    lack = {"code": 40310000, "message": "insufficient qty available for order (requested: 130, available: 0)"}
    Liar(lab, "POST", "/orders", lambda _: Reply(403, lack))
    run(lab, "c", kind="close", qty=130)
    minutes(lab, 2)
    assert (lab.order("c").filled_qty, shares(lab), [guard.qty for guard in guards(lab)]) == (130, 70, [70])
    check_held(lab)
