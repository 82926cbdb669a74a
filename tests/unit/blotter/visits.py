"""The blotter's server, visited as a browser, or somebody else, would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from desk.blotter import sources
from desk.blotter.door import KEY_HEADER
from desk.blotter.server import Server
from desk.doctor.findings import Trouble
from desk.stack.connection import Connection
from tests.support.clinic import Clinic

KEY = "the-key"
READ = {KEY_HEADER: KEY}
Visit = Callable[[TestClient[Any, Any]], Awaitable[None]]


def no_broker() -> Any:
    raise Trouble("broker", "no broker here", "none")


def visit(clinic: Clinic, act: Visit) -> None:
    async def run() -> None:
        reached = sources.reached(_connection(clinic), no_broker)
        async with asyncio.timeout(30), TestClient(TestServer(Server(reached, KEY).app())) as client:
            await act(client)

    asyncio.run(run())


def _connection(clinic: Clinic) -> Connection:
    clinic["events"].create_event_bus(Name="repeg-events")
    clinic.outputs["EventBusName"] = "repeg-events"
    return clinic.case.connection


def ours(client: TestClient[Any, Any]) -> dict[str, str]:
    return READ | {"Origin": f"http://127.0.0.1:{client.port}", "Content-Type": "application/json"}


async def event(answer: ClientResponse, wanted: Callable[[str, dict[str, Any]], bool]) -> dict[str, Any]:
    """The first event that fits."""
    name = ""
    while line := (await answer.content.readline()).decode().rstrip("\n"):
        name = line.removeprefix("event: ")
        data = json.loads((await answer.content.readline()).decode().removeprefix("data: "))
        await answer.content.readline()
        if wanted(name, data):
            return dict(data)
    raise AssertionError("the stream ended")


def shows(data: dict[str, Any], table: str, key: str) -> dict[str, Any] | None:
    found = data.get("tables", {}).get(table, {})
    row: dict[str, Any] | None = found.get("put", found).get(key)
    return row
