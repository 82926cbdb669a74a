"""Properties of brackets, whatever the signal and the quote: limits, reward and risk, levels, and shorts as mirrors."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from repeg.domain.ladder.pricing import price_rung, slippage_bps
from repeg.domain.ladder.rungs import LadderName, build_ladder
from repeg.domain.market.quotes import Quote
from repeg.domain.models import Side, direction, opposite
from repeg.domain.money import beyond, tick_size
from repeg.domain.order.bracket import Bracket, Levels
from repeg.domain.order.protection import Exit, ExitReason, Protection, ProtectionStatus
from repeg.domain.order.record import ZERO
from repeg.domain.reasons import Reason
from repeg.domain.settings import Settings
from tests.property.strategies import sides
from tests.support.make import NOON, child, order, quote

CENT = Decimal("0.01")
buffers = st.decimals("0", "0.02", places=5)
ratios = st.decimals("0", "5", places=2)
caps = st.decimals("0", "200", places=1)


def _cents(lowest: int, highest: int) -> st.SearchStrategy[Decimal]:
    return st.integers(lowest, highest).map(lambda cents: Decimal(cents) / 100)


@st.composite
def brackets(draw: st.DrawFn, decimals: tuple[int, ...] = (2, 3, 4), **fixed: Any) -> Bracket:
    """A bracket that intake accepts, from $20 to $5,000; its prices need not lie on ticks."""
    side: Side = fixed.get("side") or draw(sides)
    places = draw(st.sampled_from(decimals))
    signal = draw(st.decimals("20", "5000", places=places))
    risk = draw(st.decimals("0.01", "8", places=places))
    reward = draw(st.decimals("0.01", "10", places=places))
    terms = {
        "side": side,
        "signal_price": signal,
        "stop_loss": signal - direction(side) * risk,
        "take_profit": signal + direction(side) * reward,
        "anchor": draw(st.sampled_from(("fill", "signal"))),
        "cap_bps": draw(caps),
        "min_rr": draw(ratios),
    }
    return Bracket(**(terms | fixed))


@st.composite
def quotes_near(draw: st.DrawFn, signal: Decimal) -> Quote:
    """A quote at or around a signal, on ticks, from a cent to wide."""
    bid = max(CENT * 100, (signal + draw(_cents(-30, 10) | _cents(-1200, 1200))).quantize(CENT))
    ask = bid + draw(_cents(1, 20) | _cents(1, 300))
    return Quote(symbol="CRWD", bid=bid, ask=ask, bid_size=Decimal(500), ask_size=Decimal(500), at=NOON)


@st.composite
def scenes(draw: st.DrawFn, **fixed: Any) -> tuple[Bracket, Quote, Decimal]:
    """A bracket, a quote near it, and a buffer for its limit."""
    bracket = draw(brackets(**fixed))
    return bracket, draw(quotes_near(bracket.signal_price)), draw(buffers)


def _ratio(bracket: Bracket, price: Decimal) -> Decimal | None:
    return bracket.levels_at(price).risk_reward(price, bracket.side)


# --- the limit ---


@given(brackets(), buffers)
def test_a_limit_is_never_beyond_the_cap(bracket: Bracket, buffer: Decimal) -> None:
    """Design 3.6: every limit is clamped to the worst price, rounded inward, clamped after rounding."""
    limit = bracket.limit(buffer)
    assert limit % tick_size(limit) == 0
    assert bracket.cap_bps is not None
    assert slippage_bps(limit, bracket.signal_price, bracket.side) <= bracket.cap_bps


@given(brackets(), buffers)
def test_a_limit_is_what_is_sent(bracket: Bracket, buffer: Decimal) -> None:
    """The rung of a bracket carries its limit to the broker unchanged, whatever the quote."""
    limit = bracket.limit(buffer)
    (rung,) = build_ladder(LadderName.SMART_LIMIT, Settings(), quote(), limit)
    sent = price_rung(rung, None, bracket.side, bracket.worst, Decimal(25), guard_market=True)
    assert (sent.type, sent.limit_price) == ("limit", limit)


@given(brackets(anchor="signal"), buffers)
def test_a_limit_never_leaves_less_than_the_minimum_of_reward(bracket: Bracket, buffer: Decimal) -> None:
    """Design 3.7: the limit is clamped to the price at which R/R is still the minimum."""
    ratio = _ratio(bracket, bracket.limit(buffer))
    assert bracket.min_rr is not None
    assert ratio is None or ratio >= bracket.min_rr


@given(brackets(anchor="signal"), buffers)
def test_a_limit_gives_away_no_more_than_it_must(bracket: Bracket, buffer: Decimal) -> None:
    """A tick further would break the cap, the minimum of R/R, or the buffer."""
    limit = bracket.limit(buffer)
    further = limit + direction(bracket.side) * tick_size(limit)
    wanted = bracket.signal_price * (1 + direction(bracket.side) * buffer)
    ratio = _ratio(bracket, further)
    assert bracket.min_rr is not None
    too_poor = ratio is None or ratio < bracket.min_rr
    past_buffer = (further - wanted) * direction(bracket.side) >= tick_size(limit) / 2
    assert too_poor or past_buffer or beyond(further, bracket.worst, bracket.side)


# --- reward and risk ---


@given(scenes(), _cents(0, 500))
def test_what_is_sent_leaves_the_minimum_of_reward_wherever_it_fills(
    scene: tuple[Bracket, Quote, Decimal], better: Decimal
) -> None:
    """Design 3.7, 3.8: a fill at the limit or better is never one that must be left again for its R/R or its price.

    Unless it is no better price but a market that fell through the signal's stop: that is always left.
    """
    bracket, quote, buffer = scene
    _, problem = bracket.look(quote, buffer)
    if problem:
        return
    fill = bracket.limit(buffer) - direction(bracket.side) * better
    left = bracket.fill_problem(fill)
    if (fill - bracket.stop_loss) * direction(bracket.side) <= 0:
        assert left and left.reason is Reason.STOP_THROUGH
        return
    through = (fill - bracket.levels_at(fill).stop) * direction(bracket.side) <= 0
    assert through or left is None


@given(scenes())
def test_the_price_that_was_judged_is_one_the_limit_allows(scene: tuple[Bracket, Quote, Decimal]) -> None:
    """Design 3.7: R/R at the price one would get now; what is sent can fill there and no worse than the limit."""
    bracket, quote, buffer = scene
    price, problem = bracket.look(quote, buffer)
    if problem is None:
        assert not beyond(price, bracket.limit(buffer), bracket.side)
        ratio = _ratio(bracket, price)
        assert ratio is not None and bracket.min_rr is not None and ratio >= bracket.min_rr


@given(scenes())
def test_every_refusal_has_its_ground(scene: tuple[Bracket, Quote, Decimal]) -> None:
    """Design 3.13: stop_through, slippage, R/R, in this order, and each only when it is so."""
    bracket, quote, buffer = scene
    near, touch = quote.touch(opposite(bracket.side)), quote.touch(bracket.side)
    price, problem = bracket.look(quote, buffer)
    stops = (bracket.stop_loss, bracket.levels_at(bracket.entry_price(quote, buffer)).stop)
    through = any((near - stop) * direction(bracket.side) <= 0 for stop in stops)
    ran = beyond(touch, bracket.worst, bracket.side)
    ratio = _ratio(bracket, price)
    assert bracket.min_rr is not None
    poor = ratio is None or ratio < bracket.min_rr
    grounds = [
        reason
        for reason, so in (
            (Reason.STOP_THROUGH, through),
            (Reason.SLIPPAGE_EXCEEDED, ran),
            (Reason.RISK_REWARD_TOO_LOW, poor),
        )
        if so
    ]
    assert (problem.reason if problem else None) == (grounds[0] if grounds else None)


@given(scenes(cap_bps=None, min_rr=None))
def test_the_old_way_refuses_nothing_but_a_market_through_the_stop(scene: tuple[Bracket, Quote, Decimal]) -> None:
    """Design 4, Settings: no slippage or R/R check."""
    bracket, quote, buffer = scene
    _, problem = bracket.look(quote, buffer)
    assert problem is None or problem.reason is Reason.STOP_THROUGH
    assert bracket.fill_problem(quote.touch(bracket.side)) is None


# --- stop and target ---


@given(brackets(), st.decimals("20", "5000", places=6))
def test_stops_are_rounded_inward_and_targets_outward(bracket: Bracket, price: Decimal) -> None:
    """Design 3.7: after tick rounding (stop inward, target outward), each by less than a tick."""
    moved = price - bracket.signal_price if bracket.anchor == "fill" else ZERO
    exact = Levels(stop=bracket.stop_loss + moved, target=bracket.take_profit + moved)
    levels = bracket.levels_at(price)
    sign = direction(bracket.side)
    assert 0 <= (levels.stop - exact.stop) * sign < CENT
    assert 0 <= (levels.target - exact.target) * sign < CENT
    assert levels.stop % tick_size(levels.stop) == 0 and levels.target % tick_size(levels.target) == 0


@given(brackets(anchor="fill"), _cents(2000, 500000))
def test_levels_that_follow_the_fill_keep_risk_and_reward(bracket: Bracket, price: Decimal) -> None:
    """Design 4: stop = fill -/+ risk, target = fill +/- risk x rr; rounding never costs R/R."""
    exact = Levels(stop=bracket.stop_loss, target=bracket.take_profit)
    wanted = exact.risk_reward(bracket.signal_price, bracket.side)
    ratio = _ratio(bracket, price)
    assert wanted is not None
    assert ratio is None or ratio >= wanted.quantize(Decimal("1e-20"), ROUND_FLOOR)


# --- shorts ---


def _mirrored(price: Decimal, center: Decimal) -> Decimal:
    return 2 * center - price


def _short_of(bracket: Bracket) -> Bracket:
    center = bracket.signal_price
    flipped = {
        "side": opposite(bracket.side),
        "stop_loss": _mirrored(bracket.stop_loss, center),
        "take_profit": _mirrored(bracket.take_profit, center),
    }
    return bracket.changed(**flipped)


@given(brackets((2,), side="buy"), buffers, _cents(-30, 30) | _cents(-1200, 1200), _cents(1, 300))
def test_shorts_mirror_longs_exactly(bracket: Bracket, buffer: Decimal, away: Decimal, spread: Decimal) -> None:
    """Design 4: shorts mirror it. Only an exact half tick has no mirror: it is rounded up on both sides."""
    center = bracket.signal_price
    assume((center * (1 + buffer) * 1000) % 10 != 5)
    short = _short_of(bracket)
    ask = center + away
    bid = ask - spread
    size = Decimal(500)
    quote = Quote(symbol="CRWD", bid=bid, ask=ask, bid_size=size, ask_size=size, at=NOON)
    mirror = quote.changed(bid=_mirrored(ask, center), ask=_mirrored(bid, center))
    assert short.limit(buffer) == _mirrored(bracket.limit(buffer), center)
    price, problem = bracket.look(quote, buffer)
    short_price, short_problem = short.look(mirror, buffer)
    assert short_price == _mirrored(price, center)
    assert (problem and problem.reason) == (short_problem and short_problem.reason)
    levels, short_levels = bracket.levels_at(ask), short.levels_at(_mirrored(ask, center))
    assert short_levels.stop == _mirrored(levels.stop, center)
    assert short_levels.target == _mirrored(levels.target, center)
    left, short_left = bracket.fill_problem(ask), short.fill_problem(_mirrored(ask, center))
    assert (left and left.reason) == (short_left and short_left.reason)


# --- shares ---

_taken = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40), st.sampled_from(ProtectionStatus)), max_size=4)


@given(st.integers(1, 100), _taken, st.lists(st.integers(1, 40), max_size=3))
def test_every_share_is_gone_guarded_or_uncovered(
    bought: int, taken: list[tuple[int, int, ProtectionStatus]], left: list[int]
) -> None:
    """Issue: no ending leaves shares that are neither protected nor flat: what is uncovered shows as such."""
    held = order(kind="bracket", requested_qty=Decimal(bought))
    held = held.with_child(child(qty=Decimal(bought), filled_qty=Decimal(bought), avg_fill_price=Decimal(100)))
    for number, (qty, sold, status) in enumerate(taken, start=1):
        held = held.with_protection(_oco(number, qty, min(qty, sold), status))
    for number, qty in enumerate(left):
        held = held.with_exit(_exit(f"close-{number}", ExitReason.CLOSE, qty))
        held = held.with_exit(_exit(f"close-{number}", ExitReason.CLOSE, qty))
    guarded = sum(qty - min(qty, sold) for qty, sold, status in taken if not status.closed)
    gone = sum(min(qty, sold) for qty, sold, _ in taken) + sum(left)
    assert held.unexited_qty == bought - gone, "an exit counts once for each source"
    assert held.uncovered_qty == bought - gone - guarded
    assert bool(held.position_line) == (held.unexited_qty > 0)
    assert sum((each.qty for each in held.all_exits), ZERO) == gone


def _oco(number: int, qty: int, sold: int, status: ProtectionStatus) -> Protection:
    exits = (_exit(f"target-{number}", ExitReason.TARGET, sold),) if sold else ()
    return Protection(
        client_order_id=f"ord-1-p{number}",
        qty=Decimal(qty),
        levels=Levels(stop=Decimal(95), target=Decimal(110)),
        status=status,
        exits=exits,
        placed_at=NOON,
    )


def _exit(source: str, reason: ExitReason, qty: int) -> Exit:
    return Exit(source=source, reason=reason, qty=Decimal(qty), price=Decimal(101), at=NOON)
