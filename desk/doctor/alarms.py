"""What calls for a person: alert lines in the log, alarms that ring, and whether anybody hears them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.words import aws, deploy_again, repeg, seconds_of, some

ALERTS, ALARMS = "alerts", "alarms"
LATELY = timedelta(hours=1)
MOST_PAGES, PAGE = 5, 1000
# The emulator knows single terms only and takes every JSON pattern for "all".
_PATTERN, _TERM = "{ $.alert IS TRUE }", '"alert":true'


def check_alerts(case: Case) -> str:
    """Did a step or the sweep call for a person within the last hour."""
    lines = _alert_lines(case)
    if not lines:
        return "none in the last hour"
    newest = lines[-1]
    ago = seconds_of(case.wall() - datetime.fromtimestamp(newest["timestamp"] / 1000, tz=case.wall().tzinfo))
    line = newest["line"]
    detail = f"{some(len(lines), 'alert')} in the last hour, the newest {ago} ago: {line.get('message')}"
    if line.get("order_id"):
        raise Trouble(ALERTS, detail, repeg(case.connection, f"order {line['order_id']}"))
    raise Trouble(ALERTS, detail, "see docs/runbook.md#alert-logged")


def check_alarms(case: Case) -> str:
    """Do the alarms watch, does one ring, and does somebody hear of it."""
    connection = case.connection
    if "AlertsTopicArn" not in connection.outputs:
        raise Trouble(ALARMS, "this stack was deployed before it had alarms", deploy_again(connection))
    topic = connection.alerts_topic
    alarms = _alarms(case, topic)
    if not alarms:
        raise Trouble(ALARMS, "the stack has no alarms", deploy_again(connection))
    if case.simulated:
        return f"{len(alarms)} deployed, but they never ring here: the emulator feeds them nothing"
    ringing = [alarm for alarm in alarms if alarm["StateValue"] == "ALARM"]
    if ringing:
        raise Trouble(
            ALARMS,
            f"{_named(case, ringing)} in ALARM: {ringing[0].get('AlarmDescription', '')}",
            _page(case, ringing[0]),
        )
    muted = [alarm["AlarmName"] for alarm in alarms if not alarm.get("ActionsEnabled", True)]
    if muted:
        unmute = f"cloudwatch enable-alarm-actions --alarm-names {' '.join(muted)}"
        raise Trouble(ALARMS, f"{some(len(muted), 'alarm')} muted", aws(connection, unmute))
    return f"{some(len(alarms), 'alarm')}, none rings; {_hearers(case, topic)}"


def _alarms(case: Case, topic: str) -> list[dict[str, Any]]:
    """The alarms that tell the stack's topic; another stack's name may begin like ours."""
    pages = case.connection.cloudwatch.get_paginator("describe_alarms")
    found = [
        alarm
        for page in pages.paginate(AlarmNamePrefix=f"{case.connection.stack}-", AlarmTypes=["MetricAlarm"])
        for alarm in page["MetricAlarms"]
    ]
    return [alarm for alarm in found if topic in alarm["AlarmActions"]]


def _hearers(case: Case, topic: str) -> str:
    connection = case.connection
    attributes = connection.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    if attributes.get("KmsMasterKeyId") == "alias/aws/sns":
        unlock = f"sns set-topic-attributes --topic-arn {topic} --attribute-name KmsMasterKeyId --attribute-value ''"
        raise Trouble(ALARMS, "the topic has the default key, which CloudWatch may not use", aws(connection, unlock))
    subscriptions = connection.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    confirmed = [one for one in subscriptions if one["SubscriptionArn"].startswith("arn:")]
    if confirmed:
        return f"{some(len(confirmed), 'subscriber')}"
    if subscriptions:
        detail = f"{subscriptions[0].get('Endpoint', 'the subscriber')} has not confirmed: nobody hears of an alarm"
        raise Trouble(ALARMS, detail, "open the mail from AWS Notifications there, and confirm")
    subscribe = f"sns subscribe --topic-arn {topic} --protocol email --notification-endpoint you@example.com"
    raise Trouble(ALARMS, "nobody is subscribed: an alarm would ring unheard", aws(connection, subscribe))


def _named(case: Case, alarms: list[dict[str, Any]]) -> str:
    return ", ".join(str(alarm["AlarmName"]).removeprefix(f"{case.connection.stack}-") for alarm in alarms)


def _page(case: Case, alarm: dict[str, Any]) -> str:
    return f"see docs/runbook.md#{_named(case, [alarm])}"


def _alert_lines(case: Case) -> list[dict[str, Any]]:
    """Alert lines, oldest first, each parsed; of very many the oldest only."""
    query: dict[str, Any] = {
        "logGroupName": case.connection.log_group,
        "filterPattern": _TERM if case.simulated else _PATTERN,
        "startTime": int((case.wall() - LATELY).timestamp() * 1000),
        "limit": PAGE,
    }
    found: list[dict[str, Any]] = []
    for _ in range(MOST_PAGES):
        answer = case.connection.logs.filter_log_events(**query)
        for event in answer["events"]:
            line = _parsed(event["message"])
            if line.get("alert") is True:
                found.append({"timestamp": event["timestamp"], "line": line})
        if "nextToken" not in answer:
            break
        query["nextToken"] = answer["nextToken"]
    return found


def _parsed(message: str) -> dict[str, Any]:
    try:
        line = json.loads(message)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
