"""The blotter's server as a browser, and as somebody else, meets it."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest
from aiohttp.test_utils import TestClient

from desk.blotter.door import KEY_HEADER
from desk.blotter.server import PAGE
from desk.stack import changing
from desk.stack.changing import NotSent, TakenBack
from repeg.domain.halt import Halt, Mode, Scope
from repeg.domain.history import Event
from repeg.domain.reasons import Reason, Status
from repeg.store.halts import Halts
from tests.support.clinic import Clinic
from tests.support.make import NOON, order, with_fields
from tests.unit.blotter.conftest import Desk
from tests.unit.blotter.visits import KEY, READ
from tests.unit.blotter.visits import event as _event
from tests.unit.blotter.visits import ours as _ours
from tests.unit.blotter.visits import shows as _shows
from tests.unit.blotter.visits import visit as _visit

_ACCEPTED = Event(at=NOON, state="AcceptSignal", detail="it is taken back")


def test_the_page_is_served_to_anybody_here_and_holds_nothing_of_the_account(clinic: Clinic) -> None:
    async def visit(client: TestClient[Any, Any]) -> None:
        page = await client.get("/")
        assert page.status == 200
        assert "'none'" in page.headers["Content-Security-Policy"]
        assert "Set-Cookie" not in page.headers
        for name in (path.name for path in PAGE.iterdir()):
            asset = await client.get(f"/page/{name}")
            assert asset.status == 200
            text = await asset.text()
            assert "http://" not in text.replace("http://www.w3.org/", "")
            assert "https://" not in text
        for path in ("/page/server.py", "/page/..%2fserver.py", "/page/", "/nothing"):
            assert (await client.get(path)).status == 404

    _visit(clinic, visit)


def test_without_the_key_nothing_of_the_account_is_told_or_changed(clinic: Clinic, desk: Desk) -> None:
    desk.working()

    async def visit(client: TestClient[Any, Any]) -> None:
        ours = _ours(client)
        for key in ({}, {KEY_HEADER: "another"}):
            assert (await client.get("/api/orders/ord-1", headers=key)).status == 401
            given = {name: value for name, value in ours.items() if name != KEY_HEADER} | key
            halt = {"scope": "account", "mode": "halted", "reason": "r"}
            assert (await client.post("/api/halt", headers=given, json=halt)).status == 401
        assert (await client.get("/api/events")).status == 401
        assert (await client.get("/api/orders/ord-1?key=the-key")).status == 401

    _visit(clinic, visit)
    assert Halts(clinic["dynamodb"], "repeg").halts() == ()


def test_requests_of_other_pages_are_refused_even_with_the_key(clinic: Clinic) -> None:
    async def visit(client: TestClient[Any, Any]) -> None:
        halt = {"scope": "account", "mode": "halted", "reason": "r"}
        for other in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Content-Type": "text/plain"}):
            given = _ours(client) | other
            assert (await client.post("/api/halt", headers=given, data=json.dumps(halt))).status == 403
        assert (await client.get("/", headers={"Host": "evil.example"})).status == 403

    _visit(clinic, visit)
    assert Halts(clinic["dynamodb"], "repeg").halts() == ()


def test_a_change_of_an_order_is_pushed(clinic: Clinic, desk: Desk) -> None:
    working = desk.working()

    async def visit(client: TestClient[Any, Any]) -> None:
        answer = await client.get(f"/api/events?key={KEY}")
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        await _event(answer, lambda name, data: _shows(data, "orders", "ord-1") is not None)
        waits = with_fields(working, status=Status.WAITING)
        await asyncio.to_thread(desk.store.save, waits)
        await _event(answer, lambda _, data: (_shows(data, "orders", "ord-1") or {}).get("status") == "waiting")
        answer.close()

    _visit(clinic, visit)


def test_what_cannot_be_read_is_told_and_keeps_nothing_else_from_the_page(clinic: Clinic, desk: Desk) -> None:
    desk.working()

    async def visit(client: TestClient[Any, Any]) -> None:
        answer = await client.get(f"/api/events?key={KEY}")
        seen: set[str] = set()

        def both(_: str, data: dict[str, Any]) -> bool:
            seen.update(data.get("tables", {}))
            return {"orders", "trouble"} <= seen

        await _event(answer, both)
        answer.close()

    _visit(clinic, visit)


def test_one_order_is_told_in_full_by_its_own_or_its_signals_id(clinic: Clinic, desk: Desk) -> None:
    desk.working()

    async def visit(client: TestClient[Any, Any]) -> None:
        for name in ("ord-1", "s-ord-1"):
            found = await (await client.get(f"/api/orders/{name}", headers=READ)).json()
            assert (found["order_id"], len(found["rungs"])) == ("ord-1", 1)
        assert (await client.get("/api/orders/none", headers=READ)).status == 404

    _visit(clinic, visit)


def test_halt_and_resume_as_the_command_line_does_it(clinic: Clinic) -> None:
    halts = Halts(clinic["dynamodb"], "repeg")

    async def visit(client: TestClient[Any, Any]) -> None:
        stream = await client.get(f"/api/events?key={KEY}")
        said = {"scope": "symbol", "of": "tqqq", "mode": "reducing", "reason": "odd prints", "cancel_open": True}
        answer = await client.post("/api/halt", headers=_ours(client), json=said)
        assert answer.status == 200, await answer.text()
        assert "symbol TQQQ is reducing" in (await answer.json())["said"]
        [word] = halts.halts()
        assert (word.of, word.mode.value, word.reason, word.cancel_open) == ("TQQQ", "reducing", "odd prints", True)
        shown = await _event(stream, lambda _, data: _shows(data, "halts", "symbol:TQQQ") is not None)
        assert "odd prints" in json.dumps(shown)
        row = _shows(shown, "halts", "symbol:TQQQ")
        seen = {"scope": "symbol", "of": "TQQQ", "seen": [{name: row[name] for name in ("mode", "reason", "since")}]}
        answer = await client.post("/api/resume", headers=_ours(client), json=seen)
        assert (await answer.json())["said"] == "TQQQ is active again"
        stream.close()

    _visit(clinic, visit)
    assert halts.halts() == ()


@pytest.mark.parametrize("of", ["", "pairs"])
@pytest.mark.parametrize("shown", [True, False], ids=["halted before", "not halted before"])
def test_what_was_halted_since_the_page_asked_is_not_lifted(clinic: Clinic, of: str, shown: bool) -> None:
    """A trip, or somebody else, has said another word meanwhile; nobody at this page has read why."""
    halts = Halts(clinic["dynamodb"], "repeg")
    scope = Scope.STRATEGY if of else Scope.ACCOUNT
    word = Halt(scope=scope, of=of, mode=Mode.REDUCING, reason="lunch", since=NOON)
    newer = word.changed(mode=Mode.HALTED, reason="tripped: the account lost $3,000.00")
    halts.keep_halt(newer)
    seen = [{"mode": word.mode, "reason": word.reason, "since": NOON.isoformat()}] if shown else []
    body = {"scope": scope.value, "seen": seen} | ({"of": of} if of else {})

    async def visit(client: TestClient[Any, Any]) -> None:
        for more, names in (({}, "said since, it stays in force"), ({"seen": None}, "seen"), ({"seen": [1]}, "seen")):
            answer = await client.post("/api/resume", headers=_ours(client), json=body | more)
            assert answer.status == 400
            assert names in await answer.text()

    _visit(clinic, visit)
    assert halts.halts() == (newer,)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"scope": "account", "mode": "active", "reason": "r"}, "mode"),
        ({"scope": "account", "mode": "halted"}, "reason"),
        ({"scope": "account", "mode": "halted", "reason": " "}, "reason"),
        ({"scope": "account", "mode": "halted", "reason": "r" * 201}, "reason"),
        ({"scope": "account", "of": "TQQQ", "mode": "halted", "reason": "r"}, "of"),
        ({"scope": "symbol", "of": "", "mode": "halted", "reason": "r"}, "of"),
        ({"scope": "strategy", "of": " ", "mode": "halted", "reason": "r"}, "of"),
        ({"scope": "symbol", "of": ["TQQQ"], "mode": "halted", "reason": "r"}, "of"),
        ({"scope": "order", "of": "ord-1", "mode": "halted", "reason": "r"}, "scope"),
        ({"scope": "everything", "mode": "halted", "reason": "r"}, "scope"),
        ([], "object"),
    ],
)
def test_a_halt_that_makes_no_sense_names_its_field_and_changes_nothing(clinic: Clinic, body: Any, names: str) -> None:
    async def visit(client: TestClient[Any, Any]) -> None:
        answer = await client.post("/api/halt", headers=_ours(client), json=body)
        assert answer.status == 400
        assert names in await answer.text()

    _visit(clinic, visit)
    assert Halts(clinic["dynamodb"], "repeg").halts() == ()


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (TakenBack("c", order(events=(_ACCEPTED,)), None, over=False), 200, "it is taken back"),
        (TakenBack("c", order(events=(_ACCEPTED,), reason=Reason.NO_POSITION), None, over=False), 400, "taken back"),
        (TakenBack("c", None, None, over=False), 400, "no answer"),
        (NotSent("the queue is not there"), 400, "the queue is not there"),
    ],
)
def test_what_came_of_a_cancel_is_told(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, answer: Any, status: int, says: str
) -> None:
    asked: list[str] = []

    def take_back(sqs: Any, queue_url: str, records: Any, about: str, timeout: float) -> TakenBack:
        asked.append(about)
        if isinstance(answer, NotSent):
            raise answer
        return cast(TakenBack, answer)

    monkeypatch.setattr(changing, "take_back", take_back)

    async def visit(client: TestClient[Any, Any]) -> None:
        told = await client.post("/api/cancel", headers=_ours(client), json={"signal_id": "s-1"})
        assert told.status == status
        assert says in await told.text()
        for wrong in ({"signal_id": "no such/id"}, {"signal_id": 1}, {}):
            assert (await client.post("/api/cancel", headers=_ours(client), json=wrong)).status == 400

    _visit(clinic, visit)
    assert asked == ["s-1"]


def test_every_request_that_changes_anything_needs_the_page_and_the_key_of_this_run(clinic: Clinic) -> None:
    async def visit(client: TestClient[Any, Any]) -> None:
        assert client.app is not None
        routes = {str(route.resource.canonical) for route in client.app.router.routes() if route.method == "POST"}
        assert routes >= {"/api/halt", "/api/close", "/api/adjust"}
        ours = _ours(client)
        site = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        others = {"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Content-Type": "text/plain"}, site
        for route in routes:
            keyless = {name: value for name, value in ours.items() if name != KEY_HEADER}
            assert (await client.post(f"{route}?key={KEY}", headers=keyless, json={})).status == 401
            for other in others:
                assert (await client.post(route, headers=ours | other, data="{}")).status == 403
            originless = {name: value for name, value in ours.items() if name != "Origin"}
            assert (await client.post(route, headers=originless, json={})).status == 403
            for method in ("GET", "PUT", "DELETE", "OPTIONS"):
                assert (await client.request(method, route, headers=ours)).status in (404, 405)
            assert (await client.post(route, headers=ours, json={})).status == 400, "let in, it lacks its fields"
            assert (await client.post(route, headers=ours, data="x" * 20_000)).status == 413

    _visit(clinic, visit)


def test_nobody_looks_at_the_stack_while_no_page_is_open(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(clinic["dynamodb"], "_make_api_call", lambda name, _: calls.append(name))

    async def visit(client: TestClient[Any, Any]) -> None:
        assert (await client.get("/")).status == 200
        await asyncio.sleep(0)

    _visit(clinic, visit)
    assert calls == []
