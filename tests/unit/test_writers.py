"""The order record has owners: no field of it is written by more than two files."""

from __future__ import annotations

import ast

from repeg.domain.order.record import Order
from tests.support.architecture.writers import Known, fields, writers, written

MOST = 2
"""One where the record is made, and one that says what happens to it."""


def test_no_field_of_the_record_is_written_by_more_than_two_files() -> None:
    assert {field: sorted(files) for field, files in writers().items() if len(files) > MOST} == {}


def test_every_field_of_the_record_is_counted() -> None:
    assert {"status", "run.waits", "guard.protected", "close.released"} <= set(fields())
    assert len(fields()) > len(Order.__struct_fields__)
    # One that nobody wrote would be one that the count does not see; of a rebalance no order is made yet.
    assert {field for field, files in writers().items() if not files} <= {"rebalance_id"}


def test_a_write_is_seen_however_it_is_made() -> None:
    source = """
def each_way(order: Order, brackets: list[Order], child: ChildRecord, stranger) -> Order:
    known = {"reason": None}
    order = order.with_run(waits=0).with_close(settling=1)
    order = order.changed(**known)
    again = [bracket.changed(side="buy") for bracket in brackets]
    child = child.changed(status=None)
    stranger.changed(told=())
    guard = order.guard.changed(settled=True)
    return order.changed(guard=guard, run=Run(clock=None))
"""
    seen = set(written(ast.parse(source), Known([])))
    assert seen == {"run.waits", "close.settling", "reason", "side", "told", "guard.settled", "run.clock"}
