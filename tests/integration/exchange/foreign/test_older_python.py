"""A bot written for the real API with another client than alpaca-py: only its environment variables are changed."""

from __future__ import annotations

import pytest

from desk.exchange.client import ExchangeControl
from tests.integration.exchange.foreign.bots import TOOLS, what_it_saw

PYTHON = TOOLS / "foreign" / "bin" / "python"


def test_it_trades_as_if_it_were_alpaca(url: str, control: ExchangeControl) -> None:
    control.quote("SPY", "599.98", "600.02")
    control.script(
        {"on": {"symbol": "SPY", "event": "new", "side": "sell"}, "symbol": "SPY", "bid": 611, "ask": 611.04},
        # What it sends after it has sold, and takes back at once, does not fill first on a machine that is busy.
        {"on": {"symbol": "TQQQ", "event": "filled", "side": "sell"}, "symbol": "TQQQ", "halt": True},
    )
    addresses = {name: url for name in ("APCA_API_BASE_URL", "APCA_API_DATA_URL", "APCA_API_STREAM_URL")}
    keys = {"APCA_API_KEY_ID": "key", "APCA_API_SECRET_KEY": "secret"}
    seen = what_it_saw(PYTHON, "older_python_bot.py", PYTHONWARNINGS="ignore", **addresses, **keys)
    events = seen.pop("events")
    assert [event for event, order in events if order == "entry"] == ["pending_new", "new", "fill"]
    assert seen == {
        "streamed_quote": [50.95, 50.98],
        "account": ["ACTIVE", 100_000, False],
        "open": True,
        "days": ["2026-11-25", "2026-11-27"],
        "asset": [True, True, True],
        "quote": [50.95, 50.98],
        "trade": [50.96, 50.96, 50.96],
        "bars": 1,
        "bought": ["fill", 50.98, 10, 50.98],
        "protected": ["held", "stop_limit", 0],
        "bare": 10,
        "bracket": ["filled", "canceled"],
        "trail": [pytest.approx(48.4), pytest.approx(49.93)],
        "open_orders": ["trailing_stop"],
        "errors": [
            [422, 42210000, 'asset "NOPE" not found'],
            [403, 40310000, "insufficient buying power"],
            [422, 40010001, "client_order_id must be unique"],
            [
                422,
                42210000,
                "invalid limit_price 50.123. sub-penny increment does not fulfill minimum pricing criteria",
            ],
        ],
        "fills": 4,
        "history": ["5Min", 100_000, True],
    }
