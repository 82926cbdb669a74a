"""The stack as it is written: template and state machines, read with CloudFormation's short forms spelt out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
Node = dict[str, Any]


class _Loader(yaml.SafeLoader):
    pass


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> Node:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _short_form)


def load_template(path: Path = ROOT / "template.yaml") -> Node:
    """A template, by default the stack's."""
    return dict(yaml.load(path.read_text(), _Loader))


def load_machines() -> dict[str, Node]:
    """Definitions of the state machines by file name."""
    return {path.name: yaml.safe_load(path.read_text()) for path in sorted((ROOT / "statemachines").glob("*.asl.yaml"))}


def states_of(machine: Node) -> Iterator[tuple[str, Node]]:
    """Every state of a machine with its name, those inside Map states included."""
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states_of(state["ItemProcessor"])


def resources(template: Node, kind: str) -> dict[str, Node]:
    """Properties of the template's resources of one type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def statements(properties: Node) -> list[Node]:
    """All policy statements of a function or a state machine."""
    return [statement for policy in properties.get("Policies", []) for statement in policy["Statement"]]


def listed(value: Any) -> list[Any]:
    """A value or a list of values, as a list."""
    return value if isinstance(value, list) else [value]


def walk(node: Any) -> Iterator[Any]:
    """Every value inside a document."""
    yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from walk(child)


def evaluate(node: Any, parameters: Mapping[str, str]) -> Any:
    """Value of a condition expression."""
    if not isinstance(node, dict):
        return node
    ((function, argument),) = node.items()
    if function == "Ref":
        return parameters[argument]
    values = [evaluate(item, parameters) for item in argument]
    if function == "Fn::Equals":
        return values[0] == values[1]
    if function == "Fn::Not":
        return not values[0]
    raise NotImplementedError(function)


def defaults(template: Node) -> dict[str, str]:
    """The parameters of a template as they are where nobody gives any."""
    return {name: parameter["Default"] for name, parameter in template["Parameters"].items()}
