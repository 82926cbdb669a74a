"""The plan of a rebalance: what is sold and bought of which symbol, and why the rest is not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from repeg.domain.models import from_json, to_json
from repeg.domain.reasons import Reason
from repeg.domain.rebalance.book import Holding
from repeg.domain.rebalance.plan import left_over, plan, plan_buys
from repeg.domain.rebalance.planned import Plan
from tests.support.books import book, filled, held, price, shares_of, targets, why_left

MIX = {"TQQQ": "0.6", "SPY": "0.4"}
MARKS = {"AAPL": 200, "QQQ": 500, "SPY": 400, "TQQQ": 50}


def _shares(**qty: str | int) -> dict[str, Decimal]:
    return {symbol: Decimal(shares) for symbol, shares in qty.items()}


def test_what_is_held_becomes_what_is_wanted_sells_before_buys() -> None:
    planned = plan(book(0, {"AAPL": 250, "QQQ": 100}, MARKS), targets(MIX))
    assert (planned.equity, planned.spendable) == (100_000, 100_000)
    assert shares_of(planned.sells) == _shares(AAPL=-250, QQQ=-100)
    assert shares_of(planned.buys) == _shares(TQQQ=1200, SPY=100)
    tqqq = planned.buys[0]
    assert (tqqq.current_weight, tqqq.target_weight, tqqq.drift) == (0, Decimal("0.6"), Decimal("-0.6"))
    assert (tqqq.phase, tqqq.cost, tqqq.mark, tqqq.by_close) == ("buy", 60_000, 50, False)
    assert planned.sells[0].cost is None and planned.sells[0].phase == "sell"
    assert not planned.residual and not planned.all_hold


def test_a_plan_is_kept_in_the_record_as_it_is() -> None:
    planned = plan(book(0, {"AAPL": 250}, MARKS, waiting={"SPY": "an order is at work"}), targets(MIX))
    assert from_json(to_json(planned), Plan) == planned


def test_the_buffer_stays_in_cash_and_takes_the_same_part_of_every_target() -> None:
    planned = plan(book(100_000, {}, MARKS), targets(MIX, buffer="0.01"))
    assert {leg.symbol: leg.cost for leg in planned.buys} == {"TQQQ": 59_400, "SPY": 39_600}


def test_the_buffer_is_sold_for_where_it_is_not_there() -> None:
    planned = plan(book(0, {"SPY": 250}, MARKS), targets({"SPY": 1}, buffer="0.04"))
    assert shares_of(planned.sells) == _shares(SPY=-10)


def test_weights_that_leave_more_than_the_buffer_are_taken_as_they_are() -> None:
    planned = plan(book(100_000, {}, MARKS), targets({"TQQQ": "0.6", "SPY": "0.3"}, buffer="0.01"))
    assert {leg.symbol: leg.cost for leg in planned.buys} == {"TQQQ": 60_000, "SPY": 30_000}


def test_weights_of_a_little_more_than_all_are_cut_to_all() -> None:
    planned = plan(book(101_000, {}, MARKS), targets({"TQQQ": "0.61", "SPY": "0.4"}))
    assert {leg.symbol: leg.cost for leg in planned.buys} == {"TQQQ": 61_000, "SPY": 40_000}


@pytest.mark.parametrize(
    ("held_tqqq", "legs"),
    [(1200, {}), (1220, {}), (1180, {}), (1221, _shares(TQQQ=-21)), (1179, _shares(TQQQ=21))],
    ids=["on target", "at the threshold", "at the threshold below", "beyond", "beyond below"],
)
def test_what_is_off_by_more_than_the_threshold_is_brought_all_the_way(
    held_tqqq: int, legs: dict[str, Decimal]
) -> None:
    cash = 100_000 - 50 * held_tqqq
    planned = plan(book(cash, {"TQQQ": held_tqqq}, MARKS), targets({"TQQQ": "0.6"}))
    assert shares_of([*planned.sells, *planned.buys]) == legs
    assert planned.all_hold is not bool(legs)


def test_what_is_to_be_left_or_entered_is_no_small_correction() -> None:
    """Of a hundred symbols at a hundredth each, with a threshold of as much, none would ever be bought."""
    planned = plan(
        book(49_100, {"AAPL": 2, "SPY": 125, "QQQ": 1}, MARKS),
        targets({"SPY": "0.5", "TQQQ": "0.009", "QQQ": "0"}),
    )
    assert shares_of(planned.sells) == _shares(AAPL=-2, QQQ=-1)
    assert shares_of(planned.buys) == _shares(TQQQ=18)


def test_shares_of_brackets_are_neither_sold_nor_part_of_what_is_invested() -> None:
    account = book(30_000, [held("AAPL", 300, protected=100), held("QQQ", 20, protected=20)], MARKS)
    planned = plan(account, targets({"AAPL": "0.2", "SPY": "0.8"}))
    assert planned.equity == 70_000, "20 000 of AAPL and all QQQ are the brackets'"
    assert shares_of(planned.sells) == _shares(AAPL=-130)
    assert shares_of(planned.buys) == _shares(SPY=140)
    assert not planned.sells[0].by_close


def test_shares_of_a_bracket_whose_protection_does_not_rest_yet_are_not_free() -> None:
    account = book(0, [held("AAPL", 100).changed(protected=Decimal(60))], MARKS)
    (sell,) = plan(account, targets({"SPY": 1})).sells
    assert (sell.qty, sell.by_close) == (40, False)
    (sell,) = plan(account, targets({"SPY": 1}, protected=True)).sells
    assert (sell.qty, sell.by_close) == (100, True)


def test_a_bracket_that_claims_more_than_is_held_leaves_nothing_to_trade() -> None:
    account = book(1_000, [held("AAPL", 10).changed(protected=Decimal(60))], MARKS)
    planned = plan(account, targets({"SPY": 1}))
    assert planned.equity == 1_000 and not planned.sells


def test_an_account_in_which_more_is_for_sale_than_is_held_has_nothing_free() -> None:
    planned = plan(book(0, [held("AAPL", 10, by_orders=12)], MARKS), targets({"SPY": 1}))
    assert not planned.sells and "AAPL" in why_left(planned)


def test_included_shares_of_brackets_are_sold_by_a_close_once_the_free_ones_do_not_do() -> None:
    account = book(0, [held("AAPL", 100, protected=60), held("QQQ", 160, protected=100)], MARKS)
    planned = plan(account, targets({"QQQ": "0.5", "SPY": "0.5"}, protected=True))
    assert planned.equity == 100_000
    assert shares_of(planned.sells) == _shares(AAPL=-100, QQQ=-60)
    assert {leg.symbol: leg.by_close for leg in planned.sells} == {"AAPL": True, "QQQ": False}


@pytest.mark.parametrize(
    ("holding", "weight", "sold"),
    [
        (held("AAPL", 60, protected=60), "0.51", "29"),
        (held("AAPL", "60.4", protected=60), "0.51", "29.4"),
        (held("AAPL", "60.4").changed(available=Decimal("0.4"), protected=Decimal("60.4")), "0.51", "29.4"),
        (held("AAPL", 60, protected=60), 0, "60"),
    ],
    ids=["all", "with some of one's own", "a fraction that is bare already", "everything"],
)
def test_what_stays_of_a_bracket_is_whole_shares_as_protection_is_for_those(
    holding: Holding, weight: str, sold: str
) -> None:
    (sell,) = plan(book(0, [holding], MARKS), targets({"AAPL": weight}, protected=True, threshold=0)).sells
    assert (sell.qty, sell.by_close) == (Decimal(sold), True)


def test_a_short_is_bought_back_in_whole_shares() -> None:
    """A fraction cannot be sold short: none can be left of one."""
    planned = plan(book(1_050, {"AAPL": -10, "QQQ": 10}, MARKS), targets({"SPY": 1}))
    assert shares_of(planned.sells) == _shares(AAPL=5, QQQ=-10)


def test_what_other_orders_hold_is_not_sold_and_said_so() -> None:
    planned = plan(book(0, [held("AAPL", 100, by_orders=30)], MARKS), targets({"SPY": 1}))
    assert shares_of(planned.sells) == _shares(AAPL=-70)
    assert shares_of(planned.buys) == _shares(SPY=35), "no more than the sale brings"
    assert why_left(planned)["AAPL"] == "open orders hold 30 of 100 shares"
    included = plan(book(0, [held("AAPL", 100, 20, by_orders=30)], MARKS), targets({"SPY": 1}, protected=True))
    assert shares_of(included.sells) == _shares(AAPL=-70) and included.sells[0].by_close


def test_what_is_not_traded_here_stands_outside() -> None:
    options = [held("AAPL260116C00200000", 5, tradable=False), held("AAPL260116P00100000", -5, tradable=False)]
    planned = plan(book(10_000, options, MARKS), targets({"SPY": 1}))
    assert planned.equity == 10_000
    assert shares_of(planned.buys) == _shares(SPY=25) and not planned.sells


def test_what_is_wanted_of_a_holding_that_is_not_traded_here_is_residual() -> None:
    account = book(10_000, [held("BTCUSD", 1, tradable=False)], {**MARKS, "BTCUSD": 90_000})
    planned = plan(account, targets({"BTCUSD": "0.5"}))
    assert not planned.buys and why_left(planned) == {"BTCUSD": "an option"}


def test_others_are_left_alone_when_asked_and_weights_are_still_of_everything() -> None:
    planned = plan(book(50_000, {"AAPL": 250}, MARKS), targets({"TQQQ": "0.3"}, others=False))
    assert planned.equity == 100_000
    assert not planned.sells and shares_of(planned.buys) == _shares(TQQQ=600)


def test_others_that_are_left_alone_leave_less_to_spend_than_is_wanted() -> None:
    planned = plan(book(50_000, {"AAPL": 250}, MARKS), targets(MIX, others=False))
    assert not planned.sells and shares_of(planned.buys) == _shares(TQQQ=600, SPY=50)
    assert why_left(planned)["TQQQ"] == "$50,000.00 can be spent where $100,000.00 are wanted"
    assert {each.symbol: each.drift for each in planned.residual} == {"TQQQ": Decimal("-0.3"), "SPY": Decimal("-0.2")}


# Quantities


def test_a_position_that_is_left_is_sold_to_its_last_digit() -> None:
    planned = plan(book(0, {"AAPL": "7.2273576"}, MARKS), targets({"SPY": 1}))
    assert shares_of(planned.sells) == _shares(AAPL="-7.2273576")


def test_a_fraction_of_what_trades_in_whole_shares_stays_and_is_told() -> None:
    planned = plan(book(0, {"AAPL": "7.2273576"}, MARKS, whole=["AAPL"]), targets({"SPY": 1}))
    assert shares_of(planned.sells) == _shares(AAPL=-7)
    left = planned.residual[0]
    assert (left.symbol, left.why) == ("AAPL", "the broker trades the symbol in whole shares only")
    assert left.drift == Decimal("0.031458"), "45.47 of 1445.47 dollars"
    rest = plan(book(1400, {"AAPL": "0.2273576"}, MARKS, whole=["AAPL"]), targets({"SPY": 1}))
    assert not rest.sells and "AAPL" in why_left(rest)


def test_whole_shares_are_rounded_down_both_ways() -> None:
    account = book(1_000, {"AAPL": 10}, {"AAPL": 200, "SPY": 430}, whole=["AAPL", "SPY"])
    planned = plan(account, targets({"AAPL": "0.45", "SPY": "0.55"}))
    assert shares_of(planned.sells) == _shares(AAPL=-3), "3.25 are too much"
    assert shares_of(planned.buys) == _shares(SPY=3), "3.84 are missing"
    assert why_left(planned)["SPY"] == "the broker trades the symbol in whole shares only"


def test_less_than_a_whole_share_is_no_leg() -> None:
    planned = plan(book(1_000, {}, {"BRK.A": 700_000}, whole=["BRK.A"]), targets({"BRK.A": 1}))
    assert not planned.buys
    assert why_left(planned) == {"BRK.A": "the broker trades the symbol in whole shares only"}


def test_a_correction_under_the_smallest_trade_is_told_and_not_made() -> None:
    account = book(100, {"SPY": "0.26"}, MARKS)  # 104 of 204 dollars
    planned = plan(account, targets({"SPY": "0.49"}))
    assert not planned.sells
    assert why_left(planned) == {"SPY": "less than the smallest trade of $5"}
    assert shares_of(plan(account, targets({"SPY": "0.49"}, min_trade=4)).sells) == _shares(SPY="-0.0101")
    assert shares_of(plan(account, targets({"SPY": "0.49"}, min_trade="4.04")).sells) == _shares(SPY="-0.0101")


def test_a_small_position_is_left_whole_and_one_under_a_dollar_is_told() -> None:
    account = book(1_000, {"AAPL": "0.01", "QQQ": "0.001"}, MARKS)
    planned = plan(account, targets({"SPY": "0.5"}))
    assert shares_of(planned.sells) == _shares(AAPL="-0.01")
    assert why_left(planned) == {"QQQ": "the broker takes no order under $1"}


def test_a_small_entry_is_told_and_not_made() -> None:
    planned = plan(book(1_000, {}, MARKS), targets({"SPY": "0.004"}))
    assert not planned.buys and why_left(planned) == {"SPY": "less than the smallest trade of $5"}


# What must not be traded now


def test_a_symbol_whose_order_is_at_work_waits_for_it() -> None:
    account = book(50_000, {"AAPL": 250}, MARKS, waiting={"AAPL": "order ord-1 is at work", "SPY": "order ord-2 too"})
    planned = plan(account, targets(MIX))
    assert not planned.sells and shares_of(planned.buys) == _shares(TQQQ=1000)
    assert why_left(planned)["AAPL"] == "order ord-1 is at work"


def test_a_symbol_without_a_price_to_trade_on_is_valued_and_not_traded() -> None:
    halted = price("AAPL", 200, problem=Reason.STALE_QUOTE, why="halted since 09:31")
    account = book(50_000, {"AAPL": 250}, [halted, price("SPY", 400), price("TQQQ", 50, problem=Reason.NO_QUOTE)])
    planned = plan(account, targets(MIX))
    assert planned.equity == 100_000
    assert shares_of([*planned.sells, *planned.buys]) == _shares(SPY=100)
    assert why_left(planned) == {"AAPL": "halted since 09:31", "TQQQ": Reason.NO_QUOTE.explanation}


def test_what_has_no_price_at_all_is_not_bought() -> None:
    planned = plan(book(50_000, {}, {"NEW": 0}), targets({"NEW": "0.5"}))
    assert not planned.buys and why_left(planned) == {"NEW": Reason.NO_QUOTE.explanation}


def test_what_cannot_be_traded_is_not_told_while_it_is_on_target() -> None:
    halted = price("AAPL", 200, problem=Reason.STALE_QUOTE)
    account = book(50_000, {"AAPL": 250}, [halted])
    assert plan(account, targets({"AAPL": "0.505"})).all_hold


def test_without_a_price_of_what_is_held_there_is_no_plan() -> None:
    with pytest.raises(ValueError, match="no price for AAPL"):
        plan(book(50_000, {"AAPL": 250}, {"SPY": 400}), targets({"SPY": 1}))


def test_legs_come_by_the_size_of_their_drift_then_by_symbol() -> None:
    account = book(10_000, {"QQQ": 40, "AAPL": 100, "SPY": 50}, MARKS)
    planned = plan(account, targets({"TQQQ": "0.5"}))
    assert [leg.symbol for leg in planned.sells] == ["AAPL", "QQQ", "SPY"]
    backwards = account.changed(holdings=account.holdings[::-1], prices=dict(reversed(account.prices.items())))
    assert plan(backwards, targets({"TQQQ": "0.5"})) == planned


def test_what_could_be_paid_and_was_not_bought_is_still_to_be_bought() -> None:
    (left,) = left_over(book(100_000, {}, MARKS), targets({"TQQQ": "0.6"}))
    assert (left.symbol, left.why) == ("TQQQ", "still to be bought")


def test_what_is_left_in_the_end_is_told_of_every_symbol_that_is_off() -> None:
    wanted = targets(MIX)
    account = book(0, {"AAPL": 250, "QQQ": 100}, MARKS)
    after_sells = filled(account, plan(account, wanted).sells[:1])
    left = left_over(after_sells, wanted)
    assert {(each.symbol, each.drift, each.why) for each in left} == {
        ("QQQ", Decimal("0.5"), "still to be sold"),
        ("TQQQ", Decimal("-0.6"), "$50,000.00 can be spent where $100,000.00 are wanted"),
        ("SPY", Decimal("-0.4"), "$50,000.00 can be spent where $100,000.00 are wanted"),
    }
    short = book(20_000, {"AAPL": 400}, MARKS, waiting={"AAPL": "a close is at work"})
    assert {each.symbol: each.why for each in left_over(short, wanted)} == why_left(plan(short, wanted))
    done = filled(after_sells, plan(after_sells, wanted).sells)
    assert left_over(filled(done, plan_buys(done, wanted).buys), wanted) == ()
