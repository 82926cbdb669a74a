"""Judges an alarm as CloudWatch does: the alarm, what was measured, and the time, to a state and its reason.

By AWS's pages "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data". An alarm is judged each
minute (one with a period below a minute: every ten seconds), over whole periods that end at that minute.

Not judged here: metric math, anomaly bands and queries; composite alarms are the emulator's. A percentile of few
samples counts as any other, and trimmed statistics are not known.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

MINUTE, SHORTEST = 60, 10
MORE_PERIODS = 2
"""AWS looks back over more periods than it judges and does not say how many; its examples have five for three."""

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
_HOW: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
_FILLED = {"breaching": "Breaching", "notBreaching": "NonBreaching"}


@dataclass(frozen=True)
class Measured:
    """What was measured within one step of time that begins at `at`, seconds since 1970."""

    at: int
    values: Mapping[str, float]
    """By statistic."""


@dataclass(frozen=True)
class Period:
    """The statistic of one whole period."""

    at: int
    value: float


@dataclass(frozen=True)
class Verdict:
    """The state that an alarm is to have, and why."""

    state: str
    reason: str


def judged(alarm: Mapping[str, Any]) -> bool:
    """Whether it is an alarm on one metric with a fixed threshold; others are not judged here."""
    return bool(alarm.get("MetricName")) and alarm.get("ComparisonOperator") in _HOW


def step(alarm: Mapping[str, Any]) -> int:
    """Seconds from one judgement to the next; what is measured is wanted in steps of this length, or of `grain`."""
    return MINUTE if alarm["Period"] >= MINUTE else SHORTEST


def grain(alarm: Mapping[str, Any]) -> int:
    """Seconds of the steps in which its metric is wanted: a percentile cannot be put together from smaller ones."""
    return int(alarm["Period"]) if alarm.get("ExtendedStatistic") else step(alarm)


def statistics(alarm: Mapping[str, Any]) -> tuple[str, ...]:
    """The statistics that the alarm's metric is wanted in."""
    asked = alarm.get("ExtendedStatistic") or alarm["Statistic"]
    return ("Sum", "SampleCount") if asked == "Average" else (str(asked),)


def periods_wanted(alarm: Mapping[str, Any]) -> int:
    """How many periods AWS looks back."""
    return int(alarm["EvaluationPeriods"]) + MORE_PERIODS


def range_end(alarm: Mapping[str, Any], now: float) -> int:
    """End of the newest period that is judged."""
    return int(now // grain(alarm)) * grain(alarm)


def range_start(alarm: Mapping[str, Any], now: float) -> int:
    """Begin of the oldest period that is looked at."""
    return range_end(alarm, now) - periods_wanted(alarm) * int(alarm["Period"])


def periods(alarm: Mapping[str, Any], measured: Iterable[Measured], now: float) -> list[Period]:
    """The periods that have data, newest first."""
    end, length = range_end(alarm, now), int(alarm["Period"])

    def age(one: Measured) -> int:
        return (end - 1 - one.at) // length

    within = sorted((one for one in measured if range_start(alarm, now) <= one.at < end), key=age)
    return [Period(end - (old + 1) * length, _statistic(alarm, list(steps))) for old, steps in groupby(within, key=age)]


def judge(alarm: Mapping[str, Any], measured: Iterable[Measured], now: float, since: float = 0) -> Verdict:
    """The state by what was measured until `now`.

    `since`: where the clock was set to last. Nothing could be measured before it: those periods are not missing.
    """
    found = periods(alarm, measured, now)
    wanted, needed = int(alarm["EvaluationPeriods"]), int(alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"])
    bad = [one for one in found if _breaches(alarm, one)]
    if len(found) >= wanted:
        return _by_data(alarm, found[:wanted], needed)
    treated = alarm.get("TreatMissingData") or "missing"
    if treated == "breaching":
        lived = sum(1 for at in _starts(alarm, now) if at >= since)
        filled = min(wanted, lived) - len(found)
        if len(bad) + max(filled, 0) >= needed:
            return Verdict(ALARM, _reason_filled(alarm, found, wanted))
        return _kept(alarm) if not found and filled < wanted else Verdict(OK, _reason_filled(alarm, found, wanted))
    if treated == "notBreaching":
        return Verdict(ALARM if len(bad) >= needed else OK, _reason_filled(alarm, found, wanted))
    if len(bad) >= needed:
        return _by_data(alarm, found, needed)
    if not found:
        unknown = f"Insufficient Data: {_some(wanted, 'datapoint')} {'was' if wanted == 1 else 'were'} unknown."
        return _kept(alarm) if treated == "ignore" else Verdict(INSUFFICIENT_DATA, unknown)
    if len(bad) == len(found):
        if treated == "ignore":
            return _kept(alarm)
        oldest = (range_end(alarm, now) - found[-1].at) // int(alarm["Period"])
        # Nothing says that it ended: with data alone it would take longer to alarm, the less there is.
        if oldest >= needed:
            return Verdict(ALARM, _reason(alarm, found, "ALARM", needed))
    return Verdict(OK, _reason(alarm, found, "OK", needed))


def _starts(alarm: Mapping[str, Any], now: float) -> list[int]:
    end, length = range_end(alarm, now), int(alarm["Period"])
    return [end - number * length for number in range(1, periods_wanted(alarm) + 1)]


def _statistic(alarm: Mapping[str, Any], steps: list[Measured]) -> float:
    names = statistics(alarm)
    if names == ("Sum", "SampleCount"):
        return sum(one.values["Sum"] for one in steps) / sum(one.values["SampleCount"] for one in steps)
    gathered = [one.values[names[0]] for one in steps]
    combine: dict[str, Callable[[list[float]], float]] = {"Minimum": min, "Maximum": max}
    return combine.get(names[0], math.fsum)(gathered)


def _breaches(alarm: Mapping[str, Any], one: Period) -> bool:
    compare, _ = _HOW[alarm["ComparisonOperator"]]
    return compare(one.value, float(alarm["Threshold"]))


def _kept(alarm: Mapping[str, Any]) -> Verdict:
    return Verdict(alarm["StateValue"], alarm.get("StateReason", ""))


def _by_data(alarm: Mapping[str, Any], found: list[Period], needed: int) -> Verdict:
    state = ALARM if sum(_breaches(alarm, one) for one in found) >= needed else OK
    return Verdict(state, _reason(alarm, found, state, needed))


def _reason(alarm: Mapping[str, Any], found: list[Period], state: str, needed: int) -> str:
    _, compared = _HOW[alarm["ComparisonOperator"]]
    which = [one for one in found if _breaches(alarm, one) == (state == ALARM)]
    told = ", ".join(f"{_number(one.value)} ({datetime.fromtimestamp(one.at, UTC):%d/%m/%y %H:%M:%S})" for one in which)
    crossing = "OK -> ALARM" if state == ALARM else "ALARM -> OK"
    least = needed if state == ALARM else int(alarm["EvaluationPeriods"]) - needed + 1
    were = f"{'was' if len(which) == 1 else 'were'}{'' if state == ALARM else ' not'}"
    return (
        f"Threshold Crossed: {len(which)} out of the last {_some(len(found), 'datapoint')} [{told}] {were} "
        f"{compared} the threshold ({_number(alarm['Threshold'])}) (minimum {_some(least, 'datapoint')} for {crossing} "
        "transition)."
    )


def _reason_filled(alarm: Mapping[str, Any], found: list[Period], wanted: int) -> str:
    missing, treated = wanted - len(found), _FILLED[alarm["TreatMissingData"]]
    none = "no datapoints were received" if not found else f"{_some(len(found), 'datapoint')} received"
    values = "" if not found else " [" + ", ".join(_number(one.value) for one in found) + "]"
    were = "was" if missing == 1 else "were"
    return (
        f"Threshold Crossed: {none}{values} for {_some(wanted, 'period')} "
        f"and {_some(missing, 'missing datapoint')} {were} treated as [{treated}]."
    )


def _some(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _number(value: float) -> str:
    return repr(float(value))
