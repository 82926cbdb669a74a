"""What a local cloud holds, over a stop: the table, the overrides, what waits in the queues, and the exchange's state.

The two halves belong together: records of an exchange that has forgotten their positions would be in dispute. So both
are written beside what is kept, and take its place only when both are there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from desk.stack.connection import Connection
from desk.stack.intake import is_on, mappings_of
from desk.stack.overrides import OverridesStore
from desk.stack.place import Place

_BATCH = 25
# A reading of the clock is carried on by the wall, which has moved while the market stood still.
_NOT_KEPT = {("MARKET", "CLOCK")}


def is_kept(place: Place) -> bool:
    """Whether there is something to go on with."""
    return place.kept_stack.exists() and place.kept_exchange.exists()


def close_intake(connection: Connection) -> bool:
    """Takes no further signal out of the queue; returns whether any was taken until now."""
    was_on = False
    for mapping in mappings_of(connection):
        was_on = was_on or is_on(mapping)
        connection.lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    return was_on


def keep(place: Place, connection: Connection, intake_was_on: bool) -> bool:
    """Keeps what the stack holds beside what the exchange wrote as it ended; False if it wrote nothing."""
    written = place.kept_exchange.with_name(f"{place.kept_exchange.name}.new")
    if not written.exists():
        return False
    overrides = OverridesStore(connection.ssm, connection.settings_defaults, connection.settings_overrides)
    document = {
        "items": [item for item in _items(connection) if (item["pk"]["S"], item["sk"]["S"]) not in _NOT_KEPT],
        "overrides": overrides.read().overrides,
        "intake": intake_was_on,
        "signals": list(_messages(connection, connection.queue_url)),
        "refused": list(_messages(connection, connection.dlq_url)),
    }
    part = place.kept_stack.with_suffix(".part")
    part.write_text(json.dumps(document))
    os.replace(part, place.kept_stack)
    os.replace(written, place.kept_exchange)
    return True


def put_back(place: Place, connection: Connection) -> None:
    """Gives a stack that was just deployed what was kept of the one before, before any of its functions has run."""
    document = json.loads(place.kept_stack.read_text())
    items = document["items"]
    for start in range(0, len(items), _BATCH):
        puts = [{"PutRequest": {"Item": item}} for item in items[start : start + _BATCH]]
        connection.dynamodb.batch_write_item(RequestItems={connection.table: puts})
    if document["overrides"] is not None:
        store = OverridesStore(connection.ssm, connection.settings_defaults, connection.settings_overrides)
        store.write(document["overrides"])
    if not document["intake"]:
        close_intake(connection)
    for queue, name in ((connection.queue_url, "signals"), (connection.dlq_url, "refused")):
        for message in document[name]:
            connection.sqs.send_message(QueueUrl=queue, **message)


def _items(connection: Connection) -> Iterator[dict[str, Any]]:
    pages = connection.dynamodb.get_paginator("scan").paginate(TableName=connection.table, ConsistentRead=True)
    return (item for page in pages for item in page["Items"])


def _messages(connection: Connection, queue: str) -> Iterator[dict[str, Any]]:
    """What waits in a queue, as it is sent again; it is taken out, since the queue goes, too."""
    ask = {"MaxNumberOfMessages": 10, "AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
    while found := connection.sqs.receive_message(QueueUrl=queue, **ask).get("Messages", []):
        for message in found:
            yield {
                "MessageBody": message["Body"],
                "MessageGroupId": message["Attributes"]["MessageGroupId"],
                "MessageDeduplicationId": message["Attributes"]["MessageDeduplicationId"],
                "MessageAttributes": {
                    name: {"DataType": value["DataType"], "StringValue": value["StringValue"]}
                    for name, value in message.get("MessageAttributes", {}).items()
                },
            }
            connection.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
