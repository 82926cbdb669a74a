"""Alpaca's account endpoints: the account, its configuration, its activities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from desk.exchange.alpaca.activities import activities
from desk.exchange.alpaca.views import account_json
from desk.exchange.market.prices import plain
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
