"""Who we are at the broker: a token made once for each table, by which our orders' ids differ from anybody else's.

The identity bears a mark that the table was given its word on the account (`CONTROL|ACCOUNT`), by the same transaction.
One of an older version has no mark: whoever reads it first gives the table the word.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from repeg.domain.halt import Halt, Mode
from repeg.errors import StoreConflict
from repeg.store.fenced import ABSENT, Table, raise_unless_condition
from repeg.store.halts import HAS_CONTROL, IDENTITY_KEY, halt_item
from repeg.store.items import from_item, to_item

TOKEN_BYTES = 4


class IdentityStore(Table):
    """The table's identity. `client` is a low-level DynamoDB client."""

    def __init__(self, client: Any, table: str) -> None:
        super().__init__(client, table)
        self._known = ""

    def token(self) -> str:
        """Eight hex digits: made by whoever asks first, and read once per process."""
        self._known = self._known or self._read() or self._make()
        return self._known

    def _read(self) -> str:
        item = self._get(IDENTITY_KEY)
        if not item:
            return ""
        token = str(from_item(item)["token"])
        if HAS_CONTROL not in item:
            self._give_control(token)
        return token

    def _make(self) -> str:
        token = secrets.token_hex(TOKEN_BYTES)
        try:
            self._client.put_item(
                TableName=self._table,
                Item=IDENTITY_KEY | to_item({"token": token}),
                ConditionExpression=ABSENT,
            )
        # Whoever comes second takes the first one's token: by two of them neither would know the other's orders.
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise
        # Read anew: what it is given with it is given to one of an older version, too.
        return self._read()

    def _give_control(self, token: str) -> None:
        """Write the word on the account, and the mark that it was there, all or nothing; once for each table."""
        marked = self._put(IDENTITY_KEY | to_item({"token": token, HAS_CONTROL: "yes"}), "attribute_not_exists(#mark)")
        marked["Put"]["ExpressionAttributeNames"] = {"#mark": HAS_CONTROL}
        active = self._put(halt_item(Halt(mode=Mode.ACTIVE)), ABSENT)
        # What an operator said before stays; and somebody else may have been first.
        for writes in ([marked, active], [marked]):
            try:
                self._client.transact_write_items(TransactItems=writes)
                return
            except ClientError as error:
                # By somebody who does the same right now it is done; else by who reads it next.
                with suppress(StoreConflict):
                    raise_unless_condition(error)
