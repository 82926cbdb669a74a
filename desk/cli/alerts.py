"""`repeg alerts`, `repeg alarms` and `repeg metrics`: what asks for a person, what would, and what is measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from desk.cli.options import AsJson, Since, StackName, begin_of
from desk.cli.output import fail, print_json, refuse, tell

if TYPE_CHECKING:
    from rich.console import RenderableType

    from desk.stack.alerts import Alert
    from desk.stack.market_time import Setting

DAY = timedelta(days=1)
MOST_PAGES = 200
_STYLES = {"open": "bold red", "acknowledged": "dim", "over": "green"}


def alerts(
    ack: Annotated[bool, typer.Option("--ack", help="Acknowledge all that are shown.")] = False,
    since: Since = None,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """List alerts, the newest last: those of the last 24 hours of this machine's clock, unless asked for more."""
    from desk.cli.reaching import reaching
    from desk.stack.alerts import acknowledge, find_alerts
    from desk.stack.market_time import clock_of

    now, clock, first = datetime.now(UTC), clock_of(stack), begin_of(since, False, stack)
    begin = clock.wall(first) if first else now - DAY
    with reaching(stack) as connection:
        found = find_alerts(connection, begin, now, MOST_PAGES)
        if ack:
            found = acknowledge(connection, found)
    if as_json:
        print_json([alert.document() for alert in found.alerts])
    elif found.alerts:
        from desk.telling.render import console

        screen = console()
        screen.print(table(found.alerts, clock, screen.width))
    else:
        tell("no alerts")
    if not found.complete:
        fail("the log was not read to its end, later alerts may be missing; name a later --since")


def alarms(stack: StackName = "", as_json: AsJson = False) -> None:
    """List the alarms, those that ring first: since when, what was measured last, and what to do."""
    from desk.cli.reaching import reaching
    from desk.stack.alarms import RINGS
    from desk.stack.alarms import alarms as read

    with reaching(stack) as connection:
        found = read(connection)
    if as_json:
        print_json([alarm.document() for alarm in found])
        return
    if found:
        from desk.telling.render import console, widest
        from desk.telling.watching import NARROW, alarm_table

        screen = console()
        shown = alarm_table([alarm.document() for alarm in found], screen.width)
        if not screen.is_terminal and screen.width >= NARROW:
            screen.width = max(screen.width, widest(shown))  # for whoever looks for the line of an alarm
        screen.print(shown)
    ringing = sum(alarm.state == RINGS for alarm in found)
    tell(f"{len(found)} alarms, {ringing or 'none'} in ALARM" if found else "the stack has no alarms: make deploy")


def metrics(
    name: Annotated[str, typer.Argument(help="One metric, drawn, with what it is broken down by.")] = "",
    hours: Annotated[float, typer.Option("--hours", min=0.1, max=360, help="How far to look back.")] = 3,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """List what is measured: the last value of each metric and its course, beside target and level of its alarm."""
    from desk.cli.reaching import reaching
    from desk.stack.metrics import Measured
    from desk.stack.metrics import metrics as read
    from repeg.domain.metrics.listed import LISTED

    known = {one.lower(): str(one) for one in LISTED}
    wanted = known.get(name.lower(), name)
    with reaching(stack) as connection:
        found = read(connection, hours, wanted)
    if name and not found.totals:
        if wanted not in LISTED and not found.parts:
            refuse(f"NAME: there is no metric {name} (repeg metrics lists them)")
        found = replace(found, totals=(Measured(wanted, ()),))
    totals, parts = [one.document() for one in found.totals], [one.document() for one in found.parts]
    if as_json:
        print_json(totals[0] | {"parts": parts} if name else totals)
        return
    from desk.telling.render import console
    from desk.telling.watching import metric_page, metric_table

    screen = console()
    if name:
        screen.print(metric_page(totals[0], parts, found.since, found.until, screen.width))
    elif totals:
        screen.print(metric_table(totals, found.since, found.until, screen.width))
    else:
        tell("nothing was measured yet")


def table(found: tuple[Alert, ...], clock: Setting, width: int = 160) -> RenderableType:
    """Alerts as people read them, on so many columns; market time, in New York, as of orders."""
    from rich.table import Table
    from rich.text import Text

    from desk.telling.figures import moment_of
    from desk.telling.paired import Paired
    from desk.telling.watching import NARROW

    titles, rows = ("at (ET)", "state", "symbol", "about"), []
    for alert in found:
        state = Text(alert.state.value, style=_STYLES[alert.state.value])
        at = moment_of(clock.market(alert.at))
        cells = (Text(at), state, Text(alert.symbol or ""), Text(alert.order_id or alert.rebalance_id or ""))
        rows.append((cells, Text(alert.text)))
    if width < NARROW:
        return Paired(titles, rows, "alert").shown(width)
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in titles:
        shown.add_column(name, no_wrap=True)
    shown.add_column("alert", overflow="fold")
    for cells, text in rows:
        shown.add_row(*cells, text)
    return shown
