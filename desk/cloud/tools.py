"""The tools that the Makefile installs, each in an environment of its own."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from pathlib import Path

from desk.cloud.errors import CloudError
from desk.deployment.runtimes import refusal
from desk.stack.place import PROJECT

ARCH = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


@dataclass(frozen=True)
class Tools:
    """Interpreter of the emulator (its workers run the functions under it), and the SAM CLI."""

    cloud: Path
    sam: Path

    @property
    def runtime(self) -> str:
        """The Lambda runtime that is the emulator's own interpreter, such as ``python3.13``."""
        found = re.search(
            r"^version\s*=\s*(\d+\.\d+)", (self.cloud.parents[1] / "pyvenv.cfg").read_text(), re.MULTILINE
        )
        if not found:
            raise CloudError(f"{self.cloud} does not say which Python it is; run make clean and try again")
        return f"python{found[1]}"


def find_tools() -> Tools:
    """The tools.

    Raises:
        CloudError: they are not installed, or no Lambda function can run on their Python.
    """
    tools = Tools(PROJECT / ".tools/cloud/bin/python", PROJECT / ".tools/sam/bin/sam")
    for tool in (tools.cloud, tools.sam):
        if not tool.exists():
            if not (PROJECT / "template.yaml").exists():
                raise CloudError("this repeg was installed without its clone, which holds the stack: make local there")
            raise CloudError(f"{tool.relative_to(PROJECT)} is not installed; make local, demo or test installs it")
    if problem := refusal(tools.runtime):
        raise CloudError(problem)
    return tools
