"""`repeg demo`: the stories on a local cloud of their own."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from desk.cli.options import AsJson
from desk.cli.output import FAILED, end_as_by_ctrl_c, fail, print_json, refuse

SLOWEST, FASTEST = 1.0, 10.0


def demo(
    speed: Annotated[float, typer.Option("--speed", metavar="X", help="Run the market X times faster (1 to 10).")] = 5,
    as_json: AsJson = False,
) -> None:
    """Watch sample signals become orders, each with its expected outcome; exit code 1 if one differs."""
    from desk.cloud.errors import CloudError
    from desk.demo.run import Demo
    from desk.stack.place import PROJECT
    from desk.telling.render import console

    if not SLOWEST <= speed <= FASTEST:
        refuse(f"--speed: {speed:g} is not within {SLOWEST:g} to {FASTEST:g}")
    # A cloud of the user's own may be up in the usual folder, and must not be disturbed.
    os.environ["REPEG_LOCAL_DIR"] = str(PROJECT / ".local" / "demo")
    end_as_by_ctrl_c()
    try:
        told = Demo(console(stderr=as_json), speed).run()
    except CloudError as problem:
        fail(str(problem))
    if as_json:
        print_json(told.document())
    if not told.ok:
        raise typer.Exit(FAILED)
