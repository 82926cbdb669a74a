"""When a refusal is believed. A broker that says no may be behind the times: one table says how often to ask again.

What is refused for good is refused again; what lagged, contradicts the market, or came from a broker in trouble is not.
A refusal is believed once its row's tries are used up, or at once when no row knows it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from repeg.domain.models import Frozen
from repeg.domain.order.record import Order
from repeg.domain.patience import FORM_WAITS, FUNDS_WAITS, LAG_WAITS, LAGS_FOR, OWN_ENTRY_WAITS, WASH_WAITS
from repeg.domain.reasons import Reason
from repeg.domain.rules.walking import is_exit


class Sort(StrEnum):
    """What was refused."""

    ENTRY = "entry"
    SELL = "sell"
    """A plain sell: of shares that the account holds."""
    EXIT = "exit"
    PROTECTION = "protection"


class Doubt(StrEnum):
    """What speaks against a refusal."""

    NONE = "none"
    MOVED = "moved"
    """An order of ours for the symbol was cancelled or filled a moment ago: the broker may not have counted it yet."""
    CONTRADICTED = "contradicted"
    """A fresh quote, or the account, says otherwise."""
    OURS = "ours"
    """An order of ours is what it is refused for, and cannot be taken down."""


class Denial(Frozen):
    """A submit that was refused. `times` counts refusals in a row for the same reason, this one included."""

    reason: Reason
    of: Sort
    times: int = 1
    doubts: frozenset[Doubt] = frozenset()


class Row(NamedTuple):
    """Refusals that are not believed at once: `waits` are seconds of market time before each further try."""

    sorts: frozenset[Sort]
    reasons: frozenset[Reason]
    waits: tuple[int, ...]
    doubt: Doubt = Doubt.NONE
    """Only in this doubt; NONE: always."""
    for_ever: bool = False
    """Never believed: the last wait goes on."""


SHARES_LACK = frozenset(
    {Reason.HELD_BY_PROTECTION, Reason.HELD_BY_OTHER_ORDER, Reason.NO_POSITION, Reason.OPPOSITE_POSITION}
)
"""The broker says that the shares are held, gone, or on the other side."""
# A rule of the account or of the exchange is the same a few seconds later.
_BELIEVED = frozenset({Reason.DAY_TRADE_LIMIT, Reason.NOT_TRADABLE})
OF_ITS_FORM = frozenset(Reason) - SHARES_LACK - _BELIEVED - {Reason.STOP_THROUGH}

TABLE: tuple[Row, ...] = (
    # The account showed the shares a moment ago: what it showed, or the refusal, is old. Sized anew each time.
    Row(frozenset({Sort.EXIT, Sort.SELL}), SHARES_LACK, LAG_WAITS),
    # A buy that covers, behind a rung of its own that still holds what it would cover.
    Row(frozenset({Sort.ENTRY}), SHARES_LACK, LAG_WAITS, Doubt.MOVED),
    # The rung before was cancelled, and what it tied up does not show as free yet.
    Row(frozenset({Sort.ENTRY}), frozenset({Reason.INSUFFICIENT_BUYING_POWER}), FUNDS_WAITS, Doubt.MOVED),
    # One false answer must not end it: what it sells was bought there.
    Row(frozenset({Sort.EXIT}), frozenset({Reason.NOT_TRADABLE, Reason.BROKER_REJECTED}), LAG_WAITS),
    # An entry of ours whose cancel hangs: what it bought is better protected than offered where nobody buys.
    Row(frozenset({Sort.EXIT}), frozenset({Reason.WASH_TRADE}), OWN_ENTRY_WAITS, Doubt.OURS),
    # A position must be left; what rests against it may go, and can be priced around.
    Row(frozenset({Sort.EXIT}), frozenset({Reason.WASH_TRADE}), WASH_WAITS, for_ever=True),
    # Right after a fill the position may not show it.
    Row(
        frozenset({Sort.PROTECTION}),
        frozenset({Reason.HELD_BY_PROTECTION, Reason.NO_POSITION}),
        LAG_WAITS,
    ),
    # "The market is through the stop" is worth a sale only if the market says so too.
    Row(frozenset({Sort.PROTECTION}), frozenset({Reason.STOP_THROUGH}), FORM_WAITS, Doubt.CONTRADICTED),
    # Whatever else is wrong with an OCO (its form, its class, a rule of the account) is no reason to sell: it is tried
    # a few times, and when that is believed the shares stay, told, and are tried at the pace of the sweep.
    Row(frozenset({Sort.PROTECTION}), OF_ITS_FORM, FORM_WAITS),
)


def try_again_in(refusal: Denial) -> int | None:
    """Seconds until the same is tried again, or None: the refusal is believed."""
    for row in TABLE:
        if refusal.of not in row.sorts or refusal.reason not in row.reasons:
            continue
        if row.doubt is not Doubt.NONE and row.doubt not in refusal.doubts:
            continue
        if refusal.times <= len(row.waits):
            return row.waits[refusal.times - 1]
        return row.waits[-1] if row.for_ever else None
    return None


def sort_of(order: Order) -> Sort:
    """What a child order of this order is."""
    if is_exit(order):
        return Sort.EXIT
    return Sort.SELL if order.side == "sell" and not order.terms.bracket else Sort.ENTRY


def doubts_of(order: Order, now: datetime) -> frozenset[Doubt]:
    """What the order's own record has to say against a refusal of its next child order."""
    ended = [child.closed_at for child in order.sent if child.closed_at]
    return frozenset({Doubt.MOVED} if ended and now - max(ended) <= LAGS_FOR else ())
