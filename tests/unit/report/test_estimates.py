"""Averages with their intervals, quantiles and bins."""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import pairwise

from desk.report.analysis.estimates import FEWEST, SMALL, average, histogram, quantiles

ONE = Decimal(1)


def drawn(count: int, seed: int = 3) -> list[tuple[Decimal, Decimal]]:
    """Costs around 2 bps, of orders of different size."""
    chance = random.Random(seed)
    return [(Decimal(f"{chance.gauss(2, 3):.4f}"), Decimal(chance.choice((100, 1000, 5000)))) for _ in range(count)]


def test_an_average_is_by_weight() -> None:
    assert average([(Decimal(4), ONE), (Decimal(-4), Decimal(3))]).average == Decimal(-2)
    assert average([]).average is None
    assert average([(Decimal(4), Decimal(0))]).average is None


def test_few_orders_have_no_interval_and_more_have_a_narrower_one() -> None:
    assert average(drawn(FEWEST - 1)).method is None
    few, some, many = average(drawn(FEWEST)), average(drawn(SMALL)), average(drawn(20 * SMALL))
    assert (few.method, some.method, many.method) == ("bootstrap", "bootstrap", "normal")
    widths = [each.high - each.low for each in (few, some, many) if each.high is not None and each.low is not None]
    assert widths == sorted(widths, reverse=True) and len(widths) == 3


def test_an_interval_is_the_same_each_time_and_about_as_often_right_as_it_says() -> None:
    assert average(drawn(40)) == average(drawn(40))
    for count in (40, 2 * SMALL):
        found = [average(drawn(count, seed)) for seed in range(20)]
        right = sum(each.low <= 2 <= each.high for each in found if each.low is not None and each.high is not None)
        assert right >= 17


def test_an_interval_over_few_orders_is_as_wide_as_few_orders_deserve() -> None:
    """Percentiles of the draws alone were right in 78 and 85 of a hundred."""
    for count, least in ((5, 85), (10, 88)):
        found = [average(drawn(count, seed)) for seed in range(100)]
        right = sum(each.low <= 2 <= each.high for each in found if each.low is not None and each.high is not None)
        assert right >= least, count


def test_quantiles_are_those_of_the_orders() -> None:
    found = quantiles([Decimal(value) for value in range(101)])
    assert found and (found.p5, found.p25, found.median, found.p75, found.p95) == (5, 25, 50, 75, 95)
    assert quantiles([]) is None
    alone = quantiles([Decimal("1.5")])
    assert alone and set(alone) == {Decimal("1.5")}


def test_every_order_is_in_one_bin_and_what_is_far_out_is_put_together() -> None:
    values = [value for value, _ in drawn(500)] + [Decimal(900), Decimal(-900)]
    bins = histogram(values)
    assert sum(each.orders for each in bins) == len(values)
    assert bins[0].low is None and bins[-1].high is None and len(bins) < 40
    for before, after in pairwise(bins):
        assert before.high == after.low
    inner = bins[1:-1]
    for each in inner:
        assert each.low is not None and each.high is not None
        assert each.orders == sum(each.low <= value < each.high for value in values)
    assert histogram([]) == []
    (only,) = histogram([Decimal("1.2")] * 3)
    assert only.orders == 3
