"""Alarms are judged as AWS's pages say, whose examples these are: periods oldest first, 0 good, X bad, - missing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.cloud.watch.judge import (
    MORE_PERIODS,
    Measured,
    Verdict,
    grain,
    judge,
    judged,
    periods,
    range_start,
    step,
)

NOW = 1_763_650_830.0  # 2025-11-20 15:00:30 UTC
END = int(NOW // 60) * 60
RETAINED = "as it was"
Alarm = dict[str, Any]


def alarm(**given: Any) -> Alarm:
    return {
        "AlarmName": "any",
        "Namespace": "Repeg",
        "MetricName": "Any",
        "Dimensions": [],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 3,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "StateValue": RETAINED,
        "StateReason": "because",
    } | given


def sums(**values: float) -> list[Measured]:
    """Sums by the begin of their minute, in minutes before the end."""
    return [Measured(END - 60 * int(name[1:]), {"Sum": value}) for name, value in values.items()]


def drawn(picture: str) -> list[Measured]:
    """What a picture of five periods shows."""
    marks = picture.split()
    values = {"0": 0.0, "X": 5.0}
    return [
        Measured(END - 60 * (len(marks) - place), {"Sum": values[mark]})
        for place, mark in enumerate(marks)
        if mark != "-"
    ]


TREATED = ("missing", "ignore", "breaching", "notBreaching")
OK, ALARM, UNKNOWN = "OK", "ALARM", "INSUFFICIENT_DATA"


@pytest.mark.parametrize(
    ("picture", "states"),
    [
        ("0 - X - X", (OK, OK, OK, OK)),
        ("- - - - 0", (OK, OK, OK, OK)),
        ("- - - - -", (UNKNOWN, RETAINED, ALARM, OK)),
        ("0 X X - X", (ALARM, ALARM, ALARM, ALARM)),
        ("- - X - -", (ALARM, RETAINED, ALARM, OK)),
        ("- - - - X", (OK, RETAINED, ALARM, OK)),
        ("- - - X -", (OK, RETAINED, ALARM, OK)),
        ("- - - X 0", (OK, OK, OK, OK)),
        ("- - X - 0", (OK, OK, OK, OK)),
    ],
)
def test_three_of_three(picture: str, states: tuple[str, ...]) -> None:
    found = [judge(alarm(TreatMissingData=treated), drawn(picture), NOW).state for treated in TREATED]
    assert tuple(found) == states


@pytest.mark.parametrize(
    ("picture", "states"),
    [
        ("0 - X - X", (ALARM, ALARM, ALARM, ALARM)),
        ("0 0 X 0 X", (ALARM, ALARM, ALARM, ALARM)),
        ("0 - X - -", (OK, OK, ALARM, OK)),
        ("- - - - 0", (OK, OK, ALARM, OK)),
        ("- - - X -", (ALARM, RETAINED, ALARM, OK)),
        ("- - - X X", (ALARM, ALARM, ALARM, ALARM)),
        ("X X 0 0 X", (OK, OK, OK, OK)),
    ],
)
def test_two_of_three(picture: str, states: tuple[str, ...]) -> None:
    watched = alarm(DatapointsToAlarm=2)
    found = [judge(watched | {"TreatMissingData": treated}, drawn(picture), NOW).state for treated in TREATED]
    assert tuple(found) == states


def test_missing_is_what_aws_takes_for_granted() -> None:
    assert judge(alarm(), [], NOW).state == UNKNOWN


def test_a_bad_period_rings_on_as_long_as_aws_looks_back_and_nothing_newer_is_known() -> None:
    once = alarm(EvaluationPeriods=1, TreatMissingData="notBreaching")
    states = [judge(once, sums(m1=5), NOW + 60 * later).state for later in range(MORE_PERIODS + 2)]
    assert states == [ALARM] * (MORE_PERIODS + 1) + [OK]
    assert judge(once, [*sums(m1=5), Measured(END, {"Sum": 0.0})], NOW + 60).state == OK


@pytest.mark.parametrize(
    ("how", "states"),
    [
        ("GreaterThanThreshold", (OK, OK, ALARM)),
        ("GreaterThanOrEqualToThreshold", (OK, ALARM, ALARM)),
        ("LessThanThreshold", (ALARM, OK, OK)),
        ("LessThanOrEqualToThreshold", (ALARM, ALARM, OK)),
    ],
)
def test_below_at_and_above_the_threshold(how: str, states: tuple[str, ...]) -> None:
    watched = alarm(EvaluationPeriods=1, ComparisonOperator=how)
    assert tuple(judge(watched, sums(m1=value), NOW).state for value in (0.9, 1.0, 1.1)) == states


def test_the_minute_that_still_runs_is_not_judged() -> None:
    assert judge(alarm(EvaluationPeriods=1), [Measured(END, {"Sum": 5.0})], NOW).state == UNKNOWN


def test_longer_periods_slide_by_the_minute() -> None:
    """AWS's example: five minutes, judged at 12:15 by 12:00, 12:05 and 12:10, at 12:16 by 12:01, 12:06 and 12:11."""
    watched, quarter = alarm(Period=300), END - END % 900
    steps = [Measured(quarter - 60 * back, {"Sum": 1.0}) for back in range(60)]
    for later in (0, 60):
        found = [one.at - quarter for one in periods(watched, steps, quarter + later + 2)]
        assert found[:3] == [later - 300, later - 600, later - 900] and len(found) == 5
    assert [one.value for one in periods(watched, steps, quarter)] == [5.0] * 5


@pytest.mark.parametrize(
    ("statistic", "value"), [("Sum", 14.0), ("Minimum", 1.0), ("Maximum", 6.0), ("SampleCount", 8.0)]
)
def test_a_period_is_put_together_from_its_minutes(statistic: str, value: float) -> None:
    watched = alarm(Period=120, Statistic=statistic, EvaluationPeriods=1)
    first = {"Sum": 6.0, "Minimum": 1.0, "Maximum": 3.0, "SampleCount": 4.0}
    second = {"Sum": 8.0, "Minimum": 2.0, "Maximum": 6.0, "SampleCount": 4.0}
    steps = [Measured(END - 120, {statistic: first[statistic]}), Measured(END - 60, {statistic: second[statistic]})]
    assert [one.value for one in periods(watched, steps, NOW)] == [value]


def test_an_average_weighs_each_minute_by_its_samples() -> None:
    watched = alarm(Period=120, Statistic="Average", EvaluationPeriods=1)
    steps = [
        Measured(END - 120, {"Sum": 30.0, "SampleCount": 3.0}),
        Measured(END - 60, {"Sum": 2.0, "SampleCount": 1.0}),
    ]
    assert [one.value for one in periods(watched, steps, NOW)] == [8.0]


def test_a_percentile_is_taken_over_whole_periods_only() -> None:
    watched = alarm(Period=300, ExtendedStatistic="p99", EvaluationPeriods=1)
    assert grain(watched) == 300 and step(watched) == 60
    start = END - END % 300 - 300
    assert judge(watched, [Measured(start, {"p99": 2.0})], NOW).state == ALARM


def test_a_short_alarm_is_judged_every_ten_seconds() -> None:
    watched = alarm(Period=10, EvaluationPeriods=1)
    assert step(watched) == 10
    assert judge(watched, [Measured(END + 10, {"Sum": 5.0})], END + 20.5).state == ALARM


def test_what_a_clock_passed_over_is_not_missing() -> None:
    """A sweep that could not have run yet has not fallen silent."""
    silent = alarm(
        Period=300,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="LessThanThreshold",
        TreatMissingData="breaching",
    )
    assert judge(silent, [], NOW, since=NOW).state == RETAINED
    assert judge(silent, sums(m1=1.0), NOW + 60, since=NOW).state == OK
    assert judge(silent, [], NOW + 240, since=NOW).state == RETAINED
    assert judge(silent, [], NOW + 361, since=NOW).state == ALARM
    assert judge(silent, sums(m1=0.0), NOW, since=NOW).state == ALARM


@pytest.mark.parametrize(
    ("given", "found", "reason"),
    [
        (
            {"EvaluationPeriods": 1},
            {"m1": 5.0},
            "Threshold Crossed: 1 out of the last 1 datapoint [5.0 (20/11/25 14:59:00)] was greater than the threshold "
            "(1.0) (minimum 1 datapoint for OK -> ALARM transition).",
        ),
        (
            {"EvaluationPeriods": 2},
            {"m1": 0.0, "m2": 1.0},
            "Threshold Crossed: 2 out of the last 2 datapoints [0.0 (20/11/25 14:59:00), 1.0 (20/11/25 14:58:00)] were "
            "not greater than the threshold (1.0) (minimum 1 datapoint for ALARM -> OK transition).",
        ),
        (
            {"EvaluationPeriods": 1, "TreatMissingData": "notBreaching"},
            {},
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
            "[NonBreaching].",
        ),
        ({"EvaluationPeriods": 2}, {}, "Insufficient Data: 2 datapoints were unknown."),
    ],
)
def test_the_reason_says_what_was_compared(given: Alarm, found: dict[str, float], reason: str) -> None:
    assert judge(alarm(**given), sums(**found), NOW).reason == reason


def test_alarms_of_other_kinds_are_left_alone() -> None:
    assert judged(alarm())
    assert not judged({"Metrics": [], "ComparisonOperator": "GreaterThanThreshold"})
    assert not judged(alarm(ComparisonOperator="LessThanLowerOrGreaterThanUpperThreshold"))


ALARMS = st.builds(
    lambda wanted, needed, treated, length, state: alarm(
        EvaluationPeriods=wanted,
        DatapointsToAlarm=min(needed, wanted),
        TreatMissingData=treated,
        Period=length,
        StateValue=state,
    ),
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from(TREATED),
    st.sampled_from([10, 60, 300]),
    st.sampled_from([OK, ALARM, UNKNOWN]),
)
MINUTES = st.dictionaries(st.integers(-3, 60), st.sampled_from([0.0, 5.0]))


@given(ALARMS, MINUTES)
def test_whatever_was_measured_there_is_a_verdict_and_it_is_the_same_again(
    watched: Alarm, minutes: dict[int, float]
) -> None:
    steps = [Measured(END - 60 * back, {"Sum": value}) for back, value in minutes.items()]
    verdict = judge(watched, steps, NOW)
    assert verdict.state in (OK, ALARM, UNKNOWN) and verdict.reason
    assert judge(watched, list(reversed(steps)), NOW) == verdict


@given(ALARMS, MINUTES)
def test_what_lies_outside_of_the_range_changes_nothing(watched: Alarm, minutes: dict[int, float]) -> None:
    steps = [Measured(END - 60 * back, {"Sum": value}) for back, value in minutes.items()]
    outside = [Measured(range_start(watched, NOW) - 60, {"Sum": 5.0}), Measured(END + 600, {"Sum": 5.0})]
    assert judge(watched, [*steps, *outside], NOW) == judge(watched, steps, NOW)


@given(ALARMS)
def test_only_bad_data_rings_and_only_good_data_clears(watched: Alarm) -> None:
    def full(value: float) -> Verdict:
        return judge(watched, [Measured(at, {"Sum": value}) for at in range(END - 3600, int(NOW), 10)], NOW)

    assert (full(5.0).state, full(-1.0).state) == (ALARM, OK)
