"""Cash accounts: the proceeds of a sale are no buying power until they are settled."""

from __future__ import annotations

import pytest

from tests.unit.exchange.virtual import VirtualExchange


def cash_account(exchange: VirtualExchange, days: int = 1) -> None:
    exchange.control("PUT", "account", {"account_type": "cash", "cash": "1000"})
    exchange.control("PUT", "settings", {"settlement_days": days})


def sell(exchange: VirtualExchange, qty: str = "100") -> None:
    exchange.hold("TQQQ", qty)
    exchange.order("TQQQ", "sell", qty, "50.95")
    exchange.advance(1)


def funds(exchange: VirtualExchange) -> tuple[str, str]:
    account = exchange.ok("GET", "/v2/account")
    assert account["buying_power"] == account["non_marginable_buying_power"]
    return account["buying_power"], account["cash"]


@pytest.mark.parametrize(
    ("days", "moment", "settled"),
    [
        (0, "2026-11-20T10:00:02-05:00", True),
        (1, "2026-11-20T23:00:00-05:00", False),
        (1, "2026-11-22T12:00:00-05:00", False),
        (1, "2026-11-23T03:59:59-05:00", False),
        (1, "2026-11-23T04:00:00-05:00", True),
        (2, "2026-11-23T16:00:00-05:00", False),
        (2, "2026-11-24T04:00:00-05:00", True),
        # Thanksgiving, the 26th, is no session.
        (4, "2026-11-26T12:00:00-05:00", False),
        (4, "2026-11-27T04:00:00-05:00", True),
    ],
)
def test_proceeds_settle_sessions_later(exchange: VirtualExchange, days: int, moment: str, settled: bool) -> None:
    cash_account(exchange, days)
    sell(exchange)
    exchange.advance_to(moment)
    assert funds(exchange) == ("6095" if settled else "1000", "6095")


def test_a_sale_after_hours_is_of_its_day_and_one_at_night_of_the_next(exchange: VirtualExchange) -> None:
    cash_account(exchange)
    exchange.hold("TQQQ", "40")
    for moment in ("2026-11-23T19:00:00-05:00", "2026-11-23T21:00:00-05:00"):
        exchange.advance_to(moment)
        exchange.order("TQQQ", "sell", "20", "50.95", extended_hours=True)
        exchange.advance(1)
    assert funds(exchange) == ("1000", "3038")
    exchange.advance_to("2026-11-24T10:00:00-05:00")
    assert funds(exchange) == ("2019", "3038")
    exchange.advance_to("2026-11-25T10:00:00-05:00")
    assert funds(exchange) == ("3038", "3038")


def test_unsettled_proceeds_buy_nothing(exchange: VirtualExchange) -> None:
    cash_account(exchange)
    sell(exchange)
    refused = exchange.refused("TQQQ", "buy", "20", "50.98").body
    assert (refused["message"], refused["buying_power"]) == ("insufficient buying power", "1000")
    exchange.order("TQQQ", "buy", "19", "50.98")
    assert funds(exchange)[0] == "31.38"
    exchange.advance(1)
    assert funds(exchange)[0] == "31.38"


def test_a_cash_account_has_no_leverage_and_no_shorts(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "account", {"account_type": "cash"})
    account = exchange.ok("GET", "/v2/account")
    assert (account["multiplier"], account["shorting_enabled"], account["buying_power"]) == ("1", False, "100000")
    assert exchange.refused("TQQQ", "sell", "1").body["message"] == "account is not allowed to short"


@pytest.mark.parametrize("multiplier", [1, 2])
def test_other_accounts_spend_what_they_sold_for_at_once(exchange: VirtualExchange, multiplier: int) -> None:
    # Documented so for Alpaca's accounts of multiplier 1: alpaca.markets/support/alpaca-cash-accounts.
    exchange.control("PUT", "account", {"multiplier": multiplier, "cash": "1000"})
    sell(exchange)
    account = exchange.ok("GET", "/v2/account")
    assert (account["buying_power"], account["cash"]) == (str(6095 * multiplier), "6095")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("account", {"account_type": "gold"}),
        ("settings", {"settlement_days": 11}),
        ("settings", {"settlement_days": 1.5}),
    ],
)
def test_a_bad_request_is_refused(exchange: VirtualExchange, path: str, body: dict[str, object]) -> None:
    reply = exchange.send("PUT", f"/_exchange/{path}", body)
    assert (reply.status, reply.body["error"].split(":")[0]) == (400, next(iter(body)))


def test_a_reset_forgets_what_was_sold(exchange: VirtualExchange) -> None:
    cash_account(exchange)
    sell(exchange)
    exchange.control("POST", "reset")
    exchange.control("PUT", "account", {"account_type": "cash"})
    assert funds(exchange) == ("100000", "100000")
