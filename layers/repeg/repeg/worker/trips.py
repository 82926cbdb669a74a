"""Halting trading by itself: evidence is counted where it comes up, and whoever counts the last of it halts.

Nothing in here stops a step: what cannot be counted is told, and counts with what comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from repeg.domain.halt import Mode, halt_view
from repeg.domain.order.record import Order
from repeg.domain.trips import Trip, Tripped, by_drift, by_errors, by_failures, halt_by
from repeg.events import CONTROL
from repeg.store.trips import is_as_strict
from repeg.worker.worker import Worker


def count_failure(worker: Worker, order: Order) -> None:
    """An order ended without protection."""

    def counted() -> Tripped | None:
        settings = worker.settings()
        if not settings.trip_protection_failures:
            return None
        at = order.completed_at or worker.now(order)
        return by_failures(worker.orders.trips().add_failure(order.order_id, at), settings)

    tripping(worker, counted)


def count_errors(worker: Worker, count: int, anew: bool) -> None:
    """So many requests of an order were not served by the broker, after one that was (`anew`), or with none between."""

    def counted() -> Tripped | None:
        settings = worker.settings()
        wall = worker.time.wall()
        if not settings.trip_broker_errors:
            return None
        return by_errors(worker.orders.trips().add_errors(count, anew, wall), settings, wall)

    tripping(worker, counted)


def count_differences(worker: Worker, names: Collection[str]) -> None:
    """What a comparison of the book found that may cost money, by name."""

    def counted() -> Tripped | None:
        settings = worker.settings()
        # Off by default: then nothing is read for it.
        if not settings.trip_drift or len(names) < settings.trip_drift:
            return None
        return by_drift(names, worker.orders.trips().mark(Trip.DRIFT), settings)

    tripping(worker, counted)


def tripping(worker: Worker, judge: Callable[[], Tripped | None], alerts: Callable[[], bool] = lambda: True) -> None:
    """Halt trading if the evidence is enough. Never raises; `alerts`: is that it cannot be judged worth an alert?"""
    try:
        tripped = judge()
        if tripped:
            _trip(worker, tripped)
    except Exception as error:  # the step that it was met in goes on
        worker.log.error(f"it could not be judged whether trading has to halt: {error}", alert=alerts())


def _trip(worker: Worker, tripped: Tripped) -> None:
    settings, trips = worker.settings(), worker.orders.trips()
    halt = halt_by(tripped, settings, worker.time.wall())
    # A second time for an operator who said something in this very moment; who else tripped by this was there first.
    for _ in range(2):
        word = trips.word_on_account()
        if word.lost:
            # What is missing halts all: to write that less is halted would take that back.
            halt = halt.changed(mode=Mode.HALTED)
        stands = is_as_strict(word, halt.mode)
        # What comes up while all is halted is used up as well: else the first after a resume would be one too many.
        says = None if stands else halt.changed(cancel_open=bool(word.halt and word.halt.cancel_open))
        if trips.trip(tripped, says, word):
            if says:
                _tell(
                    worker, f"{says.sentence}; lift it with: repeg resume --stack {worker.stack.name}", halt_view(says)
                )
            return


def _tell(worker: Worker, line: str, view: dict[str, str | bool | None]) -> None:
    # First: an alarm watches this line, should the bus not take the event.
    worker.log.error(line, alert=True)
    message = worker.stack.line("trading", line, "repeg control")
    worker.publisher.publish(CONTROL, {**view, "message": message})
