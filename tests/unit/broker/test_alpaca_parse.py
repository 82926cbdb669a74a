"""Alpaca's JSON, whole and damaged, in our words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from repeg.broker import alpaca_parse as parse
from repeg.broker.alpaca_fields import Unreadable, moment
from repeg.domain.market.reports import OrderStatus
from repeg.domain.rebalance.spoken import spoken_for

ORDER: dict[str, Any] = {
    "id": "61e69015-8549-4bfd-b9c3-01e75843f47d",
    "client_order_id": "ord-1-e1",
    "created_at": "2026-11-20T15:00:00.123456789Z",
    "updated_at": "2026-11-20T15:00:05Z",
    "submitted_at": "2026-11-20T10:00:00.123456789-05:00",
    "filled_at": None,
    "expired_at": None,
    "canceled_at": None,
    "failed_at": None,
    "replaced_at": None,
    "replaced_by": None,
    "replaces": None,
    "asset_id": "904837e3-3b76-47ec-b432-046db621571b",
    "symbol": "TQQQ",
    "asset_class": "us_equity",
    "notional": None,
    "qty": "10",
    "filled_qty": "0",
    "filled_avg_price": None,
    "order_class": "",
    "type": "limit",
    "side": "buy",
    "time_in_force": "day",
    "limit_price": "50.99",
    "stop_price": None,
    "status": "new",
    "extended_hours": False,
    "legs": None,
    "a_field_of_next_year": {"x": 1},
}


def order(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**ORDER, **changes}.items() if value != "absent"}


@pytest.mark.parametrize(
    ("broker_status", "status"),
    [
        ("new", OrderStatus.LIVE),
        ("partially_filled", OrderStatus.LIVE),
        ("accepted", OrderStatus.PENDING),
        ("pending_new", OrderStatus.PENDING),
        ("accepted_for_bidding", OrderStatus.PENDING),
        ("held", OrderStatus.PENDING),
        ("stopped", OrderStatus.PENDING),
        ("suspended", OrderStatus.PENDING),
        ("pending_replace", OrderStatus.PENDING),
        ("pending_review", OrderStatus.PENDING),
        ("calculated", OrderStatus.PENDING),
        ("done_for_day", OrderStatus.PENDING),
        ("a_status_of_next_year", OrderStatus.PENDING),
        ("pending_cancel", OrderStatus.PENDING_CANCEL),
        ("filled", OrderStatus.FILLED),
        ("canceled", OrderStatus.CANCELED),
        ("expired", OrderStatus.EXPIRED),
        ("rejected", OrderStatus.REJECTED),
        ("replaced", OrderStatus.REPLACED),
    ],
)
def test_status(broker_status: str, status: OrderStatus) -> None:
    report = parse.order_report(order(status=broker_status))
    assert (report.status, report.broker_status) == (status, broker_status)


def test_an_order_is_read_exactly() -> None:
    report = parse.order_report(order(qty="0.123456789", filled_qty="0.1", filled_avg_price="50.975"))
    assert (report.qty, report.filled_qty, report.avg_fill_price) == (
        Decimal("0.123456789"),
        Decimal("0.1"),
        Decimal("50.975"),
    )
    assert report.limit_price == Decimal("50.99")
    assert report.submitted_at == datetime(2026, 11, 20, 15, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "field"),
    [
        ("filled", "filled_at"),
        ("canceled", "canceled_at"),
        ("expired", "expired_at"),
        ("rejected", "failed_at"),
        ("replaced", "replaced_at"),
        ("canceled", "updated_at"),
    ],
)
def test_closing_time_is_that_of_the_final_status(status: str, field: str) -> None:
    report = parse.order_report(order(status=status, **{field: "2026-11-20T15:00:07Z"}))
    assert report.closed_at == datetime(2026, 11, 20, 15, 0, 7, tzinfo=UTC)


def test_a_live_order_has_no_closing_time_though_it_filled_in_part() -> None:
    report = parse.order_report(order(status="partially_filled", filled_qty="4", filled_at="2026-11-20T15:00:07Z"))
    assert (report.closed_at, report.filled_qty) == (None, Decimal(4))


def test_a_replaced_order_names_its_successor() -> None:
    assert parse.order_report(order(status="replaced", replaced_by="next")).replaced_by == "next"


def test_an_order_by_amount_and_one_for_an_option_say_what_they_may_cost() -> None:
    amount = parse.order_report(order(qty=None, notional="2500", limit_price=None, type="market"))
    assert (amount.notional, amount.qty, amount.multiplier) == (2500, 0, 1)
    assert parse.order_report(order(asset_class="us_option")).multiplier == 100


def test_a_list_for_who_must_know_every_buy_has_no_gaps() -> None:
    unknown = order(side="", symbol="")
    assert len(parse.readable_order_reports([unknown, order()])) == 1
    with pytest.raises(Unreadable, match="is missing"):
        parse.order_reports_with_every_buy([order(), unknown])
    with pytest.raises(Unreadable, match="qty"):
        parse.order_reports_with_every_buy([order(side="", symbol="", order_class="mleg", qty="?")])
    assert len(parse.order_reports_with_every_buy([order(), order(side="sell", qty="?")])) == 1


@pytest.mark.parametrize(("limit", "side"), [("1.25", "buy"), ("-0.5", "sell"), ("0", "sell"), (None, "buy")])
def test_an_order_for_several_options_holds_nobody_up(limit: str | None, side: str) -> None:
    """It has neither symbol nor side: those are its legs'. What all of them take together is what it may cost."""
    legs = [order(symbol="SPY261218C00600000"), order(symbol="SPY261218C00610000", side="sell")]
    spread = order(side="", symbol="", order_class="mleg", qty="2", limit_price=limit, legs=legs)
    assert len(parse.readable_order_reports([spread, order()])) == 1
    report, _ = parse.order_reports_with_every_buy([spread, order()])
    assert (report.symbol, report.side) == ("SPY261218C00600000 and SPY261218C00610000", side)
    assert (report.qty, report.multiplier) == (2, 100)
    told = spoken_for([], [report], {}, {})
    assert told.dollars == (250 if limit == "1.25" else 0)
    assert ("SPY261218C00610000" in told.unknown) is (limit is None)


@pytest.mark.parametrize("missing", [None, "absent"])
def test_optional_fields_may_be_null_or_missing(missing: str | None) -> None:
    names = ("submitted_at", "updated_at", "filled_avg_price", "limit_price", "replaced_by", "filled_at")
    report = parse.order_report(order(**dict.fromkeys(names, missing)))
    assert (report.submitted_at, report.avg_fill_price, report.limit_price) == (None, None, None)


@pytest.mark.parametrize("missing", [None, "absent"])
@pytest.mark.parametrize("field", ["id", "client_order_id", "symbol", "side", "status"])
def test_an_order_without_identity_is_unreadable(field: str, missing: str | None) -> None:
    with pytest.raises(Unreadable):
        parse.order_report(order(**{field: missing}))


def test_a_missing_fill_is_nought_only_for_an_order_that_cannot_have_one() -> None:
    assert parse.order_report(order(status="accepted", filled_qty=None)).filled_qty == 0
    for status in ("filled", "partially_filled", "canceled", "pending_cancel"):
        with pytest.raises(Unreadable):
            parse.order_report(order(status=status, filled_qty=None))


def test_an_order_by_amount_counts_as_what_it_has_filled() -> None:
    report = parse.order_report(order(qty=None, notional="500", filled_qty="1.5", status="filled"))
    assert report.qty == Decimal("1.5")


@pytest.mark.parametrize("body", [None, [], "order", 7, {"id": 1}, order(qty="ten"), order(qty="NaN")])
def test_garbage_is_unreadable(body: Any) -> None:
    with pytest.raises(Unreadable):
        parse.order_report(body)


def test_positions_are_signed() -> None:
    fields = {"symbol": "SPY", "avg_entry_price": "600.5"}
    long = parse.position({**fields, "qty": "10", "qty_available": "4", "side": "long"})
    short = parse.position({**fields, "qty": "-10", "qty_available": "-4", "side": "short"})
    unsigned = parse.position({**fields, "qty": "10", "qty_available": "4", "side": "short"})
    assert long is not None and short is not None
    assert (long.qty, long.qty_available) == (10, 4)
    assert (short.qty, short.qty_available) == (-10, -4)
    assert unsigned == short
    assert parse.position({**fields, "qty": "0"}) is None


@pytest.mark.parametrize("block", ["trading_blocked", "account_blocked", "trade_suspended_by_user"])
def test_any_block_blocks_the_account(block: str) -> None:
    fields = {"account_number": "PA1", "equity": "100000.01", "cash": "5", "buying_power": "10"}
    assert parse.account({**fields, block: True}).trading_blocked
    account = parse.account({**fields, block: False, "pattern_day_trader": None})
    assert (account.trading_blocked, account.equity) == (False, Decimal("100000.01"))


def test_an_asset_may_only_do_what_is_said() -> None:
    bare = parse.asset({"symbol": "TQQQ", "status": "active"})
    assert (bare.tradable, bare.fractionable, bare.shortable, bare.easy_to_borrow) == (False, False, False, False)
    assert not parse.asset({"symbol": "TQQQ", "status": "inactive", "tradable": True}).tradable
    assert parse.asset({"symbol": "TQQQ", "status": "active", "tradable": True}).tradable


@pytest.mark.parametrize(
    ("fields", "easy"),
    [
        ({"borrow_status": "easy_to_borrow"}, True),
        ({"borrow_status": "hard_to_borrow", "easy_to_borrow": True}, False),
        ({"easy_to_borrow": True}, True),
    ],
)
def test_borrow_status_wins_over_the_old_flag(fields: dict[str, Any], easy: bool) -> None:
    assert parse.asset({"symbol": "TQQQ", **fields}).easy_to_borrow is easy


def test_calendar_times_are_wall_times_of_the_exchange() -> None:
    body = [
        {"date": "2026-07-06", "open": "09:30", "close": "16:00", "session_open": "0400", "session_close": "2000"},
        {"date": "2026-11-27", "open": "09:30", "close": "13:00", "session_open": "0400", "session_close": "1700"},
    ]
    summer, winter = parse.trading_days(list(reversed(body)))
    assert summer.date == date(2026, 7, 6)
    assert summer.opens_at == datetime(2026, 7, 6, 13, 30, tzinfo=UTC)
    assert summer.extended_opens_at == datetime(2026, 7, 6, 8, 0, tzinfo=UTC)
    assert summer.extended_closes_at == datetime(2026, 7, 7, 0, 0, tzinfo=UTC)
    assert winter.opens_at == datetime(2026, 11, 27, 14, 30, tzinfo=UTC)
    assert winter.closes_at == datetime(2026, 11, 27, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(("close", "extended_close_utc"), [("16:00", 1), ("13:00", 22)])
def test_extended_hours_have_their_usual_bounds_if_the_calendar_names_none(close: str, extended_close_utc: int) -> None:
    (day,) = parse.trading_days([{"date": "2026-11-27", "open": "09:30", "close": close}])
    assert day.extended_opens_at == datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
    assert day.extended_closes_at.hour == extended_close_utc


@pytest.mark.parametrize(
    "body",
    [
        {},
        [{"date": "2026-11-27", "open": None, "close": "13:00"}],
        [{"date": "2026-11-31", "open": "09:30", "close": "13:00"}],
        [{"date": "2026-11-27", "open": "09:30", "close": "25:00"}],
    ],
)
def test_a_damaged_calendar_is_unreadable(body: Any) -> None:
    with pytest.raises(Unreadable):
        parse.trading_days(body)


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00", "soon"]
)
def test_a_time_beyond_the_calendar_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        moment(text)


@pytest.mark.parametrize("number", ["1e999999999", "1e-999999999", "NaN", "Infinity", "sNaN", True, [], {}])
def test_a_number_that_no_market_knows_is_unreadable(number: Any) -> None:
    with pytest.raises(Unreadable):
        parse.order_report(order(qty=number))


def test_the_clock() -> None:
    now = parse.clock({"timestamp": "2026-11-20T10:00:00.123456789-05:00", "is_open": True})
    assert now == datetime(2026, 11, 20, 15, 0, 0, 123456, tzinfo=UTC)
    for damaged in ({}, {"timestamp": "noon"}, {"timestamp": "2026-11-20T10:00:00"}):
        with pytest.raises(Unreadable):
            parse.clock(damaged)


def test_only_orders_of_the_symbol_are_taken_from_a_list() -> None:
    (report,) = parse.order_reports("TQQQ", [order(), order(symbol=None, side=None), order(symbol="SPY")])
    assert report.symbol == "TQQQ"
    with pytest.raises(Unreadable):
        parse.order_reports("TQQQ", [order(side=None)])
    with pytest.raises(Unreadable):
        parse.order_reports("TQQQ", {"message": "ok"})


ACCOUNT = {"account_number": "PA1", "equity": "1800", "cash": "1000", "buying_power": "700"}


@pytest.mark.parametrize(
    ("fields", "settled"),
    [
        ({"multiplier": "2"}, None),
        ({"multiplier": "4", "non_marginable_buying_power": "100"}, None),
        # Without margin: what its buying power says, proceeds that it may spend included; never more than the cash.
        ({"multiplier": "1", "non_marginable_buying_power": "100"}, "700"),
        ({"multiplier": "1", "buying_power": "1600"}, "1000"),
        ({"multiplier": "1", "cash": "-20", "buying_power": "0"}, "-20"),
        ({"multiplier": 1}, "700"),
        # Whatever does not tell its kind has the stricter rules.
        ({}, "700"),
        ({"multiplier": None, "non_marginable_buying_power": "100"}, "100"),
        ({"multiplier": "", "non_marginable_buying_power": "lots"}, "700"),
        ({"multiplier": "margin", "non_marginable_buying_power": "900"}, "700"),
        ({"multiplier": "0"}, "700"),
    ],
)
def test_what_an_account_without_margin_may_spend(fields: dict[str, Any], settled: str | None) -> None:
    account = parse.account({**ACCOUNT, **fields})
    assert account.settled_cash == (Decimal(settled) if settled else None)


def test_a_list_of_assets_is_read_as_far_as_it_can_be() -> None:
    found = parse.assets([{"symbol": "TQQQ", "fractionable": True}, {"symbol": None}, 7])
    assert [(asset.symbol, asset.fractionable) for asset in found] == [("TQQQ", True)]


@pytest.mark.parametrize("body", [[], {}, None, [{}]])
def test_an_empty_list_of_assets_does_not_say_that_nothing_is_traded(body: Any) -> None:
    with pytest.raises(Unreadable):
        parse.assets(body)
