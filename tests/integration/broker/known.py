"""An order, and a broker of it whose budget keeps what it is told."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from repeg.broker.alpaca import AlpacaBroker, connect_alpaca
from repeg.budget.ledger import Unlimited
from repeg.domain.market.reports import ChildOrder
from repeg.domain.order.reservation import Reservation

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
ID = "61e69015-8549-4bfd-b9c3-01e75843f47d"
CHILD = ChildOrder(
    client_order_id="ord-1-e1",
    symbol="BRK.B",
    side="buy",
    qty=Decimal("100"),
    type="limit",
    limit_price=Decimal("50.90"),
)
ORDER: dict[str, Any] = {
    "id": ID,
    "client_order_id": "ord-1-e1",
    "symbol": "BRK.B",
    "side": "buy",
    "status": "pending_new",
    "qty": "100",
    "filled_qty": "0",
    "submitted_at": "2026-11-20T15:00:00.123456789Z",
}
HTML = "<html><body>502 Bad Gateway</body></html>"


class Book(Unlimited):
    """A budget that keeps what it is told."""

    def __init__(self) -> None:
        self.spent: list[bool] = []
        self.drawn: list[Reservation | None] = []
        self.observed: list[tuple[int, int, datetime | None]] = []
        self.blocks: list[datetime] = []

    def spend(self, urgent: bool, reserved: Reservation | None = None) -> None:
        self.spent.append(urgent)
        self.drawn.append(reserved)

    def observe(self, limit: int, remaining: int, reset: datetime | None) -> None:
        self.observed.append((limit, remaining, reset))

    def blocked(self, until: datetime) -> None:
        self.blocks.append(until)


def connect(url: str, book: Book, read_timeout: float = 10, **options: Any) -> AlpacaBroker:
    """A patient broker unless told otherwise: a busy machine's answer must not count as none."""
    return connect_alpaca(
        "key",
        "secret",
        trading_url=url,
        data_url=url,
        budget=book,
        now=lambda: NOW,
        read_timeout=read_timeout,
        **options,
    )
