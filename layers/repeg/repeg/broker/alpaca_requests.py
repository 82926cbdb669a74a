"""What is sent to Alpaca: child orders and protective orders as request bodies."""

from __future__ import annotations

from typing import Any

from repeg.domain.market.reports import ChildOrder, ProtectiveOrder
from repeg.domain.money import plain


def order_request(child: ChildOrder) -> dict[str, Any]:
    """A child order: a day order for a quantity."""
    request: dict[str, Any] = {
        "symbol": child.symbol,
        "qty": plain(child.qty),
        "side": child.side,
        "type": child.type,
        # Alpaca takes fractions of a share for the day only; and what nobody comes back to ends with the session.
        "time_in_force": "day",
        "client_order_id": child.client_order_id,
    }
    if child.limit_price is not None:
        request["limit_price"] = plain(child.limit_price)
    # With it the broker refuses what would open a short, should somebody have sold the shares a moment ago.
    if child.intent:
        request["position_intent"] = child.intent
    if child.extended_hours:
        request["extended_hours"] = True
    return request


def oco_request(oco: ProtectiveOrder) -> dict[str, Any]:
    """A target and a stop, good till cancelled, of which one cancels the other."""
    # Good till cancelled: at a day order's end the shares would be bare until somebody saw it.
    return {
        "symbol": oco.symbol,
        "qty": plain(oco.qty),
        "side": oco.side,
        "type": "limit",
        "time_in_force": "gtc",
        "order_class": "oco",
        "client_order_id": oco.client_order_id,
        "take_profit": {"limit_price": plain(oco.target)},
        "stop_loss": {"stop_price": plain(oco.stop)},
    }
