"""The day's profit on the page: what `repeg pnl --today` says, read again only where something traded."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from desk.blotter.realised import Realised
from desk.doctor.findings import Trouble
from desk.positions.gains import Splits, booked, gains
from desk.stack.market_time import day_begin
from repeg.domain.order.adjustments import CorporateAction
from repeg.domain.order.protection import ExitReason
from repeg.domain.profit import Books
from repeg.store.orders import OrderStore
from tests.support.clinic import Clinic
from tests.support.make import NOON
from tests.unit.report.test_profit import bracket, left, traded

DAY = timedelta(days=1)
MINUTES_OF_A_DAY = 24 * 60


class _Store:
    """Orders as a table has them, and how often they are read."""

    def __init__(self, *orders: Any) -> None:
        self.orders = {each.order_id: each for each in orders}
        self.read: list[str] = []

    def newest(self, most: int, broken: dict[str, str]) -> list[Any]:
        self.read.append("all")
        return list(self.orders.values())

    def several(self, names: list[str]) -> tuple[dict[str, Any], dict[str, str]]:
        self.read += names
        return {name: self.orders[name] for name in names}, {}


def _realised(store: Any, now: Any = NOON + timedelta(hours=2), splits: Any = lambda _: ()) -> Realised:
    return Realised(store, lambda: now, splits)


def _today(realised: Realised) -> dict[str, Any]:
    return dict(realised.look()["realised"]["today"])


def test_it_is_what_the_command_says_of_the_day_and_nothing_of_the_days_before() -> None:
    yesterday = -MINUTES_OF_A_DAY
    orders = [
        traded(yesterday, "buy", "10", "40"),
        traded(yesterday + 1, "sell", "4", "45", order_id="sold-before"),
        traded(1, "sell", "6", "50", order_id="sold", strategy="a"),
        bracket(2, "10", "50", left(3, "10", "49", ExitReason.STOP), strategy="b"),
        traded(4, "buy", "5", "10", symbol="SPY", order_id="held"),
    ]
    found = _today(_realised(_Store(*orders)))
    assert (found["realised"], found["trades"], found["wins"], found["trouble"]) == ("50", 2, 1, None)
    command = gains(booked(orders, lambda _: ()), "strategy", day_begin(NOON), None)
    assert {name: found[name] for name in ("realised", "trades", "wins", "unmatched")} == {
        name: command[name] for name in ("realised", "trades", "wins", "unmatched")
    }


def test_only_what_traded_is_read_again_and_nothing_when_nothing_did() -> None:
    store = _Store(traded(1, "buy", "10", "40"))
    realised = _realised(store)
    assert _today(realised)["realised"] == "0"
    assert realised.look()["realised"]["today"] is realised.look()["realised"]["today"]
    store.orders["sold"] = traded(2, "sell", "10", "41", order_id="sold")
    realised.note(["sold"])
    assert _today(realised)["realised"] == "10"
    assert store.read == ["all", "sold"]


def test_what_was_noted_is_not_forgotten_by_a_look_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    store = _Store(traded(1, "buy", "10", "40"))
    realised = _realised(store)
    realised.look()
    store.orders["sold"] = traded(2, "sell", "10", "41", order_id="sold")
    realised.note(["sold"])
    with monkeypatch.context() as broken:
        broken.setattr(store, "several", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            realised.look()
    assert _today(realised)["realised"] == "10"


def test_a_new_day_begins_at_nothing() -> None:
    store = _Store(traded(1, "buy", "10", "40"), traded(2, "sell", "10", "41"))
    now = NOON + timedelta(hours=1)
    realised = Realised(cast(OrderStore, store), lambda: now, lambda _: ())
    assert _today(realised)["realised"] == "10"
    now += DAY
    assert (_today(realised)["realised"], _today(realised)["trades"]) == ("0", 0)


def test_a_split_counts_and_is_asked_for_once() -> None:
    asked: list[Books] = []

    def splits(books: Books) -> Splits:
        asked.append(books)
        return (CorporateAction(symbol="TQQQ", kind="forward_split", ratio=Decimal(2), ex_date=NOON.date()),)

    store = _Store(traded(-MINUTES_OF_A_DAY, "buy", "10", "40"), traded(1, "sell", "10", "21", order_id="sold"))
    realised = _realised(store, splits=splits)
    assert _today(realised)["realised"] == "10", "bought at 20 each, as they are counted since"
    store.orders["more"] = traded(2, "sell", "5", "21", order_id="more")
    realised.note(["more"])
    assert _today(realised)["realised"] == "15"
    assert len(asked) == 1


def test_without_a_broker_it_is_told_with_what_is_not_known_and_asked_again() -> None:
    answers: list[Any] = [Trouble("broker", "no answer", "wait"), ()]

    def splits(_: Books) -> Splits:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return tuple(answer)

    realised = _realised(_Store(traded(1, "buy", "10", "40"), traded(2, "sell", "4", "41")), splits=splits)
    first = _today(realised)
    assert (first["realised"], first["trouble"]) == ("4", "no answer")
    assert _today(realised)["trouble"] is None


def test_it_reads_a_stacks_own_table(clinic: Clinic) -> None:
    store = OrderStore(clinic["dynamodb"], "repeg")
    bought = traded(1, "buy", "10", "40")
    store.accept(bought, "hash")
    assert _today(_realised(store))["trades"] == 0
