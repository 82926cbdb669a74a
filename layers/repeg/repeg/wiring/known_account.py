"""Which account the keys belong to: asked seldom, kept in the table for every process, believed for a bounded time.

Without it, every cold container of a burst would spend an urgent trading request on the same question.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from repeg.broker.port import Broker
from repeg.domain.market.reports import KeysAccount
from repeg.store.shared import SharedStore
from repeg.telemetry import logger

BELIEVED_FOR = timedelta(minutes=30)
REFRESHED_AFTER = timedelta(minutes=10)
"""The sweep asks again so long after the last answer: well before that stops being believed."""


def fingerprint(key_id: str, secret_key: str) -> str:
    """A hash of the key pair: differs from any other's, and gives neither key away."""
    return hashlib.sha256(f"{key_id}\n{secret_key}".encode()).hexdigest()


class KnownAccount:
    """The account of one key pair. `wall` is wall time."""

    def __init__(self, kept: SharedStore, keys: str, wall: Callable[[], datetime]) -> None:
        self._kept = kept
        self._keys = keys
        self._wall = wall

    def number(self, broker: Broker, believed_for: timedelta = BELIEVED_FOR) -> str:
        """The account's number: as last told, if these are the keys and it was told lately, else asked (one request).

        Raises:
            RetryError: the broker could not be asked.
        """
        known = self._known()
        if known and known.keys == self._keys and timedelta(0) <= self._wall() - known.at < believed_for:
            return known.account_number
        # By other keys, or after too long, nothing is believed: the lock fails closed.
        number = broker.account().account_number
        self._keep(KeysAccount(keys=self._keys, account_number=number, at=self._wall()))
        return number

    def _known(self) -> KeysAccount | None:
        try:
            return self._kept.account()
        except (ClientError, BotoCoreError) as error:
            logger.error(f"the account last told cannot be read, it is asked for: {error}")
            return None

    def _keep(self, known: KeysAccount) -> None:
        try:
            self._kept.keep_account(known)
        except (ClientError, BotoCoreError) as error:
            logger.error(f"the account's number could not be kept: {error}")
