"""The exchange as any HTTP client sees it: requests and answers, with market time that moves when it is told to."""

from __future__ import annotations

from typing import Any

import requests

from desk.exchange.client import Entry, ExchangeControl

KEYS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}
Json = dict[str, Any]


class PlainClient:
    """Calls without an SDK; the market clock stands still between calls of `advance`."""

    def __init__(self, url: str, control: ExchangeControl) -> None:
        self._url = url
        self._control = control
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update(KEYS)

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        return self._session.request(method, f"{self._url}{path}", json=body, params=query, timeout=60)

    def ok(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        answer = self.call(method, path, body, **query)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def order(self, body: Json) -> Json:
        """Submit an order that must be accepted."""
        return dict(self.ok("POST", "/v2/orders", body))

    def refused(self, body: Json) -> tuple[int, Json]:
        """Submit an order that must be refused: status and body of the answer."""
        answer = self.call("POST", "/v2/orders", body)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()

    def nested(self, order: Json) -> Json:
        return dict(self.ok("GET", f"/v2/orders/{order['id']}", nested="true"))

    def statuses(self, order: Json) -> list[str]:
        """Of an order and its legs."""
        read = self.nested(order)
        return [read["status"], *(leg["status"] for leg in read["legs"] or [])]

    def advance(self, seconds: float | str) -> None:
        self._control.advance(str(seconds))

    def journal(self, kind: str) -> list[Entry]:
        return [entry for entry in self._control.journal() if entry["type"] == kind]
