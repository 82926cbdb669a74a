"""Gathering what proves that shares are gone: `repeg.domain.proof.evidence` weighs it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, TypeVar

from repeg.broker.port import Broker
from repeg.domain.market.quotes import Quote
from repeg.domain.market.reports import OrderReport, Position
from repeg.domain.market.sessions import EASTERN
from repeg.domain.models import direction
from repeg.domain.order.adjustments import CorporateAction
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.reservation import Priority
from repeg.domain.patience import LINGER_SECONDS
from repeg.domain.proof.evidence import (
    DUST,
    Finding,
    Looks,
    Proof,
    expected_of,
    looks_split,
    order_ids,
    seen_before,
    unbooked,
    weigh,
)
from repeg.domain.proof.other_shares import bought_on, fits_better, is_between, is_far, unfollowed
from repeg.domain.proof.ours import held_by_ocos, took_more
from repeg.domain.rules.bracket_exit import levels_of
from repeg.errors import BrokerUnavailable, OperatorError, RetryError
from repeg.worker.oco import read_over
from repeg.worker.worker import Worker

# Alpaca ends orders that are good till cancelled after 90 days.
LONGEST_LIFE = timedelta(days=91)
"""An order that took shares may have rested for as long as the broker keeps one."""
DATA_LAGS = timedelta(days=5)
ANSWERS = 3
"""Where two about corporate actions do not agree, a third says which is false; they cost no trading request."""
_Seen = TypeVar("_Seen")


class Split(NamedTuple):
    """Why a price is none of the shares that the record counts; `told`: the broker's data tell of the split."""

    why: str
    told: bool


class Found(NamedTuple):
    """What became of shares, and the brackets with exits of theirs that came to light meanwhile."""

    finding: Finding
    brackets: list[Order]


def find_out(
    worker: Worker,
    brackets: Sequence[Order],
    listed: Sequence[Position] | None = None,
    open_orders: Sequence[OrderReport] | None = None,
    taken: Decimal = ZERO,
) -> Found:
    """What became of the shares of these brackets (one symbol, at least one bracket), by all that the broker says.

    `listed` and `open_orders` are listings of a moment ago, if there are any; `taken` is what an order under way has
    sold and booked on nobody yet. Costs up to four trading requests, and one for each OCO that took more than its
    record knows; asks for orders and corporate actions only when shares do not show.
    """
    symbol, broker = brackets[0].symbol, worker.broker_for(Priority.URGENT)
    position, read = _asked(worker, lambda: broker.position(symbol))
    by_list = _of(symbol, listed)
    # A list that shows a split before the position's own read does is no list that agrees.
    split = looks_split(brackets, position) or looks_split(brackets, by_list)
    if _shows_all(brackets, position, taken) and not split:
        held = position.qty * direction(brackets[0].trading_side) if position else ZERO
        return Found(Finding(proof=Proof.THERE, held=held), list(brackets))
    # Alpaca has answered 404 for a position that its list showed (github.com/alpacahq/Alpaca-API/issues/215 and /278):
    # by a single answer a hundred shares would be given up, bare.
    if listed is None:
        listed, _ = _asked(worker, broker.positions)
    by_list = _of(symbol, listed)
    looks = Looks(
        read=_qty(position) if read else None,
        listed=_qty(by_list) if listed is not None else None,
        avg_entry_price=position.avg_entry_price if position else None,
    )
    finding = weigh(brackets, looks, taken)
    if looks.held is None or (finding.proof is Proof.THERE and not looks_split(brackets, position)):
        return Found(finding, list(brackets))
    if open_orders is None:
        open_orders, _ = _asked(worker, broker.open_orders)
    looks, reports = _in_full(worker, broker, brackets, looks, open_orders)
    # By one answer of its OCO that lacked them, sixty shares that its target had taken were for ever in dispute.
    after = [worker.save_exits(each, read_over(worker, each, took_more(each, reports))) for each in brackets]
    return Found(weigh(after, looks, taken), after)


def since_then(worker: Worker, symbol: str, looks: Looks, since: datetime) -> Looks:
    """The looks, with what orders of others traded since a time and the corporate actions since.

    None of ours trades beside one that has the symbol's turn; what others traded before shows in what was held then.
    """
    broker = worker.broker_for(Priority.URGENT)
    reports, _ = _asked(worker, lambda: broker.groups(symbol, since - LONGEST_LIFE))
    traded = None
    if reports is not None:
        own = {order.name_at_broker for order in _ours(worker, reports)}
        others = unbooked(reports, since, own, None)
        traded = tuple(each for each in others if each.filled_at is None or each.filled_at >= since)
    return looks.changed(unbooked=traded, actions=_actions(worker, broker, symbol, since))


def other_shares(worker: Worker, order: Order, quote: Quote | None) -> Split | None:
    """A split that the market follows already, or may, and neither account nor record does; None: none is known of.

    Costs no trading request, and none at all while the market is between stop and target or on the day of the entry.
    """
    today, levels = worker.now(order).astimezone(EASTERN).date(), levels_of(order)
    price = quote.mid if quote else None
    if bought_on(order) >= today or (price and is_between(levels, price)):
        return None
    bought = order.first_sent_at or order.created_at
    actions = _actions(worker, worker.broker_for(Priority.URGENT), order.symbol, bought)
    if actions is None:
        # By a price that is off by as much as a split, nothing is sold as long as one cannot be ruled out.
        far = price is not None and is_far(levels, price)
        return Split("the price is off as after a split, and corporate actions cannot be read", False) if far else None
    ratio, words = unfollowed(order, actions, today)
    if not words or (price and not fits_better(levels, price, ratio)):
        return None
    return Split(f"{words}: the account does not show it yet", told=True)


def actions_by_two(
    worker: Worker, broker: Broker, symbols: Collection[str], since: date
) -> tuple[CorporateAction, ...]:
    """What two answers agree on, of three at most, oldest first.

    Raises:
        RetryError, OperatorError: an answer could not be had, or each tells something else.
    """
    # By one that knew of no split a hundred old shares were sold at the price of new ones, a tenth of theirs; by one
    # that made a split up their stop was taken down.
    told: list[tuple[CorporateAction, ...]] = []
    for _ in range(ANSWERS):
        if told:
            worker.sleep(LINGER_SECONDS)
        answer = broker.corporate_actions_of(symbols, since)
        if answer in told:
            return answer
        told.append(answer)
    raise BrokerUnavailable("each answer tells of other corporate actions")


def listed_position(worker: Worker, symbol: str) -> Position | None:
    """The symbol's position by the list of positions.

    Raises:
        RetryError: it could not be read.
    """
    return next((held for held in worker.broker_for(Priority.URGENT).positions() if held.symbol == symbol), None)


def _shows_all(brackets: Sequence[Order], position: Position | None, taken: Decimal) -> bool:
    """One answer is enough to know that shares are there."""
    held = position.qty * direction(brackets[0].trading_side) if position else None
    return held is not None and held >= expected_of(brackets, taken) - DUST


def _in_full(
    worker: Worker,
    broker: Broker,
    brackets: Sequence[Order],
    looks: Looks,
    open_orders: Sequence[OrderReport] | None,
) -> tuple[Looks, Sequence[OrderReport]]:
    """The looks with all that explains a difference, and the orders of the symbol that were read for it."""
    before = seen_before(brackets)
    bought = min(bracket.first_sent_at or bracket.created_at for bracket in brackets)
    since = max(bought, before.at) if before else bought
    reports, _ = _asked(worker, lambda: broker.groups(brackets[0].symbol, since - LONGEST_LIFE))
    traded = None if reports is None else unbooked(reports, since, _book_themselves(worker, reports), before)
    full = looks.changed(
        guarded=None if open_orders is None else held_by_ocos(brackets, open_orders),
        unbooked=traded,
        actions=_actions(worker, broker, brackets[0].symbol, since),
    )
    return full, reports or ()


def _book_themselves(worker: Worker, reports: Sequence[OrderReport]) -> set[str]:
    """Names of orders of ours whose trades are in the records of brackets, or will be; no plain sell is among them."""
    ours = _ours(worker, reports)
    return {order.name_at_broker for order in ours if order.kind in ("bracket", "close", "unwind")}


def _ours(worker: Worker, reports: Sequence[OrderReport]) -> list[Order]:
    known = [worker.orders.get(order_id) for order_id in sorted(order_ids(reports))]
    return [order for order in known if order]


def _actions(worker: Worker, broker: Broker, symbol: str, since: datetime) -> tuple[CorporateAction, ...] | None:
    day = (since - DATA_LAGS).astimezone(EASTERN).date()
    actions, _ = _asked(worker, lambda: actions_by_two(worker, broker, [symbol], day))
    if actions is None:
        return None
    first = since.astimezone(EASTERN).date()
    return tuple(action for action in actions if action.ex_date >= first)


def _of(symbol: str, listed: Sequence[Position] | None) -> Position | None:
    return next((held for held in listed or () if held.symbol == symbol), None)


def _qty(position: Position | None) -> Decimal:
    return position.qty if position else ZERO


def _asked(worker: Worker, ask: Callable[[], _Seen]) -> tuple[_Seen | None, bool]:
    """The answer and True, or None and False when there is none now."""
    try:
        return ask(), True
    except (RetryError, OperatorError) as error:
        worker.log.info(f"no evidence: {error}")
        return None, False
