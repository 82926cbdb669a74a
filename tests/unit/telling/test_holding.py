"""What the commands say of a bracket's shares: guarded, left, or neither."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from desk.telling.holding import standing
from desk.telling.render import change_line, order_page, orders_table
from repeg.domain.order.protection import ExitReason, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.order.views import order_view
from repeg.domain.reasons import Reason, Status
from tests.unit.samples import BOUGHT, HELD, SOLD_IN_PART, TAKEN, bracket, gone, oco, order


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (HELD, "protected"),
        (TAKEN, "target 545.50"),
        (SOLD_IN_PART, "15 protected"),
        (bracket(BOUGHT, status=Status.WORKING), "unprotected"),
        (bracket(BOUGHT, status=Status.FAILED, protected=False), "UNPROTECTED"),
        (bracket(BOUGHT, protected=True, protections=(oco(ProtectionStatus.GONE),)), "UNPROTECTED"),
        (bracket(BOUGHT, status=Status.UNWOUND, exits=(gone(ExitReason.UNWIND, at="529"),)), "unwind 529.00"),
        (bracket(BOUGHT, exits=(gone(ExitReason.OUTSIDE, at=None),)), "outside"),
    ],
)
def test_one_cell_tells_whether_shares_are_guarded_or_gone(held: Order, said: str) -> None:
    view = order_view(held)
    assert standing(view).plain == said
    assert change_line(view).endswith(f" {said}")
    assert said in _shown(orders_table([view], 120)) and said in _shown(order_page(view)).splitlines()[0]


@pytest.mark.parametrize("other", [bracket(status=Status.REJECTED, reason=Reason.STOP_THROUGH), order(BOUGHT)])
def test_orders_that_hold_nothing_say_nothing_of_it(other: Order) -> None:
    assert not standing(order_view(other))


def test_a_protected_bracket_shows_limit_levels_and_the_oco() -> None:
    rows = _rows(HELD)
    assert rows["price"] == "signal 534.82, limit 535.09, cap 10 bps"
    assert rows["exits"] == "stop 529.45, target 545.50, R/R 1:2.00"
    assert rows["protected"] == "yes, 25 by OCO oco-1"


def test_exits_show_quantity_price_reason_and_time() -> None:
    assert _rows(TAKEN)["exited"] == "25 at 545.50, target, Fri 20 Nov 2026 10:31:00.0 ET"
    assert _rows(TAKEN)["protected"] == "no longer: nothing is held"
    assert _rows(SOLD_IN_PART)["exited"].startswith("10 at 540.00, close, ")
    assert _rows(SOLD_IN_PART)["protected"] == "yes, 15 by OCO oco-2"


def test_an_unwound_bracket_names_the_order_that_left_and_its_cost() -> None:
    left = bracket(
        BOUGHT,
        status=Status.UNWOUND,
        unwind_order_id="ord-2",
        unwind_cost=Decimal("1234.5"),
        exits=(gone(ExitReason.UNWIND, at="529"),),
    )
    assert _rows(left)["unwound by"] == "ord-2, cost $1,234.50"


def test_shares_without_protection_cannot_be_overlooked() -> None:
    assert _rows(bracket(BOUGHT, status=Status.FAILED))["protected"] == "NO, 25 CRWD are not guarded"


def test_a_superseded_order_names_the_close_that_took_over() -> None:
    assert _rows(bracket(status=Status.SUPERSEDED, superseded_by="ord-9"))["superseded"] == "by ord-9"


def test_an_order_that_never_held_anything_says_nothing_of_protection() -> None:
    rows = _rows(bracket(status=Status.REJECTED, reason=Reason.SLIPPAGE_EXCEEDED))
    assert rows["price"] == "signal 534.82, cap 10 bps"
    assert not rows.keys() & {"protected", "exited", "unwound by", "superseded"}


def _rows(held: Order) -> dict[str, str]:
    """The facts of the page by their labels."""
    lines = [line for line in _shown(order_page(order_view(held))).split("\n\n")[0].splitlines()[1:] if line.strip()]
    labels = ["signal", "order", "created", "ladder", "arrival", "filled", "price", "slippage", "exits", "protected"]
    labels += ["exited", "unwound by", "superseded"]
    return {label: line[len(label) :].strip() for line in lines for label in labels if line.startswith(label + " ")}


def _shown(what: Any) -> str:
    screen = StringIO()
    Console(file=screen, width=160, markup=False).print(what)
    return screen.getvalue()
