"""What an operator leaves in a stack's table: since when intake is paused, and which alerts were acknowledged."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from repeg.store.items import from_item, to_item

PAUSED, ACKNOWLEDGED = "PAUSED", "ACKNOWLEDGED"
MOST = 2000
"""Alerts whose acknowledgement is kept, the newest; they take some 50 KB of the 400 that an item may have."""


class Notes:
    """Notes of the desk, one item each. `client` is a low-level DynamoDB client; times are the wall's."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def paused_at(self) -> datetime | None:
        """When intake was paused from the desk, or None."""
        note = self._load(PAUSED)
        return datetime.fromisoformat(note["at"]) if note else None

    def keep_paused(self, at: datetime) -> None:
        """Note that intake is paused."""
        self._keep(PAUSED, {"at": at.isoformat()})

    def forget_paused(self) -> None:
        """Note that intake is not paused any more."""
        self._client.delete_item(TableName=self._table, Key=_key(PAUSED))

    def acknowledged(self) -> frozenset[str]:
        """Ids of the alerts that somebody has seen."""
        return frozenset(self._listed())

    def acknowledge(self, alerts: Iterable[str]) -> None:
        """Note that these alerts were seen, given oldest first."""
        known = dict.fromkeys(self._listed()) | dict.fromkeys(alerts)
        self._keep(ACKNOWLEDGED, {"alerts": list(known)[-MOST:]})

    def _listed(self) -> list[str]:
        note = self._load(ACKNOWLEDGED)
        return list(note["alerts"]) if note else []

    def _load(self, name: str) -> dict[str, Any] | None:
        item = self._client.get_item(TableName=self._table, Key=_key(name), ConsistentRead=True).get("Item")
        return dict(json.loads(from_item(item)["document"])) if item else None

    def _keep(self, name: str, document: dict[str, Any]) -> None:
        item = _key(name) | to_item({"document": json.dumps(document)})
        self._client.put_item(TableName=self._table, Item=item)


def _key(name: str) -> dict[str, Any]:
    return to_item({"pk": "DESK", "sk": name})
