"""Cases that others published of their rebalancers, told by repository: theirs are the situations and most figures."""

from __future__ import annotations

from decimal import Decimal

import pytest

from repeg.domain.rebalance.plan import plan, plan_buys
from tests.support.books import book, filled, price, shares_of, targets, why_left

HALVES = {"FOO": "0.5", "BAR": "0.5"}


# cfreundlich/portfolio-balancer, tests/test_hard_rebal.py: FOO for 50 000 at 10, BAR for 100 000 at 5, half of each.
@pytest.mark.parametrize(
    ("cash", "foo", "bar"),
    [(0, 2_500, -5_000), (50_000, 5_000, 0), (100_000, 7_500, 5_000), (-10_000, 2_000, -6_000)],
    ids=["nothing new", "what is missing comes new", "more comes", "money was taken out"],
)
def test_new_money_and_money_that_is_missing(cash: int, foo: int, bar: int) -> None:
    planned = plan(book(cash, {"FOO": 5_000, "BAR": 20_000}, {"FOO": 10, "BAR": 5}), targets(HALVES))
    legs = shares_of([*planned.sells, *planned.buys])
    assert (legs.get("FOO", 0), legs.get("BAR", 0)) == (foo, bar)
    assert not planned.residual


# brycethornton/rebalance, spec/rebalance/rebalancer_spec.rb: 30/20/50 over five funds, in fractions and without cash.
def test_five_funds_in_fractions_of_a_share() -> None:
    marks = {"ABCDE": "10", "FGHIJ": "25", "KLMNO": "300", "PQRST": "32", "UVWXY": "5.50"}
    shares = {"ABCDE": "500", "FGHIJ": "300", "KLMNO": "75", "PQRST": "35.5", "UVWXY": "75"}
    weights = {"ABCDE": "0.15", "FGHIJ": "0.15", "KLMNO": "0.2", "PQRST": "0.25", "UVWXY": "0.25"}
    before = book(0, shares, marks)
    after = filled(before, plan(before, targets(weights)).sells)
    after = filled(after, plan_buys(after, targets(weights)).buys)
    expected = {"ABCDE": 548.2275, "FGHIJ": 219.291, "KLMNO": 24.3657, "PQRST": 285.5352, "UVWXY": 1661.2955}
    assert {each.symbol: float(each.qty) for each in after.holdings} == pytest.approx(expected, abs=5e-5)
    assert 0 <= after.cash < Decimal("0.0001")


# Lumiwealth/lumibot, tests/test_drift_rebalancer.py: whole shares at 100 with half a percent of slippage.
@pytest.mark.parametrize(("cash", "bought"), [(1_000, 9), (500, 4), (50, 0)])
def test_whole_shares_that_slippage_still_pays_for(cash: int, bought: int) -> None:
    planned = plan(book(cash, {}, [price("AAPL", 100, cap_bps=50)], whole=["AAPL"]), targets({"AAPL": 1}))
    assert sum(leg.qty for leg in planned.buys) == bought


@pytest.mark.parametrize(("weight", "sold"), [("0", 10), ("0.5", 5)])
def test_all_or_a_part_of_ten_shares_is_sold(weight: str, sold: int) -> None:
    planned = plan(book(0, {"AAPL": 10}, [price("AAPL", 100, cap_bps=50)], whole=["AAPL"]), targets({"AAPL": weight}))
    assert shares_of(planned.sells) == {"AAPL": -sold}


def test_less_than_a_share_too_much_is_not_sold() -> None:
    planned = plan(book(0, {"AAPL": 1}, [price("AAPL", 100)], whole=["AAPL"]), targets({"AAPL": "0.1"}))
    assert not planned.sells and why_left(planned) == {"AAPL": "the broker trades the symbol in whole shares only"}


@pytest.mark.parametrize(("short", "cash"), [(10, 2_000), (5, 1_500)])
def test_a_short_is_covered_to_the_share(short: int, cash: int) -> None:
    planned = plan(book(cash, {"AAPL": -short}, {"AAPL": 100}), targets({"AAPL": "0"}))
    assert shares_of(planned.sells) == {"AAPL": short} and not planned.buys


# The same: 1500, 1000 and 800 dollars of three stocks that shall be 0.5, 0.3 and 0.2 of all.
def test_drifts_within_five_points_are_no_trade_and_are_measured_to_the_last_digit() -> None:
    account = book(0, {"AAPL": 10, "GOOGL": 5, "MSFT": 8}, {"AAPL": 150, "GOOGL": 200, "MSFT": 100})
    weights = {"AAPL": "0.5", "GOOGL": "0.3", "MSFT": "0.2"}
    assert plan(account, targets(weights, threshold="0.05")).all_hold
    planned = plan(account, targets(weights, threshold="0.04"))
    drifts = {leg.symbol: leg.drift for leg in (*planned.sells, *planned.buys)}
    assert drifts == {"MSFT": Decimal("0.042424"), "AAPL": Decimal("-0.045455")}


# wealthfolio/wealthfolio, issue 1248: five groups and new cash; whoever sizes on the old total buys what is too large.
def test_new_cash_counts_in_what_the_weights_are_of() -> None:
    values = {"BONDS": "13491.80", "DIV": "3696.00", "GOLD": "3435.60", "CN": "1919.20", "NDX": "1926.90"}
    weights = {"BONDS": "0.4", "DIV": "0.2", "GOLD": "0.2", "CN": "0.1", "NDX": "0.1"}
    account = book("8863.50", values, dict.fromkeys(values, 1))
    planned = plan(account, targets(weights))
    assert planned.equity == Decimal("33333.00")
    assert not planned.sells and "BONDS" not in shares_of(planned.buys), "0.5 points too much are left"
    # 2970.60, 3231.00, 1414.10 and 1406.40 are missing, 9022.10 in all: the cash pays for the same part of each.
    part = 8863.50 / 9022.10
    expected = {"DIV": 2970.60 * part, "GOLD": 3231.00 * part, "CN": 1414.10 * part, "NDX": 1406.40 * part}
    assert {leg.symbol: float(leg.qty) for leg in planned.buys} == pytest.approx(expected, abs=1e-6)
    assert Decimal("8863.499") < sum(leg.cost or 0 for leg in planned.buys) <= Decimal("8863.50")


# akfamily/akquant, issue 292: 490 000 each of BBB and CCC in a million; BBB shall be 0.9 and stayed at 0.49, as the
# buy was judged by the cash before the sale.
def test_a_buy_is_paid_by_the_sale_that_comes_before_it() -> None:
    account = book(20_000, {"BBB": 490_000, "CCC": 490_000}, {"BBB": 1, "CCC": 1})
    planned = plan(account, targets({"BBB": "0.9"}))
    assert shares_of(planned.sells) == {"CCC": -490_000} and shares_of(planned.buys) == {"BBB": 410_000}
    after = filled(account, planned.sells)
    assert shares_of(plan_buys(after, targets({"BBB": "0.9"})).buys) == {"BBB": 410_000}


# wealthfolio/wealthfolio, issue 1585: a balance that is a few cents below nothing is no reason to plan no sale.
def test_a_balance_of_less_than_nothing_is_no_obstacle_to_sales() -> None:
    planned = plan(book("-0.03", {"FOO": 60, "BAR": 40}, {"FOO": 10, "BAR": 10}), targets(HALVES))
    assert shares_of(planned.sells) == {"FOO": Decimal("-10.0015")}
    assert shares_of(planned.buys) == {"BAR": Decimal("9.9985")}, "the three cents are made good first"


# AakashRathore136/FinSight-AI, issue 1516: legs that are sized one by one do not sum to nothing.
def test_buys_and_sells_sum_to_the_cash_that_is_there() -> None:
    account = book(
        0, {"A": 37, "B": 11, "C": 5}, [price("A", "19.37", 15), price("B", "83.11", 15), price("C", 260, 15)]
    )
    planned = plan(account, targets({"A": "0.2", "B": "0.5", "C": "0.3"}, threshold="0"))
    proceeds = sum(leg.qty * account.prices[leg.symbol].worst_sell for leg in planned.sells)
    spent = sum(leg.cost or 0 for leg in planned.buys)
    assert 0 <= proceeds - spent < Decimal("0.00001")


# enricoschumann/PMwR, inst/tinytest/test_rebalance.R: a hundred each of two of four symbols become fifty of each.
def test_two_of_four_become_four() -> None:
    account = book(0, {"C": 100, "D": 100}, dict.fromkeys("ABCD", 1))
    planned = plan(account, targets(dict.fromkeys("ABCD", "0.25")))
    assert shares_of([*planned.sells, *planned.buys]) == {"A": 50, "B": 50, "C": -50, "D": -50}


# mementum/backtrader, docs2/order_target: three short that shall be seven long are ten to buy. Here in two orders.
def test_a_short_that_becomes_a_long_is_ten_shares_in_two_orders() -> None:
    planned = plan(book(130, {"A": -3}, {"A": 10}), targets({"A": "0.7"}))
    assert shares_of(planned.sells) == {"A": 3} and shares_of(planned.buys) == {"A": 7}


# buckie/port-reb, haskell/README.md: whole shares, 0.6, 0.3 and 0.1 of 10 000 dollars, a stock that is within its band.
def test_whole_shares_of_three_stocks_come_within_a_point_and_leave_the_one_that_is_near() -> None:
    marks = {"GOOG": 98, "AAPL": 22, "TSLA": 8}
    before = book(0, {"GOOG": 52, "AAPL": 136, "TSLA": 239}, marks, whole=marks)
    wanted = targets({"GOOG": "0.6", "AAPL": "0.3", "TSLA": "0.1"})
    planned = plan(before, wanted)
    assert shares_of([*planned.sells, *planned.buys]) == {"TSLA": -114, "GOOG": 9} and not planned.residual
    after = filled(filled(before, planned.sells), planned.buys)
    assert after.cash == 30 and plan(after, wanted).all_hold


# ricequant/rqalpha, issue 659: halves become 0.3 and 0.7, and the order in which they are named decides nothing.
@pytest.mark.parametrize("names", [("PAB", "VANKE"), ("VANKE", "PAB")])
def test_which_target_is_named_first_decides_nothing(names: tuple[str, str]) -> None:
    weights = {"PAB": "0.3", "VANKE": "0.7"}
    account = book(0, {"PAB": 250_000, "VANKE": 125_000}, {"PAB": 20, "VANKE": 40}, whole=names)
    planned = plan(account, targets({name: weights[name] for name in names}))
    assert shares_of(planned.sells) == {"PAB": -100_000} and shares_of(planned.buys) == {"VANKE": 50_000}


# alanlau54/SimpleRebalance, README.md: from nothing to all of 10 000 dollars at 100, and back.
@pytest.mark.parametrize(("cash", "held", "weight", "traded"), [(10_000, {}, 1, 100), (0, {"A": 100}, 0, -100)])
def test_all_or_nothing_of_one_stock(cash: int, held: dict[str, int], weight: int, traded: int) -> None:
    planned = plan(book(cash, held, {"A": 100}, whole=["A"]), targets({"A": weight}))
    assert shares_of([*planned.sells, *planned.buys]) == {"A": traded}
