"""What calls for a person, and whether somebody hears it."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from desk.stack.alerts import Found, acknowledge, find_alerts
from repeg.domain.history import Told
from repeg.domain.order.record import Order
from repeg.store.orders import OrderStore
from tests.support.clinic import Clinic
from tests.support.make import NOON, order


def alerts_of(clinic: Clinic) -> Found:
    return find_alerts(clinic.case.connection, clinic.wall() - timedelta(days=1), clinic.wall(), 5)


def stored(clinic: Clinic, made: Order) -> Order:
    OrderStore(clinic["dynamodb"], "repeg").accept(made, made.order_id)
    return made


def test_watching_and_heard(clinic: Clinic) -> None:
    found = clinic.look("alarms")
    assert found.ok and "2 alarms" in found.detail and "1 subscriber" in found.detail


def test_a_ringing_alarm_says_what_it_means_and_where_to_read_on(clinic: Clinic) -> None:
    clinic["cloudwatch"].set_alarm_state(AlarmName="repeg-sweep-silent", StateValue="ALARM", StateReason="test")
    found = clinic.look("alarms")
    assert not found.ok and "sweep-silent in ALARM: what it means" in found.detail
    assert found.mend == "see docs/runbook.md#sweep-silent"


def test_alarms_of_another_stack_whose_name_begins_alike_are_not_ours(clinic: Clinic) -> None:
    other = clinic["sns"].create_topic(Name="repeg-live-alerts")["TopicArn"]
    clinic.topic, ours = other, clinic.topic
    clinic.alarm("live-sweep-silent")
    clinic.topic = ours
    clinic["cloudwatch"].set_alarm_state(AlarmName="repeg-live-sweep-silent", StateValue="ALARM", StateReason="test")
    assert clinic.look("alarms").ok


def test_muted_alarms(clinic: Clinic) -> None:
    clinic.alarm("alert-logged", ActionsEnabled=False)
    found = clinic.look("alarms")
    assert found.mend == "aws cloudwatch enable-alarm-actions --alarm-names repeg-alert-logged"


def test_nobody_is_subscribed(clinic: Clinic) -> None:
    for one in clinic["sns"].list_subscriptions_by_topic(TopicArn=clinic.topic)["Subscriptions"]:
        clinic["sns"].unsubscribe(SubscriptionArn=one["SubscriptionArn"])
    found = clinic.look("alarms")
    assert not found.ok and "nobody is subscribed" in found.detail
    assert found.mend == "make deploy, with AlertEmail=you@example.com or AlertWebhook=https://... in samconfig.toml"
    clinic.outputs["AlertWebhookArn"] = "arn:aws:events:us-east-1:123456789012:api-destination/repeg-webhook/1"
    assert clinic.look("alarms").detail == "2 alarms, none rings; posted to a webhook"


def test_a_subscription_that_was_never_confirmed(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    pending = {"SubscriptionArn": "PendingConfirmation", "Endpoint": "me@example.com", "Protocol": "email"}
    monkeypatch.setattr(clinic["sns"], "list_subscriptions_by_topic", lambda **_: {"Subscriptions": [pending]})
    found = clinic.look("alarms")
    assert not found.ok and "me@example.com has not confirmed" in found.detail and "confirm" in str(found.mend)


def test_a_key_that_keeps_cloudwatch_out(clinic: Clinic) -> None:
    clinic["sns"].set_topic_attributes(
        TopicArn=clinic.topic, AttributeName="KmsMasterKeyId", AttributeValue="alias/aws/sns"
    )
    found = clinic.look("alarms")
    assert not found.ok and found.mend and "--attribute-name KmsMasterKeyId --attribute-value ''" in found.mend


def test_a_stack_from_before_it_had_alarms(clinic: Clinic) -> None:
    del clinic.outputs["AlertsTopicArn"]
    assert clinic.look("alarms").mend == "make deploy"


def test_alarms_that_somebody_deleted(clinic: Clinic) -> None:
    clinic["cloudwatch"].delete_alarms(AlarmNames=["repeg-sweep-silent", "repeg-alert-logged"])
    assert clinic.look("alarms").mend == "make deploy"


def test_on_the_local_cloud_an_alarm_that_rings_is_not_ok_either_and_nobody_needs_to_listen(clinic: Clinic) -> None:
    clinic.local = True
    assert clinic.look("alarms").detail == "2 alarms on market time, none rings"
    clinic["cloudwatch"].set_alarm_state(AlarmName="repeg-sweep-silent", StateValue="ALARM", StateReason="test")
    found = clinic.look("alarms")
    assert not found.ok and found.detail.startswith("2 alarms on market time, sweep-silent in ALARM: what it means")
    assert found.mend == "see docs/runbook.md#sweep-silent"


def test_no_alert_in_the_last_hour(clinic: Clinic) -> None:
    clinic.log(message="old", alert=True, minutes_ago=90)
    clinic.log(message="an error that needs nobody", alert=False, level="ERROR")
    assert clinic.look("alerts").ok


def test_the_newest_alert_is_told_and_its_order_shown(clinic: Clinic) -> None:
    for local in (False, True):
        clinic.local = local
        clinic.log(message="older", alert=True, order_id="ord-0", minutes_ago=30)
        clinic.log(message="100 TQQQ are without protection", alert=True, order_id="ord-1", minutes_ago=4)
        found = clinic.look("alerts")
        assert not found.ok and "4 min ago: 100 TQQQ are without protection" in found.detail
        assert found.mend == "repeg order ord-1; once seen to: repeg alerts --ack"


def test_an_alert_about_a_rebalance_shows_that(clinic: Clinic) -> None:
    clinic.log(message="done with residual", alert=True, rebalance_id="reb-1")
    assert str(clinic.look("alerts").mend).startswith("repeg rebalance reb-1; ")


def test_an_alert_about_no_order_points_to_its_page(clinic: Clinic) -> None:
    clinic.log(message="open orders are not listed", alert=True)
    assert str(clinic.look("alerts").mend).startswith("see docs/runbook.md#alert-logged; ")


def test_acknowledged_alerts_are_told_apart_from_open_ones(clinic: Clinic) -> None:
    clinic.log(message="seen", alert=True, minutes_ago=9)
    acknowledge(clinic.case.connection, alerts_of(clinic))
    assert clinic.look("alerts").detail == "none open; of the last hour 1 acknowledged"
    clinic.log(message="new", alert=True, minutes_ago=3)
    found = clinic.look("alerts")
    assert not found.ok and "1 open alert of the last hour, the newest 3 min ago: new" in found.detail


def test_trouble_that_is_over_asks_for_nobody(clinic: Clinic) -> None:
    mended = stored(clinic, order(order_id="ord-mended", signal_id="mended"))
    bare = stored(clinic, order(order_id="ord-bare", signal_id="bare", told=(Told(what="bare", at=NOON),)))
    about = {"message": "shares are bare", "alert": True, "lasting": "bare"}
    clinic.log(**about, order_id=mended.order_id, minutes_ago=9)
    assert clinic.look("alerts").detail == "none open; of the last hour 1 over"
    clinic.log(**about, order_id=bare.order_id, minutes_ago=8)
    found = clinic.look("alerts")
    assert not found.ok and "1 open alert" in found.detail and str(found.mend).startswith("repeg order ord-bare")


def test_trouble_that_is_told_each_minute_is_not_over_whatever_the_record_says(clinic: Clinic) -> None:
    stored(clinic, order(order_id="ord-1"))
    about = {"message": "shares are bare", "alert": True, "lasting": "bare", "order_id": "ord-1"}
    for minutes_ago in (3, 2, 1):
        clinic.log(**about, minutes_ago=minutes_ago)
    assert not clinic.look("alerts").ok


def test_a_log_that_is_too_long_to_read_is_not_said_to_hold_no_alert(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {"events": [], "nextToken": "more"}
    monkeypatch.setattr(clinic["logs"], "filter_log_events", lambda **_: pages)
    found = clinic.look("alerts")
    assert not found.ok and "not known" in found.detail and found.mend == "repeg alerts"
    pages["events"] = [{"timestamp": int(time.time() * 1000), "message": '{"alert":true,"message":"bare"}'}]
    found = clinic.look("alerts")
    assert not found.ok and "at least" in found.detail and found.detail.endswith("bare")
