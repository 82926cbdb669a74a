"""What the page may do besides halting: close all that is held, move exits, acknowledge alerts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from botocore.exceptions import ReadTimeoutError

from desk.blotter import acts
from desk.blotter.closings import Closings
from desk.stack import sending
from desk.stack.connection import Connection
from repeg.domain.halt import Scope
from repeg.domain.order.course import ended
from repeg.domain.reasons import Reason, Status
from repeg.domain.signals.intake import accepted_adjust
from repeg.domain.signals.parsing import AdjustSignal, parse_signal, read_json
from repeg.store.halts import Halts
from tests.support.clinic import Clinic
from tests.support.make import NOON, order
from tests.unit.blotter.visits import KEY
from tests.unit.blotter.visits import event as _event
from tests.unit.blotter.visits import ours as _ours
from tests.unit.blotter.visits import visit as _visit


def test_closing_all_is_shown_before_it_is_done(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def look(self: Any, scope: Scope, of: str) -> dict[str, Any]:
        return {"shown": "a", "about": f"{scope.value} {of}"}

    def close(self: Any, connection: Connection, shown: str) -> dict[str, Any]:
        done.append(shown)
        return {"said": "1 close was sent", "problems": []}

    monkeypatch.setattr(Closings, "look", look)
    monkeypatch.setattr(Closings, "close", close)

    async def visit(client: TestClient[Any, Any]) -> None:
        ours = _ours(client)
        shown = await client.post("/api/closings", headers=ours, json={"scope": "symbol", "of": "tqqq"})
        assert await shown.json() == {"shown": "a", "about": "symbol TQQQ"}
        assert done == []
        told = await client.post("/api/close", headers=ours, json={"shown": "a"})
        assert (await told.json())["said"] == "1 close was sent"

    _visit(clinic, visit)
    assert done == ["a"]


def test_a_halt_that_is_to_close_all_takes_entries_back_too(clinic: Clinic) -> None:
    async def visit(client: TestClient[Any, Any]) -> None:
        body = {"scope": "account", "mode": "halted", "reason": "r", "cancel_open": False, "flatten": True}
        assert (await client.post("/api/halt", headers=_ours(client), json=body)).status == 200

    _visit(clinic, visit)
    [word] = Halts(clinic["dynamodb"], "repeg").halts()
    assert word.cancel_open


def test_alerts_are_pushed_and_acknowledged(clinic: Clinic) -> None:
    clinic.log(alert=True, message="cancel stuck", order_id="ord-1")

    async def visit(client: TestClient[Any, Any]) -> None:
        stream = await client.get(f"/api/events?key={KEY}")
        shown = await _event(stream, lambda _, data: "alerts" in data.get("tables", {}))
        found = shown["tables"]["alerts"]
        [alert] = found.get("put", found)
        for wrong in (alert, [1], None):
            answer = await client.post("/api/acknowledge", headers=_ours(client), json={"alerts": wrong})
            assert answer.status == 400
        answer = await client.post("/api/acknowledge", headers=_ours(client), json={"alerts": [alert, "x"]})
        assert (await answer.json())["said"] == "1 alert is acknowledged"
        await _event(stream, lambda _, data: data.get("tables", {}).get("alerts", {}).get("drop") == [alert])
        stream.close()

    _visit(clinic, visit)


def _answered(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, *endings: tuple[Status, Reason | None, str]
) -> list[Any]:
    """The adjusts that come are answered so, one after the other; the same one again changes nothing."""
    sent: list[Any] = []
    left = list(endings)

    def send_all(sqs: Any, queue_url: str, signals: Any) -> dict[str, str]:
        [signal] = signals
        sent.append(json.loads(signal.body))
        if clinic.case.orders.claim_of(signal.signal_id) is None and left:
            status, reason, words = left.pop(0)
            parsed = parse_signal(read_json(signal.body))
            assert isinstance(parsed, AdjustSignal)
            record = accepted_adjust(parsed, order(kind="bracket"), *[NOON] * 3)
            record = record.noted(NOON, "AssessMarket", words)
            clinic.case.orders.accept(ended(record, status, reason, NOON), signal.body_hash)
        return {}

    monkeypatch.setattr(sending, "send_all", send_all)
    monkeypatch.setattr(acts, "ANSWERED_WITHIN_S", 0)
    return sent


def test_an_adjust_says_what_the_stack_answered_and_a_second_click_is_the_same_signal(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = (Status.DONE, None, "stop 532, target 545.52, for 25 CRWD")
    refused = (Status.REJECTED, Reason.STOP_THROUGH, "the market, 530, is through the stop at 533")
    sent = _answered(clinic, monkeypatch, done, refused)
    first = {"signal_id": "crwd-1", "attempt": "an-attempt", "stop": "532.00", "force": False, "next_open": False}

    async def visit(client: TestClient[Any, Any]) -> None:
        async def told(**more: Any) -> dict[str, Any]:
            answer = await client.post("/api/adjust", headers=_ours(client), json=first | more)
            assert answer.status == 200, await answer.text()
            return dict(await answer.json())

        for _ in range(2):
            assert await told() == {"said": "done: stop 532, target 545.52, for 25 CRWD", "done": True, "over": True}
        assert len({body["signal_id"] for body in sent}) == 1
        other = await told(stop="533", target="550", force=True, next_open=True)
        assert (other["done"], other["over"]) == (False, True)
        assert "rejected (stop_through): the market" in other["said"]
        assert sent[-1]["signal_id"] != sent[0]["signal_id"]
        named = {name: sent[-1][name] for name in ("stop_loss", "take_profit", "force", "when_closed")}
        assert named == {"stop_loss": "533", "take_profit": "550", "force": True, "when_closed": "next_open"}
        late = await told(attempt="another-one")
        assert (late["done"], late["over"]) == (False, False)
        assert "no answer" in late["said"] and "it stays sent" in late["said"]

    _visit(clinic, visit)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, "signal_id"),
        ({"signal_id": "no such/id", "attempt": "an-attempt", "stop": "5"}, "signal_id"),
        ({"signal_id": "a", "stop": "5"}, "attempt"),
        ({"signal_id": "a", "attempt": "<script>", "stop": "5"}, "attempt"),
        ({"signal_id": "a", "attempt": "an-attempt"}, "stop: is missing"),
        ({"signal_id": "a", "attempt": "an-attempt", "stop": " ", "target": ""}, "stop: is missing"),
        ({"signal_id": "a", "attempt": "an-attempt", "stop": "53.001"}, "stop: must be a price in whole ticks"),
        ({"signal_id": "a", "attempt": "an-attempt", "target": "0"}, "target: must be greater than 0"),
        ({"signal_id": "a", "attempt": "an-attempt", "stop": "NaN"}, "stop"),
        ({"signal_id": "a", "attempt": "an-attempt", "stop": 53}, "stop"),
    ],
)
def test_an_adjust_that_makes_no_sense_names_its_field_and_is_not_sent(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, body: Any, names: str
) -> None:
    sent = _answered(clinic, monkeypatch)

    async def visit(client: TestClient[Any, Any]) -> None:
        answer = await client.post("/api/adjust", headers=_ours(client), json=body)
        assert (answer.status, names in await answer.text()) == (400, True)

    _visit(clinic, visit)
    assert sent == []


def test_a_queue_that_gives_no_answer_is_no_refusal(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    def send_all(*_: Any) -> dict[str, str]:
        raise ReadTimeoutError(endpoint_url="sqs")

    monkeypatch.setattr(sending, "send_all", send_all)

    async def visit(client: TestClient[Any, Any]) -> None:
        body = {"signal_id": "crwd-1", "attempt": "an-attempt", "stop": "532.00"}
        answer = await client.post("/api/adjust", headers=_ours(client), json=body)
        assert answer.status == 502
        assert "gave no answer" in await answer.text()

    _visit(clinic, visit)
