"""How many positions stand in which trouble, as far as a sweep can say so: what alarms are told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from repeg.domain.proof.defence import Facts, Guard, Market, State


class Found(NamedTuple):
    """What was found of one position."""

    facts: Facts
    state: State
    was_past_stop: bool = False
    """Whether its market was through its stop when that was last seen."""

    @property
    def bare(self) -> bool:
        """True when something should guard its shares, and nothing does."""
        # Past its stop, too: what is worse does not end it. Where record and account disagree there may be no shares.
        return self.state is not State.DISAGREES and self.facts.guard is not Guard.WHOLE

    @property
    def past_stop(self) -> bool | None:
        """True when its stop did not sell; None when that was so and nothing shows that it is over."""
        if self.state is State.PAST_STOP:
            return True
        # In a halt there is no quote, and by night no market: neither makes a stop work.
        unseen = self.facts.market in (Market.UNSEEN, Market.CLOSED)
        return None if unseen and self.was_past_stop and self.state is not State.DISAGREES else False

    @property
    def disagrees(self) -> bool:
        """True when record and account disagree."""
        return self.state is State.DISAGREES


class Troubles(NamedTuple):
    """Positions in trouble, by kind; None where it cannot be said that there are none."""

    bare: int | None
    past_stop: int | None
    disagree: int | None


def troubles(found: Mapping[str, Found], unjudged: Collection[str] | None) -> Troubles:
    """The counts, of what was found of each position; `unjudged` are those of which nothing was (None: any)."""

    def count(is_so: Callable[[Found], bool | None]) -> int | None:
        said = [is_so(each) for each in found.values()]
        # What is in trouble is, whatever could not be looked at. That there is none takes all of them.
        return sum(map(bool, said)) or (0 if unjudged is not None and not unjudged and None not in said else None)

    return Troubles(
        bare=count(lambda each: each.bare),
        past_stop=count(lambda each: each.past_stop),
        disagree=count(lambda each: each.disagrees),
    )
