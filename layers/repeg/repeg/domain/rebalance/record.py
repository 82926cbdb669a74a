"""The record of a rebalance: what was wanted, what was planned, and what came of it.

As with orders the record is the truth, and executions are workers that read it, act, and write it back.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import msgspec

from repeg.domain.history import ClockAnchor, Event, Told, with_event
from repeg.domain.models import Frozen, printable
from repeg.domain.order.parts import Funds
from repeg.domain.order.verdicts import WaitingFor
from repeg.domain.reasons import Reason
from repeg.domain.rebalance.planned import Leg, Residual


class RebalanceStatus(StrEnum):
    """Life of a rebalance. Everything after BUYING is terminal."""

    RECEIVED = "received"
    WAITING = "waiting"
    SELLING = "selling"
    BUYING = "buying"
    DONE = "done"
    DONE_WITH_RESIDUAL = "done_with_residual"
    REJECTED = "rejected"
    FAILED = "failed"

    @property
    def terminal(self) -> bool:
        """True when it places no more legs, and waits for none."""
        return self not in _AT_WORK


_AT_WORK = frozenset(
    {RebalanceStatus.RECEIVED, RebalanceStatus.WAITING, RebalanceStatus.SELLING, RebalanceStatus.BUYING}
)


class Wanted(Frozen):
    """What the signal wants, and how it came. Fractions are fractions of the equity."""

    received_wall: datetime
    sent_wall: datetime
    targets: dict[str, Decimal]
    min_trade_notional: Decimal
    threshold: Decimal
    cash_buffer: Decimal
    liquidate_others: bool
    include_protected: bool
    dry_run: bool
    when_closed: Literal["reject", "next_open"]
    explicit_expiry: bool = False


class Work(Frozen):
    """Who works on the rebalance, what it waits for, and by which clock: as `Run` of an order."""

    executions: int = 1
    """The number of the execution that owns it: the fence of every write."""
    version: int = 0
    """Writes so far: the other half of the fence."""
    execution_arn: str | None = None
    clock: ClockAnchor | None = None
    expires_at: datetime | None = None
    parked_until: datetime | None = None
    """The open that it waits for; until then later rebalances may pass."""
    waits_for: WaitingFor | None = None
    waits: int = 0
    """Waits in a row for the same thing, ..."""
    waits_since: datetime | None = None
    """... since when."""
    settling_since: datetime | None = None
    """Since when it waits for fills to show in the account, whatever it waited for in between."""
    waits_since_start: int = 0
    """Waits of this execution."""
    due_wall: datetime | None = None
    """Wall time at which its execution goes on after the wait it was sent into."""
    failed_rounds: int = 0
    """Rounds in a row of a step that kept failing."""
    published: bool = False
    """Its outcome was published."""


class Rebalance(Frozen):
    """One rebalance, as stored. Times are market time, money dollars, quantities shares."""

    rebalance_id: str
    signal_id: str
    strategy: str | None = None
    namespace: str = ""
    status: RebalanceStatus = RebalanceStatus.RECEIVED
    reason: Reason | None = None
    created_at: datetime
    completed_at: datetime | None = None
    events: tuple[Event, ...] = ()
    told: tuple[Told, ...] = ()
    wanted: Wanted
    planned_at: datetime | None = None
    """When the sells, and with them the whole, were planned."""
    sells: tuple[Leg, ...] = ()
    """Legs of the first half, largest drift first: sells, and covers of shorts."""
    buys: tuple[Leg, ...] = ()
    """Legs of the second half; until the first is over, what they would be if every leg of it is filled."""
    held: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """Shares of the symbols with a leg of the half that is at work, as the account showed them before it."""
    residual: tuple[Residual, ...] = ()
    funds: Funds | None = None
    """What the buys are planned on; None before that, and where the broker's money may be used."""
    equity: Decimal | None = None
    """What the weights are of, in dollars."""
    cash_before: Decimal | None = None
    cash_after: Decimal | None = None
    cost_bps: Decimal | None = None
    """What the legs cost against the mids on their arrival, in basis points of what was traded; + is cost."""
    work: Work = Work()

    @property
    def half(self) -> tuple[Leg, ...]:
        """The legs of the half that is at work."""
        return self.sells if self.status is RebalanceStatus.SELLING else self.buys

    @property
    def sold(self) -> bool:
        """True once the first half is over."""
        return self.status not in (RebalanceStatus.RECEIVED, RebalanceStatus.WAITING, RebalanceStatus.SELLING)

    def with_work(self, **changes: Any) -> Rebalance:
        """With fields of its work replaced."""
        return self.changed(work=self.work.changed(**changes))

    def noted(self, at: datetime, state: str, detail: str) -> Rebalance:
        """With one more event."""
        return self.changed(events=with_event(self.events, Event(at=at, state=state, detail=printable(detail))))

    def having_told(self, what: str, now: datetime) -> Rebalance:
        """With an alert about `what` raised at `now`."""
        others = (told for told in self.told if told.what != what)
        return self.changed(told=(*others, Told(what=what, at=now)))

    def taken_back(self, by: str, now: datetime) -> Rebalance:
        """As a cancel, the signal `by`, ends it: nothing more is placed."""
        return self.changed(reason=Reason.CANCELLED).noted(now, "AcceptSignal", f"taken back by {by}")

    def ended(self, status: RebalanceStatus, now: datetime, reason: Reason | None = None) -> Rebalance:
        """As it ends."""
        return self.changed(status=status, reason=reason, completed_at=now).with_work(parked_until=None)


_PREFIX = "reb-"


def is_rebalance(record_id: str) -> bool:
    """True for the id of a rebalance, False for that of an order."""
    return record_id.startswith(_PREFIX)


def rebalance_id_for(signal_id: str) -> str:
    """The rebalance's id: a pure function of its signal, so that every retry of intake names the same one."""
    return _PREFIX + hashlib.sha256(signal_id.encode()).hexdigest()[:20]
