"""Who we are at the broker: a token made once for each table, by which our orders' ids differ from anybody else's."""

from __future__ import annotations

import secrets
from typing import Any

from botocore.exceptions import ClientError

from repeg.store.items import from_item, to_item

TOKEN_BYTES = 4
_KEY = to_item({"pk": "IDENTITY", "sk": "IDENTITY"})


class IdentityStore:
    """The table's identity. `client` is a low-level DynamoDB client."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table
        self._known = ""

    def token(self) -> str:
        """Eight hex digits: made by whoever asks first, and read once per process."""
        self._known = self._known or self._read() or self._make()
        return self._known

    def _read(self) -> str:
        item = self._client.get_item(TableName=self._table, Key=_KEY, ConsistentRead=True).get("Item")
        return str(from_item(item)["token"]) if item else ""

    def _make(self) -> str:
        token = secrets.token_hex(TOKEN_BYTES)
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_KEY | to_item({"token": token}),
                ConditionExpression="attribute_not_exists(pk)",
            )
        # Whoever comes second takes the first one's token: by two of them neither would know the other's orders.
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise
            return self._read()
        return token
