"""The states of the two machines: which step each takes, in which file, and what waits for it."""

from __future__ import annotations

import ast
import re
from typing import Any

from repeg.domain.rules.life import STATES
from tests.support.architecture.tables import ROOT, machines, places, table, template
from tests.support.stack import resources

_ADVANCE = "rebalance/advance.py"
_ARN = re.compile(r"\$\{(\w+)FunctionArn\}")
# One function takes all steps of a rebalance, each by what the record says.
_REBALANCE = {
    "PlanRebalance": ("waits for the open and its turn, and plans at the prices of that moment", "_begin"),
    "SellFirst": ("places the legs that free cash, and sees what came of them", "_sell"),
    "BuyFromCash": ("plans the buys anew, places them, and records what is left", "_buy"),
    "RecoverRebalance": ("after a failure, goes on where the record stands", "advance"),
}


def printed() -> str:
    """A table for each machine."""
    functions = resources(template(), "AWS::Serverless::Function")
    orders, rebalances = (machine["States"] for _, machine in sorted(machines().items()))
    of_orders = (
        (f"`{state}`", *_step_of(functions, orders[state]), _waits(orders, state), _stages(state))
        for state in _tasks(orders)
    )
    of_rebalances = (
        (f"`{state}`", _REBALANCE[state][0], places(f"{_ADVANCE}: {_REBALANCE[state][1]}"), _waits(rebalances, state))
        for state in _tasks(rebalances)
    )
    head = ("state", "what it does", "step", "waits that lead to it")
    return (
        f"**`execute_order`**\n\n{table((*head, 'stages'), of_orders)}\n"
        f"**`rebalance_portfolio`**: one function takes all of its steps.\n\n{table(head, of_rebalances)}"
    )


def _tasks(states: dict[str, Any]) -> list[str]:
    return [name for name, state in states.items() if state["Type"] == "Task"]


def _step_of(functions: dict[str, Any], task: dict[str, Any]) -> tuple[str, str]:
    """What the state's function says of itself, and its step."""
    (function,) = _ARN.findall(task["Arguments"]["FunctionName"])
    path = ROOT / functions[function]["CodeUri"] / "app.py"
    module = ast.parse(path.read_text(encoding="utf-8"))
    does = " ".join((ast.get_docstring(module) or "").split()).partition(": ")[2].split(". ")[0].rstrip(".")
    return does, places(_step(module))


def _step(module: ast.Module) -> str:
    for node in module.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("repeg.steps."):
            return f"steps/{node.module.rpartition('.')[2]}.py: {node.names[0].name}"
    raise AssertionError("a handler without a step")


def _waits(states: dict[str, Any], task: str) -> str:
    return ", ".join(f"`{name}`" for name, each in states.items() if each["Type"] == "Wait" and each["Next"] == task)


def _stages(state: str) -> str:
    return ", ".join(stage.value for stage, at in STATES.items() if state in at)
