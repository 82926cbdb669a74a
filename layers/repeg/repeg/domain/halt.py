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
    ORDER = "order"
    """One order, or one rebalance with its legs: what is taken back."""


class Halt(Frozen):
    """An operator's word. `of` is the strategy, the symbol, or the record's id; empty for the account."""

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
        if self.scope is Scope.ORDER:
            return f"it is taken back{f' ({self.reason})' if self.reason else ''}"
        only = "only exits are sent" if self.mode is Mode.HALTED else "only what reduces a position is sent"
        return f"{self.about} is {self.mode}: {only}{f' ({self.reason})' if self.reason else ''}"

    def is_about(self, scope: Scope, of: str) -> bool:
        """True when it is about that, and nothing else."""
        return self.scope is scope and self.of.strip() == of.strip()

    def concerns(self, strategy: str | None, symbol: str | None, *ids: str | None) -> bool:
        """True when what that strategy trades in that symbol, or in many, by these records, is what it is about."""
        if self.scope is Scope.ORDER:
            return self.of in ids
        theirs = {Scope.ACCOUNT: "", Scope.STRATEGY: strategy, Scope.SYMBOL: symbol}[self.scope]
        # Nobody sees the blank at the end of a name by which he halts.
        return theirs is not None and self.of.strip() == theirs.strip()


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
MISSING = unreadable("what says whether it trades is missing from the table; repeg resume writes it anew")
"""A word on the account that was there, and is gone: nobody lifts a halt by deleting it."""

_REASONS = {Mode.HALTED: Reason.HALTED, Mode.REDUCING: Reason.REDUCING_ONLY}


def heeds_halts(order: Order) -> bool:
    """False for exits: they are sent whatever is halted."""
    return not is_exit(order)


def halt_of(halts: Iterable[Halt], order: Order) -> Halt | None:
    """The strictest word that keeps the next child order of an order from being sent; or None."""
    strict = _strictest(halt for halt in halts if _is_about(halt, order))
    if strict is None or not heeds_halts(order):
        return None
    # A plain buy may cover a short position or open a long one: nobody knows, so it reduces nothing. A close covers.
    if strict.mode is Mode.REDUCING and (intent_of(order) or "").endswith("_to_close"):
        return None
    return strict


def taken_back(record_id: str, by: str, at: datetime) -> Halt:
    """The word by which a cancel keeps an order, or a rebalance, from being sent; `at` is wall time."""
    return Halt(scope=Scope.ORDER, of=record_id, mode=Mode.HALTED, reason=f"by {by}", since=at, cancel_open=True)


def _is_about(halt: Halt, order: Order) -> bool:
    return halt.concerns(order.strategy, order.symbol, order.order_id, order.rebalance_id)


def halt_of_plan(halts: Iterable[Halt], rebalance_id: str, strategy: str | None, *, buys: bool) -> Halt | None:
    """The strictest word that keeps a rebalance from being begun; or None. `buys`: what it sells is to pay for more."""
    # Begun all the same, it would sell, by closes even what is protected, and leave the cash of half a portfolio idle.
    strict = _strictest(halt for halt in halts if halt.concerns(strategy, None, rebalance_id))
    return strict if strict and (strict.mode is Mode.HALTED or buys) else None


def _strictest(halts: Iterable[Halt]) -> Halt | None:
    # Of two that are as strict, the one that names the order says why it ends.
    strict = max(halts, key=lambda halt: (list(Mode).index(halt.mode), halt.scope is Scope.ORDER), default=None)
    return strict if strict and strict.mode is not Mode.ACTIVE else None


def refusal(halt: Halt) -> Refusal:
    """How an order ends by it."""
    reason = Reason.CANCELLED if halt.scope is Scope.ORDER else _REASONS[halt.mode]
    return Refusal(reason=reason, detail=halt.sentence)
