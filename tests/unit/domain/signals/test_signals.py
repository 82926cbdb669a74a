"""Reading signals: what is refused, and that the refusal names the field."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.signals.parsing import (
    CancelSignal,
    CloseSignal,
    OrderSignal,
    body_hash,
    canonical,
    faults_of,
    parse_signal,
    read_json,
    usable_signal_id,
)
from repeg.errors import SignalInvalid

GOOD = {"signal_id": "s-1", "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": "100"}


def _refusal(text: str) -> SignalInvalid:
    with pytest.raises(SignalInvalid) as caught:
        parse_signal(read_json(text))
    return caught.value


def _with(**changes: Any) -> str:
    return json.dumps({name: value for name, value in (GOOD | changes).items() if value is not ...})


def _raw(field: str, literal: str) -> str:
    """A good signal with one field written exactly so."""
    return f'{_with(**{field: ...})[:-1]}, "{field}": {literal}}}'


def test_a_plain_order() -> None:
    signal = parse_signal(read_json(_with()))
    assert isinstance(signal, OrderSignal)
    assert (signal.symbol, signal.side, signal.qty, signal.notional) == ("TQQQ", "buy", Decimal(100), None)
    assert (signal.when_closed, signal.completion, signal.ladder, signal.max_slippage_bps) == (
        "reject",
        "protect_price",
        None,
        None,
    )


def test_every_field_of_an_order() -> None:
    signal = parse_signal(
        read_json(
            _with(
                qty=...,
                notional="250.5",
                strategy="mean reversion",
                max_slippage_bps=12.5,
                ladder="standard",
                completion="must",
                when_closed="next_open",
                expires_at="2026-11-20T15:00:00Z",
            )
        )
    )
    assert isinstance(signal, OrderSignal)
    assert (signal.notional, signal.max_slippage_bps) == (Decimal("250.5"), Decimal("12.5"))
    assert signal.expires_at == datetime(2026, 11, 20, 15, tzinfo=UTC)


def test_a_strategy_is_the_same_with_a_blank_at_its_end() -> None:
    assert parse_signal(read_json(_with(strategy=" mean reversion "))).strategy == "mean reversion"


def test_a_cancel_stands_in_a_group_of_its_own() -> None:
    signal = parse_signal({"signal_id": "c-1", "kind": "cancel", "cancel_signal_id": "s-1"})
    assert isinstance(signal, CancelSignal)
    assert (signal.about, signal.group) == ("s-1", "c-1")


@pytest.mark.parametrize("about", [..., "s 1", "c-1"], ids=["missing", "no id", "itself"])
def test_a_cancel_names_another_signal(about: Any) -> None:
    body = {"signal_id": "c-1", "kind": "cancel"} | ({} if about is ... else {"cancel_signal_id": about})
    assert _refusal(json.dumps(body)).field == "cancel_signal_id"


@pytest.mark.parametrize("qty", [None, "5"])
def test_a_close_takes_an_optional_quantity(qty: str | None) -> None:
    body = {"signal_id": "s-1", "kind": "close", "symbol": "BRK.B"} | ({"qty": qty} if qty else {})
    signal = parse_signal(body)
    assert isinstance(signal, CloseSignal)
    assert signal.qty == (Decimal(qty) if qty else None)


@pytest.mark.parametrize("literal", ["0.1", '"0.1"', "1e-1", "0.10", "100e-3"])
def test_numbers_are_read_as_they_are_written(literal: str) -> None:
    assert str(parse_signal(read_json(_raw("qty", literal))).qty) == "0.1"


def test_a_quantity_with_an_exponent_is_shown_without_one() -> None:
    assert str(parse_signal(read_json(_raw("qty", "1e2"))).qty) == "100"


def test_nine_decimals_are_exact_and_ten_are_refused() -> None:
    assert parse_signal(read_json(_raw("qty", "0.123456789"))).qty == Decimal("0.123456789")
    assert "9 decimals" in str(_refusal(_raw("qty", "0.1234567891")))


@pytest.mark.parametrize(
    ("field", "literal"),
    [
        ("qty", "0"),
        ("qty", "-1"),
        ("qty", '"-0.5"'),
        ("qty", "1e999999"),
        ("qty", "1e-999999"),
        ("qty", '"1e999999"'),
        ("qty", "1000000000000000000"),
        ("qty", '"NaN"'),
        ("qty", '"Infinity"'),
        ("qty", '"sNaN"'),
        ("qty", '"ten"'),
        ("qty", '""'),
        ("qty", "true"),
        ("qty", "[1]"),
        ("qty", '{"value": 1}'),
        ("qty", '"1_000"'),
        ("qty", '" 5 "'),
        ("qty", '"\\uff15"'),
        ("side", '"hold"'),
        ("side", '"BUY"'),
        ("side", "null"),
        ("symbol", '"tqqq"'),
        ("symbol", '""'),
        ("symbol", '"TOOLONGSYMBOL"'),
        ("symbol", '"TQ QQ"'),
        ("symbol", '"../v2"'),
        ("symbol", '"TQQQ\\n"'),
        ("symbol", "5"),
        ("signal_id", '""'),
        ("signal_id", '"a b"'),
        ("signal_id", '"s\\n"'),
        ("signal_id", f'"{"x" * 65}"'),
        ("signal_id", "7"),
        ("ladder", '"zigzag"'),
        ("completion", '"maybe"'),
        ("when_closed", '"later"'),
        ("max_slippage_bps", "0"),
        ("max_slippage_bps", "1001"),
        ("max_slippage_bps", "-5"),
        ("strategy", f'"{"x" * 65}"'),
        ("strategy", '"two\\nlines"'),
        ("strategy", '"\\ud800"'),
        ("expires_at", '"soon"'),
        ("expires_at", '"2026-11-20T15:00:00"'),
        ("expires_at", '"2026-11-20"'),
        ("expires_at", "1763650800"),
        ("expires_at", '"1763650800"'),
        ("colour", '"red"'),
        ("notional", "100"),
        ("kind", '"swap"'),
        ("kind", "null"),
        ("kind", "[]"),
        ("order", "1"),
        ("close", "1"),
    ],
)
def test_a_bad_field_is_refused_by_name(field: str, literal: str) -> None:
    problem = _refusal(_raw(field, literal))
    assert problem.field == ("qty" if field == "notional" else field)
    assert problem.problem


@pytest.mark.parametrize(
    ("field", "literal", "said"),
    [
        ("qty", "0", "must be greater than 0"),
        ("max_slippage_bps", "1001", "must be less than or equal to 1000"),
        ("symbol", "5", "must be a valid string"),
        ("side", '"hold"', "must be 'buy' or 'sell'"),
        ("ladder", '"zigzag"', "must be 'better_orders', 'standard' or 'market'"),
        ("expires_at", "5", "must be an RFC 3339 time such as 2026-11-20T15:00:00Z"),
        ("colour", "1", "is not a field of this kind of signal; remove it"),
    ],
)
def test_a_refusal_says_what_a_field_must_be(field: str, literal: str, said: str) -> None:
    assert _refusal(_raw(field, literal)).problem == said


@pytest.mark.parametrize("about", ["yes", 1, None])
def test_what_is_true_or_false_is_nothing_else(about: object) -> None:
    problem = _refusal(json.dumps({"signal_id": "r", "kind": "rebalance", "targets": {"SPY": 1}, "dry_run": about}))
    assert (problem.field, problem.problem) == ("dry_run", "must be a valid boolean")


def test_every_fault_is_named_in_the_order_of_the_fields() -> None:
    body = {
        "kind": "bracket",
        "symbol": "x",
        "side": "buy",
        "signal_price": "5",
        "stop_loss": 6,
        "take_profit": 7,
        "a": 1,
    }
    assert [fault.field for fault in faults_of(body)] == ["signal_id", "symbol", "stop_loss", "a"]


@pytest.mark.parametrize("name", ["a\nb", "a\u2028b", "\u202eb", "x" * 5000])
def test_a_refusal_is_one_short_line_whatever_a_field_is_called_and_says(name: str) -> None:
    named = json.dumps(name)
    bodies = [GOOD | {name: 1}, GOOD | {"qty": name}, {"signal_id": "a", "kind": "rebalance", "targets": {name: 1}}]
    for text in [*map(json.dumps, bodies), f"{{{named}: 1, {named}: 2}}"]:
        with pytest.raises(SignalInvalid) as problem:
            parse_signal(read_json(text))
        assert str(problem.value).isprintable() and len(str(problem.value)) < 1000


@pytest.mark.parametrize("field", ["signal_id", "kind", "symbol", "side"])
def test_a_missing_field_is_named(field: str) -> None:
    assert _refusal(_with(**{field: ...})).field == field


def test_exactly_one_size_is_needed() -> None:
    assert "exactly one of qty and notional" in str(_refusal(_with(qty=...)))
    assert "exactly one of qty and notional" in str(_refusal(_with(notional="5")))


@pytest.mark.parametrize("text", ["", "not json", "{", "NaN", "[1,", '{"a": Infinity}', "1e9999999999999999999999"])
def test_what_is_not_json_is_refused(text: str) -> None:
    assert _refusal(text).field == "body"


@pytest.mark.parametrize("text", ["[]", "5", '"signal"', "null", "true"])
def test_what_is_not_an_object_is_refused(text: str) -> None:
    assert _refusal(text).field == "body"


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_constants_that_are_not_numbers_are_refused(constant: str) -> None:
    assert constant in str(_refusal(_raw("qty", constant)))


def test_a_key_given_twice_is_refused() -> None:
    problem = _refusal('{"signal_id": "s", "qty": 1, "qty": 100}')
    assert problem.field == "qty"
    assert "twice" in problem.problem


def test_a_large_message_is_refused_and_the_largest_is_read() -> None:
    assert "64 KB" in str(_refusal(_with(strategy="x" * 300_000)))
    fits = json.dumps({"pad": "x" * (64 * 1024 - 11)})
    assert len(fits) <= 64 * 1024
    assert read_json(fits)
    assert _refusal(json.dumps({"pad": "é" * 40_000}, ensure_ascii=False)).field == "body", "bytes count"


@pytest.fixture
def python_as_deployed() -> Iterator[None]:
    """Test tools raise the recursion limit; a Lambda has the default."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.parametrize("depth", [100, 450, 700, 900, 3_000, 30_000])
@pytest.mark.usefixtures("python_as_deployed")
def test_deep_nesting_is_a_refusal_and_nothing_worse(depth: int) -> None:
    text = f'{_with()[:-1]}, "deep": {"[" * depth}{"]" * depth}}}'
    try:
        body = read_json(text)
    except SignalInvalid as problem:
        assert problem.field == "body"
        return
    with pytest.raises(SignalInvalid):
        parse_signal(body)
    assert body_hash(body), "a refused message is recorded by its hash"


def test_text_that_no_encoding_can_carry_is_refused() -> None:
    assert _refusal('{"signal_id": "\ud800"}').field == "body"


@pytest.mark.parametrize("body", ['{"\\ud800": 1}', '{"kind": "\\ud800"}', '{"kind": "order", "\\ud800": 1}'])
def test_half_characters_in_keys_and_values_are_a_refusal(body: str) -> None:
    assert isinstance(_refusal(body), SignalInvalid)
    assert body_hash(read_json(body))


@pytest.mark.parametrize(
    ("body", "usable"),
    [
        ({"signal_id": "a"}, "a"),
        ({"signal_id": "a b"}, None),
        ({"signal_id": 5}, None),
        ({}, None),
        ([], None),
        (None, None),
        ({"signal_id": "x" * 64, "other": 1}, "x" * 64),
    ],
)
def test_a_bad_message_may_still_say_which_signal_it_is(body: Any, usable: str | None) -> None:
    assert usable_signal_id(body) == usable


# --- the canonical form ---


def test_equal_signals_have_equal_hashes_however_they_are_written() -> None:
    spellings = [
        '{"signal_id":"s","qty":100,"symbol":"TQQQ"}',
        '{ "symbol": "TQQQ", "qty": 100.0, "signal_id": "s" }',
        '{"signal_id":"s","symbol":"TQQQ","qty":1e2}',
        '{"signal_id":"s","symbol":"TQQQ","qty":"100"}',
    ]
    assert len({body_hash(read_json(text)) for text in spellings}) == 1


@pytest.mark.parametrize(
    "other",
    ['{"signal_id":"s","qty":101}', '{"signal_id":"s","qty":100,"side":"buy"}', '{"signal_id":"S","qty":100}'],
)
def test_different_signals_have_different_hashes(other: str) -> None:
    assert body_hash(read_json(other)) != body_hash(read_json('{"signal_id":"s","qty":100}'))


def test_the_canonical_body_is_ascii_with_sorted_keys() -> None:
    assert canonical(read_json('{"b": 1.50, "a": ["é", true, null]}')) == '{"a":["\\u00e9",true,null],"b":"1.5"}'


@pytest.mark.parametrize("literal", ["1e999999", "-1e-999999", "9" * 60_000])
def test_an_exponent_bomb_is_hashed_without_being_written_out(literal: str) -> None:
    assert len(canonical(read_json(f'{{"qty": {literal}}}'))) < 70_000
