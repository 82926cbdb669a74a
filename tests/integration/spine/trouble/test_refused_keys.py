"""Valid keys are refused now and then: that is an outage, until it lasts; then it is the operator's matter."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET
from tests.support.scenes import alerts, done, journal, market_time, on_order, run, send, submits, whenever

UNAUTHORIZED = {"kind": "error", "status": 401, "body": {"message": "unauthorized."}}
FORBIDDEN = {"kind": "error", "status": 403, "body": {"message": "forbidden."}}
QUOTE = {"method": "GET", "path": "/v2/stocks/*"}
SUBMIT = {"method": "POST", "path": "/v2/orders"}
READ = {"method": "GET", "path": "/v2/orders/*"}
CANCEL = {"method": "DELETE", "path": "/v2/orders/*"}
OCO = SUBMIT | {"order_class": "oco"}


@pytest.mark.parametrize("refusal", [UNAUTHORIZED, FORBIDDEN], ids=["401", "403"])
@pytest.mark.parametrize("call", [QUOTE, SUBMIT, READ, CANCEL, {"path": "/v2/*"}], ids=str)
@pytest.mark.parametrize("count", [1, 3])
def test_keys_refused_for_a_moment_cost_seconds(
    lab: Lab, call: dict[str, Any], refusal: dict[str, Any], count: int
) -> None:
    lab.control.faults(call | refusal | {"count": count})
    order = done(lab)
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert not alerts(lab)


@pytest.mark.parametrize("call", [QUOTE, SUBMIT], ids=str)
def test_keys_refused_four_times_are_the_operators_matter(lab: Lab, call: dict[str, Any]) -> None:
    lab.control.faults(call | UNAUTHORIZED)
    order = done(lab)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.MISCONFIGURED)
    assert sum("refuses the API keys" in text for text in alerts(lab)) == 1
    asked = [each for each in journal(lab, "request") if each["status"] == 401]
    assert len(asked) == 4


def test_a_resting_entry_outlives_a_spell_of_refused_keys(lab: Lab) -> None:
    on_order(lab, "new", "51.20", "51.22")
    send(lab, **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:02"))
        lab.control.faults({"path": "/v2/*"} | UNAUTHORIZED)
        crowd.work(until=market_time("10:00:24"))
        lab.control.faults()
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        crowd.work()
    order = lab.order("a")
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert not order.run.securing
    assert len(order.children) == 1
    assert order.guard.protected
    assert not alerts(lab)


@pytest.mark.parametrize("count", [1, 3])
def test_protection_is_sent_again_within_seconds(lab: Lab, count: int) -> None:
    lab.control.faults(OCO | UNAUTHORIZED | {"count": count})
    order = run(lab, **BRACKET)
    assert order.guard.protected
    assert not alerts(lab)
    placed = order.guard.protections[0].placed_at
    assert (placed - order.children[0].sent_at).total_seconds() < (2 if count == 1 else 10)


@pytest.mark.parametrize("call", [QUOTE, SUBMIT], ids=str)
def test_a_close_goes_on_until_the_keys_work(lab: Lab, call: dict[str, Any]) -> None:
    lab.control.position("TQQQ", 100, "50")
    lab.control.faults(call | UNAUTHORIZED | {"count": 7})
    order = done(lab, "c", kind="close")
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert len([text for text in alerts(lab) if "refuses the API keys" in text]) <= 1


def test_one_refused_quote_does_not_send_an_exit_to_market_blindly(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "50")
    lab.control.faults(QUOTE | UNAUTHORIZED | {"count": 1})
    order = done(lab, "c", kind="close")
    assert order.children[0].type == "limit"
    assert order.avg_fill_price == Decimal("50.95")


def test_a_second_rung_whose_send_is_refused_is_sent_again(lab: Lab) -> None:
    on_order(lab, "new", "50.97", "51.00")
    whenever(lab, "broker.submit", lambda: lab.control.faults(SUBMIT | UNAUTHORIZED | {"count": 2}), nth=2)
    order = done(lab)
    assert order.status is Status.FILLED
    assert (len(order.children), len(submits(lab))) == (2, 4)
