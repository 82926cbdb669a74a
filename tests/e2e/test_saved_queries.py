"""The saved queries over the local cloud's log, and its dashboard as it was deployed."""

from __future__ import annotations

import json

import pytest

from tests.support.cloud import Cloud
from tests.support.stack import load_template, resources
from tests.support.stand_ins.insights import Row, run

pytestmark = pytest.mark.cloud

QUERIES = resources(load_template(), "AWS::Logs::QueryDefinition")


def ask(cloud: Cloud, query: str, signal_id: str) -> list[Row]:
    """A saved query's answer over what the log has of one signal."""
    pages = cloud.connection.logs.get_paginator("filter_log_events").paginate(
        logGroupName=cloud.connection.log_group, filterPattern=f'"{signal_id}"'
    )
    events = sorted((event for page in pages for event in page["events"]), key=lambda event: event["timestamp"])
    return run(QUERIES[query]["QueryString"].replace("ORDER", signal_id), [event["message"] for event in events])


def test_the_log_of_the_functions_answers_what_is_asked_of_it(cloud: Cloud, name: str) -> None:
    cloud.exchange.faults({"method": "POST", "path": "/v2/orders", "kind": "error", "status": 503, "count": 1})
    cloud.send(signal_id=name, qty=100)
    [order] = cloud.ended(name)
    cloud.until("its ending is in the log", lambda: ask(cloud, "OrdersByReason", name))
    assert ask(cloud, "OrdersByReason", name) == [{"outcome": "filled", "orders": 1}]
    [slow] = ask(cloud, "SlowestLadders", name)
    assert (slow["ladder"], slow["orders"], slow["slowest"]) == (
        order.terms.ladder,
        1,
        pytest.approx(float(order.result.seconds_to_fill or 0), abs=1e-5),
    )
    [failed] = ask(cloud, "BrokerFailures", name)
    assert (failed["failed"], failed["order_id"]) == ("POST /orders: 503", order.order_id)
    told = {row.get("message") for row in ask(cloud, "WhatOneOrderDid", name)}
    assert {event.detail for event in order.events if event.state == "PlaceOrder"} <= told
    assert ask(cloud, "WhyRejected", name) == ask(cloud, "WhatDidNotFill", name) == []


def test_the_dashboard_shows_what_was_deployed(cloud: Cloud) -> None:
    cloudwatch = cloud.connection.cloudwatch
    body = cloudwatch.get_dashboard(DashboardName=f"{cloud.connection.stack}-overview")["DashboardBody"]
    assert "${" not in body
    [shown] = [widget["properties"]["alarms"] for widget in json.loads(body)["widgets"] if widget["type"] == "alarm"]
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{cloud.connection.stack}-")
    deployed = {alarm["AlarmArn"] for page in pages for alarm in page["MetricAlarms"]}
    assert set(shown) <= deployed and len(shown) == len(resources(load_template(), "AWS::CloudWatch::Alarm"))
