"""What may happen to an order at the venue in place of what would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from desk.exchange.market.model import Order
from desk.exchange.venue.state import State


class Moment(StrEnum):
    """When: each is some time after the request was accepted that leads to it."""

    TAKEN = "taken"
    """The venue would take the order, and let it go to the market; refused it is rejected."""
    REPLACED = "replaced"
    """The order would take the place of the one that it replaces; refused that one stays, as it was."""
    CANCELED = "canceled"
    """The venue would begin with the order's cancel, which is pending already; refused the order rests on."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An order at such a moment: `go_on` lets happen what would, `refuse` has the venue reject what was asked for.

    Either may be planned for later, by `state.schedule`.
    """

    state: State
    order: Order
    go_on: Callable[[], object]
    refuse: Callable[[], object]


Fate = Callable[[Happening], object]


def refuse(at: Happening) -> None:
    """The venue rejects what was accepted."""
    at.refuse()


def hang(at: Happening) -> None:
    """Nothing happens, neither that nor anything else."""
