"""The comparison: both sides in, differences out. Nothing is concluded here from one look alone: see `confirmed`."""

from __future__ import annotations

from repeg.domain.reconcile.book import Book
from repeg.domain.reconcile.findings import Finding
from repeg.domain.reconcile.positions import positions
from repeg.domain.reconcile.trades import made_up_fills, stray_orders, unrecorded_fills
from repeg.domain.reconcile.work import work


def compare(book: Book) -> tuple[Finding, ...]:
    """What of broker and store differs, each difference once; orders that are at work differ in nothing."""
    found = (*positions(book), *stray_orders(book), *unrecorded_fills(book), *made_up_fills(book), *work(book))
    return tuple({finding.key: finding for finding in reversed(found)}.values())[::-1]
