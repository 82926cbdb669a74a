"""`repeg adjust`: the signal that it makes, and the answer that it waits for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desk.stack import sending
from repeg.domain.order.course import ended
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.signals.intake import accepted_adjust
from repeg.domain.signals.parsing import AdjustSignal, body_hash, parse_signal, read_json
from tests.support.clinic import Clinic, wall_clock
from tests.support.make import order
from tests.unit.cli.conftest import Repeg


@pytest.fixture(autouse=True)
def nothing_takes_signals(clinic: Clinic) -> None:
    clinic["lambda"].update_event_source_mapping(UUID=clinic.mapping, Enabled=False)


def answered(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, status: Status, reason: Reason | None, words: str
) -> list[Any]:
    """What is sent is answered so at once; returns what was sent."""
    sent: list[Any] = []
    real = sending.send_all

    def send_all(sqs: Any, queue_url: str, signals: Any) -> Any:
        for signal in signals:
            body = read_json(signal.body)
            parsed = parse_signal(body)
            assert isinstance(parsed, AdjustSignal)
            sent.append((signal.group, json.loads(signal.body)))
            record: Order = accepted_adjust(parsed, order(kind="bracket"), *[wall_clock()] * 3)
            record = ended(record.noted(wall_clock(), "AssessMarket", words), status, reason, wall_clock())
            clinic.case.orders.accept(record, body_hash(body))
        return real(sqs, queue_url, signals)

    monkeypatch.setattr(sending, "send_all", send_all)
    return sent


def test_it_is_one_signal_in_a_group_of_its_own_and_waits_for_its_answer(
    clinic: Clinic, repeg: Repeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = answered(clinic, monkeypatch, Status.DONE, None, "stop 532, target 545.52, for 25 CRWD")
    code, said, told = repeg("adjust", "crwd-1", "--stop", "532.00", "--force", "--next-open", "--id", "m")
    assert (code, said, told) == (0, "", "done: stop 532, target 545.52, for 25 CRWD\n")
    assert sent == [
        (
            "m",
            {
                "kind": "adjust",
                "signal_id": "m",
                "adjust_signal_id": "crwd-1",
                "stop_loss": "532.00",
                "force": True,
                "when_closed": "next_open",
            },
        )
    ]


def test_a_refusal_is_told_with_its_words_and_is_a_failure(
    clinic: Clinic, repeg: Repeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(clinic, monkeypatch, Status.REJECTED, Reason.STOP_THROUGH, "the market, 530, is through the stop at 532")
    code, said, told = repeg("adjust", "crwd-1", "--stop", "532")
    assert (code, said) == (1, "")
    assert told == "rejected (stop_through): the market, 530, is through the stop at 532\n"
    code, said, _ = repeg("adjust", "crwd-1", "--target", "550", "--json")
    assert (code, said["status"], said["signal"]["take_profit"]) == (1, "rejected", "550")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("the market is through it; with force the position is exited now", "with --force the position is exited now"),
        ("take_profit: must lie at least a cent above the stop, 49.98", ": --target: must lie at least a cent above"),
        ("stop_loss: must lie at least a cent below the target, 60", ": --stop: must lie at least a cent below"),
        ("it holds nothing any more: its shares left by stop_loss at 5", "its shares left by stop_loss at 5"),
    ],
)
def test_a_refusal_names_what_was_typed(
    clinic: Clinic, repeg: Repeg, monkeypatch: pytest.MonkeyPatch, words: str, told: str
) -> None:
    answered(clinic, monkeypatch, Status.REJECTED, Reason.INVALID_SIGNAL, words)
    assert told in repeg("adjust", "crwd-1", "--target", "50")[2]


def test_without_an_answer_it_says_that_it_stays_sent(clinic: Clinic, repeg: Repeg) -> None:
    code, _, told = repeg("adjust", "crwd-1", "--stop", "532", "--timeout", "0", "--id", "m")
    assert code == 1
    assert told == "no answer after 0 s (not taken in yet: is intake paused?); it stays sent: repeg wait m\n"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("adjust", "a"), "--stop: is missing; give --stop, --target, or both"),
        (("adjust", "a", "--stop", "53.001"), "--stop: must be a price in whole ticks of 0.01"),
        (("adjust", "a", "--target", "0"), "--target: must be greater than 0"),
        (("adjust", "a b", "--stop", "5"), "SIGNAL_ID: must be 1 to 64 of A-Z a-z 0-9 _ -"),
    ],
)
def test_bad_input_is_one_line_that_names_it(repeg: Repeg, typed: tuple[str, ...], words: str) -> None:
    assert repeg(*typed) == (2, "", f"{words}; nothing was sent\n")
