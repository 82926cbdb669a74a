"""`repeg alerts`: what asked for a person, and what of it still does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from desk.cli.options import AsJson, StackName
from desk.cli.output import fail, print_json, refuse, tell

if TYPE_CHECKING:
    from rich.table import Table

    from desk.stack.alerts import Alert

DAY = timedelta(days=1)
MOST_PAGES = 200
_STYLES = {"open": "bold red", "acknowledged": "dim", "over": "green"}


def alerts(
    ack: Annotated[bool, typer.Option("--ack", help="Acknowledge all that are shown.")] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="From then on, as 2026-11-20T09:25:00-05:00.")
    ] = None,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """List alerts, the newest last: those of the last 24 hours of this machine's clock, unless asked for more."""
    from desk.cli.reaching import reaching
    from desk.stack.alerts import acknowledge, find_alerts

    now = datetime.now(UTC)
    begin = _time(since) if since else now - DAY
    with reaching(stack) as connection:
        found = find_alerts(connection, begin, now, MOST_PAGES)
        if ack:
            found = acknowledge(connection, found)
    if as_json:
        print_json([alert.document() for alert in found.alerts])
    elif found.alerts:
        from desk.telling.render import console

        console().print(table(found.alerts))
    else:
        tell("no alerts")
    if not found.complete:
        fail("the log was not read to its end, later alerts may be missing; name a later --since")


def table(found: tuple[Alert, ...]) -> Table:
    """Alerts as people read them; the wall's time."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("at (UTC)", "state", "symbol", "order", "alert"):
        shown.add_column(name, overflow="fold")
    for alert in found:
        state = Text(alert.state.value, style=_STYLES[alert.state.value])
        at = f"{alert.at.astimezone(UTC):%d %b %H:%M:%S}"
        shown.add_row(at, state, alert.symbol or "", alert.order_id or "", alert.text)
    return shown


def _time(text: str) -> datetime:
    from desk.exchange.market.moments import from_ns, parse_instant

    try:
        return from_ns(parse_instant(text if ":" in text else ""))
    except ValueError:
        refuse(f"--since: {text} is not a time such as 2026-11-20T09:25:00-05:00")
