"""Corporate actions as the typed client of alpaca-py reads them."""

from __future__ import annotations

from datetime import date

from alpaca.data.enums import CorporateActionsType
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.models.corporate_actions import CorporateActionsSet, ForwardSplit, ReverseSplit, StockDividend
from alpaca.data.requests import CorporateActionsRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.models import Position

from desk.exchange.client import ExchangeControl


def read(url: str, request: CorporateActionsRequest) -> CorporateActionsSet:
    found = CorporateActionsClient("key", "secret", url_override=url).get_corporate_actions(request)
    assert isinstance(found, CorporateActionsSet)
    return found


def test_all_kinds_are_read(url: str, control: ExchangeControl, trading: TradingClient) -> None:
    control.position("TQQQ", 10, "50")
    control.corporate_action("TQQQ", "forward_split", 10, 1, payable_date="2026-11-19")
    control.corporate_action("SQQQ", "reverse_split", 1, 20, apply=False, process_date="2026-12-01")
    control.corporate_action("SPY", "stock_dividend", rate="0.05")
    found = read(url, CorporateActionsRequest(start=date(2026, 11, 1), end=date(2026, 12, 31)))
    (split,), (reverse,), (dividend,) = (
        found.data[kind] for kind in ("forward_splits", "reverse_splits", "stock_dividends")
    )
    assert isinstance(split, ForwardSplit) and isinstance(reverse, ReverseSplit) and isinstance(dividend, StockDividend)
    assert (split.new_rate, split.old_rate, split.payable_date) == (10, 1, date(2026, 11, 19))
    assert (reverse.new_rate, reverse.old_rate, reverse.process_date) == (1, 20, date(2026, 12, 1))
    assert dividend.rate == 0.05
    position = trading.get_open_position("TQQQ")
    assert isinstance(position, Position)
    assert (position.qty, position.avg_entry_price, position.cost_basis) == ("100", "5", "500")
    few = CorporateActionsRequest(symbols=["TQQQ"], types=[CorporateActionsType.REVERSE_SPLIT])
    assert read(url, few).data == {}
