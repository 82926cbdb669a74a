"""Which prices a plan may be made at. Each is held against the last trade and the previous close.

A rebalance sizes every leg by the prices of all symbols: a misprint of one, believed, sells the others. So a quote that
contradicts what else is known stops the plan; a symbol without a usable quote is valued by what is known, and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from math import prod

from repeg.domain.ladder.pricing import ZERO, worst_price
from repeg.domain.ladder.routing import cap_bps, classify
from repeg.domain.market.quotes import LAST_TRADE_COUNTS_FOR, MID_OFF_LAST, Quote, Snapshot, quote_rules
from repeg.domain.market.reports import Account, Position
from repeg.domain.market.sessions import EASTERN
from repeg.domain.models import Frozen
from repeg.domain.money import BPS, DOLLAR, plain, tick_size
from repeg.domain.order.adjustments import ONE, CorporateAction
from repeg.domain.reasons import Reason
from repeg.domain.rebalance.book import Price
from repeg.domain.settings import Settings

# Earnings move a stock by a third overnight; by then it has traded before the open, and that trade confirms the quote.
# Without a trade of today there are no such news.
MID_OFF_CLOSE = Decimal("0.2")
"""A mid that no trade of today confirms may be so far, as a fraction, from the previous close."""
# What halts a symbol moves it, so the bound is wide. Splits and misprints lie beyond it.
TRADE_TIMES_CLOSE = Decimal(2)
"""A last trade without a quote to confirm it may be at most so many times the previous close, or so small a part."""


WORTH_OFF = Decimal("0.05")
"""Part of the account by which its worth at these prices may differ from the broker's equity, which has last trades."""


class BadPrice(Frozen):
    """A symbol whose price cannot be told: nothing at all is planned. `why` says so in words."""

    symbol: str
    reason: Reason
    why: str


def judge(symbol: str, seen: Snapshot | None, now: datetime, settings: Settings, *, held: bool) -> Price | BadPrice:
    """The price to plan a symbol at. `seen`: None if the feed does not know it; `held`: the account has some of it."""
    seen = seen or Snapshot(quote=None)
    rules = quote_rules(settings, any_width=False)
    # Whether it is a market by itself; what the last trade says of it is asked below.
    alone = seen.changed(last_price=None)
    problem = rules.problem(alone, now)
    # Of AIG's recorded quotes one in thirty is locked: no moment to trade at, and as good a price as any. A leg looks
    # again before it trades.
    locked = problem is Reason.BAD_QUOTE and seen.quote is not None and seen.quote.bid == seen.quote.ask
    if seen.quote is None or (problem and not locked):
        problem = problem or Reason.NO_QUOTE
        return _untraded(symbol, seen, problem, rules.doubt(alone, now) or problem.explanation, settings, held)
    if not seen.last_price and not seen.previous_close:
        why = "no trade and no close is known that its quote could be held against"
        return _stopped(symbol, Reason.BAD_QUOTE, why, seen.quote, settings, held)
    contradiction = _contradiction(seen, seen.quote.mid, now)
    if contradiction:
        return BadPrice(symbol=symbol, reason=Reason.BAD_QUOTE, why=contradiction)
    return _price(symbol, seen.quote, seen.quote.mid, settings)


def in_todays_shares(seen: Snapshot, actions: Iterable[CorporateAction], today: date) -> Snapshot:
    """With last trade and previous close as they would be in shares of today, after the splits of a symbol since."""
    known = [action for action in actions if action.ex_date <= today]

    def since(day: date | None) -> Decimal:
        return prod((action.ratio for action in known if day and day < action.ex_date), start=ONE)

    close, last, at = seen.previous_close, seen.last_price, seen.last_at
    return seen.changed(
        previous_close=close and close / since(seen.previous_close_on),
        last_price=last and last / since(at and market_date(at)),
    )


def worth_doubted(account: Account, positions: Iterable[Position], prices: Mapping[str, Price]) -> str:
    """Why cash and positions at these prices are not what the broker says the account is worth, in words; or empty.

    Where something is held that has no price here (options, crypto), nothing can be said.
    """
    held = list(positions)
    if any(each.symbol not in prices for each in held):
        return ""
    values = [each.qty * prices[each.symbol].mark for each in held]
    worth, gross = account.cash + sum(values), abs(account.cash) + sum(map(abs, values))
    if abs(worth - account.equity) <= max(DOLLAR, max(gross, abs(account.equity)) * WORTH_OFF):
        return ""
    return f"cash and positions come to ${worth:,.2f}, and the broker's equity is ${account.equity:,.2f}"


def market_date(at: datetime) -> date:
    """The market's date at an instant."""
    return at.astimezone(EASTERN).date()


def _contradiction(seen: Snapshot, mid: Decimal, now: datetime) -> str | None:
    """What a quote is contradicted by, in words, or None."""
    last, at, close = seen.last_price, seen.last_at, seen.previous_close
    if last and at:
        confirms = abs(mid - last) <= last * MID_OFF_LAST
        if not confirms and now - at <= LAST_TRADE_COUNTS_FOR:
            return f"{_far(mid, last)} off the last trade at {_dollars(last)}"
        # A gap, or a split of today: the close of yesterday is not what it trades at.
        if confirms and market_date(at) == market_date(now):
            return None
    before, name = (close, "previous close") if close else (last, "last trade, of another day,")
    if before and abs(mid - before) > before * MID_OFF_CLOSE:
        return f"{_far(mid, before)} off the {name} at {_dollars(before)}, and no trade of today confirms it"
    return None


def _untraded(
    symbol: str, seen: Snapshot, problem: Reason, why: str, settings: Settings, held: bool
) -> Price | BadPrice:
    """A symbol that is not traded, at what is known of its worth."""
    last, close = seen.last_price, seen.previous_close
    if last and close and not close / TRADE_TIMES_CLOSE <= last <= close * TRADE_TIMES_CLOSE:
        why = f"{why} Its last trade at {_dollars(last)} contradicts the previous close at {_dollars(close)}."
        return _stopped(symbol, problem, why, seen.quote, settings, held)
    if not last and not close:
        return _stopped(symbol, problem, f"{why} Nothing else is known of its price.", seen.quote, settings, held)
    # The later of the two: a symbol that is halted has moved.
    day = seen.previous_close_on
    earlier = close and day and seen.last_at and market_date(seen.last_at) < day
    mark = (close if earlier else None) or last or close or ZERO
    return _price(symbol, seen.quote, mark, settings, problem, why)


def _stopped(
    symbol: str, problem: Reason, why: str, quote: Quote | None, settings: Settings, held: bool
) -> Price | BadPrice:
    """Without its worth nothing can be planned if it is held; a mere target is left alone."""
    if held:
        return BadPrice(symbol=symbol, reason=problem, why=why)
    two_sided = quote is not None and quote.bid > 0 and quote.ask > 0
    return _price(symbol, quote, quote.mid if quote and two_sided else ZERO, settings, problem, why)


def _price(
    symbol: str, quote: Quote | None, mark: Decimal, settings: Settings, problem: Reason | None = None, why: str = ""
) -> Price:
    """The price, with the caps that an order of the symbol would have if it arrived now."""
    bps, floor = cap_bps(classify(symbol, settings), settings), settings.cap_floor_ticks * tick_size(mark)
    return Price(
        symbol=symbol,
        bid=quote.bid if quote else ZERO,
        ask=quote.ask if quote else ZERO,
        mark=mark,
        worst_buy=worst_price(mark, bps, "buy", floor),
        worst_sell=worst_price(mark, bps, "sell", floor),
        problem=problem,
        why=why,
    )


def _far(mid: Decimal, reference: Decimal) -> str:
    return f"a mid of {_dollars(mid)} is {abs(mid - reference) / reference * BPS:.0f} bps"


def _dollars(price: Decimal) -> str:
    return plain(round(price, 4))
