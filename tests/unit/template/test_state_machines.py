"""The machines as written: every way out leads somewhere, nothing ends unnoticed, and the role fits the definition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.stack import ROOT, Node, listed, load_machines, load_template, resources, statements, states_of

TEMPLATE = load_template()
MACHINES = load_machines()
DEPLOYED = {
    properties["DefinitionUri"].rpartition("/")[2]: properties
    for properties in resources(TEMPLATE, "AWS::Serverless::StateMachine").values()
}
STATES = [(file, name, state) for file, machine in MACHINES.items() for name, state in states_of(machine)]
TASKS = [(file, name, state) for file, name, state in STATES if state["Type"] == "Task"]
IDS = [f"{file}:{name}" for file, name, _ in STATES]
TASK_IDS = [f"{file}:{name}" for file, name, _ in TASKS]
ACTIONS = {"arn:${Partition}:states:::lambda:invoke": "lambda:InvokeFunction"}
# What AWS says when it did not run a function, or does not know whether it did; the last is the emulator's word for it.
LAMBDA_TROUBLE = {
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.Unknown",
}


def ways_out(state: Node) -> Iterator[str]:
    yield from (state[key] for key in ("Next", "Default") if key in state)
    for rule in [*state.get("Choices", []), *state.get("Catch", [])]:
        yield rule["Next"]


def siblings(machine: Node, name: str) -> dict[str, Any]:
    """The states among which a state of this name stands."""
    if name in machine["States"]:
        return dict(machine["States"])
    inner = [state["ItemProcessor"] for state in machine["States"].values() if "ItemProcessor" in state]
    return next(found for processor in inner if (found := siblings(processor, name)))


def test_every_definition_is_deployed() -> None:
    assert set(MACHINES) == set(DEPLOYED)


@pytest.mark.parametrize(("file", "name", "state"), STATES, ids=IDS)
def test_every_way_out_leads_to_a_state(file: str, name: str, state: Node) -> None:
    assert set(ways_out(state)) <= set(siblings(MACHINES[file], name))
    if state["Type"] not in ("Choice", "Succeed", "Fail"):
        assert ("Next" in state) != bool(state.get("End"))


@pytest.mark.parametrize("file", MACHINES)
def test_every_state_can_be_reached(file: str) -> None:
    machine = MACHINES[file]
    reached: set[str] = set()
    ahead = {machine["StartAt"]}
    while ahead:
        reached |= ahead
        ahead = {way for name in ahead for way in ways_out(machine["States"][name])} - reached
    assert reached == set(machine["States"])


@pytest.mark.parametrize(("file", "name", "state"), STATES, ids=IDS)
def test_states_use_only_what_behaves_alike_everywhere(file: str, name: str, state: Node) -> None:
    assert state["Type"] != "Parallel"
    for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
        assert rule["ErrorEquals"] == ["States.ALL"] or set(rule["ErrorEquals"]) == LAMBDA_TROUBLE
    if state["Type"] == "Wait":
        assert "Seconds" in state and not {"Timestamp", "TimestampPath"} & set(state)
        assert isinstance(state["Seconds"], str) or float(state["Seconds"]).is_integer()


@pytest.mark.parametrize(("file", "name", "state"), TASKS, ids=TASK_IDS)
def test_no_task_fails_unnoticed(file: str, name: str, state: Node) -> None:
    assert [rule["ErrorEquals"] for rule in state["Catch"]] == [["States.ALL"]]
    assert [rule["ErrorEquals"] for rule in state["Retry"]][1:] == [["States.ALL"]]


@pytest.mark.parametrize(("file", "name", "state"), TASKS, ids=TASK_IDS)
def test_a_throttled_function_is_asked_for_as_long_as_a_burst_lasts(file: str, name: str, state: Node) -> None:
    """A new account runs ten functions at once: five tries within 15 s gave up a fifth of a burst of 200."""
    patient = state["Retry"][0]
    assert set(patient["ErrorEquals"]) == LAMBDA_TROUBLE
    assert (patient["MaxAttempts"], patient["MaxDelaySeconds"], patient["JitterStrategy"]) == (10, 10, "FULL")


@pytest.mark.parametrize(("file", "name", "state"), TASKS, ids=TASK_IDS)
def test_a_task_that_never_answers_fails(file: str, name: str, state: Node) -> None:
    function = DEPLOYED[file]["DefinitionSubstitutions"][function_of(state)]["Fn::GetAtt"].split(".")[0]
    allowed = TEMPLATE["Resources"][function]["Properties"].get("Timeout", TEMPLATE["Globals"]["Function"]["Timeout"])
    assert state["TimeoutSeconds"] == 90 >= allowed + 30, "the function says first what it was about"


def function_of(state: Node) -> str:
    """The substitution that stands for the function of a task."""
    target = re.fullmatch(r"\$\{(\w+)\}", state["Arguments"]["FunctionName"])
    assert target
    return target[1]


@pytest.mark.parametrize("file", MACHINES)
def test_role_allows_what_the_definition_does_and_no_more(file: str) -> None:
    needed: dict[str, set[str]] = {}
    for _, state in states_of(MACHINES[file]):
        if state["Type"] == "Task":
            resource = DEPLOYED[file]["DefinitionSubstitutions"][function_of(state)]["Fn::GetAtt"]
            needed.setdefault(ACTIONS[state["Resource"]], set()).add(resource)
    allowed: dict[str, set[str]] = {}
    for statement in statements(DEPLOYED[file]):
        for action in listed(statement["Action"]):
            if not action.startswith("logs:"):
                allowed.setdefault(action, set()).update(item["Fn::GetAtt"] for item in listed(statement["Resource"]))
    assert allowed == needed


@pytest.mark.parametrize("file", MACHINES)
def test_substitutions_are_those_of_the_definition(file: str) -> None:
    used = set(re.findall(r"\$\{(\w+)\}", (ROOT / "statemachines" / file).read_text()))
    assert used == set(DEPLOYED[file]["DefinitionSubstitutions"])


@pytest.mark.parametrize("file", MACHINES)
def test_the_definition_names_no_partition(file: str) -> None:
    """ARNs of China and GovCloud begin otherwise."""
    assert DEPLOYED[file]["DefinitionSubstitutions"]["Partition"] == {"Ref": "AWS::Partition"}
    assert "arn:aws" not in (ROOT / "statemachines" / file).read_text()
