"""The first minutes of a session: wide spreads are waited out, with a bound; the plan before the open counts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from botocore.exceptions import ClientError

from desk.exchange.client import ExchangeControl
from repeg.domain.reasons import Status
from repeg.domain.schedule.spreads import OpeningPlans, assessed
from tests.support import make
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import at, done, lab_at, market_time, send

pytestmark = pytest.mark.usefixtures("aws_credentials")

WIDE, NORMAL, TIGHT = ("50.90", "51.00"), ("50.93", "50.98"), ("50.95", "50.98")


def _quote(lab: Lab, touch: tuple[str, str]) -> None:
    lab.control.quote("TQQQ", *touch, 2000, 2000)


def _quote_at(lab: Lab, when: str, touch: tuple[str, str]) -> None:
    bid, ask = touch
    quote = {"symbol": "TQQQ", "bid": bid, "ask": ask, "bid_size": 2000, "ask_size": 2000}
    lab.control.script({"at": market_time(when), **quote})


def test_a_wide_spread_is_waited_out_until_it_narrows(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "09:30:05") as lab:
        _quote(lab, WIDE)
        _quote_at(lab, "09:30:40", TIGHT)
        order = done(lab)
        assert order.status is Status.FILLED
        assert order.first_sent_at and at("09:30:40") <= order.first_sent_at <= at("09:30:44")
        assert (order.terms.arrival_bid, order.terms.arrival_ask) == (Decimal("50.95"), Decimal("50.98"))
        assert "spread of 10 cents" in " ".join(event.detail for event in order.events)


def test_a_spread_that_stays_wide_is_traded_from_two_minutes_after_the_open(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "09:30:05") as lab:
        _quote(lab, WIDE)
        order = done(lab)
        assert order.status is Status.FILLED
        assert order.first_sent_at and at("09:32") <= order.first_sent_at <= at("09:32:04")


@pytest.mark.parametrize("when", ["09:32", "09:34:59", "09:35", "12:00"])
def test_after_two_minutes_no_spread_is_waited_out(exchange: ExchangeControl, when: str) -> None:
    with lab_at(exchange, when) as lab:
        _quote(lab, WIDE)
        order = done(lab)
        assert order.status is Status.FILLED
        assert order.first_sent_at and (order.first_sent_at - at(when)).total_seconds() < 2


def test_a_normal_spread_at_the_open_is_traded_at_once(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "09:30:01") as lab:
        _quote(lab, NORMAL)
        order = done(lab)
        assert order.first_sent_at and order.first_sent_at <= at("09:30:03")


def test_a_close_does_not_wait_for_the_spread(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "09:30:01") as lab:
        _quote(lab, WIDE)
        lab.control.position("TQQQ", 100, "40")
        order = done(lab, kind="close")
        assert order.status is Status.FILLED
        assert order.first_sent_at and order.first_sent_at <= at("09:30:03")


@pytest.mark.parametrize(
    ("before", "earliest", "cap"),
    [(TIGHT, "09:30:00", 5), (NORMAL, "09:31:00", 10), (WIDE, "09:32:00", 15)],
    ids=["tight", "normal", "wide"],
)
def test_the_spread_before_the_open_sets_patience_and_cap(
    exchange: ExchangeControl, before: tuple[str, str], earliest: str, cap: int
) -> None:
    """Design 4, Market timing: tight/normal/wide -> 0/1/2 min and 5/10/15 bps; the smaller of plan and class."""
    with lab_at(exchange, "09:28") as lab:
        _quote(lab, before)
        _quote_at(lab, "09:29:59.9", WIDE)
        order = done(lab)
        assert order.terms.max_slippage_bps == cap
        assert order.first_sent_at
        assert 0 <= (order.first_sent_at - at(earliest)).total_seconds() < 4
        if cap > 5:
            assert order.status is Status.FILLED
        else:
            assert order.children[0].limit_price == order.worst_price, "five basis points are less than half the spread"


def _assess(lab: Lab, touch: tuple[str, str], open_on: str = "2026-11-20") -> None:
    """The pre-market assessment saw this market."""
    opens_at = at(f"{open_on}T09:30:00-05:00")
    seen = make.quote(*touch, at=at("09:20"))
    plans = OpeningPlans(
        date=opens_at.date(), made_at=at("09:20"), plans={"TQQQ": assessed(seen, opens_at, lab.settings)}
    )
    lab.time.kept.keep_opening_plans(plans)


@pytest.mark.parametrize(
    ("planned", "earliest", "cap"), [(TIGHT, "09:30:05", 5), (NORMAL, "09:31:00", 10), (WIDE, "09:32:00", 15)]
)
def test_an_order_that_came_after_the_open_goes_by_the_plan_that_was_made_for_all(
    exchange: ExchangeControl, planned: tuple[str, str], earliest: str, cap: int
) -> None:
    with lab_at(exchange, "09:30:05") as lab:
        _assess(lab, planned)
        _quote(lab, WIDE)
        order = done(lab)
        assert order.terms.max_slippage_bps == cap
        assert order.first_sent_at
        assert 0 <= (order.first_sent_at - at(earliest)).total_seconds() < 4


def test_an_orders_own_look_before_the_open_is_the_later_one(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "09:28") as lab:
        _assess(lab, WIDE)
        _quote(lab, NORMAL)
        assert done(lab).terms.max_slippage_bps == 10


@pytest.mark.parametrize(("when", "open_on"), [("09:30:05", "2026-11-19"), ("09:35", "2026-11-20")])
def test_a_plan_of_another_open_or_for_the_first_minutes_says_nothing_now(
    exchange: ExchangeControl, when: str, open_on: str
) -> None:
    with lab_at(exchange, when) as lab:
        _assess(lab, TIGHT, open_on)
        assert done(lab).terms.max_slippage_bps == 20


def test_a_plan_that_cannot_be_read_keeps_no_order_from_its_market(
    exchange: ExchangeControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lab_at(exchange, "09:30:05") as lab:
        broken = ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "GetItem")

        def refuses() -> None:
            raise broken

        monkeypatch.setattr(lab.time.kept, "opening_plans", refuses)
        assert done(lab).status is Status.FILLED


def test_from_five_minutes_after_the_open_the_plan_is_history(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "09:29") as lab:
        send(lab, "first", qty=10)
        send(lab, "later", qty=20)
        lab.control.quote("TQQQ", *TIGHT, 2000, 2000)
        with Crowd(lab) as crowd:
            crowd.work(until=market_time("09:29:58"))
            lab.set_clock(market_time("09:36"))
            lab.control.quote("TQQQ", *TIGHT, 2000, 2000)
            crowd.work()
        assert lab.order("first").terms.max_slippage_bps == lab.order("later").terms.max_slippage_bps == 20
        lab.check()


def test_orders_behind_one_that_waits_for_the_spread_keep_their_place(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "09:30:05") as lab:
        _quote(lab, WIDE)
        _quote_at(lab, "09:30:30", TIGHT)
        send(lab, "first", qty=10)
        lab.sleep(1)
        send(lab, "second", qty=20)
        with Crowd(lab, latest_first=True) as crowd:
            crowd.work()
        first, second = lab.order("first"), lab.order("second")
        assert first.status is second.status is Status.FILLED
        assert first.completed_at and second.first_sent_at and first.completed_at <= second.first_sent_at
        lab.check()
