"""`repeg orders`, `order`, `wait`, `watch`: what became of the signals."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from desk.cli.options import AsJson, Limit, Listing, StackName, StrategyFilter, SymbolFilter, spread
from desk.cli.output import FAILED, all_read, fail, print_csv, print_json, refuse, told_without_table
from desk.cli.trading.completing import any_id, order_id

if TYPE_CHECKING:
    from desk.stack.records import Record
    from repeg.store.orders import OrderStore

CSV = (
    "created_at signal_id order_id kind strategy symbol side status reason requested_qty filled_qty avg_fill_price "
    "reference_price slippage_bps max_slippage_bps ladder stop_loss take_profit exit_price exit_reason exit_at "
    "completed_at"
)
StatusFilter = Annotated[str | None, typer.Option("--status", help="Only orders of this status.")]


@spread
def orders(
    listing: Listing,
    symbol: SymbolFilter = None,
    status: StatusFilter = None,
    strategy: StrategyFilter = None,
    limit: Limit = 1000,
) -> None:
    """List orders, the newest first."""
    from desk.cli.reaching import reaching_orders
    from desk.stack.following import Wanted, newest_orders
    from repeg.domain.order.views import order_view

    wanted = Wanted(_upper(symbol), _known_status(status), strategy, listing.judged())
    broken: dict[str, str] = {}
    with reaching_orders(listing.stack) as store:
        views = [order_view(order) for order in newest_orders(store, wanted, limit, broken)]
    with all_read(broken):
        if listing.as_csv:
            print_csv(views, CSV)
        elif not told_without_table(views, listing.as_json, "no orders"):
            from desk.telling.render import console, orders_table

            screen = console()
            screen.print(orders_table(views, screen.width))


def order(
    order_or_signal_id: Annotated[
        str, typer.Argument(help="Id of the order, or of the signal that it came from.", autocompletion=order_id)
    ],
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Show one order with its child orders and its history."""
    from desk.cli.reaching import reaching_records
    from repeg.domain.order.record import Order
    from repeg.domain.order.views import order_view

    with reaching_records(stack) as records:
        found = records.find(order_or_signal_id)
    if found is None:
        fail(f"{order_or_signal_id}: there is no such order (a signal just sent may need a moment; try repeg wait)")
    if not isinstance(found, Order):
        fail(f"{order_or_signal_id}: is a rebalance; repeg rebalance {found.signal_id} shows it and its legs")
    if as_json:
        print_json(order_view(found))
        return
    from desk.telling.render import console, order_page

    screen = console()
    screen.print(order_page(order_view(found), screen.width))


def wait(
    signal_ids: Annotated[
        list[str], typer.Argument(help="Ids of the signals (orders, rebalances) to wait for.", autocompletion=any_id)
    ],
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Wall seconds to wait at most.")] = 300,
    filled: Annotated[
        bool, typer.Option("--filled", help="Exit code 1 unless all were filled (rebalances: done).")
    ] = False,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Wait until what became of all these signals is over, whatever its status: orders and rebalances."""
    from desk.cli.reaching import reaching
    from desk.stack.following import wait_for
    from desk.stack.intake import why_it_waits
    from desk.stack.records import records_of
    from repeg.domain.signals.fields import SIGNAL_ID

    for name in signal_ids:
        if not SIGNAL_ID.fullmatch(name):
            refuse(f"signal_ids: {name!r} cannot be one; an id is 1 to 64 of A-Z a-z 0-9 _ -")

    def report(record: Record) -> None:
        if not as_json:
            why = f" {record.reason.value}" if record.reason else ""
            print(f"{record.signal_id} {record.status.value}{why}", flush=True)

    why = ""
    with reaching(stack) as connection:
        try:
            waited = wait_for(records_of(connection), signal_ids, timeout, report)
        except KeyboardInterrupt:
            paused = why_it_waits(connection)
            fail(f"stopped waiting; the orders go on{f', but {paused}' if paused else ''}")
        if None in waited.unfinished.values():
            why = why_it_waits(connection)
    if as_json:
        print_json(waited.orders)
    if waited.unfinished:
        left = ", ".join(f"{name} ({status or 'no order yet'})" for name, status in waited.unfinished.items())
        fail(f"not over after {timeout:g} s: {left}{f'; {why}' if why else ''}")
    if filled and any(view["status"] not in ("filled", "done") for view in waited.orders):
        raise typer.Exit(FAILED)


def watch(
    symbol: SymbolFilter = None,
    limit: Limit = 25,
    every: Annotated[float, typer.Option("--every", min=0.1, help="Wall seconds between looks.")] = 1,
    stack: StackName = "",
) -> None:
    """Show orders as they change; end with Ctrl-C."""
    from desk.cli.reaching import reaching_orders
    from desk.telling.render import console

    with reaching_orders(stack) as store:
        screen = console()
        try:
            show = _watch_live if screen.is_terminal else _watch_lines
            show(store, _upper(symbol), limit, lambda: time.sleep(every))
        except KeyboardInterrupt:
            return


def _watch_live(store: OrderStore, symbol: str | None, limit: int, pause: Callable[[], None]) -> None:
    from rich.live import Live

    from desk.stack.following import Wanted, newest_orders
    from desk.telling.render import console, orders_table
    from repeg.domain.order.views import order_view

    screen = console()
    table = orders_table([], screen.width)
    try:
        with Live(console=screen, auto_refresh=False, screen=True) as live:
            while True:
                views = [order_view(order) for order in newest_orders(store, Wanted(symbol), limit, {})]
                table = orders_table(views, screen.width)
                live.update(table, refresh=True)
                pause()
    finally:
        screen.print(table)


def _watch_lines(store: OrderStore, symbol: str | None, limit: int, pause: Callable[[], None]) -> None:
    """Without a terminal: one line for each change."""
    from desk.stack.following import Wanted, newest_orders
    from desk.telling.render import change_line
    from repeg.domain.order.views import order_view

    known: dict[str, str] = {}
    while True:
        for order in reversed(list(newest_orders(store, Wanted(symbol), limit, {}))):
            line = change_line(order_view(order))
            if known.get(order.order_id) != line:
                known[order.order_id] = line
                print(line, flush=True)
        pause()


def _known_status(status: str | None) -> str | None:
    from repeg.domain.reasons import Status

    if status is not None and status not in set(Status):
        refuse(f"--status: {status!r} is not a status; one of {', '.join(Status)} is needed")
    return status


def _upper(symbol: str | None) -> str | None:
    return symbol.upper() if symbol else None
