"""Whatever frames a client sends, both streams answer its next good command, and nothing goes wrong inside."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgpack
import pytest
from aiohttp.test_utils import TestServer

from desk.exchange.door.gateway import Gateway
from desk.exchange.door.server import Server
from desk.exchange.market.moments import parse_instant

START = parse_instant("2026-11-20T10:00:00-05:00")
ROUNDS, FRAMES_A_ROUND = 80, 25
PATIENCE_S = 60.0
KEYS = {"key": "key", "secret": "secret"}
COMMANDS: dict[str, list[dict[str, Any]]] = {
    "/v2/sip": [
        {"action": "auth", **KEYS},
        {"action": "subscribe", "trades": ["TQQQ"], "quotes": ["*"], "imbalances": ["A.B"]},
        {"action": "unsubscribe", "bars": ["TQQQ", "SPY"], "dailyBars": []},
    ],
    "/stream": [
        {"action": "authenticate", "data": {"key_id": "key", "secret_key": "secret"}},
        {"action": "authenticate", "data": {"oauth_token": "token"}},
        {"action": "listen", "data": {"streams": ["trade_updates", "account_updates"]}},
    ],
}
ODD: list[Any] = [
    *(None, True, -1, 0, 2**63, 10**400, 1e308, float("nan"), "", "\ud800", "\x00", "²", "*" * 9_000),
    *([], {}, [[]], [{}], {"": ""}, ["\udfff"], {"streams": {"trade_updates": 1}}),
]
# What breaks readers: half a character, lengths that are not there, types nobody knows, depth.
SPLINTERS = [
    *(
        b"\xed\xa0\x80",
        b"\xff",
        b"\x00",
        b"\xc1",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
    ),
    *(b"\xc7\x03\xff123", b"\xd4\x05a", b"\x91" * 3_000, b"\x81\xa1a" * 1_500, b"[" * 90_000, b'{"a":' * 40_000),
    *(b'"\\ud800"', b"1e999", b"-", b"NaN", b'"', b"\xef\xbb\xbf", b"\xfe\xff\x00{"),
]


class Fuzzer:
    """Frames near to good ones, and far from them, from one seed."""

    def __init__(self, seed: int, path: str) -> None:
        self._chance = random.Random(seed)
        self._commands = COMMANDS[path]

    def frame(self) -> str | bytes:
        chance = self._chance
        data = chance.choice([self._noise, self._bent, self._broken, self._broken])()
        if chance.random() < 0.5:
            return data
        return data.decode(errors="ignore")

    def _noise(self) -> bytes:
        return self._chance.randbytes(self._chance.randint(0, 60))

    def _bent(self) -> bytes:
        """A command with something odd in it."""
        command = json.loads(json.dumps(self._chance.choice(self._commands)))
        inside = self._chance.choice([command, *(value for value in command.values() if isinstance(value, dict))])
        inside[self._chance.choice([*inside, "data", "trades"])] = self._chance.choice(ODD)
        return self._written(command)

    def _broken(self) -> bytes:
        """The bytes of a command, changed at random."""
        data = bytearray(self._written(self._chance.choice(self._commands)))
        for _ in range(self._chance.randint(1, 4)):
            at = self._chance.randrange(len(data) + 1)
            size = self._chance.randint(0, 4)
            data[at : at + size] = self._chance.choice([self._chance.randbytes(size), self._chance.choice(SPLINTERS)])
        return bytes(data)

    def _written(self, command: Any) -> bytes:
        if self._chance.random() < 0.5:
            try:
                return bytes(msgpack.packb(command, unicode_errors="surrogatepass"))
            except OverflowError:
                pass
        return json.dumps(command).encode()


@asynccontextmanager
async def opened(path: str, headers: dict[str, str]) -> AsyncIterator[Callable[[], Any]]:
    """An exchange, and a way to connect to one of its streams."""
    gateway = Gateway(START)
    gateway.clock.pause(True)
    async with TestServer(Server(gateway).app()) as server, aiohttp.ClientSession() as session:
        yield lambda: session.ws_connect(server.make_url(path), headers=headers)


async def talk(path: str, packed: bool, *, logged_in: bool) -> None:
    fuzzer = Fuzzer(20261128 + packed + 2 * logged_in, path)
    async with opened(path, {"Content-Type": "application/msgpack"} if packed else {}) as connect:
        for number in range(ROUNDS):
            async with connect() as socket:
                if logged_in:
                    await said(socket, COMMANDS[path][0], lambda heard: "auth" in str(heard))
                for _ in range(FRAMES_A_ROUND):
                    frame = fuzzer.frame()
                    await (socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame))
                await expect_an_answer(socket, path, number)


async def expect_an_answer(socket: aiohttp.ClientWebSocketResponse, path: str, number: int) -> None:
    """Log in, if no frame did so by chance, and be told of a wish that no frame could have had."""
    if path == "/stream":
        await said(socket, COMMANDS[path][0], lambda heard: "'authorized'" in str(heard))
        await said(socket, COMMANDS[path][2], lambda heard: heard["stream"] == "listening")
        return
    await said(socket, COMMANDS[path][0], lambda heard: heard[0].get("msg", "").endswith("authenticated"))
    mark = f"MARK{number}"
    await said(socket, {"action": "subscribe", "trades": [mark]}, lambda heard: mark in heard[0].get("trades", []))


async def said(socket: aiohttp.ClientWebSocketResponse, command: Any, enough: Callable[[Any], bool]) -> None:
    """Say a command and listen until the answer is there; whatever else is heard can be read as well."""
    await socket.send_str(json.dumps(command))
    while True:
        message = await socket.receive(timeout=PATIENCE_S)
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        heard = json.loads(message.data) if message.data[0] in ("[", "{", 0x7B) else msgpack.unpackb(message.data)
        if enough(heard):
            return


@pytest.mark.parametrize("logged_in", [False, True], ids=["before login", "after login"])
@pytest.mark.parametrize("packed", [False, True], ids=["json", "messagepack"])
@pytest.mark.parametrize("path", list(COMMANDS))
def test_the_next_good_command_is_answered(
    caplog: pytest.LogCaptureFixture, path: str, packed: bool, logged_in: bool
) -> None:
    with caplog.at_level(logging.WARNING):
        asyncio.run(talk(path, packed, logged_in=logged_in))
    assert not caplog.records


async def break_the_protocol(path: str) -> None:
    chance = random.Random(20261128)
    async with opened(path, {}) as connect:
        for number in range(30):
            async with connect() as socket:
                transport = socket._response.connection.transport
                transport.write(chance.randbytes(chance.randint(1, 200)))
                transport.write_eof()
                while (await socket.receive(timeout=PATIENCE_S)).type in (
                    aiohttp.WSMsgType.TEXT,
                    aiohttp.WSMsgType.BINARY,
                ):
                    pass
            async with connect() as socket:
                await expect_an_answer(socket, path, number)


@pytest.mark.parametrize("path", list(COMMANDS))
def test_bytes_that_are_no_frames_end_their_connection_alone(caplog: pytest.LogCaptureFixture, path: str) -> None:
    with caplog.at_level(logging.ERROR):
        asyncio.run(break_the_protocol(path))
    assert not caplog.records
