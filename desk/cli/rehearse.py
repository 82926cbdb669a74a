"""`repeg rehearse`: what a deployment would create, found out without AWS."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Annotated

import typer

from desk.cli.options import AsJson
from desk.cli.output import FAILED, end_as_by_ctrl_c, fail, print_json, tell, trouble_told

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from desk.cloud.rehearsal import Rehearsal

Config = Annotated[
    str, typer.Option("--config", metavar="NAME", help="Section of samconfig.toml: default (paper) or live.")
]

_TITLES = {
    "AWS::Lambda::Function": "functions",
    "AWS::Lambda::LayerVersion": "layers",
    "AWS::StepFunctions::StateMachine": "state machines",
    "AWS::DynamoDB::Table": "table",
    "AWS::SQS::Queue": "queues",
    "AWS::Lambda::EventSourceMapping": "trigger",
    "AWS::Events::Rule": "rules",
    "AWS::Events::EventBus": "event bus",
    "AWS::SecretsManager::Secret": "secret",
    "AWS::SSM::Parameter": "parameter",
    "AWS::Logs::LogGroup": "log groups",
    "AWS::CloudWatch::Alarm": "alarms",
    "AWS::Logs::MetricFilter": "metric filter",
    "AWS::SNS::Topic": "topic",
    "AWS::SNS::TopicPolicy": "topic policy",
    "AWS::SNS::Subscription": "subscription",
    "AWS::IAM::Role": "roles",
    "AWS::Logs::QueryDefinition": "saved log queries",
    "AWS::SQS::QueuePolicy": "queue policy",
    "AWS::CloudWatch::Dashboard": "dashboard",
    "AWS::Scheduler::Schedule": "schedules",
    "AWS::Lambda::EventInvokeConfig": "retries of failed runs",
    "AWS::Lambda::Permission": "permissions",
}


def rehearse(config: Config = "default", as_json: AsJson = False) -> None:
    """Show what `make deploy` would create or change; exit code 1 if it would be refused. Nothing is changed."""
    from desk.cli.local import told
    from desk.cloud.rehearsal import rehearse as rehearsed

    end_as_by_ctrl_c()
    with trouble_told():
        found = rehearsed(config, told)
    if as_json:
        print_json(found.document())
    else:
        _show(found)
    if found.refused:
        fail(f"CloudFormation refuses stack {found.stack}: {found.refused}; fix: {_mend(found)}")
    if not found.ok:
        raise typer.Exit(FAILED)
    for line in _remarks(found):
        tell(line)
    tell(f"stack {found.stack} would be deployed by: make deploy{_option(config)}")


def _show(found: Rehearsal) -> None:
    from desk.telling.render import console

    screen = console()
    for part in _parts(found):
        screen.print()
        screen.print(part)
    screen.print()


def _parts(found: Rehearsal) -> list[RenderableType]:
    from rich.text import Text

    parameters = _table("parameter", "value")
    for name, value in sorted(found.parameters.items()):
        parameters.add_row(name, value or Text("empty", style="dim"))
    parts: list[RenderableType] = [parameters]
    if found.resources:
        created = _table("", "would be created", "")
        created.columns[0].justify = "right"
        for title, names in _by_type(found).items():
            created.add_row(str(len(names)), title, Text(" ".join(names), style="dim"))
        created.add_row(str(len(found.resources)), "in all", "")
        parts.append(created)
        if kept := [resource.name for resource in found.resources if resource.kept]:
            parts.append(Text(f"kept when the stack is deleted: {', '.join(kept)}"))
    if found.lock:
        lock = _table("a live stack with", "is")
        for what, said in found.lock.items():
            held = Text("refused: ", style="green").append(said, style="dim") if said else Text("TAKEN", "bold red")
            lock.add_row(what, held)
        parts.append(lock)
    return parts


def _remarks(found: Rehearsal) -> list[str]:
    from desk.deployment.credentials import change_line

    lines = [change_line(name, before, found.parameters[name]) for name, before in found.replaced.items()]
    return [*lines, *filter(None, [found.remark])]


def _table(*names: str) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name)
    return table


def _by_type(found: Rehearsal) -> dict[str, list[str]]:
    """Names by what they are, in the order in which a person asks for them."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for resource in found.resources:
        names[resource.type].append(resource.name)
    order = [*_TITLES, *(kind for kind in names if kind not in _TITLES)]
    return {_TITLES.get(kind, kind.removeprefix("AWS::")): names[kind] for kind in order if kind in names}


def _mend(found: Rehearsal) -> str:
    return f"set parameter_overrides in samconfig.toml, section {found.config}.deploy.parameters"


def _option(config: str) -> str:
    return "" if config == "default" else f" CONFIG={config}"
