"""Requests reserved ahead: none is lost and none is counted twice, however they are drawn and handed on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repeg.domain.order.parts import Guard
from repeg.domain.order.reservation import Reservation, drawn, emptied
from tests.support.make import child

SECOND = 1_795_194_000


def _left(reserved: Reservation | None) -> int:
    return reserved.left if reserved else 0


@given(left=st.integers(1, 9), draws=st.integers(0, 12))
def test_a_record_is_drawn_until_nothing_is_left(left: int, draws: int) -> None:
    record = child(reserved=Reservation(second=SECOND, left=left))
    for _ in range(draws):
        record = drawn(record)
    assert _left(record.reserved) == max(0, left - draws)
    assert (record.reserved is None) is (draws >= left)


@given(left=st.integers(1, 9), wanted=st.integers(0, 12))
def test_parts_make_the_whole_and_stay_in_their_second(left: int, wanted: int) -> None:
    parts = Reservation(second=SECOND, left=left).split(wanted)
    assert (_left(parts[0]), _left(parts[1])) == (min(wanted, left), max(0, left - wanted))
    assert {part.second for part in parts if part} == {SECOND}


@pytest.mark.parametrize("reserved", [None, Reservation(second=SECOND, left=3)])
def test_what_is_given_back_is_in_no_record_any_more(reserved: Reservation | None) -> None:
    for record in (child(reserved=reserved), Guard(reserved=reserved)):
        without, unused = emptied(record)
        assert (without.reserved, unused) == (None, reserved)
