from __future__ import annotations

import pytest

from desk import docs
from repeg.domain.reasons import Reason
from repeg.domain.settings import Settings


@pytest.mark.parametrize("name", sorted(docs.pages()))
def test_generated_page_is_what_the_code_says(name: str) -> None:
    written = (docs.FOLDER / name).read_text(encoding="utf-8")
    assert written == docs.pages()[name], f"docs/{name} is out of date: run python -m desk.docs"


def test_every_reason_and_setting_is_explained() -> None:
    reasons, settings = docs.pages()["reason-codes.md"], docs.pages()["settings.md"]
    assert [line.split("`")[1] for line in reasons.splitlines() if line[:3].strip("| ").isdigit()] == [*Reason]
    assert all(f"| `{name}` |" in settings for name in Settings.__struct_fields__)


def test_defaults_are_shown_in_the_form_in_which_they_are_set() -> None:
    settings = docs.pages()["settings.md"]
    assert "| `max_slippage_bps` | `20` | above 0 to 1000 |" in settings
    assert "| `execution_mode` | `AUTO` | `AUTO`, `BETTER_ORDERS`, `STANDARD` |" in settings
    assert "| `enabled` | `true` | `true`, `false` |" in settings
