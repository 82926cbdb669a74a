from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from desk.cloud import tools
from desk.cloud.errors import CloudError
from tests.support.stack import ROOT


def test_without_the_clone_it_is_said_where_the_local_cloud_is_to_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "PROJECT", tmp_path)
    with pytest.raises(CloudError, match="installed without its clone"):
        tools.find_tools()
    (tmp_path / "template.yaml").touch()
    with pytest.raises(CloudError, match="make local, demo or test installs it"):
        tools.find_tools()


def test_an_installation_has_the_command_and_all_that_its_packages_hold() -> None:
    """As by pipx: what pip builds of the clone has pages and templates, too, as no file of a package is left out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["scripts"] == {"repeg": "desk.cli.main:main"}
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["layers/repeg/repeg", "desk"]
    ignored = (ROOT / ".gitignore").read_text().split()
    assert not [name for name in ignored if name.endswith((".html", ".js", ".css", ".j2", ".svg"))]
