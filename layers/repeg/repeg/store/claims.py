"""Signals and what they became: each is claimed once, whatever kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from repeg.errors import StoreConflict
from repeg.store.fenced import ABSENT, Table, raise_unless_condition
from repeg.store.items import from_item, signal_key, to_item


@dataclass(frozen=True)
class SignalClaim:
    """Which order (or rebalance: `reb-...`) a signal became, and the hash of its body."""

    order_id: str
    body_hash: str


class Claims(Table):
    """The signals' claims."""

    def claim_of(self, signal_id: str) -> SignalClaim | None:
        """What a signal became, or None if the signal is unknown."""
        item = self._get(signal_key(signal_id))
        if not item:
            return None
        data = from_item(item)
        return SignalClaim(order_id=data["order_id"], body_hash=data["body_hash"])

    def _accept(self, claim: SignalClaim, signal_id: str, writes: list[dict[str, Any]]) -> SignalClaim | None:
        """Claim a signal together with what it becomes; None when written, or the earlier claim: then nothing was."""
        # One transaction: a signal that is claimed without a record would never be traded, whoever sends it again.
        item = signal_key(signal_id) | to_item({"order_id": claim.order_id, "body_hash": claim.body_hash})
        try:
            self._client.transact_write_items(TransactItems=[self._put(item, ABSENT), *writes])
        except ClientError as error:
            raise_unless_condition(error)
            known = self.claim_of(signal_id)
            if known is None:
                raise StoreConflict(f"{claim.order_id} is being written by another delivery") from None
            return known
        return None
