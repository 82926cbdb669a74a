"""Wires ports to adapters from the environment, once per process and only what is used."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from functools import cache, lru_cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from repeg.broker.alpaca import AlpacaBroker, connect_alpaca
from repeg.clock import TimeKeeper
from repeg.domain.models import printable
from repeg.domain.settings import Settings
from repeg.errors import ConfigurationError, RetryError
from repeg.events import EventBus
from repeg.executions import Executions
from repeg.live_lock import broker_urls, unlock
from repeg.settings import load_settings
from repeg.steps.accept import Intake
from repeg.steps.worker import Worker
from repeg.store.budget import TableBudget
from repeg.store.market import MarketStore
from repeg.store.orders import OrderStore
from repeg.telemetry import logger

SETTINGS_SECONDS = 5.0
KEYS_SECONDS = 30.0

_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


@cache
def client(service: str) -> Any:
    """A low-level AWS client."""
    return boto3.client(service, config=_CONFIG)


def environment(name: str) -> str:
    """An environment value that must be there.

    Raises:
        ConfigurationError: it is not.
    """
    value = os.environ.get(name, "")
    if not value:
        raise ConfigurationError(f"environment: {name} is not set")
    return value


def speed() -> float:
    """How many times faster than the wall the market runs (1 but on the local cloud)."""
    return float(os.environ.get("CLOCK_SPEED") or 1)


@cache
def market_store() -> MarketStore:
    """Shared readings."""
    return MarketStore(client("dynamodb"), environment("TABLE_NAME"))


@cache
def order_store() -> OrderStore:
    """Order records."""
    return OrderStore(client("dynamodb"), environment("TABLE_NAME"))


@cache
def time_keeper() -> TimeKeeper:
    """Market time."""
    return TimeKeeper(market_store(), speed())


@cache
def executions() -> Executions:
    """The machine that works orders."""
    return Executions(client("stepfunctions"), environment("STATE_MACHINE_ARN"))


@cache
def worker() -> Worker:
    """What the steps of the machine work with."""
    return Worker(
        orders=order_store(),
        time=time_keeper(),
        make_broker=broker,
        make_publisher=lambda: EventBus(client("events"), environment("EVENT_BUS_NAME")),
        make_executions=executions,
        settings=settings,
        sleep=lambda seconds: time.sleep(seconds / speed()),
        log=logger,
    )


def broker() -> AlpacaBroker:
    """The broker, by the keys and the feed in force; a new one when either changes."""
    feed = settings().data_feed if os.environ.get("SETTINGS_DEFAULTS") else "sip"
    return _connect(*_keys(int(time.monotonic() // KEYS_SECONDS)), feed)


_last_keys: list[tuple[str, str]] = []


@lru_cache(maxsize=1)
def _keys(period: int) -> tuple[str, str]:
    """The key pair, read anew every period; while the secret cannot be read the last pair stays."""
    name = environment("ALPACA_SECRET_ID")
    try:
        keys = json.loads(client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])
        _last_keys[:] = [(str(keys["key_id"]), str(keys["secret_key"]))]
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(f'secret {name} must be JSON: {{"key_id": "...", "secret_key": "..."}}') from None
    except (ClientError, BotoCoreError) as error:
        if not _last_keys:
            raise RetryError(f"the keys cannot be read: {error}") from error
        logger.error(f"the keys cannot be read, the last ones stay: {error}")
    return _last_keys[0]


@lru_cache(maxsize=1)
def _connect(key_id: str, secret_key: str, feed: str) -> AlpacaBroker:
    mode = os.environ.get("TRADING_MODE", "paper")
    trading_url, data_url = broker_urls(mode, os.environ.get("BROKER_URL", ""), os.environ.get("DATA_URL", ""))
    # On a fast market a request is market seconds under way, and counts from when it arrives.
    travel_seconds = 0 if speed() == 1 else math.ceil(speed() / 5)
    now = time_keeper().latest_now
    budget = TableBudget(client("dynamodb"), environment("TABLE_NAME"), mode, now, travel_seconds=travel_seconds)
    connected = connect_alpaca(
        key_id,
        secret_key,
        trading_url=trading_url,
        data_url=data_url,
        feed=feed,
        budget=budget,
        now=now,
    )
    unlock(connected.urgent(), mode, os.environ.get("ACCOUNT_NUMBER", ""))
    return connected


def settings() -> Settings:
    """The settings in force, at most a few seconds old."""
    return _settings(int(time.monotonic() // SETTINGS_SECONDS))


_last: dict[tuple[str, str | None], Settings] = {}


@lru_cache(maxsize=1)
def _settings(period: int) -> Settings:
    try:
        documents = _settings_documents()
    except (ClientError, BotoCoreError, ConfigurationError) as error:
        return load_settings(_unreadable(error), market_store(), logger.error)
    if documents not in _last:
        settings = load_settings(lambda: documents, market_store(), logger.error)
        _last.clear()
        _last[documents] = settings
    return _last[documents]


def _unreadable(error: Exception) -> Any:
    def fetch() -> tuple[str, str | None]:
        raise ConfigurationError(f"settings cannot be read: {error}")

    return fetch


def _settings_documents() -> tuple[str, str | None]:
    names = environment("SETTINGS_DEFAULTS"), environment("SETTINGS_OVERRIDES")
    found = {entry["Name"]: entry["Value"] for entry in client("ssm").get_parameters(Names=list(names))["Parameters"]}
    if names[0] not in found:
        raise ConfigurationError(f"parameter {names[0]} does not exist; deploy the stack again")
    return found[names[0]], found.get(names[1])


@cache
def intake() -> Intake:
    """What accepts signals."""
    return Intake(order_store(), executions(), time_keeper(), _dead_letter, logger)


def _dead_letter(body: str, problem: str) -> None:
    """Keep a refused message where the operator looks: the dead-letter queue, with what is wrong with it."""
    client("sqs").send_message(
        QueueUrl=environment("DLQ_URL"),
        MessageBody=body,
        MessageGroupId="refused",
        MessageDeduplicationId=hashlib.sha256(body.encode()).hexdigest(),
        MessageAttributes={"problem": {"DataType": "String", "StringValue": printable(problem)}},
    )
