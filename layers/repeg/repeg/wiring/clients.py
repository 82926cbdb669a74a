"""Wires ports to adapters from the environment, once per process and only what is used."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from repeg.clock import TimeKeeper
from repeg.domain.deliveries import INTAKE_ON
from repeg.domain.order.alerts import Stack
from repeg.errors import ConfigurationError
from repeg.events import EventBus
from repeg.executions import Executions
from repeg.store.identity import IdentityStore
from repeg.store.orders import OrderStore
from repeg.store.rebalances import RebalanceStore
from repeg.store.shared import SharedStore
from repeg.telemetry import logger, meter

if TYPE_CHECKING:
    from repeg.broker.port import Broker
    from repeg.cancels import Cancels
    from repeg.domain.settings import Settings
    from repeg.rebalance.rebalancer import Rebalancer
    from repeg.reconcile.run import Reconciler
    from repeg.worker.worker import Worker

SETTINGS_SECONDS = 5.0

# botocore's own time-outs are 60 s, as long as a whole step may take. What it repeats is safe: orders are written
# on conditions, and starting an execution twice is one start. Its own user agent it composes anew for each call, for a
# quarter of all that a call takes of the processor.
_CONFIG = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}, user_agent="repeg"
)


@cache
def client(service: str) -> Any:
    """A low-level AWS client."""
    return _session().create_client(service, config=_CONFIG)


@cache
def _session() -> Session:
    # botocore's own session: boto3 would import what moves files to S3 before it made the same client.
    return Session()


def environment(name: str) -> str:
    """An environment value that must be there.

    Raises:
        ConfigurationError: it is not.
    """
    value = os.environ.get(name, "")
    if not value:
        raise ConfigurationError(f"environment: {name} is not set")
    return value


def stack() -> Stack:
    """Which stack this is, and whose money it trades."""
    return Stack(os.environ.get("STACK_NAME") or environment("TABLE_NAME"), os.environ.get("TRADING_MODE") or "paper")


def speed() -> float:
    """How many times faster than the wall the market runs (1 but on the local cloud)."""
    return float(os.environ.get("CLOCK_SPEED") or 1)


@cache
def shared_store() -> SharedStore:
    """Shared readings."""
    return SharedStore(client("dynamodb"), environment("TABLE_NAME"))


@cache
def order_store() -> OrderStore:
    """Order records."""
    return OrderStore(client("dynamodb"), environment("TABLE_NAME"))


@cache
def identity() -> IdentityStore:
    """Who we are at the broker."""
    return IdentityStore(client("dynamodb"), environment("TABLE_NAME"))


@cache
def time_keeper() -> TimeKeeper:
    """Market time."""
    return TimeKeeper(shared_store(), speed())


@cache
def executions() -> Executions:
    """The machine that works orders."""
    return Executions(client("stepfunctions"), environment("STATE_MACHINE_ARN"))


def intake_paused() -> bool:
    """True while Lambda takes no signal out of the queue."""
    function = environment("INTAKE_FUNCTION")
    found = client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    return not any(mapping["State"] in INTAKE_ON for mapping in found)


@cache
def rebalance_store() -> RebalanceStore:
    """Records of rebalances."""
    return RebalanceStore(client("dynamodb"), environment("TABLE_NAME"))


@cache
def rebalancing() -> Executions:
    """The machine that works rebalances."""
    return Executions(client("stepfunctions"), environment("REBALANCE_MACHINE_ARN"))


@cache
def cancels() -> Cancels:
    """What takes orders and rebalances back."""
    from repeg.cancels import Cancels

    return Cancels(order_store(), executions(), rebalance_store(), rebalancing())


@cache
def rebalancer(connect: Callable[[], Broker]) -> Rebalancer:
    """What the steps of a rebalance work with; `connect` finds the broker."""
    from repeg.rebalance.rebalancer import Rebalancer

    return Rebalancer(worker(connect), rebalance_store(), shared_store())


@cache
def worker(connect: Callable[[], Broker]) -> Worker:
    """What the steps of the machine work with; `connect` finds the broker."""
    from repeg.worker.worker import Worker  # the steps have read it; intake, which has none, does not

    return Worker(
        orders=order_store(),
        time=time_keeper(),
        make_broker=connect,
        make_publisher=lambda: EventBus(client("events"), environment("EVENT_BUS_NAME")),
        make_executions=executions,
        settings=settings,
        sleep=lambda seconds: time.sleep(seconds / speed()),
        log=logger,
        stack=stack(),
        meter=meter,
    )


@cache
def reconciler(connect: Callable[[], Broker]) -> Reconciler:
    """What a comparison of the book works with."""
    from repeg.budget.table import Tally
    from repeg.reconcile.counters import Counters
    from repeg.reconcile.run import Reconciler

    tally = Tally(client("dynamodb"), environment("TABLE_NAME"), stack().mode)
    return Reconciler(worker(connect), executions(), Counters({"request budget": tally}), identity().token())


def settings() -> Settings:
    """The settings in force, at most a few seconds old.

    Raises:
        ConfigurationError: none can be read.
    """
    found = _settings(int(time.monotonic() // SETTINGS_SECONDS))
    if isinstance(found, ConfigurationError):
        raise found
    return found


_last: dict[tuple[str, str | None], Settings] = {}


@lru_cache(maxsize=1)
def _settings(period: int) -> Settings | ConfigurationError:
    # That they cannot be read is remembered, too: an exit does not wait for the same time-out at every look.
    try:
        return _read_settings()
    except ConfigurationError as error:
        return error
    except (ClientError, BotoCoreError) as error:
        return ConfigurationError(f"settings cannot be read: {error}")


def _read_settings() -> Settings:
    # Only what talks to the broker asks for settings; the others do not pay for reading the models.
    from repeg.settings import load_settings

    try:
        documents = _settings_documents()
    except (ClientError, BotoCoreError, ConfigurationError) as error:
        return load_settings(_unreadable(error), shared_store(), logger.error)
    if documents not in _last:
        settings = load_settings(lambda: documents, shared_store(), logger.error)
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
