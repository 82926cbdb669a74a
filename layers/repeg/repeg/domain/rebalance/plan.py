"""The plan of a rebalance: which shares to sell and to buy, and what cannot be reached and why. Pure arithmetic.

It is made three times on fresh books: before the sells (`plan`), after them for the buys (`plan_buys`), which then
count no proceeds, and at the end for what is left (`left_over`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, Decimal, localcontext
from typing import Literal, NamedTuple

from repeg.domain.models import Side
from repeg.domain.money import EXACT_DIGITS, floor_qty, plain, tidy, too_small
from repeg.domain.rebalance.book import ZERO, Book, Targets
from repeg.domain.rebalance.funds import Wish, for_covers, owed, scarcity, share_out, spendable
from repeg.domain.rebalance.planned import Leg, Plan, Residual
from repeg.domain.rebalance.standing import Standing, investable_equity, standings

SHOWN = Decimal("0.000001")
"""To what weights and drifts are rounded where they are told; decisions take them exactly."""

STILL_TO_SELL = "still to be sold"
STILL_TO_COVER = "still to be bought back"
STILL_TO_BUY = "still to be bought"
COVERED_FIRST = "to be bought once the short is bought back"


class _Trade(NamedTuple):
    """What is traded of a symbol, perhaps nothing, and why it is not all that was wanted, if so."""

    standing: Standing
    side: Side
    qty: Decimal
    cost: Decimal | None = None
    why: str = ""
    leaves_position: bool = True
    """False for a buy that adds to what is held."""


def plan(book: Book, targets: Targets) -> Plan:
    """The whole rebalance. Its buys are what could be bought if every sell is filled at its worst price.

    Raises:
        ValueError: a symbol that is wanted or held has no price.
    """
    return _plan(book, targets, selling=True)


def plan_buys(book: Book, targets: Targets) -> Plan:
    """What is bought once the sells are over: with the cash that is there, and nothing is sold for it.

    Raises:
        ValueError: a symbol that is wanted or held has no price.
    """
    return _plan(book, targets, selling=False)


def left_over(book: Book, targets: Targets) -> tuple[Residual, ...]:
    """What is off its target on a book after which nothing more is traded.

    Raises:
        ValueError: a symbol that is wanted or held has no price.
    """
    last = plan(book, targets)
    # What is still to be sold pays for nothing: a buy that waits for it has the cash that there is for its reason.
    known = {each.symbol: each.why for each in (*plan_buys(book, targets).residual, *last.residual)}
    legs = {leg.symbol: leg for leg in (*last.buys, *last.sells)}
    open_legs = [
        Residual(symbol=leg.symbol, drift=leg.drift, why=known.get(leg.symbol) or _not_done(leg))
        for leg in legs.values()
    ]
    others = [each for each in last.residual if each.symbol not in legs]
    return tuple(sorted([*open_legs, *others], key=lambda each: (-abs(each.drift), each.symbol)))


def _not_done(leg: Leg) -> str:
    if leg.phase == "buy":
        return STILL_TO_BUY
    return STILL_TO_SELL if leg.side == "sell" else STILL_TO_COVER


def _plan(book: Book, targets: Targets, selling: bool) -> Plan:
    # Sums of shares times prices are exact at that many digits: what buys may cost is kept to the last of them.
    with localcontext(prec=EXACT_DIGITS):
        equity = investable_equity(book, targets)
        if equity <= 0:
            return _nothing_to_invest(book, targets, equity)
        every = [each for each in standings(book, targets, equity) if each.off(targets.threshold)]
        able = [each for each in every if not each.obstacle]
        sells = [_sell(each, targets) for each in able if selling and each.qty > 0 and each.drift > 0]
        covers = _covers([each for each in able if each.qty < 0], for_covers(book, targets))
        covered = {cover.standing.symbol: cover.qty for cover in covers}
        cover_costs = _costs(covers)
        proceeds = sum((sell.qty * sell.standing.price.worst_sell for sell in sells), ZERO)
        dollars = spendable(book, targets, equity, proceeds, cover_costs, owed(book, covered))
        wanting = [each for each in able if _buyable(each, covered, selling)]
        buys = _buys(wanting, dollars, targets, scarcity(book, targets))
        first, then = ([*sells, *covers], buys) if selling else ([], [*covers, *buys])
        return Plan(
            equity=tidy(equity),
            cash=tidy(book.cash),
            spendable=tidy(dollars if selling else dollars + cover_costs),
            sells=_legs(first, "sell"),
            buys=_legs(then, "buy"),
            residual=tuple(_residuals(every, [*first, *then], targets)),
        )


def _nothing_to_invest(book: Book, targets: Targets, equity: Decimal) -> Plan:
    # Weights of nothing would have everything sold, of a debt the contrary of what was asked for.
    why = f"there is nothing to invest: cash and shares come to {_dollars(equity)}"
    symbols = set(targets.weights) | {
        each.symbol for each in book.holdings if targets.liquidate_others and each.investable(targets.include_protected)
    }
    residual = tuple(Residual(symbol=symbol, drift=ZERO, why=why) for symbol in sorted(symbols))
    return Plan(equity=tidy(equity), cash=tidy(book.cash), spendable=ZERO, sells=(), buys=(), residual=residual)


def _sell(standing: Standing, targets: Targets) -> _Trade:
    """The sale of what is too much: all that is there when nothing of it is wanted."""
    wanted = standing.qty - standing.target / standing.price.mark
    reachable = floor_qty(min(wanted, standing.reach), standing.fractionable)
    qty = _leaving_whole(standing, reachable)
    why = "" if qty == reachable else "protection is for whole shares, and so what stays of a bracket is whole"
    if standing.reach < wanted:
        why = f"open orders hold {plain(standing.qty - standing.reach)} of {plain(standing.qty)} shares"
    elif qty < wanted and not standing.fractionable:
        why = "the broker trades the symbol in whole shares only"
    return _worthwhile(_Trade(standing, "sell", qty, why=why), targets)


def _leaving_whole(standing: Standing, qty: Decimal) -> Decimal:
    """Shares to sell, at most so many, so that no fraction of a share is left that no OCO can guard."""
    guarded = min(standing.reach, standing.qty) - standing.free
    stay = guarded - max(ZERO, qty - standing.free)
    if stay == guarded:
        return qty
    return standing.free + guarded - min(guarded, stay.to_integral_value(ROUND_CEILING))


def _covers(shorts: Sequence[Standing], dollars: Decimal) -> list[_Trade]:
    """What is bought back of each short: all of it, as far as the dollars go."""
    covers = []
    for short in shorts:
        price = short.price.worst_buy
        wanted = min(-short.qty, short.reach)
        # No fraction of a share can be short (docs.alpaca.markets/docs/fractional-trading): none may be left of it.
        qty = wanted if wanted * price <= dollars else floor_qty(dollars / price, fractionable=False)
        why = ""
        if short.reach < -short.qty:
            why = f"open orders hold {plain(-short.qty - short.reach)} of {plain(-short.qty)} short shares"
        elif qty < wanted:
            why = f"the cash that is there buys back {plain(qty)} of {plain(wanted)} short shares"
        if too_small(qty, short.price.mark):
            qty, why = ZERO, why or _UNDER_A_DOLLAR
        dollars -= qty * price
        covers.append(_Trade(short, "buy", qty, qty * price, why))
    return covers


def _buyable(standing: Standing, covered: dict[str, Decimal], selling: bool) -> bool:
    """True when shares of it are to be bought; a short is covered first, by an order of its own."""
    if standing.qty < 0:
        return selling and covered.get(standing.symbol) == -standing.qty
    return standing.value < standing.target


def _buys(wanting: Sequence[Standing], dollars: Decimal, targets: Targets, scarce: str) -> list[_Trade]:
    """What is bought of each symbol with so many dollars, every one at its worst price; `scarce`: why it is nothing."""
    wishes = [_wish(each) for each in wanting]
    shares = share_out(wishes, dollars)
    total = sum((wish.qty * wish.price for wish in wishes), ZERO)
    short = scarce or f"{_dollars(dollars)} can be spent where {_dollars(total)} are wanted" if total > dollars else ""
    buys = []
    for standing, wish, qty in zip(wanting, wishes, shares, strict=True):
        why = short if qty < wish.qty else ""
        if not why and not standing.fractionable:
            why = "the broker trades the symbol in whole shares only"
        trade = _Trade(standing, "buy", qty, qty * wish.price, why, leaves_position=False)
        buys.append(_worthwhile(trade, targets))
    return buys


def _wish(standing: Standing) -> Wish:
    price = standing.price.worst_buy
    missing = standing.target - max(ZERO, standing.value)
    return Wish(floor_qty(missing / price, standing.fractionable), price, standing.fractionable)


_UNDER_A_DOLLAR = "the broker takes no order under $1"


def _worthwhile(trade: _Trade, targets: Targets) -> _Trade:
    """The trade, or none where it is too small; why it is cut comes before why it is small."""
    standing = trade.standing
    if trade.qty > 0 and too_small(trade.qty, standing.price.mark):
        return trade._replace(qty=ZERO, cost=None, why=trade.why or _UNDER_A_DOLLAR)
    # What is left is left whole: a rest that no rebalance takes would be in the account for ever.
    if trade.side == "sell" and standing.leaves:
        return trade
    if trade.qty * standing.price.mark < targets.min_trade_notional:
        small = f"less than the smallest trade of ${plain(targets.min_trade_notional)}"
        return trade._replace(qty=ZERO, cost=None, why=trade.why or small)
    return trade


def _legs(trades: Iterable[_Trade], phase: Literal["sell", "buy"]) -> tuple[Leg, ...]:
    ordered = sorted(trades, key=lambda each: (-abs(each.standing.drift), each.standing.symbol))
    return tuple(_leg(trade, phase) for trade in ordered if trade.qty > 0)


def _leg(trade: _Trade, phase: Literal["sell", "buy"]) -> Leg:
    standing = trade.standing
    return Leg(
        symbol=standing.symbol,
        side=trade.side,
        qty=tidy(trade.qty),
        cost=None if trade.cost is None else tidy(trade.cost),
        current_weight=_shown(standing.value / standing.equity),
        target_weight=_shown(standing.weight),
        drift=_shown(standing.drift),
        mark=standing.price.mark,
        phase=phase,
        by_close=trade.leaves_position and trade.qty > standing.free,
    )


def _residuals(every: Sequence[Standing], trades: Sequence[_Trade], targets: Targets) -> Iterable[Residual]:
    for standing in every:
        own = [trade for trade in trades if trade.standing.symbol == standing.symbol]
        bought = sum((trade.qty if trade.side == "buy" else -trade.qty for trade in own), ZERO)
        drift = standing.drift + bought * standing.price.mark / standing.equity
        why = standing.obstacle or next((trade.why for trade in own if trade.why), "") or _untraded(standing, own)
        if why and _is_left(standing, bought, drift, targets):
            yield Residual(symbol=standing.symbol, drift=_shown(drift), why=why)


def _untraded(standing: Standing, own: Sequence[_Trade]) -> str:
    """Why nothing was planned of it; empty when something was."""
    if standing.qty < 0 and standing.target > 0 and all(trade.leaves_position for trade in own):
        return COVERED_FIRST
    return "" if own else STILL_TO_SELL


def _is_left(standing: Standing, bought: Decimal, drift: Decimal, targets: Targets) -> bool:
    """True when a symbol is off its target after its trades by more than the threshold, or was not left or entered."""
    if abs(drift) > targets.threshold or (standing.enters and bought == 0):
        return True
    return standing.leaves and (standing.qty + bought) * standing.qty > 0


def _costs(trades: Iterable[_Trade]) -> Decimal:
    return sum((trade.cost or ZERO for trade in trades), ZERO)


def _shown(fraction: Decimal) -> Decimal:
    return tidy(fraction.quantize(SHOWN))


def _dollars(amount: Decimal) -> str:
    return f"{'-' if amount < 0 else ''}${abs(amount):,.2f}"
