"""Submits each signal as one limit order and does nothing else: no record, no cap, no second look."""

from __future__ import annotations

import json
import os
from typing import Any

from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest

_client = TradingClient("LOCAL", "local", url_override=os.environ["BROKER_URL"])


def handler(event: dict[str, Any], context: Any) -> None:
    """SQS event -> an order for each record."""
    for record in event["Records"]:
        signal = json.loads(record["body"])
        order = LimitOrderRequest(
            symbol=signal["symbol"],
            qty=signal["qty"],
            side=OrderSide(signal["side"]),
            time_in_force=TimeInForce.DAY,
            limit_price=signal["limit_price"],
            client_order_id=signal["signal_id"],
        )
        _client.submit_order(order)
        print(f"sent {signal['signal_id']}")
