"""A fill that one answer made up, of an order that rests: told, taken back or worked on; nothing is forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from repeg.broker.alpaca_wire import Reply
from repeg.domain.order.course import being_secured
from repeg.domain.reasons import Reason, Status
from repeg.domain.routes import Route
from repeg.worker.unfilled import goes_on_unfilled
from tests.support.brokers.liar import Liar, saying
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, check_held, guards, hold, shares
from tests.support.scenes import alerts, market_time, on_order, send, whenever
from tests.support.watching import cancel_protection

OWN = 100
FILLED = {"status": "filled", "filled_qty": "100", "filled_avg_price": "50.98", "filled_at": "2026-11-20T15:00:01Z"}
FORTY = {"status": "partially_filled", "filled_qty": "40", "filled_avg_price": "50.98"}
BEHIND = ("50.99", "51.02")
"""A bracket's entry rests behind it."""
WITHIN = ("50.95", "50.98")
"""There it fills."""


class OfSales(Liar):
    """Lies about the first plain sale that is read, whatever is read besides."""

    def _answers(self, *asked: Any, **named: Any) -> Reply:
        true = self._call(*asked, **named)
        plain = isinstance(true.body, dict) and (true.body.get("side"), true.body.get("order_class")) == ("sell", "")
        if self.told or not plain:
            return true
        self._left = 0
        return self._lie(true)


class Lags:
    """For so many seconds an order that filled is read as cancelled without a share; with `held`, so is the account.

    From the second read of a filled order on, and of one that was cancelled from the first.
    """

    def __init__(self, lab: Lab, side: str, seconds: float, held: int | None = None) -> None:
        self._lab, self._side, self._seconds, self._held = lab, side, seconds, held
        self._since: datetime | None = None
        self._call, self.told, self._seen = lab.broker._trading.call, False, False
        lab.broker._trading.call = self._answers  # type: ignore[method-assign]

    def _answers(self, *asked: Any, **named: Any) -> Reply:
        true = self._call(*asked, **named)
        body = true.body if isinstance(true.body, dict) and asked[0] == "GET" else {}
        if asked[1].startswith("/positions/") and self._held is not None and self._lags():
            return Reply(200, body | {"symbol": "TQQQ", "qty": str(self._held), "avg_entry_price": "50.98"})
        if (body.get("side"), body.get("order_class")) != (self._side, "") or body["filled_qty"] == "0":
            return true
        first, self._seen = not self._seen, True
        if body["status"] not in ("canceled", "filled") or (first and body["status"] == "filled"):
            return true
        self._since = self._since or self._lab.time.wall()
        if not self._lags():
            return true
        self.told = True
        return saying(status="canceled", filled_qty="0", filled_avg_price=None, filled_at=None)(true)

    def _lags(self) -> bool:
        return self._seen and (
            self._since is None or self._lab.time.wall() - self._since < timedelta(seconds=self._seconds)
        )


def _minutes(lab: Lab, crowd: Crowd, until: str) -> None:
    crowd.work(until=market_time(until), sweep_every=60)


@pytest.mark.parametrize("lie", [FILLED, FORTY], ids=["all", "a part"])
@pytest.mark.parametrize("fills", [True, False])
def test_an_entry_goes_on_though_one_answer_had_it_filled(lab: Lab, lie: dict[str, Any], fills: bool) -> None:
    """No broker guards shares that are not there: asked again, it says that the entry rests. It may fill after that."""
    lab.control.quote("TQQQ", *BEHIND, 2000, 2000)
    liar = Liar(lab, "GET", "/orders/", saying(**lie))
    with Crowd(lab) as crowd:
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time("10:00:08" if lie == FILLED else "10:00:04"))
        if fills:
            lab.control.quote("TQQQ", *WITHIN, 2000, 2000)
        _minutes(lab, crowd, "10:03")
    assert liar.told
    order = lab.order("b")
    assert shares(lab) == order.filled_qty == (100 if fills else 0)
    assert [guard.qty for guard in guards(lab)] == ([100] if fills else [])
    assert (order.status, order.reason) == ((Status.FILLED, None) if fills else (Status.UNFILLED, Reason.FILL_TIMEOUT))
    told = [alert for alert in alerts(lab) if "one before had" in alert]
    assert len(told) == len(alerts(lab)) == (0 if fills and lie == FORTY else 1)
    check_held(lab)


def test_what_rests_of_an_order_that_is_being_ended_is_secured_at_once(lab: Lab) -> None:
    """Looked at as a rung, it would rest out its patience: for a minute, at most."""
    lab.control.quote("TQQQ", *BEHIND, 2000, 2000)
    Liar(lab, "GET", "/orders/", saying(**FILLED))
    with Crowd(lab) as crowd:
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time("10:00:03"))
    ended = being_secured(lab.order("b"), Reason.INTERNAL_ERROR)
    assert (ended.filled_qty, ended.open_child) == (100, None)
    following = goes_on_unfilled(lab.worker, ended)
    assert following and following.route is Route.SECURE_POSITION
    assert lab.order("b").open_child


def test_protection_for_a_fill_that_was_made_up_does_not_stay_over_own_shares(lab: Lab) -> None:
    """The broker takes it, as the account has shares: its stop would sell those. The next sweep sees the entry open."""
    lab.control.position("TQQQ", OWN, "40")
    lab.control.quote("TQQQ", *BEHIND, 2000, 2000)
    Liar(lab, "GET", "/orders/", saying(**FILLED))
    with Crowd(lab) as crowd:
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time("10:00:30"))
        assert [guard.qty for guard in guards(lab)] == [100], "nothing to be mended"
        lab.sweep()
    (told,) = alerts(lab)
    assert "canceled with 0 TQQQ filled, by two answers; one before had 100, and the record follows" in told
    order = lab.order("b")
    assert (order.status, order.filled_qty, order.guard.protected) == (Status.UNFILLED, 0, None)
    lab.control.quote("TQQQ", *WITHIN, 2000, 2000)
    lab.sleep(1)
    assert (shares(lab), guards(lab)) == (OWN, [])
    assert lab.reconcile()["drift"] == 0


def test_protection_for_a_part_that_was_made_up_ends_with_its_entry(lab: Lab) -> None:
    """The cancel of the rest hangs, so the part is guarded, by own shares: its stop would have sold forty of them."""
    lab.control.position("TQQQ", OWN, "40")
    lab.control.quote("TQQQ", *BEHIND, 2000, 2000)
    lab.control.settings(cancel_ms=35_000)
    Liar(lab, "GET", "/orders/", saying(**FORTY))
    with Crowd(lab) as crowd:
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time("10:00:45"))
        assert [guard.qty for guard in guards(lab)] == [40], "nothing to be mended"
        _minutes(lab, crowd, "10:03")
    order = lab.order("b")
    assert (order.status, order.filled_qty, order.guard.protected) == (Status.UNFILLED, 0, None)
    assert (shares(lab), guards(lab)) == (OWN, [])
    assert any("is over with 0 TQQQ filled, by three answers" in alert for alert in alerts(lab))
    assert lab.reconcile()["drift"] == 0


@pytest.mark.parametrize("sweeps", [True, False])
def test_own_shares_that_a_stop_or_target_took_by_then_are_told(lab: Lab, sweeps: bool) -> None:
    """Its target is reached before anybody saw the entry open: the exit is a fact, and stays on record."""
    lab.control.position("TQQQ", OWN, "40")
    lab.control.quote("TQQQ", *BEHIND, 2000, 2000)
    Liar(lab, "GET", "/orders/", saying(**FILLED))
    with Crowd(lab) as crowd:
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time("10:00:30"))
        lab.control.quote("TQQQ", "53.50", "53.53", 2000, 2000)
        crowd.work(until=market_time("10:02"), sweep_every=60 if sweeps else None)
    lab.reconcile()
    order = lab.order("b")
    assert (shares(lab), order.filled_qty, order.exit_reason) == (0, 0, "target")
    assert any("one before had 100, and the record follows" in alert for alert in alerts(lab))
    assert any("100 TQQQ that it did not buy" in alert or "100 TQQQ too many" in alert for alert in alerts(lab))


def test_what_fills_as_it_is_taken_back_stays_filled(lab: Lab) -> None:
    """Beside own shares, and in the very moment of the sweep: by then it is true."""
    lab.control.position("TQQQ", OWN, "40")
    lab.control.quote("TQQQ", *BEHIND, 2000, 2000)
    Liar(lab, "GET", "/orders/", saying(**FILLED))
    on_order(lab, "pending_cancel", *WITHIN)
    with Crowd(lab) as crowd:
        send(lab, "b", **BRACKET)
        crowd.work(until=market_time("10:00:30"))
        lab.control.settings(cancel_ms=300)
        lab.sweep()
        crowd.work()
    order = lab.order("b")
    assert (order.status, order.filled_qty, shares(lab)) == (Status.FILLED, 100, OWN + 100)
    assert [guard.qty for guard in guards(lab)] == [100]
    check_held(lab, free=OWN)


@pytest.mark.parametrize(("own", "qty", "left"), [(0, None, 0), (0, 30, 70), (OWN, None, 0), (OWN, 130, 70)])
def test_a_close_sells_on_though_one_answer_had_it_sold(lab: Lab, own: int, qty: int | None, left: int) -> None:
    """Believed, the bracket's shares were booked as sold, and nobody guarded or knew of them any more."""
    if own:
        lab.control.position("TQQQ", own, "40")
    hold(lab)
    asked = qty or 100 + own
    on_order(lab, "new", "50.80", "50.83", side="sell")
    liar = OfSales(lab, "GET", "/orders/", saying(**FILLED | {"filled_qty": str(asked), "filled_avg_price": "50.95"}))
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", **({"qty": qty} if qty else {}))
        _minutes(lab, crowd, "10:02")
    assert liar.told
    close, bracket = lab.order("c"), lab.order("b")
    assert (close.status, close.filled_qty) == (Status.FILLED, asked)
    assert (bracket.unexited_qty, [guard.qty for guard in guards(lab)]) == (left, [left] if left else [])
    assert ["one before had" in alert for alert in alerts(lab)] == [True]
    check_held(lab, free=own + 100 - asked - left)


@pytest.mark.parametrize("own", [0, OWN])
def test_a_position_past_its_stop_is_left_though_one_answer_had_it_left(lab: Lab, own: int) -> None:
    if own:
        lab.control.position("TQQQ", own, "40")
    cancel_protection(lab, hold(lab))
    lab.control.quote("TQQQ", "49.00", "49.03", 2000, 2000)
    on_order(lab, "new", "48.50", "48.53", side="sell")
    liar = OfSales(lab, "GET", "/orders/", saying(**FILLED | {"filled_avg_price": "49.00"}))
    with Crowd(lab) as crowd:
        _minutes(lab, crowd, "10:08")
    assert liar.told
    assert lab.order("b").unexited_qty == 0
    assert any("one before had 100" in alert for alert in alerts(lab))
    check_held(lab, free=own)


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_the_record_of_a_plain_order_follows_when_it_is_taken_back(lab: Lab, side: str) -> None:
    """Nothing of it is guarded, so the comparison sees it: profit and loss had counted shares that never came."""
    if side == "sell":
        lab.control.position("TQQQ", 100, "40")
    on_order(lab, "new", "51.10" if side == "buy" else "50.80", "51.13" if side == "buy" else "50.83", side=side)
    liar = Liar(lab, "GET", "/orders/", saying(**FILLED))
    with Crowd(lab) as crowd:
        send(lab, "a", side=side, qty=100)
        crowd.work(until=market_time("10:02"))
    assert liar.told
    assert lab.order("a").filled_qty == 100, "nothing to be mended"
    lab.reconcile()
    (told,) = alerts(lab)
    assert "canceled with 0 TQQQ filled, by two answers" in told
    order = lab.order("a")
    assert (order.status, order.reason, order.filled_qty) == (Status.UNFILLED, Reason.FILL_TIMEOUT, 0)
    lab.check()


@pytest.mark.parametrize("seconds", [2, 9])
@pytest.mark.parametrize("kind", ["bracket", "order", "close"])
def test_shares_that_were_filled_stay_filled_while_answers_lag(lab: Lab, kind: str, seconds: float) -> None:
    """Taken off the record for three stale ones within a second, forty were traded twice, or bare and in no record."""
    lab.control.position("TQQQ", OWN, "40")
    side = "sell" if kind == "close" else "buy"
    if kind == "close":
        hold(lab)
    lab.control.quote("TQQQ", *WITHIN, 40, 40)
    on_order(lab, "partially_filled", *(BEHIND if side == "buy" else ("50.90", "50.93")), side=side)
    lags = Lags(lab, side, seconds)
    signal: dict[str, Any] = BRACKET if kind == "bracket" else {"qty": 100} if kind == "order" else {"kind": kind}
    with Crowd(lab) as crowd:
        send(lab, "a", **signal)
        crowd.work(until=market_time("10:02"), sweep_every=60)
    assert lags.told
    filled, asked = lab.order("a").filled_qty, {"bracket": 40, "order": 100, "close": OWN + 100}[kind]
    assert (filled, shares(lab)) == (asked, 0 if kind == "close" else OWN + asked)
    assert [guard.qty for guard in guards(lab)] == ([40] if kind == "bracket" else [])
    check_held(lab, free=0 if kind == "close" else OWN + (asked if kind == "order" else 0))


@pytest.mark.parametrize("own", [0, OWN])
def test_what_was_sold_is_not_sold_again_while_account_and_answers_lag(lab: Lab, own: int) -> None:
    """By two answers within the same second a close of thirty sold a hundred."""
    if own:
        lab.control.position("TQQQ", own, "40")
    hold(lab)
    lags = Lags(lab, "sell", 9, held=own + 100)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30)
        crowd.work(until=market_time("10:02"), sweep_every=60)
    assert lags.told
    assert (lab.order("c").filled_qty, shares(lab)) == (30, own + 70)
    assert sum(guard.qty for guard in guards(lab)) == lab.order("b").unexited_qty == (100 if own else 70)


@pytest.mark.parametrize("kind", ["bracket", "order"])
def test_a_fill_that_was_made_up_of_what_was_cancelled_is_no_fill(lab: Lab, kind: str) -> None:
    """No listing has it, and beside own shares no refusal: the journal of fills does not show it."""
    lab.control.position("TQQQ", OWN, "40")
    lab.control.quote("TQQQ", *BEHIND, 2000, 2000)
    signal: dict[str, Any] = BRACKET if kind == "bracket" else {"qty": 100, "ladder": "standard"}
    whenever(lab, "broker.cancel", lambda: Liar(lab, "GET", "/orders/", saying(**_filled_now(lab))) and None)
    with Crowd(lab) as crowd:
        send(lab, "a", **signal)
        _minutes(lab, crowd, "10:04:30")
    assert lab.order("a").filled_qty == 100, "nothing to be mended"
    lab.reconcile()
    (told,) = alerts(lab)
    assert "canceled with 0 TQQQ filled, by two answers" in told
    order = lab.order("a")
    assert (order.status, order.filled_qty, order.guard.protected) == (Status.UNFILLED, 0, None)
    assert (shares(lab), guards(lab)) == (OWN, [])
    assert lab.reconcile()["drift"] == 0


def _filled_now(lab: Lab) -> dict[str, str]:
    return FILLED | {"filled_at": lab.control.clock().now}
