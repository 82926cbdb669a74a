"""`repeg halt --flatten`: what is held in the scope of a halt is closed, by signals, whoever types it and how often."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from desk.cli import reaching
from desk.cli.main import run
from desk.doctor import reach
from desk.exchange.client import ExchangeControl
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.integration.doctor.test_positions import held
from tests.support.clinic import Clinic
from tests.support.make import order

Repeg = Callable[..., tuple[int, Any, str]]
_SENT: list[dict[str, Any]] = []


@pytest.fixture
def repeg(
    clinic: Clinic, control: ExchangeControl, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Repeg:
    clinic["events"].create_event_bus(Name="repeg-events")
    _SENT.clear()
    taken = {"Successful": []}
    monkeypatch.setattr(clinic["sqs"], "send_message_batch", lambda **to: _SENT.extend(to["Entries"]) or taken)
    control.quote("TQQQ", "50.95", "50.98", 5000, 5000)

    def call(*typed: str) -> tuple[int, Any, str]:
        case = clinic.case
        monkeypatch.setattr(reaching, "connect", lambda _: case.connection)
        monkeypatch.setattr(reach, "case_of", lambda _: case)
        code = run(list(typed))
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in typed and said.out else said.out, said.err

    return call


def sent(clinic: Clinic) -> list[dict[str, Any]]:
    """What was put into the queue."""
    return [json.loads(entry["MessageBody"]) for entry in _SENT]


def keep(clinic: Clinic, kept: Order) -> None:
    clinic.case.orders.accept(kept, "hash")


def test_all_that_the_account_holds_is_closed_once(clinic: Clinic, control: ExchangeControl, repeg: Repeg) -> None:
    held(clinic, control)
    control.position("BRK.B", -3, "400")
    keep(clinic, order(order_id="ord-2", signal_id="resting", symbol="SOXL"))
    code, page, said = repeg("halt", "--flatten", "--yes", "--reason", "odd prints")
    assert code == 0
    assert page.splitlines() == [
        "close BRK.B: 3 short (flatten-BRK-B-1)",
        "close SOXL: nothing yet, an order is at work (flatten-SOXL-1)",
        "close TQQQ: 100 (flatten-TQQQ-1)",
    ]
    assert said.startswith("on AWS, stack repeg\nthe account is halted: only exits are sent (odd prints); entries in")
    assert said.endswith("follow them with: repeg wait flatten-BRK-B-1 flatten-SOXL-1 flatten-TQQQ-1\n")
    close = {"kind": "close", "when_closed": "next_open", "foreign_orders": "cancel"}
    wanted = [
        close | {"signal_id": f"flatten-{name.replace('.', '-')}-1", "symbol": name}
        for name in ("BRK.B", "SOXL", "TQQQ")
    ]
    assert sent(clinic) == wanted
    assert clinic.case.orders.halts()[0].cancel_open, "an entry that rests on would be filled behind the close"
    assert repeg("halt", "--flatten", "--yes")[0] == 0
    assert sent(clinic) == [*wanted, *wanted], "the same signals: typed twice it is closed once"


def test_a_close_at_work_is_not_sent_again_and_one_that_is_over_is(
    clinic: Clinic, control: ExchangeControl, repeg: Repeg
) -> None:
    held(clinic, control)
    close = order(order_id="ord-2", signal_id="flatten-TQQQ-1", kind="close", side="sell", qty=None)
    keep(clinic, close)
    _, found, _ = repeg("halt", "--symbol", "TQQQ", "--flatten", "--yes", "--json")
    assert [(each["signal_id"], each["at_work"]) for each in found["flatten"]["closes"]] == [("flatten-TQQQ-1", True)]
    assert sent(clinic) == []
    clinic.case.orders.finish(close.changed(status=Status.REJECTED))
    _, found, _ = repeg("halt", "--symbol", "TQQQ", "--flatten", "--yes", "--json")
    assert [each["signal_id"] for each in sent(clinic)] == ["flatten-TQQQ-2"]


def test_one_false_listing_keeps_nothing_from_being_closed(
    clinic: Clinic, control: ExchangeControl, repeg: Repeg
) -> None:
    control.position("TQQQ", 100, "50")
    control.faults({"method": "GET", "path": "/v2/positions", "kind": "error", "status": 200, "body": [], "count": 1})
    assert repeg("halt", "--flatten", "--yes")[1] == "close TQQQ: 100 (flatten-TQQQ-1)\n"


def test_a_close_that_is_being_ended_closes_nothing(clinic: Clinic, control: ExchangeControl, repeg: Repeg) -> None:
    """It was taken back, and its worker has not ended it yet."""
    held(clinic, control)
    close = order(order_id="ord-2", signal_id="flatten-TQQQ-1", kind="close", side="sell", qty=None)
    keep(clinic, close.changed(reason=Reason.CANCELLED))
    keep(clinic, close.changed(order_id="ord-3", signal_id="by-hand", reason=Reason.CANCELLED))
    repeg("halt", "--symbol", "TQQQ", "--flatten", "--yes")
    assert [each["signal_id"] for each in sent(clinic)] == ["flatten-TQQQ-2"]


def test_where_nobody_can_be_asked_it_has_to_be_said(clinic: Clinic, control: ExchangeControl, repeg: Repeg) -> None:
    control.position("TQQQ", 100, "50")
    code, out, said = repeg("halt", "--flatten")
    assert (code, out) == (2, "") and said.startswith("--flatten: say --yes") and said.count("\n") == 1
    assert clinic.case.orders.halts() == ()


@pytest.mark.parametrize(("answer", "closed"), [("y\n", 1), ("\n", 0)])
def test_at_a_terminal_it_asks_and_the_halt_stands_whatever_the_answer(
    clinic: Clinic,
    control: ExchangeControl,
    repeg: Repeg,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    closed: int,
) -> None:
    control.position("TQQQ", 100, "50")
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    code, _, said = repeg("halt", "--flatten")
    assert (code, len(sent(clinic))) == (1 - closed, closed)
    assert closed or said.endswith("nothing was closed; the halt stands\n")
    assert len(clinic.case.orders.halts()) == 1


class Terminal:
    """Somebody at a keyboard."""

    def __init__(self, text: str) -> None:
        self._text = text

    def isatty(self) -> bool:
        return True

    def readline(self, size: int = -1) -> str:
        return self._text

    def fileno(self) -> int:
        raise OSError("no file")


def test_outside_the_session_it_says_what_waits_for_the_open(
    clinic: Clinic, control: ExchangeControl, repeg: Repeg
) -> None:
    control.position("TQQQ", 100, "50")
    control.set_clock("2026-11-20T20:30:00-05:00", paused=True)
    code, found, _ = repeg("halt", "--flatten", "--yes", "--json")
    assert (code, found["flatten"]["waits_until"]) == (0, "2026-11-23T14:30:00Z")
    _, _, said = repeg("halt", "--flatten", "--yes")
    assert "the session is closed: they wait for the open, Mon 23 Nov 09:30 ET" in said


def test_a_paused_queue_is_said_and_taken_up_without_lifting_the_halt(
    clinic: Clinic, control: ExchangeControl, repeg: Repeg
) -> None:
    control.position("TQQQ", 100, "50")
    repeg("pause")
    code, found, said = repeg("halt", "--flatten", "--yes", "--json")
    assert (code, found["flatten"]["intake_paused"]) == (1, True) and "fix: repeg resume --intake\n" in said
    assert repeg("resume", "--intake")[0] == 0
    assert len(clinic.case.orders.halts()) == 1
    assert repeg("halt", "--flatten", "--yes", "--json")[1]["flatten"]["intake_paused"] is False


def test_of_a_strategy_only_what_nobody_else_holds_is_closed(
    clinic: Clinic, control: ExchangeControl, repeg: Repeg
) -> None:
    held(clinic, control, strategy="pairs")
    _, found, _ = repeg("halt", "--strategy", "pairs", "--flatten", "--yes", "--json")
    assert [each["symbol"] for each in found["flatten"]["closes"]] == ["TQQQ"]
    assert "foreign_orders" not in sent(clinic)[0] and sent(clinic)[0]["strategy"] == "pairs"
    control.position("TQQQ", 150, "50")
    code, found, said = repeg("halt", "--strategy", "pairs", "--flatten", "--yes", "--json")
    assert (code, found["flatten"]["closes"]) == (1, [])
    assert "TQQQ is not closed: the account holds 150 of it; close its 100 by hand" in said


def test_with_the_broker_out_of_reach_what_is_on_record_is_closed_and_that_is_said(
    clinic: Clinic, control: ExchangeControl, repeg: Repeg
) -> None:
    held(clinic, control)
    control.faults({"method": "GET", "path": "/v2/*", "kind": "error", "status": 503})
    code, found, said = repeg("halt", "--flatten", "--yes", "--json")
    assert code == 1 and "what the account holds is not known: " in said
    assert [(each["symbol"], each["held"]) for each in found["flatten"]["closes"]] == [("TQQQ", None)]
    assert [each["symbol"] for each in sent(clinic)] == ["TQQQ"]
