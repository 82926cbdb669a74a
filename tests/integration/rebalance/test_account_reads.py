"""What the account tells at different moments, or late: nothing is spent twice, and nothing bought that is there."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from repeg.clock import MarketClock
from repeg.domain.market.reports import Account
from repeg.domain.order.verdicts import Refusal
from repeg.domain.reasons import Reason
from repeg.domain.rebalance.record import Rebalance, RebalanceStatus
from repeg.intake import Intake
from repeg.rebalance import advance
from repeg.rebalance.account import Look
from repeg.rebalance.rebalancer import Rebalancer
from tests.integration.rebalance.scenes import PRICES, cash, held, market, rebalance, send
from tests.support.lab import Lab
from tests.support.scenes import by_hand


def _cash_lags(lab: Lab, monkeypatch: pytest.MonkeyPatch, dollars: int, until: timedelta) -> None:
    """From now on the account shows so many dollars that are spent already, for a while."""
    real, ends_at = lab.broker.account, lab.time.latest_now() + until

    def account() -> Account:
        told = real()
        return told.changed(cash=told.cash + dollars) if lab.time.latest_now() < ends_at else told

    monkeypatch.setattr(lab.broker, "account", account)


def test_cash_that_a_fill_has_taken_a_moment_ago_is_not_spent_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    market(lab)
    lab.send(signal_id="s", symbol="AAPL", qty=20)
    lab.work()
    _cash_lags(lab, monkeypatch, 4000, timedelta(seconds=9))
    done = rebalance(lab, {"SPY": "1"}, cash_buffer="0", liquidate_others=False)
    lab.sleep(10)
    assert held(lab)["AAPL"] == 20 and held(lab)["SPY"] > 180
    assert cash(lab) >= 0, done.events


def test_shares_that_were_bought_a_moment_ago_are_bought_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its shares nor its cash show yet: it is waited for."""
    market(lab)
    lab.send(signal_id="s", symbol="AAPL", qty=20)
    lab.work()
    _cash_lags(lab, monkeypatch, 4000, timedelta(seconds=9))
    real, shows_at = lab.broker.positions, lab.time.latest_now() + timedelta(seconds=9)
    monkeypatch.setattr(lab.broker, "positions", lambda: real() if lab.time.latest_now() >= shows_at else ())
    done = rebalance(lab, {"AAPL": "0.04"})
    assert (done.status, done.buys) == (RebalanceStatus.DONE, ())
    assert held(lab)["AAPL"] == 20


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


def test_an_account_that_never_stands_still_gets_no_plan(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    market(lab)
    real, moved = lab.broker.account, [Decimal(0)]

    def account() -> Account:
        moved[0] += 1
        told = real()
        return told.changed(cash=told.cash + moved[0])

    monkeypatch.setattr(lab.broker, "account", account)
    done = rebalance(lab, {"SPY": "1"})
    assert done.status is RebalanceStatus.REJECTED
    assert any("while the positions were read" in event.detail for event in done.events)


def test_an_account_in_which_others_trade_all_the_time_holds_a_plan_up_for_seconds(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By turns its cash moves during a look, and something was filled a moment before one: neither wait begins anew."""
    market(lab)
    real, looks = advance.look, [0]

    def look(at: Rebalancer, rebalance: Rebalance, clock: MarketClock) -> Look:
        looks[0] += 1
        seen = real(at, rebalance, clock)
        if looks[0] % 2:
            moved = Refusal(reason=Reason.ACCOUNT_DISAGREES, detail="cash went up while the positions were read")
            return seen._replace(book=moved)
        return seen._replace(settles_at=clock.now() + timedelta(seconds=10))

    monkeypatch.setattr(advance, "look", look)
    begun = lab.time.latest_now()
    assert rebalance(lab, {"SPY": "0.5"}).status is RebalanceStatus.DONE
    assert lab.time.latest_now() - begun < timedelta(minutes=2)


@pytest.mark.parametrize("stood", [0, 9], ids=["at once", "held up"])
def test_what_a_signal_takes_meanwhile_no_leg_spends(lab: Lab, monkeypatch: pytest.MonkeyPatch, stood: int) -> None:
    """It comes between the plan of the buys and the first of them, and is over before that is sent.

    Held up, it arrived before the plan, and is on record only now.
    """
    market(lab)
    send(lab, {"SPY": "0.5", "TQQQ": "0.5"}, cash_buffer="0")
    times = Intake._times

    def earlier(intake: Intake, sent_at: datetime | None) -> tuple[datetime, datetime, datetime]:
        at, received, sent = times(intake, sent_at)
        return at, received - timedelta(seconds=stood), sent - timedelta(seconds=stood)

    monkeypatch.setattr(Intake, "_times", earlier)

    def meanwhile() -> None:
        lab.send(signal_id="s", symbol="AAPL", qty=100)
        lab.work()

    lab.stall("executions.start", meanwhile)
    lab.work()
    lab.sleep(15)
    worth = sum(qty * Decimal(PRICES[symbol][0]) for symbol, qty in held(lab).items())
    assert held(lab)["AAPL"] == 100 and worth > 99_000
    assert cash(lab) >= 0, held(lab)
    lab.check()
