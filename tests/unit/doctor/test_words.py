"""Commands and figures as they are shown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from desk.doctor.words import deploy, seconds_of, some


@pytest.mark.parametrize(
    ("stack", "command"),
    [
        ("repeg", "make deploy"),
        ("repeg-live", "make deploy CONFIG=live"),
        ("mine", "make deploy CONFIG=<the section of samconfig.toml for mine>"),
    ],
)
def test_each_stack_is_deployed_by_its_own_section(stack: str, command: str) -> None:
    assert deploy(stack) == command


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.04, "0.0 s"), (-3.2, "3.2 s"), (45, "45 s"), (119, "119 s"), (600, "10 min"), (10800, "3 h"), (432000, "5 d")],
)
def test_a_length_of_time_is_told_in_its_largest_sensible_unit(seconds: float, told: str) -> None:
    assert seconds_of(timedelta(seconds=seconds)) == told


def test_one_and_many() -> None:
    assert (some(1, "alarm"), some(0, "alarm")) == ("1 alarm", "0 alarms")
