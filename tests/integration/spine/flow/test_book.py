"""The account as it was looked at a moment ago: what it spares a bracket, and when it is not believed."""

from __future__ import annotations

from typing import Any

import pytest

from repeg.domain.reasons import Reason, Status
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, hold
from tests.support.scenes import alerts, by_hand, done, run
from tests.support.watching import calls_since, limited


def look(lab: Lab) -> None:
    """A sweep that has positions to watch over."""
    lab.control.quote("SQQQ", "20.00", "20.02", 2000, 2000)
    levels = {"signal_price": "20.01", "stop_loss": "19.61", "take_profit": "21.01"}
    hold(lab, "held", symbol="SQQQ", **levels)
    lab.sweep()


def bracket_calls(lab: Lab, signal_id: str = "a", **signal: Any) -> list[str]:
    mark = lab.mark()
    order = run(lab, signal_id, **(BRACKET | signal))
    assert order.guard.protected
    return [call.replace("/v2/", "").partition("/")[0] for call in calls_since(lab, mark)]


AT_THE_FLOOR = ["POST orders", "GET orders", "POST orders", "GET orders"]
READS_FIRST = ["GET positions", *AT_THE_FLOOR]


def test_a_bracket_at_once_takes_four_calls_behind_a_sweep(lab: Lab) -> None:
    look(lab)
    assert bracket_calls(lab) == AT_THE_FLOOR


def test_an_empty_account_is_listed_once_a_minute_and_not_for_each_bracket(lab: Lab) -> None:
    """Where no sweep has listed positions yet the first bracket does, instead of reading its own."""
    for symbol in ("SPY", "QQQ"):
        lab.control.quote(symbol, "50.95", "50.98", 2000, 2000)
    assert bracket_calls(lab, "a") == READS_FIRST
    assert bracket_calls(lab, "b", symbol="SPY") == AT_THE_FLOOR
    assert bracket_calls(lab, "c", symbol="SPY")[0] == "GET positions", "of what was traded just now it is read"
    lab.sleep(61)
    assert bracket_calls(lab, "d", symbol="QQQ") == READS_FIRST


def test_a_position_of_others_that_cannot_be_read_stops_no_bracket(lab: Lab) -> None:
    lab.control.position("SQQQ", 10, "20")
    odd = {"kind": "edit", "method": "GET", "path": "/v2/positions", "body": {"avg_entry_price": "unknown"}}
    lab.control.faults(odd)
    assert bracket_calls(lab) == ["GET positions", *READS_FIRST]


def test_a_sweep_of_an_empty_account_lists_its_positions_and_the_first_bracket_takes_four_calls(lab: Lab) -> None:
    before = lab.mark()
    lab.sweep()
    assert calls_since(lab, before) == ["GET /v2/positions"]
    assert bracket_calls(lab) == AT_THE_FLOOR


def test_a_sweep_that_cannot_list_an_empty_account_tells_nobody_and_the_bracket_asks_itself(lab: Lab) -> None:
    lab.control.faults({"method": "GET", "path": "/v2/positions", "kind": "error", "status": 503})
    lab.sweep()
    lab.control.faults()
    assert not alerts(lab) and lab.orders.book() is None
    assert bracket_calls(lab) == READS_FIRST


def test_a_listing_takes_no_book_from_limits_that_are_measured_by_the_account(lab: Lab) -> None:
    limited(lab, max_gross_fraction=1)
    assert bracket_calls(lab)[0] == "GET positions"
    book = lab.orders.book()
    assert book and book.equity


@pytest.mark.parametrize("seconds", [60, 61])
def test_a_look_stands_for_a_minute(lab: Lab, seconds: int) -> None:
    look(lab)
    at = lab.orders.book()
    assert at
    lab.sleep(seconds - (lab.time.latest_now() - at.at).total_seconds() - (0.5 if seconds == 60 else 0))
    assert bracket_calls(lab) == (AT_THE_FLOOR if seconds == 60 else READS_FIRST)


def test_what_we_traded_in_the_symbol_since_is_read(lab: Lab) -> None:
    done(lab, "bought")
    look(lab)
    assert bracket_calls(lab) == READS_FIRST, "it may not show yet"
    lab.sleep(11)
    lab.sweep()
    assert bracket_calls(lab, "b") == AT_THE_FLOOR


def test_by_night_nobody_looks(lab: Lab) -> None:
    limited(lab, max_daily_loss=1)
    lab.set_clock("2026-11-20T20:30:00-05:00")
    lab.time.read(lab.broker)
    before = lab.mark()
    lab.sweep()
    assert calls_since(lab, before) == []


def short_by_hand(lab: Lab) -> None:
    body = {"symbol": "TQQQ", "qty": 10, "side": "sell", "type": "market", "time_in_force": "day"}
    by_hand(lab, "POST", "orders", body)
    lab.sleep(1)


def test_a_position_that_the_book_does_not_show_is_not_turned_around(lab: Lab) -> None:
    """Somebody else sold short since: the entry says that it opens, and the broker refuses it."""
    look(lab)
    short_by_hand(lab)
    order = run(lab, **BRACKET)
    assert (order.status, order.reason, order.filled_qty) == (Status.REJECTED, Reason.OPPOSITE_POSITION, 0)


def test_an_opposite_position_of_the_book_is_asked_about_before_it_refuses(lab: Lab) -> None:
    short_by_hand(lab)
    look(lab)
    by_hand(lab, "DELETE", "positions/TQQQ")
    lab.sleep(1)
    assert run(lab, **BRACKET).guard.protected
