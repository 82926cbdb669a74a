"""The prices that a rebalance is planned at: one look at the market for all of its symbols."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime

from repeg.broker.port import Broker
from repeg.domain.market.quotes import Snapshot
from repeg.domain.order.adjustments import CorporateAction
from repeg.domain.rebalance.book import Price
from repeg.domain.rebalance.prices import BadPrice, in_todays_shares, judge, market_date
from repeg.domain.settings import Settings
from repeg.errors import OperatorError, RetryError

_log = logging.getLogger(__name__)


def prices_of(
    broker: Broker, symbols: Collection[str], held: Collection[str], settings: Settings, now: datetime
) -> dict[str, Price | BadPrice]:
    """The price of each symbol, judged at `now` (market time); costs no trading request.

    What is in doubt is judged again by the splits since the previous close. `held`: symbols with a position.

    Raises:
        RetryError: the market data could not be had. `OperatorError`: the subscription does not include it.
    """
    today = market_date(now)
    seen = broker.snapshots(symbols, settings.feed_witnesses, today)
    judged = {symbol: judge(symbol, seen.get(symbol), now, settings, held=symbol in held) for symbol in sorted(symbols)}
    # Without a quote it is valued by prices of before the split, in shares of after it.
    doubtful = {symbol: seen[symbol] for symbol, price in judged.items() if symbol in seen and _in_doubt(price)}
    for symbol, actions in _actions(broker, doubtful, today).items():
        adjusted = in_todays_shares(seen[symbol], actions, today)
        judged[symbol] = judge(symbol, adjusted, now, settings, held=symbol in held)
    return judged


def _in_doubt(price: Price | BadPrice) -> bool:
    return isinstance(price, BadPrice) or price.problem is not None


def _actions(broker: Broker, doubtful: Mapping[str, Snapshot], today: date) -> Mapping[str, list[CorporateAction]]:
    found: dict[str, list[CorporateAction]] = defaultdict(list)
    days = [seen.previous_close_on for seen in doubtful.values()]
    days += [market_date(seen.last_at) for seen in doubtful.values() if seen.last_at]
    known = [day for day in days if day]
    if not known:
        return found
    try:
        for action in broker.corporate_actions_of(doubtful.keys(), min(known)):
            found[action.symbol].append(action)
    except (RetryError, OperatorError) as error:
        # They stay as they were judged: what is bad is bad, and a split on a day without quotes is a rare thing.
        _log.error("splits could not be asked for: %s", error)
    return found
