"""Run the exchange: `python -m desk.exchange --port 0 --start 2026-11-20T10:00:00-05:00`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import sys
from fractions import Fraction
from pathlib import Path

from desk.exchange.door.gateway import Gateway
from desk.exchange.door.serving import DEFAULT_START as DEFAULT_START
from desk.exchange.door.serving import HOST, PortRefused, bind, serve
from desk.exchange.market.clock import MarketClock
from desk.exchange.market.moments import parse_instant
from desk.exchange.market.sessions import covers


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; exit code 0, or 2 if the port is not to be had."""
    options = _parse(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    # Ids of chance by default: two exchanges on one machine must not name different orders alike.
    ids = random.Random(options.id_seed) if options.id_seed is not None else None
    clock = MarketClock(options.start, options.speed, told=options.clock_file)
    gateway = Gateway(options.start, options.speed, ids=ids, clock=clock)
    if options.state_file and options.state_file.exists():
        gateway.go_on_with(options.state_file.read_bytes())
    try:
        asyncio.run(serve(gateway, bind(options.port), lambda port: _announce(port, options.port_file)))
    except PortRefused as problem:
        print(f"--port: {problem}", file=sys.stderr)
        return 2
    if options.state_file:
        # Beside the old one, never over it: who asked for it takes it over once it is whole.
        _write(options.state_file.with_name(f"{options.state_file.name}.new"), gateway.held())
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m desk.exchange", description="A simulated Alpaca on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 (default) picks a free one")
    parser.add_argument("--speed", type=_speed, default=Fraction(1), help="market seconds per wall second (1)")
    parser.add_argument("--start", type=_start, default=DEFAULT_START, help=f"market time ({DEFAULT_START})")
    parser.add_argument("--port-file", type=Path, help="the bound port is written here once it listens")
    parser.add_argument("--clock-file", type=Path, help="says how market time runs, whenever that changes")
    parser.add_argument(
        "--state-file", type=Path, help="begin with what is in it, at its time; at the end write FILE.new"
    )
    parser.add_argument("--id-seed", type=int, help="make order ids repeatable")
    return parser.parse_args(arguments)


def _speed(text: str) -> Fraction:
    try:
        speed = Fraction(text)
    except ZeroDivisionError:
        speed = Fraction(0)
    if speed <= 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return speed


def _start(text: str) -> int:
    try:
        start = parse_instant(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    if not covers(start):
        raise argparse.ArgumentTypeError("outside the trading calendar (2024-2027)")
    return start


def _announce(port: int, port_file: Path | None) -> None:
    if port_file is not None:
        _write(port_file, str(port).encode())
    print(f"exchange on http://{HOST}:{port}", file=sys.stderr, flush=True)


def _write(path: Path, data: bytes) -> None:
    """Renamed when complete: whoever waits for the file reads all of it."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)


if __name__ == "__main__":
    sys.exit(main())
