"""Changes of a number of shares without a trade, and what the account showed when it last agreed with the records."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from repeg.domain.models import Frozen
from repeg.domain.order.bracket import Levels
from repeg.domain.reasons import Reason

ONE = Decimal(1)


class CorporateAction(Frozen):
    """A split or a stock dividend: `ratio` new shares for each old one, from the session of `ex_date` on."""

    symbol: str
    kind: Literal["forward_split", "reverse_split", "stock_dividend"]
    ratio: Decimal
    ex_date: date

    @property
    def words(self) -> str:
        """For people: `forward split, 10 for 1, ex 2026-11-23`."""
        new, old = (self.ratio, ONE) if self.ratio >= 1 else (ONE, ONE / self.ratio)
        rates = f"{_short(new)} for {_short(old)}"
        return f"{self.kind.replace('_', ' ')}, {rates}, ex {self.ex_date.isoformat()}"


class Adjustment(Frozen):
    """A bracket's shares and levels from `at` on: after a corporate action, by an operator's word, or by an adjust.

    `change` is how many shares more (or fewer) the bracket holds by it; `ratio` new shares stand for each old one.
    """

    why: Literal["corporate_action", "operator", "adjust"]
    detail: str
    # Kept beside the ratio: of what the ratio makes, a fraction of a share may have been paid in cash. And fills and
    # prices stay what they were: a split is no trade.
    change: Decimal
    ratio: Decimal = ONE
    levels: Levels
    at: datetime
    by: str = ""
    """The adjust that moved the levels."""
    before: Levels | None = None
    """Levels to go back to should these be refused; None once they stand."""
    meant: bool = False
    """Whether the position is to be exited should the market be through the stop."""
    refused: Reason | None = None
    """Why the levels are those of before again."""


class Seen(Frozen):
    """The account's position of a symbol (signed shares, dollars per share) when it last agreed with the records."""

    qty: Decimal
    avg_entry_price: Decimal
    at: datetime
    booked: tuple[tuple[str, Decimal], ...] = ()
    """Orders of others, by the broker's id, and how many of their shares the records had booked by then."""


def _short(number: Decimal) -> str:
    return f"{number.normalize():f}" if number == number.quantize(Decimal("0.0001")) else f"{number:.4f}"
