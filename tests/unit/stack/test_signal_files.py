from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from desk.stack.signal_files import BadSignals, read_signals


def signal(signal_id: str = "s-1", **fields: Any) -> dict[str, Any]:
    return {"signal_id": signal_id, "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 10} | fields


def ids(text: str) -> list[str]:
    return [found.signal_id for found in read_signals(text)]


def test_one_signal_an_array_and_json_lines_are_all_read() -> None:
    a, b = signal("a"), signal("b")
    assert ids(json.dumps(a, indent=2)) == ["a"]
    assert ids(f" \n{json.dumps([a, b], indent=2)}\n") == ["a", "b"]
    assert ids(f"{json.dumps(a)}\n\n{json.dumps(b)}\n") == ["a", "b"]
    assert ids(f"\ufeff{json.dumps(a)}") == ["a"]


def test_numbers_reach_the_queue_exactly_as_written() -> None:
    text = '{"signal_id":"x","kind":"order","symbol":"TQQQ","side":"buy","qty":0.123456789,"max_slippage_bps":12.50}'
    body = json.loads(read_signals(text)[0].body)
    assert (body["qty"], body["max_slippage_bps"]) == ("0.123456789", "12.5")


def test_deduplication_id_is_the_signal_id_and_the_hash_of_the_canonical_body() -> None:
    sent = read_signals(json.dumps(signal("x")))[0]
    assert sent.deduplication_id == "x-" + hashlib.sha256(sent.body.encode()).hexdigest()[:32]
    assert sent.body == json.dumps(json.loads(sent.body), sort_keys=True, separators=(",", ":"))
    reordered = dict(reversed(signal("x").items()))
    assert read_signals(json.dumps(reordered))[0] == sent


def test_a_close_goes_to_its_symbols_group() -> None:
    assert read_signals('{"signal_id": "c", "kind": "close", "symbol": "BRK.B"}')[0].group == "BRK.B"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no signal"),
        ("[]", "no signal"),
        ("{", "line 1: body: is not JSON"),
        (json.dumps(signal()) + "\n{oops", "line 2: body: is not JSON"),
        (json.dumps([signal()]) + "]", "nothing may follow the array"),
        ("5", "signal 1: body: must be a JSON object"),
        (json.dumps([signal("a"), signal("b", qty=-1)]), "signal 2: qty: must be greater than 0"),
        (json.dumps(signal("a")) + json.dumps(signal("a", qty=2)), "signal 2: signal_id: 'a' is also that of signal 1"),
        (json.dumps(signal(colour="red")), "signal 1: colour: is not a field"),
        (json.dumps(signal(side="hold")), "signal 1: side: must be"),
        (json.dumps(signal(symbol="tqqq")), "signal 1: symbol: must be an upper-case ticker"),
        (json.dumps(signal(qty=0.1234567891)), "signal 1: qty: has more than 9 decimals"),
        (json.dumps(signal(notional=5)), "signal 1: qty: give exactly one of qty and notional"),
        (json.dumps(signal(qty=float("nan"))), "signal 1: body: holds NaN"),
        ('{"signal_id":"a","signal_id":"b"}', "signal 1: signal_id: is given twice"),
        (json.dumps(signal(kind="bet")), "signal 1: kind: must be one of"),
        (json.dumps(signal(strategy="x" * 70_000)), "signal 1: body: is larger than 64 KB"),
        ("[" * 100_000, "body: "),
        ('{"qty": 1e9999999999999999999}', "body: "),
    ],
)
def test_bad_input_is_named_by_entry_field_and_mend(text: str, words: str) -> None:
    with pytest.raises(BadSignals) as problem:
        read_signals(text)
    assert words in str(problem.value)
    assert "\n" not in str(problem.value)


def test_a_large_file_of_small_signals_is_fine() -> None:
    many = [signal(f"s-{n}") for n in range(1_000)]
    assert len(ids(json.dumps(many))) == 1_000
    assert len(ids("\n".join(map(json.dumps, many)))) == 1_000


def test_all_that_is_wrong_is_told_at_once_a_line_for_each_signal() -> None:
    bad = [signal("a", qty=-1, side="hold"), signal("b"), signal("c d", colour="red")]
    with pytest.raises(BadSignals) as problem:
        read_signals("\n".join(map(json.dumps, bad)) + "\n{oops")
    assert problem.value.lines == (
        "signal 1: side: must be 'buy' or 'sell'; qty: must be greater than 0",
        "signal 3: signal_id: must be 1 to 64 of A-Z a-z 0-9 _ -; colour: is not a field of this kind of signal; "
        "remove it",
        "line 4: body: is not JSON (Expecting property name enclosed in double quotes at column 2)",
    )
