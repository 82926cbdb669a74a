"""Rewrite the printed parts of docs/architecture.md."""

from __future__ import annotations

from tests.support.architecture.page import PAGE, page

PAGE.write_text(page(), encoding="utf-8")
