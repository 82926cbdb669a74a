"""Positions on the books, borrowed turns, and handing an order over to a close."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.order.bracket import Levels
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.protection import Exit, ExitReason, Protection, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.errors import StaleExecution, StoreConflict
from repeg.store.items import from_item, position_key, turn_key
from repeg.store.orders import OrderStore
from tests.support.make import NOON, child, order


def _accept(store: OrderStore, name: str = "1", after: float = 0, **fields: Any) -> Order:
    ordinary: dict[str, Any] = {"kind": "bracket", "stop_loss": Decimal(49), "take_profit": Decimal(55)}
    fresh = order(
        order_id=f"ord-{name}",
        signal_id=f"s-{name}",
        received_wall=NOON + timedelta(seconds=after),
        **(ordinary | fields),
    )
    assert store.accept(fresh, f"hash-{name}") is None
    return fresh


def _fill(store: OrderStore, fresh: Order, qty: int = 100) -> Order:
    filled = child(filled_qty=Decimal(qty), avg_fill_price=Decimal(50), status=ChildStatus.FILLED, closed_at=NOON)
    return store.save(fresh.changed(status=Status.WORKING, children=(filled,)))


def _held(store: OrderStore, name: str = "1", after: float = 0, qty: int = 100, **fields: Any) -> Order:
    return _fill(store, _accept(store, name, after, **fields), qty)


def _gone(qty: int, source: str = "close-1", reason: ExitReason = ExitReason.CLOSE) -> Exit:
    return Exit(source=source, reason=reason, qty=Decimal(qty), price=Decimal(51), at=NOON)


def _ids(orders: list[Order]) -> list[str]:
    return [each.order_id for each in orders]


# --- the list of positions ---


def test_a_bracket_that_bought_is_listed_in_the_same_write(store: OrderStore, dynamodb: Any, table: str) -> None:
    """Design 3.9: what the position should be protected by is kept beside the order."""
    bracket = _held(store)
    item = dynamodb.get_item(TableName=table, Key=position_key(bracket))["Item"]
    told = {name: from_item(item)[name] for name in ("order_id", "qty", "side", "stop_loss", "take_profit")}
    assert told == {"order_id": "ord-1", "qty": "100", "side": "buy", "stop_loss": "49", "take_profit": "55"}
    assert store.holding_shares() == ["ord-1"]


def test_only_brackets_are_listed(store: OrderStore) -> None:
    _held(store, kind="order")
    assert store.holding("TQQQ") == []
    assert store.holding_shares() == []


def test_positions_are_listed_from_the_oldest_each_symbol_for_itself(store: OrderStore) -> None:
    _held(store, "late", after=5)
    _held(store, "early", after=1)
    _held(store, "other", symbol="SOXL")
    assert _ids(store.holding("TQQQ")) == ["ord-early", "ord-late"]
    assert _ids(store.holding("SOXL")) == ["ord-other"]
    assert sorted(store.holding_shares()) == ["ord-early", "ord-late", "ord-other"]


def test_the_list_follows_what_is_left_and_where_it_is_protected(store: OrderStore, dynamodb: Any, table: str) -> None:
    bracket = _held(store)
    part = store.save(bracket.with_exit(_gone(30)).with_guard(stop_loss=Decimal(48)))
    told = from_item(dynamodb.get_item(TableName=table, Key=position_key(bracket))["Item"])
    assert (told["qty"], told["stop_loss"]) == ("70", "48")
    store.save(part.with_exit(_gone(70, "close-2")))
    assert store.holding("TQQQ") == []
    assert store.holding_shares() == []


def test_an_exit_by_protection_takes_the_position_off_the_list(store: OrderStore) -> None:
    bracket = _held(store)
    oco = Protection(
        client_order_id="ord-1-p1",
        broker_order_id="b-1",
        qty=Decimal(100),
        levels=Levels(stop=Decimal(49), target=Decimal(55)),
        status=ProtectionStatus.DONE,
        exits=(_gone(100, "b-1", ExitReason.TARGET),),
        placed_at=NOON,
    )
    store.save(bracket.with_protection(oco))
    assert store.holding("TQQQ") == []


def test_finishing_keeps_a_position_on_the_list_and_takes_an_empty_one_off(store: OrderStore) -> None:
    kept = _held(store, "1")
    store.finish(kept.changed(status=Status.FILLED, completed_at=NOON))
    assert _ids(store.holding("TQQQ")) == ["ord-1"]
    left = _held(store, "2", after=1)
    store.finish(left.with_exit(_gone(100)).changed(status=Status.UNWOUND, completed_at=NOON))
    assert _ids(store.holding("TQQQ")) == ["ord-1"]


def test_a_write_that_is_refused_leaves_the_list_as_it_was(store: OrderStore) -> None:
    bracket = _held(store)
    store.save(bracket)
    with pytest.raises(StoreConflict):
        store.save(bracket.with_exit(_gone(100)))
    assert _ids(store.holding("TQQQ")) == ["ord-1"]


def test_a_stale_execution_cannot_touch_the_list(store: OrderStore) -> None:
    bracket = _held(store)
    store.adopt(bracket, "arn:2")
    with pytest.raises(StaleExecution):
        store.save(bracket.with_exit(_gone(100)))
    assert _ids(store.holding("TQQQ")) == ["ord-1"]


def test_writing_the_same_position_again_costs_one_item(store: OrderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is written only when what it says changes."""
    bracket = _held(store)
    monkeypatch.setattr(store, "_transact", lambda *_: pytest.fail("a transaction for nothing"))
    store.save(bracket.with_run(waits=3))


# --- an order that leaves a position ---


def test_an_unwind_is_written_together_with_the_bracket_that_waits_for_it(store: OrderStore) -> None:
    bracket = _held(store)
    unwind = order(order_id="ord-u", kind="unwind", side="sell", parent_id="ord-1")
    saved = store.save_with(bracket.with_unwind(order_id="ord-u"), unwind)
    assert store.get("ord-u") == unwind
    assert store.get("ord-1") == saved
    with pytest.raises(StoreConflict):
        store.save_with(bracket.with_unwind(order_id="ord-v"), order(order_id="ord-v", kind="unwind"))
    assert store.get("ord-v") is None


def test_an_unwind_has_its_parents_turn_and_no_other(store: OrderStore) -> None:
    bracket, other = _held(store), _held(store, "2", after=1)
    unwind = order(order_id="ord-u", kind="unwind", side="sell", parent_id="ord-1")
    store.save_with(bracket, unwind)
    assert store.borrow_turn(other)
    assert not store.take_turn(unwind, NOON), "somebody else has the turn"
    store.give_turn(other)
    assert store.take_turn(bracket, NOON)
    assert store.take_turn(unwind, NOON)
    store.finish(unwind.changed(status=Status.FILLED, completed_at=NOON))
    assert store.holder("TQQQ") == "ord-1", "the parent goes on with its turn"


def test_an_unwind_takes_back_the_turn_that_a_late_worker_gave_away(store: OrderStore) -> None:
    unwind = order(order_id="ord-u", kind="unwind", side="sell", parent_id="ord-1")
    store.save_with(_held(store), unwind)
    assert store.take_turn(unwind, NOON)
    assert store.holder("TQQQ") == "ord-1"


# --- borrowed turns ---


def test_a_turn_is_borrowed_and_given_back(store: OrderStore) -> None:
    bracket = _held(store)
    assert store.borrow_turn(bracket)
    assert store.borrow_turn(bracket), "asked again, it has it"
    assert store.holder("TQQQ") == "ord-1"
    store.give_turn(bracket)
    assert store.holder("TQQQ") is None


def test_a_turn_that_somebody_has_cannot_be_borrowed(store: OrderStore) -> None:
    bracket, other = _held(store, "1"), _held(store, "2", after=1)
    assert store.borrow_turn(other)
    assert not store.borrow_turn(bracket)


def test_only_the_holder_gives_a_turn_back(store: OrderStore, dynamodb: Any, table: str) -> None:
    bracket, other = _held(store, "1"), _held(store, "2", after=1)
    assert store.borrow_turn(bracket)
    store.give_turn(other)
    assert store.holder("TQQQ") == "ord-1"
    store.give_turn(bracket)
    store.give_turn(bracket)
    assert "Item" not in dynamodb.get_item(TableName=table, Key=turn_key("TQQQ"))


def test_nobody_gets_a_turn_that_was_borrowed(store: OrderStore) -> None:
    bracket = store.finish(_held(store, "1").changed(status=Status.FILLED, completed_at=NOON))
    assert store.borrow_turn(bracket)
    later = _accept(store, "2", after=1, kind="order")
    assert not store.take_turn(later, NOON)
    store.give_turn(bracket)
    assert store.take_turn(later, NOON)


# --- a close takes over ---


def test_earlier_orders_of_a_symbol_are_those_in_line_before(store: OrderStore) -> None:
    _accept(store, "first", after=1)
    _accept(store, "second", after=2, parked_until=NOON + timedelta(days=3))
    close = _accept(store, "close", after=3, kind="close")
    _accept(store, "later", after=4)
    _accept(store, "other", after=1, symbol="SOXL")
    assert _ids(store.earlier(close)) == ["ord-first", "ord-second"]


def test_an_order_that_is_over_is_not_earlier(store: OrderStore) -> None:
    first = _accept(store, "first", after=1)
    close = _accept(store, "close", after=3, kind="close")
    store.finish(first.changed(status=Status.UNFILLED, completed_at=NOON))
    assert store.earlier(close) == []


def test_superseding_hands_the_order_to_an_execution_of_its_own(store: OrderStore) -> None:
    first = _accept(store)
    store.supersede(first, "ord-close", "arn:2", NOON)
    taken = store.get("ord-1")
    assert taken
    assert (taken.close.superseded_by, taken.reason) == ("ord-close", Reason.SUPERSEDED)
    assert (taken.run.executions, taken.run.execution_arn) == (2, "arn:2")
    assert not taken.status.terminal
    with pytest.raises(StaleExecution):
        store.save(first)


def test_superseding_an_order_that_was_just_written_is_refused(store: OrderStore) -> None:
    """The close looks again: what it read is old."""
    first = _accept(store)
    store.save(first)
    with pytest.raises(StoreConflict):
        store.supersede(first, "ord-close", "arn:2", NOON)
    found = store.get("ord-1")
    assert found and found.close.superseded_by is None


def test_brackets_that_are_saved_together_are_saved_all_or_none(store: OrderStore) -> None:
    first, second, third = (_held(store, name, after) for after, name in enumerate("123"))
    both = store.save_together([first.with_exit(_gone(100)), second.with_exit(_gone(100))])
    assert [store.get(each.order_id) for each in both] == both
    assert store.holding_shares() == [third.order_id]
    with pytest.raises(StoreConflict):
        store.save_together([third.with_exit(_gone(100)), first])
    assert store.get(third.order_id) == third
    assert store.holding_shares() == [third.order_id]
