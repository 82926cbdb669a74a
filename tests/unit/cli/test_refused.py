"""`repeg refused`: dead letters are shown where they are, sent again without a second effect, or thrown away."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desk.stack import refused
from tests.support.clinic import Clinic
from tests.unit.cli.conftest import Repeg

GOOD = {"signal_id": "good", "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": "5"}
BAD = GOOD | {"signal_id": "bad", "qty": "-5"}


@pytest.fixture(autouse=True)
def letters(clinic: Clinic) -> None:
    """Two dead letters; nothing takes signals."""
    clinic["lambda"].update_event_source_mapping(UUID=clinic.mapping, Enabled=False)
    for body, problem in ((BAD, "qty: must be greater than 0"), (GOOD, "99 tries failed or died; see the log")):
        clinic["sqs"].send_message(
            QueueUrl=clinic.dlq_url,
            MessageBody=json.dumps(body),
            MessageGroupId="refused",
            MessageDeduplicationId=body["signal_id"],
            MessageAttributes={"problem": {"DataType": "String", "StringValue": problem}},
        )


def sent(clinic: Clinic) -> list[Any]:
    found = clinic["sqs"].receive_message(QueueUrl=clinic.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [json.loads(each["Body"]) for each in found.get("Messages", [])]


def test_they_are_listed_with_what_is_wrong_and_stay_where_they_are(repeg: Repeg) -> None:
    for _ in range(2):
        code, found, _ = repeg("refused", "--json")
        assert code == 0
        assert [(each["signal_id"], each["problem"]) for each in found] == [
            ("bad", "qty: must be greater than 0"),
            ("good", "99 tries failed or died; see the log"),
        ]
    page = repeg("refused")[1]
    assert "qty: must be greater than 0" in page and '"signal_id": "good"' in page


def test_what_can_be_taken_is_sent_again_and_the_rest_is_left_and_told(clinic: Clinic, repeg: Repeg) -> None:
    code, said, told = repeg("refused", "--resend")
    assert (code, said) == (1, "good\n")
    assert told == "left: bad: qty: must be greater than 0\nsent 1 again, 1 would be refused again\n"
    assert sent(clinic) == [GOOD]
    assert [each["signal_id"] for each in repeg("refused", "--json")[1]] == ["bad"]


def test_a_dead_letter_that_was_sent_and_not_deleted_is_sent_once(
    clinic: Clinic, repeg: Repeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(letters: refused.DeadLetters, each: refused.Refused) -> None:
        letters._put_back(each)
        raise ConnectionError

    with monkeypatch.context() as for_now:
        for_now.setattr(refused.DeadLetters, "_delete", dies)
        at = clinic.case.connection
        with pytest.raises(ConnectionError):
            list(refused.DeadLetters(at.sqs, at.dlq_url, at.queue_url).resend())
    assert repeg("refused", "--resend")[1] == "good\n"
    assert sent(clinic) == [GOOD]


def test_they_are_thrown_away(clinic: Clinic, repeg: Repeg) -> None:
    assert repeg("refused", "--purge") == (0, "", "2 thrown away\n")
    none = "no message was refused; of signals that were taken: repeg orders --status rejected\n"
    assert repeg("refused") == (0, "", none)
    assert repeg("refused", "--resend")[0] == 0 and sent(clinic) == []


def test_one_of_the_two_is_meant(repeg: Repeg) -> None:
    code, _, told = repeg("refused", "--purge", "--resend")
    assert (code, told) == (2, "--purge: not beside --resend; nothing was done\n")
