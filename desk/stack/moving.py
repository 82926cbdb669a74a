"""Adjusts from the desk: the signal that moves a bracket's stop or target, sent as anybody's, and its answer."""

from __future__ import annotations

from typing import Any, NamedTuple

from desk.stack import sending
from desk.stack.following import wait_for
from desk.stack.ordering import checked
from desk.stack.records import Records, View
from desk.stack.taking_back import NotSent
from repeg.domain.signals.outgoing import OutgoingSignal


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
