"""Alpaca's account endpoints: the account, its configuration, its fills, its value over time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from desk.exchange.alpaca.views import account_json
from desk.exchange.market.account import STARTING_CASH
from desk.exchange.market.model import Fill, Order
from desk.exchange.market.moments import SECOND, eastern, parse_instant, utc_text
from desk.exchange.market.prices import plain
from desk.exchange.market.sessions import session_on
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import invalid
from desk.exchange.wire.web import Reply, Request

_DEFAULT_PAGE, _MAX_PAGE = 100, 100
_SWITCHES = {
    "suspend_trade": "trade_suspended_by_user",
    **{name: name for name in ("fractional_trading", "disable_overnight_trading")},
}


class AccountApi:
    """REST v2 /account."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def account(self, request: Request) -> Reply:
        return Reply(200, account_json(self._engine))

    def configuration(self, request: Request) -> Reply:
        return Reply(200, self._configuration())

    def configure(self, request: Request) -> Reply:
        """Change the switches that the exchange obeys; the others are accepted and stay as they are."""
        changes: dict[str, Any] = {}
        for name, value in request.fields.items():
            if name not in (*_SWITCHES, "no_shorting") or value is None:
                continue
            if not isinstance(value, bool):
                raise invalid(f"invalid {name}")
            changes |= {"shorting_enabled": not value} if name == "no_shorting" else {_SWITCHES[name]: value}
        self._engine.ledger.account = replace(self._engine.ledger.account, **changes)
        return Reply(200, self._configuration())

    def _configuration(self) -> dict[str, Any]:
        account = self._engine.ledger.account
        return {
            "suspend_trade": account.trade_suspended_by_user,
            "no_shorting": not account.shorting_enabled,
            "fractional_trading": account.fractional_trading,
            "max_margin_multiplier": plain(account.multiplier),
            "trade_confirm_email": "all",
            "ptp_no_exception_entry": False,
            "disable_overnight_trading": account.disable_overnight_trading,
            "max_options_trading_level": None,
        }

    def activities(self, request: Request, kind: str = "FILL") -> Reply:
        """Fills, newest first unless asked otherwise; the account has no other activities."""
        query = request.query
        kinds = {k.strip() for k in query.get("activity_types", kind).split(",")}
        executions = self._engine.history.executions if "FILL" in kinds else []
        found = [_activity(e.order, e.fill, e.at) for e in executions if e.fill is not None]
        after, until = _instant(query, "after"), _instant(query, "until")
        found = [
            item
            for item in found
            if (after is None or parse_instant(item["transaction_time"]) > after)
            and (until is None or parse_instant(item["transaction_time"]) < until)
            and query.get("date") in (None, item["transaction_time"][:10])
        ]
        if query.get("direction", "desc") == "desc":
            found.reverse()
        ids = [item["id"] for item in found]
        if (token := query.get("page_token")) in ids:
            found = found[ids.index(token) + 1 :]
        size = query.get("page_size", str(_DEFAULT_PAGE))
        if not size.isdigit() or not 1 <= int(size) <= _MAX_PAGE:
            raise invalid(f"page_size must be between 1 and {_MAX_PAGE}")
        return Reply(200, found[: int(size)])

    def portfolio_history(self, request: Request) -> Reply:
        """The equity at the last close and now."""
        now, equity = self._engine.now, self._engine.valuation().equity
        base = self._engine.ledger.account.last_equity or STARTING_CASH
        session = session_on(eastern(now).date())
        opened = min(session.open, now) if session is not None else now
        gain = equity - base
        return Reply(
            200,
            {
                "timestamp": [opened // SECOND, now // SECOND],
                "equity": [float(base), float(equity)],
                "profit_loss": [0.0, float(gain)],
                "profit_loss_pct": [0.0, float(round(gain / base, 6))],
                "base_value": float(base),
                "base_value_asof": eastern(now).date().isoformat(),
                "timeframe": request.query.get("timeframe") or "1D",
                "cashflow": {},
            },
        )


def _activity(order: Order, fill: Fill | None, at: int) -> dict[str, Any]:
    assert fill is not None
    stamp = eastern(at).strftime("%Y%m%d%H%M%S%f")[:17]
    asked = order.qty if order.qty is not None else order.filled_qty
    complete = order.status == "filled"
    return {
        "id": f"{stamp}::{uuid5(NAMESPACE_OID, f'{order.id} {order.filled_qty}')}",
        "activity_type": "FILL",
        "transaction_time": utc_text(at),
        "type": "fill" if complete else "partial_fill",
        "price": plain(fill.price),
        "qty": plain(fill.qty),
        "side": "sell_short" if order.position_intent == "sell_to_open" else order.side.value,
        "symbol": order.symbol,
        "leaves_qty": plain(max(asked - order.filled_qty, Decimal(0))),
        "order_id": order.id,
        "cum_qty": plain(order.filled_qty),
        "order_status": order.status.value,
    }


def _instant(query: dict[str, str], name: str) -> int | None:
    try:
        return parse_instant(query[name]) if query.get(name) else None
    except ValueError:
        raise invalid(f"invalid {name}") from None
