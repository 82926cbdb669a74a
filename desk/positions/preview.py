"""What a rebalance would do now: the plan, made by the functions that rebalances are planned by. Changes nothing.

Five trading requests: for keys, clock, open orders, account and positions; four more for each look that is taken again
as orders were filled a moment ago. One more for the calendar if the stack
keeps none; and for assets that it did not ask for today, one for each, or one for all if they are more than five.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from desk.doctor.case import Case
from desk.doctor.market import broker, calendar, market_now
from desk.doctor.settings import read_settings
from repeg.domain.market.reports import KnownAssets
from repeg.domain.market.sessions import Calendar
from repeg.domain.models import direction
from repeg.domain.money import plain
from repeg.domain.order.verdicts import Refusal
from repeg.domain.patience import SETTLES_WITHIN
from repeg.domain.rebalance.book import ZERO, Book, Holding, Targets
from repeg.domain.rebalance.plan import plan
from repeg.domain.rebalance.planned import Leg, Plan
from repeg.domain.rebalance.standing import Standing, investable_equity, standings
from repeg.domain.signals.intake import accepted_rebalance
from repeg.domain.signals.parsing import RebalanceSignal
from repeg.rebalance.account import Look, Sources, look_at, targets_of
from repeg.store.shared import SharedStore

_CENT, _MILLIONTH = Decimal("0.01"), Decimal("0.000001")


class _Unwritten(SharedStore):
    """What the stack keeps, only read."""

    _told: KnownAssets | None = None

    def assets(self) -> KnownAssets | None:
        """The assets last told, to this preview or before."""
        return self._told or super().assets()

    def keep_assets(self, known: KnownAssets) -> None:
        """A preview leaves nothing behind, and asks once, however often it looks."""
        self._told = known


@dataclass(frozen=True)
class Row:
    """A symbol that is wanted or held. `leg`: what is traded of it; `why`: why nothing is, where that is not plain."""

    symbol: str
    held: Decimal
    price: Decimal | None
    weight: Decimal | None
    target: Decimal | None
    leg: Leg | None = None
    why: str = ""

    @property
    def dollars(self) -> Decimal | None:
        """What the account pays (-) or gets for the trade at the price of now."""
        return _flow([self.leg]) if self.leg else None


def preview(case: Case, signal: RebalanceSignal, wait: Callable[[float], None]) -> dict[str, Any]:
    """The plan as JSON-ready data, or `refused`: why none can be made.

    `wait` waits so many wall seconds until the account shows what was filled a moment ago, as the rebalance would.

    Raises:
        Trouble: keys, clock or settings are not as they must be.
        RepegError: the broker could not be asked.
    """
    now, days = market_now(case), case.fact(calendar)
    settings = case.fact(read_settings).in_force
    rebalance = accepted_rebalance(signal, now, now, now)
    shared = _Unwritten(case.connection.dynamodb, case.connection.table)
    sources, speed = Sources(case.fact(broker), case.orders, shared, settings), case.connection.speed or 1
    seen, now = settled(
        lambda at: look_at(sources, rebalance, at), lambda: market_now(case), lambda left: wait(left / speed)
    )
    found = _when(days, now) | {
        "cash": _money(seen.cash),
        "threshold": plain(signal.threshold),
        "cash_buffer": plain(signal.cash_buffer),
        "settles_at": seen.settles_at.isoformat() if seen.settles_at else None,
        "refused": None,
    }
    if isinstance(seen.book, Refusal):
        found["refused"] = {"reason": seen.book.reason.value, "detail": seen.book.detail}
    else:
        found |= _planned(seen.book if found["open"] else in_a_session(seen.book), targets_of(rebalance, settings))
    return found | {"trading_requests": case.meter.total().trading_requests}


def settled(
    look: Callable[[datetime], Look], now: Callable[[], datetime], wait: Callable[[float], None]
) -> tuple[Look, datetime]:
    """The account once it shows what others of our orders filled, and when that was; `wait`: seconds of market time.

    Where fills never cease it is taken as it is, as a rebalance does; its `settles_at` says so.
    """
    # A fill of a moment ago counts twice, in the cash and beside it: a preview would buy less than the rebalance does.
    begun = at = now()
    seen = look(at)
    while seen.settles_at is not None and at - begun < SETTLES_WITHIN:
        before = at
        wait(max(1.0, (seen.settles_at - at).total_seconds()))
        at = now()
        seen = look(at)
        if at <= before:  # the market's clock stands still
            break
    return seen, at


def _when(days: Calendar, now: datetime) -> dict[str, Any]:
    upcoming = days.next_session(now)
    is_open = days.session_at(now) is not None
    return {
        "at": now.isoformat(),
        "open": is_open,
        "opens_at": upcoming.opens_at.isoformat() if upcoming and not is_open else None,
    }


def in_a_session(book: Book) -> Book:
    """The book as if its prices were a market's: with it closed none is, and nothing at all could be previewed."""
    prices = {
        symbol: price.changed(problem=None, why="") if price.mark > 0 else price
        for symbol, price in book.prices.items()
    }
    return book.changed(prices=prices)


def _planned(book: Book, targets: Targets) -> dict[str, Any]:
    made = plan(book, targets)
    legs = (*made.sells, *made.buys)
    return {
        "equity": _money(made.equity),
        "spendable": _money(made.spendable),
        "cash_after": _money(book.cash + _flow(legs)),
        "symbols": [_row(row) for row in rows(book, targets, made)],
        "plan": [_leg(leg) for leg in legs],
        "residual": [{"symbol": each.symbol, "drift": plain(each.drift), "why": each.why} for each in made.residual],
    }


def rows(book: Book, targets: Targets, made: Plan) -> list[Row]:
    """A row for each leg and each symbol without one: the largest drift first, then what the plan leaves alone."""
    # Without equity there are no weights.
    standing = standings(book, targets, investable_equity(book, targets)) if made.equity > 0 else []
    held = {holding.symbol: holding for holding in book.holdings}
    why = {each.symbol: each.why for each in made.residual}
    found = [row for each in standing for row in _rows(each, held.get(each.symbol), made, why.get(each.symbol, ""))]
    seen = {each.symbol for each in standing}
    return found + [_outside(book, holding) for symbol, holding in sorted(held.items()) if symbol not in seen]


def _rows(standing: Standing, held: Holding | None, made: Plan, why: str) -> Iterable[Row]:
    legs: list[Leg | None] = [leg for leg in (*made.sells, *made.buys) if leg.symbol == standing.symbol]
    for leg in legs or [None]:
        yield Row(
            symbol=standing.symbol,
            held=held.qty if held else ZERO,
            price=standing.price.mark or None,
            weight=standing.value / standing.equity,
            target=standing.weight,
            leg=leg,
            why=why,
        )


def _outside(book: Book, holding: Holding) -> Row:
    price = book.prices.get(holding.symbol)
    why = "of a bracket" if holding.protected else "no target, and the others are not sold"
    return Row(holding.symbol, holding.qty, price.mark if price else None, None, None, why=holding.why or why)


def _row(row: Row) -> dict[str, Any]:
    leg = row.leg
    return {
        "symbol": row.symbol,
        "held": plain(row.held),
        "price": None if row.price is None else plain(row.price),
        "current_weight": _fraction(row.weight),
        "target_weight": _fraction(row.target),
        "side": leg and leg.side,
        "qty": leg and plain(leg.qty),
        "dollars": None if row.dollars is None else _money(row.dollars),
        "why": row.why or None,
    }


def _leg(leg: Leg) -> dict[str, Any]:
    """As in the record of a rebalance."""
    return {
        "symbol": leg.symbol,
        "side": leg.side,
        "qty": plain(leg.qty),
        "current_weight": plain(leg.current_weight),
        "target_weight": plain(leg.target_weight),
        "drift": plain(leg.drift),
        "half": leg.phase,
    }


def _flow(legs: Iterable[Leg]) -> Decimal:
    """Dollars that come in by the legs at the prices of now."""
    return sum((-leg.qty * leg.mark * direction(leg.side) for leg in legs), ZERO)


def _fraction(value: Decimal | None) -> str | None:
    return None if value is None else plain(value.quantize(_MILLIONTH))


def _money(value: Decimal) -> str:
    return plain(value.quantize(_CENT))
