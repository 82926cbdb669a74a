"""What calls for a person, and whether somebody hears it."""

from __future__ import annotations

import pytest

from tests.support.clinic import Clinic


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
    assert found.mend and found.mend.startswith(f"aws sns subscribe --topic-arn {clinic.topic} --protocol email")


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


def test_on_the_local_cloud_it_is_said_that_they_do_not_watch(clinic: Clinic) -> None:
    clinic.local = True
    clinic["cloudwatch"].set_alarm_state(AlarmName="repeg-sweep-silent", StateValue="ALARM", StateReason="test")
    found = clinic.look("alarms")
    assert found.ok and "emulator feeds them nothing" in found.detail and "none rings" not in found.detail


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
        assert found.mend == "repeg order ord-1"


def test_an_alert_about_no_order_points_to_its_page(clinic: Clinic) -> None:
    clinic.log(message="open orders are not listed", alert=True)
    assert clinic.look("alerts").mend == "see docs/runbook.md#alert-logged"
