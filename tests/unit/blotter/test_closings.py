"""Closing all of a halt from the page: what was shown is what is done, once, and only while the halt stands."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from desk.blotter import closings as module
from desk.blotter.closings import GOOD_FOR_S, MOST_SHOWN, Closings
from desk.blotter.refusal import Refused
from desk.doctor.findings import Trouble
from desk.positions.flatten import Closing, Flattening, Left
from desk.stack.control import Switch
from desk.stack.intake import pause
from desk.stack.signal_files import read_signals
from repeg.domain.halt import Halt, Mode, Scope
from repeg.domain.order.record import Order
from repeg.domain.signals.outgoing import OutgoingSignal
from repeg.store.halts import Halts
from tests.support.clinic import Clinic, wall_clock
from tests.support.make import order

WORD = Halt(mode=Mode.HALTED, reason="odd prints", cancel_open=True)


def _signal(symbol: str) -> OutgoingSignal:
    [made] = read_signals(f'{{"signal_id": "flatten-{symbol}-1", "kind": "close", "symbol": "{symbol}"}}')
    return made


def _found(**more: Any) -> Flattening:
    closings = [
        Closing("TQQQ", Decimal(100), "flatten-TQQQ-1", _signal("TQQQ")),
        Closing("SOXL", Decimal(-3), "flatten-SOXL-1", _signal("SOXL")),
        Closing("SPY", Decimal(5), "by-hand", None),
    ]
    return Flattening(closings, [Left("BTC/USD", "is crypto")], None, "")._replace(**more)


class _Stack:
    """A halted account, what would be closed, and what was sent."""

    def __init__(self, clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
        clinic["events"].create_event_bus(Name="repeg-events")
        clinic.outputs["EventBusName"] = "repeg-events"
        self.connection = clinic.case.connection
        self.halts = Halts(clinic["dynamodb"], "repeg")
        self.halts.keep_halt(WORD)
        self.sent: list[str] = []
        self.seconds = 0.0
        self.found = _found()
        self.refused: dict[str, str] = {}
        self.closings = Closings(lambda: clinic.case, Switch.of(self.connection), lambda: self.seconds)
        monkeypatch.setattr(module, "flattening", lambda case, word: self.found)
        monkeypatch.setattr(module, "send_all", self._send)

    def _send(self, sqs: Any, queue_url: str, signals: list[OutgoingSignal]) -> dict[str, str]:
        self.sent += [signal.signal_id for signal in signals]
        return self.refused

    def look(self) -> dict[str, Any]:
        return self.closings.look(Scope.ACCOUNT, "")

    def close(self, shown: str) -> dict[str, Any]:
        return self.closings.close(self.connection, shown)


@pytest.fixture
def stack(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> _Stack:
    return _Stack(clinic, monkeypatch)


def test_it_is_shown_first_and_then_done_as_it_was_shown(stack: _Stack) -> None:
    shown = stack.look()
    assert stack.sent == []
    assert [(each["symbol"], each["held"], each["at_work"]) for each in shown["closes"]] == [
        ("TQQQ", "100", False),
        ("SOXL", "-3", False),
        ("SPY", "5", True),
    ]
    assert shown["left"] == [{"symbol": "BTC/USD", "why": "is crypto"}]
    stack.found = _found(closings=[])
    assert stack.close(shown["shown"]) == {"said": "2 closes were sent", "problems": []}
    assert stack.sent == ["flatten-TQQQ-1", "flatten-SOXL-1"]


def test_a_second_click_sends_the_same_signals(stack: _Stack) -> None:
    shown = stack.look()["shown"]
    stack.close(shown)
    stack.close(shown)
    assert stack.sent[:2] == stack.sent[2:]


def test_what_was_looked_at_too_long_ago_or_never_is_not_done(stack: _Stack) -> None:
    shown = stack.look()["shown"]
    stack.seconds = GOOD_FOR_S + 1
    for name in (shown, "never", ""):
        with pytest.raises(Refused, match="look again"):
            stack.close(name)
    for _ in range(MOST_SHOWN + 1):
        newest = stack.look()["shown"]
    assert stack.close(newest)["problems"] == []


def test_what_is_not_halted_any_more_is_neither_shown_nor_closed(stack: _Stack) -> None:
    shown = stack.look()["shown"]
    stack.halts.lift_halt(Scope.ACCOUNT, "")
    with pytest.raises(Refused, match="not halted: nothing was closed"):
        stack.close(shown)
    with pytest.raises(Refused, match="not halted"):
        stack.look()
    assert stack.sent == []


def test_entries_are_taken_back_before_anything_is_closed(stack: _Stack) -> None:
    stack.halts.keep_halt(WORD.changed(cancel_open=False))
    stack.close(stack.look()["shown"])
    [word] = stack.halts.halts()
    assert (word.cancel_open, word.reason) == (True, "odd prints")


def test_what_the_queue_does_not_take_and_that_it_is_paused_is_told(stack: _Stack, clinic: Clinic) -> None:
    pause(stack.connection, wall_clock())
    stack.refused = {"flatten-SOXL-1": "too busy"}
    told = stack.close(stack.look()["shown"])
    assert told["said"] == "1 close was sent"
    assert told["problems"][0] == "the queue did not take flatten-SOXL-1: too busy"
    assert "wait in the queue" in told["problems"][1]


def test_that_nothing_can_be_looked_at_is_said(clinic: Clinic, stack: _Stack) -> None:
    def unreachable() -> Any:
        raise Trouble("stack", "the stack is gone", "make local")

    closings = Closings(unreachable, Switch.of(stack.connection))
    with pytest.raises(Refused, match="the stack is gone; make local"):
        closings.look(Scope.ACCOUNT, "")


def test_of_orders_at_work_alone_it_names_the_symbols(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the real search, and a broker that is out of reach: what is on record is shown, and what is not known."""
    stack = _Stack(clinic, monkeypatch)
    monkeypatch.undo()
    resting: Order = order(order_id="ord-2", signal_id="resting", symbol="SOXL")
    clinic.case.orders.accept(resting, "hash")
    shown = stack.look()
    assert [each["symbol"] for each in shown["closes"]] == ["SOXL"]
    assert "what the account holds is not known" in shown["trouble"]
