"""moto's tables without HTTP in between: what a call does and answers is moto's, the way there and back is not taken.

Of what a call to moto takes, four fifths are requests and answers that are written out and read again.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.model import ListShape, MapShape, OperationModel, StructureShape
from moto import mock_aws
from moto.core import models
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.dynamodb.responses import DynamoHandler

REGION = "us-east-1"
_SHORT = {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "BatchGetItem", "TransactWriteItems"}


@contextmanager
def quick_aws() -> Iterator[None]:
    """moto for the clients of boto3 alone: what `requests` sends goes to the exchange, and is not looked through."""
    with patch.object(models, "RESPONSES_METHODS", []), mock_aws():
        yield


def shorten(client: Any) -> None:
    """Let a client of DynamoDB, in `REGION`, hand its calls to moto itself."""
    client.meta.events.register("before-call.dynamodb", _answer)


def _answer(model: OperationModel, params: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
    """The answer, or none: then the call goes the long way."""
    if model.name not in _SHORT or not botocore_stubber.enabled:
        return None
    handler = DynamoHandler()
    handler.current_account, handler.region = DEFAULT_ACCOUNT_ID, REGION
    handler.body = handler.params = _shaped(json.loads(params["body"]), model.input_shape)
    try:
        answer = getattr(handler, xform_name(model.name))()
    except Exception:  # it has changed nothing, and fails the long way once more: errors are moto's to the letter
        return None
    metadata = {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
    shaped = _shaped(answer.result, model.output_shape) | {"ResponseMetadata": metadata}
    return AWSResponse(params["url"], 200, {}, None), shaped


def _shaped(value: Any, shape: Any) -> Any:
    """A copy as whoever receives it reads it: only what the service's description knows, and no value that is none."""
    if isinstance(shape, StructureShape):
        members = shape.members
        return {k: _shaped(v, members[k]) for k, v in value.items() if k in members and v is not None}
    if isinstance(shape, MapShape):
        return {k: _shaped(v, shape.value) for k, v in value.items()}
    if isinstance(shape, ListShape):
        return [_shaped(each, shape.member) for each in value]
    if shape.type_name == "blob":
        return value if isinstance(value, bytes) else b64decode(value)
    return str(value) if shape.type_name == "string" else value
