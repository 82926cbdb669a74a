"""Alpaca's account endpoints: the account, its configuration, its fills, its value over time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from desk.exchange.alpaca.activities import activities
from desk.exchange.alpaca.views import account_json
from desk.exchange.market.account import STARTING_CASH
from desk.exchange.market.moments import SECOND, eastern
from desk.exchange.market.prices import plain
from desk.exchange.market.sessions import session_on
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import invalid
from desk.exchange.wire.web import Reply, Request

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
        """Fills; the account has no other activities."""
        return activities(self._engine, request, kind)

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
