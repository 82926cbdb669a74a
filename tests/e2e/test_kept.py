"""What a deleted stack left is taken back by a stack that begins with it, as the runbook says."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from repeg.store.items import signal_key
from tests.support.cloud import Cloud
from tests.support.stack import ROOT, load_template
from tests.support.stand_ins.tables import create_table

pytestmark = pytest.mark.cloud


def test_a_kept_table_is_taken_back_with_what_is_in_it(cloud: Cloud) -> None:
    """The table alone, as if the secret were gone: the emulator imports none."""
    stack, connection = f"kept-{uuid4().hex[:8]}", cloud.connection
    create_table(connection.dynamodb, stack)
    item = signal_key("a") | {"ours": {"S": "yes"}}
    connection.dynamodb.put_item(TableName=stack, Item=item)
    template = load_template(ROOT / "docs/kept.yaml")
    del template["Resources"]["AlpacaKeys"]
    table = {
        "ResourceType": "AWS::DynamoDB::Table",
        "LogicalResourceId": "Table",
        "ResourceIdentifier": {"TableName": stack},
    }
    cloudformation = connection.client("cloudformation")
    named = {"StackName": stack, "ChangeSetName": "kept"}
    soon = {"Delay": 1, "MaxAttempts": 20}
    cloudformation.create_change_set(
        **named, ChangeSetType="IMPORT", TemplateBody=json.dumps(template, default=str), ResourcesToImport=[table]
    )
    cloudformation.get_waiter("change_set_create_complete").wait(**named, WaiterConfig=soon)
    cloudformation.execute_change_set(**named)
    cloudformation.get_waiter("stack_import_complete").wait(StackName=stack, WaiterConfig=soon)
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    assert [(each["LogicalResourceId"], each["PhysicalResourceId"]) for each in resources] == [("Table", stack)]
    assert connection.dynamodb.get_item(TableName=stack, Key=signal_key("a"))["Item"] == item
