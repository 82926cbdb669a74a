"""A real HTTP server that answers as it is told, and a table for the request budget."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from repeg.broker.alpaca import AlpacaBroker
from tests.integration.broker.known import Book, connect
from tests.support.stand_ins.short_moto import quick_aws
from tests.support.stand_ins.tables import dynamodb_client

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

TABLE = "orders"


@dataclass(frozen=True)
class Canned:
    """An answer, or what goes wrong instead of it."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    reset_unread: bool = False
    reset_after_reading: bool = False
    hang: bool = False
    drip: bool = False
    """Byte by byte, each well before the time-out for reading, and without end."""


@dataclass(frozen=True)
class Received:
    """A request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: str
    connection: int

    @property
    def json(self) -> Any:
        """The body, with numbers as they were written."""
        return json.loads(self.body, parse_float=str, parse_int=str)


class ScriptedServer:
    """Answers each request with the next line of its script; the last line is repeated."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.released = threading.Event()
        self._script: list[Canned] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answers(self, *script: Canned) -> None:
        self._script = list(script)

    def answers_json(self, body: Any, status: int = 200, **headers: str) -> None:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers(Canned(status, json.dumps(body), {"Content-Type": "application/json", **names}))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next_line(self) -> Canned:
        return self._script.pop(0) if len(self._script) > 1 else self._script[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                line = server.next_line()
                if not line.reset_unread:
                    body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                    port = self.client_address[1]
                    server.received.append(Received(self.command, self.path, dict(self.headers), body, port))
                if line.reset_unread or line.reset_after_reading:
                    self._reset()
                elif line.hang:
                    server.released.wait(10)
                    self.close_connection = True
                elif line.drip:
                    self._drip()
                else:
                    self._send(line)

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *args: Any) -> None:
                pass

            def _send(self, line: Canned) -> None:
                content = line.body.encode()
                self.send_response(line.status)
                for name, value in line.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def _drip(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "1000000")
                self.end_headers()
                with contextlib.suppress(OSError):  # the client gave up
                    while not server.released.wait(0.02):
                        self.wfile.write(b" ")
                self.close_connection = True

            def _reset(self) -> None:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True

        return Handler


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    running = ScriptedServer()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def canned() -> type[Canned]:
    return Canned


class OneAtATime:
    """Makes moto apply writes one after the other, as the real table does for one item; counts them."""

    def __init__(self, client: DynamoDBClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self.writes = 0
        self.reads = 0

    def update_item(self, **request: Any) -> Any:
        with self._lock:
            self.writes += 1
            return self._client.update_item(**request)

    def get_item(self, **request: Any) -> Any:
        with self._lock:
            self.reads += 1
            return self._client.get_item(**request)


@pytest.fixture
def new_table() -> Iterator[Callable[[], OneAtATime]]:
    """Makes an empty table; each call starts anew."""
    with quick_aws():
        client = dynamodb_client()

        def make() -> OneAtATime:
            if TABLE in client.list_tables()["TableNames"]:
                client.delete_table(TableName=TABLE)
            client.create_table(
                TableName=TABLE,
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
                BillingMode="PAY_PER_REQUEST",
            )
            return OneAtATime(client)

        yield make


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def broker(server: Any, book: Book) -> AlpacaBroker:
    return connect(server.url, book)
