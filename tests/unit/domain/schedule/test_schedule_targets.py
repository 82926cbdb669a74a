"""Targets on record: what is wrong with them, and when they are too old to trade by."""

from __future__ import annotations

import json
from datetime import date, datetime

import pytest

from repeg.domain.schedule.runs import Outcome
from repeg.domain.schedule.targets import Judged, fresh_since, judge, parse_targets, signal_text
from repeg.domain.signals.parsing import parse_signal, read_json
from repeg.errors import SignalInvalid
from tests.support.make import calendar_from, eastern

GOOD = '{"targets": {"TQQQ": 0.6, "SPY": 0.4}, "threshold": 0.02}'
THURSDAY_EVENING = eastern("16:30", date(2026, 11, 19))


def found(document: str = GOOD, written: datetime | str = THURSDAY_EVENING) -> Judged:
    """As judged on Friday 2026-11-20 at 09:25; Thursday opened at 09:30."""
    text = written if isinstance(written, str) else written.isoformat()
    since = fresh_since(date(2026, 11, 20), calendar_from(date(2026, 11, 10)).days)
    assert since == eastern("09:30", date(2026, 11, 19))
    return judge(document, text, lambda wall: wall, eastern("09:25"), since)


def test_targets_become_a_rebalance_that_waits_for_the_open() -> None:
    signal = parse_signal(read_json(signal_text(GOOD, "market-open-rebalance-2026-11-20")))
    assert (signal.kind, signal.signal_id, signal.when_closed) == (
        "rebalance",
        "market-open-rebalance-2026-11-20",
        "next_open",
    )
    assert signal_text(GOOD, "a") == signal_text(GOOD, "a")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"targets": {"TQQQ": "0.7", "SPY": "0.4"}}, "targets"),
        ({"targets": {"tqqq": "0.7"}}, "targets.tqqq"),
        ({"targets": {}}, "targets"),
        ({"weights": {"TQQQ": "1"}}, "targets"),
        ({"targets": {"TQQQ": "1"}, "treshold": "0.1"}, "treshold"),
        ({"targets": {"TQQQ": "1"}, "signal_id": "mine"}, "signal_id"),
        ({"targets": {"TQQQ": "1"}, "kind": "rebalance"}, "kind"),
        ({"targets": {"TQQQ": "1"}, "expires_at": "2026-11-20T15:00:00Z"}, "expires_at"),
        (["TQQQ"], "body"),
    ],
)
def test_what_is_wrong_is_named(body: object, field: str) -> None:
    with pytest.raises(SignalInvalid) as problem:
        parse_targets(read_json(json.dumps(body)))
    assert field.split(".")[0] in problem.value.field


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (eastern("09:30", date(2026, 11, 19)), None),
        (eastern("09:29:59", date(2026, 11, 19)), Outcome.STALE_TARGETS),
        (eastern("16:30", date(2026, 11, 18)), Outcome.STALE_TARGETS),
        (eastern("09:29"), None),
        (eastern("09:31"), Outcome.BAD_TARGETS),
        ("2026-11-19T16:30:00", Outcome.BAD_TARGETS),
        ("yesterday", Outcome.BAD_TARGETS),
        ("", Outcome.BAD_TARGETS),
    ],
)
def test_targets_are_fresh_from_the_open_of_the_session_before(
    written: datetime | str, problem: Outcome | None
) -> None:
    assert found(written=written).problem is problem


def test_bad_targets_are_refused_whatever_their_age() -> None:
    judged = found('{"targets": {"TQQQ": 2}}')
    assert judged.problem is Outcome.BAD_TARGETS and "TQQQ" in judged.detail
    assert found("no JSON").problem is Outcome.BAD_TARGETS


def test_over_a_holiday_the_session_before_counts() -> None:
    """Written on Wednesday, for Friday: Thanksgiving lies between."""
    days = calendar_from(date(2026, 11, 20)).days
    assert fresh_since(date(2026, 11, 27), days) == eastern("09:30", date(2026, 11, 25))
    assert fresh_since(date(2026, 11, 23), days) == eastern("09:30", date(2026, 11, 20))


def test_what_is_not_known_to_be_fresh_is_stale() -> None:
    assert fresh_since(date(2026, 11, 20), []) is None
    now = eastern("09:25")
    assert judge(GOOD, now.isoformat(), lambda wall: wall, now, None).problem is Outcome.STALE_TARGETS


def test_time_is_market_time() -> None:
    """On a fast local cloud a minute of the wall ago may be an hour of the market ago."""
    now = eastern("09:25")
    long_ago = eastern("09:00", date(2026, 11, 19))
    judged = judge(GOOD, now.isoformat(), lambda wall: long_ago, now, eastern("09:30", date(2026, 11, 19)))
    assert judged.problem is Outcome.STALE_TARGETS
