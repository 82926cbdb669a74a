"""Says to which AWS account a deployment goes and what it changes there, or in one line why it cannot start.

Run by the SAM CLI's own interpreter: ``-m desk.deployment.credentials CONFIG``.
"""

from __future__ import annotations

import os
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from desk.deployment.runtimes import of_interpreter, refusal, remark

_SAMCONFIG = Path(__file__).resolve().parents[2] / "samconfig.toml"
HIDDEN = "****"
"""What AWS shows of a parameter that is a secret."""
_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})


class NotReady(Exception):
    """A deployment cannot start; the message says why, and the mend."""


def deployment(config: str) -> dict[str, Any]:
    """Parameters of ``sam deploy`` in a section of samconfig.toml.

    Raises:
        NotReady: there is no such section.
    """
    sections = tomllib.loads(_SAMCONFIG.read_text())
    try:
        return dict(sections[config]["deploy"]["parameters"])
    except (KeyError, TypeError):
        known = ", ".join(name for name, section in sections.items() if isinstance(section, dict))
        raise NotReady(f"CONFIG={config}: samconfig.toml has no such section; it has {known}") from None


def given(config: str) -> dict[str, str]:
    """The template's parameters that a section sets."""
    pairs = shlex.split(str(deployment(config).get("parameter_overrides", "")))
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def deployed(stack: str, config: Config = _CONFIG) -> dict[str, str] | None:
    """The parameters of the stack on AWS as it is now; None where it cannot be told, or there is none.

    Asks AWS only where this shell has credentials for it.
    """
    if os.environ.get("AWS_ENDPOINT_URL"):
        return None
    try:
        session = boto3.Session()
        if session.region_name is None or session.get_credentials() is None:
            return None
        described = session.client("cloudformation", config=config).describe_stacks(StackName=stack)["Stacks"][0]
    except (BotoCoreError, ClientError):
        return None
    return {each["ParameterKey"]: each["ParameterValue"] for each in described.get("Parameters", [])}


def changes(now: dict[str, str] | None, wanted: dict[str, str]) -> dict[str, str]:
    """Values that a deployment replaces, by the parameter's name; not those that AWS does not show."""
    before = {name: value for name, value in (now or {}).items() if value != HIDDEN}
    return {name: before[name] for name, value in wanted.items() if name in before and before[name] != value}


def change_line(name: str, before: str, after: str) -> str:
    """What a changed parameter means, for people."""
    keep = f"; to keep it: make PYTHON={before} deploy" if name == "PythonRuntime" else ""
    return f"{name} changes: {before or 'empty'} is deployed, {after or 'empty'} will be{keep}"


def destination(config: str) -> str:
    """Account, region and stack of a deployment, for people.

    Raises:
        NotReady: no such section in samconfig.toml, no region, no credentials, or none that AWS takes.
    """
    stack = deployment(config)["stack_name"]
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        raise NotReady(
            f"AWS_ENDPOINT_URL: this shell is pointed at {endpoint} and not at AWS; "
            'fix: eval "$(.venv/bin/repeg local env --unset)", or another terminal'
        )
    try:
        session = boto3.Session()
        if session.get_credentials() is None:
            raise NotReady(
                "there are no AWS credentials; fix: aws configure, aws sso login, or AWS_ACCESS_KEY_ID and so on"
            )
        if session.region_name is None:
            raise NotReady("there is no AWS region; fix: export AWS_DEFAULT_REGION=us-east-1, or aws configure")
        account = session.client("sts", config=_CONFIG).get_caller_identity()["Account"]
    except ClientError as error:
        raise NotReady(f"AWS refuses these credentials: {error}; fix: aws sts get-caller-identity must work") from None
    except BotoCoreError as error:
        raise NotReady(f"AWS was not reached: {error}") from None
    return f"stack {stack} goes to account {account}, region {session.region_name}"


def preview(config: str) -> list[str]:
    """Lines to read before a deployment is built.

    Raises:
        NotReady: it cannot start.
    """
    runtime = of_interpreter()
    if problem := refusal(runtime):
        raise NotReady(problem)
    lines = [destination(config)]
    wanted = given(config) | {"PythonRuntime": runtime, "Arch": "arm64"}
    before = changes(deployed(str(deployment(config)["stack_name"])), wanted)
    lines += [change_line(name, value, wanted[name]) for name, value in before.items()]
    return [*lines, *filter(None, [remark(runtime)])]


if __name__ == "__main__":
    try:
        print(*preview(sys.argv[1]), sep="\n")
    except NotReady as problem:
        sys.exit(str(problem))
