"""One comparison of the book: two looks where the first finds something, what is mended, and what is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from repeg.care.survey import Survey, begin
from repeg.domain.metrics.listed import Metric
from repeg.domain.metrics.measured import Line
from repeg.domain.patience import LOOKS_APART_SECONDS
from repeg.domain.reconcile.book import Book
from repeg.domain.reconcile.compare import compare
from repeg.domain.reconcile.findings import Finding, Heal, Severity, What, confirmed
from repeg.domain.routes import Route
from repeg.executions import Executions
from repeg.reconcile.counters import Counters
from repeg.reconcile.heal import heal
from repeg.reconcile.look import look
from repeg.store.sweeps import Compared
from repeg.worker.trips import count_differences
from repeg.worker.worker import Worker


@dataclass(frozen=True)
class Reconciler:
    """What a comparison works with. `token` is the table's identity."""

    worker: Worker
    executions: Executions
    counters: Counters
    token: str


def reconcile(at: Reconciler, *, fix: bool) -> dict[str, Any]:
    """Compare the book, and with `fix` mend what can be mended, alert of the rest, and tell how much differed.

    Without it only reads. Returns `{"drift", "mended", "findings": [...]}`.

    Raises:
        RetryError, OperatorError: a side could not be read; nothing was done, and nothing is told.
    """
    before = at.worker.orders.compared()
    strangers = set(before.strangers)
    survey, book, found = _two_looks(at, strangers)
    mended = 0
    if fix:
        survey.before = survey.before.changed(marks=survey.before.marks | before.marks)
        mended = heal(survey, book, at.counters, found)
        for finding in found:
            if finding.heal is Heal.NONE:
                _alert(survey, finding)
        count_differences(at.worker, [each.key for each in found if each.severity is Severity.MONEY])
        _leave(at, survey, before, found, strangers)
        # Told as it was found: whether it is mended the next comparison sees.
        at.worker.meter.put(Line({Metric.DRIFT: len(found)}))
    return {"drift": len(found), "mended": mended, "findings": [document(finding) for finding in found]}


def document(finding: Finding) -> dict[str, str | None]:
    """A finding as it is shown."""
    return {
        "what": finding.what.value,
        "symbol": finding.symbol or None,
        "order_id": finding.order_id or None,
        "name": finding.name or None,
        "severity": finding.severity.value,
        "heal": finding.heal.value,
        "detail": finding.detail,
    }


def _two_looks(at: Reconciler, strangers: set[str]) -> tuple[Survey, Book, tuple[Finding, ...]]:
    worker = at.worker.at(Route.PROTECT_POSITION)
    survey = begin(worker, at.executions)
    began_at = survey.began_at
    book = look(survey, at.counters, at.token, strangers)
    first = compare(book)
    if not first:
        return survey, book, first
    # Listings lag, and orders that were at work were read while they moved: only what lasts is believed.
    worker.sleep(LOOKS_APART_SECONDS)
    survey = begin(worker, at.executions)
    survey.began_at = began_at
    book = look(survey, at.counters, at.token, strangers)
    return survey, book, confirmed(first, compare(book))


def _alert(survey: Survey, finding: Finding) -> None:
    if not survey.due(finding.key, "told"):
        return
    worker = survey.worker
    orders, _ = worker.orders.several([finding.order_id]) if finding.order_id else ({}, {})
    order = orders.get(finding.order_id)
    told = f"{finding.what}: {finding.detail}"
    if order is not None:
        worker.alert(order, told)
    else:
        worker.alert_about(finding.order_id or finding.symbol or finding.name, told, "repeg reconcile")


def _leave(at: Reconciler, survey: Survey, before: Compared, found: tuple[Finding, ...], strangers: set[str]) -> None:
    # Positions that disagree are counted by every sweep.
    differs = sum(finding.what is not What.DISAGREES for finding in found)
    left = Compared(
        at=survey.now if differs else None,
        differs=differs,
        marks=survey.marks,
        strangers=tuple(sorted(strangers)),
    )
    if left != before:
        at.worker.orders.keep_compared(left)
