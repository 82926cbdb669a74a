"""Rewrite the printed parts of the pages."""

from __future__ import annotations

from tests.support.architecture.page import FOLDER, PARTS, page

for name in PARTS:
    (FOLDER / name).write_text(page(name), encoding="utf-8")
