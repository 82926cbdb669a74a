"""`repeg cancel`, as an operator types it: what it found and how that ended, and what it says while nobody answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from desk.stack import sending
from desk.stack.signal_files import OutgoingSignal
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.signals.intake import answered_cancel
from repeg.domain.signals.parsing import CancelSignal, parse_signal, read_json
from repeg.store.orders import OrderStore
from tests.support.clinic import Clinic
from tests.support.make import NOON, child, order
from tests.unit.cli.conftest import Repeg


@pytest.fixture
def store(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> OrderStore:
    """The table of a stack that answers cancels at once: an order that is not over ends, unless it is `stuck`."""
    store = OrderStore(clinic.case.connection.dynamodb, clinic.case.connection.table)

    def answers(sqs: Any, url: str, signals: Iterable[OutgoingSignal]) -> dict[str, str]:
        for sent in signals:
            signal = parse_signal(read_json(sent.body))
            assert isinstance(signal, CancelSignal)
            assert sent.group == sent.signal_id
            found = store.find(signal.about)
            ends = found is not None and not found.status.terminal and found.kind != "unwind"
            store.accept(answered_cancel(signal, found, ends, NOON, NOON, NOON), sent.body_hash)
            if found and ends and signal.about != "stuck":
                over = {"status": Status.REJECTED, "reason": Reason.CANCELLED, "completed_at": NOON}
                store.finish(found.changed(**over))
        return {}

    monkeypatch.setattr(sending, "send_all", answers)
    return store


def accepted(store: OrderStore, signal_id: str = "s", **changes: Any) -> Order:
    known = order(order_id=f"ord-{signal_id}", signal_id=signal_id, **changes)
    store.accept(known, "hash")
    return known


def test_it_says_what_was_found_and_how_that_ended(store: OrderStore, repeg: Repeg) -> None:
    accepted(store, status=Status.WAITING)
    code, told, said = repeg("cancel", "s")
    assert (code, told) == (0, "s rejected cancelled\n")
    assert said.endswith("s is taken back; it was waiting\n")


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [(Status.FILLED, "nothing_to_cancel", "s is over (filled)"), (None, "unknown_order", "nothing is known of s: ")],
)
def test_what_is_over_or_unknown_is_an_answer_and_no_error(
    store: OrderStore, repeg: Repeg, status: Status | None, reason: str, said: str
) -> None:
    if status:
        accepted(store, status=status)
    code, told, _ = repeg("cancel", "s", "--json")
    assert (code, told["status"], told["reason"]) == (0, "done", reason)
    assert told["detail"].startswith(said)
    assert (told["of"] or {}).get("status") == (status.value if status else None)


def test_of_what_is_over_the_end_is_said_once(store: OrderStore, repeg: Repeg) -> None:
    accepted(store, status=Status.FILLED, completed_at=NOON)
    code, told, said = repeg("cancel", "s")
    assert (code, told) == (0, "s filled\n")
    assert "nothing left to take back" in said and "filled" not in said
    assert "nothing is known of other" in repeg("cancel", "other")[2]


def _sent(status: ChildStatus, **changes: Any) -> ChildRecord:
    return child(status=status, client_order_id="ord-s-t-e1", **changes)


@pytest.mark.parametrize(
    ("found", "reason", "told"),
    [
        (
            {"status": Status.WORKING, "reason": Reason.SLIPPAGE_EXCEEDED, "children": (_sent(ChildStatus.CANCELING),)},
            None,
            "s is being ended already (working: slippage_exceeded): ord-s-t-e1 is cancelled at the broker, and may "
            "fill until that is confirmed",
        ),
        (
            {"status": Status.UNFILLED, "reason": Reason.BROKER_UNAVAILABLE}
            | {"children": (_sent(ChildStatus.CANCELED, lost=True),)},
            Reason.BROKER_UNAVAILABLE,
            "s is over (unfilled: broker_unavailable), but the broker may still have ord-s-t-e1: look for it there",
        ),
        (
            {"status": Status.UNFILLED, "children": (_sent(ChildStatus.NEVER_SENT, ambiguous=True),)},
            Reason.BROKER_UNAVAILABLE,
            "s is over (unfilled), but the broker may still have ord-s-t-e1: look for it there",
        ),
        (
            {"status": Status.UNFILLED, "children": (_sent(ChildStatus.NEVER_SENT, ambiguous=True, late_looks=2),)},
            Reason.NOTHING_TO_CANCEL,
            "s is over (unfilled)",
        ),
        (
            {"status": Status.WORKING, "kind": "unwind", "children": (_sent(ChildStatus.LIVE),)},
            Reason.NOTHING_TO_CANCEL,
            "s exits what is not to be kept, and is not taken back (working)",
        ),
        (
            {"status": Status.WAITING, "kind": "adjust"},
            Reason.NOTHING_TO_CANCEL,
            "s is an instruction, which is not taken back (waiting)",
        ),
    ],
    ids=["its cancel is under way", "lost", "may show late", "looked for in vain", "an exit", "an adjust"],
)
def test_nothing_to_cancel_is_said_only_where_nothing_of_it_can_fill(
    found: dict[str, Any], reason: Reason | None, told: str
) -> None:
    signal = parse_signal({"kind": "cancel", "signal_id": "c", "cancel_signal_id": "s"})
    assert isinstance(signal, CancelSignal)
    answer = answered_cancel(signal, order(signal_id="s", **found), False, NOON, NOON, NOON)
    assert (answer.status, answer.reason, answer.events[-1].detail) == (Status.DONE, reason, told)


def test_what_is_not_taken_back_is_not_said_to_be_over(store: OrderStore, repeg: Repeg) -> None:
    accepted(store, status=Status.WORKING, kind="unwind")
    code, _, said = repeg("cancel", "s")
    assert code == 0 and said.endswith("s exits what is not to be kept, and is not taken back (working)\n")


def test_what_does_not_end_in_time_fails_and_says_so(store: OrderStore, repeg: Repeg) -> None:
    accepted(store, "stuck", status=Status.WORKING)
    code, _, said = repeg("cancel", "stuck", "--timeout", "0")
    assert code == 1
    assert said.endswith("stuck is not over after 0 s (working)\n")


def test_a_queue_that_nobody_reads_is_told_with_what_helps_then(clinic: Clinic, repeg: Repeg) -> None:
    code, told, said = repeg("cancel", "s", "--timeout", "0", "--json")
    assert (code, told["status"], told["of"]) == (1, None, None)
    assert "is intake paused (repeg doctor)?" in said
    assert "repeg halt --symbol S --cancel-open" in said


def test_an_id_that_cannot_be_one_is_refused(repeg: Repeg) -> None:
    code, _, said = repeg("cancel", "no id")
    assert (code, said) == (2, "signal_id: 'no id' cannot be one; an id is 1 to 64 of A-Z a-z 0-9 _ -\n")
