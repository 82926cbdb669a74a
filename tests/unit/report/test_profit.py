"""Profit and loss: brackets by their own exits, all other shares first in, first out, and nothing that is not known."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from desk.positions.gains import Worth, booked, gains
from repeg.domain.order.adjustments import Adjustment, CorporateAction
from repeg.domain.order.beginnings import leg_id_of
from repeg.domain.order.bracket import Levels
from repeg.domain.order.bygone import Bygone
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.protection import Exit, ExitReason, Protection, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.profit import Books, books_of, fills_of, losses_of, still_held
from repeg.domain.proof import leaving
from repeg.steps import unwind
from tests.support.make import NOON, child, order, quote

LEVELS = Levels(stop=Decimal(49), target=Decimal(54))


def traded(number: int, side: str, qty: str, price: str | None, **fields: Any) -> Order:
    """An order that was filled at once, `number` minutes after noon."""
    at = NOON + timedelta(minutes=number)
    fill = child(
        qty=Decimal(qty),
        filled_qty=Decimal(qty),
        avg_fill_price=Decimal(price) if price else None,
        status=ChildStatus.FILLED,
        sent_at=at,
        closed_at=at,
        client_order_id=f"ord-{number}-e1",
    )
    ids = {"order_id": f"ord-{number}", "signal_id": f"s-{number}"}
    return order(side=side, children=(fill,), created_at=at, **(ids | fields))


def left(minute: int, qty: str, price: str | None, reason: ExitReason, source: str = "leg") -> Exit:
    at = NOON + timedelta(minutes=minute)
    return Exit(source=source, reason=reason, qty=Decimal(qty), price=Decimal(price) if price else None, at=at)


def bracket(number: int, qty: str, price: str, *exits: Exit, **fields: Any) -> Order:
    return traded(number, fields.pop("side", "buy"), qty, price, kind="bracket", exits=exits, **fields)


def earned(books: Books) -> list[tuple[str, str, str | None, str]]:
    return [(str(each.qty), str(each.realised), each.strategy, each.reason) for each in books.trades]


def test_a_sale_takes_the_oldest_shares_and_its_gain_is_who_bought() -> None:
    books = books_of(
        [
            traded(3, "sell", "15", "52", strategy="c"),
            traded(1, "buy", "10", "50", strategy="a"),
            traded(2, "buy", "10", "51", strategy="b"),
        ]
    )
    assert earned(books) == [("10", "20", "a", "order"), ("5", "5", "b", "order")]
    assert [(lot.qty, lot.strategy, lot.price) for lot in books.lots] == [(5, "b", 51)]


def test_what_leaves_a_bracket_is_measured_by_its_own_entry() -> None:
    plain, held = traded(1, "buy", "10", "40"), bracket(2, "10", "50", left(3, "10", "54", ExitReason.TARGET))
    books = books_of([plain, held])
    assert earned(books) == [("10", "40", None, "target")]
    assert [(lot.order_id, lot.qty) for lot in books.lots] == [("ord-1", 10)]


def test_a_close_of_a_bracket_and_of_shares_beside_it_is_counted_once() -> None:
    close = traded(5, "sell", "15", "52", kind="close")
    held = bracket(2, "10", "50", left(5, "10", "52", ExitReason.CLOSE, close.order_id))
    books = books_of([traded(1, "buy", "5", "40"), held, close])
    assert sorted(earned(books)) == [("10", "20", None, "close"), ("5", "60", None, "close")]
    assert (books.lots, books.unmatched) == ([], [])


def test_what_a_close_in_parts_brought_is_in_all_what_it_was_sold_for() -> None:
    """10 at 52 and 5 at 51; the bracket's exit is told at the average, as its record has it."""
    first, second = traded(5, "sell", "10", "52").children[0], traded(6, "sell", "5", "51").children[0]
    close = traded(5, "sell", "10", "52", kind="close").changed(children=(first, second))
    held = bracket(2, "10", "50", left(6, "10", str(close.avg_fill_price), ExitReason.CLOSE, close.order_id))
    books = books_of([traded(1, "buy", "5", "40"), held, close])
    earned_ = sum((each.realised or Decimal(0) for each in books.trades), Decimal(0))
    assert round(earned_, 6) == 10 * 52 + 5 * 51 - 10 * 50 - 5 * 40
    assert not books.lots and not books.unmatched


def test_an_unwind_is_its_brackets_exit() -> None:
    unwind = traded(3, "sell", "10", "49.5", kind="unwind", parent_id="ord-2")
    books = books_of([bracket(2, "10", "50", left(3, "10", "49.5", ExitReason.UNWIND, "ord-3")), unwind])
    assert earned(books) == [("10", "-5.0", None, "unwind")] and not books.unmatched


def test_a_short_gains_as_the_price_falls() -> None:
    books = books_of([bracket(1, "10", "50", left(2, "4", "48", ExitReason.TARGET), side="sell")])
    assert earned(books) == [("4", "8", None, "target")]
    [lot] = books.lots
    assert (lot.qty, lot.unrealised(Decimal(51))) == (6, -6)


def test_a_split_changes_shares_and_not_what_was_paid() -> None:
    split = Adjustment(
        why="corporate_action",
        detail="2 for 1",
        change=Decimal(6),
        ratio=Decimal(2),
        levels=LEVELS,
        at=NOON + timedelta(minutes=3),
    )
    exits = (left(2, "4", "51", ExitReason.CLOSE, "x"), left(4, "12", "26", ExitReason.TARGET))
    books = books_of([bracket(1, "10", "50", *exits, adjustments=(split,))])
    assert earned(books) == [("4", "4", None, "close"), ("12", "12", None, "target")] and not books.lots


def test_a_close_that_sells_before_and_after_a_split_earns_what_it_brought() -> None:
    """Five of a hundred at 51 on Friday, the other 95 as 950 at 5.20 on Monday, after a split of ten for one."""
    monday = NOON + timedelta(days=3)
    split = Adjustment(
        why="corporate_action", detail="10 for 1", change=Decimal(855), ratio=Decimal(10), levels=LEVELS, at=monday
    )
    friday = traded(5, "sell", "5", "51").children[0]
    later = friday.changed(
        client_order_id="ord-5-e2",
        qty=Decimal(950),
        filled_qty=Decimal(950),
        avg_fill_price=Decimal("5.2"),
        sent_at=monday,
        closed_at=monday + timedelta(minutes=1),
    )
    close = traded(5, "sell", "5", "51", kind="close").changed(children=(friday, later))
    [held] = leaving.booked(close, [bracket(1, "100", "50", adjustments=(split,))])
    assert (held.unexited_qty, held.exit_price) == (0, Decimal("5.195"))
    books = books_of([held, close])
    assert [trade.realised for trade in books.trades] == [5 * 51 + 950 * Decimal("5.2") - 100 * 50]
    assert not books.lots and not books.unmatched


def test_an_unwind_over_a_night_with_a_split_costs_what_it_cost() -> None:
    """Five at 49 on Friday and the other 95 as 950 at 4.9 on Monday, of a hundred at 50: a dollar a share of then."""
    monday = NOON + timedelta(days=3)
    split = Adjustment(
        why="corporate_action", detail="10 for 1", change=Decimal(855), ratio=Decimal(10), levels=LEVELS, at=monday
    )
    friday = traded(5, "sell", "5", "49").children[0]
    later = friday.changed(
        client_order_id="ord-5-e2",
        qty=Decimal(950),
        filled_qty=Decimal(950),
        avg_fill_price=Decimal("4.9"),
        sent_at=monday,
        closed_at=monday + timedelta(minutes=1),
    )
    leaving_ = traded(5, "sell", "5", "49", kind="unwind", parent_id="ord-1").changed(children=(friday, later))
    held = bracket(1, "100", "50", adjustments=(split,))
    held = held.with_exit(leaving.exit_by(leaving_, held, leaving_.filled_qty))
    assert (held.unexited_qty, held.exit_price) == (0, Decimal("4.9"))
    assert unwind._cost(held) == 100
    assert [trade.realised for trade in books_of([held, leaving_]).trades] == [-100]
    after = split.changed(at=monday + timedelta(days=1))
    sold = held.with_care(adjustments=()).with_guard(exits=())
    early = leaving_.changed(children=(friday.changed(qty=Decimal(100), filled_qty=Decimal(100)),))
    booked_late = leaving.exit_by(early, sold.with_care(adjustments=(after,)), Decimal(100))
    assert booked_late.whole is None, "no split of later is in it"


def test_the_price_of_exits_before_and_after_a_split_is_that_of_a_share_of_today() -> None:
    split = Adjustment(
        why="corporate_action",
        detail="2 for 1",
        change=Decimal(6),
        ratio=Decimal(2),
        levels=LEVELS,
        at=NOON + timedelta(minutes=3),
    )
    exits = (left(2, "4", "50", ExitReason.CLOSE, "x"), left(4, "12", "26", ExitReason.TARGET))
    order = bracket(1, "10", "50", *exits, adjustments=(split,))
    assert order.exit_price == Decimal("25.6"), "8 at 25 and 12 at 26"
    assert bracket(1, "10", "50", left(2, "4", None, ExitReason.OUTSIDE), adjustments=(split,)).exit_price is None


@pytest.mark.parametrize(("ratio", "shares", "price"), [("10", "100", "5.10"), ("0.1", "1", "510")])
def test_shares_that_no_bracket_holds_are_split_too(ratio: str, shares: str, price: str) -> None:
    """Ten shares at 50 over the night of a split: at a hundredth more apiece they earned two hundredths."""
    monday = NOON + timedelta(days=3)
    split = CorporateAction(symbol="TQQQ", kind="forward_split", ratio=Decimal(ratio), ex_date=monday.date())
    bought = traded(1, "buy", "10", "50")
    held = books_of([bought, traded(9, "buy", "3", "70", symbol="SPY")], [split]).lots
    assert [(lot.symbol, lot.qty, lot.price and lot.qty * lot.price) for lot in held] == [
        ("SPY", 3, 210),
        ("TQQQ", Decimal(shares), 500),
    ]
    sold = traded(3 * 24 * 60, "sell", shares, price)
    books = books_of([bought, sold], [split])
    assert [trade.realised for trade in books.trades] == [10]
    assert not books.lots and not books.unmatched
    again = books_of([bought, sold, traded(3 * 24 * 60 + 1, "buy", "7", "5")], [split])
    assert [lot.qty for lot in again.lots] == [7], "what is bought behind the split is what it is"


def test_what_is_not_known_is_told_and_earns_nothing() -> None:
    books = books_of(
        [
            traded(1, "sell", "3", "50", symbol="OLD"),
            traded(2, "buy", "3", "50", symbol="SHRT", kind="close"),
            traded(3, "buy", "3", None, symbol="ODD"),
            traded(4, "sell", "3", "50", symbol="ODD"),
            bracket(5, "3", "50", left(6, "3", None, ExitReason.OUTSIDE)),
        ]
    )
    assert [(each.symbol, each.qty) for each in books.unmatched] == [("OLD", 3), ("SHRT", 3)]
    view = gains(books, "symbol", None, None)
    assert (view["realised"], view["trades"], view["unpriced_qty"]) == ("0", 2, "6")
    assert view["unmatched"] == {"OLD": "3", "SHRT": "3"}


def test_fills_are_child_orders_and_the_legs_of_ocos() -> None:
    oco = Protection(
        client_order_id="p1",
        qty=Decimal(10),
        levels=LEVELS,
        status=ProtectionStatus.DONE,
        placed_at=NOON,
        exits=(left(3, "10", "54", ExitReason.TARGET),),
    )
    old = Bygone(filled_qty=Decimal(2), value=Decimal(99), last_filled_at=NOON)
    made = bracket(1, "8", "50", left(2, "1", "51", ExitReason.CLOSE, "ord-9"), protections=(oco,), bygone=old)
    found = [(each.kind, each.side, str(each.qty), str(each.price), str(each.cash)) for each in fills_of(made)]
    assert found == [
        ("bracket", "buy", "2", "49.5", "-99.0"),
        ("bracket", "buy", "8", "50", "-400"),
        ("target", "sell", "10", "54", "540"),
    ]


def test_what_the_account_does_not_hold_any_more_is_not_valued() -> None:
    books = books_of([traded(1, "buy", "10", "50"), bracket(2, "10", "51")])
    held, gone = still_held(books.lots, {"TQQQ": Decimal(12)})
    assert [(lot.bracket, lot.qty) for lot in held] == [(False, 2), (True, 10)]
    assert gone == {"TQQQ": 8}


@pytest.mark.parametrize(("bid", "ask"), [("0", "51"), ("50", "0")])
def test_one_side_of_a_market_values_nothing(bid: str, ask: str) -> None:
    books = books_of([traded(1, "buy", "10", "50")])
    view = gains(books, "symbol", None, Worth({"TQQQ": Decimal(10)}, {"TQQQ": quote(bid, ask)}))
    assert (view["unrealised"], view["held"], view["unpriced_qty"]) == (None, "10", "10")


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        ("symbol", [("SPY", 1, "-1.01", "1.99"), ("TQQQ", 1, "10", None)]),
        ("strategy", [(None, 1, "10", None), ("pairs", 1, "-1.01", "1.99")]),
        ("day", [("2026-11-20", 2, "8.99", None)]),
    ],
)
def test_gains_are_summed_by_what_is_asked_for_to_the_cent(by: str, rows: list[Any]) -> None:
    pairs = {"symbol": "SPY", "strategy": "pairs"}
    books = books_of(
        [
            traded(1, "buy", "10", "50"),
            traded(2, "sell", "10", "51"),
            traded(3, "buy", "3", "600.01", **pairs),
            traded(4, "sell", "1", "599", **pairs),
        ]
    )
    now = Worth({"SPY": Decimal(2)}, {"SPY": quote("601", "601.01", symbol="SPY")})
    view = gains(books, by, None, now)
    assert [(row[by], row["trades"], row["realised"], row["unrealised"]) for row in view["rows"]] == rows
    assert (view["realised"], view["unrealised"], view["wins"]) == ("8.99", "1.99", 1)
    later = gains(books, by, NOON + timedelta(minutes=3), now)
    assert (later["trades"], later["unrealised"]) == (1, "1.99")


def test_a_day_is_measured_from_its_entries_and_from_the_last_close_for_what_was_held_before() -> None:
    before = -24 * 60
    books = books_of(
        [
            bracket(1, "10", "50", left(5, "10", "48", ExitReason.STOP), strategy="stopped"),
            bracket(2, "10", "50", strategy="open"),
            bracket(before, "10", "60", left(5, "10", "48", ExitReason.STOP), strategy="of yesterday"),
            bracket(before, "10", "60", left(before + 5, "10", "40", ExitReason.STOP), strategy="over"),
            traded(before, "buy", "10", "60", strategy="held"),
            traded(3, "buy", "10", "50", strategy="won"),
            traded(4, "buy", "10", "50"),
        ]
    )
    marks, closes = {"TQQQ": Decimal(49)}, {"TQQQ": Decimal(52)}
    assert losses_of(books, NOON.date(), marks, closes).dollars == {
        "stopped": 20,
        "open": 10,
        "of yesterday": 40,
        "held": 30,
        "won": 10,
    }
    blind = losses_of(books, NOON.date(), {}, {})
    assert blind.dollars == {"stopped": 20, "of yesterday": 120}, "by the entry"
    assert blind.unknown == dict.fromkeys(("open", "held", "won"), "TQQQ"), "what has no price has no loss of nothing"


def test_who_was_short_loses_when_it_rises() -> None:
    books = books_of([bracket(1, "10", "50", side="sell", strategy="short")])
    assert losses_of(books, NOON.date(), {"TQQQ": Decimal(51)}, {}).dollars == {"short": 10}


def test_what_left_at_a_price_that_nobody_knows_counts_as_lost_to_its_stop() -> None:
    """Somebody sold the shares at the broker; of plain ones, which have no stop, nobody knows what was lost."""
    gone = left(5, "10", None, ExitReason.OUTSIDE)
    books = books_of(
        [
            bracket(1, "10", "50", gone, strategy="by hand", stop_loss=Decimal(49)),
            bracket(2, "10", "50", gone, strategy="short", side="sell", stop_loss=Decimal(52)),
            traded(3, "buy", "10", "50", strategy="plain"),
            traded(4, "sell", "10", None),
        ]
    )
    found = losses_of(books, NOON.date(), {}, {})
    assert found == ({"by hand": 10, "short": 20}, {"plain": "TQQQ"})
    assert all(trade.realised is None for trade in books.trades), "and is told as not known"


@pytest.mark.parametrize("ratio", ["2", "0.5", "10"])
@pytest.mark.parametrize("of_old_shares", [True, False])
def test_on_the_day_of_a_split_a_day_is_measured_from_a_share_as_it_is_now(ratio: str, of_old_shares: bool) -> None:
    """Ten shares of 50 over the night; a new share is worth a dollar less than its part of that."""
    split = CorporateAction(symbol="TQQQ", kind="forward_split", ratio=Decimal(ratio), ex_date=NOON.date())
    books = books_of([traded(-24 * 60, "buy", "10", "40", strategy="held")], [split])
    close = 50 / Decimal(ratio)
    closes = {"TQQQ": Decimal(50) if of_old_shares else close}
    found = losses_of(books, NOON.date(), {"TQQQ": close - 1}, closes, [split])
    assert found.dollars == {"held": 10 * Decimal(ratio)}


def test_a_short_that_a_rebalance_buys_back_is_no_share_to_sell() -> None:
    """Somebody's own short; what is bought long behind it is sold by its own price."""
    ids = {"signal_id": "s", "rebalance_id": "reb"}
    covered = traded(1, "buy", "10", "50", kind="rebalance_leg", order_id=leg_id_of("s", "reb", "sell", "TQQQ"), **ids)
    bought = traded(2, "buy", "10", "60", kind="rebalance_leg", order_id=leg_id_of("s", "reb", "buy", "TQQQ"), **ids)
    books = books_of([covered, bought, traded(3, "sell", "10", "58")])
    assert [trade.realised for trade in books.trades] == [-20]
    assert [(each.symbol, each.qty) for each in books.unmatched] == [("TQQQ", 10)] and not books.lots


def test_what_was_sold_out_by_the_count_of_before_a_split_is_asked_about_too() -> None:
    """10 became 20 over the night, and 10 of them were sold: by the records alone all were, at a loss."""
    split = CorporateAction(symbol="TQQQ", kind="forward_split", ratio=Decimal(2), ex_date=NOON.date())
    orders = [traded(-24 * 60, "buy", "10", "40"), traded(1, "sell", "10", "21", order_id="sold")]
    books = booked(orders, lambda _: (split,))
    assert [(str(each.realised), each.qty) for each in books.trades] == [("10", 10)]
    assert [(lot.qty, lot.price) for lot in books.lots] == [(10, 20)]
    asked: list[Books] = []
    booked([traded(1, "buy", "10", "40"), traded(2, "sell", "10", "41")], lambda books: asked.append(books) or ())
    assert asked == [], "what came and went within a day was not split"
