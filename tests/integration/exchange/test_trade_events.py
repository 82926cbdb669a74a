"""Trade events over plain HTTP, by the raw requests of Alpaca's client for Go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import pytest
import requests

from desk.exchange.client import ExchangeControl
from tests.integration.exchange.plain import KEYS, PlainClient

LIMIT = {"symbol": "TQQQ", "qty": "10", "side": "buy", "type": "limit", "time_in_force": "day"}
Event = dict[str, Any]


class Events:
    """What is sent, event by event; `query` as the client gives it."""

    def __init__(self, url: str, **query: str) -> None:
        address = f"{url}/v2/events/trades"
        self.answer = requests.get(address, params=query, headers=KEYS, stream=True, timeout=60)
        self._lines = self.answer.iter_lines()

    def close(self) -> None:
        self.answer.close()

    def __iter__(self) -> Iterator[Event]:
        for line in self._lines:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])

    def next(self, many: int) -> list[Event]:
        return list(islice(self, many))


def _bought(plain: PlainClient, limit: str) -> None:
    plain.order(LIMIT | {"limit_price": limit})
    plain.advance(1)


def test_what_happens_to_an_order_is_sent_as_it_happens(url: str, plain: PlainClient) -> None:
    with closing(Events(url)) as events:
        assert events.answer.headers["Content-Type"].startswith("text/event-stream")
        _bought(plain, "50.99")
        told = events.next(3)
    assert [event["event"] for event in told] == ["pending_new", "new", "fill"]
    assert (told[2]["price"], told[2]["qty"], told[2]["position_qty"]) == ("50.98", "10", "10")
    assert told[2]["order"]["status"] == "filled" and told[2]["at"] == told[2]["timestamp"]
    ids = [event["event_id"] for event in told]
    assert ids == sorted(set(ids)) and {len(each) for each in ids} == {26}


def test_who_comes_back_hears_what_it_missed_and_no_more_than_it_asks_for(url: str, plain: PlainClient) -> None:
    with closing(Events(url)) as events:
        _bought(plain, "40.00")
        [_, new] = events.next(2)
    _bought(plain, "40.01")
    with closing(Events(url, since=new["at"])) as again:
        assert [event["order"]["limit_price"] for event in again.next(3)] == ["40", "40.01", "40.01"]
    with closing(Events(url, since_id=new["event_id"], until_id=new["event_id"])) as one:
        assert one.next(1) == [new]
    span = {"since": "2026-11-20T10:00:00-05:00", "until": new["at"]}
    assert [event["event"] for event in Events(url, **span)] == ["pending_new", "new"], "and then it ends"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"until": "2026-11-20T10:00:00Z"}, "since is required if until is specified"),
        ({"until_id": "01KAG"}, "since_id is required if until_id is specified"),
        ({"since": "2026-11-20T10:00:00Z", "since_id": "01KAG"}, "since and since_id can't be used at the same time"),
        ({"since": "yesterday"}, "invalid since"),
    ],
)
def test_what_makes_no_sense_is_refused(plain: PlainClient, query: dict[str, str], message: str) -> None:
    answer = plain.call("GET", "/v2/events/trades", **query)
    assert (answer.status_code, answer.json()) == (400, {"code": 40010001, "message": message})


def test_nothing_is_sent_without_keys(url: str) -> None:
    answer = requests.get(f"{url}/v2/events/trades", timeout=60)
    assert (answer.status_code, answer.json()) == (401, {"message": "unauthorized."})


def test_a_fault_cuts_it_like_any_stream(url: str, plain: PlainClient, control: ExchangeControl) -> None:
    control.faults({"kind": "stream_close", "path": "/v2/events/trades", "count": 1})
    with closing(Events(url)) as events:
        _bought(plain, "40.00")
        assert events.next(1) == []
