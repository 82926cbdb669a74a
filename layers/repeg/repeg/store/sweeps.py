"""What a sweep keeps for the next: where to go on, and since when trouble lasts."""

from __future__ import annotations

from datetime import datetime

import msgspec

from repeg.domain.loss import PaidIn
from repeg.domain.models import Frozen, from_json, to_json
from repeg.store.fenced import Table
from repeg.store.items import from_item, to_item

_KEY = {"pk": "SWEEP", "sk": "STATE"}
_COMPARED = {"pk": "SWEEP", "sk": "COMPARED"}


class SweepState(Frozen):
    """`marks` are times in market time by name: of trouble with orders whose records their own executions write."""

    positions_after: str = ""
    """The last symbol that was looked at when time ran out last: the next sweep begins behind it."""
    orders_after: str = ""
    marks: dict[str, datetime] = msgspec.field(default_factory=dict)
    awaited: dict[str, datetime] = msgspec.field(default_factory=dict)
    """Firings that are looked out for, by schedule: when they are due."""
    standing: dict[str, datetime] = msgspec.field(default_factory=dict)
    """When a metric of the sweep's was last not at nothing: that it is again is told for a while."""
    paid_in: PaidIn | None = None
    """Deposits less withdrawals, as asked for last."""


class Compared(Frozen):
    """What the last comparison of the book left. `differs`: what it found beside positions that disagree."""

    at: datetime | None = None
    differs: int = 0
    marks: dict[str, datetime] = msgspec.field(default_factory=dict)
    """When what lasts was alerted last."""
    strangers: tuple[str, ...] = ()
    """Orders behind the newest fills that are somebody else's, by the broker's ids: not asked for again."""


class Sweeps(Table):
    """One item each; the newest wins."""

    def compared(self) -> Compared:
        """What the last comparison left, or nothing."""
        item = self._client.get_item(TableName=self._table, Key=to_item(_COMPARED)).get("Item")
        try:
            return from_json(from_item(item)["document"], Compared) if item else Compared()
        except ValueError:  # written by another version: what lasts is told once more
            return Compared()

    def keep_compared(self, compared: Compared) -> None:
        """Leave it to the next comparison, and to the sweeps before it."""
        item = to_item(_COMPARED | {"document": to_json(compared)})
        self._client.put_item(TableName=self._table, Item=item)

    def sweep_state(self) -> SweepState:
        """What the last sweep left, or nothing."""
        item = self._client.get_item(TableName=self._table, Key=to_item(_KEY)).get("Item")
        try:
            return from_json(from_item(item)["document"], SweepState) if item else SweepState()
        except ValueError:  # written by another version: what lasts is told once more
            return SweepState()

    def keep_sweep_state(self, state: SweepState) -> None:
        """Leave it to the next sweep."""
        item = to_item(_KEY | {"document": to_json(state)})
        self._client.put_item(TableName=self._table, Item=item)
