"""What a comparison may find, and what is done about each kind: one table. `repeg/reconcile/heal.py` does it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from repeg.domain.models import Frozen


class What(StrEnum):
    """In which way broker and store differ."""

    ORPHAN_ORDER = "orphan order"
    LATE_ORDER = "order at work that is over by its record"
    UNWATCHED_OCO = "protection of shares that the record does not hold"
    UNFILLED = "fill that the broker does not show"
    UNRECORDED_FILL = "unrecorded fill"
    UNRECORDED_EXIT = "unrecorded exit"
    MISSING_SHARES = "shares missing in the account"
    DISAGREES = "record and account disagree"
    BARE = "position without protection"
    PAST_STOP = "position past its stop"
    SURPLUS = "more protection than shares"
    UNLISTED = "position that nobody watches"
    EMPTY_ENTRY = "watched position without shares"
    LOST_RECORD = "position without a record"
    UNREADABLE = "unreadable record"
    NO_EXECUTION = "order without an execution"
    NO_PLACE = "order without a place in line"
    DEAD_TURN = "turn without an owner"
    DEAD_PLACE = "place in line without an owner"
    STALE_RESERVATION = "stale reservation"
    COUNTER = "counter that differs"


class Heal(StrEnum):
    """What mends it, each by what does the same elsewhere."""

    NONE = "alert"
    """Nobody can tell what is right: the operator is alerted."""
    LOOK = "look at the position"
    """By the last line of defence, as the sweep does: read exits, book what is proven, protect, leave, freeze."""
    TAKE_BACK = "take it back"
    """Cancelled if it rests, and booked; as what arrives after it was given up."""
    RECORD = "record it"
    REVIVE = "start its execution"
    RELIST = "list it anew"
    STAND_IN_LINE = "put it back in line"
    RELEASE = "release it"
    COUNT_ANEW = "count anew"


class Severity(StrEnum):
    """What it may cost."""

    MONEY = "money"
    """Shares may be lost, bare, or sold twice."""
    WORK = "work"
    """Signals may wait, or not be worked."""
    FIGURES = "figures"
    """Only a count is wrong."""


class About(NamedTuple):
    """What stands in the table about a kind."""

    severity: Severity
    heal: Heal
    why: str


ABOUT = {
    What.ORPHAN_ORDER: About(Severity.MONEY, Heal.NONE, "it bears our id, and no record knows whose it is"),
    What.LATE_ORDER: About(Severity.MONEY, Heal.TAKE_BACK, "nobody waits for it: whatever it fills would be nobody's"),
    What.UNWATCHED_OCO: About(Severity.MONEY, Heal.NONE, "if the record is wrong, it is all that guards them"),
    What.UNFILLED: About(Severity.MONEY, Heal.TAKE_BACK, "what guards its shares may be over those of others"),
    What.UNRECORDED_FILL: About(Severity.MONEY, Heal.RECORD, "booked once a read by id says the same"),
    What.UNRECORDED_EXIT: About(Severity.MONEY, Heal.LOOK, "read by id, and booked"),
    What.MISSING_SHARES: About(Severity.MONEY, Heal.LOOK, "booked if proven sold, else frozen; alerted under an OCO"),
    What.DISAGREES: About(Severity.MONEY, Heal.LOOK, "frozen, and alerted until they agree or repeg resolve"),
    What.BARE: About(Severity.MONEY, Heal.LOOK, "protected again, 50 s after it was first seen"),
    What.PAST_STOP: About(Severity.MONEY, Heal.LOOK, "left, once it was so for 30 s"),
    What.SURPLUS: About(Severity.MONEY, Heal.LOOK, "the surplus is taken down"),
    What.UNLISTED: About(Severity.MONEY, Heal.RELIST, "the sweep looks only at what is listed"),
    What.EMPTY_ENTRY: About(Severity.FIGURES, Heal.RELIST, "the record says what is held, the list follows it"),
    What.LOST_RECORD: About(Severity.MONEY, Heal.NONE, "what is listed is all that is known of its shares"),
    What.UNREADABLE: About(Severity.MONEY, Heal.NONE, "another version wrote it, or it is damaged"),
    What.NO_EXECUTION: About(Severity.WORK, Heal.REVIVE, "as the sweep does within the minute"),
    What.NO_PLACE: About(Severity.WORK, Heal.STAND_IN_LINE, "it would never have its turn"),
    What.DEAD_TURN: About(Severity.WORK, Heal.RELEASE, "nothing of the symbol is traded meanwhile"),
    What.DEAD_PLACE: About(Severity.WORK, Heal.RELEASE, "those behind it never have their turn"),
    What.STALE_RESERVATION: About(Severity.FIGURES, Heal.RELEASE, "requests that nobody will draw"),
    What.COUNTER: About(Severity.FIGURES, Heal.COUNT_ANEW, "set to what its parts add up to, unless written meanwhile"),
}  # fmt: skip


class Finding(Frozen):
    """One difference. `name` tells several of an order apart: a child order's id, a fill's order, a counter."""

    what: What
    symbol: str = ""
    order_id: str = ""
    name: str = ""
    detail: str = ""
    alone: bool = False
    """Nothing may be done about this one of its kind by itself."""

    @property
    def key(self) -> str:
        """The same difference, seen again."""
        return "/".join((self.what.name.lower(), self.symbol, self.order_id, self.name))

    @property
    def severity(self) -> Severity:
        """What it may cost."""
        return ABOUT[self.what].severity

    @property
    def heal(self) -> Heal:
        """What mends it."""
        return Heal.NONE if self.alone else ABOUT[self.what].heal


def confirmed(first: tuple[Finding, ...], second: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What two looks, some seconds apart, both show: one look may have met an order at work, or a list that lags."""
    before = {finding.key for finding in first}
    return tuple(finding for finding in second if finding.key in before)
