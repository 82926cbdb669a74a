"""The plan of a rebalance: what shorts cost, what buys may cost, and how it is shared out."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from repeg.domain.rebalance.plan import plan, plan_buys
from tests.support.books import book, held, price, shares_of, targets, why_left

MIX = {"TQQQ": "0.6", "SPY": "0.4"}
MARKS = {"AAPL": 200, "QQQ": 500, "SPY": 400, "TQQQ": 50}


def _shares(**qty: str | int) -> dict[str, Decimal]:
    return {symbol: Decimal(shares) for symbol, shares in qty.items()}


# Shorts


def test_a_short_is_bought_back_with_the_sells() -> None:
    planned = plan(book(120_000, {"AAPL": -100}, MARKS), targets({"SPY": "0.4"}))
    (cover,) = planned.sells
    assert (cover.symbol, cover.side, cover.qty, cover.phase, cover.cost) == ("AAPL", "buy", 100, "sell", 20_000)
    assert shares_of(planned.buys) == _shares(SPY=100)


def test_a_short_that_should_be_a_long_is_bought_back_first() -> None:
    account = book(120_000, {"AAPL": -100}, MARKS)
    planned = plan(account, targets({"AAPL": "0.5"}))
    assert shares_of(planned.sells) == _shares(AAPL=100)
    assert shares_of(planned.buys) == _shares(AAPL=250)
    # The cover did not fill: it comes first, and no order buys across nothing.
    again = plan_buys(account, targets({"AAPL": "0.5"}))
    assert shares_of(again.buys) == _shares(AAPL=100) and again.buys[0].phase == "buy"
    assert why_left(again) == {"AAPL": "to be bought once the short is bought back"}
    assert again.spendable == 120_000


def test_what_a_short_brought_is_never_spent() -> None:
    planned = plan(book(120_000, {"AAPL": -100}, MARKS, buying_power=10**6), targets({"SPY": 1}, others=False))
    assert planned.equity == 100_000
    assert planned.spendable == 100_000


def test_a_short_is_reckoned_at_what_it_may_cost_to_buy_it_back() -> None:
    account = book(120_000, {"AAPL": -100}, [price("AAPL", 200, cap_bps=50), price("SPY", 400)], buying_power=10**6)
    assert plan(account, targets({"SPY": 1}, others=False)).spendable == 120_000 - 20_100


def test_a_short_of_which_only_a_part_is_bought_back_becomes_no_long() -> None:
    account = book(5_000, {"AAPL": -100, "QQQ": 100}, MARKS)
    planned = plan(account, targets({"AAPL": "0.5"}))
    assert shares_of(planned.sells) == _shares(QQQ=-100, AAPL=25) and not planned.buys
    assert why_left(planned) == {"AAPL": "the cash that is there buys back 25 of 100 short shares"}


def test_shorts_are_bought_back_with_the_same_cash_once() -> None:
    account = book(10_000, {"AAPL": -100, "SPY": -20, "QQQ": 100}, MARKS)
    planned = plan(account, targets({"TQQQ": 1}))
    assert shares_of(planned.sells) == _shares(QQQ=-100, AAPL=50), "nothing is left for SPY"
    assert "SPY" in why_left(planned)


def test_the_brokers_money_may_buy_shorts_back_where_it_is_allowed_and_is_then_gone() -> None:
    account = book(5_000, {"AAPL": -100, "QQQ": 100}, MARKS, buying_power=30_000)
    planned = plan(account, targets({"SPY": 1}, margin=True))
    assert shares_of(planned.sells) == _shares(QQQ=-100, AAPL=100)
    assert planned.spendable == 30_000 + 50_000 - 20_000


def test_short_shares_that_an_order_holds_are_not_bought_back_twice() -> None:
    planned = plan(book(120_000, [held("AAPL", -100, by_orders=40)], MARKS), targets({"SPY": 1}))
    assert shares_of(planned.sells) == _shares(AAPL=60)
    assert why_left(planned)["AAPL"] == "open orders hold 40 of 100 short shares"


def test_a_short_worth_less_than_a_dollar_is_told() -> None:
    planned = plan(book(1_000, {"PENNY": -1}, {"PENNY": "0.5"}), targets({"PENNY": 0}))
    assert not planned.sells and why_left(planned) == {"PENNY": "the broker takes no order under $1"}


def test_a_bracketed_short_takes_what_it_will_cost_out_of_what_is_invested() -> None:
    account = book(120_000, [held("AAPL", -100, protected=100)], MARKS, buying_power=10**6)
    planned = plan(account, targets({"SPY": 1}))
    assert (planned.equity, planned.spendable) == (100_000, 100_000)
    assert not planned.sells and shares_of(planned.buys) == _shares(SPY=250)


def test_an_included_bracketed_short_is_bought_back_by_a_close() -> None:
    account = book(120_000, [held("AAPL", -100, protected=100)], MARKS)
    (cover,) = plan(account, targets({"SPY": 1}, protected=True)).sells
    assert (cover.side, cover.qty, cover.by_close) == ("buy", 100, True)


def test_a_short_is_bought_back_as_far_as_the_cash_goes() -> None:
    """What is sold at the same time does not pay for it: that may not be sold in the end."""
    account = book(5_000, {"AAPL": -100, "QQQ": 100}, MARKS)
    planned = plan(account, targets({"SPY": 1}))
    assert shares_of(planned.sells) == _shares(QQQ=-100, AAPL=25)
    assert why_left(planned)["AAPL"] == "the cash that is there buys back 25 of 100 short shares"
    assert planned.spendable == 35_000, "of 55 000 the rest of the short takes 15 000, and 5 000 covered some"


# Cash


def test_buys_are_sized_so_that_their_worst_price_pays_for_all_of_them() -> None:
    prices = [price("TQQQ", 50, cap_bps=20), price("SPY", 400, cap_bps=10)]
    planned = plan(book(100_000, {}, prices), targets(MIX))
    assert shares_of(planned.buys) == _shares(TQQQ="1197.604790419", SPY="99.900099900")
    assert sum(leg.cost or 0 for leg in planned.buys) <= planned.spendable == 100_000
    assert not planned.residual, "it is the price's tolerance, no shortage"
    assert not plan(book(100_000, {}, prices), targets(MIX, threshold=0)).residual


def test_the_largest_account_spends_no_hair_more_than_it_has() -> None:
    prices = [price("TQQQ", "50.0123", cap_bps="17.3"), price("SPY", "400.0007", cap_bps="13.7")]
    planned = plan(book(10**14, {}, prices), targets(MIX))
    worst = {each.symbol: Fraction(each.worst_buy) for each in prices}
    exact = sum((Fraction(leg.qty) * worst[leg.symbol] for leg in planned.buys), Fraction())
    assert exact == sum(Fraction(leg.cost or 0) for leg in planned.buys) <= 10**14


def test_the_sells_are_expected_at_their_worst_price() -> None:
    prices = [price("AAPL", 200, cap_bps=50), price("SPY", 400)]
    planned = plan(book(0, {"AAPL": 500}, prices), targets({"SPY": 1}))
    assert planned.spendable == 99_500 and not planned.residual


def test_buys_that_cannot_all_be_paid_are_cut_in_proportion() -> None:
    account = book(20_000, {"AAPL": 400}, MARKS, waiting={"AAPL": "a close is at work"})
    planned = plan(account, targets(MIX))
    assert shares_of(planned.buys) == _shares(TQQQ=240, SPY=20)
    assert why_left(planned) == {
        "AAPL": "a close is at work",
        "TQQQ": "$20,000.00 can be spent where $100,000.00 are wanted",
        "SPY": "$20,000.00 can be spent where $100,000.00 are wanted",
    }


def test_what_rounding_leaves_buys_another_share_where_the_drift_is_largest() -> None:
    account = book(1_500, {}, {"NVR": 700, "AZO": 600}, whole=["NVR", "AZO"], spoken_for=500)
    planned = plan(account, targets({"NVR": "0.6", "AZO": "0.4"}))
    assert shares_of(planned.buys) == _shares(NVR=1)
    account = book(1_500, {}, {"NVR": 1_400, "F": 10}, whole=["NVR", "F"], spoken_for=500)
    planned = plan(account, targets({"NVR": "0.95", "F": "0.05"}))
    assert shares_of(planned.buys) == _shares(F=7), "no more than is wanted"


def test_of_equals_the_first_by_name_comes_first() -> None:
    names = ["EEE", "BBB", "DDD", "AAA", "CCC"]
    account = book(500, {}, dict.fromkeys(names, 100), whole=names, spoken_for=250)
    assert shares_of(plan(account, targets(dict.fromkeys(names, "0.2"))).buys) == _shares(AAA=1, BBB=1)


def test_once_the_sells_are_over_nothing_is_sold_and_only_cash_that_is_there_is_spent() -> None:
    planned = plan_buys(book(10_000, {"AAPL": 450}, MARKS), targets(MIX))
    assert not planned.sells and planned.spendable == 10_000
    assert shares_of(planned.buys) == _shares(TQQQ=120, SPY=10)
    assert why_left(planned)["AAPL"] == "still to be sold"


def test_margin_is_not_cash() -> None:
    planned = plan(book(50_000, {"AAPL": 250}, MARKS, buying_power=150_000), targets(MIX, others=False))
    assert planned.spendable == 50_000


def test_margin_is_used_when_it_is_allowed_as_far_as_it_goes() -> None:
    account = book(50_000, {"AAPL": 250}, MARKS, buying_power=80_000)
    planned = plan(account, targets(MIX, others=False, margin=True))
    assert planned.spendable == 80_000
    assert sum(leg.cost or 0 for leg in planned.buys) == 80_000
    cash_account = account.changed(settled_cash=Decimal(50_000))
    assert plan(cash_account, targets(MIX, others=False, margin=True)).spendable == 50_000, "it has none to lend"


def test_buying_power_bounds_what_is_spent_when_the_broker_grants_less_than_the_cash() -> None:
    assert plan(book(50_000, {}, MARKS, buying_power=30_000), targets(MIX)).spendable == 30_000
    assert plan(book(0, {"AAPL": 100}, MARKS, buying_power=0), targets(MIX)).spendable == 20_000, "the sale frees it"


def test_a_cash_account_spends_what_is_settled() -> None:
    planned = plan(book(30_000, {"AAPL": 100}, MARKS, settled_cash=10_000), targets(MIX))
    assert shares_of(planned.sells) == _shares(AAPL=-100)
    assert planned.spendable == 10_000, "what is sold today settles tomorrow"
    spent_since = book(8_000, {}, MARKS, settled_cash=10_000)
    assert plan(spent_since, targets(MIX)).spendable == 8_000


def test_what_open_orders_may_cost_is_not_spent_again() -> None:
    planned = plan(book(100_000, {}, MARKS, spoken_for=40_000), targets(MIX, buffer="0.01"))
    assert planned.equity == 100_000
    assert planned.spendable == 59_000


def test_a_negative_balance_is_made_good_by_the_sells_first() -> None:
    account = book(-10_000, {"AAPL": 300, "SPY": 125}, MARKS)
    planned = plan(account, targets({"SPY": "1"}))
    assert planned.spendable == 50_000
    assert shares_of(planned.sells) == _shares(AAPL=-300)
    assert shares_of(planned.buys) == _shares(SPY=125)


def test_a_negative_balance_that_no_sale_makes_good_buys_nothing_and_sells_nothing_more() -> None:
    account = book(-10_000, {"AAPL": 300, "SPY": 125}, MARKS)
    planned = plan(account, targets({"SPY": "0.6", "AAPL": "0.6"}, others=False, threshold="0.02"))
    # 100 000 of equity: half of each is wanted, and AAPL is held for 60 000.
    assert shares_of([*planned.sells, *planned.buys]) == _shares(AAPL=-50)
    held_back = plan(account, targets({"AAPL": "0.6", "TQQQ": "0.2"}, others=False))
    assert not held_back.sells and not held_back.buys
    assert why_left(held_back) == {"TQQQ": "$0.00 can be spent where $20,000.00 are wanted"}


def test_with_nothing_to_invest_nothing_is_planned() -> None:
    planned = plan(book(-70_000, {"AAPL": 300}, MARKS), targets({"SPY": 1}))
    assert not planned.sells and not planned.buys and not planned.all_hold
    why = "there is nothing to invest: cash and shares come to -$10,000.00"
    assert why_left(planned) == {"AAPL": why, "SPY": why}
