"""The baseline of the way to the market: a queue and a Lambda function that only submits what arrives."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from desk.bench.artefacts import plain_install
from desk.bench.stage import Stage

NAME = "bench-submit-only"
CODE = Path(__file__).with_name("submit_only_handler.py")


@dataclass(frozen=True)
class SubmitOnly:
    """Where to send what is submitted."""

    queue_url: str


def deploy(stage: Stage) -> SubmitOnly:
    """Puts the function beside the stack, on a plain install with alpaca-py, behind a queue like the stack's.

    Raises:
        BenchError: the plain install is missing.
    """
    connection = stage.connection
    place_order = connection.lambda_.get_function_configuration(FunctionName=connection.function("place_order"))
    # By path, not as a layer: to pack its 150 MB would take longer than to measure, and the emulator would keep them.
    environment = {"BROKER_URL": str(connection.exchange_url), "PYTHONPATH": str(plain_install())}
    made = connection.lambda_.create_function(
        FunctionName=NAME,
        Runtime=place_order["Runtime"],
        Handler="app.handler",
        Role=place_order["Role"],
        Code={"ZipFile": _zip()},
        MemorySize=place_order["MemorySize"],
        Timeout=place_order["Timeout"],
        Environment={"Variables": environment},
    )
    queue_url = connection.sqs.create_queue(QueueName=f"{NAME}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    attributes = connection.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    connection.lambda_.create_event_source_mapping(
        EventSourceArn=attributes["Attributes"]["QueueArn"], FunctionName=made["FunctionArn"], BatchSize=10
    )
    return SubmitOnly(queue_url)


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(CODE, "app.py")
    return packed.getvalue()
