"""What the account tells at different moments, or late: nothing is spent twice, and nothing bought that is there."""

from __future__ import annotations

from decimal import Decimal

from repeg.domain.market.reports import Account
from repeg.domain.rebalance.record import RebalanceStatus
from tests.integration.rebalance.scenes import cash, held, market, rebalance
from tests.support.lab import Lab
from tests.support.scenes import by_hand


def test_what_is_bought_between_two_reads_is_paid_for_once(lab: Lab) -> None:
    market(lab)
    # In the look that the buys are planned by.
    lab.stall("broker.positions", lambda: _bought(lab, "AAPL", "20"), nth=2)
    done = rebalance(lab, {"SPY": "1"}, strangers=True, cash_buffer="0", liquidate_others=False)
    assert held(lab)["AAPL"] == 20 and held(lab)["SPY"] > 180
    assert cash(lab) >= 0, done.events


def _bought(lab: Lab, symbol: str, qty: str) -> None:
    order = {"symbol": symbol, "qty": qty, "side": "buy", "type": "market", "time_in_force": "day"}
    by_hand(lab, "POST", "orders", order)
    lab.sleep(1)


def test_an_account_that_never_stands_still_gets_no_plan(lab: Lab) -> None:
    market(lab)
    real, moved = lab.broker.account, [Decimal(0)]

    def account() -> Account:
        moved[0] += 1
        told = real()
        return told.changed(cash=told.cash + moved[0])

    lab.broker.account = account  # type: ignore[method-assign]
    done = rebalance(lab, {"SPY": "1"})
    assert done.status is RebalanceStatus.REJECTED
    assert any("while the positions were read" in event.detail for event in done.events)
