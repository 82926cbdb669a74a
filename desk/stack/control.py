"""The kill switch from the desk: an operator's word written into the stack's table, and told to whom alerts are mailed.

On AWS it asks for nothing but the table: one permission, dynamodb:PutItem on it, is enough to halt.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from desk.stack.connection import DEFAULT_STACK, Connection, aws_session, connect_local, local_for
from repeg.domain.halt import Halt, Mode, Scope, halt_view
from repeg.domain.order.alerts import one_line
from repeg.errors import RetryError
from repeg.events import CONTROL, EventBus
from repeg.store.halts import Halts

# Whoever halts has no minutes to wait for an answer that does not come.
_CONFIG = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


class Stricter(Exception):
    """What is in force stops more than what it was to be replaced by; the message says what it is."""


class Switch:
    """The kill switch of a stack."""

    def __init__(self, stack: str, dynamodb: Any, events: Any, table: str, bus: str, local: bool) -> None:
        self.stack = stack
        self.is_local = local
        self._halts = Halts(dynamodb, table)
        self._bus = EventBus(events, bus)

    @classmethod
    def of(cls, reached: Connection) -> Switch:
        """That of a stack that was reached."""
        events, table, bus = reached.events, reached.table, reached.event_bus
        return cls(reached.stack, reached.dynamodb, events, table, bus, reached.is_local)

    def halt(self, halt: Halt, loosen: bool = False) -> str | None:
        """Have a word in force; returns why nobody could be told of it, or None.

        Raises:
            Stricter: one that is in force stops more, and `loosen` does not say that it is to be replaced.
        """
        if loosen:
            self._halts.keep_halt(halt)
        elif stands := self._halts.tighten(halt):
            raise Stricter(f"{stands.sentence}; that is stricter and stays in force, with its reason")
        return self._tell(
            f"{halt.sentence}. Lift it with: repeg resume{option_of(halt.scope, halt.of)} --stack {self.stack}", halt
        )

    def lift(self, scope: Scope, of: str, seen: Collection[Halt] | None = None) -> tuple[bool, str | None]:
        """Take a word back; returns whether there was one, and why nobody could be told of that, or None.

        `seen`: what whoever lifts it was shown, if that may be of a while ago.

        Raises:
            StoreConflict: somebody said another one since, or at the same time, which stays in force.
        """
        if not self._halts.lift_halt(scope, of, datetime.now(UTC).replace(microsecond=0), seen):
            return False, None
        lifted = Halt(scope=scope, of=of, mode=Mode.ACTIVE)
        # Of what another word still stops nobody may read that it is sent.
        left = "; ".join(halt.sentence for halt in self.words())
        return True, self._tell(
            f"{lifted.about} is active again{f'; still in force: {left}' if left else ': orders are sent'}", lifted
        )

    def words(self) -> Sequence[Halt]:
        """Every word in force, that on the account first."""
        words = (halt for halt in self._halts.halts() if halt.scope is not Scope.ORDER)  # those are cancels
        return sorted(words, key=lambda halt: (list(Scope).index(halt.scope), halt.of))

    def _tell(self, line: str, halt: Halt) -> str | None:
        detail = halt_view(halt) | {"message": one_line(f"{self.stack}: {line}")}
        try:
            self._bus.publish(CONTROL, detail)
        except (ClientError, BotoCoreError, RetryError) as error:
            return str(error)
        return None


def switch_of(stack: str) -> Switch:
    """The switch of a stack, on the local cloud if that holds it, else on AWS.

    The table and the bus are found by their names, not by the stack's outputs: whoever halts in a hurry may have no
    right to look at the stack.
    """
    local = local_for(stack)
    if local:
        return Switch.of(connect_local(local))
    name, session = stack or DEFAULT_STACK, aws_session()
    dynamodb, events = (session.create_client(service, config=_CONFIG) for service in ("dynamodb", "events"))
    return Switch(name, dynamodb, events, name, f"{name}-events", local=False)


def surely_unwritten(error: Exception) -> bool:
    """True when AWS refused the one try at a write; anything else may have been written before its answer was lost."""
    if not isinstance(error, ClientError):
        return False
    answered = error.response.get("ResponseMetadata", {})
    return 400 <= answered.get("HTTPStatusCode", 0) < 500 and answered.get("RetryAttempts") == 0


def option_of(scope: Scope, of: str) -> str:
    """What a command is given to be about that, ready to paste."""
    return f" --{scope.value} {shlex.quote(of)}" if of else ""
