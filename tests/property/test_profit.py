"""Profit and loss beside a reckoning that knows nothing of orders: an account with lots, cash and owners.

Whatever is bought, sold in parts, stopped out, closed, shorted and split, shares and dollars are the same by both.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from repeg.domain.models import Side, direction, opposite
from repeg.domain.order.adjustments import Adjustment, CorporateAction
from repeg.domain.order.bracket import Levels
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.protection import Exit, ExitReason
from repeg.domain.order.record import Order
from repeg.domain.profit import Books, books_of, fills_of, losses_of
from repeg.domain.proof import leaving
from tests.support.make import NOON, child, order

ZERO = Decimal(0)
CENT = Decimal("0.01")
LEVELS = Levels(stop=Decimal(49), target=Decimal(54))
OWNERS = ("calm", "pairs", "rotation")


class Lots:
    """Shares of one entry, each at what it cost."""

    def __init__(self, owner: str, side: Side, parts: list[tuple[Decimal, Decimal]], day: int) -> None:
        self.owner, self.side, self.day = owner, side, day
        self.qty = sum((qty for qty, _ in parts), ZERO)
        self.price = sum((qty * price for qty, price in parts), ZERO) / self.qty

    def split(self, ratio: Decimal) -> None:
        self.qty, self.price = self.qty * ratio, self.price / ratio


class Account:
    """The records that repeg would keep of what happens, and beside them what an accountant would write down."""

    def __init__(self) -> None:
        self.day, self.minute = 0, 0
        self.orders: list[Order] = []
        self.splits: list[CorporateAction] = []
        self.cash = ZERO
        self.plain: list[Lots] = []
        self.brackets: dict[int, Lots] = {}
        self.earned: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.lost: defaultdict[str, Decimal] = defaultdict(Decimal)
        """Of the day, against the last close."""
        self.close_of_before = Decimal(50)
        self.ratio_of_day = Decimal(1)

    @property
    def short(self) -> bool:
        return any(lots.side == "sell" for lots in self.brackets.values())

    @property
    def held(self) -> list[Lots]:
        return [*self.plain, *self.brackets.values()]

    def traded(self, kind: str, side: Side, parts: list[tuple[Decimal, Decimal]], owner: str | None) -> Order:
        """An order that was filled in these parts, one child order each."""
        number = len(self.orders) + 1
        children = []
        for place, (qty, price) in enumerate(parts):
            self.minute += 1
            at = NOON + timedelta(days=self.day, minutes=self.minute)
            fill = child(place + 1, client_order_id=f"ord-{number}-e{place + 1}", qty=qty, filled_qty=qty)
            # The first of several is cancelled with what it had: a partial fill.
            status = ChildStatus.FILLED if place == len(parts) - 1 else ChildStatus.CANCELED
            children.append(fill.changed(avg_fill_price=price, status=status, sent_at=at, closed_at=at))
            self.cash -= qty * price * direction(side)
        made = order(
            order_id=f"ord-{number}",
            signal_id=f"s-{number}",
            kind=kind,
            side=side,
            strategy=owner,
            children=tuple(children),
            created_at=children[0].sent_at,
            requested_qty=sum((qty for qty, _ in parts), ZERO),
        )
        self.orders.append(made)
        return made

    def buy(self, parts: list[tuple[Decimal, Decimal]], owner: str) -> None:
        if not self.short:
            made = self.traded("order", "buy", parts, owner)
            assert made.children
            # Each child order is a lot of its own.
            self.plain += [Lots(owner, "buy", [part], self.day) for part in parts]

    def sell(self, part: Decimal, prices: list[Decimal]) -> None:
        free = sum((lots.qty for lots in self.plain), ZERO)
        qty = _part_of(free, part)
        if qty <= 0:
            return
        parts = _parted(qty, prices)
        self.traded("order", "sell", parts, "the seller")
        for qty, price in parts:
            self._sold_plain(qty, price)

    def _sold_plain(self, qty: Decimal, price: Decimal) -> None:
        while qty > 0:
            oldest = self.plain[0]
            took = min(qty, oldest.qty)
            self._leaves(oldest, took, price)
            qty -= took
            if not oldest.qty:
                self.plain.pop(0)

    def _leaves(self, lots: Lots, qty: Decimal, price: Decimal) -> None:
        way = direction(lots.side)
        self.earned[lots.owner] += (price - lots.price) * qty * way
        self.lost[lots.owner] += (self._base(lots) - price) * qty * way
        lots.qty -= qty

    def _base(self, lots: Lots) -> Decimal:
        return lots.price if lots.day == self.day else self.close_of_before

    def enter(self, parts: list[tuple[Decimal, Decimal]], owner: str, short: bool) -> None:
        held = self.held
        if held and (short or self.short):
            return
        side: Side = "sell" if short else "buy"
        self.brackets[len(self.orders)] = Lots(owner, side, parts, self.day)
        made = self.traded("bracket", side, parts, owner)
        self.orders[-1] = made.with_guard(stop_loss=LEVELS.stop)

    def leaves(self, part: Decimal, price: Decimal, reason: ExitReason) -> None:
        """A leg of the oldest bracket's OCO takes so much of it."""
        if not self.brackets:
            return
        number, lots = next(iter(self.brackets.items()))
        qty = _part_of(lots.qty, part)
        if qty <= 0:
            return
        self.minute += 1
        at = NOON + timedelta(days=self.day, minutes=self.minute)
        gone = Exit(source=f"leg-{self.minute}-{self.day}", reason=reason, qty=qty, price=price, at=at)
        self.orders[number] = self.orders[number].with_exit(gone)
        self.cash += qty * price * direction(lots.side)
        self._leaves(lots, qty, price)
        if not lots.qty:
            del self.brackets[number]

    def close(self, part: Decimal, prices: list[Decimal]) -> None:
        """All of the symbol, or a part of it: shares of no bracket first, then the oldest bracket's."""
        total = sum((lots.qty for lots in self.held), ZERO)
        qty = _part_of(total, part)
        if qty <= 0:
            return
        side = opposite(self.held[0].side)
        parts = _parted(qty, prices)
        close = self.traded("close", side, parts, "the closer")
        close = close.with_close(position_before=total)
        self.orders[-1] = close
        numbers = list(self.brackets)
        after = leaving.booked(close, [self.orders[number] for number in numbers])
        for changed in after:
            self.orders[int(changed.order_id.removeprefix("ord-")) - 1] = changed
        average = sum((each * price for each, price in parts), ZERO) / qty
        free = min(qty, sum((lots.qty for lots in self.plain), ZERO))
        if free == qty:
            for each, price in parts:
                self._sold_plain(each, price)
            return
        # Of what brackets and others sold together nobody knows whose was sold at which price.
        self._sold_plain(free, average)
        for number in numbers:
            took = min(qty - free, self.brackets[number].qty)
            free += took
            self._leaves(self.brackets[number], took, average)
            if not self.brackets[number].qty:
                del self.brackets[number]

    def night(self, ratio: Decimal, close: Decimal) -> None:
        """A new day, on which so many new shares stand for each old one."""
        self.day, self.minute = self.day + 1, 0
        self.lost.clear()
        self.close_of_before, self.ratio_of_day = close, ratio
        if ratio == 1:
            return
        at = NOON + timedelta(days=self.day, minutes=-1)
        self.splits.append(CorporateAction(symbol="TQQQ", kind="forward_split", ratio=ratio, ex_date=at.date()))
        for number, lots in self.brackets.items():
            change = Adjustment(
                why="corporate_action", detail="", change=lots.qty * (ratio - 1), ratio=ratio, levels=LEVELS, at=at
            )
            known = self.orders[number]
            self.orders[number] = known.with_care(adjustments=(*known.care.adjustments, change))
        for lots in self.held:
            lots.split(ratio)

    def losses(self, mark: Decimal) -> dict[str, Decimal]:
        found = defaultdict(Decimal, self.lost)
        for lots in self.held:
            found[lots.owner] += (self._base(lots) - mark) * lots.qty * direction(lots.side)
        return dict(found)


def _part_of(qty: Decimal, part: Decimal) -> Decimal:
    return qty if part == 1 else (qty * part).quantize(CENT, ROUND_DOWN)


def _parted(qty: Decimal, prices: list[Decimal]) -> list[tuple[Decimal, Decimal]]:
    """The quantity in as many parts as there are prices, as far as it goes."""
    each = (qty / len(prices)).quantize(CENT, ROUND_DOWN)
    if each <= 0 or each * (len(prices) - 1) >= qty:
        return [(qty, prices[0])]
    return [*((each, price) for price in prices[:-1]), (qty - each * (len(prices) - 1), prices[-1])]


# No move of a day by as much as half a split: what was which share's price could not be told apart.
_prices = st.integers(4500, 6000).map(lambda cents: Decimal(cents) / 100)
_quantities = st.integers(1, 40).map(Decimal)
_fills = st.lists(st.tuples(_quantities, _prices), min_size=1, max_size=3)
_some = st.sampled_from([Decimal("0.25"), Decimal("0.5"), Decimal(1)])
_owners = st.sampled_from(OWNERS)
_steps = st.one_of(
    st.tuples(st.just("buy"), _fills, _owners),
    st.tuples(st.just("sell"), _some, st.lists(_prices, min_size=1, max_size=3)),
    st.tuples(st.just("enter"), _fills, _owners, st.booleans()),
    st.tuples(st.just("leaves"), _some, _prices, st.sampled_from([ExitReason.TARGET, ExitReason.STOP])),
    st.tuples(st.just("close"), _some, st.lists(_prices, min_size=1, max_size=3)),
    st.tuples(st.just("night"), st.sampled_from(list(map(Decimal, ("1", "1", "2", "0.5", "10")))), _prices),
)


def _lived(steps: list[tuple[Any, ...]]) -> Account:
    account = Account()
    for name, *how in steps:
        getattr(account, name)(*how)
    return account


def _rounded(dollars: dict[str, Decimal]) -> dict[str, Decimal]:
    found = {owner: round(value, 9) for owner, value in dollars.items()}
    return {owner: value for owner, value in found.items() if value}


@settings(max_examples=200)
@given(st.lists(_steps, max_size=14), st.randoms())
def test_no_share_and_no_dollar_is_lost_or_made(steps: list[tuple[Any, ...]], random: Any) -> None:
    account = _lived(steps)
    orders = account.orders.copy()
    # As the ledger has them: in no order.
    random.shuffle(orders)
    books = books_of(orders, account.splits)
    assert not books.unmatched
    held, mine = defaultdict(Decimal), defaultdict(Decimal)
    for lot in books.lots:
        held[lot.strategy, lot.side] += round(lot.qty, 9)
    for lots in account.held:
        mine[lots.owner, lots.side] += round(lots.qty, 9)
    assert held == mine
    assert _rounded(_by_owner(books)) == _rounded(account.earned)
    fills = [fill.cash for each in orders for fill in fills_of(each)]
    assert round(sum((cash for cash in fills if cash is not None), ZERO) - account.cash, 9) == 0
    tied_up = sum((lot.qty * (lot.price or ZERO) * direction(lot.side) for lot in books.lots), ZERO)
    earned = sum((trade.realised or ZERO for trade in books.trades), ZERO)
    assert round(earned - tied_up - account.cash, 6) == 0, "what came in, but for what is held, was earned"


def _by_owner(books: Books) -> dict[str, Decimal]:
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for trade in books.trades:
        assert trade.realised is not None and trade.strategy is not None
        found[trade.strategy] += trade.realised
    return found


@settings(max_examples=200)
@given(st.lists(_steps, max_size=14), _prices, st.booleans())
def test_a_strategy_lost_today_what_its_shares_are_worth_less(
    steps: list[tuple[Any, ...]], mark: Decimal, of_old_shares: bool
) -> None:
    """Whether the broker tells the last close of old shares or of new ones, on the day of a split."""
    account = _lived(steps)
    books = books_of(account.orders, account.splits)
    day = (NOON + timedelta(days=account.day)).date()
    ratio = account.ratio_of_day if of_old_shares else Decimal(1)
    closes = {"TQQQ": account.close_of_before * ratio}
    found = losses_of(books, day, {"TQQQ": mark}, closes, account.splits)
    assert not found.unknown
    assert _rounded(found.dollars) == _rounded(account.losses(mark))
