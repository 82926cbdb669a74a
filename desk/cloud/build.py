"""Builds the real stack with the real ``sam build`` for this machine, and only when its sources have changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from desk.cloud.errors import CloudError
from desk.cloud.tools import ARCH, Tools
from desk.stack.place import PROJECT, locked

BUILD = PROJECT / ".aws-sam/build"
_SOURCES = ("template.yaml", "statemachines", "functions", "layers")
_TO_JSON = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"


def build(tools: Tools) -> bool:
    """Brings the build up to date; returns whether there was anything to do.

    Raises:
        CloudError: with the end of what ``sam build`` said.
    """
    BUILD.parent.mkdir(exist_ok=True)
    with locked(BUILD.parent / "lock"):
        wanted = _fingerprint(tools)
        stamp = BUILD / "fingerprint"
        if stamp.exists() and stamp.read_text() == wanted:
            return False
        shutil.rmtree(BUILD, ignore_errors=True)
        _sam_build(tools)
        _write_machines_as_json(tools)
        stamp.write_text(wanted)
        return True


def _sam_build(tools: Tools) -> None:
    arguments = ["build", "--template-file", "template.yaml", "--build-dir", str(BUILD)]
    arguments += ["--cached", "--cache-dir", str(BUILD.parent / f"cache-{tools.runtime}-{ARCH}")]
    arguments += ["--parameter-overrides", f"PythonRuntime={tools.runtime}", f"Arch={ARCH}", "IsLocal=true"]
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    run_sam(
        tools,
        arguments,
        PROJECT,
        {
            **inherited,
            # The builder looks for the runtime's interpreter on the path.
            "PATH": f"{tools.cloud.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "SAM_CLI_TELEMETRY": "0",
            "REPEG_NATIVE": "1",
            "REPEG_RUNTIME": tools.runtime,
            "REPEG_ARCH": ARCH,
        },
    )


def _write_machines_as_json(tools: Tools) -> None:
    """AWS takes a definition in YAML, the emulator only in JSON: the build points at the same definitions in JSON."""
    template = BUILD / "template.yaml"
    text = template.read_text()
    for source in sorted((PROJECT / "statemachines").glob("*.asl.yaml")):
        converted = subprocess.run(
            [str(tools.sam.with_name("python")), "-c", _TO_JSON],
            input=source.read_text(),
            capture_output=True,
            text=True,
            check=True,
        )
        definition = BUILD / source.with_suffix(".json").name
        definition.write_text(converted.stdout)
        text = text.replace(os.path.relpath(source, BUILD), definition.name)
    template.write_text(text)


def run_sam(tools: Tools, arguments: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Runs the SAM CLI and returns what it said.

    Raises:
        CloudError: it failed; with the end of what it said.
    """
    return run_tool(f"sam {arguments[0]}", [str(tools.sam), *arguments], folder, environment)


def run_tool(name: str, command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Runs a command to its end and returns what it said.

    Raises:
        CloudError: it failed; with the end of what it said.
    """
    ran = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise CloudError(f"{name} failed:\n{_end_of(ran.stdout)}")
    return ran.stdout


def _end_of(text: str, lines: int = 25) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


def _fingerprint(tools: Tools) -> str:
    digest = hashlib.sha256(json.dumps([tools.runtime, ARCH]).encode())
    lock_files = [PROJECT / "requirements/sam.txt", PROJECT / "requirements/cloud.txt", Path(__file__)]
    for path in [*lock_files, *_files(PROJECT / source for source in _SOURCES)]:
        digest.update(str(path.relative_to(PROJECT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _files(roots: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for root in roots:
        found += [root] if root.is_file() else [path for path in root.rglob("*") if path.is_file()]
    return sorted(path for path in found if "__pycache__" not in path.parts)
