"""`repeg pause`, `resume` and `alerts`, as an operator types them."""

from __future__ import annotations

import inspect
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ReadTimeoutError,
)

from desk.cli.control import halt
from desk.stack import intake
from desk.stack.notes import MOST, Notes
from repeg.domain.patience import SLOWEST_CHECK_SECONDS
from tests.support.clinic import Clinic
from tests.unit.cli.conftest import Repeg


@pytest.fixture
def clinic(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    monkeypatch.setattr(intake, "_POLL_S", 0.01)
    return clinic


def refused(status: int, retries: int) -> ClientError:
    answer = {"HTTPStatusCode": status, "RetryAttempts": retries}
    return ClientError({"Error": {"Code": "no", "Message": "no"}, "ResponseMetadata": answer}, "PutItem")  # type: ignore[typeddict-item]


def mapped(clinic: Clinic) -> str:
    return str(clinic["lambda"].get_event_source_mapping(UUID=clinic.mapping)["State"])


def test_paused_signals_stay_in_the_queue_until_intake_is_resumed(clinic: Clinic, repeg: Repeg) -> None:
    before = datetime.now(UTC)
    code, told, _ = repeg("pause", "--json")
    assert (code, told["paused"], told["waiting"], mapped(clinic)) == (0, True, 0, "Disabled")
    assert before <= datetime.fromisoformat(told["since"]) <= datetime.now(UTC)
    clinic.send(clinic.queue_url)
    code, _, said = repeg("pause")
    assert code == 0 and said.startswith("intake of stack repeg on AWS is paused; 1 in the queue; ")
    assert repeg("pause", "--json")[1]["since"] == told["since"], "pausing again does not begin anew"
    resumed = repeg("resume", "--json")[1]
    assert (resumed["paused"], resumed["since"], resumed["waiting"]) == (False, None, 1)
    assert mapped(clinic) == "Enabled"
    assert repeg("resume")[0] == 0


def halted(repeg: Repeg) -> Any:
    return repeg("control", "--json")[1]


def test_a_halt_is_in_force_until_it_is_lifted_and_told_where_alerts_are(clinic: Clinic, repeg: Repeg) -> None:
    clinic["events"].create_event_bus(Name="repeg-events")
    active = {"mode": "active", "reason": None, "since": None, "scopes": []}
    assert halted(repeg) == active
    code, _, said = repeg("halt", "--reason", "odd prints")
    assert code == 0
    assert said.startswith("on AWS, stack repeg\nthe account is halted: only exits are sent (odd prints); what is in")
    told = halted(repeg)
    assert (told["mode"], told["reason"]) == ("halted", "odd prints")
    assert datetime.now(UTC) - datetime.fromisoformat(told["since"]) < timedelta(minutes=1)
    assert repeg("resume", "--json")[1]["control"] == active
    assert halted(repeg) == active


def test_a_symbol_is_halted_and_lifted_by_itself(repeg: Repeg) -> None:
    repeg("halt", "--symbol", "tqqq", "--mode", "reducing", "--cancel-open")
    repeg("halt", "--strategy", "pairs")
    scopes = [(each["scope"], each["of"], each["mode"], each["cancel_open"]) for each in halted(repeg)["scopes"]]
    assert scopes == [("strategy", "pairs", "halted", False), ("symbol", "TQQQ", "reducing", True)]
    assert halted(repeg)["mode"] == "active"
    _, _, said = repeg("resume", "--symbol", "TQQQ")
    assert "TQQQ is active again\nstill in force: strategy pairs is halted" in said
    assert "was not halted" in repeg("resume", "--symbol", "TQQQ")[2]
    assert repeg("resume", "--stack", "repeg")[2].count("on AWS") == 2, "where it is, is said once, beside the intake's"
    assert "still in force: strategy pairs is halted" in repeg("resume")[2], "lifted by its own name only"


def test_a_halt_is_not_loosened_by_the_way(repeg: Repeg) -> None:
    """Who wants to be careful types `reducing`, and does not know that somebody had a reason to stop all."""
    repeg("halt", "--reason", "odd prints")
    code, _, said = repeg("halt", "--mode", "reducing", "--reason", "careful")
    assert code == 1 and "(odd prints)" in said and "--loosen replaces it" in said
    assert [halted(repeg)[what] for what in ("mode", "reason")] == ["halted", "odd prints"]
    assert repeg("halt", "--mode", "reducing", "--loosen")[0] == 0
    assert repeg("halt", "--mode", "reducing", "--reason", "careful")[0] == 0
    assert [halted(repeg)[what] for what in ("mode", "reason")] == ["reducing", "careful"]
    assert repeg("halt")[0] == 0 and halted(repeg)["mode"] == "halted"


def test_a_halt_holds_though_nobody_can_be_told(clinic: Clinic, repeg: Repeg, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one permission that it needs is to write to the table."""

    def denied(*_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutEvents")

    monkeypatch.setattr("desk.stack.control.EventBus.publish", denied)
    code, _, said = repeg("halt")
    assert code == 0 and "nobody was mailed: " in said
    assert halted(repeg)["mode"] == "halted"


@pytest.mark.parametrize(
    ("given", "word"), [(["--mode", "off"], "--mode"), (["--symbol", "A", "--strategy", "b"], "--strategy")]
)
def test_a_halt_that_is_not_understood_halts_nothing(repeg: Repeg, given: list[str], word: str) -> None:
    code, out, said = repeg("halt", *given)
    assert (code, out) == (2, "") and word in said and said.count("\n") == 1
    assert halted(repeg)["scopes"] == []


def test_pausing_what_nothing_reads_fails_in_one_line(clinic: Clinic, repeg: Repeg) -> None:
    clinic["lambda"].delete_event_source_mapping(UUID=clinic.mapping)
    for command, before in (("pause", []), ("resume", ["on AWS, stack repeg"])):
        code, _, said = repeg(command)
        *lines, why = said.splitlines()
        assert code == 1 and "nothing takes signals" in why and lines == before


def test_a_halt_is_lifted_though_intake_cannot_be_switched(clinic: Clinic, repeg: Repeg) -> None:
    clinic["lambda"].delete_event_source_mapping(UUID=clinic.mapping)
    repeg("halt")
    code, _, said = repeg("resume")
    assert code == 1 and said.index("the account is active again") < said.index("nothing takes signals")
    assert halted(repeg)["mode"] == "active"


@pytest.mark.parametrize("option", ["--symbol", "--strategy"])
@pytest.mark.parametrize("given", ["", " "])
def test_an_option_left_empty_by_a_script_is_not_the_account(repeg: Repeg, option: str, given: str) -> None:
    repeg("halt")
    for command in ("halt", "resume"):
        code, _, said = repeg(command, option, given)
        assert code == 2 and said.startswith(option) and "nothing was changed" in said
    assert [each["scope"] for each in halted(repeg)["scopes"]] == ["account"]


def test_what_lifts_a_halt_is_said_ready_to_paste(
    clinic: Clinic, repeg: Repeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailed: list[str] = []
    monkeypatch.setattr("desk.stack.control.EventBus.publish", lambda _, __, detail: mailed.append(detail["message"]))
    said = repeg("halt", "--strategy", "the pairs", "--reason", 'he said "stop"\n' + "x" * 5000)[2]
    assert "lift it with: repeg resume --strategy 'the pairs'\n" in said
    assert "Lift it with: repeg resume --strategy 'the pairs' --stack repeg" in mailed[0] and '"' not in mailed[0]
    repeg("resume", "--strategy", "the pairs")
    assert "strategy the pairs is active again: orders are sent" in mailed[1]


def test_what_another_word_still_stops_is_not_told_to_be_sent(
    clinic: Clinic, repeg: Repeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeg("halt")
    repeg("halt", "--symbol", "TQQQ")
    mailed: list[str] = []
    monkeypatch.setattr("desk.stack.control.EventBus.publish", lambda _, __, detail: mailed.append(detail["message"]))
    said = repeg("resume", "--symbol", "TQQQ")[2]
    assert "still in force: the account is halted: only exits are sent; lift it with: repeg resume\n" in said
    assert mailed[0].endswith("symbol TQQQ is active again; still in force: the account is halted: only exits are sent")
    assert "; lift it with: repeg resume\n" in repeg("control")[2]


def test_a_halt_of_a_stack_that_is_not_there_fails_in_words(repeg: Repeg) -> None:
    code, out, said = repeg("halt", "--stack", "repeg-life")
    assert (code, out) == (1, "") and "cannot be reached" in said and "ResourceNotFound" in said


@pytest.mark.parametrize(
    ("error", "known"),
    [
        (NoRegionError(), "NOT halted: no local cloud is up"),
        (NoCredentialsError(), "NOT halted: no local cloud is up"),
        (refused(400, 0), "NOT halted: "),
        (refused(400, 1), "NOT KNOWN whether it is halted"),
        (refused(500, 0), "NOT KNOWN whether it is halted"),
        (ReadTimeoutError(endpoint_url="x"), "NOT KNOWN whether it is halted"),
    ],
)
def test_a_halt_that_fails_says_whether_it_is_in_force(
    repeg: Repeg, monkeypatch: pytest.MonkeyPatch, error: Exception, known: str
) -> None:
    """Only where the write was never sent, or its one try refused, is that certain."""

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("desk.stack.control.Switch.halt", fails)
    code, out, said = repeg("halt")
    assert (code, out) == (1, "") and said.splitlines()[-1].startswith(known)
    assert ("repeg control" in said) is known.startswith("NOT KNOWN")
    assert ("export AWS_DEFAULT_REGION=us-east-1" in said) is isinstance(error, NoRegionError)


@pytest.mark.parametrize("command", ["halt", "control", "resume"])
def test_a_shell_that_points_at_a_local_cloud_that_is_gone_is_told_so(
    repeg: Repeg, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The halt that was typed to stop the stack on AWS never left this machine."""
    gone = "http://127.0.0.1:1"
    monkeypatch.setenv("AWS_ENDPOINT_URL", gone)

    def fails(*_: object) -> None:
        raise EndpointConnectionError(endpoint_url=gone)

    for method in ("halt", "words", "lift"):
        monkeypatch.setattr(f"desk.stack.control.Switch.{method}", fails)
    code, out, said = repeg(command)
    assert (code, out) == (1, "")
    where, why = said.splitlines()
    assert where == f"at {gone} (AWS_ENDPOINT_URL), stack repeg"
    assert why.startswith("NOT halted: no local cloud is up" if command == "halt" else "no local cloud is up")
    assert why.endswith(f'AWS_ENDPOINT_URL is {gone} (eval "$(repeg local env --unset)" takes it back)')


def test_a_halt_without_an_answer_says_where_it_was_sent(repeg: Repeg, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    def fails(*_: object) -> None:
        raise ReadTimeoutError(endpoint_url="x")

    monkeypatch.setattr("desk.stack.control.Switch.halt", fails)
    why = repeg("halt")[2].splitlines()[-1]
    assert why.startswith("NOT KNOWN whether it is halted") and "repeg local env --unset" in why


def test_how_long_an_entry_may_rest_after_a_halt_is_said_as_it_is() -> None:
    within = f"within {SLOWEST_CHECK_SECONDS} seconds"
    help_of = inspect.signature(halt).parameters["cancel_open"].annotation
    runbook = Path(__file__).parents[3].joinpath("docs", "runbook.md").read_text()
    assert (
        within in help_of
        and f"repeg halt --cancel-open                # entries in the market are taken back {within}" in runbook
    )


def test_signals_are_only_taken_again_where_they_were_not(repeg: Repeg) -> None:
    repeg("halt", "--symbol", "TQQQ")
    said = repeg("resume")[2]
    assert "takes signals again" not in said and "the account was not halted" in said and "TQQQ is halted" in said
    repeg("halt")
    said = repeg("resume")[2]
    assert "the account is active again" in said and "takes signals again" not in said
    assert repeg("resume", "--intake")[2].startswith("stack repeg on AWS was not paused; ")
    for only in ((), ("--intake",)):
        repeg("pause")
        assert "takes signals again" in repeg("resume", *only)[2]


def test_the_runbooks_line_for_whoever_has_no_command_line_halts(clinic: Clinic, repeg: Repeg) -> None:
    """It is the only one of AWS's own in the chapter on emergencies, and needs one permission."""
    chapter = Path("docs/runbook.md").read_text().partition("### Stop it in an emergency")[2].partition("\n### ")[0]
    [line] = [line.strip() for line in chapter.splitlines() if line.strip().startswith("aws ")]
    [item] = re.findall(r"aws dynamodb put-item --table-name repeg --item '(.+)'", line)
    clinic["dynamodb"].put_item(TableName="repeg", Item=json.loads(item))
    assert halted(repeg)["mode"] == "halted"
    repeg("resume")
    assert halted(repeg)["mode"] == "active"


def test_a_switch_that_does_not_turn_is_not_waited_for_for_ever(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = clinic["lambda"]
    stuck = {"EventSourceMappings": [{"UUID": clinic.mapping, "State": "Disabling"}]}
    monkeypatch.setattr(client, "list_event_source_mappings", lambda **_: stuck)
    with pytest.raises(intake.IntakeError, match=r"not off after 0\.02 s"):
        intake.pause(clinic.case.connection, datetime.now(UTC), patience=0.02)


def test_alerts_are_listed_and_acknowledged_once(clinic: Clinic, repeg: Repeg) -> None:
    clinic.log(message="yesterday", alert=True, minutes_ago=25 * 60)
    clinic.log(message="bare", alert=True, order_id="ord-1", symbol="TQQQ", minutes_ago=5)
    clinic.log(message="no alert", alert=False, minutes_ago=5)
    _, [found], _ = repeg("alerts", "--json")
    assert (found["alert"], found["state"], found["symbol"], found["order_id"]) == ("bare", "open", "TQQQ", "ord-1")
    assert [one["state"] for one in repeg("alerts", "--ack", "--json")[1]] == ["acknowledged"]
    clinic.log(message="bare again", alert=True, order_id="ord-1", minutes_ago=1)
    assert [one["state"] for one in repeg("alerts", "--json")[1]] == ["acknowledged", "open"]
    page = repeg("alerts")[1]
    assert "bare again" in page and "acknowledged" in page and "yesterday" not in page
    since = (datetime.now(UTC) - timedelta(hours=30)).isoformat(timespec="seconds")
    assert len(repeg("alerts", "--since", since, "--json")[1]) == 3


def test_no_alerts_is_an_empty_document(repeg: Repeg) -> None:
    assert repeg("alerts", "--json")[:2] == (0, [])
    assert repeg("alerts")[2] == "no alerts\n"


@pytest.mark.parametrize("since", ["yesterday", "2026-11-32", "09:30"])
def test_a_time_that_is_none_is_refused(repeg: Repeg, since: str) -> None:
    code, _, said = repeg("alerts", "--since", since)
    assert code == 2 and said.startswith("--since") and said.count("\n") == 1


def test_a_log_that_is_not_read_to_its_end_is_no_success(
    clinic: Clinic, repeg: Repeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clinic["logs"], "filter_log_events", lambda **_: {"events": [], "nextToken": "more"})
    code, listed, said = repeg("alerts", "--json")
    assert (code, listed) == (1, []) and "not read to its end" in said


def test_acknowledgements_are_bounded_and_the_newest_stay(clinic: Clinic) -> None:
    notes = Notes(clinic["dynamodb"], "repeg")
    notes.acknowledge(f"alert-{number:04d}" for number in range(MOST))
    notes.acknowledge(["alert-0005", "one-more"])
    kept = notes.acknowledged()
    assert len(kept) == MOST and "one-more" in kept and "alert-0000" not in kept
