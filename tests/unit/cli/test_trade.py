"""`repeg buy`, `sell`, `close` and `bracket`: the signal that each makes, what is sent of it, and what is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from desk.stack.ordering import checked, made_id
from repeg.domain.signals.fields import SIGNAL_ID
from tests.support.clinic import Clinic, wall_clock
from tests.unit.cli.conftest import Repeg

CRWD = ("bracket", "crwd", "25", "--at", "534.82", "--stop", "529.47", "--target", "545.52")


@pytest.fixture(autouse=True)
def nothing_takes_signals(clinic: Clinic) -> None:
    clinic["lambda"].update_event_source_mapping(UUID=clinic.mapping, Enabled=False)


def queued(clinic: Clinic) -> list[Any]:
    found = clinic["sqs"].receive_message(QueueUrl=clinic.queue_url, MaxNumberOfMessages=10, AttributeNames=["All"])
    return [(each["Attributes"]["MessageGroupId"], json.loads(each["Body"])) for each in found.get("Messages", [])]


@pytest.mark.parametrize(
    ("typed", "made"),
    [
        (("buy", "tqqq", "100"), {"kind": "order", "side": "buy", "symbol": "TQQQ", "qty": "100"}),
        (
            ("sell", "SPY", "500.5", "--notional", "--cap", "7.5", "--ladder", "standard"),
            {
                "kind": "order",
                "side": "sell",
                "symbol": "SPY",
                "notional": "500.5",
                "max_slippage_bps": "7.5",
                "ladder": "standard",
            },
        ),
        (
            ("buy", "BRK.B", "1", "--must", "--strategy", "pairs", "--next-open"),
            {
                "kind": "order",
                "side": "buy",
                "symbol": "BRK.B",
                "qty": "1",
                "completion": "must",
                "strategy": "pairs",
                "when_closed": "next_open",
            },
        ),
        (("close", "GME"), {"kind": "close", "symbol": "GME"}),
        (("close", "gme", "3"), {"kind": "close", "symbol": "GME", "qty": "3"}),
        (
            CRWD,
            {
                "kind": "bracket",
                "side": "buy",
                "symbol": "CRWD",
                "qty": "25",
                "signal_price": "534.82",
                "stop_loss": "529.47",
                "take_profit": "545.52",
            },
        ),
        (
            ("bracket", "X", "5", "--at", "10", "--stop", "11", "--target", "8", "--short"),
            {
                "kind": "bracket",
                "side": "sell",
                "symbol": "X",
                "qty": "5",
                "signal_price": "10",
                "stop_loss": "11",
                "take_profit": "8",
            },
        ),
    ],
)
def test_a_command_is_one_signal_in_its_symbols_group(
    clinic: Clinic, repeg: Repeg, typed: tuple[str, ...], made: dict[str, Any]
) -> None:
    code, said, _ = repeg(*typed, "--id", "mine-1", "--json")
    signal = made | {"signal_id": "mine-1"}
    assert (code, said) == (0, {"signal_id": "mine-1", "sent": True, "signal": signal})
    assert queued(clinic) == [(made["symbol"], signal)]


def test_an_id_is_made_and_shown_where_none_is_given(clinic: Clinic, repeg: Repeg) -> None:
    code, said, told = repeg("buy", "BRK.B", "1")
    assert code == 0 and re.fullmatch(r"buy-BRK-B-\d{4}-[0-9a-f]{6}\n", said)
    assert told == f"sent; follow it: repeg wait {said.strip()} && repeg order {said.strip()}\n"
    assert [body["signal_id"] for _, body in queued(clinic)] == [said.strip()]


def test_made_ids_are_ids_whatever_the_symbol_and_differ_within_a_second() -> None:
    now = wall_clock()
    ids = {made_id("bracket", symbol, now) for symbol in ("A", "A", "?% not one", "X" * 99)}
    assert len(ids) == 4 and all(SIGNAL_ID.fullmatch(each) for each in ids)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (
            ("buy", "T Q", "0"),
            "SYMBOL: must be an upper-case ticker such as TQQQ or BRK.B; QTY: must be greater than 0",
        ),
        (("buy", "T", "ten"), "QTY: 'ten' is not a number"),
        (("buy", "T", "-5"), "QTY: must be greater than 0"),
        (("sell", "T", "-0.5", "--wait"), "QTY: must be greater than 0"),
        (("buy", "-5", "--dryrun"), "No such option: --dryrun"),
        (("buy", "T", "-5", "--dryrun"), "Got unexpected extra argument(s) (--dryrun)"),
        (("buy", "T", "-x"), "No such option: -x"),
        (
            ("close", "all"),
            "SYMBOL: all is no symbol; repeg halt --flatten closes everything (ALL, in capitals, is Allstate)",
        ),
        (("buy", "T", "1", "--cap", "0"), "--cap: must be greater than 0"),
        (("buy", "T", "1", "--cap", "5", "--must"), "--cap: not beside --must, which has no cap"),
        (("buy", "T", "1", "--ladder", "up"), "--ladder: must be 'better_orders', 'standard' or 'market'"),
        (("buy", "T", "1", "--id", "a b"), "--id: must be 1 to 64 of A-Z a-z 0-9 _ -"),
        (("close", "T", "0"), "QTY: must be greater than 0"),
        ((*CRWD[:2], "2.5", *CRWD[3:]), "QTY: must be whole shares: a bracket's protection takes no fractions"),
        ((*CRWD, "--short"), "--stop: must lie at least a cent above --at to sell"),
        (
            ("buy", "T", "1", "--strategy", "--dry-run"),
            "--strategy: has no value, only --dry-run behind it; nothing was done",
        ),
        (("close", "T", "--id", "--wait"), "--id: has no value, only --wait behind it; nothing was done"),
        ((*CRWD[:5], "--target", "545.52"), "Missing option '--stop'."),
        (("buy", "T"), "Missing argument 'QTY'."),
    ],
)
def test_bad_input_is_one_line_that_names_it_and_nothing_is_sent(
    clinic: Clinic, repeg: Repeg, typed: tuple[str, ...], words: str
) -> None:
    code, said, told = repeg(*typed)
    assert (code, said, told.count("\n")) == (2, "", 1)
    assert told.removesuffix("\n").removesuffix("; nothing was sent") == words
    assert queued(clinic) == []


def test_the_id_of_another_signal_sends_nothing(clinic: Clinic, repeg: Repeg) -> None:
    from repeg.domain.signals.intake import accepted_order
    from repeg.domain.signals.parsing import parse_signal, read_json

    sent = checked({"signal_id": "mine", "kind": "order", "side": "buy", "symbol": "TQQQ", "qty": "5"})
    signal = parse_signal(read_json(sent.body))
    clinic.case.orders.accept(accepted_order(signal, *[wall_clock()] * 3), sent.body_hash)  # type: ignore[arg-type]
    code, said, told = repeg("buy", "TQQQ", "6", "--id", "mine")
    assert (code, said, queued(clinic)) == (1, "", [])
    assert told.startswith("mine: is the id of another signal") and told.endswith("; nothing was sent\n")
    code, said, told = repeg("buy", "TQQQ", "5", "--id", "mine")
    assert (code, said) == (0, "mine\n") and told.startswith("mine: was sent before; nothing changes")


def test_a_queue_that_gave_no_answer_is_told_with_the_id_that_makes_another_try_safe(
    repeg: Repeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_answer(*_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="http://nowhere")

    monkeypatch.setattr("desk.stack.sending.send_all", no_answer)
    code, said, told = repeg("buy", "TQQQ", "5", "--id", "mine")
    assert (code, said) == (1, "")
    assert told.endswith("it may have arrived all the same; again under the same id it counts once: --id mine\n")


def test_whoever_waits_while_nothing_is_taken_is_told_at_once_and_at_the_end(
    clinic: Clinic, repeg: Repeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, told = repeg("buy", "TQQQ", "5", "--wait", "--timeout", "0", "--id", "mine")
    first, last = told.splitlines()
    assert code == 1 and first.startswith("intake is paused; ") and "repeg resume" in first
    assert last == f"not over after 0 s (no order yet; {first}): repeg wait mine"
    assert repeg("wait", "mine", "--timeout", "0")[2] == f"not over after 0 s: mine (no order yet); {first}\n"

    def ctrl_c(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("desk.stack.following.wait_for", ctrl_c)
    code, _, told = repeg("buy", "TQQQ", "5", "--wait")
    assert (code, told) == (1, f"{first}\nstopped waiting; {first}\n")
    monkeypatch.setattr("desk.stack.intake.takes_signals", lambda _: True)
    assert repeg("buy", "TQQQ", "5", "--wait", "--id", "on")[2] == "stopped waiting; the order goes on: repeg wait on\n"
