"""Cancels, as a test sends them."""

from __future__ import annotations

import json

from repeg.domain.order.record import Order
from tests.support.lab import Lab


def cancel(lab: Lab, about: str = "a", by: str = "c") -> Order:
    """Deliver the cancel `by` of the signal `about` to intake; returns its record."""
    lab.intake.accept(json.dumps({"kind": "cancel", "signal_id": by, "cancel_signal_id": about}))
    return lab.order(by)


def said(order: Order) -> str:
    """The answer that a cancel's record gives."""
    return next(event.detail for event in order.events if event.state == "AcceptSignal")
