"""What all orders share: the last reading of the broker's clock, the trading calendar, the plans of the open, and the
last valid settings.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, TypeVar

from repeg.domain.history import ClockAnchor
from repeg.domain.market.reports import KeysAccount, KnownAssets
from repeg.domain.market.sessions import Calendar
from repeg.domain.models import Frozen, from_json, to_json
from repeg.domain.schedule.spreads import OpeningPlans
from repeg.settings import Kept
from repeg.store.items import from_item, to_item

_Reading = TypeVar("_Reading", bound=Frozen)


class SharedStore:
    """Shared readings, one item each; the newest wins. `client` is a low-level DynamoDB client."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def clock(self) -> ClockAnchor | None:
        """The last reading of the broker's clock, or None."""
        return self._reading("CLOCK", ClockAnchor)

    def keep_clock(self, anchor: ClockAnchor) -> None:
        """Keep a reading of the broker's clock."""
        self._keep("MARKET", "CLOCK", to_json(anchor))

    def calendar(self) -> Calendar | None:
        """The trading days last read, or None."""
        return self._reading("CALENDAR", Calendar)

    def keep_calendar(self, calendar: Calendar) -> None:
        """Keep trading days."""
        self._keep("MARKET", "CALENDAR", to_json(calendar))

    def account(self) -> KeysAccount | None:
        """The account of the keys as last told, or None."""
        return self._reading("ACCOUNT", KeysAccount)

    def keep_account(self, known: KeysAccount) -> None:
        """Keep which account the keys belong to."""
        self._keep("MARKET", "ACCOUNT", to_json(known))

    def assets(self) -> KnownAssets | None:
        """The assets last told, or None."""
        return self._reading("ASSETS", KnownAssets)

    def keep_assets(self, known: KnownAssets) -> None:
        """Keep assets of a day."""
        self._keep("MARKET", "ASSETS", to_json(known))

    def opening_plans(self) -> OpeningPlans | None:
        """The plans of the open that were made last, or None."""
        return self._reading("OPENING", OpeningPlans)

    def keep_opening_plans(self, plans: OpeningPlans) -> None:
        """Keep the plans of an open."""
        self._keep("MARKET", "OPENING", to_json(plans))

    def load(self) -> Kept | None:
        """The last valid settings document, or None."""
        item = self._item("SETTINGS", "LAST_VALID")
        return Kept(item["document"], item.get("of", "")) if item else None

    def keep(self, kept: Kept) -> None:
        """Keep a valid settings document."""
        self._keep("SETTINGS", "LAST_VALID", kept.document, of=kept.of)

    def _reading(self, name: str, kind: type[_Reading]) -> _Reading | None:
        item = self._item("MARKET", name)
        # One of another version counts as none: it is read from the broker again then, and written over. As an error it
        # would meet everybody who could do that.
        with suppress(ValueError):
            return from_json(item["document"], kind) if item else None
        return None

    def _item(self, pk: str, sk: str) -> dict[str, Any] | None:
        key = to_item({"pk": pk, "sk": sk})
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return from_item(item) if item else None

    def _keep(self, pk: str, sk: str, document: str, **more: str) -> None:
        # Unconditional: every reading is true, and one that an older overwrites costs a request, no more.
        item = to_item({"pk": pk, "sk": sk, "document": document} | more)
        self._client.put_item(TableName=self._table, Item=item)
