"""Cash, positions and the account after trades."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.exchange.virtual import VirtualExchange


def test_a_round_trip_leaves_the_result_in_cash(exchange: VirtualExchange) -> None:
    exchange.order("TQQQ", "buy", "100", "50.98")
    exchange.advance(1)
    exchange.quote("TQQQ", "52.00", "52.02")
    position = exchange.ok("GET", "/v2/positions/TQQQ")
    assert (position["qty"], position["avg_entry_price"], position["side"]) == ("100", "50.98", "long")
    assert (position["current_price"], position["unrealized_pl"]) == ("52.01", "103")
    account = exchange.ok("GET", "/v2/account")
    assert (account["cash"], account["equity"], account["long_market_value"]) == ("94902", "100103", "5201")
    exchange.order("TQQQ", "sell", "100")
    exchange.advance(1)
    assert exchange.ok("GET", "/v2/positions") == []
    account = exchange.ok("GET", "/v2/account")
    assert (account["cash"], account["equity"], account["buying_power"]) == ("100102", "100102", "200204")


def test_the_entry_price_is_the_average_of_buys_and_no_sale_changes_it(exchange: VirtualExchange) -> None:
    exchange.order("TQQQ", "buy", "100", "50.98")
    exchange.advance(1)
    exchange.quote("TQQQ", "52.00", "52.02")
    exchange.order("TQQQ", "buy", "100", "52.02")
    exchange.advance(1)
    assert exchange.ok("GET", "/v2/positions/TQQQ")["avg_entry_price"] == "51.5"
    exchange.order("TQQQ", "sell", "150")
    exchange.advance(1)
    position = exchange.ok("GET", "/v2/positions/TQQQ")
    assert (position["qty"], position["avg_entry_price"]) == ("50", "51.5")


def test_a_short_has_negative_numbers(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "sell", "100", "50.95")
    assert order["position_intent"] == "sell_to_open"
    exchange.advance(1)
    position = exchange.ok("GET", "/v2/positions/TQQQ")
    assert (position["qty"], position["side"], position["qty_available"]) == ("-100", "short", "-100")
    assert Decimal(position["market_value"]) < 0
    cover = exchange.order("TQQQ", "buy", "40")
    assert cover["position_intent"] == "buy_to_close"
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty_available"] == "-60"


def test_a_short_ties_up_three_percent_above_the_ask(exchange: VirtualExchange) -> None:
    exchange.order("TQQQ", "sell", "100", "51.00")
    expected = Decimal(200_000) - 100 * Decimal("50.98") * Decimal("1.03")
    assert Decimal(exchange.ok("GET", "/v2/account")["buying_power"]) == expected.quantize(Decimal("0.01"))


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_positions_that_do_not_exist(exchange: VirtualExchange, method: str) -> None:
    reply = exchange.send(method, "/v2/positions/AAPL")
    assert (reply.status, reply.body) == (404, {"code": 40410000, "message": "position does not exist"})
    reply = exchange.send(method, "/v2/positions/NOPE")
    assert (reply.status, reply.body) == (404, {"code": 40410000, "message": "symbol not found: NOPE"})


@pytest.mark.parametrize(("query", "qty"), [({}, "10"), ({"qty": "2.5"}, "2.5"), ({"percentage": "50"}, "5")])
def test_closing_a_position_sells_at_market(exchange: VirtualExchange, query: dict[str, str], qty: str) -> None:
    exchange.hold("TQQQ", "10")
    order = exchange.ok("DELETE", "/v2/positions/TQQQ", **query)
    assert (order["side"], order["type"], order["qty"]) == ("sell", "market", qty)


def test_closing_all_positions(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    exchange.hold("SQQQ", "-5", "20")
    exchange.order("TQQQ", "sell", "10", "60")
    reply = exchange.send("DELETE", "/v2/positions")
    assert reply.status == 207
    assert {item["symbol"]: item["status"] for item in reply.body} == {"TQQQ": 403, "SQQQ": 200}
    reply = exchange.send("DELETE", "/v2/positions", cancel_orders="true")
    assert {item["symbol"]: item["status"] for item in reply.body} == {"TQQQ": 200, "SQQQ": 200}


def test_assets_are_found_by_symbol_and_id(exchange: VirtualExchange) -> None:
    asset = exchange.ok("GET", "/v2/assets/TQQQ")
    assert exchange.ok("GET", f"/v2/assets/{asset['id']}") == asset
    assert (asset["class"], asset["tradable"], asset["borrow_status"]) == ("us_equity", True, "easy_to_borrow")
    assert exchange.send("GET", "/v2/assets/NOPE").status == 404
    assert "TQQQ" in {a["symbol"] for a in exchange.ok("GET", "/v2/assets", status="active")}


def test_last_equity_is_taken_at_the_close(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "100", "50")
    exchange.advance_to("2026-11-20T16:00:00-05:00")
    assert exchange.ok("GET", "/v2/account")["last_equity"] == "105096"


def test_the_account_can_be_configured(exchange: VirtualExchange) -> None:
    before = exchange.ok("GET", "/v2/account/configurations")
    assert (before["no_shorting"], before["suspend_trade"]) == (False, False)
    after = exchange.ok("PATCH", "/v2/account/configurations", {"no_shorting": True, "trade_confirm_email": "none"})
    assert after == before | {"no_shorting": True, "trade_confirm_email": "none"}
    assert exchange.refused("TQQQ", "sell", "1").status == 403
    assert exchange.send("PATCH", "/v2/account/configurations", {"suspend_trade": "yes"}).status == 422


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"suspend_trade": True}, {}),
        ({"fractional_trading": False}, {}),
        ({"disable_overnight_trading": True}, {}),
        ({"ptp_no_exception_entry": True}, {}),
        ({"max_margin_multiplier": "4"}, {}),
        ({"max_margin_multiplier": 1}, {"max_margin_multiplier": "1"}),
        ({"max_options_trading_level": 2}, {}),
        ({"trade_confirm_email": "none"}, {}),
        ({"dtbp_check": "entry", "pdt_check": "both"}, {"dtbp_check": None, "pdt_check": None}),
        ({"no_shorting": None, "trade_confirm_email": ""}, {"no_shorting": False, "trade_confirm_email": "all"}),
    ],
)
def test_every_field_of_the_configuration_is_kept(
    exchange: VirtualExchange, change: dict[str, Any], shown: dict[str, Any]
) -> None:
    before = exchange.ok("GET", "/v2/account/configurations")
    after = before | {name: value for name, value in (change | shown).items() if value is not None}
    assert exchange.ok("PATCH", "/v2/account/configurations", change) == after
    assert exchange.ok("GET", "/v2/account/configurations") == after


def test_the_multiplier_of_the_configuration_is_that_of_the_account(exchange: VirtualExchange) -> None:
    for multiplier, power in (("1", "100000"), ("4", "400000")):
        exchange.ok("PATCH", "/v2/account/configurations", {"max_margin_multiplier": multiplier})
        account = exchange.ok("GET", "/v2/account")
        assert (account["multiplier"], account["buying_power"]) == (multiplier, power)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"max_margin_multiplier": "3"},
        {"max_margin_multiplier": "many"},
        {"max_margin_multiplier": True},
        {"trade_confirm_email": "some"},
        {"trade_confirm_email": 1},
        {"max_options_trading_level": 4},
        {"max_options_trading_level": True},
        {"no_shorting": "true"},
        {"fractional_trading": 1},
        {"ptp_no_exception_entry": []},
    ],
)
def test_nonsense_in_the_configuration_changes_nothing(exchange: VirtualExchange, nonsense: dict[str, Any]) -> None:
    before = exchange.ok("GET", "/v2/account/configurations")
    reply = exchange.send("PATCH", "/v2/account/configurations", {"suspend_trade": True} | nonsense)
    assert (reply.status, reply.body["code"]) == (422, 40010001)
    assert exchange.ok("GET", "/v2/account/configurations") == before


def test_an_account_that_is_suspended_by_its_owner(exchange: VirtualExchange) -> None:
    exchange.ok("PATCH", "/v2/account/configurations", {"suspend_trade": True})
    reply = exchange.refused("TQQQ", "buy", "1", "50")
    assert (reply.status, reply.body["message"]) == (403, "new orders are rejected by user request")


def test_activities_of_one_order_and_by_category(exchange: VirtualExchange) -> None:
    first = exchange.order("TQQQ", "buy", "400", "50.99")
    exchange.advance(1)
    other = exchange.order("TQQQ", "buy", "5", "50.99")
    exchange.quote("TQQQ", "50.95", "50.99")
    exchange.advance(1)

    def fills(**query: Any) -> list[str]:
        return [fill["order_id"] for fill in exchange.ok("GET", "/v2/account/activities", **query)]

    assert sorted(fills()) == sorted([first["id"]] * 2 + [other["id"]])
    assert fills(order_id=first["id"]) == [first["id"]] * 2
    assert fills(category="trade_activity", order_id=other["id"]) == [other["id"]]
    assert fills(category="non_trade_activity") == []
    assert len(fills(date="2026-11-20")) == 3 and fills(date="2026-11-19T10:00:00Z") == []
    for bad in (
        {"category": "trade_activity", "activity_types": "FILL"},
        {"category": "some"},
        {"activity_types": "NONSENSE"},
        {"direction": "up"},
        {"date": "today"},
        {"order_id": "x"},
    ):
        assert exchange.send("GET", "/v2/account/activities", **bad).status == 422
    assert exchange.send("GET", "/v2/account/activities/NONSENSE").status == 422


def test_pages_of_activities_meet(exchange: VirtualExchange) -> None:
    for _ in range(7):
        exchange.order("TQQQ", "buy", "1", "50.99")
        exchange.advance(1)
    for direction in ("asc", "desc"):
        whole = exchange.ok("GET", "/v2/account/activities/FILL", direction=direction)
        seen: list[Any] = []
        while True:
            token = {"page_token": seen[-1]["id"]} if seen else {}
            page = exchange.ok("GET", "/v2/account/activities/FILL", page_size=3, direction=direction, **token)
            if not page:
                break
            seen += page
        assert seen == whole and len(whole) == 7


def test_assets_by_their_attributes(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "assets/NEWCO", {"attributes": ["ipo", "has_options"]})
    exchange.control("PUT", "assets/BTCUSD", {"class": "crypto"})

    def symbols(**query: str) -> set[str]:
        return {asset["symbol"] for asset in exchange.ok("GET", "/v2/assets", **query)}

    assert symbols(attributes="ipo") == symbols(attributes="options_late_close,has_options") == {"NEWCO"}
    assert symbols(attributes="ptp_no_exception") == set()
    assert "AAPL" in symbols() and "BTCUSD" not in symbols() and symbols(asset_class="crypto") == {"BTCUSD"}
    assert exchange.send("GET", "/v2/assets", attributes="nonsense").status == 422


def test_the_calendar_by_the_day_of_settlement(exchange: VirtualExchange) -> None:
    span = {"start": "2026-11-23", "end": "2026-11-24"}
    assert [day["date"] for day in exchange.ok("GET", "/v2/calendar", **span)] == ["2026-11-23", "2026-11-24"]
    settled = exchange.ok("GET", "/v2/calendar", date_type="SETTLEMENT", **span)
    assert [(day["date"], day["settlement_date"]) for day in settled] == [
        ("2026-11-20", "2026-11-23"),
        ("2026-11-23", "2026-11-24"),
    ]
    for bad in ({"date_type": "HOLIDAYS"}, {"start": "yesterday"}, {"end": "2026-02-30"}):
        assert exchange.send("GET", "/v2/calendar", **bad).status == 400


def test_fills_are_activities(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "400", "50.99")
    exchange.advance(1)
    exchange.quote("TQQQ", "50.95", "50.99")
    newest, oldest = exchange.ok("GET", "/v2/account/activities", activity_types="FILL,DIV")
    assert (oldest["type"], oldest["qty"], oldest["leaves_qty"], oldest["cum_qty"]) == (
        "partial_fill",
        "300",
        "100",
        "300",
    )
    assert (newest["type"], newest["price"], newest["order_status"]) == ("fill", "50.99", "filled")
    assert newest["order_id"] == order["id"]
    page = exchange.ok("GET", "/v2/account/activities/FILL", page_size=1, direction="asc")
    assert page == [oldest]
    assert exchange.ok("GET", "/v2/account/activities/FILL", direction="asc", page_token=oldest["id"]) == [newest]
    assert exchange.ok("GET", "/v2/account/activities/DIV") == []
    assert exchange.ok("GET", "/v2/account/activities", after=newest["transaction_time"]) == []
    assert exchange.send("GET", "/v2/account/activities", page_size=101).status == 422


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_of_activities_show_each_fill_once(exchange: VirtualExchange, direction: str) -> None:
    for n in range(7):
        exchange.order("TQQQ", "buy", "1", "50.98")
        exchange.advance(1)
        if n == 4:  # what was executed already is later than what follows
            exchange.control("PUT", "clock", {"now": "2026-11-20T09:40:00-05:00"})
            exchange.quote("TQQQ", "50.95", "50.98")
    everything = exchange.ok("GET", "/v2/account/activities", direction=direction)
    assert len({item["id"] for item in everything}) == 7
    pages: list[dict[str, object]] = []
    while page := exchange.ok(
        *("GET", "/v2/account/activities"),
        page_size=2,
        direction=direction,
        **({"page_token": pages[-1]["id"]} if pages else {}),
    ):
        pages += page
    assert pages == everything


def test_activities_of_a_day(exchange: VirtualExchange) -> None:
    for day in ("20", "23"):
        exchange.control("PUT", "clock", {"now": f"2026-11-{day}T10:00:00-05:00"})
        exchange.quote("TQQQ", "50.95", "50.98")
        exchange.order("TQQQ", "buy", "1", "50.98")
        exchange.advance(1)
    (found,) = exchange.ok("GET", "/v2/account/activities", date="2026-11-23")
    assert found["transaction_time"].startswith("2026-11-23")


@pytest.mark.parametrize("query", [{}, {"direction": "asc"}, {"page_token": True}])
def test_a_page_of_activities_is_not_dearer_after_many_fills(exchange: VirtualExchange, query: dict[str, Any]) -> None:
    exchange.order("TQQQ", "buy", "1", "50.98")
    exchange.advance(1)
    executions = exchange.engine.history.executions
    executions += [replace(executions[0], at=executions[0].at + n * 1_000_000) for n in range(1, 20_000)]
    if "page_token" in query:
        query = {"page_token": exchange.ok("GET", "/v2/account/activities", direction="asc")[50]["id"]}
    seconds = []
    for _ in range(5):
        started = time.thread_time()
        exchange.ok("GET", "/v2/account/activities", **query)
        seconds.append(time.thread_time() - started)
    assert min(seconds) < 0.02


def test_the_journal_tells_of_shares_that_were_put_in_place(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    exchange.hold("TQQQ", "-4")
    told = [(entry["symbol"], entry["position_qty"]) for entry in exchange.journal("position")]
    assert told == [("TQQQ", "10"), ("TQQQ", "-4")]
