"""The `repeg` command. Exit codes: 0 ok, 1 what was asked for did not come about, 2 bad input or usage."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer._coercion import build_runtime_param
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.exceptions import TyperException

from desk.cli.output import BAD_INPUT, FAILED, tell

INTERRUPTED = 130
_AN_OPTION = re.compile("-{1,2}[A-Za-z]")
_NEGATIVE = re.compile(r"-[.\d]")
COMMANDS: dict[str, tuple[str, ...]] = {
    "desk.cli.local": ("demo", "local=app"),
    "desk.cli.exchange": ("exchange=app",),
    "desk.cli.rehearse": ("rehearse",),
    "desk.cli.trading.trade": ("buy", "sell", "close", "bracket", "adjust"),
    "desk.cli.trading.send": ("send",),
    "desk.cli.trading.refused": ("refused",),
    "desk.cli.trading.orders": ("orders", "order", "wait", "watch"),
    "desk.cli.blotter": ("blotter",),
    "desk.cli.rebalances": ("rebalances", "rebalance", "plan"),
    "desk.cli.positions": ("positions", "resolve"),
    "desk.cli.reconcile": ("reconcile",),
    "desk.cli.trading.profit": ("fills", "pnl"),
    "desk.cli.settings": ("settings=app",),
    "desk.cli.schedules": ("targets=targets", "schedules"),
    "desk.cli.keys": ("keys=app",),
    "desk.cli.webhook": ("webhook",),
    "desk.cli.doctor": ("doctor",),
    "desk.cli.report": ("report",),
    "desk.cli.alerts": ("alerts", "alarms", "metrics"),
    "desk.cli.control": ("pause", "resume", "halt", "control", "cancel"),
}
"""The module of each command, in the order of the help; `name=app` is a group of commands."""


def make_app(only: str | None = None) -> typer.Typer:
    """The command line, or of it `only` the one command of that name, if there is one: no other is imported."""
    listed = [(module, entry) for module, entries in COMMANDS.items() for entry in entries]
    chosen = [each for each in listed if each[1].partition("=")[0] == only] or listed
    app = typer.Typer(
        cls=_Group,
        no_args_is_help=True,
        add_completion=chosen is listed,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    # Beside it a command that is alone keeps its name.
    app.callback(help="repeg executes trading signals through Alpaca.")(_options)
    for module, entry in chosen:
        name, _, group = entry.partition("=")
        if group:
            made = getattr(import_module(module), group)
            for command in made.registered_commands:
                command.cls = _Command
            app.add_typer(made, name=name, cls=_Group)
        else:
            app.command(cls=_Command)(getattr(import_module(module), name))
    return app


class _Command(TyperCommand):
    """A command that takes no option for the value of another one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _read_quickly(self.get_params(ctx))
        left = self._parsed(ctx, args)
        for param in self.params:
            given = ctx.params.get(param.name)
            for each in given if isinstance(given, list | tuple) else [given]:
                if isinstance(each, str) and _AN_OPTION.match(each):
                    self._refuse(ctx, param, each)
        return left

    def _parsed(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, [*args])
        except TyperException as problem:
            # A number below nothing is no option: whoever reads the argument says what is wrong with it.
            if not _NEGATIVE.match(getattr(problem, "option_name", "")):
                raise
        ctx.ignore_unknown_options = True
        return super().parse_args(ctx, args)

    def _refuse(self, ctx: Any, param: Any, given: str) -> None:
        # Of `buy TQQQ 100 --strategy --dry-run` the parser makes an order of the strategy "--dry-run", which is sent.
        if isinstance(param, TyperOption):
            ctx.fail(f"{param.opts[0]}: has no value, only {given} behind it; nothing was done")
        if ctx.ignore_unknown_options:
            ctx.fail(f"No such option: {given}")


class _Group(TyperGroup):
    """All commands, or some that belong together."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _read_quickly(self.get_params(ctx))
        return super().parse_args(ctx, args)


def _read_quickly(params: Sequence[Any]) -> None:
    # Typer's own reader imports pydantic for the first of any type, which takes longer than most commands.
    for param in params:
        param._runtime_param = _AsTyped(param)


class _AsTyped:
    """Reads what needs no reading: text as it was typed, and defaults. All else is left to Typer."""

    def __init__(self, param: Any) -> None:
        self._type = param.type_descriptor
        self._default = param.default

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value that the command gets."""
        kind = self._type.annotation
        if value is None or (kind is str and isinstance(value, str)):
            return value
        if kind in (int, float) and value == self._default and not isinstance(value, str):
            return kind(value)
        if kind == list[str] and isinstance(value, tuple):
            return [*value]
        return build_runtime_param(self._type).coerce(value, param=param, ctx=ctx)


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"repeg {version('repeg')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version, and end.")
    ] = False,
) -> None:
    """What all commands have in common: nothing but this."""


def main() -> None:
    """Entry point; ends the process with the command's exit code."""
    _be_quick(sys.argv[1:])
    code = run()
    # The interpreter looks through all objects three times before it ends: a fifth of what a command takes.
    gc.freeze()
    gc.disable()
    sys.exit(code)


def _be_quick(arguments: Sequence[str]) -> None:
    """What a command does not need takes longer than the command."""
    from desk.stack.place import status

    # Hundreds of thousands of objects are made that live to the end: looking for garbage among them is a tenth of it.
    gc.set_threshold(100_000, 50, 50)
    here = status()
    named = any(argument.startswith("--stack") for argument in arguments)
    if here.up and not named and os.environ.get("REPEG_STACK", "") in ("", here.stack):
        # botocore loads it for ways to sign in and to sign that no emulator asks for.
        sys.modules["awscrt"] = _NOTHING


_NOTHING: Any = None
"""What makes an import fail, which its importer expects."""


def run(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; `arguments` default to those of the process."""
    typed = sys.argv[1:] if arguments is None else arguments
    try:
        app = make_app(typed[0] if typed else None)
        code = int(app(typed, prog_name="repeg", standalone_mode=False) or 0)
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
