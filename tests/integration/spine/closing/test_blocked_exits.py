"""Exits that get nothing to the market for long: what they took protection off does not stay bare meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from repeg.domain.reasons import Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, check_held, hold, shares
from tests.support.scenes import alerts, at, by_hand, limit_by_hand, market_time, run, whenever

LOOK_SECONDS = 10
RELEASED_FOR = 3
"""Looks in a row that may find the shares bare."""


def _rests(lab: Lab, **order: str) -> str:
    """Somebody's order that waits far from the market, on the other side than a close."""
    body = {"symbol": "TQQQ", "qty": "10", "time_in_force": "gtc", "client_order_id": "hand"} | order
    placed = by_hand(lab, "POST", "orders", body)
    lab.sleep(0.1)
    return str(placed["id"])


def _bare_looks(lab: Lab, crowd: Crowd, minutes: int) -> list[bool]:
    """Whether the shares were free of any order, look after look."""
    bare = []
    for look in range(1, minutes * 60 // LOOK_SECONDS):
        until = at("10:00") + timedelta(seconds=LOOK_SECONDS * look)
        crowd.work(until=until.isoformat(), sweep_every=60)
        held = by_hand(lab, "GET", "positions/TQQQ")
        bare.append(held["qty_available"] != "0")
    return bare


def _longest(bare: list[bool]) -> int:
    longest = run = 0
    for each in bare:
        run = run + 1 if each else 0
        longest = max(longest, run)
    return longest


BLOCKS: list[tuple[dict[str, Any], dict[str, str]]] = [
    (BRACKET, {"side": "buy", "type": "stop", "stop_price": "60"}),
    (BRACKET, {"side": "buy", "type": "stop_limit", "stop_price": "60", "limit_price": "61"}),
    (SHORT, {"side": "sell", "type": "stop_limit", "stop_price": "40", "limit_price": "39"}),
]


@pytest.mark.parametrize(("bracket", "order"), BLOCKS, ids=["stop", "stop-limit", "of a short"])
def test_what_a_strangers_order_keeps_a_close_from_is_protected_again_and_told(
    lab: Lab, bracket: dict[str, Any], order: dict[str, str]
) -> None:
    hold(lab, **bracket)
    stranger = _rests(lab, **order)
    lab.intake.accept('{"signal_id": "c", "kind": "close", "symbol": "TQQQ"}')
    with Crowd(lab) as crowd:
        bare = _bare_looks(lab, crowd, 6)
        assert _longest(bare) <= RELEASED_FOR
        assert sum(bare[12:]) <= 3, "once it is known, it is bare for moments only"
        assert sum("cannot be left" in alert for alert in alerts(lab)) == 1
        by_hand(lab, "DELETE", f"orders/{stranger}")
        crowd.work(until=market_time("10:16"))
    close = lab.order("c")
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 100, 0)
    assert lab.order("b").exit_reason == "close"
    check_held(lab, strangers=True)


@pytest.mark.parametrize("sold", [0, 40])
def test_what_the_exchange_rejects_again_and_again_leaves_the_shares_protected_meanwhile(lab: Lab, sold: int) -> None:
    hold(lab)
    if sold:
        lab.control.quote("TQQQ", "50.95", "50.98", sold, 2000, frozen=True)
    sale = {"method": "POST", "path": "/v2/orders", "side": "sell", "order_class": "simple", "kind": "reject"}
    lab.intake.accept('{"signal_id": "c", "kind": "close", "symbol": "TQQQ"}')
    with Crowd(lab) as crowd:
        if sold:
            crowd.work(until=at("10:00:01").isoformat())
        lab.control.faults(sale)
        bare = _bare_looks(lab, crowd, 6)
        assert _longest(bare) <= RELEASED_FOR
        assert any("are not left yet" in alert for alert in alerts(lab))
        lab.control.faults()
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        crowd.work(until=market_time("10:16"))
    close = lab.order("c")
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 100, 0)
    assert lab.order("b").unexited_qty == 0
    check_held(lab)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_an_order_that_somebody_sends_while_we_look_is_not_taken_for_ours(lab: Lab, nth: int) -> None:
    """A sale is refused for what rests against it; what is ours of that is cancelled, and nothing else."""
    lab.control.position("TQQQ", 100, "40")
    limit_by_hand(lab, "buy", 10, "50.94")
    theirs: list[str] = []
    whenever(lab, "broker.open_orders", lambda: theirs.append(limit_by_hand(lab, "buy", 5, "50.90")), nth=nth)
    close = run(lab, "c", kind="close")
    assert (close.status, close.filled_qty) == (Status.FILLED, 100)
    assert all(by_hand(lab, "GET", f"orders/{each}")["status"] == "new" for each in theirs)
