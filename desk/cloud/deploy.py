"""Deploys the build to the emulator with the real ``sam deploy``, and makes the stack ready for its first signal."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from desk.cloud.build import BUILD, run_sam
from desk.cloud.errors import CloudError
from desk.cloud.tools import ARCH, Tools
from desk.exchange.client import ExchangeControl
from desk.stack.connection import LOCAL_KEY, REGION, connect_local, local_session, machines_of, stack_outputs
from desk.stack.place import Place, Processes, Status

# Two executions at once are common from the first second on; more workers come when they are needed.
WARM_WORKERS = 2
STEPS = (
    "assess_market",
    "place_order",
    "check_fill",
    "cancel_order",
    "secure_position",
    "record_outcome",
)
SCHEDULES = ("MarketOpenRebalance", "PreMarketAssessment", "EndOfDaySummary")
QUOTES = {
    "TQQQ": ("50.95", "50.98", 2000),
    "SQQQ": ("28.40", "28.42", 2000),
    "SPY": ("602.10", "602.11", 1500),
    "QQQ": ("519.40", "519.42", 1500),
    "AAPL": ("229.95", "230.01", 800),
    "MSFT": ("417.20", "417.26", 800),
    "CRWD": ("534.75", "534.80", 500),
    "NVDA": ("188.36", "188.39", 1500),
    "BRK.B": ("492.18", "492.26", 300),
}


def deploy(place: Place, tools: Tools, processes: Processes, stack: str, schedules: bool = False) -> Status:
    """Deploys the template, with all schedules on or none; returns what ``repeg local status`` will say.

    Raises:
        CloudError: with the end of what ``sam deploy`` said.
    """
    session = local_session()
    artifacts = f"{stack}-artifacts"
    s3: Any = session.create_client("s3", endpoint_url=processes.endpoint_url)
    s3.create_bucket(Bucket=artifacts)
    parameters = {
        "PythonRuntime": tools.runtime,
        "Arch": ARCH,
        "BrokerUrl": processes.exchange_url,
        "DataUrl": processes.exchange_url,
        "ClockSpeed": f"{processes.speed:g}",
        "IsLocal": "true",
    }
    if schedules:
        parameters |= dict.fromkeys(SCHEDULES, "on")
    arguments = ["deploy", "--template-file", "template.yaml", "--stack-name", stack, "--s3-bucket", artifacts]
    arguments += ["--region", REGION, "--capabilities", "CAPABILITY_IAM", "--no-progressbar", "--no-confirm-changeset"]
    arguments += ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    run_sam(tools, arguments, BUILD, sam_environment(place, tools, processes.endpoint_url))
    outputs = stack_outputs(session.create_client("cloudformation", endpoint_url=processes.endpoint_url), stack)
    return Status(
        up=True,
        endpoint_url=processes.endpoint_url,
        exchange_url=processes.exchange_url,
        stack=stack,
        queue_url=outputs["QueueUrl"],
        dlq_url=outputs["DlqUrl"],
        table=outputs["TableName"],
        state_machines=machines_of(stack, outputs),
        speed=processes.speed,
        outputs=outputs,
    )


def sam_environment(place: Place, tools: Tools, endpoint_url: str) -> dict[str, str]:
    """All that the SAM CLI gets to see when it talks to the emulator: nothing of the user's AWS configuration."""
    home = place.folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": f"{tools.sam.parent}{os.pathsep}{os.defpath}",
        "HOME": str(home),
        "TMPDIR": str(place.scratch),
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": LOCAL_KEY,
        "AWS_SECRET_ACCESS_KEY": LOCAL_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.2",
    }


def widen_for_emulator(status: Status) -> None:
    """Where roles are enforced: the emulator wants ``ssm:GetParameters`` on everything, AWS on the parameters named."""
    connection = connect_local(status)
    iam, cloudformation = connection.client("iam"), connection.client("cloudformation")
    wide = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": "*"}]}
    for resource in cloudformation.describe_stack_resources(StackName=status.stack)["StackResources"]:
        if resource["ResourceType"] != "AWS::IAM::Role":
            continue
        role = resource["PhysicalResourceId"]
        policies = [
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        if "ssm:GetParameters" in json.dumps(policies):
            iam.put_role_policy(RoleName=role, PolicyName="emulator", PolicyDocument=json.dumps(wide))


def give_keys(status: Status) -> None:
    """Puts keys into the secret; the simulated exchange takes any pair."""
    connection = connect_local(status)
    keys = json.dumps({"key_id": "LOCAL", "secret_key": "local"})
    connection.secretsmanager.put_secret_value(SecretId=connection.secret_id, SecretString=keys)


def warm(status: Status) -> None:
    """Starts workers, so that the first signal meets none that is cold.

    Raises:
        CloudError: a function cannot start.
    """
    calls: list[tuple[str, dict[str, Any]]] = [("accept_signal", {"Records": []})]
    calls += [(step, {"warm_up": True}) for step in STEPS for _ in range(WARM_WORKERS)]
    calls.append(("rebalance_portfolio", {"warm_up": True}))
    # One function's calls follow each other, and must overlap to meet different workers.
    with ThreadPoolExecutor(2 * WARM_WORKERS) as pool:
        for _ in pool.map(lambda call: invoke(status, *call), calls):
            pass


def invoke(status: Status, function: str, event: dict[str, Any]) -> None:
    """Invokes a function and waits for it.

    Raises:
        CloudError: it failed.
    """
    connection = connect_local(status)
    answer = connection.lambda_.invoke(FunctionName=connection.function(function), Payload=json.dumps(event))
    if "FunctionError" in answer:
        raise CloudError(f"{function} cannot start: {answer['Payload'].read().decode()[:2000]}")


def put_quotes(exchange: ExchangeControl) -> None:
    """Gives the market its first quotes."""
    for symbol, (bid, ask, size) in QUOTES.items():
        exchange.quote(symbol, bid, ask, size, size)
