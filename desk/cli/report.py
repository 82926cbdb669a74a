"""`repeg report`: what execution cost over a period, and what the old way would have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desk.cli.options import AsJson, Since, StackName, StrategyFilter, Today, begin_of, time_of
from desk.cli.output import all_read, fail, print_json, refuse, tell


def report(
    since: Since = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before then, of the same form.")] = None,
    today: Today = False,
    strategy: StrategyFilter = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page, one file with its plots.")
    ] = None,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Report what execution cost: targets, slippage, fills, exits, and what market orders would have paid."""
    from desk.cli.reaching import reaching
    from desk.report.analysis.reports import Span, report_over
    from desk.stack.following import SCANNED_AT_MOST, Wanted, newest_orders
    from desk.stack.market_time import measured_now
    from repeg.store.orders import OrderStore

    span = Span(begin_of(since, today, stack), None if until is None else time_of("--until", until, stack), strategy)
    if span.since and span.until and span.until <= span.since:
        refuse(f"--until: {until} is not after the beginning, {since or 'today'}")
    broken: dict[str, str] = {}
    with reaching(stack) as connection:
        store = OrderStore(connection.dynamodb, connection.table)
        orders = newest_orders(store, Wanted(strategy=strategy, since=span.since), SCANNED_AT_MOST, broken)
        found = report_over(orders, lambda ids: store.several([*ids])[0], span, broken)
        printed = measured_now(connection) if html else None
    document = found.document()
    with all_read(broken):
        if html:
            from desk.page.page import page_of

            _write(html, page_of(document, connection.stack, printed))
        if as_json:
            print_json(document)
        elif html:
            tell(f"{html}: {found.counts.orders} orders")
        else:
            from desk.telling.analysis import report_page
            from desk.telling.render import console

            screen = console()
            screen.print(report_page(document, screen.width))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{path}: cannot be written ({error.strerror})")
