from __future__ import annotations

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType

from desk.telling.figures import price
from desk.telling.render import change_line, order_page, orders_table
from repeg.domain.ladder.pricing import CapBound
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.parts import Ask
from repeg.domain.order.record import Order
from repeg.domain.order.views import order_view
from repeg.domain.reasons import Reason, Status
from repeg.domain.signals.intake import answered_cancel
from repeg.domain.signals.parsing import CancelSignal, parse_signal
from tests.unit.samples import START, order, rung

PARTIAL = order(
    rung(1, 100, 40, "50.98"),
    rung(2, 60, 0, None, None),
    status=Status.PARTIALLY_FILLED,
    reason=Reason.SLIPPAGE_EXCEEDED,
).noted(START, "PlaceOrder", "buy 100 TQQQ [bold]at[/bold] 50.99")


def shown(what: RenderableType) -> str:
    screen = StringIO()
    Console(file=screen, width=160, markup=False).print(what)
    return screen.getvalue()


def test_an_order_shows_each_rung_with_its_quote_limit_and_fill() -> None:
    text = shown(order_page(order_view(PARTIAL)))
    assert "BUY 100 TQQQ" in text and "partially filled slippage_exceeded" in text
    first = next(line for line in text.splitlines() if line.split()[:1] == ["1"])
    assert first.split()[2:] == ["limit", "50.95", "50.98", "50.99", "100", "40", "50.98", "canceled", "1.00"]
    assert "10:00:00.0" in text, "times are New York's"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "3.005, cap 15 bps\n"),
        ({"cap_bound": CapBound.SETTING}, "3.005, cap 15 bps\n"),
        ({"cap_bound": CapBound.SIGNAL}, "3.005, cap 15 bps (the signal's own): 3.00\n"),
        ({"cap_bound": CapBound.TICKS, "cap_floor": Decimal("0.01")}, "3.005, cap 15 bps, at least a tick: 3.01\n"),
        (
            {"cap_bound": CapBound.OPENING_SPREAD, "cap_floor": Decimal("0.015")},
            "3.005, cap 15 bps, at least half of the spread before the open and a tick: 3.02\n",
        ),
        (
            {"cap_bound": CapBound.TICKS, "cap_floor": Decimal("0.01"), "completion": "must"},
            "3.005, cap 15 bps, at least a tick\n",
        ),
    ],
)
def test_a_cap_that_the_settings_alone_did_not_make_says_what_did(more: dict[str, Any], told: str) -> None:
    capped = order(reference_price=Decimal("3.005"), max_slippage_bps=Decimal(15), **more)
    page = shown(order_page(order_view(capped)))
    line = next(line for line in page.splitlines() if line.startswith("reference"))
    assert line.removeprefix("reference").strip() == told.strip()


def test_text_from_outside_is_shown_as_it_is() -> None:
    assert "[bold]at[/bold]" in shown(order_page(order_view(PARTIAL)))


@pytest.mark.parametrize("status", Status)
def test_every_status_can_be_shown_before_anything_is_known_of_the_order(status: Status) -> None:
    bare = Order(
        order_id="ord-2",
        signal_id="s-2",
        kind="close",
        symbol="?",
        status=status,
        created_at=START,
        ask=Ask(received_wall=START),
    )
    view = order_view(bare)
    assert "s-2" in shown(order_page(view)) and "s-2" in shown(orders_table([view], 160))
    assert shown(order_page(view)).split()[:2] == ["CLOSE", "?"], "the symbol alone while no quantity is known"
    assert change_line(view) == f"s-2 close ? 0 {status.value}"


def test_a_line_tells_what_is_missing_only_while_something_is() -> None:
    assert change_line(order_view(PARTIAL)) == "s-1 buy TQQQ 40/100 partially_filled slippage_exceeded rung 2 50.98"
    assert change_line(order_view(order(rung(1, 100, 100, "50.98")))) == "s-1 buy TQQQ 100 filled rung 1 50.98"


def test_a_cancel_says_of_what_it_is_where_nothing_is_known_of_that() -> None:
    signal = parse_signal({"signal_id": "c-1", "kind": "cancel", "cancel_signal_id": "monday"})
    assert isinstance(signal, CancelSignal)
    view = order_view(answered_cancel(signal, None, False, START, START, START))
    assert view["about"] == "monday"
    assert change_line(view).startswith("c-1 cancel monday 0 done unknown_order")
    for width in (80, 160):
        [_, line] = shown(orders_table([view], width)).splitlines()
        assert "monday" in line and "cancel" in line and "?" not in line


@pytest.mark.parametrize("width", [80, 160])
def test_a_reason_that_is_the_status_again_is_said_once(width: int) -> None:
    taken_over = order(status=Status.SUPERSEDED, reason=Reason.SUPERSEDED)
    assert shown(orders_table([order_view(taken_over)], width)).count("superseded") == 1


def test_a_narrow_screen_shows_what_matters_on_one_line() -> None:
    wide, narrow = (shown(orders_table([order_view(PARTIAL)], width)).splitlines() for width in (160, 80))
    assert "better_orders" in wide[1] and "better_orders" not in narrow[1]
    assert len(narrow) == 2 and all(word in narrow[1] for word in ("TQQQ", "40/100", "slippage_exceeded", "s-1"))


def test_what_is_in_the_market_is_shown_with_its_limit_and_its_quote_while_there_is_room() -> None:
    resting = order(rung(1, 100, 0, None), status=Status.WORKING)
    resting = resting.with_child(resting.children[0].changed(closed_at=None, status=ChildStatus.LIVE))
    table = orders_table([order_view(resting), order_view(PARTIAL)], 160)
    assert "limit 50.99 in 50.95 / 50.98" in shown(table)
    assert "at work" not in shown(orders_table([order_view(PARTIAL)], 160))


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_nothing_is_cut_short_on_any_screen(width: int) -> None:
    view = order_view(PARTIAL.changed(signal_id="a-strategy-with-a-long-name-2026-11-20-TQQQ-0042"))
    screen = StringIO()
    Console(file=screen, width=width, markup=False).print(orders_table([view], width), order_page(view, width))
    assert "…" not in screen.getvalue()
    assert "50.98" in screen.getvalue() and max(map(len, screen.getvalue().splitlines())) <= width


def test_days_are_new_yorks() -> None:
    late = order_view(PARTIAL.changed(created_at=START.replace(hour=2)))
    assert "19 Nov 21:00:00 " in shown(orders_table([late], 80))


def test_an_outcome_and_an_id_that_are_long_share_what_room_a_narrow_screen_has() -> None:
    view = order_view(PARTIAL) | {
        "filled_qty": "976.298792016",
        "requested_qty": "976.298792016",
        "reason": "held_by_protection",
        "signal_id": "adjust-bracket-CR-1128-2f57d2",
    }
    screen = StringIO()
    Console(file=screen, width=80, markup=False).print(orders_table([view], 80))
    lines = screen.getvalue().splitlines()
    assert len(lines) <= 5 and max(map(len, lines)) <= 80


def test_prices_keep_what_carries_something() -> None:
    assert [price(text) for text in ("50.9", "50.965", "0.9999", "50", None)] == [
        "50.90",
        "50.965",
        "0.9999",
        "50.00",
        "",
    ]
