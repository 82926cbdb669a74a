"""Positions as the page shows them: what they are worth now, against what was risked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from desk.blotter.holdings import position_rows
from repeg.domain.market.reports import Position
from tests.support.make import quote


def _position(qty: str, entry: str = "40") -> Position:
    return Position(symbol="TQQQ", qty=Decimal(qty), qty_available=Decimal(0), avg_entry_price=Decimal(entry))


def _bracket(side: str = "buy", stop: str = "38", target: str = "44") -> dict[str, Any]:
    record = {
        "qty": "100",
        "entry_price": "40",
        "stop_loss": stop,
        "take_profit": target,
        "risk": "2",
        "protected": True,
        "frozen": None,
    }
    return {
        "symbol": "TQQQ",
        "order_id": "ord-1",
        "signal_id": "s-1",
        "side": side,
        "record": record,
        "orders": [{"qty": "100"}],
        "verdict": "covered",
    }


@pytest.mark.parametrize(
    ("qty", "side", "stop", "target", "pnl", "percent", "r"),
    [("100", "buy", "38", "44", "98", "2.45", "0.49"), ("-100", "sell", "42", "36", "-98", "-2.45", "-0.49")],
)
def test_profit_is_at_the_mid_in_dollars_percent_and_multiples_of_the_risk(
    qty: str, side: str, stop: str, target: str, pnl: str, percent: str, r: str
) -> None:
    rows = position_rows({"TQQQ": _position(qty)}, [_bracket(side, stop, target)], {"TQQQ": quote("40.97", "40.99")})
    row = rows["TQQQ"]
    assert (row["pnl"], row["pnl_percent"], row["brackets"][0]["r"]) == (pnl, percent, r)
    assert (row["guarded"], row["brackets"][0]["verdict"]) == ("100", "covered")


def test_without_a_two_sided_quote_nothing_is_said_of_profit() -> None:
    for quotes in ({}, {"TQQQ": quote("0", "40.99")}):
        row = position_rows({"TQQQ": _position("100")}, [_bracket()], quotes)["TQQQ"]
        assert (row["pnl"], row["mark"], row["brackets"][0]["r"]) == (None, None, None)


def test_shares_that_the_account_does_not_show_are_on_the_page_all_the_same() -> None:
    row = position_rows({}, [_bracket() | {"verdict": "disagrees"}], {"TQQQ": quote()})["TQQQ"]
    assert (row["qty"], row["pnl"], row["brackets"][0]["verdict"]) == ("0", None, "disagrees")


def test_what_no_bracket_holds_is_shown_too() -> None:
    row = position_rows({"TQQQ": _position("3.5")}, [], {})["TQQQ"]
    assert (row["qty"], row["guarded"], row["brackets"]) == ("3.5", "0", [])


def test_a_stop_that_was_drawn_near_does_not_make_more_of_what_was_won() -> None:
    """Entered at 40 with a stop at 38: at 44 that is twice what was risked, wherever the stop lies by now."""
    for stop in ("39.9", "41"):
        row = position_rows({"TQQQ": _position("100")}, [_bracket(stop=stop)], {"TQQQ": quote("43.99", "44.01")})
        assert row["TQQQ"]["brackets"][0]["r"] == "2"
