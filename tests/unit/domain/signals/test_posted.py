"""A signal by HTTP: who is let in, what is sent on, and what everybody else is told."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from repeg.domain.signals.outgoing import OutgoingSignal, outgoing
from repeg.domain.signals.parsing import read_json
from repeg.domain.signals.posted import Refused, posted_signal

SECRET = "s3cretOfTheWebhookThatNobodyMayEverSee0123456789"
BUY = {"signal_id": "tv-1", "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 10}
SENT = outgoing(read_json(json.dumps(BUY)))


def post(body: Any, secret: str | None = SECRET, **event: Any) -> OutgoingSignal | Refused:
    """As a function URL hands it over; the secret, unless None, among the fields."""
    document = body | {"secret": secret} if isinstance(body, dict) and secret is not None else body
    text = document if isinstance(document, str) else json.dumps(document)
    return posted_signal({"body": text, **event}, SECRET)


def refused(found: OutgoingSignal | Refused) -> Refused:
    assert isinstance(found, Refused) and SECRET not in found.line and "\n" not in found.line
    return found


def test_what_is_posted_goes_on_as_if_it_had_been_sent_to_the_queue() -> None:
    assert post(BUY) == SENT
    found = post(BUY)
    assert isinstance(found, OutgoingSignal)
    assert (found.group, found.deduplication_id) == ("TQQQ", f"tv-1-{found.body_hash[:32]}")
    assert SECRET not in found.body


@pytest.mark.parametrize(
    "found",
    [
        post(BUY, None, headers={"X-Repeg-Secret": SECRET}),
        post(BUY, "another", headers={"x-repeg-secret": SECRET}),
        posted_signal(
            {"isBase64Encoded": True, "body": base64.b64encode(json.dumps(BUY | {"secret": SECRET}).encode()).decode()},
            SECRET,
        ),
    ],
    ids=["header", "header before field", "base64"],
)
def test_the_secret_may_come_in_a_header_and_the_body_as_base64(found: OutgoingSignal | Refused) -> None:
    assert found == SENT


@pytest.mark.parametrize("given", [None, "", "S3cret", SECRET[:-1], f"{SECRET}x", 5, ["x"], "\ud800"])
def test_without_the_secret_nobody_learns_what_is_wrong_with_a_signal(given: Any) -> None:
    for body in (BUY, BUY | {"qty": -1}, {}):
        found = refused(posted_signal({"body": json.dumps(body | {"secret": given})}, SECRET))
        assert (found.status, found.known) == (401, False)


@pytest.mark.parametrize("where", [{"strategy": SECRET}, {"signal_id": f"tv-{SECRET}"}])
def test_the_secret_in_another_field_goes_into_no_queue_and_no_line(where: dict[str, Any]) -> None:
    found = refused(post(BUY | where))
    assert (found.status, found.known) == (422, True)
    assert found.line == "secret: stands in another field, too; take it out there"


@pytest.mark.parametrize("before", range(340, 420, 20))
def test_a_line_that_is_cut_holds_no_half_of_the_secret(before: int) -> None:
    assert SECRET[:8] not in refused(post(BUY | {"qty": f"{'x' * before}{SECRET}"})).line


def test_of_very_many_faults_as_many_are_told_as_a_line_takes() -> None:
    found = refused(post(BUY | {f"x{number}": 1 for number in range(2000)}))
    assert len(found.line) < 2000 and found.line.endswith("; and 1980 more")


def test_no_secret_at_all_opens_no_door() -> None:
    for given in ("", None):
        found = posted_signal({"body": json.dumps(BUY | {"secret": given}), "headers": {"x-repeg-secret": ""}}, "")
        assert isinstance(found, Refused) and found.status == 401


def test_all_that_is_wrong_with_a_signal_is_told() -> None:
    found = refused(post(BUY | {"qty": -1, "colour": "red", "strategy": f"\t{SECRET}"}))
    assert (found.status, found.known) == (422, True)
    assert "qty: must be greater than 0" in found.line and "colour: is not a field" in found.line
    assert refused(post(BUY | {"qty": SECRET})).line == "qty: '***' is not a number"


@pytest.mark.parametrize(
    ("event", "status", "line"),
    [
        ({"requestContext": {"http": {"method": "GET"}}}, 405, "method: is GET; send a signal by POST"),
        ({"body": "x" * 65_537}, 413, "body: is larger than 64 KB"),
        ({"body": "é" * 40_000}, 413, "body: is larger than 64 KB"),
        ({"body": "%%%", "isBase64Encoded": True}, 400, "body: is not base64, though it says so"),
        ({}, 400, "body: is not JSON (Expecting value: line 1 column 1 (char 0))"),
        ({"body": "[]"}, 401, "secret: is missing or not the one that repeg webhook shows"),
    ],
    ids=["get", "large", "large in bytes", "no base64", "nothing", "no object"],
)
def test_what_is_no_signal_at_all_is_refused_in_one_line(event: dict[str, Any], status: int, line: str) -> None:
    assert refused(posted_signal(event, SECRET)) == Refused(status, line)


def test_json_that_is_broken_is_told_to_its_owner_only_if_the_secret_stands_in_it() -> None:
    broken = f'{{"secret": "{SECRET}", "signal_id": tv-1}}'
    assert refused(post(broken)).known and refused(post(broken)).status == 400
    assert not refused(post(broken.replace("s3cret", "S3cret"))).known


def test_what_a_chart_puts_into_an_id_becomes_one() -> None:
    found = post(BUY | {"signal_id": "BATS:TQQQ 2026-11-20T15:00:00Z"})
    assert isinstance(found, OutgoingSignal) and found.signal_id == "BATS-TQQQ-2026-11-20T15-00-00Z"
    assert refused(post(BUY | {"signal_id": "x" * 65})).status == 422
