"""Finds the broker: the keys in force, the feed, the account's request budget, and the lock on live trading."""

from __future__ import annotations

import json
import math
import os
import time
from functools import lru_cache

from botocore.exceptions import BotoCoreError, ClientError

from repeg.broker.alpaca import AlpacaBroker, connect_alpaca
from repeg.budget.table import TableBudget
from repeg.domain.patience import KEYS_SECONDS as KEYS_SECONDS
from repeg.errors import ConfigurationError, LiveTradingLocked, RetryError
from repeg.telemetry import calls, logger
from repeg.wiring import clients
from repeg.wiring.known_account import REFRESHED_AFTER, KnownAccount, fingerprint
from repeg.wiring.live_lock import broker_urls, unlock


def broker() -> AlpacaBroker:
    """The broker, by the keys and the feed in force; a new one when either changes."""
    return _connect(*_keys(int(time.monotonic() // KEYS_SECONDS)), _feed())


def _feed() -> str:
    try:
        return clients.settings().data_feed
    # An exit needs no quote, and an entry is refused for its settings before it needs one.
    except ConfigurationError as error:
        from repeg.domain.settings import Settings  # not on the way of those that can read them

        logger.error(f"settings cannot be read, the built-in feed is used: {error}")
        return Settings().data_feed


def check_account() -> None:
    """For the sweep: ask which account the keys belong to before the last answer stops being believed.

    Raises:
        LiveTradingLocked: it is not the one that was named; no process that starts from now on trades.
        RetryError: the broker could not be asked.
    """
    mode, named = os.environ.get("TRADING_MODE", "paper"), os.environ.get("ACCOUNT_NUMBER", "")
    connected = broker().urgent()
    known = _known(*_keys(int(time.monotonic() // KEYS_SECONDS)))
    try:
        unlock(mode, named, clients.stack().name, lambda: known.number(connected, REFRESHED_AFTER))
    except LiveTradingLocked:
        # A process that is connected already asks anew, and is locked, too.
        _connect.cache_clear()
        raise


def _known(key_id: str, secret_key: str) -> KnownAccount:
    return KnownAccount(clients.shared_store(), fingerprint(key_id, secret_key), clients.time_keeper().wall)


_last_keys: list[tuple[str, str]] = []


@lru_cache(maxsize=1)
def _keys(period: int) -> tuple[str, str]:
    """The key pair, read anew every period, and after every refusal; while the secret cannot be read the last stays."""
    name = clients.environment("ALPACA_SECRET_ID")
    try:
        keys = json.loads(clients.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])
        pair = str(keys["key_id"]), str(keys["secret_key"])
    except (ValueError, KeyError, TypeError):
        raise _no_keys('must be JSON: {"key_id": "...", "secret_key": "..."}') from None
    except (ClientError, BotoCoreError) as error:
        # Keys in hand serve an exit better than none: whether they are still good the broker says.
        if _last_keys:
            logger.error(f"the keys cannot be read, the last ones stay: {error}")
            return _last_keys[0]
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == "ResourceNotFoundException":
            raise _no_keys("holds no key pair yet") from error
        raise RetryError(f"the keys cannot be read: {error}") from error
    if not all(pair):
        raise _no_keys("holds no key pair yet")
    _last_keys[:] = [pair]
    return _last_keys[0]


def _no_keys(problem: str) -> ConfigurationError:
    stack = clients.stack().name
    return ConfigurationError(f"secret {stack}/alpaca {problem}; put one in: repeg keys set --stack {stack}")


@lru_cache(maxsize=1)
def _connect(key_id: str, secret_key: str, feed: str) -> AlpacaBroker:
    mode = clients.stack().mode
    trading_url, data_url = broker_urls(mode, os.environ.get("BROKER_URL", ""), os.environ.get("DATA_URL", ""))
    # On a fast market a request is market seconds under way, and counts from when it arrives.
    travel_seconds = 0 if clients.speed() == 1 else math.ceil(clients.speed() / 5)
    now = clients.time_keeper().latest_now
    budget = TableBudget(
        clients.client("dynamodb"), clients.environment("TABLE_NAME"), mode, now, travel_seconds=travel_seconds
    )
    connected = connect_alpaca(
        key_id,
        secret_key,
        trading_url=trading_url,
        data_url=data_url,
        feed=feed,
        budget=budget,
        now=now,
        on_refused=_keys.cache_clear,
        heard=calls.heard,
    )
    named, known = os.environ.get("ACCOUNT_NUMBER", ""), _known(key_id, secret_key)
    unlock(mode, named, clients.stack().name, lambda: known.number(connected.urgent()))
    return connected
