"""Cancels and adjusts from the desk: what changes an earlier signal's course is sent as anybody's, and followed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

from desk.stack import sending
from desk.stack.following import Waited, wait_for
from desk.stack.ordering import checked
from desk.stack.records import Records, View, view_of
from desk.stack.signal_files import read_signals
from repeg.domain.order.record import Order
from repeg.domain.signals.outgoing import OutgoingSignal

Wait = Callable[..., Waited]


class NotSent(Exception):
    """The queue did not take it; the message says why."""


class TakenBack(NamedTuple):
    """A cancel, its answer, and what became of what it names; None: it is not there, or not over, yet."""

    cancel_id: str
    answer: Order | None
    view: dict[str, Any] | None
    over: bool

    @property
    def words(self) -> str:
        """The answer in words."""
        told = (event.detail for event in self.answer.events if event.state == "AcceptSignal") if self.answer else ()
        return next(iter(told), "")


def take_back(
    sqs: Any, queue_url: str, records: Records, about: str, timeout: float, wait: Wait = wait_for
) -> TakenBack:
    """Send a cancel of the signal `about`, and wait at most `timeout` wall seconds for what it names to be over."""
    cancel_id = f"cancel-{secrets.token_hex(8)}"
    body = {"kind": "cancel", "signal_id": cancel_id, "cancel_signal_id": about}
    refused = sending.send_all(sqs, queue_url, read_signals(json.dumps(body)))
    if refused:
        raise NotSent(refused[cancel_id])
    wait(records, [cancel_id], timeout)
    answer = records.orders.find(cancel_id)
    if answer is None:
        return TakenBack(cancel_id, None, None, over=False)
    found = records.find(answer.ask.about) if answer.ask.about else None
    ends = found is not None and answer.reason is None
    unfinished = wait(records, [about], timeout).unfinished if ends else {}
    known = records.find(answer.ask.about) if answer.ask.about else None
    return TakenBack(cancel_id, answer, view_of(known) if known else None, over=not unfinished)


class Answer(NamedTuple):
    """What the stack made of an adjust so far; `view` is empty where nothing has taken it in yet."""

    view: View
    over: bool

    @property
    def done(self) -> bool:
        """True once the levels are the new ones."""
        return bool(self.over and self.view["status"] == "done")

    @property
    def words(self) -> str:
        """How it came out, in one line; or how it stands."""
        if not self.over:
            return str(self.view.get("status", "not taken in yet: is intake paused?"))
        # The last event but one says how it came out, the last that it was recorded.
        told = (each["detail"] for each in reversed(self.view["events"]) if each["state"] != "RecordOutcome")
        why = f" ({self.view['reason']})" if self.view["reason"] else ""
        return f"{self.view['status']}{why}: {next(told, '')}"


def adjust(
    signal_id: str, about: str, stop: str | None, target: str | None, *, force: bool, next_open: bool
) -> OutgoingSignal:
    """The signal that moves the exits of the bracket of signal `about`; None: that level stays.

    Raises:
        BadSignals: in one line, all that is wrong with it, by the names that the command line has for fields.
    """
    body = {
        "kind": "adjust",
        "signal_id": signal_id,
        "adjust_signal_id": about,
        "stop_loss": stop,
        "take_profit": target,
        "force": True if force else None,
        "when_closed": "next_open" if next_open else None,
    }
    return checked(body)


def send(sqs: Any, queue_url: str, signal: OutgoingSignal) -> None:
    """Into the queue.

    Raises:
        NotSent: the queue did not take it.
    """
    if refused := sending.send_all(sqs, queue_url, [signal]):
        raise NotSent(refused[signal.signal_id])


def answer(records: Records, signal_id: str, timeout: float) -> Answer:
    """What came of an adjust that was sent, after `timeout` wall seconds at most."""
    waited = wait_for(records, [signal_id], timeout)
    return Answer(waited.orders[0] if waited.orders else {}, over=not waited.unfinished)
