"""Pre-trade limits: what an order must keep to right before it is sent, for the account and for its strategy.

One table says what is checked. What leaves a position (exits, closes, what protects) is never held to a limit; a plain
sell only reduces one, and is held to what guards against mistakes alone: its price, and the age of its signal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

from repeg.domain.book import Book
from repeg.domain.case import Case
from repeg.domain.counters import NOTIONAL, OPEN, ORDERS, Bound, Entry, day_of, name_of
from repeg.domain.loss import loss_of_the_day
from repeg.domain.models import direction
from repeg.domain.money import BPS, plain, told_apart
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.verdicts import Refusal
from repeg.domain.reasons import Reason
from repeg.domain.rules.walking import intent_of, is_exit
from repeg.domain.settings import Settings

MAX_DAILY_LOSS = "max_daily_loss"

Measure = Callable[[Case], Decimal | None]


class Limit(NamedTuple):
    """An upper bound that is known from the order, the quote and the account; 0 in its setting: there is none.

    `measured` is what is held against it, or None when it cannot be known: then nothing is sent. `sells`: plain sells
    are held to it, too. `first`: only the first child order is. `by_book`: the account is looked at for it.
    `of_strategy` is what is held against a strategy's own limit, if that is something else.
    """

    setting: str
    reason: Reason
    measured: Measure
    words: str
    sells: bool = False
    first: bool = False
    by_book: bool = False
    of_strategy: Measure | None = None


def _beyond(case: Case) -> Decimal | None:
    """How much worse than mid and last trade the price is, in bps; market orders without a quote name none."""
    side, child = case.order.trading_side, case.child
    price = child.limit_price or case.touch
    mid = (child.bid + child.ask) / 2 if child.bid and child.ask else None
    marks = [mark for mark in (mid, case.last) if mark]
    if price is None or not marks:
        return ZERO
    return max(direction(side) * (price - mark) / mark * BPS for mark in marks)


def _of_equity(dollars: Decimal | None, book: Book | None) -> Decimal | None:
    if dollars is None or book is None or not book.equity or book.equity <= 0:
        return None
    return dollars / book.equity


def _position(case: Case) -> Decimal | None:
    if abs(case.shares_after) <= abs(case.held.qty):
        return ZERO
    if case.dearest is None or case.book is None:
        return None
    # What no listed position accounts for may be this one: by a list that lacks it, it would be bought twice.
    unseen = case.book.unlisted if case.order.symbol not in case.book.positions else ZERO
    return _of_equity(abs(case.shares_after) * case.dearest + unseen, case.book)


def _loss(case: Case) -> Decimal | None:
    book = case.book
    if book is None or book.equity is None or book.last_equity is None:
        return None
    return loss_of_the_day(book.equity, book.last_equity, book.paid_in.dollars if book.paid_in else ZERO)


def _loss_of_strategy(case: Case) -> Decimal | None:
    losses = case.book.losses if case.book else None
    return losses.of(case.order.strategy or "", case.now) if losses else None


LIMITS = (
    Limit(
        "max_signal_age_seconds",
        Reason.RISK_SIGNAL_AGE,
        lambda case: Decimal(str(case.age.total_seconds())),
        "the signal is {is_} s old, {most} at most",
        sells=True,
        first=True,
    ),
    Limit(
        "price_collar_bps",
        Reason.RISK_PRICE_COLLAR,
        _beyond,
        "the price is {is_} bps worse than the market, {most} at most",
        sells=True,
    ),
    Limit(
        "max_order_qty",
        Reason.RISK_ORDER_QTY,
        lambda case: case.qty,
        "{is_} shares, {most} at most",
    ),
    Limit(
        "max_order_notional",
        Reason.RISK_ORDER_NOTIONAL,
        lambda case: case.cost,
        "it may cost ${is_}, ${most} at most",
    ),
    Limit(
        MAX_DAILY_LOSS,
        Reason.RISK_DAILY_LOSS,
        _loss,
        "${is_} were lost since the last close; from ${most} on nothing is entered",
        by_book=True,
        of_strategy=_loss_of_strategy,
    ),
    Limit(
        "max_position_fraction",
        Reason.RISK_POSITION,
        _position,
        "the position would be {is_} of equity, {most} at most",
        first=True,
        by_book=True,
    ),
)
"""What is known without counting."""


class Counter(NamedTuple):
    """A limit on a counter of the day, kept in the table; 0 in its setting: there is none."""

    setting: str
    what: str
    reason: Reason
    counter: str


COUNTED = (
    Counter("max_daily_orders", "entries sent on this day of New York", Reason.RISK_DAILY_ORDERS, ORDERS),
    Counter(
        "max_daily_notional",
        "dollars of those entries: filled, or still at work at the worst price that they may pay",
        Reason.RISK_DAILY_NOTIONAL,
        NOTIONAL,
    ),
    Counter("max_open_orders", "entries that are not over", Reason.RISK_OPEN_ORDERS, OPEN),
)


def is_held_to_limits(order: Order) -> bool:
    """False for exits: nothing in a limit stops one."""
    return not is_exit(order)


def enters(order: Order) -> bool:
    """True when it may open a position or make one larger; a plain sell cannot."""
    return not is_exit(order) and not (intent_of(order) or "").endswith("_to_close")


def needs_book(case: Case) -> bool:
    """True when a limit that is set is measured by the account, and held against this child order."""
    by_book = any(
        _applies(limit, case) and any(_most_or_none(case, limit.setting)) for limit in LIMITS if limit.by_book
    )
    return by_book or bool(enters(case.order) and case.begins and case.settings.max_gross_fraction)


def _limits_of(settings: Settings, strategy: str | None) -> dict[str, Decimal]:
    """A strategy's own, the strictest of each: a blank around its name makes no other strategy."""
    name, found = (strategy or "").strip(), dict[str, Decimal]()
    for of, limits in settings.strategy_limits.items():
        if name and of.strip() == name:
            found |= {each: min(most, found.get(each, most)) for each, most in limits.items() if most}
    return found


def waits_for_losses(case: Case) -> bool:
    """True when its strategy's loss is limited, and not known yet: the sweep reckons it within a minute."""
    limited = _limits_of(case.settings, case.order.strategy).get(MAX_DAILY_LOSS)
    return bool(limited) and enters(case.order) and _loss_of_strategy(case) is None


def limits_losses(settings: Settings) -> bool:
    """True when the loss of any strategy is limited."""
    return any(limits.get(MAX_DAILY_LOSS) for limits in settings.strategy_limits.values())


def refused(case: Case) -> Refusal | None:
    """Why the child order must not be sent, by what needs no counter; or None. The account's limits come first."""
    if not is_held_to_limits(case.order):
        return None
    return _symbol(case) or next(_exceeded(case), None)


def _symbol(case: Case) -> Refusal | None:
    symbol, settings = case.order.symbol, case.settings
    if not enters(case.order):
        return None
    if symbol in settings.denied_symbols:
        return Refusal(reason=Reason.RISK_SYMBOL, detail=f"{symbol} is among the denied_symbols")
    if settings.allowed_symbols and symbol not in settings.allowed_symbols:
        return Refusal(reason=Reason.RISK_SYMBOL, detail=f"{symbol} is not among the allowed_symbols")
    return None


def _exceeded(case: Case) -> Iterator[Refusal]:
    for limit in LIMITS:
        for whose, most in _most(case, limit.setting):
            if not most or not _applies(limit, case):
                continue
            of_strategy = limit.of_strategy if whose else None
            found = (of_strategy or limit.measured)(case)
            if found is None and of_strategy:
                continue  # it is waited for before (`waits_for_losses`)
            if found is None:
                detail = f"{limit.setting} cannot be held against it: {_MISSING[limit.by_book]}"
                yield Refusal(reason=Reason.RISK_UNREADABLE, detail=detail)
            elif found >= most if limit.reason is Reason.RISK_DAILY_LOSS else found > most:
                words = limit.words.format(is_=told_apart(found, most), most=plain(most))
                yield Refusal(reason=limit.reason, detail=f"{words} ({whose}{limit.setting})")


_MISSING = {True: "the broker does not say what the account is worth", False: "no price is known"}


def _applies(limit: Limit, case: Case) -> bool:
    return (limit.sells or enters(case.order)) and (case.begins or not limit.first)


def _most(case: Case, setting: str) -> Iterator[tuple[str, Decimal]]:
    """The limit of the account, and the one of the strategy, each with whose it is in words."""
    yield "", Decimal(getattr(case.settings, setting))
    strategy = case.order.strategy or ""
    yield f"{strategy}: ", _limits_of(case.settings, strategy).get(setting, ZERO)


def _figure(value: Decimal) -> str:
    return plain(round(value, 4))


def looks_at_account(settings: Settings) -> bool:
    """True when a limit that is set is measured by what the account is worth."""
    by_book = any(getattr(settings, each.setting) for each in LIMITS if each.by_book)
    return bool(by_book or settings.max_gross_fraction or limits_losses(settings))


# --- what is counted ---


def counts_entries(settings: Settings) -> bool:
    """True when a limit that is set counts entries, of the account or of any strategy."""
    documents = [getattr(settings, name) for name in _COUNTING]
    return any(documents) or any(of.get(name) for of in settings.strategy_limits.values() for name in _COUNTING)


_COUNTING = (*(counter.setting for counter in COUNTED), "duplicate_window_seconds", "max_gross_fraction")


def is_counted(case: Case) -> bool:
    """True when the child order begins an entry that a limit counts, so that the table must be written."""
    if not enters(case.order) or not case.begins:
        return False
    return any(most for name in _COUNTING for _, most in _most_or_none(case, name))


def entry_of(case: Case) -> Entry | None:
    """What the order is counted as; None: nobody knows what it costs."""
    order, cost = case.order, case.cost
    if cost is None:
        return None
    counted = order.sending.counted
    size = f"${plain(order.ask.notional)}" if order.ask.qty is None and order.ask.notional else plain(case.qty)
    return Entry(
        order_id=order.order_id,
        strategy=order.strategy,
        # As it was recorded first: that is what is given back.
        notional=counted.notional if counted else cost,
        twin=f"{order.strategy or ''} {order.symbol} {order.side} {size}",
        at=case.now,
    )


def bounds_of(case: Case, entry: Entry) -> tuple[Bound, ...]:
    """How high the counters may stand before it, for each limit that is set."""
    counted = (bound for counter in COUNTED for bound in _bounds(case, counter, entry))
    return (*counted, *_exposure(case, entry), *_twins(case, entry))


def _bounds(case: Case, counter: Counter, entry: Entry) -> Iterator[Bound]:
    scopes = (None, case.order.strategy)
    for scope, (whose, most) in zip(scopes, _most(case, counter.setting), strict=True):
        if not most:
            continue
        adds = entry.notional if counter.counter == NOTIONAL else Decimal(1)
        detail = f"{counter.what}: {told_apart(adds, most)} more would exceed {plain(most)} ({whose}{counter.setting})"
        yield Bound(name_of(counter.counter, scope), most - adds, counter.reason, detail)


def _exposure(case: Case, entry: Entry) -> Iterator[Bound]:
    fraction, book = case.settings.max_gross_fraction, case.book
    if not fraction or book is None:
        return
    gross, equity = book.gross, book.equity
    if gross is None or equity is None or equity <= 0:
        detail = f"max_gross_fraction cannot be held against it: {_MISSING[True]}"
        yield Bound(NOTIONAL, Decimal(-1), Reason.RISK_UNREADABLE, detail)
        return
    # All that was entered and need not show in the book is on top of it: at work, or over since.
    shown = book.settled if book.day == day_of(case.now) else ZERO
    room = fraction * equity - gross + shown
    detail = f"positions of ${_figure(gross)} and ${_figure(entry.notional)} more, with entries on their way, "
    detail += f"would exceed {plain(fraction)} of equity, ${_figure(equity)} (max_gross_fraction)"
    yield Bound(NOTIONAL, room - entry.notional, Reason.RISK_GROSS_EXPOSURE, detail)


def _twins(case: Case, entry: Entry) -> Iterator[Bound]:
    for whose, window in _most_or_none(case, "duplicate_window_seconds"):
        if window:
            most = Decimal(str(case.now.timestamp())) - window
            detail = f"{entry.twin.strip()} was sent less than {plain(window)} s ago ({whose}duplicate_window_seconds)"
            yield Bound(entry.twin_name, most, Reason.RISK_DUPLICATE, detail)


def _most_or_none(case: Case, setting: str) -> Iterator[tuple[str, Decimal]]:
    return ((whose, most) for whose, most in _most(case, setting) if most)
