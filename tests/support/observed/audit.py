"""The audit of `desk.report`, as a test calls it: with orders as they are stored, and failing at any difference."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from desk.report.audit import audit as compare
from repeg.domain.order.record import Order
from repeg.domain.order.views import order_view


def audit(
    orders: Iterable[Order],
    journal: list[dict[str, Any]],
    *,
    all_over: bool = True,
    alerted: Collection[str] | None = None,
    strangers: bool = False,
) -> None:
    """Assert that store and journal agree, and that the money rules held at every moment."""
    views = [order_view(order) for order in orders]
    found = compare(views, journal, all_over=all_over, alerted=alerted, strangers=strangers)
    assert not found.differences, "\n".join(found.differences)
