"""Signals by HTTP, through the function's handler: into the queue, or a line for whoever sent it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from repeg.domain.metrics.listed import Metric
from repeg.domain.patience import KEYS_SECONDS
from repeg.domain.signals.outgoing import OutgoingSignal, outgoing
from repeg.domain.signals.parsing import read_json
from repeg.wiring import clients, door
from tests.integration.handlers.conftest import Stack

SECRET = "s3cretOfTheWebhookThatNobodyMayEverSee0123456789"
BUY = {"signal_id": "tv-1", "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 10}


@pytest.fixture
def opened(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Deployed with SignalWebhook=on."""
    stack.secrets.create_secret(Name="repeg/webhook", SecretString=SECRET)
    monkeypatch.setenv("WEBHOOK_SECRET_ID", "repeg/webhook")
    door._secret.cache_clear()
    return stack


def _post(stack: Stack, **fields: Any) -> tuple[int, dict[str, Any]]:
    answer = stack.call("receive_signal", {"body": json.dumps(BUY | {"secret": SECRET} | fields)})
    assert answer["headers"]["content-type"] == "application/json" and answer["body"].endswith("}\n")
    return answer["statusCode"], json.loads(answer["body"])


def _alerts(said: str) -> int:
    return sum(Metric.ALERTS.value in json.loads(line) for line in said.splitlines() if line.startswith("{"))


def test_a_signal_is_sent_once_and_the_secret_goes_nowhere(
    opened: Stack, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert _post(opened) == _post(opened) == (202, {"signal_id": "tv-1", "sent": True})
    answer = opened.sqs.receive_message(QueueUrl=opened.signals_url, MaxNumberOfMessages=10, AttributeNames=["All"])
    [message] = answer["Messages"]
    wanted = outgoing(read_json(json.dumps(BUY)))
    assert isinstance(wanted, OutgoingSignal) and message["Body"] == wanted.body
    attributes = message["Attributes"]
    assert attributes["MessageGroupId"] == "TQQQ"
    assert attributes["MessageDeduplicationId"] == wanted.deduplication_id
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err + caplog.text and not _alerts(said.out)


def test_who_has_the_secret_is_alerted_of_what_was_refused_and_nobody_else(
    opened: Stack, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert _post(opened, secret="guessed") == (
        401,
        {"error": "secret: is missing or not the one that repeg webhook shows"},
    )
    assert not _alerts(capsys.readouterr().out)
    assert _post(opened, qty=0) == (422, {"error": "qty: must be greater than 0"})
    assert _alerts(capsys.readouterr().out) == 1
    assert "nothing was traded for it: qty: must be greater than 0" in caplog.text
    assert SECRET not in caplog.text and "guessed" not in caplog.text
    assert "Messages" not in opened.sqs.receive_message(QueueUrl=opened.signals_url)


def test_a_queue_that_does_not_take_it_is_said_so_that_it_is_sent_again(
    opened: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIGNALS_URL", f"{opened.signals_url}-that-is-none")
    assert _post(opened) == (503, {"error": "nothing was sent: send the same again, with the same signal_id"})
    assert _alerts(capsys.readouterr().out) == 1


def test_a_queue_that_took_it_and_did_not_answer_is_not_said_to_have_nothing(
    opened: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told that nothing was sent, its sender sends it under another name, and it is traded twice."""
    send = door._send

    def lost(signal: OutgoingSignal) -> None:
        send(signal)
        raise ReadTimeoutError(endpoint_url="https://sqs")

    monkeypatch.setattr(door, "_send", lost)
    status, told = _post(opened)
    assert status == 503
    assert told["error"].startswith("it may have been sent") and told["error"].endswith("it counts once")
    assert _alerts(capsys.readouterr().out) == 1
    monkeypatch.setattr(door, "_send", send)
    assert _post(opened)[0] == 202
    found = opened.sqs.receive_message(QueueUrl=opened.signals_url, MaxNumberOfMessages=10)
    assert len(found["Messages"]) == 1, "the same again counts once"


def test_a_secret_that_was_exchanged_is_of_no_use_soon_after(opened: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _post(opened)[0] == 202
    opened.secrets.put_secret_value(SecretId="repeg/webhook", SecretString="another")
    now = door.time.monotonic() + KEYS_SECONDS
    monkeypatch.setattr(door, "time", type("Later", (), {"monotonic": staticmethod(lambda: now)}))
    assert _post(opened)[0] == 401
    assert clients.environment("WEBHOOK_SECRET_ID") == "repeg/webhook"
