"""What calls for a person: alert lines in the log, alarms that ring, and whether anybody hears them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.words import aws, deploy_again, repeg, seconds_of, some
from desk.stack.alarms import described
from desk.stack.alerts import Alert, State, find_alerts

ALERTS, ALARMS = "alerts", "alarms"
LATELY = timedelta(hours=1)
MOST_PAGES = 20


def check_alerts(case: Case) -> str:
    """Did a step or the sweep call for a person within the last hour, and does it still."""
    found = find_alerts(case.connection, case.wall() - LATELY, case.wall(), MOST_PAGES)
    if found.open:
        newest = found.open[-1]
        ago = seconds_of(case.wall() - newest.at)
        more = "" if found.complete else "at least "
        detail = f"{more}{some(len(found.open), 'open alert')} of the last hour, the newest {ago} ago: {newest.text}"
        raise Trouble(ALERTS, detail, f"{_show(case, newest)}; once seen to: {repeg(case.connection, 'alerts --ack')}")
    if not found.complete:
        detail = f"not known: after {MOST_PAGES} pages the log of the last hour was not read to its end"
        raise Trouble(ALERTS, detail, repeg(case.connection, "alerts"))
    states = Counter(alert.state for alert in found.alerts)
    told = ", ".join(f"{states[state]} {state}" for state in (State.ACKNOWLEDGED, State.OVER) if states[state])
    return f"none open; of the last hour {told}" if told else "none in the last hour"


def _show(case: Case, alert: Alert) -> str:
    """Where to look at what it tells of."""
    if alert.order_id:
        return repeg(case.connection, f"order {alert.order_id}")
    if alert.rebalance_id:
        return repeg(case.connection, f"rebalance {alert.rebalance_id}")
    return "see docs/runbook.md#alert-logged"


def check_alarms(case: Case) -> str:
    """Do the alarms watch, does one ring, and does somebody hear of it."""
    connection = case.connection
    if "AlertsTopicArn" not in connection.outputs:
        raise Trouble(ALARMS, "this stack was deployed before it had alarms", deploy_again(connection))
    topic = connection.alerts_topic
    alarms = described(connection)
    if not alarms:
        raise Trouble(ALARMS, "the stack has no alarms", deploy_again(connection))
    ringing = [alarm for alarm in alarms if alarm["StateValue"] == "ALARM"]
    of = f"{some(len(alarms), 'alarm')} on market time, " if case.simulated else ""
    if ringing:
        detail = f"{of}{_named(case, ringing)} in ALARM: {ringing[0].get('AlarmDescription', '')}"
        raise Trouble(ALARMS, detail, _page(case, ringing[0]))
    if case.simulated:  # whoever lets an alarm ring there listens if he wants to
        return f"{of}none rings"
    muted = [alarm["AlarmName"] for alarm in alarms if not alarm.get("ActionsEnabled", True)]
    if muted:
        unmute = f"cloudwatch enable-alarm-actions --alarm-names {' '.join(muted)}"
        raise Trouble(ALARMS, f"{some(len(muted), 'alarm')} muted", aws(connection, unmute))
    return f"{some(len(alarms), 'alarm')}, none rings; {_hearers(case, topic)}"


def _hearers(case: Case, topic: str) -> str:
    connection = case.connection
    attributes = connection.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    if attributes.get("KmsMasterKeyId") == "alias/aws/sns":
        unlock = f"sns set-topic-attributes --topic-arn {topic} --attribute-name KmsMasterKeyId --attribute-value ''"
        raise Trouble(ALARMS, "the topic has the default key, which CloudWatch may not use", aws(connection, unlock))
    subscriptions = connection.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    confirmed = [one for one in subscriptions if one["SubscriptionArn"].startswith("arn:")]
    heard = [some(len(confirmed), "subscriber")] if confirmed else []
    if "AlertWebhookArn" in connection.outputs:
        heard.append("posted to a webhook")
    if heard:
        return ", ".join(heard)
    if subscriptions:
        detail = f"{subscriptions[0].get('Endpoint', 'the subscriber')} has not confirmed: nobody hears of an alarm"
        raise Trouble(ALARMS, detail, "open the mail from AWS Notifications there, and confirm")
    mend = f"{deploy_again(connection)}, with AlertEmail=you@example.com or AlertWebhook=https://... in samconfig.toml"
    raise Trouble(ALARMS, "nobody is subscribed: an alarm would ring unheard", mend)


def _named(case: Case, alarms: list[dict[str, Any]]) -> str:
    return ", ".join(str(alarm["AlarmName"]).removeprefix(f"{case.connection.stack}-") for alarm in alarms)


def _page(case: Case, alarm: dict[str, Any]) -> str:
    return f"see docs/runbook.md#{_named(case, [alarm])}"
