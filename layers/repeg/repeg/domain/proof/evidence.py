"""What proves that shares are gone. One false answer of the broker must never make anybody drop shares, or sell them.

Shares that the records have and the account does not show count as *gone* only if

- the position read by itself and the list of positions say the same,
- no live OCO of ours holds them, and
- orders of the account that nobody has booked yet sold (or bought back) as many.

Another quantity at the same cost is a *corporate action*, believed once the broker's own data confirm it. What fits
neither is *unproven*: nothing is traded on it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from repeg.domain.market.reports import OrderReport, Position
from repeg.domain.models import Frozen, direction
from repeg.domain.money import plain
from repeg.domain.order.adjustments import CorporateAction, Seen
from repeg.domain.order.record import ZERO, Order

CENT = Decimal("0.01")
ONE = Decimal(1)
DUST = Decimal("0.000001")
"""Shares below which two quantities are one: rounding, not trading."""
CLOSE_ENOUGH = Decimal("0.002")
"""By how much of itself an average price may differ from what a corporate action makes of it."""
CLOCKS_DIFFER = timedelta(seconds=30)
OWN_ID = re.compile(r"ord-[0-9a-f]{20}")
_CHILD_ID = re.compile(r"-[ep]\d+$")


class Proof(StrEnum):
    """What evidence makes of a difference between the records and the account."""

    THERE = "there"
    """The account holds what the records say: there is no difference."""
    GONE = "gone"
    """Orders of the account, not booked yet, took what is missing."""
    ADJUSTED = "adjusted"
    """A corporate action that the broker's data confirm."""
    SPLIT = "split"
    """As after a corporate action (same cost, another quantity), which the broker's data do not confirm."""
    UNPROVEN = "unproven"
    """Both reads agree that shares are missing, and nothing explains it."""
    UNCLEAR = "unclear"
    """The broker's answers contradict each other, or there are none: nothing is known."""


class Looks(Frozen):
    """What the account shows of a symbol. A quantity is signed; None: it could not be read."""

    read: Decimal | None
    """By the position's own read; 0 for "position does not exist"."""
    listed: Decimal | None
    """By the list of positions."""
    avg_entry_price: Decimal | None = None
    guarded: Decimal | None = ZERO
    """Shares that live OCOs of ours hold, by the listing of open orders; None: it could not be read."""
    unbooked: tuple[OrderReport, ...] | None = ()
    """Orders that traded since, and that no record has booked; None: they could not be read."""
    actions: tuple[CorporateAction, ...] | None = ()
    """Corporate actions since; None: they could not be read."""

    @property
    def held(self) -> Decimal | None:
        """What both reads agree on, or None."""
        # A position's own read has answered 404 while the list showed it (alpacahq/Alpaca-API #215, #278): believed by
        # itself, a hundred shares would be dropped from the record, and stay bare.
        return self.read if self.read == self.listed else None


class Finding(Frozen):
    """What the looks prove, in words for the operator; `missing` shares (unsigned) are what it is about."""

    proof: Proof
    why: str = ""
    missing: Decimal = ZERO
    sellers: tuple[tuple[str, Decimal], ...] = ()
    """The orders that explain what is gone: the broker's ids, and shares."""
    ratio: Decimal = ONE
    held: Decimal = ZERO
    """What the account holds, counted in the direction of the brackets."""
    average: Decimal = ZERO
    """What a share of it cost, where shares are gone."""

    @property
    def settled(self) -> bool:
        """True when records and account agree, or can be made to."""
        return self.proof in (Proof.THERE, Proof.GONE, Proof.ADJUSTED)


def expected_of(brackets: Sequence[Order], taken: Decimal = ZERO) -> Decimal:
    """Shares that the records say are there, less those that an order under way has `taken` and booked on nobody."""
    return max(ZERO, sum((bracket.unexited_qty for bracket in brackets), ZERO) - taken)


def weigh(brackets: Sequence[Order], looks: Looks, taken: Decimal = ZERO) -> Finding:
    """What the looks prove about what the brackets of one symbol hold (all on one side)."""
    side = brackets[0].trading_side
    sign, expected = direction(side), expected_of(brackets, taken)
    shown = [None if seen is None else seen * sign for seen in (looks.read, looks.listed)]
    if looks.held is None:
        said = " and ".join("no answer" if seen is None else plain(seen) for seen in shown)
        return Finding(proof=Proof.UNCLEAR, why=f"the position's own read and the list of positions say {said}")
    held = looks.held * sign
    # Before what is missing: after a reverse split nearly all shares would count as missing.
    split = _as_by_split(brackets, looks) if not taken else None
    if split:
        return split
    missing = expected - max(ZERO, held)
    # More shares than the records know are somebody's own, and disturb nobody.
    if missing <= DUST:
        return Finding(proof=Proof.THERE, held=held)
    return _missing(looks, held, missing, side)


def _missing(looks: Looks, held: Decimal, missing: Decimal, side: str) -> Finding:
    lacks = Finding(proof=Proof.UNPROVEN, missing=missing, held=held)
    if looks.guarded is None:
        return lacks.changed(proof=Proof.UNCLEAR, why="the open orders could not be read")
    # Open orders hold these shares, so they are there: it is the position that was told wrong.
    if looks.guarded > max(ZERO, held):
        why = f"protective orders for {plain(looks.guarded)} shares are live, and the account shows {plain(held)}"
        return lacks.changed(proof=Proof.UNCLEAR, why=why)
    if looks.unbooked is None:
        return lacks.changed(proof=Proof.UNCLEAR, why="the account's orders could not be read")
    exits = [each for each in looks.unbooked if each.side != side and each.filled_qty > 0]
    taken = sum((each.filled_qty for each in exits), ZERO)
    if taken + DUST >= missing:
        sellers = tuple((each.broker_order_id, each.filled_qty) for each in exits)
        why = f"{plain(missing)} left by {', '.join(name for name, _ in sellers)}"
        average = looks.avg_entry_price or ZERO
        return Finding(proof=Proof.GONE, missing=missing, held=held, average=average, sellers=sellers, why=why)
    done = f"orders of the account explain {plain(taken)}" if taken else "no order of the account explains it"
    done += "".join(f"; {action.words}" for action in looks.actions or ())
    return lacks.changed(why=f"the account shows {plain(held)}, {plain(missing)} too few; {done}")


def _as_by_split(brackets: Sequence[Order], looks: Looks) -> Finding | None:
    """A corporate action, if the account looks like one; trades that explain all of the change come first."""
    before = seen_before(brackets)
    if before is None or looks.held is None:
        return None
    change = looks.held - before.qty
    if abs(change) <= DUST or looks.held * before.qty < 0 or _traded(looks) == change:
        return None
    sign = direction(brackets[0].trading_side)
    held = looks.held * sign
    ratio, words = _confirmed(before, looks)
    if ratio is not None:
        return Finding(proof=Proof.ADJUSTED, ratio=ratio, held=held, why=words)
    # What only looks like a split is not traded on: of a hundred new shares ten would be sold for all, at a loss that
    # nobody had.
    if looks.avg_entry_price is None or not same_cost(before, looks.held, looks.avg_entry_price):
        return None
    told = "could not be read" if looks.actions is None else "know of none"
    why = f"{plain(before.qty)} at {plain(before.avg_entry_price)} became {plain(looks.held)} at "
    why += f"{plain(looks.avg_entry_price)}, as after a split; the broker's corporate actions {told}"
    return Finding(proof=Proof.SPLIT, held=held, missing=max(ZERO, before.qty * sign - held), why=why)


def looks_split(brackets: Sequence[Order], position: Position | None) -> bool:
    """True when a position shows another quantity at the same cost: worth a look at corporate actions."""
    before = seen_before(brackets)
    if before is None or position is None or abs(position.qty - before.qty) <= DUST:
        return False
    return position.qty * before.qty > 0 and same_cost(before, position.qty, position.avg_entry_price)


def seen_before(brackets: Sequence[Order]) -> Seen | None:
    """What the account showed when it last agreed with the records; else what a lone bracket paid."""
    seen = [bracket.care.seen for bracket in brackets if bracket.care.seen]
    if seen:
        # Of each order the most that any of them knows to be booked: a bracket may be younger than what it explained.
        booked: dict[str, Decimal] = {}
        for name, qty in (each for known in seen for each in known.booked):
            booked[name] = max(qty, booked.get(name, ZERO))
        return max(seen, key=lambda each: each.at).changed(booked=tuple(booked.items()))
    bracket = brackets[0]
    # The account averages over all of them: what one paid cannot be held against it.
    if len(brackets) > 1 or bracket.entry_price is None or bracket.unexited_qty <= 0:
        return None
    # Not its end: that is recorded minutes after the fills where its worker stood still. What others sold in between
    # would be explained by nothing, and what is left of the position would be frozen, without a stop.
    at = bracket.first_sent_at or bracket.created_at
    held = bracket.unexited_qty * direction(bracket.trading_side)
    return Seen(qty=held, avg_entry_price=bracket.entry_price, at=at)


def rescaled(brackets: Sequence[Order], finding: Finding) -> list[Decimal]:
    """How many shares each bracket holds after a corporate action, in its order.

    What the account shows less than the ratio makes is the fraction that was paid in cash. Shares that are nobody's
    bracket give it up first, then the newest bracket.
    """
    quantities = [bracket.unexited_qty * (ONE if follows(bracket, finding) else finding.ratio) for bracket in brackets]
    over = sum(quantities, ZERO) - max(ZERO, finding.held)
    for place in reversed(range(len(quantities))):
        less = min(max(ZERO, over), quantities[place])
        quantities[place] -= less
        over -= less
    return [quantity.quantize(Decimal("0.000000001")) for quantity in quantities]


def follows(bracket: Order, finding: Finding) -> bool:
    """True when the bracket's shares and levels are those of after this corporate action already."""
    return any(each.why == "corporate_action" and each.detail == finding.why for each in bracket.care.adjustments)


def _confirmed(before: Seen, looks: Looks) -> tuple[Decimal | None, str]:
    """The ratio of corporate actions that make what was seen before into what is held now, and their words."""
    for ratio, words in latest_of(looks.actions or ()):
        made = before.qty * ratio
        short = abs(made) - abs(looks.held or ZERO)
        # A fraction below a share may be paid in cash.
        fits = -DUST <= short < 1 and (looks.held or ZERO) * made >= 0
        average = looks.avg_entry_price
        if fits and (average is None or as_scaled(before.avg_entry_price, ratio, average)):
            return ratio, words
    return None, ""


def latest_of(actions: Sequence[CorporateAction]) -> Iterator[tuple[Decimal, str]]:
    """The ratio and the words of the last corporate action, then of the last two together, and so on."""
    ratio = ONE
    for first in reversed(range(len(actions))):
        ratio *= actions[first].ratio
        yield ratio, "; ".join(action.words for action in actions[first:])


def as_scaled(before: Decimal, ratio: Decimal, average: Decimal) -> bool:
    """True when an average price (dollars a share) is what so many new shares for an old one make of `before`."""
    return abs(average - before / ratio) <= CENT + before / ratio * CLOSE_ENOUGH


def same_cost(before: Seen, qty: Decimal, average: Decimal) -> bool:
    """True for the same money in other shares. Averages are shown in cents: half a cent a share may be between."""
    cost, now = abs(before.qty * before.avg_entry_price), abs(qty * average)
    return abs(cost - now) <= (abs(qty) + abs(before.qty)) * CENT / 2 + cost / 10_000


def _traded(looks: Looks) -> Decimal:
    return sum((each.filled_qty * direction(each.side) for each in looks.unbooked or ()), ZERO)


def unbooked(
    reports: Collection[OrderReport], since: datetime, own: Collection[str], before: Seen | None
) -> tuple[OrderReport, ...]:
    """The orders that traded after `since` and that no record has booked, with the shares that are not booked.

    `own` are the names at the broker of orders of ours that book what they trade (brackets, closes, unwinds), the
    table's identity in them: their child orders are told by that. Another stack, at the same signal, is somebody else.
    """
    booked = dict(before.booked) if before else {}
    found = []
    for report in reports:
        at = report.filled_at or report.closed_at or report.submitted_at
        over = report.status.terminal and at is not None and at < since - CLOCKS_DIFFER
        ours = _CHILD_ID.sub("", report.client_order_id) in own
        rest = report.filled_qty - booked.get(report.broker_order_id, ZERO)
        if rest > 0 and not over and not ours:
            found.append(report.changed(filled_qty=rest))
    return tuple(found)


def order_ids(reports: Collection[OrderReport]) -> set[str]:
    """What looks like ids of orders of ours in the client order ids of these reports: worth a look at the records.

    Another stack's look the same; whose they are is told by `Order.name_at_broker`.
    """
    return {found for report in reports for found in OWN_ID.findall(report.client_order_id)}
