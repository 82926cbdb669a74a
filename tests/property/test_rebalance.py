"""Properties of the plan of a rebalance, whatever the account holds, the prices are and the weights ask for."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from repeg.domain.money import QTY_STEP
from repeg.domain.reasons import Reason
from repeg.domain.rebalance.book import Book, Holding, Price, Targets
from repeg.domain.rebalance.plan import left_over, plan, plan_buys
from repeg.domain.rebalance.planned import Leg, Plan
from tests.support.books import book, filled, held, price, targets

ZERO = Decimal(0)
SYMBOLS = ("AAPL", "BIL", "QQQ", "SPY", "TQQQ")
CAP = 50


def _decimals(lowest: int, highest: int, places: int) -> st.SearchStrategy[Decimal]:
    unit = 10**places
    return st.integers(lowest * unit, highest * unit).map(lambda number: Decimal(number) / unit)


longs = st.one_of(_decimals(0, 300, 0), _decimals(0, 30, 9))
dollars = _decimals(-20_000, 100_000, 2)


@st.composite
def holdings(draw: st.DrawFn, symbol: str, shorts: bool = True) -> Holding:
    """A long, perhaps with shares that brackets or strangers' orders hold, or a short."""
    if shorts and draw(st.integers(0, 4)) == 0:
        short = draw(st.integers(1, 200))
        return held(symbol, -short, protected=draw(st.integers(0, short)) if draw(st.booleans()) else 0)
    qty = draw(longs)
    kept = draw(st.integers(0, int(qty))) if draw(st.booleans()) else 0
    protected = draw(st.integers(0, kept))
    return held(symbol, qty, protected=protected, by_orders=kept - protected)


@st.composite
def prices(draw: st.DrawFn, symbol: str, traded: bool = False) -> Price:
    problem = None if traded or draw(st.integers(0, 5)) else Reason.STALE_QUOTE
    return price(symbol, draw(_decimals(1, 900, 2)), draw(st.integers(0, CAP)), problem)


@st.composite
def wants(draw: st.DrawFn, threshold: st.SearchStrategy[Decimal] | None = None) -> Targets:
    parts = draw(st.dictionaries(st.sampled_from(SYMBOLS), st.integers(0, 50), min_size=1))
    whole = max(100, sum(parts.values()))
    return targets(
        {symbol: Decimal(part) / whole for symbol, part in parts.items()},
        threshold=draw(threshold if threshold is not None else _decimals(0, 1, 2).map(lambda part: part / 10)),
        min_trade=draw(st.integers(1, 50)),
        buffer=draw(st.integers(0, 5)) * Decimal("0.01"),
        others=draw(st.booleans()),
        protected=draw(st.booleans()),
        margin=draw(st.integers(0, 4)) == 0,
    )


@st.composite
def books(draw: st.DrawFn, quiet: bool = False) -> Book:
    """An account; a quiet one is free to trade: longs that nothing holds, in fractions of a share, nothing at work."""
    own = draw(st.lists(st.sampled_from(SYMBOLS), unique=True))
    held_now = [held(each, draw(longs)) if quiet else draw(holdings(each)) for each in own]
    shown = [draw(prices(each, traded=quiet)) for each in SYMBOLS]
    if quiet:
        return book(draw(dollars), held_now, shown)
    cash = draw(dollars)
    return book(
        cash,
        held_now,
        shown,
        whole=draw(st.sets(st.sampled_from(SYMBOLS))),
        settled_cash=draw(st.none() | _decimals(0, 50_000, 2)),
        spoken_for=draw(st.just(ZERO) | _decimals(0, 20_000, 2)),
        waiting=dict.fromkeys(draw(st.sets(st.sampled_from(SYMBOLS), max_size=1)), "an order is at work"),
    )


def _qty(account: Book, symbol: str) -> Decimal:
    return next((each.qty for each in account.holdings if each.symbol == symbol), ZERO)


def _costs(legs: Iterable[Leg]) -> Decimal:
    return sum((leg.cost or ZERO for leg in legs), ZERO)


def _no_worse(account: Book, planned: Plan) -> None:
    """What holds of every plan: no empty leg, nothing sold that is not there, nothing bought that is not paid for."""
    for leg in (*planned.sells, *planned.buys):
        assert leg.qty >= QTY_STEP and leg.qty % QTY_STEP == 0
        assert leg.symbol in account.fractionable or leg.qty % 1 == 0
        assert leg.symbol not in account.waiting and account.prices[leg.symbol].problem is None
        assert leg.qty * leg.mark >= 1
    for leg in planned.sells:
        position = _qty(account, leg.symbol)
        assert position > 0 if leg.side == "sell" else position < 0
        assert leg.qty <= abs(position)
    assert all(leg.side == "buy" for leg in planned.buys)
    for legs in (planned.sells, planned.buys):
        assert len({leg.symbol for leg in legs}) == len(legs)
        assert [abs(leg.drift) for leg in legs] == sorted((abs(leg.drift) for leg in legs), reverse=True)
    assert _costs(planned.buys) <= planned.spendable
    assert all(each.why for each in planned.residual)


@given(books(), wants())
def test_nothing_is_sold_that_is_not_there_and_nothing_bought_that_is_not_paid_for(
    account: Book, wanted: Targets
) -> None:
    planned, bought = plan(account, wanted), plan_buys(account, wanted)
    _no_worse(account, planned)
    _no_worse(account, bought)
    if wanted.margin and account.settled_cash is None:
        assert _costs(bought.buys) <= account.buying_power
    for leg in planned.sells:
        holding = next(each for each in account.holdings if each.symbol == leg.symbol)
        free = abs(holding.qty) - holding.protected
        assert leg.qty <= (abs(holding.available) + holding.protected if leg.by_close else free)
        assert not leg.by_close or wanted.include_protected


@given(books(), wants())
def test_cash_is_never_spent_that_is_not_there(account: Book, wanted: Targets) -> None:
    """Every leg filled at its worst price, the account owes nobody: neither lenders nor the lenders of shorts."""
    assume(not wanted.margin)
    planned = plan(account, wanted)
    # The broker has taken off the settled cash what open orders may cost.
    mine = account.cash - account.spoken_for
    ready = mine if account.settled_cash is None else min(mine, account.settled_cash)
    at_once = ready - _costs(planned.sells)
    assert at_once >= 0 or not _costs(planned.sells), "covers are paid with what is there, not with what is coming"
    coming = sum(
        (each.qty * account.prices[each.symbol].worst_sell for each in planned.sells if each.side == "sell"), ZERO
    )
    after = filled(account, planned.sells)
    owed = sum((-each.qty * after.prices[each.symbol].worst_buy for each in after.holdings if each.qty < 0), ZERO)
    left = at_once + (coming if account.settled_cash is None else 0) - _costs(planned.buys)
    assert left - owed >= wanted.cash_buffer * planned.equity or not planned.buys
    # The sells came to nothing: what is bought then is paid with what is there.
    bought = plan_buys(account, wanted)
    assert not bought.sells
    assert ready - _costs(bought.buys) >= 0 or not bought.buys


@settings(max_examples=40)
@given(st.data(), books(), wants())
def test_the_plan_does_not_depend_on_the_order_in_which_anything_is_named(
    data: st.DataObject, account: Book, wanted: Targets
) -> None:
    order = data.draw(st.permutations(SYMBOLS))
    again = account.changed(
        holdings=tuple(sorted(account.holdings, key=lambda each: order.index(each.symbol))),
        prices={symbol: account.prices[symbol] for symbol in order},
    )
    weights = {symbol: wanted.weights[symbol] for symbol in order if symbol in wanted.weights}
    assert plan(again, wanted.changed(weights=weights)) == plan(account, wanted)


@settings(max_examples=40)
@given(books(), wants())
def test_the_plan_does_not_depend_on_the_unit_of_money(account: Book, wanted: Targets) -> None:
    planned = plan(account, wanted)
    assume(not any("$1" in each.why for each in planned.residual))
    worth = 10
    dear = {
        each.symbol: each.changed(
            mark=each.mark * worth, worst_buy=each.worst_buy * worth, worst_sell=each.worst_sell * worth
        )
        for each in account.prices.values()
    }
    again = plan(
        account.changed(
            cash=account.cash * worth,
            settled_cash=None if account.settled_cash is None else account.settled_cash * worth,
            buying_power=account.buying_power * worth,
            spoken_for=account.spoken_for * worth,
            prices=dear,
        ),
        wanted.changed(min_trade_notional=wanted.min_trade_notional * worth),
    )
    for legs, others in ((planned.sells, again.sells), (planned.buys, again.buys)):
        assert [(leg.symbol, leg.side, leg.qty, leg.drift) for leg in legs] == [
            (leg.symbol, leg.side, leg.qty, leg.drift) for leg in others
        ]
    assert again.equity == planned.equity * worth and again.spendable == planned.spendable * worth


@given(books(quiet=True), wants(threshold=_decimals(1, 5, 0).map(lambda percent: percent / 100)))
def test_once_everything_is_filled_there_is_nothing_more_to_do(account: Book, wanted: Targets) -> None:
    """The cap's share of a target is less than the threshold: what a buy may cost more leaves nothing to buy."""
    sold = filled(account, plan(account, wanted).sells)
    bought = plan_buys(sold, wanted)
    end = filled(sold, bought.buys)
    after = plan(end, wanted)
    assert not after.sells
    if bought.residual:
        assert {leg.symbol for leg in after.buys} <= {each.symbol for each in bought.residual}
    else:
        assert not after.buys
    for each in left_over(end, wanted):
        assert each.why
