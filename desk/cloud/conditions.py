"""Which resources of a template a deployment makes: the emulator lists those, too, whose condition does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_made(name: str, template: Mapping[str, Any], parameters: Mapping[str, str]) -> bool:
    """True when the resource has no condition, or one that holds for these parameters."""
    condition = template["Resources"][name].get("Condition")
    return condition is None or _holds(template["Conditions"][condition], template["Conditions"], parameters)


def _holds(condition: Mapping[str, Any], named: Mapping[str, Any], parameters: Mapping[str, str]) -> bool:
    [(operator, operands)] = condition.items()
    if operator == "Condition":
        return _holds(named[operands], named, parameters)
    if operator == "Fn::Equals":
        left, right = (parameters[side["Ref"]] if isinstance(side, Mapping) else str(side) for side in operands)
        return left == right
    told = (_holds(operand, named, parameters) for operand in operands)
    return {"Fn::Not": lambda: not next(told), "Fn::And": lambda: all(told), "Fn::Or": lambda: any(told)}[operator]()
