"""How the suite is spread over two processes: the local cloud takes one of them, everything else the other."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share the local cloud together, and start them first: they wait more than they compute."""
    for item in items:
        if item.get_closest_marker("cloud"):
            item.add_marker(pytest.mark.xdist_group("cloud"))
    items.sort(key=lambda item: item.get_closest_marker("cloud") is None)
