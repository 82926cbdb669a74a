"""Comparisons of the whole book in a lab: what they find, mend and tell, and differences that are planted for them."""

from __future__ import annotations

from typing import Any

from repeg.domain.metrics.listed import Metric
from repeg.domain.order.record import Order
from repeg.store.items import (
    Item,
    order_item,
    to_item,
)
from tests.support.lab import Lab
from tests.support.leaving import side_by_side
from tests.support.scenes import alerts, by_hand
from tests.support.stand_ins.tables import all_items, dynamodb_client, put_items


def book(lab: Lab) -> list[dict[str, Any]]:
    """The table, but for the requests that were spent."""
    return [item for item in all_items(lab.table) if not item["pk"]["S"].startswith("BUDGET")]


def whats(done: dict[str, Any]) -> list[str]:
    """The kinds of differences that were found, in order."""
    return sorted(finding["what"] for finding in done["findings"])


def healed(lab: Lab, *what: str, settle: int = 2) -> None:
    """A planted difference is found by who only reads, changes nothing for that, is mended, and then gone."""
    before = book(lab)
    assert whats(lab.reconcile(fix=False)) == [*what]
    assert book(lab) == before, "it only reads"
    done = lab.reconcile()
    assert (whats(done), done["mended"]) == ([*what], len(what))
    assert lab.meter.values(Metric.DRIFT)[-1] == len(what)
    for _ in range(settle):
        side_by_side(lab)
        lab.sleep(60)
        lab.reconcile()
    side_by_side(lab)
    assert lab.reconcile() == {"drift": 0, "mended": 0, "findings": []}


def told(lab: Lab, what: str, words: str) -> None:
    """A difference that nobody can mend is alerted, once, and stays."""
    done = lab.reconcile()
    assert whats(done) == [what]
    assert len([each for each in alerts(lab) if words in each]) == 1
    lab.reconcile()
    assert len([each for each in alerts(lab) if words in each]) == 1, "not again within a quarter of an hour"


def put(lab: Lab, key: Item, **values: str | int) -> None:
    """An item is in the table, whoever wrote it."""
    put_items(lab.table, [key | to_item(values)])


def drop(lab: Lab, key: Item) -> None:
    """An item is not in the table any more."""
    dynamodb_client().delete_item(TableName=lab.table, Key={"pk": key["pk"], "sk": key["sk"]})


def rewritten(lab: Lab, order: Order) -> None:
    """The record says something else from now on, whoever wrote that."""
    put_items(lab.table, [order_item(order)])


def rest(lab: Lab, client_order_id: str) -> str:
    """Somebody's order that waits far below the market, under this id; the broker's id."""
    waits = {"symbol": "TQQQ", "qty": 10, "side": "buy", "type": "limit", "limit_price": 40, "time_in_force": "day"}
    placed = by_hand(lab, "POST", "orders", waits | {"client_order_id": client_order_id})
    lab.sleep(0.5)
    return str(placed["id"])
