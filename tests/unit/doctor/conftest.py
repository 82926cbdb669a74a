from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clinic import Clinic, open_clinic


@pytest.fixture
def clinic(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    with open_clinic(monkeypatch) as opened:
        yield opened
