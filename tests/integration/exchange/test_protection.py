"""Protecting a position by a GTC OCO, and all that can go wrong with it, over plain HTTP."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from desk.exchange.client import ExchangeControl
from tests.integration.exchange.plain import Json, PlainClient

SELL_STOP = "stop_loss.stop_price must be <= base_price - 0.01"
BUY_STOP = "stop_loss.stop_price must be >= base_price + 0.01"


def oco(side: str = "sell", target: str = "55.00", stop: str = "49.00", **more: Any) -> Json:
    return {
        "symbol": "TQQQ",
        "qty": "10",
        "side": side,
        "type": "limit",
        "time_in_force": "gtc",
        "order_class": "oco",
        "client_order_id": "protect-1",
        "take_profit": {"limit_price": target},
        "stop_loss": {"stop_price": stop},
        **more,
    }


def entry(**more: Any) -> Json:
    order = {"symbol": "TQQQ", "qty": "10", "side": "buy", "type": "limit", "limit_price": "50.99"}
    return {**order, "time_in_force": "day", **more}


@pytest.fixture
def protected(plain: PlainClient, control: ExchangeControl) -> Json:
    """Ten shares at 50, with target 55 and stop 49 at work."""
    control.position("TQQQ", 10, "50")
    order = plain.order(oco())
    plain.advance(1)
    return order


def available(plain: PlainClient) -> str:
    return str(plain.ok("GET", "/v2/positions/TQQQ")["qty_available"])


def test_it_is_read_back_with_its_leg(plain: PlainClient, protected: Json) -> None:
    assert (protected["status"], protected["client_order_id"]) == ("pending_new", "protect-1")
    for read in (
        plain.nested(protected),
        plain.ok("GET", "/v2/orders:by_client_order_id", client_order_id="protect-1", nested="true"),
        plain.ok("GET", "/v2/orders", status="open", nested="true")[0],
    ):
        (leg,) = read["legs"]
        assert (read["id"], read["status"], read["type"], read["limit_price"]) == (
            protected["id"],
            "new",
            "limit",
            "55",
        )
        assert (leg["status"], leg["type"], leg["stop_price"], leg["side"], leg["qty"]) == (
            *("held", "stop", "49", "sell"),
            "10",
        )
        assert {o["order_class"] for o in (read, leg)} == {"oco"}
        assert {o["time_in_force"] for o in (read, leg)} == {"gtc"}
    assert plain.ok("GET", f"/v2/orders/{protected['id']}")["legs"] is None


@pytest.mark.parametrize(
    ("held", "body", "message"),
    [
        ("10", oco(stop="50.97"), SELL_STOP),
        ("10", oco(stop="50.96"), SELL_STOP),
        ("-10", oco("buy", "49.00", "50.96"), BUY_STOP),
        ("-10", oco("buy", "49.00", "50.90"), BUY_STOP),
    ],
)
def test_a_stop_that_the_price_has_passed_is_refused(
    plain: PlainClient, control: ExchangeControl, held: str, body: Json, message: str
) -> None:
    control.position("TQQQ", held, "50")
    assert plain.refused(body) == (422, {"code": 42210000, "message": message, "base_price": "50.96"})
    assert available(plain) == held


@pytest.mark.parametrize(("side", "target", "stop"), [("sell", "55.00", "50.95"), ("buy", "49.00", "50.97")])
def test_a_stop_a_cent_from_the_price_is_taken(
    plain: PlainClient, control: ExchangeControl, side: str, target: str, stop: str
) -> None:
    control.position("TQQQ", "10" if side == "sell" else "-10", "50")
    assert plain.order(oco(side, target, stop))["status"] == "pending_new"


def test_flat_accounts_have_nothing_to_protect(plain: PlainClient) -> None:
    assert plain.refused(oco()) == (422, {"code": 42210000, "message": "oco orders must be exit orders"})


def test_a_fill_that_the_position_does_not_show_yet(plain: PlainClient, control: ExchangeControl) -> None:
    control.settings(position_lag_ms=1000)
    plain.order(entry())
    plain.advance("0.07")
    assert plain.refused(oco())[1]["message"] == "oco orders must be exit orders"
    plain.advance(1)
    assert plain.order(oco())["status"] == "pending_new"


def test_a_part_that_the_position_does_not_show_yet(plain: PlainClient, control: ExchangeControl) -> None:
    control.quote("TQQQ", "50.95", "50.98", 4, 4)
    control.settings(position_lag_ms=1000)
    plain.order(entry())
    plain.advance("1.07")
    control.quote("TQQQ", "50.95", "50.98", 300, 300)
    status, body = plain.refused(oco())
    assert (status, body["code"], body["available"], body["existing_qty"]) == (403, 40310000, "4", "4")
    assert body["message"] == "insufficient qty available for order (requested: 10, available: 4)"
    plain.advance(1)
    plain.order(oco())


def test_a_target_that_fills_in_part_and_then_the_stop(
    plain: PlainClient, control: ExchangeControl, protected: Json
) -> None:
    control.quote("TQQQ", "55.00", "55.03", 4, 4)
    read = plain.nested(protected)
    assert (read["status"], read["filled_qty"], read["legs"][0]["qty"]) == ("partially_filled", "4", "6")
    control.quote("TQQQ", "48.90", "48.93", 300, 300)
    read = plain.nested(protected)
    assert (read["status"], read["filled_qty"]) == ("canceled", "4")
    assert (read["legs"][0]["status"], read["legs"][0]["filled_qty"]) == ("filled", "6")
    assert plain.ok("GET", "/v2/positions") == []


@pytest.mark.parametrize(
    ("bid", "statuses", "price"), [("55.10", ["filled", "canceled"], "55.1"), ("48.90", ["canceled", "filled"], "48.9")]
)
def test_one_fills_and_the_other_ends(
    plain: PlainClient, control: ExchangeControl, protected: Json, bid: str, statuses: list[str], price: str
) -> None:
    control.quote("TQQQ", bid, "60.00")
    assert plain.statuses(protected) == statuses
    (fill,) = plain.journal("fill")
    stopped = statuses[0] == "canceled"
    assert (fill["price"], fill["parent_order_id"]) == (price, protected["id"] if stopped else None)


def test_the_journal_names_the_parent_of_a_leg(plain: PlainClient, protected: Json) -> None:
    leg = plain.nested(protected)["legs"][0]["id"]
    assert {(e["order_id"], e["parent_order_id"]) for e in plain.journal("order")} == {
        (protected["id"], None),
        (leg, protected["id"]),
    }


@pytest.mark.parametrize("cancel", ["parent", "leg"])
def test_shares_come_free_only_when_the_cancel_is_complete(plain: PlainClient, protected: Json, cancel: str) -> None:
    target = protected["id"] if cancel == "parent" else plain.nested(protected)["legs"][0]["id"]
    plain.ok("DELETE", f"/v2/orders/{target}")
    assert plain.statuses(protected) == ["pending_cancel"] * 2
    assert available(plain) == "0"
    again = plain.call("DELETE", f"/v2/orders/{protected['id']}")
    assert (again.status_code, again.json()) == (422, {"code": 42210000, "message": "order pending cancel"})
    plain.advance("0.05")
    assert plain.statuses(protected) == ["canceled"] * 2
    assert available(plain) == "10"
    after = plain.call("DELETE", f"/v2/orders/{protected['id']}")
    assert after.json()["message"] == 'order is already in "canceled" state'


def test_sent_after_the_close_it_works_from_the_next_open(plain: PlainClient, control: ExchangeControl) -> None:
    control.set_clock("2026-11-20T16:30:00-05:00")
    control.position("TQQQ", 10, "50")
    order = plain.order(oco())
    assert order["status"] == "accepted"
    control.set_clock("2026-11-23T09:29:59-05:00")
    assert plain.statuses(order) == ["accepted", "held"]
    control.set_clock("2026-11-23T09:30:01-05:00")
    assert plain.statuses(order) == ["new", "held"]
    control.quote("TQQQ", "55.00", "55.03")
    assert plain.statuses(order) == ["filled", "canceled"]


def test_one_at_work_survives_the_night(plain: PlainClient, control: ExchangeControl, protected: Json) -> None:
    control.set_clock("2026-11-23T10:00:00-05:00")
    assert plain.statuses(protected) == ["new", "held"]


@pytest.mark.parametrize("moment", ["2026-11-20T08:00:00-05:00", "2026-11-20T17:00:00-05:00"])
def test_in_extended_hours_entries_fill_and_protection_does_not(
    plain: PlainClient, control: ExchangeControl, moment: str
) -> None:
    control.set_clock(moment)
    control.quote("TQQQ", "50.95", "50.98")
    bought = plain.order(entry(extended_hours=True))
    plain.advance(1)
    assert plain.statuses(bought) == ["filled"]
    order = plain.order(oco())
    plain.advance(1)
    for bid in ("48.00", "56.00"):
        control.quote("TQQQ", bid, "56.03")
        plain.advance(1)
        assert plain.statuses(order) == ["accepted", "held"]


@pytest.mark.parametrize(
    ("kind", "stands"), [("drop_before", False), ("drop_after", True), ("error", False), ("html", False)]
)
def test_faults_hit_the_protection_and_not_the_entry(
    plain: PlainClient, control: ExchangeControl, kind: str, stands: bool
) -> None:
    control.faults({"kind": kind, "method": "POST", "path": "/v2/orders", "order_class": "oco", "count": 1})
    plain.order(entry())
    plain.advance(1)
    if kind.startswith("drop"):
        with pytest.raises(requests.ConnectionError):
            plain.order(oco())
    else:
        assert plain.call("POST", "/v2/orders", oco()).status_code >= 500
    found = plain.call("GET", "/v2/orders:by_client_order_id", client_order_id="protect-1")
    assert found.status_code == (200 if stands else 404)
    assert available(plain) == ("0" if stands else "10")
    if stands:
        assert plain.refused(oco())[1]["message"] == "client_order_id must be unique"
    else:
        plain.order(oco())


def test_protection_rejected_after_it_was_accepted(plain: PlainClient, control: ExchangeControl) -> None:
    control.faults({"kind": "reject", "order_class": "oco", "count": 1})
    plain.order(entry())
    plain.advance(1)
    order = plain.order(oco())
    plain.advance(1)
    assert plain.statuses(order) == ["rejected", "canceled"]
    assert available(plain) == "10"


def test_protection_that_cannot_be_taken_down(plain: PlainClient, control: ExchangeControl, protected: Json) -> None:
    control.faults({"kind": "stuck_cancel", "order_class": "oco"})
    other = plain.order(entry(limit_price="40.00"))
    for order in (protected, other):
        plain.ok("DELETE", f"/v2/orders/{order['id']}")
    plain.advance(60)
    assert plain.statuses(protected) == ["pending_cancel"] * 2
    assert plain.statuses(other) == ["canceled"]
    control.faults()
    plain.advance(1)
    assert plain.statuses(protected) == ["canceled"] * 2


def test_a_market_that_falls_before_the_stop_is_at_work(plain: PlainClient, control: ExchangeControl) -> None:
    control.position("TQQQ", 10, "50")
    order = plain.order(oco())
    control.quote("TQQQ", "48.00", "48.03")
    assert plain.statuses(order) == ["pending_new", "held"]
    plain.advance("0.07")
    assert plain.statuses(order) == ["canceled", "filled"]


@pytest.mark.parametrize(
    ("ask", "statuses"),
    [
        ("49.00", ["filled", "canceled"]),
        ("55.00", ["canceled", "filled"]),
        # A buy stop pays at most 2.5 % more than its stop price: a gap beyond leaves it working.
        ("56.40", ["canceled", "new"]),
    ],
)
def test_a_short_position(plain: PlainClient, control: ExchangeControl, ask: str, statuses: list[str]) -> None:
    control.position("TQQQ", -10, "52")
    order = plain.order(oco("buy", "49.00", "55.00"))
    plain.advance(1)
    assert available(plain) == "0"
    control.quote("TQQQ", "48.00", ask)
    assert plain.statuses(order) == statuses
