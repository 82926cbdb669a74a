"""Keeps a live stack from being deleted by a slip: termination protection, switched on after each deployment.

Run by the SAM CLI's own interpreter: ``-m desk.deployment.termination CONFIG``.
"""

from __future__ import annotations

import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from desk.deployment.credentials import deployment, given


def protect(config: str) -> str | None:
    """Switches it on where the deployment is live, and says so."""
    if given(config).get("TradingMode") != "live":
        return None
    stack = str(deployment(config)["stack_name"])
    boto3.client("cloudformation").update_termination_protection(StackName=stack, EnableTerminationProtection=True)
    return f"stack {stack} is protected from being deleted (docs/deploy.md, 'Take it down')"


if __name__ == "__main__":
    try:
        if said := protect(sys.argv[1]):
            print(said)
    except (BotoCoreError, ClientError) as problem:
        sys.exit(f"the stack is not protected from being deleted: {problem}; make deploy again does it")
