"""Strangers' bots, each a process in the environment of its own client, told an address and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from desk.exchange.client import ExchangeControl

TOOLS = Path(__file__).parents[4] / ".tools"


def what_it_saw(program: Path, bot: str, timeout: float = 200, **environment: str) -> dict[str, Any]:
    """What the bot printed of its day; it gets the variables that are named here, and no others."""
    assert program.exists(), "make test installs it"
    done = subprocess.run(
        [str(program), str(Path(__file__).with_name(bot))],
        # What lies beside the machine is none of a bot's business.
        env={"PATH": os.environ["PATH"], "NO_PROXY": "*", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def fills(control: ExchangeControl) -> list[list[str]]:
    """Side, quantity and price of all fills in the journal, in order."""
    return [[each["side"], each["qty"], each["price"]] for each in control.journal() if each["type"] == "fill"]
