"""What befalls a rebalance on its way: workers of before, outages and refusals, legs that hang, days that pass."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from desk.report.truth import is_trading
from repeg.domain.reasons import Reason, Status
from repeg.domain.rebalance.record import RebalanceStatus
from repeg.domain.settings import Settings
from repeg.errors import BudgetExhausted
from tests.integration.rebalance.scenes import cash, held, legs, market, rebalance, send, why
from tests.support.crowd import Crowd
from tests.support.deaths import Killed
from tests.support.lab import Lab
from tests.support.scenes import alerts, at, journal, lab_at, submits

MINUTE = timedelta(minutes=1)
_LARGE = "AAPL MSFT CRWD NVDA AMZN GOOGL GOOG META TSLA IBM AIG BAC AMD INTC NFLX ORCL CRM ADBE CSCO JPM WFC C GS V MA"
_OTHERS = "KO PEP PG JNJ PFE MRK UNH HD WMT COST DIS NKE MCD BA CAT GE F GM T VZ XOM CVX UBER PLTR COIN"
STOCKS = f"{_LARGE} {_OTHERS}".split()
TARGETS = {"TQQQ": "0.6", "SPY": "0.4"}
DOWN = {"method": "*", "path": "/v2/*", "kind": "error", "status": 503}


def _begun(lab: Lab) -> None:
    market(lab, AAPL=100, QQQ=50)
    lab.control.account(cash="0")
    send(lab, TARGETS)


def _to_the_end(lab: Lab, until: str = "2026-11-20T10:30:00-05:00") -> None:
    with Crowd(lab) as crowd:
        crowd.work(until=until, sweep_every=60)
        crowd.work()
    lab.sweep()
    lab.work()


def _is_done(lab: Lab) -> None:
    done = lab.rebalance("r")
    assert (done.status, done.residual) == (RebalanceStatus.DONE, ()), done.events
    assert held(lab).keys() == {"TQQQ", "SPY"}
    assert len(legs(lab)) == 4 and cash(lab) >= 0
    assert lab.rebalances.holder("portfolio") is None
    lab.check()


# --- workers ---


@pytest.mark.parametrize("number", [1, 2])
def test_an_execution_that_is_stopped_in_the_middle_is_revived_by_the_sweep(lab: Lab, number: int) -> None:
    _begun(lab)
    half = ("2026-11-20T10:00:00.4-05:00", "2026-11-20T10:00:03-05:00")[number - 1]
    with Crowd(lab) as crowd:
        crowd.work(until=half)
        record = lab.rebalance("r")
        name = f"{record.rebalance_id}-1"
        assert name in crowd.names(), record.events
        crowd.stop(name)
        crowd.work(until="2026-11-20T10:10:00-05:00", sweep_every=60)
        crowd.work()
    assert lab.rebalance("r").work.executions == 2
    _is_done(lab)


@pytest.mark.parametrize(("on", "nth"), [("rebalances.save", 1), ("executions.start", 2), ("broker.account", 2)])
def test_a_worker_that_stalls_for_a_minute_adds_nothing_to_what_another_did(lab: Lab, on: str, nth: int) -> None:
    _begun(lab)
    with Crowd(lab) as crowd:
        crowd.stall(on, 60, nth=nth)
        crowd.work(until="2026-11-20T10:00:05-05:00")
        stalled = lab.rebalance("r")
        lab.ended.add(f"{stalled.rebalance_id}-1")
        lab.running.pop(f"{stalled.rebalance_id}-1")
        lab.sweep()
        crowd.work(until="2026-11-20T10:05:00-05:00", sweep_every=60)
        crowd.work()
    assert lab.rebalance("r").work.executions >= 2
    _is_done(lab)


def test_a_leg_that_another_execution_gave_up_is_never_created(lab: Lab) -> None:
    """The worker of before wakes with the plan in its hand: the rebalance is over, and it must place nothing of it."""
    _begun(lab)

    def meanwhile() -> None:
        record = lab.rebalances.get(lab.rebalance("r").rebalance_id)
        assert record
        adopted = lab.rebalances.adopt(record, lab.arn(record.rebalance_id, 2))
        lab.rebalances.finish(adopted.ended(RebalanceStatus.FAILED, at("10:00:01"), Reason.INTERNAL_ERROR))

    lab.stall("executions.start", meanwhile, after=True)
    lab.work()
    assert len(legs(lab)) == 1, [order.symbol for order in legs(lab)]
    lab.check()


def test_two_sweeps_at_once_revive_it_once_and_nobody_is_alerted(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    _begun(lab)
    record = lab.rebalance("r")
    lab.running.pop(f"{record.rebalance_id}-1")
    lab.ended.add(f"{record.rebalance_id}-1")
    shouts = _shouts(lab, monkeypatch)
    lab.stall("rebalances.adopt", lab.sweep)
    lab.sweep()
    assert lab.rebalance("r").work.executions == 2
    lab.work()
    assert not shouts
    _is_done(lab)


def test_a_turn_that_an_ended_rebalance_still_has_is_given_to_the_next(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker of before took the turn between the look and the write of the one that ended it."""
    market(lab, AAPL=100)
    send(lab, TARGETS, "first")
    first = lab.rebalance("first")
    real = lab.rebalances.finish

    def finish(ending: Any) -> Any:
        answer = real(ending)
        # What the race leaves: the record is over, its turn is taken.
        lab.rebalances._client.put_item(
            TableName=lab.rebalances._table,
            Item={"pk": {"S": "QUEUE#portfolio"}, "sk": {"S": "TURN"}, "order_id": {"S": first.rebalance_id}},
        )
        monkeypatch.setattr(lab.rebalances, "finish", real)
        return answer

    monkeypatch.setattr(lab.rebalances, "finish", finish)
    lab.work()
    assert lab.rebalances.holder("portfolio") == first.rebalance_id
    second = rebalance(lab, {"SPY": "1"}, "second")
    assert second.status is RebalanceStatus.DONE
    assert lab.rebalances.holder("portfolio") is None


def _shouts(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Log lines that alarms watch, from now on."""
    heard: list[str] = []
    real = lab.worker.log.error

    def error(msg: str, **more: Any) -> None:
        if more.get("alert"):
            heard.append(msg)
        real(msg, **more)

    monkeypatch.setattr(lab.worker.log, "error", error)
    return heard


# --- the broker ---


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_submit_whose_answer_is_lost_doubles_no_leg(lab: Lab, kind: str) -> None:
    market(lab, AAPL=100, QQQ=50)
    lab.control.account(cash="0")
    lab.control.faults(
        {"method": "POST", "path": "/v2/orders", "kind": kind, "symbol": "AAPL", "count": 1},
        {"method": "POST", "path": "/v2/orders", "kind": kind, "symbol": "SPY", "count": 1},
    )
    send(lab, TARGETS)
    _to_the_end(lab)
    _is_done(lab)


@pytest.mark.parametrize("down_at", ["2026-11-20T10:00:00.3-05:00", "2026-11-20T10:00:02.5-05:00"])
def test_a_broker_that_is_down_for_five_minutes_is_outlasted(lab: Lab, down_at: str) -> None:
    market(lab, AAPL=100, QQQ=50)
    lab.control.account(cash="0")
    send(lab, TARGETS)
    with Crowd(lab) as crowd:
        crowd.work(until=down_at)
        lab.control.faults(DOWN)
        crowd.work(until="2026-11-20T10:05:00-05:00", sweep_every=60)
        lab.control.faults()
        lab.control.quote("SPY", "500.00", "500.02", 5000, 5000)
        crowd.work(until="2026-11-20T10:12:00-05:00", sweep_every=60)
        crowd.work()
    done = lab.rebalance("r")
    assert done.status in (RebalanceStatus.DONE, RebalanceStatus.DONE_WITH_RESIDUAL), done.events
    assert cash(lab) >= 0 and lab.rebalances.holder("portfolio") is None
    explained = {each.symbol for each in done.residual}
    unfilled = {order.symbol for order in legs(lab) if order.status is not Status.FILLED}
    assert unfilled <= explained, (unfilled, done.residual)
    lab.check()


def test_keys_that_are_refused_for_a_minute_strand_no_half(lab: Lab) -> None:
    refused = {"method": "*", "path": "/v2/*", "kind": "error", "status": 401, "body": {"message": "unauthorized."}}
    _begun(lab)
    with Crowd(lab) as crowd:
        crowd.stall("rebalances.save", 0, nth=1)
        crowd.work(until="2026-11-20T10:00:00.9-05:00")
        lab.control.faults(refused)
        crowd.work(until="2026-11-20T10:01:00-05:00")
        lab.control.faults()
        crowd.work(until="2026-11-20T10:05:00-05:00", sweep_every=60)
        crowd.work()
    _is_done(lab)


def test_a_data_feed_that_is_denied_before_the_plan_trades_nothing(lab: Lab) -> None:
    market(lab, AAPL=100)
    denied = {"message": "subscription does not permit querying recent SIP data"}
    lab.control.faults({"method": "GET", "path": "/v2/stocks/*", "kind": "error", "status": 403, "body": denied})
    done = rebalance(lab, TARGETS)
    assert (done.status, done.reason) == (RebalanceStatus.REJECTED, Reason.MISCONFIGURED)
    assert not submits(lab) and len(alerts(lab)) == 1


def test_a_data_feed_that_is_denied_for_a_moment_between_the_halves_strands_none(lab: Lab) -> None:
    denied = {"message": "subscription does not permit querying recent SIP data"}
    fault = {
        "method": "GET",
        "path": "/v2/stocks/snapshots",
        "kind": "error",
        "status": 403,
        "body": denied,
        "count": 2,
    }
    _begun(lab)
    lab.stall("store.finish", lambda: lab.control.faults(fault), nth=2)
    _to_the_end(lab)
    _is_done(lab)
    assert len([text for text in alerts(lab) if "subscription" in text]) == 1


def test_a_spent_request_budget_is_waited_for(lab: Lab) -> None:
    _begun(lab)
    with suppress(BudgetExhausted):
        for _ in range(200):
            lab.broker.account()
    _to_the_end(lab)
    _is_done(lab)
    assert not [entry for entry in journal(lab, "request") if entry["status"] == 429]


# --- legs that hang ---


def test_a_leg_whose_cancel_hangs_strands_no_half(lab: Lab) -> None:
    """Its symbol stays locked until the broker lets go, perhaps for hours; the others are bought meanwhile."""
    market(lab, AAPL=100, QQQ=50)
    lab.control.account(cash="0")
    lab.control.quote("AAPL", "200.00", "200.02", 40, 40, frozen=True)
    away = {"symbol": "AAPL", "bid": "150.00", "ask": "200.02", "bid_size": 10, "ask_size": 10}
    lab.control.script({"on": {"symbol": "AAPL", "event": "fill", "side": "sell"}, **away})
    lab.control.faults({"method": "DELETE", "path": "/v2/orders/*", "kind": "stuck_cancel"})
    send(lab, TARGETS)
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-20T10:14:00-05:00", sweep_every=300)
        done = lab.rebalance("r")
        assert done.status is RebalanceStatus.DONE_WITH_RESIDUAL, done.events
        assert {"TQQQ", "SPY"} <= held(lab).keys()
        assert "AAPL" in why(done)
        assert cash(lab) >= 0
        lab.control.faults()
    lab.check(all_over=False)


# --- days ---


def test_a_plan_of_yesterday_places_no_leg(exchange: ExchangeControl, aws_credentials: None) -> None:
    """Whatever is left of it is left: shares may have been split, and the weights may not be wanted any more."""

    def dies() -> None:
        raise Killed("with one leg of two placed")

    with lab_at(exchange, "15:50") as lab:
        _begun(lab)
        lab.stall("executions.start", dies, after=True)
        with Crowd(lab) as crowd:
            crowd.work()
        assert len(legs(lab)) == 1
        lab.sleep(18 * 3600 + 600)
        lab.set_clock("2026-11-23T10:00:00-05:00")
        market(lab)
        _to_the_end(lab, "2026-11-23T10:05:00-05:00")
        done = lab.rebalance("r")
        assert (done.status, done.reason) == (RebalanceStatus.DONE_WITH_RESIDUAL, Reason.MARKET_CLOSED)
        assert {order.symbol: order.status for order in legs(lab)} == {
            "AAPL": Status.FILLED,
            "QQQ": Status.REJECTED,
        }
        assert held(lab)["QQQ"] == 50
        assert lab.rebalances.holder("portfolio") is None
        lab.check()


@pytest.mark.parametrize(
    ("sent", "opens"),
    [
        ("2026-11-01T00:30:00-04:00", "2026-11-02T09:30:00-05:00"),
        ("2026-03-08T00:30:00-05:00", "2026-03-09T09:30:00-04:00"),
        ("2026-11-25T17:00:00-05:00", "2026-11-27T09:30:00-05:00"),
    ],
    ids=["clocks go back", "clocks go forward", "a holiday, then an early close"],
)
def test_what_waits_over_nights_is_planned_at_the_open(
    exchange: ExchangeControl, aws_credentials: None, sent: str, opens: str
) -> None:
    with lab_at(exchange, sent) as lab:
        market(lab, AAPL=100)
        done = rebalance(lab, TARGETS, when_closed="next_open")
        assert (done.status, done.residual) == (RebalanceStatus.DONE, ())
        assert done.planned_at == at(opens)
        assert done.work.waits_since_start < 200


def test_one_that_expires_while_it_waits_trades_nothing(exchange: ExchangeControl, aws_credentials: None) -> None:
    with lab_at(exchange, "09:25") as lab:
        market(lab, AAPL=100)
        done = rebalance(lab, TARGETS, when_closed="next_open", expires_at="2026-11-20T14:28:00Z")
        assert (done.status, done.reason) == (RebalanceStatus.REJECTED, Reason.EXPIRED)
        assert not submits(lab) and len(alerts(lab)) == 1


def test_a_split_over_night_sells_what_was_meant(exchange: ExchangeControl, aws_credentials: None) -> None:
    """Its shares are four times as many, at a fourth of the price: its weight is what it was."""
    with lab_at(exchange, "2026-11-20T17:00:00-05:00") as lab:
        market(lab, AAPL=100)
        send(lab, {"AAPL": "0.1", "SPY": "0.9"}, when_closed="next_open")
        with Crowd(lab) as crowd:
            crowd.work(until="2026-11-23T08:00:00-05:00")
            lab.control.corporate_action("AAPL", "forward_split", 4, 1, ex_date="2026-11-23")
            lab.control.quote("AAPL", "50.00", "50.02", 5000, 5000)
            crowd.work()
        done = lab.rebalance("r")
        assert done.status is RebalanceStatus.DONE, done.events
        worth = held(lab)["AAPL"] * 50
        assert abs(worth / (done.equity or 1) - Decimal("0.1")) < Decimal("0.01")
        lab.check()


# --- size, and money ---


def test_fifty_legs_within_the_request_limit_the_largest_drift_first(lab: Lab) -> None:
    """Never above 200 requests a minute by design, and little longer than those requests must take."""
    for symbol in STOCKS:
        lab.control.quote(symbol, "100.00", "100.01", 50000, 50000)
    for place, symbol in enumerate(STOCKS[:25]):
        lab.control.position(symbol, 30 + place, "100")
    lab.control.account(cash="0")
    lab.sleep(120)
    mark = lab.mark()
    send(lab, {symbol: str(Decimal(20 + place) / 1000) for place, symbol in enumerate(STOCKS[25:])})
    _to_the_end(lab)
    done = lab.rebalance("r")
    assert (done.status, done.residual) == (RebalanceStatus.DONE, ())
    assert held(lab).keys() == set(STOCKS[25:]) and cash(lab) >= 0
    orders = sorted(legs(lab), key=lambda order: order.created_at)
    assert len(orders) == 50
    assert {order.symbol for order in orders[:20]} == set(STOCKS[5:25])
    spans = [(order.created_at, order.completed_at or order.created_at) for order in orders]
    assert max(sum(since <= moment < until for since, until in spans) for moment, _ in spans) <= 20
    requests = [each for each in lab.control.journal(mark) if is_trading(each)]
    assert all(each["status"] != 429 for each in requests)
    assert done.completed_at
    asked = [moment for each in requests if (moment := at(each["at"])) <= done.completed_at]
    assert max(sum(since <= moment < since + MINUTE for moment in asked) for since in asked) <= 200
    assert done.completed_at - done.created_at <= 1.2 * len(asked) / 200 * MINUTE
    lab.check()


@pytest.mark.parametrize("margin", [False, True])
def test_the_broker_s_money_is_used_only_where_that_is_set(lab: Lab, margin: bool) -> None:
    lab.settings = Settings(rebalance_margin=margin)
    market(lab, AAPL=100)
    lab.control.account(cash="1000")
    done = rebalance(lab, {"SPY": "0.5"}, liquidate_others=False)
    bought = held(lab).get("SPY", Decimal(0)) * 500
    if margin:
        assert (done.status, done.residual) == (RebalanceStatus.DONE, ())
        assert bought > 10_000 and cash(lab) < 0
    else:
        assert done.status is RebalanceStatus.DONE_WITH_RESIDUAL
        assert 0 < bought < 1000 and cash(lab) >= 0
