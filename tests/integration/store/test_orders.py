"""The order store: idempotent intake, fencing, versions, the terminal write, and what is left to do."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings

from repeg.domain.metrics.figures import mark_of
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.errors import StaleExecution, StoreConflict
from repeg.store.items import item_order, order_item, order_key, to_item
from repeg.store.orders import OrderStore, SignalClaim
from tests.property.strategies import orders
from tests.support.make import NOON, child, order

BOUGHT = child(qty=Decimal(100), filled_qty=Decimal(100), avg_fill_price=Decimal("50.98"), status=ChildStatus.FILLED)


def _accept(store: OrderStore, name: str = "1", after: float = 0, **fields: Any) -> Order:
    fresh = order(
        order_id=f"ord-{name}", signal_id=f"s-{name}", received_wall=NOON + timedelta(seconds=after), **fields
    )
    assert store.accept(fresh, f"hash-{name}") is None
    return fresh


# --- records ---


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(orders)
def test_every_field_survives_the_table(record: Order) -> None:
    """Design 3: the record is the truth."""
    assert item_order(order_item(record)) == record


def test_a_record_comes_back_as_it_was_written(store: OrderStore) -> None:
    written = _accept(store, children=(child(filled_qty=Decimal("0.123456789")),), notional=Decimal("1E+3"))
    assert store.get("ord-1") == written
    assert store.find("ord-1") == store.find("s-1") == written
    assert store.get("ord-2") is None and store.find("s-2") is None


def test_orders_are_listed_from_the_newest(store: OrderStore) -> None:
    for place, name in enumerate(("a", "b", "c")):
        _accept(store, name, after=place)
    assert [found.order_id for found in store.newest()] == ["ord-c", "ord-b", "ord-a"]
    assert [found.order_id for found in store.newest(limit=2)] == ["ord-c", "ord-b"]


def test_a_record_that_cannot_be_read_hides_no_other_and_is_named(store: OrderStore, dynamodb: Any, table: str) -> None:
    for place, name in enumerate(("a", "b", "c")):
        _accept(store, name, after=place)
    dynamodb.update_item(
        TableName=table,
        Key=order_key("ord-b"),
        UpdateExpression="SET #order = :damaged",
        ExpressionAttributeNames={"#order": "order"},
        ExpressionAttributeValues=to_item({":damaged": '{"of": "another version"}'}),
    )
    broken: dict[str, str] = {}
    assert [found.order_id for found in store.newest(broken=broken)] == ["ord-c", "ord-a"]
    assert list(broken) == ["ord-b"]
    with pytest.raises(ValueError, match="ord-b"):
        list(store.newest())


# --- intake ---


def test_the_same_signal_again_writes_nothing_and_tells_what_it_became(store: OrderStore) -> None:
    first = _accept(store)
    again = order(requested_qty=Decimal(7))
    assert store.accept(again, "another hash") == SignalClaim("ord-1", "hash-1")
    assert store.get("ord-1") == first


def test_an_intake_that_fails_half_way_has_written_nothing(store: OrderStore) -> None:
    store.record(order(order_id="ord-1", signal_id="other", status=Status.REJECTED))
    with pytest.raises(StoreConflict):
        store.accept(order(), "hash")
    assert store.claim_of("s-1") is None


def test_recording_a_refusal_twice_changes_nothing(store: OrderStore) -> None:
    refused = order(status=Status.REJECTED, reason=Reason.SIGNAL_CONFLICT)
    store.record(refused)
    store.record(refused.changed(reason=Reason.EXPIRED))
    found = store.get("ord-1")
    assert found is not None and found.reason is Reason.SIGNAL_CONFLICT
    assert store.claim_of("s-1") is None, "a conflicting signal owns nothing"


# --- fencing ---


def test_each_write_carries_on_from_the_last(store: OrderStore) -> None:
    written = store.save(_accept(store))
    assert written.run.version == 1
    assert store.save(written).run.version == 2
    assert store.get("ord-1") == written.with_run(version=2)


def test_two_steps_of_one_execution_cannot_both_write(store: OrderStore) -> None:
    read = _accept(store)
    store.save(read.with_run(waits=1))
    with pytest.raises(StoreConflict):
        store.save(read.with_run(waits=2))
    found = store.get("ord-1")
    assert found is not None and found.run.waits == 1


@pytest.mark.parametrize("write", ["save", "requeue", "finish", "adopt"])
def test_a_stale_execution_can_write_nothing(store: OrderStore, write: str) -> None:
    stale = _accept(store)
    adopted = store.adopt(stale, "arn:2")
    assert (adopted.run.executions, adopted.run.execution_arn, adopted.run.waits_since_start) == (2, "arn:2", 0)
    ended = stale.changed(status=Status.FILLED).with_run(parked_until=NOON)
    with pytest.raises(StaleExecution):
        {
            "save": lambda: store.save(ended),
            "requeue": lambda: store.save(ended, requeue=True),
            "finish": lambda: store.finish(ended),
            "adopt": lambda: store.adopt(ended, "arn:3"),
        }[write]()
    assert store.get("ord-1") == adopted
    assert store.take_turn(adopted, NOON), "its place in the queue is as it was"


def test_an_order_parked_for_a_later_open_lets_others_pass_until_then(store: OrderStore) -> None:
    first, second = _accept(store, "1"), _accept(store, "2", after=1)
    tomorrow = NOON + timedelta(days=1)
    store.save(first.with_run(parked_until=tomorrow), requeue=True)
    assert not store.take_turn(first, NOON)
    assert not store.take_turn(second, tomorrow), "at the open the order of arrival counts again"
    assert store.take_turn(second, NOON)


def test_a_stale_execution_cannot_take_the_turn_of_an_order_that_is_over(dynamodb: Any, table: str) -> None:
    """A worker that was stopped between two calls must not lock the symbol for ever."""
    store = OrderStore(dynamodb, table)
    stale, later = _accept(store, "1"), _accept(store, "2", after=1)

    class Interrupted:
        """The client of a worker that stands still just before it writes the turn."""

        def __getattr__(self, name: str) -> Any:
            if name in ("put_item", "transact_write_items"):
                owner = store.adopt(stale, "arn:2")
                assert store.take_turn(owner, NOON)
                store.finish(owner.changed(status=Status.FILLED))
            return getattr(dynamodb, name)

    OrderStore(Interrupted(), table).take_turn(stale, NOON)
    assert store.take_turn(later, NOON), "the next order of the symbol gets its turn"


# --- the turn ---


def test_the_first_that_arrived_has_the_turn_until_it_is_over(store: OrderStore) -> None:
    first, second = _accept(store, "1"), _accept(store, "2", after=1)
    assert not store.take_turn(second, NOON)
    assert store.take_turn(first, NOON)
    assert store.take_turn(first, NOON), "asking again is no harm"
    assert store.holder("TQQQ") == "ord-1"
    store.finish(first.changed(status=Status.FILLED))
    assert store.holder("TQQQ") is None
    assert store.take_turn(second, NOON)


def test_symbols_do_not_wait_for_each_other(store: OrderStore) -> None:
    assert store.take_turn(_accept(store, "1"), NOON)
    assert store.take_turn(_accept(store, "2", after=1, symbol="SPY"), NOON)


def test_orders_that_arrive_in_the_same_instant_take_turns(store: OrderStore) -> None:
    arrivals = [_accept(store, name) for name in ("a", "b", "c")]
    served = []
    while arrivals:
        ready = [one for one in arrivals if store.take_turn(one, NOON)]
        assert len(ready) == 1
        store.finish(ready[0].changed(status=Status.FILLED))
        arrivals.remove(ready[0])
        served.append(ready[0].order_id)
    assert served == sorted(served)


def test_a_late_arrival_does_not_overtake(store: OrderStore) -> None:
    second = _accept(store, "2", after=1)
    first = _accept(store, "1", after=0)
    assert not store.take_turn(second, NOON), "what counts is when the message came in"
    assert store.take_turn(first, NOON)


def test_two_workers_of_one_order_may_both_be_told_that_it_has_its_turn(dynamodb: Any, table: str) -> None:
    """A retried step whose first try did write the turn is not sent away."""
    store = OrderStore(dynamodb, table)
    mine = _accept(store)

    class Overtaken:
        """The client of a worker whose twin takes the turn just before it."""

        def __getattr__(self, name: str) -> Any:
            if name in ("put_item", "transact_write_items"):
                assert store.take_turn(mine, NOON)
            return getattr(dynamodb, name)

    assert OrderStore(Overtaken(), table).take_turn(mine, NOON)
    assert store.holder("TQQQ") == "ord-1"


# --- the end ---


def test_finishing_leaves_queue_and_turn_in_one_write(store: OrderStore, dynamodb: Any, table: str) -> None:
    mine = _accept(store)
    store.take_turn(mine, NOON)
    ended = store.finish(mine.changed(status=Status.FILLED))
    items = dynamodb.scan(TableName=table)["Items"]
    assert sorted(item["pk"]["S"] for item in items) == ["ORDER#ord-1", "SIGNAL#s-1"]
    assert ended.run.version == 1


def test_an_order_that_never_had_its_turn_does_not_end_somebody_elses(store: OrderStore) -> None:
    first, second = _accept(store, "1"), _accept(store, "2", after=1)
    store.take_turn(first, NOON)
    store.finish(second.changed(status=Status.REJECTED, reason=Reason.EXPIRED))
    assert store.holder("TQQQ") == "ord-1"


def test_a_finish_that_lost_its_claim_writes_nothing(store: OrderStore) -> None:
    mine = _accept(store)
    store.take_turn(mine, NOON)
    store.save(mine)
    with pytest.raises(StoreConflict):
        store.finish(mine.changed(status=Status.FILLED))
    found = store.get("ord-1")
    assert found is not None and found.status is Status.RECEIVED
    assert store.holder("TQQQ") == "ord-1"


def test_what_is_left_to_do_is_what_is_open_or_unpublished(store: OrderStore) -> None:
    open_one, ended, published = (_accept(store, name, after=place) for place, name in enumerate("abc"))
    store.finish(ended.changed(status=Status.FILLED))
    store.save(store.finish(published.changed(status=Status.FILLED)).with_run(published=True))
    store.record(order(order_id="ord-d", signal_id="s-d", status=Status.REJECTED))
    assert sorted(store.to_do()) == [open_one.order_id, ended.order_id, "ord-d"]


def test_trouble_is_not_mistaken_for_an_answer(store: OrderStore) -> None:
    nowhere = OrderStore(store._client, "no-such-table")
    with pytest.raises(ClientError):
        nowhere.accept(order(), "hash")
    with pytest.raises(ClientError):
        nowhere.save(order())


class _Contended:
    """A table whose transactions are cancelled for contention."""

    def transact_write_items(self, **request: Any) -> None:
        answer = {
            "Error": {"Code": "TransactionCanceledException", "Message": "try later"},
            "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
        }
        raise ClientError(answer, "TransactWriteItems")  # type: ignore[arg-type]


def test_contention_is_tried_again_not_taken_for_a_known_signal() -> None:
    with pytest.raises(StoreConflict, match="TransactionConflict"):
        OrderStore(_Contended(), "table").accept(order(), "hash")


# --- what entries contribute to the figures ---


def test_brackets_are_not_put_out_of_sight_by_plain_orders(store: OrderStore) -> None:
    """A rebalance a day has more legs than marks are read: an alarm about brackets would stay as it was for ever."""
    for number in range(6):
        bracket = number == 0
        fields = {"kind": "bracket", "risk_reward": Decimal("1.5")} if bracket else {"kind": "order"}
        over = _accept(
            store, str(number), number, status=Status.FILLED, completed_at=NOON, children=(BOUGHT,), **fields
        )
        assert mark_of(over)
    assert [mark.risk_reward for mark in store.marks(3)] == [None, None, None, Decimal("1.5")]
