"""The pictures of README.md, made of the demo: `python -m tests.support.pictures` (`make pictures`) makes all anew.

It plays the demo on a cloud of its own and takes the terminal as SVG, blotter and report as a browser shows them, each
for light and dark. What is written on them stands in `docs/pictures/shown.json`, which a test compares with what the
code prints today.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, DIMMED_MONOKAI, TerminalTheme

from desk.cli.main import run
from desk.cloud import local
from desk.demo.run import Demo
from desk.demo.stories import PARTS
from desk.exchange.client import ExchangeControl
from desk.telling import render

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"
SHOWN = FOLDER / "shown.json"
MOST_BYTES = {".svg": 60_000, ".png": 150_000}
TYPED = ("repeg order demo-repeg", "repeg positions")
SCHEMES = ("light", "dark")
SPEED = 1
"""As fast as a clock: on a machine that is busy with other things the seconds of orders are still their own."""
WIDTH = 100
_THEMES: dict[str, TerminalTheme] = {"light": DEFAULT_TERMINAL_THEME, "dark": DIMMED_MONOKAI}
# Rich's own asks another server for its font, and draws a window around the text.
_FONT = 'ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace'
_SVG = f"""\
<svg viewBox="-16 -14 BOX" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="repeg in a terminal">
<style>
.{{unique_id}}-matrix {{{{ font-family: {_FONT}; font-size: {{char_height}}px; }}}}
{{styles}}
</style>
<defs><clipPath id="{{unique_id}}-clip-terminal"><rect width="100%" height="100%"/></clipPath>{{lines}}</defs>
<rect x="-16" y="-14" width="100%" height="100%" rx="10" fill="BACKGROUND"/>
{{backgrounds}}
<g class="{{unique_id}}-matrix">
{{matrix}}
</g>
</svg>
"""
_COLUMN_PX, _LINE_PX = 12.2, 24.4
"""Of a character, as rich draws it."""
# Asks between the limit and the cap: these rest for a minute of the market.
_RESTING = (
    ("MSFT", "417.20", "417.52", "buy", 30, "417.20", "413.00", "425.60"),
    ("NVDA", "188.36", "188.50", "buy", 80, "188.36", "186.40", "192.28"),
)
_HEADINGS = "[...document.querySelectorAll('h1,h2,thead th')].filter(e => e.offsetParent).map(e => e.textContent)"


def main() -> None:
    """Make every picture."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["REPEG_LOCAL_DIR"] = folder
        with local.cloud(speed=SPEED, start=PARTS[0].acts[0].starts_at) as status:
            told = Demo(Console(stderr=True), SPEED).play(status)
            assert told.ok, "the demo did not go as expected"
            shown = {"terminal": _terminal(), **_browser(str(status.exchange_url), Path(folder) / "report.html")}
    SHOWN.write_text(json.dumps(shown, indent=1) + "\n", encoding="utf-8")
    for path in sorted(FOLDER.iterdir()):
        print(f"{path.stat().st_size:>8} {path.relative_to(FOLDER.parents[1])}")


def _terminal() -> list[str]:
    """The terminal with what is typed and what that prints; returns its lines."""
    screen = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    usual, render.console = render.console, lambda **_: screen  # type: ignore[assignment]
    try:
        for line in TYPED:
            screen.print(f"[dim]$[/] [bold]{line}[/]")
            assert run(line.split()[1:]) == 0, line
            if line is not TYPED[-1]:
                screen.print()
    finally:
        render.console = usual
    lines = screen.export_text(clear=False).splitlines()
    for scheme, theme in _THEMES.items():
        background = "#" + "".join(f"{part:02x}" for part in theme.background_color)
        box = f"{WIDTH * _COLUMN_PX + 32:.0f} {len(lines) * _LINE_PX + 28:.0f}"
        code = _SVG.replace("BACKGROUND", background).replace("BOX", box)
        text = screen.export_svg(code_format=code, theme=theme, clear=False, unique_id="t")
        (FOLDER / f"terminal-{scheme}.svg").write_text(text, encoding="utf-8")
    return [line.rstrip() for line in lines]


def _browser(exchange: str, report: Path) -> dict[str, list[str]]:
    from playwright.sync_api import sync_playwright

    rights = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright, _blotter() as address:
        found = os.environ.get("REPEG_CHROMIUM") or "/usr/bin/chromium"
        opened = playwright.chromium.launch(executable_path=found, args=["--disable-dev-shm-usage", *rights])
        pages = {scheme: opened.new_page(color_scheme=scheme) for scheme in SCHEMES}
        for page in pages.values():
            page.goto(address)
            page.wait_for_selector("#link[data-state=live]")
        _rest(ExchangeControl(exchange))
        for page in pages.values():
            page.wait_for_selector("#at-work tr[data-id]")
            page.wait_for_timeout(1500)
        shown = {"blotter": _taken(pages, "blotter", 1400, 570)}
        assert run(["report", "--html", str(report)]) == 0
        for page in pages.values():
            page.goto(report.as_uri())
        shown["report"] = _taken(pages, "report", 1200, 860)
        opened.close()
    return shown


def _taken(pages: dict[str, Any], name: str, width: int, height: int) -> list[str]:
    """Pictures of one page in each scheme; returns its headings."""
    for scheme, page in pages.items():
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=FOLDER / f"{name}-{scheme}.png")
    found = (" ".join(text.split()) for text in pages["light"].evaluate(_HEADINGS))
    # Counts of what is there are none of the page's words.
    return list(dict.fromkeys(filter(None, (text.rstrip(" 0123456789") for text in found))))


def _rest(exchange: ExchangeControl) -> None:
    """Brackets that are at work while the pictures are taken."""
    for symbol, bid, ask, _, qty, at, stop, target in _RESTING:
        exchange.quote(symbol, bid, ask, 500, 500)
        assert run(["bracket", symbol, str(qty), "--at", at, "--stop", stop, "--target", target]) == 0


@contextmanager
def _blotter() -> Iterator[str]:
    """A blotter that is served; its address."""
    command = [sys.executable, "-c", "from desk.cli.main import main; main()", "blotter", "--no-open", "--port", "0"]
    served = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert served.stdout
        yield served.stdout.readline().strip()
    finally:
        served.terminate()
        served.wait(20)


if __name__ == "__main__":
    main()
