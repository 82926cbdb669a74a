"""Properties of sizing, patience, signals and of the order record over whatever happens to it."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from repeg.domain.ladder.rungs import LadderName, build_ladder
from repeg.domain.market.quotes import Quote
from repeg.domain.market.reports import OrderReport, OrderStatus
from repeg.domain.models import Side, from_json, to_json
from repeg.domain.order.record import Order, order_id_for
from repeg.domain.order.verdicts import Refusal
from repeg.domain.order.views import order_view
from repeg.domain.reasons import Reason, Status
from repeg.domain.rules.parking import wait_seconds_for
from repeg.domain.rules.sizing import Sizing, limit_sell, size_close
from repeg.domain.rules.timing import size_notional
from repeg.domain.rules.walking import concluded, next_rung, patience_left, write_intent
from repeg.domain.settings import Settings
from repeg.domain.signals.fields import MAX_DECIMALS
from repeg.domain.signals.parsing import OrderSignal, body_hash, parse_signal, read_json
from repeg.errors import SignalInvalid
from tests.property.strategies import orders, prices, quantities, quotes, sides
from tests.support.make import NOON, asset, child, order, position, session_of

amounts = st.decimals("1", "999999999999", places=9)


@given(amounts, prices(), st.booleans())
def test_a_notional_never_costs_more_than_it_says(notional: Decimal, worst: Decimal, fractionable: bool) -> None:
    """Design 4, Size: notional -> quantity at the worst price, floored to 9 decimals or whole shares."""
    qty = size_notional(notional, worst, asset(fractionable))
    step = Decimal("1e-9") if fractionable else Decimal(1)
    if isinstance(qty, Refusal):
        assert qty.reason is Reason.NOTIONAL_TOO_SMALL
        assert notional < worst * step
        return
    assert qty > 0 and qty % step == 0
    assert qty * worst <= notional < (qty + step) * worst


@example(Decimal(10**18 - 1), Decimal("0.05"), True)
@given(st.integers(1, 10**18 - 1).map(Decimal), prices(), st.booleans())
def test_any_notional_that_intake_accepts_can_be_sized(notional: Decimal, worst: Decimal, fractionable: bool) -> None:
    """Contract 2: what is accepted gets its clear outcome; a size is never an arithmetic error."""
    assert size_notional(notional, worst, asset(fractionable))


@given(st.integers(-1000, 1000), st.integers(0, 1000), quantities, st.booleans())
def test_no_order_crosses_zero(held: int, locked: int, wanted: Decimal, closes: bool) -> None:
    """Design 4, Sides: `order` never crosses zero and opens no short; `close` sells what there is."""
    free = max(0, abs(held) - locked) * (1 if held >= 0 else -1)
    there = position(str(held), str(free)) if held else None
    sizing = size_close(there, wanted) if closes else limit_sell(there, wanted)
    if isinstance(sizing, Sizing):
        after = held + (sizing.qty if sizing.side == "buy" else -sizing.qty)
        assert abs(after) <= abs(held) and (after >= 0) == (held >= 0 or after == 0)
        assert 0 < sizing.qty <= min(wanted, abs(free))


@given(st.decimals("0.5", "3600", places=2), st.floats(0, 4000))
def test_patience_is_never_cut_short_and_waits_are_whole_seconds(patience: Decimal, gone: float) -> None:
    """Design 3.10: waits are the state machine's, in whole seconds; sub-second patience is a short sleep."""
    live = child(patience=patience)
    now = NOON + timedelta(seconds=gone)
    left = max(0.0, (live.patience_ends_at - now).total_seconds())
    split = patience_left(live, now)
    assert isinstance(split.seconds, int) and split.seconds >= 0
    assert 0 <= split.sleep_seconds <= 0.5
    total = split.sleep_seconds + split.seconds
    if split.then_cancel:
        assert left - 1e-6 <= total < left + 0.5
    else:
        assert 0 < total < left - 1, "looks again well before the end"


@given(st.floats(-10, 1e6))
def test_holds_never_end_early_nor_take_long(seconds: float) -> None:
    """Design 3: Wait takes whole seconds from a handler; a long hold backs off to 60 s."""
    wait = wait_seconds_for(seconds)
    assert isinstance(wait, int) and 1 <= wait <= 60
    assert wait >= min(seconds, 60)


# --- a life at random ---

_market_moves = st.lists(
    st.tuples(
        quotes(),
        st.integers(0, 100),
        st.sampled_from((OrderStatus.CANCELED, OrderStatus.FILLED, OrderStatus.EXPIRED, OrderStatus.REJECTED)),
    ),
    min_size=1,
    max_size=8,
)


@given(quotes(), sides, quantities, st.sampled_from(LadderName), _market_moves)
def test_whatever_fills_the_order_is_never_overfilled_nor_priced_beyond_its_cap(
    arrival: Quote, side: Side, qty: Decimal, ladder: LadderName, moves: list[tuple[Quote, int, OrderStatus]]
) -> None:
    """Design 3.4: filled + live <= requested at every step; a rung orders the remainder; 3.6: inside the cap."""
    working = order(
        side=side,
        requested_qty=qty,
        status=Status.WORKING,
        ladder=ladder,
        plan=build_ladder(ladder, Settings(), arrival, arrival.mid),
        reference_price=arrival.mid,
        max_slippage_bps=Decimal(20),
        arrival_bid=arrival.bid,
        arrival_ask=arrival.ask,
    )
    seen: set[str] = set()
    for fresh, share, status in moves:
        rung = next_rung(working, session_of().closes_at, NOON)
        if isinstance(rung, Refusal) or working.remaining_qty <= 0:
            break
        intent = write_intent(working, rung, fresh, NOON)
        assert intent.client_order_id not in seen
        seen.add(intent.client_order_id)
        assert working.filled_qty + intent.qty == qty
        if intent.limit_price is not None and working.worst_price is not None:
            assert (
                (intent.limit_price <= working.worst_price)
                if side == "buy"
                else (intent.limit_price >= working.worst_price)
            )
        working = _happen(working.with_child(intent), share, status, intent.limit_price or fresh.touch(side))
        assert 0 <= working.filled_qty <= qty
        assert working.filled_qty + working.remaining_qty == qty
        assert working.open_child is None
    _check_ending(working, qty)


def _happen(working: Order, share: int, status: OrderStatus, price: Decimal) -> Order:
    intent = working.children[-1]
    part = (
        intent.qty if status is OrderStatus.FILLED else (intent.qty * share / 100).quantize(Decimal("1e-9"), ROUND_DOWN)
    )
    report = OrderReport(
        broker_order_id="b",
        client_order_id=intent.client_order_id,
        symbol=working.symbol,
        side=working.trading_side,
        status=status,
        broker_status=status.value,
        qty=intent.qty,
        filled_qty=part,
        avg_fill_price=price if part else None,
    )
    seen = intent.reported(report, NOON)
    # A price that nobody expects is read once more, and believed when it is said again.
    return working.with_child(seen.reported(report, NOON) if seen.doubt else seen)


def _check_ending(working: Order, qty: Decimal) -> None:
    ended = concluded(working.changed(reason=Reason.FILL_TIMEOUT), NOON)
    assert ended.status.terminal
    assert (ended.status is Status.FILLED) == (ended.filled_qty == qty) == (ended.reason is None)
    if ended.status is Status.PARTIALLY_FILLED:
        assert 0 < ended.filled_qty < qty
    if ended.status in (Status.UNFILLED, Status.REJECTED):
        assert ended.filled_qty == 0 and ended.avg_fill_price is None
    assert json.dumps(order_view(ended))


# --- signals ---


@given(st.decimals("0.000000001", "99999999", places=9))
def test_every_exact_number_survives_the_wire(number: Decimal) -> None:
    """Design 4, Size: JSON numbers are read as decimal literals of at most 9 decimals."""
    for literal in (f"{number:f}", f'"{number:f}"', f"{number:E}"):
        text = f'{{"signal_id":"s","kind":"order","symbol":"A","side":"buy","qty":{literal}}}'
        try:
            signal = parse_signal(read_json(text))
        except SignalInvalid as problem:
            assert str(MAX_DECIMALS) in problem.problem
            continue
        assert isinstance(signal, OrderSignal)
        assert signal.qty == number


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_near_signals = st.fixed_dictionaries(
    {},
    optional={
        "signal_id": st.just("s") | _json,
        "kind": st.sampled_from(("order", "close")) | _json,
        "symbol": st.just("TQQQ") | _json,
        "side": st.just("buy") | _json,
        "qty": st.just(1) | _json,
        "notional": _json,
        "expires_at": st.just("2026-11-20T15:00:00Z") | _json,
        "order": _json,
    },
)


@given(_json | _near_signals)
def test_any_json_is_a_signal_or_a_refusal_that_names_a_field(body: Any) -> None:
    """Contract 2: unknown fields, inexact numbers, bad symbols, sides or sums are refused with the reason."""
    read = read_json(json.dumps(body))
    try:
        signal = parse_signal(read)
    except SignalInvalid as problem:
        assert problem.field and problem.problem
    else:
        assert signal.symbol.isupper()
    assert len(body_hash(read)) == 64


@given(st.text(max_size=200))
def test_any_text_is_json_or_a_refusal(text: str) -> None:
    """Contract 2: malformed input gets its clear outcome and blocks nothing."""
    try:
        read_json(text)
    except SignalInvalid as problem:
        assert problem.field


@given(st.dictionaries(st.text(min_size=1), _json, max_size=6), st.randoms())
def test_the_order_of_keys_does_not_change_the_hash(body: dict[str, Any], chance: Any) -> None:
    """Contract 2: the same body again has no second effect; sameness is that of the canonical body."""
    shuffled = list(body.items())
    chance.shuffle(shuffled)
    assert body_hash(read_json(json.dumps(body))) == body_hash(read_json(json.dumps(dict(shuffled), indent=1)))


@given(st.text(), st.text())
def test_order_ids_are_short_pure_and_distinct(one: str, other: str) -> None:
    """Design 3.3: ids are pure functions; the broker takes client order ids of at most 48 characters."""
    assert order_id_for("s", one) == order_id_for("s", one)
    assert (order_id_for("s", one) == order_id_for("s", other)) == (one == other)
    assert len(order_id_for("s", one)) <= 40


# --- records ---


@given(orders)
def test_a_record_survives_its_own_json(record: Order) -> None:
    """Design 3: the record is the truth; nothing is lost between two workers."""
    assert from_json(to_json(record), Order) == record


@given(orders)
def test_every_record_can_be_shown(record: Order) -> None:
    """Contract 3: an order as JSON has no number that is not a string, whatever the record holds."""
    view = json.loads(json.dumps(order_view(record)))
    for field, value in view.items():
        assert not isinstance(value, float), field
    assert view["events"] == [] or view["events"][0]["at"].endswith("Z")
