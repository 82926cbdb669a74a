"""Child orders as recorded: the intent before one is sent, and what the broker made of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from repeg.domain.market.reports import OrderReport, OrderStatus
from repeg.domain.models import Frozen, OrderType
from repeg.domain.money import beyond
from repeg.domain.order.chains import Chain, Total, added_up, succeeded
from repeg.domain.order.reservation import Reservation
from repeg.domain.order.sending import Sent
from repeg.domain.patience import DOUBT_LASTS_PAUSE, DOUBT_PAUSES

ZERO = Decimal(0)


class ChildStatus(StrEnum):
    """Where a child order stands in the record. INTENT means: written down, its fate at the broker unknown."""

    INTENT = "intent"
    LIVE = "live"
    CANCELING = "canceling"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    NEVER_SENT = "never_sent"

    @property
    def closed(self) -> bool:
        """True when the child order can never fill again."""
        return self not in (ChildStatus.INTENT, ChildStatus.LIVE, ChildStatus.CANCELING)


# `replaced` is missing on purpose: the order lives on as its successor, and may fill there.
_CLOSED_AS = {
    OrderStatus.FILLED: ChildStatus.FILLED,
    OrderStatus.CANCELED: ChildStatus.CANCELED,
    OrderStatus.EXPIRED: ChildStatus.EXPIRED,
    OrderStatus.REJECTED: ChildStatus.REJECTED,
}


class Doubt(StrEnum):
    """What of a child order's figures does not agree; it is read again."""

    PRICE = "price"
    """Shares were filled, and no price is reported, or for the first time one that such an order does not get."""
    QUANTITY = "quantity"
    """It is reported as filled, with fewer shares than it was for."""
    SUCCESSOR = "successor"
    """It was replaced, and nobody knows by what."""


PRICE_OFF_MARKET = Decimal("0.05")
"""A fill farther than this fraction from the market that its order was priced by is odd."""


TRIES_REMEMBERED = 60


class Try(Frozen):
    """Terms on which a child order was sent under its id."""

    type: OrderType
    qty: Decimal
    limit_price: Decimal | None = None

    def fits(self, report: OrderReport) -> bool:
        """True when the order that is reported is on these terms; the broker turns market orders into limits."""
        if report.qty != self.qty:
            return False
        return self.type == "market" or (report.type or self.type, report.limit_price) == (self.type, self.limit_price)


class ChildRecord(Sent):
    """A child order as recorded: the intent (id, type, price, quantity) before it is sent, its fate afterwards."""

    rung: int
    client_order_id: str
    broker_order_id: str | None = None
    type: OrderType
    limit_price: Decimal | None = None
    qty: Decimal
    filled_qty: Decimal = ZERO
    avg_fill_price: Decimal | None = None
    status: ChildStatus = ChildStatus.INTENT
    bid: Decimal | None = None
    ask: Decimal | None = None
    sent_at: datetime
    first_sent_at: datetime | None = None
    """When it was written down, if it was sent more than once since."""
    saved_wall: datetime | None = None
    """Wall time just before the intent was saved: whoever saved it may send it only for so long, and lives so long."""
    closed_at: datetime | None = None
    patience: Decimal
    price_protected: bool = False
    ambiguous: bool = False
    sends: int = 0
    lookups: int = 0
    lookup_position: Decimal | None = None
    reserved: Reservation | None = None
    """Requests for this child order's life: placing it reserves them, its end gives back what is left."""
    cancel_requested_at: datetime | None = None
    cancel_unclear: bool = False
    """The broker may not have the cancel: ask again."""
    cancel_alarmed: bool = False
    unseen_alarmed: bool = False
    replaced: bool = False
    lost: bool = False
    """The broker had it and does not know it any more."""
    tries: tuple[Try, ...] = ()
    """Terms on which it was sent before under this id, and given up without an answer, oldest first."""
    id_taken: bool = False
    """The broker says that the id is taken, and does not show by what: sent anew, it would be refused for ever."""

    kept: int = 0
    """Rungs after its own that it stood for, because their price was what rested already."""
    kept_at_worst: bool = False
    """The last of them was a market rung that had to become a limit at the worst price."""
    grace: Decimal | None = None
    """Seconds that a first partial fill is given to become a whole one; None: as long as the rung's patience."""
    partial_at: datetime | None = None
    chain: Chain = Chain()
    """What was filled by orders whose place the present one took."""
    doubt: Doubt | None = None
    doubts: int = 0
    """Reads in a row whose figures did not agree."""

    @property
    def terms(self) -> Try:
        """What it is for now."""
        return Try(type=self.type, qty=self.qty, limit_price=self.limit_price)

    @property
    def may_have_arrived(self) -> bool:
        """True when it was sent before the send at hand: a refusal of this one says nothing about that one."""
        return self.sends > 1 or bool(self.tries)

    @property
    def may_arrive(self) -> bool:
        """True when it was given up for never sent, and its id is still free, as far as the broker said."""
        return self.status is ChildStatus.NEVER_SENT and self.ambiguous and not self.id_taken

    def given_up(self, now: datetime) -> ChildRecord:
        """The same as never sent, as far as anybody knows."""
        return self.changed(
            status=ChildStatus.NEVER_SENT, closed_at=now, ambiguous=self.ambiguous or self.may_have_arrived
        )

    def tried_anew_as(self, following: ChildRecord) -> ChildRecord:
        """The next child order under the id of this one, which was given up: the broker takes one of them."""
        # Under an id of its own, and worked off behind its successor, the old one sold a second time what nothing held.
        return following.changed(
            client_order_id=self.client_order_id,
            first_sent_at=self.first_sent_at or self.sent_at,
            tries=(*self.tries, self.terms)[-TRIES_REMEMBERED:],
        )

    @property
    def doubt_lasts(self) -> bool:
        """True when figures went on disagreeing for longer than any lag."""
        return self.doubts > len(DOUBT_PAUSES)

    @property
    def doubt_pause(self) -> int:
        """Seconds until figures that do not agree are read again."""
        return DOUBT_LASTS_PAUSE if self.doubt_lasts else DOUBT_PAUSES[max(0, self.doubts - 1)]

    @property
    def patience_ends_at(self) -> datetime:
        """Market time at which the rung is over."""
        end = self.sent_at + timedelta(seconds=float(self.patience))
        if self.grace is not None and self.partial_at is not None:
            end = min(end, self.partial_at + timedelta(seconds=float(self.grace)))
        return end

    @property
    def remaining_qty(self) -> Decimal:
        """Shares that it has not filled."""
        return self.qty - self.filled_qty

    @property
    def at_worst(self) -> bool:
        """True when the last rung that it stood for would have been a market order, had that been safe."""
        return self.kept_at_worst if self.kept else self.price_protected

    def unfilled(self) -> ChildRecord:
        """The same as one of whose own fills nothing is known: what was told of them is read anew."""
        status = ChildStatus.CANCELING if self.cancel_requested_at else ChildStatus.LIVE
        nothing = {"filled_qty": ZERO, "avg_fill_price": None, "partial_at": None, "closed_at": None}
        return self.changed(status=status, **nothing)

    def reported(self, report: OrderReport, now: datetime) -> ChildRecord:
        """This child order, brought up to what the broker reports. Filled quantity never goes down.

        A child order that somebody replaced at the broker lives on as its successor. One whose figures do not agree yet
        stays open, to be read again; only a price may stay missing for good.
        """
        if self.broker_order_id is None:
            return self._as_sent(report)._reported(report, now)
        return self._reported(report, now)

    def _as_sent(self, report: OrderReport) -> ChildRecord:
        """On the terms of the send that arrived, of those under this id."""
        found = next((each for each in (self.terms, *reversed(self.tries)) if each.fits(report)), self.terms)
        return self.changed(type=found.type, qty=found.qty, limit_price=found.limit_price)

    def _reported(self, report: OrderReport, now: datetime) -> ChildRecord:
        total = added_up(self.chain, report, self.qty)
        doubt = _doubt(report, total) or self._doubts_price(report, total)
        doubts = self.doubts + 1 if doubt else 0
        closed = _CLOSED_AS.get(report.status)
        # Only a price is not waited for without end: the signal's own levels protect the shares better than nothing
        # does.
        if doubt and (doubt is not Doubt.PRICE or doubts <= len(DOUBT_PAUSES)):
            closed = None
        # A cancel is a request: the 204 says that it was taken, and the order may still fill.
        live = ChildStatus.CANCELING if self.cancel_requested_at else ChildStatus.LIVE
        # Reports overtake each other, as lists lag reads by id by some 200 ms (forum.alpaca.markets thread 18156):
        # shares that were seen to be filled stay filled.
        ahead = total.qty >= self.filled_qty
        # A report without a price does not take back the one that was reported for the same shares.
        price = total.price or (self.avg_fill_price if total.qty == self.filled_qty else None)
        partial = 0 < total.qty < self.qty
        moved = report.status is OrderStatus.REPLACED and report.replaced_by
        return self.changed(
            broker_order_id=report.replaced_by or report.broker_order_id,
            replaced=self.replaced or report.status is OrderStatus.REPLACED,
            status=closed or live,
            chain=succeeded(total) if moved else total.chain,
            doubt=doubt,
            doubts=doubts,
            filled_qty=total.qty if ahead else self.filled_qty,
            avg_fill_price=price if ahead else self.avg_fill_price,
            partial_at=self.partial_at or (now if partial else None),
            closed_at=(report.closed_at or report.filled_at or now) if closed else None,
            ambiguous=False,
        )

    def _doubts_price(self, report: OrderReport, total: Total) -> Doubt | None:
        """A price that no order of this kind gets is read once more: stop, target and whether to exit follow from it.

        Reported twice, it is believed.
        """
        price, limit = report.avg_fill_price, report.limit_price
        if not price or report.filled_qty <= 0 or total.price == self.avg_fill_price:
            return None
        through_limit = limit is not None and beyond(price, limit, report.side)
        mid = (self.bid + self.ask) / 2 if self.bid and self.ask else None
        off_market = mid is not None and abs(price - mid) > mid * PRICE_OFF_MARKET
        return Doubt.PRICE if through_limit or off_market else None


def _doubt(report: OrderReport, total: Total) -> Doubt | None:
    """What of a report's figures cannot be right, or not for long."""
    # Reported of Alpaca (alpacahq/Alpaca-API #275): whatever took its place may be live, so it must not count as over.
    if report.status is OrderStatus.REPLACED and not report.replaced_by:
        return Doubt.SUCCESSOR
    if report.status is OrderStatus.FILLED and max(total.qty, report.filled_qty) < report.qty:
        return Doubt.QUANTITY
    if total.qty > 0 and total.price is None and report.status is not OrderStatus.REPLACED:
        return Doubt.PRICE
    return None
