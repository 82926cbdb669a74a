"""What the frames of the streams say."""

from __future__ import annotations

import contextlib
import json

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.exchange.wire.frames import Unreadable, read

COMMAND = {"action": "subscribe", "trades": ["TQQQ"]}


@pytest.mark.parametrize("frame", [json.dumps(COMMAND), json.dumps(COMMAND).encode(), msgpack.packb(COMMAND)])
def test_json_in_text_or_bytes_and_messagepack(frame: str | bytes) -> None:
    assert read(frame) == COMMAND


@pytest.mark.parametrize(
    "frame",
    [
        *("", "{", "[" * 100_000, '{"a":' * 100_000, '"\\ud800"', '{"action": "\\udfff"}'),
        *(b"", b"\xff", b"\x81", b"\x81\xa1a" * 2_000, b"\x81\xa1a\xa3\xed\xa0\x80", b"\x81\xc0\xc0", b"\x80\x80"),
        b"\xdf\xff\xff\xff\xff",
    ],
    ids=lambda frame: repr(frame[:12]),
)
def test_unreadable_frames(frame: str | bytes) -> None:
    with pytest.raises(Unreadable):
        read(frame)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda data: b"\x81" + data))
def test_rubbish_is_unreadable_and_nothing_worse(data: bytes) -> None:
    with contextlib.suppress(Unreadable):
        read(data)
