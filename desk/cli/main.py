"""The `repeg` command. Exit codes: 0 ok, 1 what was asked for did not come about, 2 bad input or usage."""

from __future__ import annotations

import sys

import typer
from typer.exceptions import TyperException

from desk.cli import (
    alerts,
    blotter,
    control,
    doctor,
    exchange,
    keys,
    local,
    orders,
    positions,
    rebalances,
    reconcile,
    rehearse,
    report,
    schedules,
    settings,
)
from desk.cli.output import BAD_INPUT, FAILED, tell
from desk.cli.trading import profit, refused, send, trade

INTERRUPTED = 130

app = typer.Typer(
    help="repeg executes trading signals through Alpaca.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(local.demo)
app.add_typer(local.app, name="local")
app.command()(exchange.exchange)
app.command()(rehearse.rehearse)
app.command()(send.send)
app.command()(trade.buy)
app.command()(trade.sell)
app.command()(trade.close)
app.command()(trade.bracket)
app.command()(trade.adjust)
app.command()(refused.refused)
app.command()(orders.orders)
app.command()(orders.order)
app.command()(orders.wait)
app.command()(orders.watch)
app.command()(blotter.blotter)
app.command()(rebalances.rebalances)
app.command()(rebalances.rebalance)
app.command()(rebalances.plan)
app.command()(positions.positions)
app.command()(profit.fills)
app.command()(profit.pnl)
app.command()(positions.resolve)
app.command()(reconcile.reconcile)
app.add_typer(settings.app, name="settings")
app.add_typer(schedules.targets, name="targets")
app.command()(schedules.schedules)
app.add_typer(keys.app, name="keys")
app.command()(doctor.doctor)
app.command()(report.report)
app.command()(alerts.alerts)
app.command()(alerts.alarms)
app.command()(alerts.metrics)
app.command()(control.pause)
app.command()(control.resume)
app.command()(control.halt)
app.command()(control.control)
app.command()(control.cancel)


def main() -> None:
    """Entry point; ends the process with the command's exit code."""
    sys.exit(run())


def run(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; `arguments` default to those of the process."""
    try:
        code = int(app(arguments, prog_name="repeg", standalone_mode=False) or 0)
        if code == INTERRUPTED:
            tell("interrupted")
        return code
    except TyperException as problem:
        if _is_help(problem):
            return BAD_INPUT
        tell(problem.format_message())
        return BAD_INPUT if getattr(problem, "exit_code", FAILED) == BAD_INPUT else FAILED
    except (typer.Abort, KeyboardInterrupt):
        tell("interrupted")
        return INTERRUPTED


def _is_help(problem: TyperException) -> bool:
    """Whether it only means that the help has been shown, since there were no arguments."""
    return type(problem).__name__ == "NoArgsIsHelpError"
