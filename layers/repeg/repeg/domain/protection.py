"""Protection: one-cancels-other orders (a target and a stop) over what a bracket bought, and how its shares left."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from repeg.domain.brackets import Levels
from repeg.domain.market import ChildStatus, OrderReport
from repeg.domain.models import Frozen

ZERO = Decimal(0)


class ExitReason(StrEnum):
    """How shares of a bracket were left."""

    TARGET = "target"
    STOP = "stop"
    CLOSE = "close"
    UNWIND = "unwind"
    OUTSIDE = "outside"
    """By somebody else; the price is not known."""


class Exit(Frozen):
    """Shares that left, at an average price. `source` is the order that took them: it is counted once."""

    source: str
    reason: ExitReason
    qty: Decimal
    price: Decimal | None
    at: datetime


class ProtectionStatus(StrEnum):
    """Where an OCO stands in the record. INTENT means: written down, its fate at the broker unknown."""

    INTENT = "intent"
    SENT = "sent"
    """The broker has it; nobody has seen both its legs live yet."""
    LIVE = "live"
    CANCELING = "canceling"
    DONE = "done"
    REFUSED = "refused"
    GONE = "gone"
    """Cancelled or expired, with shares that it did not sell."""

    @property
    def live(self) -> bool:
        """True when a read by id showed both legs at work."""
        return self is ProtectionStatus.LIVE

    @property
    def closed(self) -> bool:
        """True when it can never sell (or buy back) a share again."""
        return self in (ProtectionStatus.DONE, ProtectionStatus.REFUSED, ProtectionStatus.GONE)


class Protection(Frozen):
    """One OCO: the intent before it is sent, its fate afterwards. `exits` are what its target and its stop took."""

    client_order_id: str
    broker_order_id: str | None = None
    qty: Decimal
    levels: Levels
    moved: Levels | None = None
    """Levels at the broker, once somebody moved one by hand."""
    status: ProtectionStatus = ProtectionStatus.INTENT
    exits: tuple[Exit, ...] = ()
    placed_at: datetime
    saved_at: datetime | None = None
    """Wall time just before the intent was saved, as of a child order."""
    closed_at: datetime | None = None
    ambiguous: bool = False
    sends: int = 1
    lookups: int = 0
    cancel_requested_at: datetime | None = None
    alarmed: bool = False

    @property
    def worked(self) -> bool:
        """True when the broker took it: it is, or was, more than an intent."""
        return self.status not in (ProtectionStatus.INTENT, ProtectionStatus.REFUSED)

    @property
    def never_there(self) -> bool:
        """True when the broker refused it outright: certainly, nothing of it ever was there."""
        return self.status is ProtectionStatus.REFUSED and self.broker_order_id is None and not self.ambiguous

    @property
    def working_levels(self) -> Levels:
        """Levels as they are at the broker."""
        return self.moved or self.levels

    @property
    def exited_qty(self) -> Decimal:
        """Shares that its target and its stop took."""
        return sum((gone.qty for gone in self.exits), ZERO)

    @property
    def covers(self) -> Decimal:
        """Shares that it still guards, as far as the record knows."""
        return ZERO if self.status.closed else self.qty - self.exited_qty

    def reported(self, report: OrderReport, now: datetime, session_open: bool) -> Protection:
        """This OCO, brought up to what the broker reports of its target and, as a leg of it, its stop.

        One whose target somebody moved by hand lives on as its successor, to be read next.

        Outside the session an accepted OCO waits for the open, and counts as live.
        """
        stops = [leg for leg in report.legs if leg.stop_price is not None]
        if report.status is ChildStatus.REPLACED and report.replaced_by:
            return self.model_copy(update={"broker_order_id": report.replaced_by, "status": ProtectionStatus.SENT})
        over = report.status.terminal and all(leg.status.terminal for leg in stops)
        exits = [self._exit(ExitReason.TARGET, report, now), *(self._exit(ExitReason.STOP, leg, now) for leg in stops)]
        taken = tuple(gone for gone in exits if gone)
        ahead = sum((gone.qty for gone in taken), ZERO) >= self.exited_qty
        changed = self.model_copy(
            update={
                "broker_order_id": report.broker_order_id,
                "moved": self._moved(report, stops),
                "exits": taken if ahead else self.exits,
                "ambiguous": False,
                "lookups": 0,
            }
        )
        update: dict[str, object] = {"status": changed._status(report, stops, over, session_open)}
        if over:
            update["closed_at"] = report.closed_at or now
        return changed.model_copy(update=update)

    def _status(
        self, report: OrderReport, stops: list[OrderReport], over: bool, session_open: bool
    ) -> ProtectionStatus:
        if over:
            if self.exited_qty >= self.qty:
                return ProtectionStatus.DONE
            refused = report.status is ChildStatus.REJECTED and not self.exited_qty
            return ProtectionStatus.REFUSED if refused else ProtectionStatus.GONE
        if self.cancel_requested_at:
            return ProtectionStatus.CANCELING
        if report.status.terminal and any(leg.status is ChildStatus.LIVE and leg.filled_qty for leg in stops):
            return ProtectionStatus.LIVE  # the stop is at work, and its target was cancelled for it
        waits_for_open = report.broker_status == "accepted" and not session_open
        target_works = report.status is ChildStatus.LIVE or waits_for_open
        stop_works = any(leg.status in (ChildStatus.LIVE, ChildStatus.PENDING) for leg in stops)
        return ProtectionStatus.LIVE if target_works and stop_works else ProtectionStatus.SENT

    def _moved(self, report: OrderReport, stops: list[OrderReport]) -> Levels | None:
        stop = next((leg.stop_price for leg in stops if leg.stop_price is not None), self.working_levels.stop)
        seen = Levels(stop=stop, target=report.limit_price or self.working_levels.target)
        return None if seen == self.levels else seen

    def _exit(self, reason: ExitReason, report: OrderReport, now: datetime) -> Exit | None:
        if report.filled_qty <= 0:
            return None
        return Exit(
            source=report.broker_order_id,
            reason=reason,
            qty=report.filled_qty,
            price=report.avg_fill_price,
            at=report.filled_at or report.closed_at or now,
        )
