"""What the account has lost since the last close."""

from __future__ import annotations

from decimal import Decimal

ZERO = Decimal(0)


def loss_of_the_day(equity_now: Decimal, equity_at_last_close: Decimal) -> Decimal:
    """Dollars that the account is worth less than at the last close; 0 when it is worth as much or more.

    The broker's own figures: money that was paid in or out since counts as won or lost.
    """
    return max(ZERO, equity_at_last_close - equity_now)
