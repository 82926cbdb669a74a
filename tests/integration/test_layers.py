"""What is deployed is whole: the layers as built, and every handler imported from them and from nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from desk.cloud.build import BUILD, build
from desk.cloud.tools import find_tools
from tests.support.stack import ROOT

MEGABYTE = 1024 * 1024
LAYERS = ("DependenciesLayer", "RepegLayer")
HANDLERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
IMPORT = """
import importlib.util, json, sys
sys.path[:0] = json.loads(sys.argv[1])
sys.path += json.loads(sys.argv[2])
import app
assert callable(app.handler)
names = ("boto3", "botocore", "pydantic", "pydantic_core", "repeg", "requests", "aws_lambda_powertools")
found = {name: getattr(sys.modules.get(name), "__file__", None) for name in names}
print(json.dumps(found | {"ours": sum(name.split(".")[0] == "repeg" for name in sys.modules)}))
"""
# Raised on purpose only: what a new import needs it for may well be read where it is needed (docs/performance.md).
MOST_MODULES = {
    "accept_signal": 85,
    "assess_market": 138,
    "cancel_order": 126,
    "check_fill": 124,
    "place_order": 135,
    "protect_position": 123,
    "record_outcome": 89,
    "release_protection": 113,
    "secure_position": 130,
    "unwind_position": 125,
}
"""Modules of our package that a function of the order path reads before its first event."""
CLIENTS = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
sys.path += json.loads(sys.argv[2])
import botocore
from botocore.session import Session
session = Session()
names = [name for service in sys.argv[3:] for name in dir(session.create_client(service, region_name="us-east-1"))]
print(json.dumps({"from": botocore.__file__, "calls": names}))
"""
SERVICES = ("dynamodb", "events", "lambda", "secretsmanager", "sqs", "ssm", "stepfunctions")
CALL = re.compile(r"(?:_client|\bsqs|client\(\"[a-z]+\"\))\.([a-z_]+)\(")
PAGED = re.compile(r"get_paginator\(\"([a-z_]+)\"\)")


@pytest.fixture(scope="module")
def built() -> Path:
    """The build for this machine, the one that the local cloud deploys."""
    build(find_tools())
    return BUILD


@pytest.fixture(scope="module")
def runtime_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the Lambda runtime brings by itself: boto3 and what it stands on, nothing else."""
    site = next((ROOT / ".tools/cloud/lib").glob("python*/site-packages"))
    folder = tmp_path_factory.mktemp("runtime")
    for name in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py"):
        (folder / name).symlink_to(site / name)
    return folder


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def run_isolated(code: str, *arguments: str) -> str:
    """Runs code under the runtime's interpreter without its packages, the user's, or this environment's."""
    python = find_tools().cloud
    base = [str(python), "-I", "-S", "-c", code, *arguments]
    ran = subprocess.run(base, capture_output=True, text=True, env={"AWS_DEFAULT_REGION": "us-east-1"}, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_holds_only_what_lambda_looks_at(layer: str, built: Path) -> None:
    assert [path.name for path in (built / layer).iterdir()] == ["python"]


def test_what_only_the_bench_compares_with_is_not_deployed(built: Path) -> None:
    deployed = {path.name for path in (built / "DependenciesLayer/python").iterdir()}
    assert {"requests", "msgspec"} <= deployed
    assert not deployed & {"alpaca", "pandas", "pandas.py", "numpy", "numpy.py", "websockets", "sseclient", "pytz"}


def test_the_layers_are_small(built: Path) -> None:
    assert sum(size(built / layer) for layer in LAYERS) < 45 * MEGABYTE


def test_the_layers_are_compiled_and_the_byte_code_is_trusted(built: Path) -> None:
    """Files keep no time stamps in a zip: byte code that is checked against them would be thrown away."""
    for source in ("DependenciesLayer/python/pydantic/main.py", "RepegLayer/python/repeg/errors.py"):
        (compiled,) = (built / source).parent.glob(f"__pycache__/{Path(source).stem}.*.pyc")
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 0b01


def test_our_layer_is_our_package_and_nothing_else(built: Path) -> None:
    assert [path.name for path in (built / "RepegLayer/python").iterdir() if path.name != "__pycache__"] == ["repeg"]
    sources = {path.relative_to(ROOT / "layers/repeg/repeg") for path in (ROOT / "layers/repeg/repeg").rglob("*.py")}
    deployed = built / "RepegLayer/python/repeg"
    assert {path.relative_to(deployed) for path in deployed.rglob("*.py")} == sources


@pytest.mark.parametrize("handler", HANDLERS)
def test_handler_runs_on_what_is_deployed(handler: str, built: Path, runtime_packages: Path) -> None:
    function = built / "".join(word.capitalize() for word in handler.split("_"))
    layers = [str(built / layer / "python") for layer in ("RepegLayer", "DependenciesLayer")]
    said = run_isolated(IMPORT, json.dumps([str(function), *layers]), json.dumps([str(runtime_packages)]))
    found = json.loads(said)
    assert found["repeg"].startswith(layers[0])
    for name in ("botocore", "pydantic_core", "requests", "aws_lambda_powertools"):
        assert found[name] is None or found[name].startswith(layers[1])
    assert found["boto3"] is None, "boto3 imports what moves files to S3"
    assert found["pydantic"] is None, "its models are a fifth of a cold start; its core checks as they do"
    assert found["ours"] <= MOST_MODULES.get(handler, found["ours"])
    if handler in ("accept_signal", "record_outcome"):
        assert found["requests"] is None, "nothing here talks to the broker"


def test_the_trimmed_clients_do_what_the_package_asks_of_them(built: Path, runtime_packages: Path) -> None:
    package = [path for path in (ROOT / "layers/repeg/repeg").rglob("*.py") if path.parent.name != "broker"]
    sources = [path.read_text() for path in package]
    asked = {name for source in sources for name in [*CALL.findall(source), *PAGED.findall(source)]}
    assert {
        "transact_write_items",
        "get_parameters",
        "get_secret_value",
        "put_events",
        "query",
        "list_executions",
    } <= asked
    layers = [str(built / layer / "python") for layer in ("RepegLayer", "DependenciesLayer")]
    said = json.loads(run_isolated(CLIENTS, json.dumps(layers), json.dumps([str(runtime_packages)]), *SERVICES))
    assert said["from"].startswith(layers[1]), "the runtime's own botocore was loaded"
    assert asked <= set(said["calls"])


def test_the_layers_survive_the_zip_they_travel_in(built: Path, runtime_packages: Path, tmp_path: Path) -> None:
    for layer in LAYERS:
        with zipfile.ZipFile(tmp_path / f"{layer}.zip", "w") as archive:
            for path in (built / layer).rglob("*"):
                archive.write(path, path.relative_to(built / layer))
        with zipfile.ZipFile(tmp_path / f"{layer}.zip") as archive:
            archive.extractall(tmp_path / layer)
    paths = [str(tmp_path / layer / "python") for layer in ("RepegLayer", "DependenciesLayer")]
    run_isolated(IMPORT, json.dumps([str(built / "PlaceOrder"), *paths]), json.dumps([str(runtime_packages)]))


@pytest.mark.slow
@pytest.mark.parametrize(("runtime", "arch", "machine"), [("python3.13", "arm64", "aarch64")])
def test_the_layer_is_built_for_another_machine(runtime: str, arch: str, machine: str, tmp_path: Path) -> None:
    """As ``make deploy`` does it on a machine that is not of AWS's architecture or Python."""
    environment = {**os.environ, "REPEG_RUNTIME": runtime, "REPEG_ARCH": arch, "ARTIFACTS_DIR": str(tmp_path)}
    environment.pop("REPEG_NATIVE", None)
    subprocess.run(
        ["make", "-s", "build-DependenciesLayer", f"PYTHON={sys.executable}"],
        cwd=ROOT / "layers/dependencies",
        env=environment,
        check=True,
        capture_output=True,
    )
    compiled = [path.name for path in tmp_path.rglob("*.so")]
    assert compiled
    assert all(machine in name and ("313" in name or "abi3" in name) for name in compiled), compiled
    assert size(tmp_path) < 45 * MEGABYTE
