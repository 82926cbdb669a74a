"""The examples of docs/exchange.md run as they stand."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from desk.exchange.rules.settings import Settings

GUIDE = (Path(__file__).parents[3] / "docs" / "exchange.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8811"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_python(url: str, control: ExchangeControl) -> None:
    control.quote("AAPL", "199.99", "200.01")
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(block.replace(ADDRESS, url), names)
    assert (str(names["order"].symbol), names["fills"]) == ("AAPL", [])


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_curl(url: str, control: ExchangeControl) -> None:
    script = "\n".join(blocks("bash")).replace(ADDRESS, url)
    done = subprocess.run(
        ["bash", "-uo", "pipefail", "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert not done.stderr
    assert '{"error":' not in done.stdout and '{"code":' not in done.stdout, done.stdout
    assert done.stdout.count("no answer") == 1
    found = json.loads(re.findall(r'\{"id":"[^{}]*"client_order_id":"lost"[^{}]*\}', done.stdout)[-1])
    assert (found["symbol"], found["limit_price"]) == ("TQQQ", "50")


def test_the_scene() -> None:
    (scene,) = blocks("json")
    assert json.loads(scene)["quotes"]["TQQQ"]["ask_size"] == 300


def test_all_settings_are_in_the_table() -> None:
    table = GUIDE[GUIDE.index("| setting |") : GUIDE.index("`POST /_exchange/reset`")]
    assert set(re.findall(r"`([a-z_]+)`", table)) >= set(Settings().as_json())
