"""One false answer about an OCO that was cancelled: what its target or its stop took before that stays sold."""

from __future__ import annotations

from typing import Any

import pytest

from repeg.broker.alpaca_wire import Reply
from tests.support.brokers.liar import Liar
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import SHORT, check_held, guards, hold, minutes, shares, side_by_side
from tests.support.moving import DONE, refused, told
from tests.support.scenes import alerts, market_time, send, whenever
from tests.support.watching import moves

NOTHING = {"filled_qty": "0", "filled_avg_price": None, "filled_at": None}


def _nothing_taken(reply: Reply) -> Reply:
    """The true answer, but for what its legs took."""
    body = dict(reply.body)
    return Reply(200, body | NOTHING | {"legs": [leg | NOTHING for leg in body["legs"] or ()]})


def _sixty_leave(lab: Lab, bid: str, ask: str, *nth: int) -> list[Liar]:
    """At the next cancel 60 of 100 shares leave at this quote, and the nth answers after that know nothing of it."""
    liars: list[Liar] = []

    def takes() -> None:
        lab.control.quote("TQQQ", bid, ask, 60, 60, frozen=True)
        lab.sleep(1)
        lab.control.quote("TQQQ", "53.40", "53.43", 2000, 2000)
        liars.extend(Liar(lab, "GET", "/orders/", _nothing_taken, each) for each in nth or (1,))

    whenever(lab, "broker.cancel", takes)
    return liars


@pytest.mark.parametrize(("own", "wanted"), [(0, {}), (0, {"qty": 30}), (100, {}), (100, {"qty": 130})])
def test_what_a_target_took_before_a_close_is_not_sold_again(lab: Lab, own: int, wanted: dict[str, Any]) -> None:
    """Beside own shares, of which it would be sold; without them it would be in dispute."""
    if own:
        lab.control.position("TQQQ", own, "40")
    hold(lab)
    liars = _sixty_leave(lab, "53.49", "53.52")
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", **wanted)
        crowd.work(until=market_time("10:00:50"))
    assert liars[0].told
    bracket, close = lab.order("b"), lab.order("c")
    assert sum(gone.qty for gone in bracket.all_exits if gone.reason == "target") == 60
    assert (
        (close.filled_qty, bracket.unexited_qty) == ((30, 10) if own == 0 else (130, 10)) if wanted else (40 + own, 0)
    )
    minutes(lab, 2)
    assert not alerts(lab)
    check_held(lab, free=own + 40 - int(close.filled_qty + bracket.unexited_qty))


def test_what_a_target_took_before_a_move_is_not_in_dispute(lab: Lab) -> None:
    hold(lab)
    liars = _sixty_leave(lab, "53.49", "53.52")
    told(lab, stop_loss="50.50")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:02"), sweep_every=60)
    assert liars[0].told
    assert refused(lab.order("m")) == DONE
    assert [guard.qty for guard in guards(lab)] == [40]
    minutes(lab)
    check_held(lab)


@pytest.mark.parametrize("kind", [None, "drop_before", "drop_after"])
def test_protection_for_more_than_is_held_does_not_stay_for_shares_of_somebody_else(lab: Lab, kind: str | None) -> None:
    """Two answers in a row are false: the new OCO is for all 100, beside 100 of the owner's, when the 60 come to light.

    Cancelled by us, nobody ended it to sell by hand: the 40 are guarded again at once, whatever became of the answer.
    """
    lab.control.position("TQQQ", 100, "40")
    hold(lab)
    _sixty_leave(lab, "53.49", "53.52", 1, 2)
    told(lab, stop_loss="50.50")
    with Crowd(lab) as crowd:
        crowd.work()
    assert [guard.qty for guard in guards(lab)] == [100]
    if kind:
        lab.control.faults({"method": "DELETE", "path": "/v2/orders/*", "kind": kind, "count": 1})
    lab.reconcile()
    side_by_side(lab)
    assert [guard.qty for guard in guards(lab)] == [40]
    check_held(lab, free=100)


def test_what_a_stop_took_before_a_position_is_left_is_not_bought_back_again(lab: Lab) -> None:
    """Its limit rests behind the market, and takes sixty at last, as it is taken down. The 100 shorted by hand stay."""
    lab.control.position("TQQQ", -100, "60")
    hold(lab, **SHORT)
    moves(lab, "54.00")
    minutes(lab)
    liars = _sixty_leave(lab, "51.90", "51.93", 2)
    minutes(lab, 2)
    assert liars[0].told
    assert {gone.reason: gone.qty for gone in lab.order("b").all_exits} == {"stop": 60, "unwind": 40}
    assert shares(lab) == -100
    check_held(lab, free=-100)
