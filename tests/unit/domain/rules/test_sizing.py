"""How many shares: notionals at the worst price, sells within what is available, closes within what there is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from repeg.domain.order.verdicts import Refusal
from repeg.domain.reasons import Reason
from repeg.domain.rules.sizing import Sizing, limit_sell, size_close
from repeg.domain.rules.timing import asset_problem, cap_price, size_notional
from tests.support.make import asset, order, position, with_fields


@pytest.mark.parametrize(
    ("notional", "worst", "fractionable", "qty"),
    [
        ("1000", "51.06", True, "19.584802193"),
        ("1000", "51.06", False, "19"),
        ("51.06", "51.06", False, "1"),
        ("1", "3", True, "0.333333333"),
        ("1", "1", False, "1"),
    ],
)
def test_a_notional_buys_what_it_pays_for_at_the_worst_price(
    notional: str, worst: str, fractionable: bool, qty: str
) -> None:
    assert size_notional(Decimal(notional), Decimal(worst), asset(fractionable)) == Decimal(qty)


@pytest.mark.parametrize(
    ("notional", "worst", "fractionable"),
    [("0.99", "0.5", True), ("0.999999999", "10", True), ("51.05", "51.06", False)],
    ids=["under a dollar", "just under a dollar", "less than one whole share"],
)
def test_too_small_a_notional_is_refused(notional: str, worst: str, fractionable: bool) -> None:
    verdict = size_notional(Decimal(notional), Decimal(worst), asset(fractionable))
    assert isinstance(verdict, Refusal) and verdict.reason is Reason.NOTIONAL_TOO_SMALL


def test_the_price_of_a_notional_is_the_worst_price_whether_the_order_must_complete_or_not() -> None:
    released = order(notional=Decimal(1000), reference_price=Decimal("50.965"), max_slippage_bps=Decimal(20))
    assert cap_price(released) == Decimal("51.06")
    assert cap_price(with_fields(released, completion="must")) == Decimal("51.06")
    assert cap_price(released.changed(side="sell")) == Decimal("50.87")
    with pytest.raises(ValueError, match="no cap"):
        cap_price(order())


@pytest.mark.parametrize(
    ("held", "available", "wanted", "sold"),
    [("100", "100", "60", "60"), ("100", "100", "100", "100"), ("100", "40", "60", "40"), ("50", "50", "60", "50")],
)
def test_a_sell_takes_at_most_what_is_available(held: str, available: str, wanted: str, sold: str) -> None:
    sizing = limit_sell(position(held, available), Decimal(wanted))
    assert isinstance(sizing, Sizing)
    assert (sizing.side, sizing.qty) == ("sell", Decimal(sold))
    assert (sizing.note is None) == (wanted == sold), "a cut is noted"


@pytest.mark.parametrize(
    ("held", "available", "reason"),
    [
        (None, None, Reason.NO_POSITION),
        ("0", "0", Reason.NO_POSITION),
        ("-50", "-50", Reason.OPPOSITE_POSITION),
        ("100", "0", Reason.HELD_BY_PROTECTION),
    ],
)
def test_a_sell_never_opens_a_short(held: str | None, available: str | None, reason: Reason) -> None:
    verdict = limit_sell(position(held, available) if held else None, Decimal(10))
    assert isinstance(verdict, Refusal) and verdict.reason is reason


@pytest.mark.parametrize(
    ("held", "available", "wanted", "side", "qty"),
    [
        ("100", "100", None, "sell", "100"),
        ("-100", "-100", None, "buy", "100"),
        ("100", "100", "30", "sell", "30"),
        ("100", "100", "300", "sell", "100"),
        ("-100", "-100", "30", "buy", "30"),
        ("100", "60", None, "sell", "60"),
    ],
)
def test_a_close_leaves_the_position_and_no_more(
    held: str, available: str, wanted: str | None, side: str, qty: str
) -> None:
    sizing = size_close(position(held, available), Decimal(wanted) if wanted else None)
    assert isinstance(sizing, Sizing)
    assert (sizing.side, sizing.qty) == (side, Decimal(qty))


@pytest.mark.parametrize(
    ("held", "available", "reason"),
    [(None, None, Reason.NO_POSITION), ("0", "0", Reason.NO_POSITION), ("100", "0", Reason.HELD_BY_PROTECTION)],
)
def test_a_close_without_anything_to_close_is_refused(held: str | None, available: str | None, reason: Reason) -> None:
    verdict = size_close(position(held, available) if held else None, None)
    assert isinstance(verdict, Refusal) and verdict.reason is reason


def test_an_asset_must_be_known_and_tradable() -> None:
    assert asset_problem(asset()) is None
    for bad in (None, asset(tradable=False)):
        verdict = asset_problem(bad)
        assert verdict is not None and verdict.reason is Reason.NOT_TRADABLE
