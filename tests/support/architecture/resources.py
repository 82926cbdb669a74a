"""The functions of the stack, and what else it is made of, as the template has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from repeg.store import items as kept
from tests.support.architecture.tables import machines, table, template
from tests.support.stack import listed, resources, statements

_SHORT = {
    "dynamodb": "table",
    "events": "bus",
    "secretsmanager": "keys",
    "sqs": "queue",
    "ssm": "settings",
    "states": "machines",
}


def printed() -> str:
    """Functions with what starts them and what they may do; then everything else but alarms, by its type."""
    functions = resources(template(), "AWS::Serverless::Function")
    timeout = template()["Globals"]["Function"]["Timeout"]
    rows = (
        (
            f"`{name}`",
            f"`{each['CodeUri']}app.py`",
            _started_by(name, each),
            f"{each.get('Timeout', timeout)} s",
            _may(each),
        )
        for name, each in functions.items()
    )
    others: dict[str, list[str]] = {}
    for name, resource in template()["Resources"].items():
        if resource["Type"] not in ("AWS::Serverless::Function", "AWS::CloudWatch::Alarm"):
            others.setdefault(resource["Type"].removeprefix("AWS::"), []).append(f"`{name}`")
    return "\n".join(
        (
            table(("function", "handler", "started by", "runs at most", "may"), rows),
            table(("resource", "in the template"), ((kind, ", ".join(names)) for kind, names in others.items())),
        )
    )


def items() -> str:
    """The items of the table, as the module that knows their keys says them."""
    assert kept.__doc__
    rows = [line.strip("|").split("|") for line in kept.__doc__.splitlines() if line.startswith("|")]
    head, _, *others = (tuple(cell.strip() for cell in row) for row in rows)
    return table(head, ((*(f"`{cell}`" for cell in row[:-1]), row[-1]) for row in others))


def _started_by(name: str, function: dict[str, Any]) -> str:
    events = function.get("Events", {}).values()
    found = ["the queue" if event["Type"] == "SQS" else f"`{event['Properties']['Schedule']}`" for event in events]
    found += _machines(name)
    schedules = resources(template(), "AWS::Scheduler::Schedule").items()
    found += [f"`{schedule}`" for schedule, each in schedules if name in str(each["Target"]["Arn"])]
    found += ["a request to its URL, if `SignalWebhook` is on"] if "FunctionUrlConfig" in function else []
    return ", ".join(found)


def _machines(function: str) -> Iterator[str]:
    for name, definition in machines().items():
        if f"${{{function}FunctionArn}}" in str(definition):
            yield f"`{name.removesuffix('.asl.yaml')}`"


def _may(function: dict[str, Any]) -> str:
    """The actions of its policies, by service."""
    actions: dict[str, list[str]] = {}
    for statement in statements(function):
        for action in listed(statement["Action"]):
            service, _, verb = action.partition(":")
            if verb not in actions.setdefault(service, []):
                actions[service].append(verb)
    return "; ".join(f"{_SHORT.get(service, service)}: {', '.join(verbs)}" for service, verbs in actions.items())
