"""Child orders of long ago, of which only figures are kept: an order may live for a day, its record must stay small."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from repeg.domain.models import Frozen
from repeg.domain.order.children import ChildRecord, ChildStatus

ZERO = Decimal(0)
MAX_CHILDREN = 30
"""More than the longest ladder sends in the ordinary way; only exits that go on for hours send more."""
FIRST_KEPT = 5


class Bygone(Frozen):
    """What closed child orders came to that are not listed any more."""

    written: int = 0
    """All of them: ids are numbered by it."""
    sent: int = 0
    walked: int = 0
    """Rungs of the ladder that they stood for."""
    limits: int = 0
    """Limits among those sent, but for ones at the worst price."""
    markets: int = 0
    cancelled: int = 0
    fills: int = 0
    """Those that filled, in whole or in part."""
    filled_qty: Decimal = ZERO
    value: Decimal = ZERO
    """Dollars of their fills."""
    unpriced_qty: Decimal = ZERO
    """Shares filled at a price that nobody knows."""
    last_filled_at: datetime | None = None

    def with_one(self, child: ChildRecord) -> Bygone:
        """With one more."""
        sent = child.status is not ChildStatus.NEVER_SENT
        price = child.avg_fill_price
        return Bygone(
            # Never counted down: an id that came twice would lead to the order that bore it first.
            written=self.written + 1,
            sent=self.sent + sent,
            walked=self.walked + (1 + child.kept if sent else 0),
            limits=self.limits + (sent and child.type == "limit" and not child.price_protected),
            markets=self.markets + (sent and child.type == "market"),
            cancelled=self.cancelled + (child.status is ChildStatus.CANCELED),
            fills=self.fills + (child.filled_qty > 0),
            filled_qty=self.filled_qty + child.filled_qty,
            value=self.value + child.filled_qty * (price or ZERO),
            unpriced_qty=self.unpriced_qty + (ZERO if price else child.filled_qty),
            last_filled_at=child.closed_at if child.filled_qty > 0 else self.last_filled_at,
        )


def bounded(children: tuple[ChildRecord, ...], bygone: Bygone) -> tuple[tuple[ChildRecord, ...], Bygone]:
    """At most so many child orders; of the others, figures. What filled nothing goes first, the oldest first."""
    while len(children) > MAX_CHILDREN:
        # The last one stays: what comes next is read from it.
        middle = [child for child in children[FIRST_KEPT:-1] if child.status.closed]
        gone = next((child for child in middle if child.filled_qty <= 0), next(iter(middle), None))
        if gone is None:
            break
        bygone = bygone.with_one(gone)
        children = tuple(child for child in children if child is not gone)
    return children, bygone
