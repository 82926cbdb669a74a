"""What comes in by HTTP and goes out by HTTP: off by default, by a secret, and with no right to more."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from repeg.domain.order.alerts import MOST_CHARACTERS, Stack
from repeg.events import ALERT, CONTROL, SOURCE, SUMMARY, EventBus, without_escapes
from tests.support.stack import defaults, evaluate, listed, load_template, resources, statements

TEMPLATE = load_template()
RESOURCES = TEMPLATE["Resources"]
DEFAULTS = defaults(TEMPLATE)
OUT = ("Webhook", "WebhookConnection", "WebhookRole", "EveryAlertPosted", "EveryAlarmPosted")
IN = ("ReceiveSignal", "WebhookSecret")
SLACK = "https://hooks.slack.com/services/T0/B0/x"
LINES = [
    'it said "no"\nand C:\\path\tended \x07\x1b[31m',
    "plain",
    Stack().line("TQQQ", 'a "quote" \\ and more' * MOST_CHARACTERS, "repeg order a"),
]


def _made(name: str, **parameters: str) -> bool:
    return bool(evaluate(TEMPLATE["Conditions"][RESOURCES[name]["Condition"]], {**DEFAULTS, **parameters}))


def test_nothing_is_posted_nor_taken_in_by_http_unless_the_deployment_says_so() -> None:
    assert not [name for name in (*OUT, *IN) if _made(name)]
    assert all(_made(name, AlertWebhook=SLACK) for name in OUT)
    assert all(_made(name, SignalWebhook="on") for name in IN)
    outputs = {name for name, output in TEMPLATE["Outputs"].items() if "Condition" in output}
    assert outputs == {"WebhookUrl", "WebhookSecretId", "AlertWebhookArn"}


def test_a_webhook_is_a_secret_and_https() -> None:
    parameter = TEMPLATE["Parameters"]["AlertWebhook"]
    assert parameter["NoEcho"] is True
    discord, telegram = "https://discord.com/api/webhooks/1/x/slack", "https://api.telegram.org/bot1:x/sendMessage"
    for url in ("", SLACK, discord, telegram, "https://example.com:8443/hook?token=1"):
        assert re.fullmatch(parameter["AllowedPattern"], url), url
    for url in ("http://example.com/hook", "https://", "https://example.com", "https://a@b.c/", "https://e.com/a b"):
        assert not re.fullmatch(parameter["AllowedPattern"], url), url


def _targets(name: str) -> dict[str, Any]:
    [target] = RESOURCES[name]["Properties"]["Targets"]
    return dict(target)


def _posted(name: str, values: dict[str, str], **parameters: str) -> Any:
    """What the webhook gets, where the bus escapes nothing: a placeholder without quotes gets them."""
    transformer = _targets(name)["InputTransformer"]
    assert set(values) == set(transformer["InputPathsMap"])
    condition, with_chat, without = transformer["InputTemplate"]["Fn::If"]
    if evaluate(TEMPLATE["Conditions"][condition], {**DEFAULTS, **parameters}):
        text = with_chat["Fn::Sub"].replace("${AlertWebhookChat}", parameters["AlertWebhookChat"])
    else:
        text = without
    for placeholder, value in values.items():
        text = text.replace(f": <{placeholder}>}}", f': "{value}"}}').replace(f"<{placeholder}>", value)
    return json.loads(text)


@pytest.mark.parametrize("line", LINES, ids=["odd", "plain", "long"])
def test_an_alert_is_posted_as_it_reads(line: str) -> None:
    told = without_escapes(line)
    assert json.dumps(told, ensure_ascii=False) == f'"{told}"', "it needs no escape"
    assert _posted("EveryAlertPosted", {"message": told}) == {"text": told}
    chat = _posted("EveryAlertPosted", {"message": told}, AlertWebhookChat="-100123")
    assert chat == {"chat_id": "-100123", "text": told}
    assert _targets("EveryAlertPosted")["InputTransformer"]["InputPathsMap"] == {"message": "$.detail.text"}
    pattern = RESOURCES["EveryAlertPosted"]["Properties"]["EventPattern"]
    assert pattern == {"source": [SOURCE], "detail-type": [ALERT, SUMMARY, CONTROL]}
    assert pattern == RESOURCES["EveryAlert"]["Properties"]["EventPattern"], "who reads mails reads the same"


def test_an_alarm_is_posted_with_its_description() -> None:
    for alarm in resources(TEMPLATE, "AWS::CloudWatch::Alarm").values():
        described = alarm["AlarmDescription"]
        about = described["Fn::Sub"] if isinstance(described, dict) else described
        assert without_escapes(about) == about.strip(), "it needs no escape"
        found = _posted("EveryAlarmPosted", {"about": about, "name": "repeg-drift", "state": "ALARM"})
        assert found == {"text": f"ALARM repeg-drift: {about}"}


def test_alarms_of_this_stack_alone_are_posted() -> None:
    """Those of `repeg-live` begin as those of `repeg` do."""
    pattern = RESOURCES["EveryAlarmPosted"]["Properties"]["EventPattern"]
    alarms = resources(TEMPLATE, "AWS::CloudWatch::Alarm")
    assert sorted(each["Ref"] for each in pattern["detail"]["alarmName"]) == sorted(alarms)
    functions = resources(TEMPLATE, "AWS::Serverless::Function").values()
    room = 64 - max(len(each["FunctionName"]["Fn::Sub"].removeprefix("${AWS::StackName}")) for each in functions)

    def named(stack: str) -> list[str]:
        return [each["AlarmName"]["Fn::Sub"].replace("${AWS::StackName}", stack) for each in alarms.values()]

    written = {**pattern, "detail": {**pattern["detail"], "alarmName": named("x" * room)}}
    assert len(json.dumps(written)) <= 2048, "as long as EventBridge lets a pattern be, at the longest name of a stack"
    assert not set(named("repeg")) & set(named("repeg-live"))


def test_what_the_webhook_does_not_take_is_kept_and_rings() -> None:
    for name in ("EveryAlertPosted", "EveryAlarmPosted"):
        assert _targets(name)["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": "AlertsUndelivered.Arn"}}
        assert _targets(name)["RoleArn"] == {"Fn::GetAtt": "WebhookRole.Arn"}
    [statement] = RESOURCES["AlertsUndeliveredPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    senders = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert senders[0] == {"Fn::GetAtt": "EveryAlert.Arn"}
    assert [sender["Fn::If"][1] for sender in senders[1:]] == [
        {"Fn::GetAtt": f"{name}.Arn"} for name in ("EveryAlertPosted", "EveryAlarmPosted")
    ]
    [policy] = RESOURCES["WebhookRole"]["Properties"]["Policies"]
    [allowed] = policy["PolicyDocument"]["Statement"]
    assert (allowed["Action"], allowed["Resource"]) == ("events:InvokeApiDestination", {"Fn::GetAtt": "Webhook.Arn"})


def test_who_takes_signals_by_http_may_read_one_secret_and_send_to_one_queue() -> None:
    function = RESOURCES["ReceiveSignal"]["Properties"]
    rights = [(listed(each["Action"]), each["Resource"]) for each in statements(function)]
    assert rights == [
        (["secretsmanager:GetSecretValue"], {"Fn::GetAtt": "WebhookSecret.Id"}),
        (["sqs:SendMessage"], {"Fn::GetAtt": "Signals.Arn"}),
    ]
    assert function["FunctionUrlConfig"] == {"AuthType": "NONE"}, "the secret is what is asked for"
    made = RESOURCES["WebhookSecret"]["Properties"]["GenerateSecretString"]
    assert made == {"PasswordLength": 48, "ExcludePunctuation": True}


def test_what_is_posted_travels_beside_the_message_of_each_event_that_has_one() -> None:
    sent: list[dict[str, Any]] = []
    client = type("Client", (), {"put_events": lambda self, Entries: sent.extend(Entries) or {}})()
    EventBus(client, "bus").publish(ALERT, {"message": LINES[0], "alert": "a"})
    EventBus(client, "bus").publish(ALERT, {"alert": "a"})
    told = [json.loads(entry["Detail"]) for entry in sent]
    assert told[0] == {"message": LINES[0], "alert": "a", "text": without_escapes(LINES[0])}
    assert told[1] == {"alert": "a"}
