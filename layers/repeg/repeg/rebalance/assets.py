"""Which symbols the broker trades, and which in fractions: asked once a day."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import date

from botocore.exceptions import BotoCoreError, ClientError

from repeg.broker.port import Broker
from repeg.domain.market.reports import Asset, KnownAssets
from repeg.errors import BrokerUnavailable
from repeg.store.shared import SharedStore

_log = logging.getLogger(__name__)
# The list is one request, but thousands of assets long: megabytes to send, 0.15 s to read.
ASKED_SINGLY = 5
"""So many symbols are asked for one by one; of more, the broker's whole list is read."""


def assets_of(broker: Broker, shared: SharedStore, symbols: Collection[str], today: date) -> dict[str, Asset]:
    """The assets of those symbols that the broker knows; what was told on this market date is not asked again.

    Raises:
        RetryError: the broker could not be asked.
    """
    known = {asset.symbol: asset for asset in _kept(shared, today)}
    missing = sorted(set(symbols) - known.keys())
    if missing:
        try:
            _ask(broker, missing, known)
        finally:
            # Whatever was answered before the requests ran out is known at the next try. What is not traded is asked
            # for again: a false answer must not last all day.
            _keep(shared, KnownAssets(on=today, assets=tuple(each for each in known.values() if each.tradable)))
    return {symbol: known[symbol] for symbol in sorted(symbols) if symbol in known}


def _ask(broker: Broker, symbols: Sequence[str], known: dict[str, Asset]) -> None:
    """Put what the broker tells of these symbols into `known`."""
    listed: dict[str, Asset] = {}
    if len(symbols) > ASKED_SINGLY:
        try:
            listed = {asset.symbol: asset for asset in broker.assets()}
        except BrokerUnavailable as error:
            # Perhaps for its size alone.
            _log.warning("the broker's list of assets could not be read, they are asked for one by one: %s", error)
    # The list has the active ones alone.
    for symbol in symbols:
        asset = listed.get(symbol) or broker.asset(symbol)
        if asset:
            known[symbol] = asset


def _kept(shared: SharedStore, today: date) -> tuple[Asset, ...]:
    try:
        known = shared.assets()
    except (ClientError, BotoCoreError) as error:
        _log.error("the assets last told cannot be read, they are asked for: %s", error)
        return ()
    return known.assets if known and known.on == today else ()


def _keep(shared: SharedStore, known: KnownAssets) -> None:
    try:
        shared.keep_assets(known)
    except (ClientError, BotoCoreError) as error:
        _log.error("the assets could not be kept: %s", error)
