"""What an alert says to a person: one line with the stack, the money, what happened, and the command to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from repeg.domain.money import plain
from repeg.domain.order.record import Order

MOST_CHARACTERS = 2000
"""A line is for reading; the log and the record have the rest."""

UNNAMED = "a message"
"""So begins what is told of one that named no signal."""

_SHOWN = Decimal("0.0001")


@dataclass(frozen=True)
class Stack:
    """A deployed stack. `mode` is paper or live."""

    name: str = "repeg"
    mode: str = "paper"

    def line(self, about: str, detail: str, command: str) -> str:
        """One line of plain text, whatever was put into it."""
        told = one_line(detail).rstrip(".")
        if len(told) > MOST_CHARACTERS:
            told = f"{told[:MOST_CHARACTERS]}... (cut)"
        mode = "LIVE" if self.mode == "live" else self.mode
        return f"{self.name} ({mode}) {about}: {told}. Look at it with: {command} --stack {self.name}"

    def by_hand(self, symbol: str) -> str:
        """What to do where only a person can tell what the account shows."""
        return f"check the account by hand: repeg positions {symbol} --stack {self.name}"


def order_line(stack: Stack, order: Order, detail: str) -> str:
    """The line of an alert about an order."""
    return stack.line(order_words(order), detail, f"repeg order {order.order_id}")


def order_words(order: Order) -> str:
    """`TQQQ, bracket buy 25, 10 filled at 50.98 ($509.80), 10 held; signal a`."""
    asked = f"{plain(order.terms.requested_qty)}" if order.terms.requested_qty is not None else ""
    if not asked and order.ask.notional is not None:
        asked = f"${plain(order.ask.notional)}"
    words = [" ".join(word for word in (order.kind, order.side, asked) if word)]
    if order.filled_qty and order.avg_fill_price:
        worth = order.filled_qty * order.avg_fill_price
        words.append(
            f"{plain(order.filled_qty)} filled at {plain(order.avg_fill_price.quantize(_SHOWN))} (${worth:,.2f})"
        )
    if order.unexited_qty:
        words.append(f"{plain(order.unexited_qty)} held")
    return f"{order.symbol}, {', '.join(words)}; signal {order.signal_id}"


def bare_words(order: Order, since: datetime | None = None) -> str:
    """`10 TQQQ are without protection`; never 0: where nobody knows what guards its shares, that is said.

    What a close sells is not counted. `since` (market time) where it is known how long they have been.
    """
    bare = max(order.bare_qty, order.unguarded_qty - order.guard.lent)
    if bare > 0 and since:
        return long_bare_words(order, bare, since)
    if bare > 0:
        return f"{plain(bare)} {order.symbol} are without protection"
    held = f"{plain(order.unexited_qty)} {order.symbol}" if order.unexited_qty > 0 else f"shares of {order.symbol}"
    return f"{held} are not seen to be protected"


def long_bare_words(order: Order, qty: Decimal, since: datetime | None) -> str:
    """`10 TQQQ have been without protection since 14:31:05 UTC`: of so many shares that is known."""
    known = f" since {since:%H:%M:%S} UTC" if since else ""
    return f"{plain(qty)} {order.symbol} have been without protection{known}"


def intake_line(stack: Stack, detail: str, refused: bool, unnamed: bool = False) -> str:
    """The line of an alert about messages that became no order: refused ones, or ones that cannot be taken in yet.

    `unnamed`: one of those refused named no signal, and is in no list of orders.
    """
    listed = "repeg refused" if unnamed else "repeg orders --status rejected"
    return stack.line("intake", detail, listed if refused else "repeg doctor")


def several(what: Sequence[str]) -> str:
    """The first of several, and how many more there are."""
    return what[0] if len(what) == 1 else f"{what[0]} (and {len(what) - 1} more)"


def one_line(text: str) -> str:
    """Without line breaks; and with single quotes, since the line travels as JSON and is shown as it travels."""
    return " ".join(text.split()).replace('"', "'")
