"""The line of rebalances: nobody waits in it for one that is not there any more."""

from __future__ import annotations

import pytest

from repeg.domain.rebalance.record import RebalanceStatus
from repeg.store.items import Item, place_key, turn_key
from repeg.store.rebalances import PORTFOLIO
from tests.integration.rebalance.scenes import market, rebalance
from tests.support.comparing import put
from tests.support.lab import Lab

LOST = "reb-00000000000000000000"


@pytest.mark.parametrize("left", ["turn", "place", "both"])
def test_what_a_rebalance_without_a_record_has_left_keeps_nobody_waiting(lab: Lab, left: str) -> None:
    market(lab)
    turn: Item = turn_key(PORTFOLIO)
    place: Item = place_key(PORTFOLIO, lab.time.wall(), LOST)
    if left != "place":
        put(lab, turn, order_id=LOST)
    if left != "turn":
        put(lab, place, order_id=LOST, parked_until=0)
    lab.sleep(1)
    assert rebalance(lab, {"SPY": "0.5"}).status is RebalanceStatus.DONE
    assert lab.rebalances.holder(PORTFOLIO) is None
    assert not lab.rebalances._line(PORTFOLIO).waiting
