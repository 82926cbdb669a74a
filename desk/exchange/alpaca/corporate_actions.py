"""Alpaca's corporate actions at the market data host."""

from __future__ import annotations

from typing import Any

from desk.exchange.market.corporate import CorporateAction, cusip
from desk.exchange.market.moments import eastern
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import ApiError
from desk.exchange.wire.given import Given
from desk.exchange.wire.web import Reply, Request, Router

CORPORATE_ACTIONS = "/v1/corporate-actions"
_TYPES = {
    *("reverse_split", "forward_split", "unit_split", "cash_dividend", "stock_dividend", "spin_off"),
    *("cash_merger", "stock_merger", "stock_and_cash_merger", "redemption", "name_change", "worthless_removal"),
    *("rights_distribution", "partial_call", "reorganization", "capital_gains_distribution"),
}
_DEFAULT_LIMIT, _MAX_LIMIT = 100, 1_000
_LAST_PAGE = 10**9
_OTHER_FILTERS = ("symbols", "cusips", "types", "start", "end")


class CorporateActionsApi:
    """What has been announced, by the day it is processed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.router = Router("/v1", {"GET /corporate-actions": self.list_actions})

    def list_actions(self, request: Request) -> Reply:
        query = request.query.refusing(_bad)
        found = sorted(self._found(query), key=lambda action: action.process_date)
        if query.one_of("sort", ("asc", "desc"), "asc") == "desc":
            found.reverse()
        size = query.whole("limit", 1, _MAX_LIMIT, _DEFAULT_LIMIT)
        done = query.whole("page_token", 0, _LAST_PAGE, 0)
        grouped: dict[str, list[Any]] = {}
        for action in found[done : done + size]:
            grouped.setdefault(f"{action.type}s", []).append(action.as_json())
        token = str(done + size) if done + size < len(found) else None
        return Reply(200, {"corporate_actions": grouped, "next_page_token": token})

    def _found(self, query: Given) -> list[CorporateAction]:
        announced = self._engine.announced
        if ids := set(query.names("ids")):
            if query.has(*_OTHER_FILTERS):
                raise _bad("ids cannot be combined with other filters")
            return [action for action in announced if action.id in ids]
        today = eastern(self._engine.now).date()
        start, end = query.day("start") or today, query.day("end") or today
        symbols = {symbol.upper() for symbol in query.names("symbols")}
        cusips, types = set(query.names("cusips")), set(query.names("types"))
        if unknown := sorted(types - _TYPES):
            raise _bad(f"invalid type: {unknown[0]}")
        return [
            action
            for action in announced
            if start <= action.process_date <= end
            and (not symbols or action.symbol in symbols)
            and (not cusips or cusip(action.symbol) in cusips)
            and (not types or action.type in types)
        ]


def _bad(message: str) -> ApiError:
    return ApiError(400, 40010001, message)
