"""What only a real connection shows: faults on the wire, keys, concurrency, latency."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from desk.exchange.client import ExchangeControl, ExchangeRefused

KEYS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}
BUY = {"symbol": "TQQQ", "side": "buy", "type": "limit", "limit_price": "50.99", "qty": "1", "time_in_force": "day"}


def call(url: str, method: str, path: str, timeout: float = 5, **more: Any) -> requests.Response:
    return requests.request(method, url + path, headers=KEYS, timeout=timeout, **more)


def find(url: str, client_order_id: str) -> requests.Response:
    query = {"client_order_id": client_order_id}
    return call(url, "GET", "/v2/orders:by_client_order_id", params=query)


@pytest.mark.parametrize(("kind", "status"), [("drop_before", 404), ("drop_after", 200)])
def test_a_cut_connection(url: str, control: ExchangeControl, kind: str, status: int) -> None:
    control.faults({"kind": kind, "method": "POST", "path": "/v2/orders", "count": 1})
    with pytest.raises(requests.ConnectionError):
        call(url, "POST", "/v2/orders", json={**BUY, "client_order_id": "cut"})
    assert find(url, "cut").status_code == status


def test_a_late_answer_to_an_order_that_landed(url: str, control: ExchangeControl) -> None:
    control.faults({"kind": "delay", "delay_ms": 4000, "method": "POST", "count": 1})
    with pytest.raises(requests.ReadTimeout):
        call(url, "POST", "/v2/orders", timeout=0.5, json={**BUY, "client_order_id": "late"})
    control.wait_for(lambda e: e.get("client_order_id") == "late")
    assert find(url, "late").status_code == 200


def test_an_order_that_lands_late(url: str, control: ExchangeControl) -> None:
    control.faults({"kind": "delay", "delay_ms": 4000, "stage": "request", "method": "POST", "count": 1})
    with pytest.raises(requests.ReadTimeout):
        call(url, "POST", "/v2/orders", timeout=0.5, json={**BUY, "client_order_id": "later"})
    assert find(url, "later").status_code == 404
    control.wait_for(lambda e: e.get("client_order_id") == "later", 30)
    assert find(url, "later").status_code == 200


def test_html_instead_of_json(url: str, control: ExchangeControl) -> None:
    control.faults({"kind": "html", "status": 503, "body": "<html>busy</html>"})
    answer = call(url, "GET", "/v2/account")
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html")
    assert answer.text == "<html>busy</html>"


def test_headers_on_the_wire(url: str) -> None:
    answer = call(url, "GET", "/v2/account")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Ratelimit-Limit"] == "200"
    assert requests.get(f"{url}/v2/account", timeout=60).status_code == 401
    rest = call(url, "POST", "/v2/orders", json={**BUY, "limit_price": "40"}).json()
    cancelled = call(url, "DELETE", f"/v2/orders/{rest['id']}")
    assert (cancelled.status_code, cancelled.content) == (204, b"")


def test_the_same_client_order_id_at_once_makes_one_order(url: str, control: ExchangeControl) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: call(url, "POST", "/v2/orders", json={**BUY, "client_order_id": "x"}), range(16))
        )
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 15
    assert len([e for e in control.journal() if e.get("event") == "accepted"]) == 1


@pytest.mark.parametrize("speed", [1, 20])
def test_a_fill_takes_its_market_time_at_any_speed(url: str, control: ExchangeControl, speed: int) -> None:
    control.set_clock(speed=speed)
    started = time.perf_counter()
    order = call(url, "POST", "/v2/orders", json=BUY).json()
    fill = control.wait_for(lambda e: e["type"] == "fill" and e["order_id"] == order["id"], 60)
    took = time.perf_counter() - started
    accepted = next(e for e in control.journal() if e.get("event") == "accepted")
    seconds = [float(entry["at"][17:-1]) for entry in (accepted, fill)]
    assert seconds[1] - seconds[0] == pytest.approx(0.070, abs=1e-6)
    assert took < 0.070 / speed + 1


def test_waiting_for_the_journal_ends(control: ExchangeControl) -> None:
    with pytest.raises(TimeoutError):
        control.wait_for(lambda entry: False, 0.2)


def test_a_refused_control_request_says_why(control: ExchangeControl) -> None:
    with pytest.raises(ExchangeRefused, match="colour"):
        control.settings(colour="red")
