"""`repeg blotter`: the page that shows a stack as it trades, and the switch that stops it."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from desk.cli.options import StackName
from desk.cli.output import refuse, tell


def blotter(
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Loopback port; 8787, or any if that is taken.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    stack: StackName = "",
) -> None:
    """Serve a page of live orders, positions, figures, alarms and the kill switch; end with Ctrl-C."""
    import asyncio

    from desk.blotter.door import new_key
    from desk.blotter.server import DEFAULT_PORT, HOST, Server, bind, serve
    from desk.blotter.sources import reached
    from desk.cli.reaching import reaching
    from desk.doctor.meter import Meter
    from desk.doctor.reach import reach
    from desk.stack.market_time import wall_clock

    try:
        bound = bind(port)
    except OSError as problem:
        refuse(f"--port: {port} cannot be used ({problem.strerror})")
    with bound, reaching(stack) as connection:
        key = new_key()
        # By its name: the stack that the page shows must stay the one that it asks the broker of.
        server = Server(reached(connection, lambda: reach(connection.stack, Meter(), wall_clock, ())), key)

        def ready(at: int) -> None:
            if port is None and at != DEFAULT_PORT:
                tell(f"port {DEFAULT_PORT} is taken, so it is {at}")
            # After the #, where browsers keep it to themselves.
            address = f"http://{HOST}:{at}/#key={key}"
            print(address, flush=True)
            tell("the address is its key: whoever has it may halt, sell, move stops and cancel; Ctrl-C ends it")
            if open_page and _has_browser():
                import webbrowser

                webbrowser.open(address)

        asyncio.run(serve(server, bound, ready))


def _has_browser() -> bool:
    """Whether there is a screen for one: else a text browser would take the terminal."""
    screen = sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    return bool(screen) and sys.stderr.isatty()
