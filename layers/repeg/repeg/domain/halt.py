"""The kill switch: whose orders are sent, by an operator's word on the account, a strategy or a symbol.

Nothing in it ever stops an exit, a cancel, or the protection of what is held.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from repeg.domain.models import Frozen
from repeg.domain.order.record import Order
from repeg.domain.order.verdicts import Refusal
from repeg.domain.reasons import Reason
from repeg.domain.rules.walking import intent_of, is_exit


class Mode(StrEnum):
    """What is still sent; the later the stricter."""

    ACTIVE = "active"
    REDUCING = "reducing"
    """Only orders that reduce a position."""
    HALTED = "halted"
    """Only exits."""


class Scope(StrEnum):
    """Whose orders an operator's word is about."""

    ACCOUNT = "account"
    STRATEGY = "strategy"
    SYMBOL = "symbol"


class Halt(Frozen):
    """An operator's word. `of` is the strategy or the symbol; empty for the account."""

    scope: Scope = Scope.ACCOUNT
    of: str = ""
    mode: Mode
    reason: str = ""
    since: datetime | None = None
    """Wall time."""
    cancel_open: bool = False
    """Whether what it stops is also taken out of the market, before its patience is over."""

    @property
    def about(self) -> str:
        """`the account`, `strategy pairs`, `symbol TQQQ`."""
        return f"{self.scope} {self.of}" if self.of else "the account"

    @property
    def sentence(self) -> str:
        """What holds, and why."""
        only = "only exits are sent" if self.mode is Mode.HALTED else "only what reduces a position is sent"
        return f"{self.about} is {self.mode}: {only}{f' ({self.reason})' if self.reason else ''}"

    def is_about(self, scope: Scope, of: str) -> bool:
        """True when it is about that, and nothing else."""
        return (self.scope, self.of) == (scope, of)

    def concerns(self, strategy: str | None, symbol: str | None) -> bool:
        """True when what that strategy trades in that symbol, or in many, is what it is about."""
        return self.of == {Scope.ACCOUNT: "", Scope.STRATEGY: strategy, Scope.SYMBOL: symbol}[self.scope]


def halt_view(halt: Halt) -> dict[str, str | bool | None]:
    """JSON-ready, for commands and events."""
    return {
        "scope": halt.scope.value,
        "of": halt.of or None,
        "mode": halt.mode.value,
        "reason": halt.reason or None,
        "since": halt.since.isoformat().replace("+00:00", "Z") if halt.since else None,
        "cancel_open": halt.cancel_open,
    }


def unreadable(why: str) -> Halt:
    """What stands for a word that cannot be read: all is halted, the one mistake that costs no money."""
    return Halt(mode=Mode.HALTED, reason=why)


UNREADABLE = unreadable("it cannot be read whether trading is halted")

_REASONS = {Mode.HALTED: Reason.HALTED, Mode.REDUCING: Reason.REDUCING_ONLY}


def heeds_halts(order: Order) -> bool:
    """False for exits: they are sent whatever is halted."""
    return not is_exit(order)


def halt_of(halts: Iterable[Halt], order: Order) -> Halt | None:
    """The strictest word that keeps the next child order of an order from being sent; or None."""
    strict = _strictest(halt for halt in halts if halt.concerns(order.strategy, order.symbol))
    if strict is None or not heeds_halts(order):
        return None
    # A plain buy may cover a short position or open a long one: nobody knows, so it reduces nothing. A close covers.
    if strict.mode is Mode.REDUCING and (intent_of(order) or "").endswith("_to_close"):
        return None
    return strict


def halt_of_plan(halts: Iterable[Halt], strategy: str | None, *, buys: bool) -> Halt | None:
    """The strictest word that keeps a rebalance from being begun; or None. `buys`: what it sells is to pay for more."""
    # Begun all the same, it would sell, by closes even what is protected, and leave the cash of half a portfolio idle.
    strict = _strictest(halt for halt in halts if halt.concerns(strategy, None))
    return strict if strict and (strict.mode is Mode.HALTED or buys) else None


def _strictest(halts: Iterable[Halt]) -> Halt | None:
    strict = max(halts, key=lambda halt: list(Mode).index(halt.mode), default=None)
    return strict if strict and strict.mode is not Mode.ACTIVE else None


def refusal(halt: Halt) -> Refusal:
    """How an order ends by it."""
    return Refusal(reason=_REASONS[halt.mode], detail=halt.sentence)
