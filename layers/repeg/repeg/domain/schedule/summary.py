"""A day in figures and in words: orders by outcome, what execution cost, and what is not as it should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from repeg.domain.market.sessions import EASTERN
from repeg.domain.money import BPS, plain
from repeg.domain.order.record import ZERO, Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.rebalance.plan import Residual
from repeg.domain.rules.walking import is_exit
from repeg.domain.schedule.times import day_of

MOST_SLIPPAGE_PERCENT = Decimal("0.10")
MOST_REJECTED = Decimal("0.10")
LEAST_RISK_REWARD = Decimal(2)
LEAST_FILLED = Decimal("0.90")
FILLED_WITHIN_SECONDS = 60
_USUAL_CLOSE_HOUR = 16
_NO_ORDERS = {Reason.INVALID_SIGNAL, Reason.SIGNAL_CONFLICT}
_PLACES = Decimal("0.0001")


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
    slippage_percent: Decimal | None
    """Of entries, by dollars at reference prices; + is cost."""
    rejection_rate: Decimal | None
    risk_reward: Decimal | None
    """Of brackets that were filled, on average."""
    fill_rate: Decimal | None
    """Entries that were sent and filled within 60 s, of those that were sent."""
    bare: tuple[str, ...]
    """Positions without the protection that they should have."""
    residuals: tuple[Residual, ...] = ()

    @property
    def missed(self) -> tuple[str, ...]:
        """Which of the four targets were missed, in words."""
        return tuple(words for words, met in self._targets() if met is False)

    def _targets(self) -> tuple[tuple[str, bool | None], ...]:
        rejected, filled = self.rejection_rate, self.fill_rate
        slippage, reward = self.slippage_percent, self.risk_reward
        quick = f"{_share(filled)} filled in {FILLED_WITHIN_SECONDS} s"
        return (
            (f"slippage {_percent(slippage)}", None if slippage is None else slippage < MOST_SLIPPAGE_PERCENT),
            (f"{_share(rejected)} rejected", None if rejected is None else rejected < MOST_REJECTED),
            (f"R/R {_ratio(reward)}", None if reward is None else reward >= LEAST_RISK_REWARD),
            (quick, None if filled is None else filled > LEAST_FILLED),
        )

    def line(self) -> str:
        """What a person reads first, then the rest, in one line: the mail is its event's text as it is."""
        trouble = [f"NOT PROTECTED: {', '.join(self.bare)}"] if self.bare else []
        trouble += [f"missed: {', '.join(self.missed)}"] if self.missed else []
        if self.residuals:
            left = ", ".join(f"{each.symbol} {each.drift:+.1%} ({each.why})" for each in self.residuals)
            trouble.append(f"left by rebalances: {left}")
        words = [self._orders(), *(trouble or ["all as it should be"])]
        if self.bought or self.sold:
            words.append(f"bought ${self.bought:,.0f}, sold ${self.sold:,.0f}")
        words.append(", ".join(words for words, met in self._targets() if met is not None) or "nothing to measure")
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
            "slippage_percent": _text(self.slippage_percent),
            "rejection_rate": _text(self.rejection_rate),
            "risk_reward": _text(self.risk_reward),
            "fill_rate": _text(self.fill_rate),
            "targets_missed": list(self.missed),
            "not_protected": list(self.bare),
            "residuals": [_left(each) for each in self.residuals],
            "closed_early_at": self.closed_early_at,
        }


def is_of(order: Order, day: date) -> bool:
    """True when an order belongs to a day: it came then, ended then, or is still open."""
    ended = order.completed_at
    return not order.status.terminal or day_of(order.created_at) == day or (ended is not None and day_of(ended) == day)


def sum_up(
    day: date,
    orders: Iterable[Order],
    holding: Iterable[Order],
    residuals: Iterable[Residual] = (),
    closed_early_at: str | None = None,
) -> Summary:
    """The summary of a day: `orders` are those of the day, `holding` the brackets that hold shares."""
    known = [order for order in orders if order.reason not in _NO_ORDERS]
    over = [order for order in known if order.status.terminal]
    # How dearly it is left, and how fast, is another question than what entering costs: an exit has no cap.
    entries = [order for order in over if not is_exit(order)]
    sent = [order for order in entries if order.sent]
    quick = [order for order in sent if order.status is Status.FILLED and _seconds(order) <= FILLED_WITHIN_SECONDS]
    rewards = [order.guard.risk_reward for order in entries if order.filled_qty and order.guard.risk_reward is not None]
    rejected = sum(order.status is Status.REJECTED for order in entries)
    return Summary(
        day=day,
        closed_early_at=closed_early_at,
        orders=len(known),
        outcomes=dict(Counter(order.status.value for order in over).most_common()),
        open=len(known) - len(over),
        bought=_dollars(over, "buy"),
        sold=_dollars(over, "sell"),
        slippage_percent=_slippage(entries),
        rejection_rate=Decimal(rejected) / len(entries) if entries else None,
        risk_reward=sum(rewards, ZERO) / len(rewards) if rewards else None,
        fill_rate=Decimal(len(quick)) / len(sent) if sent else None,
        bare=tuple(f"{plain(order.bare_qty)} {order.symbol}" for order in holding if order.bare_qty > 0),
        residuals=tuple(residuals),
    )


def _seconds(order: Order) -> Decimal:
    taken = order.result.seconds_to_fill
    return Decimal("Infinity") if taken is None else taken


def _dollars(orders: Iterable[Order], side: str) -> Decimal:
    priced = (order for order in orders if order.side == side and order.avg_fill_price is not None)
    return sum((order.filled_qty * (order.avg_fill_price or ZERO) for order in priced), ZERO)


def _slippage(orders: Iterable[Order]) -> Decimal | None:
    measured = [
        (order.filled_qty * order.terms.reference_price, order.result.slippage_bps)
        for order in orders
        if order.terms.reference_price is not None and order.result.slippage_bps is not None
    ]
    base = sum((dollars for dollars, _ in measured), ZERO)
    return sum((dollars * bps for dollars, bps in measured), ZERO) / base / BPS * 100 if base else None


def early_close(closes_at: datetime) -> str | None:
    """The time of an early close in New York, or None on an ordinary day."""
    local = closes_at.astimezone(EASTERN)
    return None if local.hour >= _USUAL_CLOSE_HOUR else f"{local:%H:%M}"


def _percent(value: Decimal | None) -> str:
    return "" if value is None else f"{value:+.3f} %"


def _share(value: Decimal | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _ratio(value: Decimal | None) -> str:
    return "" if value is None else f"1:{value:.2f}"


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value.quantize(_PLACES))


def _left(residual: Residual) -> dict[str, Any]:
    return {"symbol": residual.symbol, "drift": _text(residual.drift), "why": residual.why}
