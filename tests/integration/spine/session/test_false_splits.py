"""One false answer about corporate actions: nothing is sold, no stop taken down, by what a second one contradicts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from decimal import Decimal
from itertools import count

import pytest

from desk.exchange.client import ExchangeControl
from repeg.broker.alpaca_market import MarketData
from repeg.domain.order.adjustments import CorporateAction
from tests.support.lab import Lab
from tests.support.leaving import STOP, TARGET, Guard, guards, hold, minutes, shares
from tests.support.scenes import alerts, journal, lab_at
from tests.support.splits import FRIDAY_AFTERNOON, MONDAY, monday, split
from tests.support.watching import cancel_protection


@pytest.fixture
def lab(exchange: ExchangeControl, aws_credentials: None) -> Iterator[Lab]:
    """Friday afternoon, before a weekend on which splits happen."""
    with lab_at(exchange, FRIDAY_AFTERNOON) as lab:
        yield lab


def _split_of(ratio: str) -> tuple[CorporateAction, ...]:
    day = date.fromisoformat(MONDAY)
    return (CorporateAction(symbol="TQQQ", kind="forward_split", ratio=Decimal(ratio), ex_date=day),)


def _lies(monkeypatch: pytest.MonkeyPatch, nth: int, told: tuple[CorporateAction, ...]) -> None:
    """The nth answer about corporate actions from now on is this one."""
    true, asked = MarketData.corporate_actions_of, count(1)

    def said(data: MarketData, symbols: Collection[str], since: date) -> tuple[CorporateAction, ...]:
        known = true(data, symbols, since)
        return told if next(asked) == nth else known

    monkeypatch.setattr(MarketData, "corporate_actions_of", said)


@pytest.mark.parametrize("nth", range(2, 7))
@pytest.mark.parametrize("told", [(), _split_of("0.1")], ids=["none", "a wrong one"])
@pytest.mark.parametrize("lost", [False, True], ids=["guarded", "bare"])
def test_old_shares_are_not_sold_at_the_price_of_new_ones(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, nth: int, told: tuple[CorporateAction, ...], lost: bool
) -> None:
    """Ten for one, and the account follows later: a hundred left at 5.09 a share, which cost 50.98."""
    order = hold(lab)
    minutes(lab)
    if lost:
        cancel_protection(lab, order)
    mark = lab.mark()
    monday(lab, "5.09", "5.10")
    split(lab, 10, 1, apply=False)
    _lies(monkeypatch, nth, told)
    minutes(lab, 2)
    monday(lab, "5.09", "5.10", hour="09:31")
    minutes(lab, 4)
    split(lab, 10, 1)
    minutes(lab, 2)
    assert (shares(lab), lab.order("b").unexited_qty) == (1000, 1000)
    assert guards(lab) == [Guard(Decimal(1000), Decimal("5"), Decimal("5.35"))]
    assert not [fill for fill in journal(lab, "fill") if fill["seq"] > mark]


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize(("ratio", "bid"), [("1.05", "48.60"), ("1.5", "40.00")])
def test_a_split_that_was_made_up_takes_no_stop_down(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, ratio: str, bid: str, nth: int
) -> None:
    """Before the open, at a price that such a split would make of it: at the open it was bare, and left late."""
    hold(lab)
    minutes(lab)
    _lies(monkeypatch, nth, _split_of(ratio))
    monday(lab, bid, str(Decimal(bid) + Decimal("0.03")))
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.care.frozen, order.guard.protected, alerts(lab)) == ("", True, [])
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]


def test_the_account_follows_a_split_though_one_answer_knows_of_none(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the first sweep: the one after it may come behind the open, where the old stop sells the new shares."""
    hold(lab)
    minutes(lab)
    monday(lab, "5.09", "5.10")
    split(lab, 10, 1)
    _lies(monkeypatch, 1, ())
    minutes(lab)
    assert guards(lab) == [Guard(Decimal(1000), Decimal("5"), Decimal("5.35"))]
