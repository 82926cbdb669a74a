"""A market that trades other shares than the account shows: a split that the broker has yet to book.

Between the first price after a split and its booking, a price says nothing of the shares that the record counts: a
stop at 50 dollars lies above any price of a tenth of a share.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from math import prod

from repeg.domain.market.sessions import EASTERN
from repeg.domain.order.adjustments import ONE, CorporateAction
from repeg.domain.order.bracket import Levels
from repeg.domain.order.record import Order

FAR = Decimal("1.3")
"""By so much a price lies beyond the levels before one does without word of corporate actions."""
_ROUNDED = Decimal("0.0001")


def bought_on(order: Order) -> date:
    """The day in New York on which its shares were first bought (or sold short)."""
    return (order.first_sent_at or order.created_at).astimezone(EASTERN).date()


def is_between(levels: Levels, price: Decimal) -> bool:
    """True for a price that neither stop nor target has met."""
    return min(levels.stop, levels.target) < price < max(levels.stop, levels.target)


def unfollowed(order: Order, actions: Sequence[CorporateAction], today: date) -> tuple[Decimal, str]:
    """New shares for an old one by corporate actions that the record has not followed, and their words; 1: none."""
    since = [action for action in actions if bought_on(order) < action.ex_date <= today]
    ratio = prod((action.ratio for action in since), start=ONE)
    ratio /= prod((change.ratio for change in order.care.adjustments), start=ONE)
    if abs(ratio - ONE) <= _ROUNDED or not since:
        return ONE, ""
    return ratio, "; ".join(action.words for action in since)


def fits_better(levels: Levels, price: Decimal, ratio: Decimal) -> bool:
    """True when a price lies nearer to the levels if it is one of shares of which an old one became `ratio`."""
    return _off(levels, price * ratio) < _off(levels, price)


def is_far(levels: Levels, price: Decimal) -> bool:
    """True for a price that is off by as much as a split, and hardly a night, makes it."""
    within = _off(levels, levels.target)
    return _off(levels, price) >= FAR * within


def _off(levels: Levels, price: Decimal) -> Decimal:
    """By which factor a price is away from the middle of the levels."""
    factor = price * price / (levels.stop * levels.target)
    return max(factor, 1 / factor).sqrt()
