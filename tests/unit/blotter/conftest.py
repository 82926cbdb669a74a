from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from repeg.domain.order.fence import first_worked_by
from repeg.domain.order.record import Order
from repeg.domain.reasons import Status
from repeg.store.orders import OrderStore
from tests.support.clinic import Clinic, open_clinic
from tests.support.make import child, order, with_fields


@pytest.fixture
def clinic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clinic]:
    """A stack on AWS, as moto plays it."""
    with open_clinic(monkeypatch, tmp_path) as opened:
        yield opened


class Desk:
    """Orders in the stack's table, as intake and workers write them."""

    def __init__(self, clinic: Clinic) -> None:
        self.store = OrderStore(clinic["dynamodb"], "repeg")

    def taken_in(self, name: str = "ord-1", **fields: Any) -> Order:
        """A signal became an order, just now."""
        made = order(order_id=name, signal_id=f"s-{name}", received_wall=datetime.now(UTC), **fields)
        self.store.accept(first_worked_by(made, "arn"), "hash")
        found = self.store.get(name)
        assert found
        return found

    def working(self, name: str = "ord-1", **fields: Any) -> Order:
        """Its first child order rests."""
        taken = self.taken_in(name)
        return self.store.save(with_fields(taken, status=Status.WORKING, children=(child(),), **fields))


@pytest.fixture
def desk(clinic: Clinic) -> Desk:
    return Desk(clinic)
