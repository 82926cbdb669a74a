"""Which Pythons the stack's functions can run on, and what to do about another one.

The functions run on the minor version of the interpreter that builds their layers: byte code of another one is no use.

A script, run before anything is installed: ``python3 -I runtimes.py`` says in one line why this Python will not do, and
ends with exit code 2.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
DEPRECATED = {"python3.11": "June 2027"}
"""When AWS ends the support of a runtime, where that is near."""


def runtimes() -> list[str]:
    """Lambda runtimes that the template takes, oldest first, such as ``python3.13``."""
    found = re.search(
        r"^  PythonRuntime:\n(?:    .*\n)*?    AllowedValues: \[(.*)\]", TEMPLATE.read_text(), re.MULTILINE
    )
    assert found, "template.yaml names no runtimes"
    return [name.strip() for name in found.group(1).split(",")]


def refusal(runtime: str) -> str | None:
    """Why the stack cannot run on a runtime, and the mend, in one line; None if it can."""
    known = runtimes()
    if runtime in known:
        return None
    there = [name for name in reversed(known) if name != runtime and _works(name)]
    mend = f"make PYTHON={there[0]} ..." if there else f"install one of them, then make PYTHON={known[-1]} ..."
    versions = ", ".join(name.replace("python", "") for name in known)
    return f"{runtime} is no Lambda runtime of this stack, which runs on Python {versions}; fix: {mend}"


def remark(runtime: str) -> str | None:
    """What is to be known before one deploys on a runtime; None if there is nothing."""
    if runtime not in DEPRECATED:
        return None
    newer = [name for name in reversed(runtimes()) if name not in DEPRECATED]
    first = next((name for name in newer if _works(name)), newer[0])
    return f"AWS deprecates {runtime} in {DEPRECATED[runtime]}; for a newer runtime: make PYTHON={first} deploy"


def of_interpreter() -> str:
    """The runtime that is this interpreter's version."""
    return f"python{sys.version_info[0]}.{sys.version_info[1]}"


def _works(name: str) -> bool:
    """Whether there is such a command, and a Python behind it."""
    return shutil.which(name) is not None and subprocess.call([name, "-c", ""], stderr=subprocess.DEVNULL) == 0


if __name__ == "__main__":
    if problem := refusal(of_interpreter()):
        sys.stderr.write(f"{problem}\n")
        sys.exit(2)
