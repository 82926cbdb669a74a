"""Reaching a deployed stack: on the local cloud when one is up, else on AWS."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import msgspec
from botocore.config import Config
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session

from desk.stack.place import Status, status

REGION = "us-east-1"
DEFAULT_STACK = "repeg"
LOCAL_KEY = "local"
"""Key id and secret key of the emulator; the simulated exchange takes it, too."""
_CONFIG = Config(connect_timeout=5, read_timeout=65, retries={"mode": "standard", "total_max_attempts": 4})


@dataclass(frozen=True)
class Connection:
    """A stack, and clients of the services that it is made of. Clients are made when first asked for.

    ``exchange_url`` and ``speed`` are None on AWS.
    """

    stack: str
    outputs: dict[str, str]
    session: Session = field(repr=False)
    endpoint_url: str | None = None
    exchange_url: str | None = None
    speed: float | None = None
    config: Config = field(default=_CONFIG, repr=False)

    def client(self, service: str) -> Any:
        """A low-level client of an AWS service, safe to share between threads."""
        return self.session.create_client(service, endpoint_url=self.endpoint_url, config=self.config)

    def tell_calls(self, told: Callable[..., None]) -> None:
        """Have every call of clients that are made from now on told before it is sent."""
        self.session.register("before-call.*", told)

    @property
    def region(self) -> str:
        return str(self.session.get_config_variable("region"))

    @cached_property
    def sqs(self) -> Any:
        return self.client("sqs")

    @cached_property
    def dynamodb(self) -> Any:
        return self.client("dynamodb")

    @cached_property
    def stepfunctions(self) -> Any:
        return self.client("stepfunctions")

    @cached_property
    def events(self) -> Any:
        return self.client("events")

    @cached_property
    def ssm(self) -> Any:
        return self.client("ssm")

    @cached_property
    def secretsmanager(self) -> Any:
        return self.client("secretsmanager")

    @cached_property
    def logs(self) -> Any:
        return self.client("logs")

    @cached_property
    def lambda_(self) -> Any:
        return self.client("lambda")

    @cached_property
    def cloudformation(self) -> Any:
        return self.client("cloudformation")

    @cached_property
    def cloudwatch(self) -> Any:
        return self.client("cloudwatch")

    @cached_property
    def sns(self) -> Any:
        return self.client("sns")

    @cached_property
    def scheduler(self) -> Any:
        return self.client("scheduler")

    @property
    def is_local(self) -> bool:
        return self.endpoint_url is not None

    @property
    def queue_url(self) -> str:
        return self.outputs["QueueUrl"]

    @property
    def dlq_url(self) -> str:
        return self.outputs["DlqUrl"]

    @property
    def table(self) -> str:
        return self.outputs["TableName"]

    @property
    def event_bus(self) -> str:
        return self.outputs["EventBusName"]

    @property
    def secret_id(self) -> str:
        return self.outputs["AlpacaSecretId"]

    @property
    def settings_defaults(self) -> str:
        """Name of the SSM parameter with the defaults."""
        return self.outputs["SettingsDefaultsName"]

    @property
    def settings_overrides(self) -> str:
        """Name of the SSM parameter with the overrides, which need not exist."""
        return self.outputs["SettingsOverridesName"]

    @property
    def log_group(self) -> str:
        return self.outputs["FunctionLogGroup"]

    @property
    def alerts_topic(self) -> str:
        """ARN of the SNS topic that the alarms tell."""
        return self.outputs["AlertsTopicArn"]

    @property
    def state_machines(self) -> dict[str, str]:
        """ARNs by name, such as ``execute_order``."""
        return machines_of(self.stack, self.outputs)

    def function(self, name: str) -> str:
        """The deployed name of a function, such as ``place_order``."""
        return f"{self.stack}-{name.replace('_', '-')}"


def local_for(stack: str = "") -> Status | None:
    """The local cloud, if it is up and holds the stack of this name; without a name, if it is up."""
    local = status()
    return local if local.up and stack in ("", local.stack) else None


def connect(stack: str = "", config: Config = _CONFIG) -> Connection:
    """The stack of this name: on the local cloud that is up if it holds it, else on AWS; `config` bounds calls in time.

    Without a name: whatever the local cloud holds, else the stack `repeg`.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: AWS cannot be reached or has no such stack.
    """
    local = local_for(stack)
    if local:
        return connect_local(local, config)
    stack, session = stack or DEFAULT_STACK, aws_session()
    outputs = stack_outputs(session.create_client("cloudformation", config=config), stack)
    return Connection(stack, outputs, session, config=config)


def connect_local(status: Status, config: Config = _CONFIG) -> Connection:
    """A connection to a local cloud, whatever AWS profile, keys or proxies the user has set."""
    assert status.stack and status.endpoint_url
    return Connection(
        status.stack,
        status.outputs,
        local_session(),
        endpoint_url=status.endpoint_url,
        exchange_url=status.exchange_url,
        speed=status.speed,
        config=config,
    )


class _Descriptions(JSONFileLoader):
    """Reads botocore's descriptions of services, megabytes of JSON, in a fifth of the time that it takes itself."""

    def load_file(self, file_path: str) -> Any:
        """The description, or None."""
        return _description(file_path)


@cache
def _description(path: str) -> Any:
    # Once for all sessions of a process: nobody changes one.
    for suffix in (".json", ".json.gz"):
        try:
            data = Path(path + suffix).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        return msgspec.json.decode(gzip.decompress(data) if suffix == ".json.gz" else data)
    return None


class _Loader(Loader):
    def list_available_services(self, type_name: str) -> list[str]:
        """Services of which there are descriptions, of this type or not: to know it each of 400 folders is listed."""
        return sorted({name for path in self.search_paths if os.path.isdir(path) for name in os.listdir(path)})


def aws_session() -> Session:
    """A session with what the user has configured.

    botocore's own: boto3 would import what moves files to S3 before it made the same clients.
    """
    return _quick(Session())


def local_session() -> Session:
    """A session with the emulator's dummy keys that reads nothing of the user's AWS configuration."""
    for name in ("NO_PROXY", "no_proxy"):
        if "127.0.0.1" not in os.environ.get(name, ""):
            os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1"]))
    unread = (None, None, None, None)
    session = _quick(Session({"profile": unread, "config_file": (None, None, os.devnull, None)}))
    session.set_credentials(LOCAL_KEY, LOCAL_KEY)
    session.set_config_variable("region", REGION)
    return session


def _quick(session: Session) -> Session:
    paths = session.get_config_variable("data_path")
    more = [os.path.expanduser(os.path.expandvars(path)) for path in paths.split(os.pathsep)] if paths else None
    session.register_component("data_loader", _Loader(more, _Descriptions()))
    return session


def client_environment(status: Status) -> dict[str, str | None]:
    """Environment variables that point anybody's AWS and Alpaca clients at a local cloud; None: must not be set."""
    return {
        "AWS_ENDPOINT_URL": status.endpoint_url,
        "AWS_ACCESS_KEY_ID": LOCAL_KEY,
        "AWS_SECRET_ACCESS_KEY": LOCAL_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_PROFILE": None,
        "AWS_SESSION_TOKEN": None,
        "REPEG_STACK": status.stack,
        "REPEG_EXCHANGE_URL": status.exchange_url,
        "APCA_API_BASE_URL": status.exchange_url,
        "APCA_API_DATA_URL": status.exchange_url,
        "APCA_API_KEY_ID": LOCAL_KEY,
        "APCA_API_SECRET_KEY": LOCAL_KEY,
    }


def stack_outputs(cloudformation: Any, stack: str) -> dict[str, str]:
    """The outputs of a deployed stack."""
    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def machines_of(stack: str, outputs: dict[str, str]) -> dict[str, str]:
    """State machine ARNs among a stack's outputs, by the machine's name without the stack's."""
    arns = [value for value in outputs.values() if ":stateMachine:" in value]
    return {arn.rpartition(":")[2].removeprefix(f"{stack}-").replace("-", "_"): arn for arn in arns}
