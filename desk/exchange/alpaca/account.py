"""Alpaca's account endpoints: the account, its configuration, its value over time."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

from desk.exchange.alpaca.activities import activities
from desk.exchange.alpaca.views import account_json
from desk.exchange.market.account import STARTING_CASH
from desk.exchange.market.moments import SECOND, eastern
from desk.exchange.market.prices import plain
from desk.exchange.market.sessions import session_on
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import invalid
from desk.exchange.wire.given import Given
from desk.exchange.wire.web import Reply, Request

# What a configuration calls a switch, and the account.
_SWITCHES = {
    "suspend_trade": "trade_suspended_by_user",
    **{name: name for name in ("fractional_trading", "disable_overnight_trading", "ptp_no_exception_entry")},
}
_MULTIPLIERS = ("1", "2", "4")
_OPTIONS_LEVELS = 3
_EMAILS = ("all", "none")
_PERIOD = re.compile(r"[0-9]{1,4}[DWMA]")
_TIMEFRAMES = ("1Min", "5Min", "15Min", "1H", "1D")
_REPORTING = ("market_hours", "extended_hours", "continuous")
_CENT, _RATIO = Decimal("0.01"), Decimal("0.0001")


class AccountApi:
    """REST v2 /account."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def account(self, request: Request) -> Reply:
        return Reply(200, account_json(self._engine))

    def configuration(self, request: Request) -> Reply:
        return Reply(200, self._configuration())

    def configure(self, request: Request) -> Reply:
        """Change what is given, all of it or, if anything is wrong with it, nothing.

        `dtbp_check` and `pdt_check` mean nothing since they were removed on 2026-07-06 (docs.alpaca.markets/changelog),
        but older clients still send them.
        """
        ledger = self._engine.ledger
        ledger.account = replace(ledger.account, **_changes(request.fields))
        return Reply(200, self._configuration())

    def _configuration(self) -> dict[str, Any]:
        account = self._engine.ledger.account
        return {
            "suspend_trade": account.trade_suspended_by_user,
            "no_shorting": not account.shorting_enabled,
            "fractional_trading": account.fractional_trading,
            "max_margin_multiplier": plain(account.multiplier),
            "trade_confirm_email": account.trade_confirm_email,
            "ptp_no_exception_entry": account.ptp_no_exception_entry,
            "disable_overnight_trading": account.disable_overnight_trading,
            "max_options_trading_level": account.max_options_trading_level,
        }

    def activities(self, request: Request, kind: str | None = None) -> Reply:
        """Fills; the account has no other activities."""
        return activities(self._engine, request, kind)

    def portfolio_history(self, request: Request) -> Reply:
        """The equity at the last close and now."""
        query = request.query
        _check_span(query)
        now, equity = self._engine.now, self._engine.valuation().equity
        base = self._engine.ledger.account.last_equity or STARTING_CASH
        session = session_on(eastern(now).date())
        opened = min(session.open, now) if session is not None else now
        gain = equity - base
        # Without cash flows there is no `cashflow`, not an empty one: docs.alpaca.markets/reference/
        # getaccountportfoliohistory-1.
        return Reply(
            200,
            {
                "timestamp": [opened // SECOND, now // SECOND],
                "equity": [_rounded(base, _CENT), _rounded(equity, _CENT)],
                "profit_loss": [0.0, _rounded(gain, _CENT)],
                "profit_loss_pct": [0.0, _rounded(gain / base, _RATIO)],
                "base_value": _rounded(base, _CENT),
                "base_value_asof": eastern(now).date().isoformat(),
                "timeframe": query.one_of("timeframe", _TIMEFRAMES, "1D"),
            },
        )


def _changes(given: Given) -> dict[str, Any]:
    """The account's fields that a configuration changes."""
    changes: dict[str, Any] = {}
    for name, field in _SWITCHES.items():
        if (value := given.flag(name)) is not None:
            changes[field] = value
    if (no_shorting := given.flag("no_shorting")) is not None:
        changes["shorting_enabled"] = not no_shorting
    if given.has("max_margin_multiplier"):
        multiplier = given.decimal("max_margin_multiplier")
        if plain(multiplier) not in _MULTIPLIERS:
            raise invalid("invalid max_margin_multiplier")
        changes["multiplier"] = multiplier
    if given.has("trade_confirm_email"):
        changes["trade_confirm_email"] = given.one_of("trade_confirm_email", _EMAILS, "all")
    if given.has("max_options_trading_level"):
        changes["max_options_trading_level"] = given.whole("max_options_trading_level", 0, _OPTIONS_LEVELS, 0)
    return changes


def _check_span(query: Given) -> None:
    """Refuse what makes no sense; the two points that there are do not depend on it."""
    if all(query.has(name) for name in ("start", "end", "period")):
        raise invalid("only two of start, end and period can be specified")
    if query.has("period") and not _PERIOD.fullmatch(query.text("period") or ""):
        raise invalid("invalid period")
    query.instant("start")
    query.instant("end")
    query.day("date_end")
    query.flag("extended_hours")
    query.one_of("intraday_reporting", _REPORTING, "market_hours")
    query.one_of("pnl_reset", ("no_reset", "per_day"), "per_day")


def _rounded(value: Decimal, unit: Decimal) -> float:
    return float(value.quantize(unit))
