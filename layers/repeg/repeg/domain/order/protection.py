"""Protection: one-cancels-other orders (a target and a stop) over what a bracket bought, and its exits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from repeg.domain.market.reports import OrderReport, OrderStatus, TradingDay
from repeg.domain.models import Frozen
from repeg.domain.order.bracket import Levels
from repeg.domain.order.sending import Sent

ZERO = Decimal(0)
# In the first instant of a session the broker still reports such an OCO as accepted: a sweep took it for lost.
TAKEN_UP_WITHIN = timedelta(seconds=60)
"""After the open, what waited for it may be reported as accepted for so long."""
SPENT_REMEMBERED = 10
"""OCOs that came to nothing and are kept in the record; how many there were, the order counts."""
EXITS_REMEMBERED = 60
"""Exits that are kept one by one; of older ones those that are alike are kept as one."""
TRIES_REMEMBERED = 20
"""OcoTerms of tries under one id that are kept, the newest."""
TAKERS_REMEMBERED = 20
"""OCOs that took shares and are kept; what older ones took is kept as exits."""
_PRICE_PLACES = Decimal("0.000001")
_WAIT_FOR_OPEN = ("accepted", "done_for_day")
_DEAD = (OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED)


class ExitReason(StrEnum):
    """What took the shares of a bracket."""

    TARGET = "target"
    STOP = "stop"
    CLOSE = "close"
    UNWIND = "unwind"
    OUTSIDE = "outside"
    """By somebody else; the price is not known."""


class Exit(Frozen):
    """Shares sold (or bought back), at an average price in dollars. `source` is the order that took them."""

    source: str
    reason: ExitReason
    qty: Decimal
    price: Decimal | None
    at: datetime
    whole: Decimal | None = None
    """What `qty` is in shares as they are at `at`, where its order sold some before a split and some after it."""

    @property
    def shares(self) -> Decimal:
        """Shares, as they are at `at`."""
        return self.qty if self.whole is None else self.whole

    @property
    def price_each(self) -> Decimal | None:
        """Average price of one of these."""
        return self.price if self.price is None or not self.whole else self.price * self.qty / self.whole


class ProtectionStatus(StrEnum):
    """Where an OCO stands in the record. INTENT means: written down, its fate at the broker unknown."""

    INTENT = "intent"
    SENT = "sent"
    """The broker has it; nobody has seen both its legs live yet."""
    LIVE = "live"
    STOPLESS = "stopless"
    """Its stop died alone. The target that is left guards nothing, and holds the shares."""
    TARGETLESS = "targetless"
    """Its target died alone, or was ended by its stop, which sells; the stop goes on guarding."""
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


class OcoTerms(Frozen):
    """Shares and levels on which an OCO was sent under its id."""

    qty: Decimal
    levels: Levels

    def fits(self, report: OrderReport) -> bool:
        """True when the target that is reported, and its stop if that is reported with it, are on these terms."""
        stops = [leg.stop_price for leg in report.legs if leg.stop_price is not None]
        same = (report.qty, report.limit_price) == (self.qty, self.levels.target)
        return same and (not stops or self.levels.stop in stops)


class Protection(Sent):
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
    saved_wall: datetime | None = None
    """Wall time just before the intent was saved, as of a child order."""
    closed_at: datetime | None = None
    ambiguous: bool = False
    sends: int = 1
    lookups: int = 0
    cancel_requested_at: datetime | None = None
    alarmed: bool = False
    stop_order_id: str | None = None
    """The broker's id of its stop, once it was seen."""
    stop_dead: bool = False
    count_anew: tuple[str, ...] = ()
    """Successors of replaced legs whose filled quantity began at 0, by the broker's ids."""
    first_placed_at: datetime | None = None
    """When its id was first written down, if it was tried more than once under it."""
    tries: tuple[OcoTerms, ...] = ()
    """OcoTerms on which it was sent before under this id, and given up without an answer, oldest first."""
    unwanted: bool = False
    """What arrived under this id is an earlier try, on terms that are not wanted any more."""
    id_taken: bool = False
    """The broker says that the id is taken, and does not show by what: sent anew, it would be refused for ever."""

    @property
    def terms(self) -> OcoTerms:
        """What it is for now."""
        return OcoTerms(qty=self.qty, levels=self.levels)

    @property
    def may_have_arrived(self) -> bool:
        """True when it was sent before the send at hand: a refusal of this one says nothing about that one."""
        return self.sends > 1 or bool(self.tries)

    @property
    def may_arrive(self) -> bool:
        """True when it was given up for never sent, and its id is still free, as far as the broker said."""
        return self.status is ProtectionStatus.REFUSED and self.ambiguous and not self.id_taken

    def given_up(self, now: datetime) -> Protection:
        """The same as one that the broker does not have, as far as anybody knows."""
        known = self.ambiguous or self.may_have_arrived
        return self.changed(status=ProtectionStatus.REFUSED, closed_at=now, ambiguous=known)

    def tried_anew_as(self, following: Protection) -> Protection:
        """The next OCO under the id of this one, which was given up: the broker takes one of them."""
        # Under an id of its own, and worked off behind its successor, the old one held shares of somebody else.
        others = tuple(each for each in self.tries if each != self.terms)
        return following.changed(
            client_order_id=self.client_order_id,
            first_placed_at=self.first_placed_at or self.placed_at,
            tries=(*others, self.terms)[-TRIES_REMEMBERED:],
        )

    def as_sent(self, report: OrderReport) -> Protection:
        """On the terms of the send that arrived, of those under this id."""
        # What somebody put in its place has terms of its own.
        if report.replaces or self.terms.fits(report):
            return self
        found = next((each for each in reversed(self.tries) if each.fits(report)), None)
        return self.changed(qty=found.qty, levels=found.levels, unwanted=True) if found else self

    @property
    def worked(self) -> bool:
        """True when the broker took it: it is, or was, more than an intent."""
        return self.status not in (ProtectionStatus.INTENT, ProtectionStatus.REFUSED)

    def is_due(self, session: TradingDay | None, now: datetime) -> bool:
        """True when it should be at work by now: a session is on, and what waited for it had time to be taken up."""
        if session is None:
            return False
        return self.placed_at >= session.opens_at or now - session.opens_at >= TAKEN_UP_WITHIN

    @property
    def stopless(self) -> bool:
        """True when its stop died alone: what is left of it guards nothing, whatever is being done about it."""
        return self.stop_dead and not self.status.closed

    @property
    def guards(self) -> bool:
        """True when a read by id showed its stop at work, or held for it by a target that is."""
        return self.status in (ProtectionStatus.LIVE, ProtectionStatus.TARGETLESS)

    @property
    def spent(self) -> bool:
        """True when it is over and took no share."""
        return self.status.closed and not self.exits

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

    def agrees_with(self, report: OrderReport) -> bool:
        """True when a listing shows nothing of it that the record does not know. Anything else is worth a read by id.

        A listing lags: it is never a reason to take anything back.
        """
        if not self.status.live or report.broker_order_id != self.broker_order_id:
            return False
        seen = self.reported(report, self.placed_at, session_open=False)
        return (seen.status, seen.exited_qty, seen.moved) == (self.status, self.exited_qty, self.moved)

    def reported(self, report: OrderReport, now: datetime, session_open: bool) -> Protection:
        """This OCO, brought up to what the broker reports of its target and, as a leg of it, its stop.

        One whose target somebody moved by hand lives on as its successor, to be read next.

        Outside the session an accepted OCO waits for the open, and counts as live.
        """
        return self.as_sent(report)._reported(report, now, session_open)

    def _reported(self, report: OrderReport, now: datetime, session_open: bool) -> Protection:
        stops = [leg for leg in report.legs if leg.stop_price is not None]
        changed = self._with_exits([report], stops, now)
        # Taken for over, it would be read no more, and what it sold besides be looked for, or sold again.
        if changed.exited_qty < self.qty and any(each.falls_short for each in (report, *stops)):
            return changed.changed(status=ProtectionStatus.CANCELING) if self.cancel_requested_at else changed
        if report.status is OrderStatus.REPLACED and report.replaced_by:
            follows = {"broker_order_id": report.replaced_by, "status": ProtectionStatus.SENT}
            return changed.changed(**follows)
        current = [leg for leg in stops if leg.status is not OrderStatus.REPLACED]
        over = report.status.terminal and all(leg.status.terminal for leg in stops)
        known: dict[str, object] = {"broker_order_id": report.broker_order_id, "ambiguous": False, "lookups": 0}
        if current:
            known["stop_dead"] = all(leg.status in _DEAD for leg in current)
            known["stop_order_id"] = current[-1].broker_order_id
        changed = changed.changed(**(known | {"moved": self._moved(report, current)}))
        # One that was given up as never sent may be worked off late: then it is not closed any more.
        closed_at = (report.closed_at or now) if over else None
        return changed.changed(status=changed._status(report, current, over, session_open), closed_at=closed_at)

    def _status(
        self, report: OrderReport, stops: list[OrderReport], over: bool, session_open: bool
    ) -> ProtectionStatus:
        if over:
            if self.exited_qty >= self.qty:
                return ProtectionStatus.DONE
            refused = report.status is OrderStatus.REJECTED and not self.exited_qty
            return ProtectionStatus.REFUSED if refused else ProtectionStatus.GONE
        # Whatever its legs show: the cancel may be carried out at any moment.
        if self.cancel_requested_at:
            return ProtectionStatus.CANCELING
        if report.status in _DEAD and stops:
            # A stop that sells already had its target cancelled for it.
            sells = any(leg.status is OrderStatus.LIVE and leg.filled_qty for leg in stops)
            return ProtectionStatus.LIVE if sells else ProtectionStatus.TARGETLESS
        # One leg can die while the other lives: by its parent alone, an OCO without a stop passed for protection.
        if self.stop_dead:
            return ProtectionStatus.STOPLESS
        # Outside the session Alpaca answers `accepted`, or `done_for_day` of one that worked that day, and takes the
        # order up at the open; nothing could trade before.
        waits_for_open = report.broker_status in _WAIT_FOR_OPEN and not session_open
        target_works = report.status is OrderStatus.LIVE or waits_for_open
        # A stop leg stays `held` while its target works (forum.alpaca.markets thread 3697): that is at work, too.
        stop_works = any(leg.status in (OrderStatus.LIVE, OrderStatus.PENDING) for leg in stops)
        return ProtectionStatus.LIVE if target_works and stop_works else ProtectionStatus.SENT

    def _moved(self, report: OrderReport, stops: list[OrderReport]) -> Levels | None:
        stop = next((leg.stop_price for leg in stops if leg.stop_price is not None), self.working_levels.stop)
        seen = Levels(stop=stop, target=report.limit_price or self.working_levels.target)
        return None if seen == self.levels else seen

    def _with_exits(self, targets: list[OrderReport], stops: list[OrderReport], now: datetime) -> Protection:
        """With what these orders took. What is known is never taken back, whatever an older report says."""
        seen = self
        # What a successor took is what it shows less what was taken before it: that must be known first.
        replaced_first = sorted(stops, key=lambda leg: leg.status is not OrderStatus.REPLACED)
        for reason, reports in ((ExitReason.TARGET, targets), (ExitReason.STOP, replaced_first)):
            for report in reports:
                seen = seen._with_exit(reason, report, now)
        return seen

    def _with_exit(self, reason: ExitReason, report: OrderReport, now: datetime) -> Protection:
        """A leg that replaced another may go on counting where that one stopped, or count anew; both add up right."""
        others = [gone for gone in self.exits if gone.source != report.broker_order_id]
        before = [gone for gone in others if gone.reason is reason]
        known = next((gone for gone in self.exits if gone.source == report.broker_order_id), None)
        count_anew = self.count_anew
        if before and report.broker_order_id not in count_anew and self._counts_anew(report, before, others):
            count_anew = (*count_anew, report.broker_order_id)
        taken = _exit(reason, report, () if report.broker_order_id in count_anew else before, now)
        # A listing lags behind a read by id: shares that were seen to be sold are not there again.
        if taken is None or (known and taken.qty < known.qty):
            return self.changed(count_anew=count_anew)
        return self.changed(count_anew=count_anew, exits=(*others, taken))

    def _counts_anew(self, report: OrderReport, before: Sequence[Exit], others: Sequence[Exit]) -> bool:
        """True for a successor that is for the rest only, or shows less than was filled before it."""
        for_the_rest = report.qty + _total(others) <= self.qty
        return for_the_rest or report.filled_qty < _total(before)


def average_price(exits: Sequence[Exit]) -> Decimal | None:
    """Average price of these exits in dollars, as far as it is known."""
    priced = [(gone.qty, gone.price) for gone in exits if gone.price is not None]
    total = sum((qty for qty, _ in priced), ZERO)
    return sum((qty * price for qty, price in priced), ZERO) / total if total else None


def lone_stop(protections: Sequence[Protection]) -> Protection | None:
    """An OCO of which only the stop is left, or None."""
    return next((oco for oco in protections if oco.status is ProtectionStatus.TARGETLESS), None)


def remembered(
    protections: tuple[Protection, ...], exits: tuple[Exit, ...]
) -> tuple[tuple[Protection, ...], tuple[Exit, ...]]:
    """OCOs and exits that a record must keep: all that may hold shares; of those that are over the newest.

    The newest that worked is among them: it has the levels. What forgotten OCOs took is among the exits.
    """
    levels = next((oco.client_order_id for oco in reversed(protections) if oco.worked), None)
    spent = [oco for oco in protections if oco.spent][:-SPENT_REMEMBERED]
    takers = [oco for oco in protections if oco.status.closed and oco.exits][:-TAKERS_REMEMBERED]
    forgotten = {oco.client_order_id for oco in (*spent, *takers)} - {levels}
    taken = [gone for oco in takers if oco.client_order_id in forgotten for gone in oco.exits]
    kept = tuple(oco for oco in protections if oco.client_order_id not in forgotten)
    return kept, _fewer(tuple(sorted((*exits, *taken), key=lambda gone: gone.at)) if taken else exits)


def _fewer(exits: tuple[Exit, ...]) -> tuple[Exit, ...]:
    """The newest exits one by one; older ones with the same reason as one (those without a price apart)."""
    older, newest = exits[:-EXITS_REMEMBERED], exits[-EXITS_REMEMBERED:]
    # Put together they are at most two for each reason, with and without a price: fewer than that would not become
    # less.
    if len(older) < len(ExitReason) * 2:
        return exits
    alike: dict[tuple[ExitReason, bool], Exit] = {}
    for gone in older:
        key = (gone.reason, gone.price is None)
        known = alike.get(key)
        alike[key] = _together(known, gone) if known else gone
    return (*alike.values(), *newest)


def _together(one: Exit, other: Exit) -> Exit:
    qty, price = one.qty + other.qty, other.price
    if one.price is not None and other.price is not None:
        price = ((one.qty * one.price + other.qty * other.price) / qty).quantize(_PRICE_PLACES)
    whole = None if one.whole is None and other.whole is None else one.shares + other.shares
    return other.changed(qty=qty, price=price, whole=whole)


def _exit(reason: ExitReason, report: OrderReport, before: Sequence[Exit], now: datetime) -> Exit | None:
    """What this order took itself. One that goes on counting includes what was taken `before` it."""
    qty = report.filled_qty - _total(before)
    if qty <= 0:
        return None
    price = report.avg_fill_price or None
    if price is not None and before:
        paid = sum((gone.qty * (gone.price or price) for gone in before), ZERO)
        price = ((price * report.filled_qty - paid) / qty).quantize(_PRICE_PLACES)
    at = report.filled_at or report.closed_at or now
    return Exit(source=report.broker_order_id, reason=reason, qty=qty, price=price, at=at)


def _total(exits: Sequence[Exit]) -> Decimal:
    return sum((gone.qty for gone in exits), ZERO)
