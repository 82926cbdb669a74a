"""A day in figures and in words: orders by outcome, what execution cost, and what is not as it should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from repeg.domain.market.sessions import EASTERN
from repeg.domain.metrics.figures import FILLED_WITHIN_SECONDS, Figure, Figures, Mark, figures, is_no_order, mark_of
from repeg.domain.metrics.listed import TARGETS, Metric
from repeg.domain.money import plain
from repeg.domain.order.record import ZERO, Order
from repeg.domain.rebalance.planned import Residual
from repeg.domain.schedule.times import day_of

_USUAL_CLOSE_HOUR = 16
_PLACES = Decimal("0.0001")
_MOST_NAMED = 5


@dataclass(frozen=True)
class Missing:
    """What a summary does not count, though it may belong to the day."""

    unread: tuple[str, ...] = ()
    """Ids of records that cannot be read: of another version, or damaged."""
    only_newest: int | None = None
    """So many orders were looked at, and there may be more; None: all were."""

    def words(self) -> list[str]:
        """What a person must know of it; nothing where nothing is missing."""
        told = []
        if self.unread:
            named = ", ".join(self.unread[:_MOST_NAMED]) + (", ..." if len(self.unread) > _MOST_NAMED else "")
            told.append(f"NOT COUNTED: {len(self.unread)} that cannot be read ({named})")
        if self.only_newest:
            told.append(f"NOT COUNTED: what came before the newest {self.only_newest} orders")
        return told


@dataclass(frozen=True)
class Summary:
    """One day. Rates are fractions; None where there was nothing to measure."""

    day: date
    closed_early_at: str | None
    orders: int
    outcomes: dict[str, int]
    """Orders of the day that are over by status, the most frequent first."""
    open: int
    bought: Decimal
    sold: Decimal
    """Dollars."""
    figures: Figures
    """Of the day's entries."""
    of_week: Figures
    """Of the entries since Monday."""
    bare: tuple[str, ...]
    """Positions without the protection that they should have."""
    residuals: tuple[Residual, ...] = ()
    missing: Missing = Missing()

    @property
    def missed(self) -> tuple[str, ...]:
        """Which of the four targets were missed by the day, in words."""
        gauges = self.figures.gauges()
        return tuple(
            _WORDS[each](value) for each, value in gauges.items() if not TARGETS[Metric(each.value)].met(value)
        )

    def line(self) -> str:
        """What a person reads first, then the rest, in one line: the mail is its event's text as it is."""
        trouble = [f"NOT PROTECTED: {', '.join(self.bare)}"] if self.bare else []
        trouble += self.missing.words()
        trouble += [f"missed: {', '.join(self.missed)}"] if self.missed else []
        if self.residuals:
            left = ", ".join(f"{each.symbol} {each.drift:+.1%} ({each.why})" for each in self.residuals)
            trouble.append(f"left by rebalances: {left}")
        words = [self._orders(), *(trouble or ["all as it should be"])]
        if self.bought or self.sold:
            words.append(f"bought ${self.bought:,.0f}, sold ${self.sold:,.0f}")
        words.append(_in_words(self.figures) or "nothing to measure")
        week = _in_words(self.of_week)
        if week:
            words.append(f"since Monday {week}")
        if self.closed_early_at:
            words.append(f"the session ended early, at {self.closed_early_at} ET")
        return "; ".join(words)

    def _orders(self) -> str:
        if not self.orders:
            return "no orders"
        counts = [f"{count} {status.replace('_', ' ')}" for status, count in self.outcomes.items()]
        counts += [f"{self.open} open"] if self.open else []
        return f"{self.orders} order{'s' if self.orders != 1 else ''}, {', '.join(counts)}"

    def view(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "date": self.day.isoformat(),
            "orders": self.orders,
            "outcomes": self.outcomes,
            "open": self.open,
            "bought": plain(self.bought),
            "sold": plain(self.sold),
            **_texts(self.figures),
            "week": _texts(self.of_week),
            "targets_missed": list(self.missed),
            "not_protected": list(self.bare),
            "residuals": [_left(each) for each in self.residuals],
            "closed_early_at": self.closed_early_at,
            "unread": list(self.missing.unread),
            "only_newest": self.missing.only_newest,
        }


def is_of(order: Order, day: date) -> bool:
    """True when an order belongs to a day: it came then, ended then, or is still open."""
    ended = order.completed_at
    return not order.status.terminal or day_of(order.created_at) == day or (ended is not None and day_of(ended) == day)


def is_of_week(order: Order, day: date) -> bool:
    """True when an order ended on a day or before it, in the same week."""
    ended = day_of(order.completed_at) if order.completed_at else None
    return ended is not None and day - timedelta(days=day.weekday()) <= ended <= day


def sum_up(
    day: date,
    orders: Iterable[Order],
    holding: Iterable[Order],
    residuals: Iterable[Residual] = (),
    closed_early_at: str | None = None,
    week: Iterable[Mark] = (),
    missing: Missing = Missing(),
) -> Summary:
    """The summary of a day: `orders` are those of the day, `holding` the brackets that hold shares.

    `week` are the marks of the entries since Monday, those of the day among them.
    """
    known = [order for order in orders if not is_no_order(order)]
    over = [order for order in known if order.status.terminal]
    marks = [mark for order in over if (mark := mark_of(order))]
    return Summary(
        day=day,
        closed_early_at=closed_early_at,
        orders=len(known),
        outcomes=dict(Counter(order.status.value for order in over).most_common()),
        open=len(known) - len(over),
        bought=_dollars(over, "buy"),
        sold=_dollars(over, "sell"),
        figures=figures(marks),
        of_week=figures(week),
        bare=tuple(f"{plain(order.bare_qty)} {order.symbol}" for order in holding if order.bare_qty > 0),
        residuals=tuple(residuals),
        missing=missing,
    )


def _dollars(orders: Iterable[Order], side: str) -> Decimal:
    priced = (order for order in orders if order.side == side and order.avg_fill_price is not None)
    return sum((order.filled_qty * (order.avg_fill_price or ZERO) for order in priced), ZERO)


def early_close(closes_at: datetime) -> str | None:
    """The time of an early close in New York, or None on an ordinary day."""
    local = closes_at.astimezone(EASTERN)
    return None if local.hour >= _USUAL_CLOSE_HOUR else f"{local:%H:%M}"


_WORDS: dict[Figure, Callable[[Decimal], str]] = {
    Figure.SLIPPAGE: lambda percent: f"slippage {percent:+.3f} %",
    Figure.REJECTED: lambda percent: f"{percent:.0f}% rejected",
    Figure.RISK_REWARD: lambda ratio: f"R/R 1:{ratio:.2f}",
    Figure.FILLED: lambda percent: f"{percent:.0f}% filled in {FILLED_WITHIN_SECONDS} s",
}


def _in_words(found: Figures) -> str:
    return ", ".join(_WORDS[figure](value) for figure, value in found.gauges().items())


def _texts(found: Figures) -> dict[str, str | None]:
    return {name: _text(value) for name, value in found._asdict().items()}


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value.quantize(_PLACES))


def _left(residual: Residual) -> dict[str, Any]:
    return {"symbol": residual.symbol, "drift": _text(residual.drift), "why": residual.why}
