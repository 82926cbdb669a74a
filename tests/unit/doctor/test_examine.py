"""The examination as a whole: bounded, undisturbed by a check that breaks, and it changes nothing."""

from __future__ import annotations

import threading
import time

from botocore.exceptions import ClientError, EndpointConnectionError

from desk.doctor.case import Case
from desk.doctor.checks import CHECKS, Check
from desk.doctor.examine import examine_case
from desk.doctor.findings import Trouble
from tests.support.clinic import Clinic


def fine(case: Case) -> str:
    return "seen"


def broken(case: Case) -> str:
    raise ZeroDivisionError("no\nway")


def not_allowed(case: Case) -> str:
    said = {"Error": {"Code": "AccessDeniedException", "Message": "no identity-based policy allows it"}}
    raise ClientError(said, "DescribeAlarms")


def cut_off(case: Case) -> str:
    raise EndpointConnectionError(endpoint_url="https://sqs.us-east-1.amazonaws.com")


def unwell(case: Case) -> str:
    raise Trouble("keys", "refused", "put them")


def test_what_breaks_keeps_nothing_else_from_being_seen(clinic: Clinic) -> None:
    checks = [
        Check("a", "one", broken),
        Check("b", "one", not_allowed),
        Check("c", "one", cut_off),
        Check("d", "one", fine),
        Check("e", "two", fine),
    ]
    found = {finding.name: finding for finding in examine_case(clinic.case, checks)}
    assert [finding.ok for finding in found.values()] == [False, False, False, True, True]
    assert found["a"].detail == "could not be looked at: ZeroDivisionError: no way"
    assert found["b"].detail == "AWS does not allow DescribeAlarms" and "allow this identity" in str(found["b"].mend)
    assert "does not answer" in found["c"].detail and "network" in str(found["c"].mend)
    assert all(finding.ok or finding.mend for finding in found.values())


def test_a_check_that_hangs_is_not_waited_for(clinic: Clinic) -> None:
    release = threading.Event()

    def hangs(case: Case) -> str:
        release.wait(200)
        return "late"

    started = time.monotonic()
    checks = [Check("hangs", "one", hangs), Check("behind", "one", fine), Check("beside", "two", fine)]
    found = examine_case(clinic.case, checks, patience=1)
    release.set()
    assert time.monotonic() - started < 30
    assert [(finding.name, finding.ok) for finding in found] == [("hangs", False), ("behind", False), ("beside", True)]
    assert "no answer within 1 s" in found[0].detail and found[0].mend


def test_a_check_that_needs_what_another_found_broken_points_there(clinic: Clinic) -> None:
    found = examine_case(clinic.case, [Check("keys", "one", unwell), Check("account", "one", unwell)])
    assert (found[0].detail, found[0].mend, found[0].behind) == ("refused", "put them", None)
    assert (found[1].mend, found[1].behind) == ("fix keys first", "keys")


def test_a_fact_is_asked_for_once_also_when_it_is_bad(clinic: Clinic) -> None:
    asked = []

    def fact(case: Case) -> str:
        asked.append(case)
        raise Trouble("keys", "refused", "put them")

    check = Check("keys", "one", lambda case: case.fact(fact))
    examine_case(clinic.case, [check, Check("account", "one", check.look)])
    assert len(asked) == 1


def test_all_that_operators_ask_for_is_looked_at() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert {"keys", "account", "mode", "data feed", "clock", "queue", "alarms"} <= set(names)
