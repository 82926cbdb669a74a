"""Cancels from the desk: sent through the queue as anybody's, and followed until what they name is over."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

from desk.stack.following import Waited, wait_for
from desk.stack.records import Records, view_of
from desk.stack.sending import send_all
from desk.stack.signal_files import read_signals
from repeg.domain.order.record import Order

Wait = Callable[..., Waited]


class Asked(NamedTuple):
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


class NotSent(Exception):
    """The queue did not take the cancel; the message says why."""


def ask(sqs: Any, queue_url: str, records: Records, about: str, timeout: float, wait: Wait = wait_for) -> Asked:
    """Send a cancel of the signal `about`, and wait at most `timeout` wall seconds for what it names to be over."""
    cancel_id = f"cancel-{secrets.token_hex(8)}"
    body = {"kind": "cancel", "signal_id": cancel_id, "cancel_signal_id": about}
    refused = send_all(sqs, queue_url, read_signals(json.dumps(body)))
    if refused:
        raise NotSent(refused[cancel_id])
    wait(records, [cancel_id], timeout)
    answer = records.orders.find(cancel_id)
    if answer is None:
        return Asked(cancel_id, None, None, over=False)
    found = records.find(answer.ask.about) if answer.ask.about else None
    ends = found is not None and answer.reason is None
    unfinished = wait(records, [about], timeout).unfinished if ends else {}
    known = records.find(answer.ask.about) if answer.ask.about else None
    return Asked(cancel_id, answer, view_of(known) if known else None, over=not unfinished)
