"""Order records that earlier versions left in the table mean what they meant."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from repeg.domain.order.children import ChildStatus
from repeg.domain.order.reservation import Reservation
from repeg.domain.order.views import order_view
from repeg.store.items import item_order, order_item

ITEMS: dict[str, Any] = json.loads((Path(__file__).parent / "old_orders.json").read_text())
"""A bracket as it was written before records had a form: while its entry was live, and right after its fill."""
RESERVED_AT = 1795186800


@pytest.mark.parametrize(
    ("stage", "of_child", "of_order"),
    [
        ("working", Reservation(second=RESERVED_AT, left=4), None),
        ("filled", None, Reservation(second=RESERVED_AT, left=2)),
    ],
)
def test_what_was_reserved_is_still_reserved(
    stage: str, of_child: Reservation | None, of_order: Reservation | None
) -> None:
    order = item_order(ITEMS[stage])
    assert (order.children[0].reserved, order.guard.reserved) == (of_child, of_order)


def test_everything_else_reads_as_it_was() -> None:
    order, was = item_order(ITEMS["working"]), json.loads(ITEMS["working"]["order"]["S"])
    [child], [old] = order.children, was["rungs"]
    assert (child.client_order_id, child.status) == (old["client_order_id"], ChildStatus.LIVE)
    assert (child.limit_price, child.filled_qty) == (Decimal(old["limit_price"]), Decimal(old["filled_qty"]))
    assert child.saved_wall == datetime.fromisoformat(old["saved_at"])
    assert order.ask.received_wall == datetime.fromisoformat(was["received_at"])
    assert (order.run.version, order.run.executions, order.order_id) == (2, 1, was["order_id"])


def test_old_records_are_shown_as_they_were() -> None:
    """Orders of every kind, at many stages, as the last version with flat records wrote them and showed them.

    Of one that was sent twice, `first_sent_at` was the second time then.
    """
    for known in json.loads((Path(__file__).parent / "old_views.json").read_text()):
        shown = order_view(item_order(known["item"]))
        assert {name: shown[name] for name in known["view"]} == known["view"]


@pytest.mark.parametrize("stage", ITEMS)
def test_saved_again_it_has_the_present_form(stage: str) -> None:
    order = item_order(ITEMS[stage])
    item = order_item(order)
    assert item_order(item) == order
    assert not {"rungs", "reserve", "reserve_left"} & set(json.loads(item["order"]["S"]))


def test_only_who_meets_an_old_record_loads_what_reads_it() -> None:
    code = (
        "import json, sys; from repeg.store.items import item_order, order_item; "
        "old = json.loads(sys.stdin.read()); read = lambda item: (item_order(item), 'repeg.store.old_records' in "
        "sys.modules)[1]; present = json.loads(sys.argv[1]); print(read(present), read(old))"
    )
    present = json.dumps(order_item(item_order(ITEMS["filled"])))
    path = ":".join(entry for entry in sys.path if entry)
    run = subprocess.run(
        [sys.executable, "-c", code, present],
        input=json.dumps(ITEMS["filled"]),
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": path},
    )
    assert run.stdout.strip() == "False True"


@pytest.mark.parametrize("text", ["[]", "7", '"text"', "{", '{"protections": [1]}', '{"rungs": 3}'])
def test_what_is_no_record_is_named_as_one_that_cannot_be_read(text: str) -> None:
    """The sweep passes over those, and sees to the others."""
    item = {key: value for key, value in ITEMS["filled"].items() if key != "form"}
    with pytest.raises(ValueError, match=r"\w"):
        item_order(item | {"order": {"S": text}})


def test_a_record_of_a_later_form_is_not_read_as_if_it_were_empty() -> None:
    later = order_item(item_order(ITEMS["filled"])) | {"form": {"N": "3"}}
    with pytest.raises(ValueError, match="form 3"):
        item_order(later)
