"""What linters do not see: references that lead nowhere, time-outs out of range, permissions that are too wide."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from repeg.domain.patience import LONGEST_STEP, MAX_DELIVERIES, SENDER_LIFE
from tests.support.stack import ROOT, defaults, evaluate, listed, load_template, resources, statements, walk

TEMPLATE = load_template()
FUNCTIONS = resources(TEMPLATE, "AWS::Serverless::Function")
MACHINES = resources(TEMPLATE, "AWS::Serverless::StateMachine")
QUEUES = resources(TEMPLATE, "AWS::SQS::Queue")
PSEUDO = ("AWS::StackName", "AWS::Partition", "AWS::Region", "AWS::AccountId", "AWS::NoValue")
NAMED = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::ApiDestination": "Name",
    "AWS::Events::Connection": "Name",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Logs::MetricFilter": "FilterName",
    "AWS::Logs::QueryDefinition": "Name",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Scheduler::Schedule": "Name",
    "AWS::SSM::Parameter": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Serverless::LayerVersion": "LayerName",
    "AWS::Serverless::StateMachine": "Name",
}
# Log delivery is set up for the account, mappings are listed for it: these actions know no narrower resource.
ACCOUNT_WIDE = re.compile(
    r"logs:(.*LogDelivery|ListLogDeliveries|.*ResourcePolic(y|ies)|DescribeLogGroups)|lambda:ListEventSourceMappings"
)


def references() -> set[str]:
    """Everything that the template refers to by Ref, GetAtt or Sub."""
    found: set[str] = set()
    for node in walk(TEMPLATE):
        if not isinstance(node, dict):
            continue
        if "Ref" in node:
            found.add(node["Ref"])
        if "Fn::GetAtt" in node:
            target = node["Fn::GetAtt"]
            found.add(target[0] if isinstance(target, list) else target.split(".")[0])
        if "Fn::Sub" in node:
            found |= {name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", node["Fn::Sub"])}
    return found


def test_every_reference_leads_somewhere() -> None:
    urls = {f"{name}Url" for name, properties in FUNCTIONS.items() if "FunctionUrlConfig" in properties}
    known = {*TEMPLATE["Resources"], *TEMPLATE["Parameters"], *PSEUDO, *urls}
    assert references() <= known


def test_every_parameter_and_condition_is_used() -> None:
    assert set(TEMPLATE["Parameters"]) <= references()
    text = json.dumps(TEMPLATE["Resources"])
    assert all(f'"{condition}"' in text for condition in TEMPLATE["Conditions"])


@pytest.mark.parametrize(
    "name", [name for name in TEMPLATE["Resources"] if not name.endswith(("Policy", "Role")) and name != "AlertsByMail"]
)
def test_names_begin_with_the_stack_so_that_stacks_can_stand_side_by_side(name: str) -> None:
    resource = TEMPLATE["Resources"][name]
    assert "${AWS::StackName}" in str(resource["Properties"][NAMED[resource["Type"]]]) or name == "Table"


def test_the_table_has_the_name_of_the_stack() -> None:
    assert TEMPLATE["Resources"]["Table"]["Properties"]["TableName"] == {"Ref": "AWS::StackName"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_is_there_and_its_timeout_is_possible(name: str) -> None:
    properties = {**TEMPLATE["Globals"]["Function"], **FUNCTIONS[name]}
    assert (ROOT / properties["CodeUri"] / "app.py").is_file()
    assert properties["Handler"] == "app.handler"
    assert 1 <= properties["Timeout"] <= 900
    assert 128 <= properties["MemorySize"] <= 10240


def test_every_function_folder_is_deployed() -> None:
    deployed = {properties["CodeUri"].strip("/") for properties in FUNCTIONS.values()}
    assert deployed == {f"functions/{path.parent.name}" for path in (ROOT / "functions").glob("*/app.py")}


@pytest.mark.parametrize("name", [*FUNCTIONS, *MACHINES])
def test_permissions_name_their_resources(name: str) -> None:
    for statement in statements({**FUNCTIONS, **MACHINES}[name]):
        actions = listed(statement["Action"])
        assert not [action for action in actions if "*" in action]
        for resource in listed(statement["Resource"]):
            if resource == "*":
                assert all(ACCOUNT_WIDE.fullmatch(action) for action in actions)
            else:
                assert isinstance(resource, dict), f"{resource} names an account or a region"


@pytest.mark.parametrize("name", [name for name, each in FUNCTIONS.items() if "BROKER_URL" in str(each["Environment"])])
def test_whoever_can_ask_for_a_quote_asks_the_feed_that_is_set(name: str) -> None:
    assert {"SETTINGS_DEFAULTS", "SETTINGS_OVERRIDES"} <= set(FUNCTIONS[name]["Environment"]["Variables"])
    allowed = {action for statement in statements(FUNCTIONS[name]) for action in listed(statement["Action"])}
    assert "ssm:GetParameters" in allowed


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_may_use_what_its_environment_points_at_and_nothing_else(name: str) -> None:
    needed = {
        "ALPACA_SECRET_ID": "secretsmanager:GetSecretValue",
        "DLQ_URL": "sqs:SendMessage",
        "EVENT_BUS_NAME": "events:PutEvents",
        "INTAKE_FUNCTION": "lambda:ListEventSourceMappings",
        "QUEUE_URL": "sqs:ChangeMessageVisibility",
        "SETTINGS_DEFAULTS": "ssm:GetParameters",
        "SIGNALS_URL": "sqs:SendMessage",
        "STATE_MACHINE_ARN": "states:StartExecution",
        "WEBHOOK_SECRET_ID": "secretsmanager:GetSecretValue",
    }
    variables = FUNCTIONS[name]["Environment"]["Variables"]
    allowed = {action for statement in statements(FUNCTIONS[name]) for action in listed(statement["Action"])}
    services = {action.split(":")[0] for action in allowed} - {"dynamodb"}
    pointed_at = {action for variable, action in needed.items() if variable in variables}
    assert pointed_at <= allowed
    assert services == {action.split(":")[0] for action in pointed_at}


def test_what_cannot_be_accepted_ends_in_the_dead_letter_queue() -> None:
    signals, refused = QUEUES["Signals"], QUEUES["SignalsRefused"]
    assert signals["RedrivePolicy"]["maxReceiveCount"] == MAX_DELIVERIES, (
        "the last try gives up by itself, with its reason"
    )
    assert signals["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": "SignalsRefused.Arn"}
    assert signals["FifoQueue"] and refused["FifoQueue"]
    assert refused["MessageRetentionPeriod"] == 14 * 86400
    assert signals["MaximumMessageSize"] == 64 * 1024
    assert refused["MaximumMessageSize"] > signals["MaximumMessageSize"], "it arrives with what is wrong with it"
    assert signals["VisibilityTimeout"] >= 6 * FUNCTIONS["AcceptSignal"]["Timeout"]
    event = FUNCTIONS["AcceptSignal"]["Events"]["Signal"]["Properties"]
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_an_invocation_that_dies_does_not_hold_a_symbol_for_long() -> None:
    """Its messages, and whatever follows them in their groups, come back when they become visible by themselves."""
    assert QUEUES["Signals"]["VisibilityTimeout"] <= 60


def test_a_burst_leaves_the_steps_room_in_a_new_account() -> None:
    """It runs ten functions at once. A FIFO source needs two, and reserved concurrency would be refused."""
    event = FUNCTIONS["AcceptSignal"]["Events"]["Signal"]["Properties"]
    assert 2 <= event["ScalingConfig"]["MaximumConcurrency"] <= 5
    text = (ROOT / "template.yaml").read_text()
    assert "ReservedConcurrentExecutions" not in text and "ProvisionedConcurrency" not in text


def test_everything_at_rest_is_encrypted() -> None:
    assert all(queue["SqsManagedSseEnabled"] for queue in QUEUES.values())
    assert TEMPLATE["Resources"]["Table"]["Properties"]["SSESpecification"]["SSEEnabled"]


@pytest.mark.parametrize("name", ["Table", "AlpacaKeys"])
def test_records_and_keys_outlive_the_stack_but_not_a_creation_that_failed(name: str) -> None:
    """What a failed creation left behind would have its name, and refuse the next one."""
    resource = TEMPLATE["Resources"][name]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_what_is_kept_can_be_taken_back_as_it_is() -> None:
    """An import takes what a template of its own names, and the deployment over it must not want another table."""
    kept = load_template(ROOT / "docs/kept.yaml")["Resources"]
    ours = {name: on_aws(resource) for name, resource in TEMPLATE["Resources"].items() if "DeletionPolicy" in resource}
    assert kept == ours


def on_aws(node: Any) -> Any:
    """A part of the template with its conditions decided as they are on AWS."""
    if isinstance(node, dict):
        if list(node) == ["Fn::If"]:
            condition, if_true, if_false = node["Fn::If"]
            return if_true if evaluate(TEMPLATE["Conditions"][condition], defaults(TEMPLATE)) else if_false
        return {key: on_aws(value) for key, value in node.items()}
    return [on_aws(item) for item in node] if isinstance(node, list) else node


def test_nobody_deletes_the_table_by_a_slip() -> None:
    table = TEMPLATE["Resources"]["Table"]["Properties"]
    assert table["DeletionProtectionEnabled"] == {"Fn::If": ["OnLocalCloud", False, True]}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert "TimeToLiveSpecification" not in table, "nothing in it goes by itself"


def test_logs_are_kept_for_a_set_time_and_go_nowhere_else() -> None:
    groups = resources(TEMPLATE, "AWS::Logs::LogGroup")
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    assert TEMPLATE["Globals"]["Function"]["LoggingConfig"]["LogGroup"] == {"Ref": "FunctionLogs"}
    assert all("Logging" in machine for machine in MACHINES.values())


def test_schedules_are_on_wherever_the_stack_is() -> None:
    events = [event for function in FUNCTIONS.values() for event in function.get("Events", {}).values()]
    schedules = [event["Properties"] for event in events if event["Type"].startswith("Schedule")]
    assert schedules
    for schedule in schedules:
        assert schedule["State"] == "ENABLED"
    assert not evaluate(TEMPLATE["Conditions"]["OnLocalCloud"], defaults(TEMPLATE))


def test_a_sweep_that_was_held_up_does_not_come_late() -> None:
    config = FUNCTIONS["SweepOrders"]["EventInvokeConfig"]
    assert config == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}


def test_nothing_of_the_user_is_in_the_template() -> None:
    """A value of the secret in the template, even an empty one, would replace the keys whenever that line changes."""
    assert set(TEMPLATE["Resources"]["AlpacaKeys"]["Properties"]) == {"Name", "Description"}
    assert "resolve:" not in (ROOT / "template.yaml").read_text()


def test_default_settings_are_a_document_that_the_stack_accepts() -> None:
    from repeg.settings import merge

    value = TEMPLATE["Resources"]["SettingsDefaults"]["Properties"]["Value"]["Fn::Sub"]
    document = value.replace("${DataFeed}", TEMPLATE["Parameters"]["DataFeed"]["Default"])
    assert len(document) <= 4096
    settings = merge(document, None)
    assert set(json.loads(document)) == set(type(settings).__struct_fields__)
    assert settings == type(settings)(), "exits go by those that are built in while none can be read"


def test_layers_are_built_for_what_the_template_deploys_by_default() -> None:
    for layer in ("dependencies", "repeg"):
        makefile = (ROOT / "layers" / layer / "Makefile").read_text()
        assert f"REPEG_RUNTIME ?= {defaults(TEMPLATE)['PythonRuntime']}\n" in makefile
    assert f"REPEG_ARCH ?= {defaults(TEMPLATE)['Arch']}\n" in (ROOT / "layers/dependencies/Makefile").read_text()


def test_no_function_outlives_what_senders_are_given() -> None:
    """ "Never sent" is concluded when whoever wrote the intent must be dead: by the functions' own time-outs."""
    usual = TEMPLATE["Globals"]["Function"]["Timeout"]
    longest = max(properties.get("Timeout", usual) for properties in FUNCTIONS.values())
    assert longest <= LONGEST_STEP.total_seconds() < SENDER_LIFE.total_seconds()
