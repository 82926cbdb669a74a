"""Says to which AWS account a deployment goes, or in one line why it cannot; nothing is built in vain.

A script, run by the SAM CLI's own interpreter: ``credentials.py CONFIG``.
"""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_SAMCONFIG = Path(__file__).resolve().parents[2] / "samconfig.toml"
_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})


class NotReady(Exception):
    """A deployment cannot start; the message says why, and the mend."""


def destination(config: str) -> str:
    """Account, region and stack of a deployment, for people.

    Raises:
        NotReady: no such section in samconfig.toml, no region, no credentials, or none that AWS takes.
    """
    sections = tomllib.loads(_SAMCONFIG.read_text())
    if not isinstance(sections.get(config), dict):
        known = ", ".join(name for name, section in sections.items() if isinstance(section, dict))
        raise NotReady(f"CONFIG={config}: samconfig.toml has no such section; it has {known}")
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        raise NotReady(
            f"AWS_ENDPOINT_URL: this shell is pointed at {endpoint} and not at AWS; "
            'mend: eval "$(.venv/bin/repeg local env --unset)", or another terminal'
        )
    try:
        session = boto3.Session()
        if session.get_credentials() is None:
            raise NotReady(
                "there are no AWS credentials; mend: aws configure, aws sso login, or AWS_ACCESS_KEY_ID and so on"
            )
        if session.region_name is None:
            raise NotReady("there is no AWS region; mend: export AWS_DEFAULT_REGION=us-east-1, or aws configure")
        account = session.client("sts", config=_CONFIG).get_caller_identity()["Account"]
    except ClientError as error:
        raise NotReady(f"AWS refuses these credentials: {error}; mend: aws sts get-caller-identity must work") from None
    except BotoCoreError as error:
        raise NotReady(f"AWS was not reached: {error}") from None
    stack = sections[config]["deploy"]["parameters"]["stack_name"]
    return f"stack {stack} goes to account {account}, region {session.region_name}"


if __name__ == "__main__":
    try:
        print(destination(sys.argv[1]))
    except NotReady as problem:
        sys.exit(str(problem))
