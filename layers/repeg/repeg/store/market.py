"""What all orders share: the last reading of the broker's clock, the trading calendar, the last valid settings."""

from __future__ import annotations

from typing import Any

from repeg.domain.history import ClockAnchor
from repeg.domain.market import KeysAccount
from repeg.domain.sessions import Calendar
from repeg.store.items import from_item, to_item


class MarketStore:
    """Shared readings, one item each; the newest wins. `client` is a low-level DynamoDB client."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def clock(self) -> ClockAnchor | None:
        """The last reading of the broker's clock, or None."""
        text = self._load("MARKET", "CLOCK")
        return ClockAnchor.model_validate_json(text) if text else None

    def keep_clock(self, anchor: ClockAnchor) -> None:
        """Keep a reading of the broker's clock."""
        self._keep("MARKET", "CLOCK", anchor.model_dump_json())

    def calendar(self) -> Calendar | None:
        """The trading days last read, or None."""
        text = self._load("MARKET", "CALENDAR")
        return Calendar.model_validate_json(text) if text else None

    def keep_calendar(self, calendar: Calendar) -> None:
        """Keep trading days."""
        self._keep("MARKET", "CALENDAR", calendar.model_dump_json())

    def account(self) -> KeysAccount | None:
        """The account of the keys as last told, or None."""
        text = self._load("MARKET", "ACCOUNT")
        return KeysAccount.model_validate_json(text) if text else None

    def keep_account(self, known: KeysAccount) -> None:
        """Keep which account the keys belong to."""
        self._keep("MARKET", "ACCOUNT", known.model_dump_json())

    def load(self) -> str | None:
        """The last valid settings document, or None."""
        return self._load("SETTINGS", "LAST_VALID")

    def keep(self, document: str) -> None:
        """Keep a valid settings document."""
        self._keep("SETTINGS", "LAST_VALID", document)

    def _load(self, pk: str, sk: str) -> str | None:
        key = to_item({"pk": pk, "sk": sk})
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return from_item(item)["document"] if item else None

    def _keep(self, pk: str, sk: str, document: str) -> None:
        self._client.put_item(TableName=self._table, Item=to_item({"pk": pk, "sk": sk, "document": document}))
