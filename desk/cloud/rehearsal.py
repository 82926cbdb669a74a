"""A deployment up to the call that would change something: the real build and change set, on an emulator of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn

from botocore.config import Config
from botocore.exceptions import ClientError

from desk.cloud.build import run_sam, run_tool
from desk.cloud.conditions import is_made
from desk.cloud.deploy import sam_environment
from desk.cloud.errors import CloudError, CloudRefused
from desk.cloud.local import Step, free_port, quietly
from desk.cloud.supervisor import listens, start_emulator
from desk.cloud.tools import Tools, find_tools
from desk.deployment.credentials import HIDDEN, NotReady, changes, deployed, deployment, given
from desk.deployment.runtimes import remark
from desk.stack.connection import REGION, local_session
from desk.stack.place import PROJECT, Place
from desk.stack.processes import end, until

_START_S = 30.0
_BRIEFLY = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
_RULE_FAILED = " failed: "
_KEPT = ("Retain", "RetainExceptOnCreate")
_CONFIRMED = {"TradingMode": "live", "ConfirmLiveTrading": "yes-trade-real-money", "AccountNumber": "123456789"}
_UNLOCKED_BY = {
    "no confirmation": {"ConfirmLiveTrading": ""},
    "no account number": {"AccountNumber": ""},
    "a broker URL of its own": {"BrokerUrl": "https://example.com"},
}


@dataclass(frozen=True)
class Resource:
    """Something that the deployment would create."""

    type: str
    name: str
    kept: bool
    """Stays when the stack is deleted."""


@dataclass(frozen=True)
class Rehearsal:
    """What a deployment would do. `refused` says why CloudFormation would refuse it."""

    config: str
    stack: str
    parameters: dict[str, str]
    resources: list[Resource]
    refused: str | None
    lock: dict[str, str | None]
    """What CloudFormation says to a live stack that lacks something; None: it would let it pass."""
    replaced: dict[str, str] = field(default_factory=dict)
    """Parameters that the deployed stack has otherwise, and how; empty where AWS could not be asked."""
    remark: str | None = None

    @property
    def ok(self) -> bool:
        """True when the deployment would go through and the lock on live trading holds."""
        return self.refused is None and all(self.lock.values())

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"ok": self.ok} | asdict(self)


def rehearse(config: str, step: Step = quietly) -> Rehearsal:
    """Builds for AWS and makes the change set of `make deploy CONFIG=config`, on this machine alone.

    All that may leave it is a question to AWS, where the shell has credentials: what is deployed now.

    Raises:
        CloudRefused: samconfig.toml has no such section.
        CloudError: building, checking or making the change set failed; with the end of what was said.
    """
    stack = str(_deployment(config)["stack_name"])
    tools = find_tools()
    place = Place(PROJECT / ".local" / "rehearsal")
    with place.locked():
        with step("building for AWS (make build)"):
            _build(config)
        with step("checking the template (sam validate --lint)"):
            run_sam(tools, ["validate", "--lint", "--region", REGION], PROJECT, _bare(place, tools))
        with _emulator(place, tools, step) as endpoint_url:
            with step("making the change set (sam deploy --no-execute-changeset)"):
                refused = _change_set(place, tools, endpoint_url, config)
            cloudformation = local_session().create_client("cloudformation", endpoint_url=endpoint_url)
            parameters = _wanted(tools, config)
            resources: list[Resource] = []
            if refused is None:
                parameters, resources = _described(cloudformation, stack)
            lock: dict[str, str | None] = {}
            if parameters.get("TradingMode") == "live":
                with step("trying the lock on live trading"):
                    lock = _lock(cloudformation, _packaged(endpoint_url))
    with step("asking AWS what is deployed, if this shell may"):
        replaced = changes(deployed(stack, _BRIEFLY), parameters)
    return Rehearsal(config, stack, parameters, resources, refused, lock, replaced, remark(tools.runtime))


def _deployment(config: str) -> dict[str, Any]:
    try:
        return deployment(config)
    except NotReady as problem:
        raise CloudRefused(str(problem).replace("CONFIG=", "--config ")) from None


def _wanted(tools: Tools, config: str) -> dict[str, str]:
    return given(config) | {"PythonRuntime": tools.runtime, "Arch": "arm64"}


def _build(config: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    run_tool("make build", ["make", "build", f"CONFIG={config}"], PROJECT, inherited)


@contextmanager
def _emulator(place: Place, tools: Tools, step: Step) -> Iterator[str]:
    """An AWS emulator for the length of a with-block; its URL."""
    place.forget()
    place.scratch.mkdir(parents=True)
    port = free_port()
    endpoint_url = f"http://127.0.0.1:{port}"
    process = start_emulator(place, tools, port)
    try:
        with step("starting an emulator in place of AWS"):
            if not until(lambda: listens(endpoint_url) or process.poll() is not None, _START_S) or process.poll():
                raise CloudError(f"the emulator did not start; see {place.log('emulator')}")
        yield endpoint_url
    finally:
        end(process.pid, str(place.folder))
        process.wait()
        place.forget()


def _bare(place: Place, tools: Tools) -> dict[str, str]:
    environment = sam_environment(place, tools, "http://127.0.0.1:9")
    place.scratch.mkdir(parents=True, exist_ok=True)
    return environment


def _change_set(place: Place, tools: Tools, endpoint_url: str, config: str) -> str | None:
    """Makes the change set and leaves it unexecuted; returns why CloudFormation refuses it, if it does."""
    arguments = ["deploy", "--config-env", config, "--no-execute-changeset", "--no-confirm-changeset"]
    arguments += ["--no-progressbar", "--parameter-overrides"]
    arguments += [f"{name}={value}" for name, value in _wanted(tools, config).items()]
    try:
        run_sam(tools, arguments, PROJECT, sam_environment(place, tools, endpoint_url))
    except CloudError as problem:
        refused = _rule_of(str(problem))
        if refused is None:
            raise
        return refused
    return None


def _described(cloudformation: Any, stack: str) -> tuple[dict[str, str], list[Resource]]:
    [summary] = cloudformation.list_change_sets(StackName=stack)["Summaries"]
    named = {"StackName": stack, "ChangeSetName": summary["ChangeSetName"]}
    template = cloudformation.get_template(**named, TemplateStage="Processed")["TemplateBody"]
    described = cloudformation.describe_change_set(**named)
    parameters = {entry["ParameterKey"]: entry["ParameterValue"] for entry in described["Parameters"]}
    changes = [change["ResourceChange"] for change in described["Changes"]]
    resources = [
        Resource(
            change["ResourceType"],
            change["LogicalResourceId"],
            template["Resources"][change["LogicalResourceId"]].get("DeletionPolicy") in _KEPT,
        )
        for change in changes
        if is_made(change["LogicalResourceId"], template, parameters)
    ]
    return shown(parameters, template), resources


def shown(parameters: dict[str, str], template: dict[str, Any]) -> dict[str, str]:
    """Parameters as AWS shows them: of those that are secrets only that they are given."""
    hidden = {name for name, about in template["Parameters"].items() if about.get("NoEcho")}
    return {name: HIDDEN if value and name in hidden else value for name, value in parameters.items()}


def _packaged(endpoint_url: str) -> str:
    """Where the SAM CLI has uploaded the template to: in a request, one of more than 51,200 bytes is refused."""
    s3: Any = local_session().create_client("s3", endpoint_url=endpoint_url)
    for bucket in s3.list_buckets()["Buckets"]:
        for entry in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            if entry["Key"].endswith(".template"):
                return f"{endpoint_url}/{bucket['Name']}/{entry['Key']}"
    raise CloudError("sam deploy has uploaded no template")


def _lock(cloudformation: Any, template: str) -> dict[str, str | None]:
    lock = {what: _refusal(cloudformation, template, _CONFIRMED | lacks) for what, lacks in _UNLOCKED_BY.items()}
    if kept_out := _refusal(cloudformation, template, _CONFIRMED):
        raise CloudError(f"a live stack that lacks nothing is refused: {kept_out}")
    return lock


def _refusal(cloudformation: Any, template: str, parameters: dict[str, str]) -> str | None:
    """What CloudFormation says to a stack with these parameters; None if it would take it."""
    try:
        cloudformation.create_change_set(
            StackName="lock",
            ChangeSetName="lock",
            ChangeSetType="CREATE",
            TemplateURL=template,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        )
    except ClientError as error:
        return _rule_of(str(error)) or _unexpected(error)
    return None


def _unexpected(error: ClientError) -> NoReturn:
    raise CloudError(f"the change set failed: {error}") from error


def _rule_of(text: str) -> str | None:
    """The sentence of the template's rule that CloudFormation quotes in an error."""
    line = next((line for line in text.splitlines() if "Template error: rule " in line), "")
    return line.partition(_RULE_FAILED)[2].strip() or None
