"""An agent that trades with Alpaca's own tools for agents, over stdio."""

from __future__ import annotations

from desk.exchange.client import ExchangeControl
from tests.integration.exchange.foreign.bots import TOOLS, fills, what_it_saw

PYTHON = TOOLS / "foreign-mcp" / "bin" / "python"
# Nothing looks up newer versions from here.
QUIET = {"FASTMCP_CHECK_FOR_UPDATES": "off", "FASTMCP_SHOW_SERVER_BANNER": "false"}


def test_it_trades_as_if_it_were_alpaca(url: str, control: ExchangeControl) -> None:
    keys = {"ALPACA_API_KEY": "key", "ALPACA_SECRET_KEY": "secret"}
    assert what_it_saw(PYTHON, "agent_bot.py", 120, DATA_API_URL=url, **keys, **QUIET) == {
        "tools": [True, []],
        "account": ["ACTIVE", "100000", False],
        "clock": [True, "2026-11-20"],
        "days": [["2026-11-25", "16:00"], ["2026-11-27", "13:00"]],
        "asset": [True, "us_equity", True],
        "quote": [50.95, 50.98],
        "snapshot": 50.96,
        "bars": 1,
        "bought": ["50.98", "10", "10", "long"],
        "protected": [["oco", ["held"]]],
        "replaced": ["48.5", "stop"],
        "cancel": {"text": ""},
        "refused": [422, {"code": 40010001, "message": "client_order_id must be unique"}],
        "routed": [403, 40310000],
        "watched": ["SPY", "TQQQ"],
        "positions": [],
        "gone": True,
        "fills": ["sell", "buy"],
        "history": True,
    }
    assert fills(control) == [["buy", "10", "50.98"], ["sell", "10", "50.95"]]
    ended = {each["event"] for each in control.journal() if each.get("order_class") == "oco"}
    assert {"new", "canceled"} <= ended and "filled" not in ended
