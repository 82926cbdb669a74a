"""What the adapter tells the budget, and what it asks of it: every trading request once, none of market data."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from repeg.broker.alpaca import AlpacaBroker
from repeg.broker.port import Accepted, Throttled
from repeg.domain.order.reservation import Reservation
from repeg.errors import BudgetExhausted
from tests.integration.broker.known import CHILD, ID, NOW, ORDER, Book, connect


def test_throttling_tells_the_wait_and_the_budget(server: Any, broker: AlpacaBroker, book: Book) -> None:
    reset = NOW + timedelta(seconds=21)
    headers = {
        "X_Ratelimit_Limit": "200",
        "X_Ratelimit_Remaining": "0",
        "X_Ratelimit_Reset": str(int(reset.timestamp())),
    }
    server.answers_json({"message": "too many requests."}, 429, **headers)
    assert broker.submit(CHILD) == Throttled(21.0)
    with pytest.raises(BudgetExhausted) as exhausted:
        broker.order(ID)
    assert exhausted.value.wait_seconds == 21.0
    with pytest.raises(BudgetExhausted):
        broker.cancel(ID)
    assert book.blocks == [reset] * 3
    assert book.observed == [(200, 0, reset)] * 3
    assert len(server.received) == 3


def test_throttled_market_data_leaves_the_trading_budget_alone(server: Any, broker: AlpacaBroker, book: Book) -> None:
    server.answers_json({"message": "too many requests."}, 429)
    with pytest.raises(BudgetExhausted) as exhausted:
        broker.quote("SPY")
    assert exhausted.value.wait_seconds == 1.0
    assert (book.spent, book.observed, book.blocks) == ([], [], [])


def test_every_trading_request_is_debited_and_urgent_ones_as_such(
    server: Any, broker: AlpacaBroker, book: Book
) -> None:
    server.answers_json(ORDER)
    broker.submit(CHILD)
    broker.order(ID)
    broker.urgent().order(ID)
    broker.urgent().cancel(ID)
    broker.order(ID)
    assert book.spent == [False, False, True, True, False]


def test_what_is_reserved_is_drawn_by_one_request(server: Any, broker: AlpacaBroker, book: Book) -> None:
    server.answers_json(ORDER)
    reserved = Reservation(second=1_795_186_800, left=4)
    drawing = broker.urgent(reserved)
    drawing.order(ID)
    drawing.order(ID)
    broker.urgent().order(ID)
    assert (book.drawn, book.spent) == ([reserved, None, None], [True, True, True])


def test_an_exhausted_budget_sends_nothing(server: Any, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(urgent: bool, reserved: Reservation | None = None) -> None:
        raise BudgetExhausted(3)

    monkeypatch.setattr(book, "spend", exhausted)
    broker = connect(server.url, book)
    for call in (lambda: broker.submit(CHILD), lambda: broker.order(ID), lambda: broker.cancel(ID)):
        with pytest.raises(BudgetExhausted):
            call()
    assert server.received == []


def test_a_budget_that_fails_does_not_hide_an_accepted_order(
    server: Any, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no disk")

    monkeypatch.setattr(book, "observe", fail)
    server.answers_json(ORDER, X_Ratelimit_Limit="200", X_Ratelimit_Remaining="9")
    assert isinstance(connect(server.url, book).submit(CHILD), Accepted)
