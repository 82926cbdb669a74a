"""The account beside the records, symbol by symbol: what fits, was sold by others, was split, or is unexplained."""

from __future__ import annotations

from collections.abc import Sequence

from repeg.care.survey import Survey
from repeg.domain.market.reports import Position
from repeg.domain.models import direction
from repeg.domain.order.adjustments import Seen
from repeg.domain.order.guarding import due_at_once
from repeg.domain.order.record import ZERO, Order
from repeg.domain.patience import DISAGREES_AFTER
from repeg.domain.proof.agreement import agreed, doubted, frozen
from repeg.domain.proof.defence import Account, is_through
from repeg.domain.proof.evidence import DUST, Finding, Proof, expected_of, looks_split
from repeg.domain.rules.bracket_exit import levels_of
from repeg.worker.adjust import adjusted, book_outside
from repeg.worker.evidence import find_out, other_shares


def reckon(survey: Survey, brackets: Sequence[Order]) -> tuple[Account, list[Order]]:
    """How the account compares with the brackets of one symbol, and the brackets as they are after that, saved.

    None of their executions may be running.
    """
    if survey.positions is None:
        return _without_list(survey, brackets), list(brackets)
    position = survey.positions.get(brackets[0].symbol)
    if _shows(position, brackets) and not looks_split(brackets, position):
        return _as_the_market(survey, brackets, position)
    # An execution may be selling at this moment: a position that is read beside it proves nothing.
    if any(survey.running(bracket) for bracket in brackets):
        return Account.UNSEEN, list(brackets)
    listed = tuple(survey.positions.values())
    orders = None if survey.open_orders is None else tuple(survey.open_orders.values())
    finding, brackets = find_out(survey.worker, brackets, listed, orders)
    match finding.proof:
        case Proof.THERE:
            # Kept as what the account showed is only what both answers say: a split that one of them showed first was
            # taken for known, and the old stop sold the new shares.
            both = position if position and abs(position.qty) == abs(finding.held) else None
            return _as_the_market(survey, brackets, both)
        case Proof.GONE:
            return _booked(survey, brackets, finding)
        case Proof.ADJUSTED:
            return Account.FITS, adjusted(survey.worker, brackets, finding, position)
        case Proof.UNCLEAR:
            return Account.UNSEEN, [_unclear(survey, bracket, finding) for bracket in brackets]
        case _:
            return _doubted(survey, brackets, finding)


def _without_list(survey: Survey, brackets: Sequence[Order]) -> Account:
    """Where a position must perhaps be left, its own read will do: a stranger's entry can make the list unreadable."""
    quote, side = survey.quote(brackets[0].symbol), brackets[0].trading_side
    through = quote is not None and any(is_through(levels_of(each), side, quote) for each in brackets)
    if not through or any(survey.running(bracket) for bracket in brackets):
        return Account.UNSEEN
    there = find_out(survey.worker, brackets).finding.proof is Proof.THERE
    split = any(other_shares(survey.worker, bracket, quote) for bracket in brackets)
    return Account.FITS if there and not split else Account.UNSEEN


def _as_the_market(survey: Survey, brackets: Sequence[Order], position: Position | None) -> tuple[Account, list[Order]]:
    """The account agrees with the records; but for both a split may be news that the market knows."""
    quote = survey.quote(brackets[0].symbol)
    splits = {each.order_id: other_shares(survey.worker, each, quote) if quote else None for each in brackets}
    split = next(filter(None, splits.values()), None)
    if split is None:
        return Account.FITS, [_agreed(survey, bracket, position) for bracket in brackets]
    if not split.told:
        survey.worker.log.info(split.why, symbol=brackets[0].symbol)
        return Account.UNSEEN, list(brackets)
    # By the price of a new share its old stop would sell an old one, and its old target a dear one.
    survey.split |= {order_id for order_id, found in splits.items() if found}
    return Account.DISAGREES, [frozen(bracket, split.why) for bracket in brackets]


def _shows(position: Position | None, brackets: Sequence[Order]) -> bool:
    """True when the account shows at least what the brackets hold, on their side; shares beyond that are not ours."""
    expected = sum((bracket.unexited_qty for bracket in brackets), ZERO)
    held = position.qty * direction(brackets[0].trading_side) if position else ZERO
    return held >= expected - DUST


def _agreed(survey: Survey, bracket: Order, position: Position | None) -> Order:
    """The bracket, with what the account shows now that it agrees; a disagreement that was is over."""
    seen = known = bracket.care.seen
    if position and (known is None or (known.qty, known.avg_entry_price) != (position.qty, position.avg_entry_price)):
        booked = known.booked if known else ()
        seen = Seen(qty=position.qty, avg_entry_price=position.avg_entry_price, at=survey.now, booked=booked)
    if bracket.care.frozen:
        bracket = survey.worker.note(bracket, "account and record agree again")
        # Frozen, nothing could protect it: what is due does not wait out a pause that began before.
        bracket = due_at_once(bracket, survey.now)
    return agreed(bracket, seen)


def _booked(survey: Survey, brackets: Sequence[Order], finding: Finding) -> tuple[Account, list[Order]]:
    """What others sold (or bought back) is an exit of the brackets that it was taken from, oldest first."""
    after = book_outside(survey.worker, brackets, finding, survey.now)
    # The rest may only not show yet, or a protective order of the record has the shares.
    return (Account.FITS if expected_of(after) <= max(ZERO, finding.held) + DUST else Account.UNSEEN), after


def _unclear(survey: Survey, bracket: Order, finding: Finding) -> Order:
    """Answers that contradict each other are alerted once the next sweep finds them so, too."""
    since = survey.since(bracket, "unclear", True)
    if since and survey.now - since >= DISAGREES_AFTER and survey.due(bracket.order_id, "unclear told"):
        survey.worker.alert(bracket, f"{bracket.symbol}: the account cannot be made out, {finding.why}; trying on")
    return bracket


def _doubted(survey: Survey, brackets: Sequence[Order], finding: Finding) -> tuple[Account, list[Order]]:
    """It does not fit, and nothing explains it: believed when it is so again a minute later."""
    found = [doubted(bracket, survey.now) for bracket in brackets]
    oldest = min(bracket.care.doubted_at or survey.now for bracket in found)
    # Positions lag behind fills: what one look finds odd may be no more than that.
    lasts = survey.now - oldest >= DISAGREES_AFTER
    if lasts:
        found = [frozen(bracket, finding.why) for bracket in found]
        if finding.proof is Proof.SPLIT:
            survey.split |= {bracket.order_id for bracket in brackets}
    else:
        survey.worker.log.info(f"the account does not fit: {finding.why}", symbol=brackets[0].symbol)
    return (Account.DISAGREES if lasts else Account.DOUBTED), found
