"""The ladders as the default settings make them, and which class of symbol takes which."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby

from repeg.domain.ladder.routing import SymbolClass, cap_bps, route
from repeg.domain.ladder.rungs import Ladder, LadderName, PriceRule, Rung, build_ladder
from repeg.domain.market.quotes import Quote
from repeg.domain.money import BPS, plain
from repeg.domain.settings import Settings
from tests.support.architecture.tables import table

_SETTINGS = Settings()
_TAKEN_BY = {
    LadderName.BETTER_ORDERS: "plain orders of ETFs in the two lists, or what its signal asks for",
    LadderName.STANDARD: "plain orders of everything else, or what its signal asks for",
    LadderName.MARKET: "what its signal asks for; brackets with `USE_SMART_EXECUTOR` off",
    LadderName.SMART_LIMIT: "brackets, to enter",
    LadderName.UNWIND: "exits of what is not to be kept: no cap, walked again until done",
}
_PRICES = {
    PriceRule.MARKETABLE: "limit a tick through the far touch",
    PriceRule.MID_TO_TOUCH: "limit from the mid to the touch",
    PriceRule.SIGNAL_LIMIT: "limit at the signal's price and the entry buffer",
    PriceRule.MARKET: "market order",
}


def printed() -> str:
    """The ladders, and the classes of symbols."""
    ladders = ((f"`{name}`", _TAKEN_BY[name], _rungs(name)) for name in LadderName)
    classes = (
        (each.value, f"`{route(each, _SETTINGS)}`", f"{plain(cap_bps(each, _SETTINGS))} bps") for each in SymbolClass
    )
    bracket = ("a bracket's entry", "`smart_limit`", f"{plain(_SETTINGS.SMART_EXECUTOR_MAX_SLIPPAGE_PCT * BPS)} bps")
    return "\n".join(
        (
            table(("ladder", "who takes it", "rungs, each for so long"), ladders),
            table(("class", "ladder", "cap, from the reference"), (*classes, bracket)),
        )
    )


def _rungs(name: LadderName) -> str:
    tight, wide = (_steps(name, Decimal(spread)) for spread in ("0.01", "0.20"))
    return ", then ".join(
        _words(rung, fewest, most) for (rung, fewest), (_, most) in zip(_grouped(tight), _grouped(wide), strict=True)
    )


def _steps(name: LadderName, spread: Decimal) -> Ladder:
    bid = Decimal(50)
    quote = Quote(
        symbol="AAPL", bid=bid, ask=bid + spread, bid_size=bid, ask_size=bid, at=datetime(2026, 11, 20, 15, tzinfo=UTC)
    )
    return build_ladder(name, _SETTINGS, quote, bid)


def _grouped(ladder: Ladder) -> Iterator[tuple[Rung, int]]:
    for _, rungs in groupby(ladder, key=lambda rung: rung.rule):
        some = list(rungs)
        yield some[0], len(some)


def _words(rung: Rung, fewest: int, most: int) -> str:
    times = (
        ""
        if most == 1
        else f"{most} times "
        if fewest == most
        else f"{fewest} to {most} times, as the spread is wide, "
    )
    return f"{times}{_PRICES[rung.rule]}, {plain(rung.patience)} s"
