"""The one audit: do the records agree with what the exchange saw, and did the money rules hold at every moment?

It compares order views with the exchange's own journal, which knows nothing of them. The demo and the bench run it at
their end, the tests after every test, on the same rules: `moments` has those that hold at every moment, `endings` those
about the records.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from desk.report.books import Books
from desk.report.endings import of_records, of_the_end
from desk.report.moments import wrong_now
from desk.report.records import View, read
from desk.report.truth import Entry


@dataclass(frozen=True)
class Audit:
    """What was compared, and every difference found; none means that journal and records agree."""

    orders: int
    child_orders: int
    protections: int
    fills: int
    differences: list[str] = field(default_factory=list)


def audit(
    orders: Iterable[View],
    journal: Iterable[Entry],
    *,
    all_over: bool = True,
    alerted: Collection[str] | None = None,
    strangers: bool = False,
) -> Audit:
    """Compare all orders of a stack with the whole journal of its exchange.

    At every moment: the exchange saw only orders that a record knows; filled plus live never exceeded what was asked
    for; limits filled inside their cap; one live order per symbol; exits never exceeded the position. In the end: each
    order was sent once and on the recorded terms; fills, prices, exits and positions are those of the journal; stops
    and targets lie on their sides of the fill. With `all_over`: every order is over, nothing is live behind it but
    protection, `protected` orders are guarded share for share, and shares of a bracket that nothing guards were told.

    `alerted`: ids of the orders that alerts named (None: not known, not checked). `strangers`: others send orders on
    the same account; those are left out.
    """
    books = Books(read(order) for order in orders)
    found: dict[tuple[str, str], str] = {}
    for entry in journal:
        sent = books.happens(entry)
        if sent is not None:
            for rule, about, text in wrong_now(books, sent, entry, strangers):
                found.setdefault((rule, about), text)
    differences = [*found.values(), *of_records(books)]
    if all_over:
        differences += of_the_end(books, alerted)
    return _told(books, differences)


def _told(books: Books, differences: list[str]) -> Audit:
    sent = books.truth.orders.values()
    return Audit(
        orders=len(books.orders),
        child_orders=sum(books.is_child(each) for each in sent),
        protections=sum(bool(books.group(name)) for name in books.ocos),
        fills=sum(len(each.fills) for each in sent),
        differences=differences,
    )
