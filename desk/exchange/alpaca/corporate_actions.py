"""Alpaca's corporate actions at the market data host."""

from __future__ import annotations

from datetime import date
from typing import Any

from desk.exchange.market.corporate import CorporateAction, cusip
from desk.exchange.market.moments import eastern
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import ApiError
from desk.exchange.wire.web import Reply, Request, Router

CORPORATE_ACTIONS = "/v1/corporate-actions"
_TYPES = {
    *("reverse_split", "forward_split", "unit_split", "cash_dividend", "stock_dividend", "spin_off"),
    *("cash_merger", "stock_merger", "stock_and_cash_merger", "redemption", "name_change", "worthless_removal"),
    *("rights_distribution", "partial_call", "reorganization", "capital_gains_distribution"),
}
_DEFAULT_LIMIT, _MAX_LIMIT = 100, 1_000
_OTHER_FILTERS = ("symbols", "cusips", "types", "start", "end")


class CorporateActionsApi:
    """What has been announced, by the day it is processed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.router = Router("/v1", {"GET /corporate-actions": self.list_actions})

    def list_actions(self, request: Request) -> Reply:
        found = sorted(self._found(request), key=lambda action: action.process_date)
        if request.query.get("sort", "asc") == "desc":
            found.reverse()
        size, done = _limit(request), _page(request)
        grouped: dict[str, list[Any]] = {}
        for action in found[done : done + size]:
            grouped.setdefault(f"{action.type}s", []).append(action.as_json())
        token = str(done + size) if done + size < len(found) else None
        return Reply(200, {"corporate_actions": grouped, "next_page_token": token})

    def _found(self, request: Request) -> list[CorporateAction]:
        announced = self._engine.announced
        if ids := _names(request, "ids"):
            if any(request.query.get(name) for name in _OTHER_FILTERS):
                raise _bad("ids cannot be combined with other filters")
            return [action for action in announced if action.id in ids]
        today = eastern(self._engine.now).date()
        start, end = _day(request, "start", today), _day(request, "end", today)
        symbols, cusips, types = (_names(request, name) for name in ("symbols", "cusips", "types"))
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


def _names(request: Request, name: str) -> set[str]:
    given = {part.strip() for part in request.query.get(name, "").split(",") if part.strip()}
    return {part.upper() for part in given} if name == "symbols" else given


def _day(request: Request, name: str, fallback: date) -> date:
    text = request.query.get(name)
    try:
        return date.fromisoformat(text) if text else fallback
    except ValueError:
        raise _bad(f"invalid {name}: {text}") from None


def _limit(request: Request) -> int:
    text = request.query.get("limit") or str(_DEFAULT_LIMIT)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MAX_LIMIT:
        raise _bad(f"limit must be between 1 and {_MAX_LIMIT}")
    return int(text)


def _page(request: Request) -> int:
    text = request.query.get("page_token") or "0"
    if not text.isascii() or not text.isdigit():
        raise _bad("invalid page token")
    return int(text)


def _bad(message: str) -> ApiError:
    return ApiError(400, 40010001, message)
