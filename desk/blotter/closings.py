"""What closes all that a halt is about: shown first, then done as it was shown, and only while that halt stands."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple

from desk.blotter.refusal import Refused
from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.positions.flatten import Flattening, flattening
from desk.stack import intake
from desk.stack.connection import Connection
from desk.stack.control import Stricter, Switch
from desk.stack.sending import send_all
from repeg.domain.halt import Halt, Mode, Scope
from repeg.errors import RepegError

GOOD_FOR_S = 120.0
"""A close sells what is held when it is worked: what was shown longer ago than this may be something else by now."""
MOST_SHOWN = 32


class _Shown(NamedTuple):
    """What was shown, of which halt, and when."""

    at: float
    word: Halt
    found: Flattening


class Closings:
    """The closes of halts, each shown under a name of its own; for several threads."""

    def __init__(
        self, reach: Callable[[], Case], switch: Switch, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._reach = reach
        self._switch = switch
        self._seconds = seconds
        self._shown: dict[str, _Shown] = {}
        self._lock = Lock()

    def look(self, scope: Scope, of: str) -> dict[str, Any]:
        """What would be closed, under the name by which `close` does it. Nothing is sent.

        Raises:
            Refused: it is not halted, or neither account nor records can be reached.
        """
        word = self._word(scope, of)
        try:
            found = flattening(self._reach(), word)
        except Trouble as trouble:
            raise Refused(f"what is held cannot be looked at: {trouble.detail}; {trouble.mend}") from None
        except RepegError as error:
            raise Refused(f"what is held cannot be looked at: {error}") from None
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._shown[name] = _Shown(self._seconds(), word, found)
            for old in list(self._shown)[:-MOST_SHOWN]:
                del self._shown[old]
        return {"shown": name, "about": word.about, "trouble": found.trouble or None} | found.document({}, None)

    def close(self, connection: Connection, name: str) -> dict[str, Any]:
        """Send what was shown under a name; once more it sends the same signals, which count once.

        Raises:
            Refused: it was never shown, or too long ago; or the halt was lifted since.
        """
        with self._lock:
            shown = self._shown.get(name)
        if shown is None or self._seconds() - shown.at > GOOD_FOR_S:
            raise Refused(f"what would be closed was looked at more than {GOOD_FOR_S / 60:g} minutes ago: look again")
        word = self._word(shown.word.scope, shown.word.of)
        if not word.cancel_open:
            # An entry that rests on would be filled behind the close.
            try:
                self._switch.halt(word.changed(cancel_open=True))
            except Stricter as problem:
                raise Refused(f"{problem}: look again") from None
        signals = [each.signal for each in shown.found.closings if each.signal]
        refused = send_all(connection.sqs, connection.queue_url, signals)
        problems = [f"the queue did not take {signal_id}: {why}" for signal_id, why in refused.items()]
        if intake.look(connection).paused:
            problems.append("signals are not taken now, so the closes wait in the queue; resume takes them again")
        sent = len(signals) - len(refused)
        return {"said": f"{sent} {'close was' if sent == 1 else 'closes were'} sent", "problems": problems}

    def _word(self, scope: Scope, of: str) -> Halt:
        """The halt that is in force: what goes on trading would buy back what is sold."""
        word = next((each for each in self._switch.words() if each.is_about(scope, of)), None)
        if word is None:
            raise Refused(f"{Halt(scope=scope, of=of, mode=Mode.ACTIVE).about} is not halted: nothing was closed")
        return word
