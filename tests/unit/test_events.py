from __future__ import annotations

import json
from pathlib import Path

import pytest

from desk.stack.signal_files import read_signals
from repeg.domain.signals.parsing import parse_signal, read_json

EVENTS = Path(__file__).parents[2] / "events"
QUEUE_MESSAGES = EVENTS / "queue_messages.json"
SIGNALS = sorted(path for path in EVENTS.iterdir() if path != QUEUE_MESSAGES)


@pytest.mark.parametrize("path", SIGNALS, ids=lambda path: path.name)
def test_sample_can_be_sent_as_it_is(path: Path) -> None:
    assert read_signals(path.read_text(encoding="utf-8"))


def test_samples_do_not_reuse_each_others_ids() -> None:
    ids = [signal.signal_id for path in SIGNALS for signal in read_signals(path.read_text(encoding="utf-8"))]
    assert len(ids) == len(set(ids))


def test_queue_messages_carry_valid_signals_grouped_by_symbol() -> None:
    records = json.loads(QUEUE_MESSAGES.read_text(encoding="utf-8"))["Records"]
    for record in records:
        signal = parse_signal(read_json(record["body"]))
        assert record["attributes"]["MessageGroupId"] == signal.symbol
