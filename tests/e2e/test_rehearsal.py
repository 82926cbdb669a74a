"""A deployment, up to the call that would change something."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from desk.stack.place import PROJECT
from tests.support.stack import load_template

pytestmark = pytest.mark.cloud

REPEG = Path(sys.executable).with_name("repeg")


def test_what_a_paper_deployment_would_create_is_listed() -> None:
    ran = subprocess.run([REPEG, "rehearse", "--json"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert (said["stack"], said["refused"], said["lock"]) == ("repeg", None, {})
    assert said["parameters"].items() >= {"TradingMode": "paper", "Arch": "arm64", "IsLocal": "false"}.items()
    types = [resource["type"] for resource in said["resources"]]
    functions = [each for each in load_template()["Resources"].values() if each["Type"] == "AWS::Serverless::Function"]
    assert len(functions) == len(list((PROJECT / "functions").glob("*/app.py")))
    # What takes signals by HTTP is there where a deployment asks for it.
    assert types.count("AWS::Lambda::Function") == sum("Condition" not in each for each in functions)
    assert [resource["name"] for resource in said["resources"] if resource["kept"]] == ["AlpacaKeys", "Table"]
    assert "AWS::SNS::Subscription" not in types, "nobody is named who would get mail"


def test_a_live_deployment_is_refused_until_it_is_deliberate() -> None:
    ran = subprocess.run([REPEG, "rehearse", "--config", "live"], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert [line.split("refused: ")[1].split()[:3] for line in ran.stdout.splitlines() if "refused: " in line] == [
        ["Live", "trading", "needs"],
        ["Live", "trading", "needs"],
        ["Live", "trading", "goes"],
    ]
    assert "ConfirmLiveTrading=yes-trade-real-money; fix: set parameter_overrides in samconfig.toml" in ran.stderr
