"""Positions: what brackets hold beside account, protective orders and market, by the verdicts of the last line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from repeg.domain.market.reports import OrderReport
from repeg.domain.models import direction
from repeg.domain.money import plain, quoted
from repeg.domain.order.alerts import bare_words
from repeg.domain.order.protection import Protection
from repeg.domain.order.record import ZERO, Order
from repeg.domain.proof.defence import Account, Facts, State, elapsed, guard, is_through, market, verdict
from repeg.domain.proof.evidence import DUST, expected_of, looks_split
from repeg.domain.proof.leaving import bare_by_record, filled_lately
from repeg.domain.proof.ours import held_by_ocos, listed_again, listed_otherwise
from repeg.domain.reconcile.book import Book
from repeg.domain.reconcile.findings import Finding, What
from repeg.domain.rules.bracket_exit import levels_of
from repeg.domain.rules.life import is_being_left


def positions(book: Book) -> Iterator[Finding]:
    """What is wrong with shares that brackets hold, or should hold."""
    for symbol, brackets in book.brackets():
        yield from (
            _finding(What.UNLISTED, each, "its shares are in no list of positions")
            for each in _unlisted(book, brackets)
        )
        # Shares come and go by somebody's doing: account and orders prove nothing meanwhile.
        if book.exit_at_work(symbol):
            continue
        idle = [each for each in brackets if not _at_work(book, each)]
        of_each = [finding for each in idle for finding in _of_one(book, each, brackets)]
        yield from of_each
        # What an exit took that is not recorded would be found twice.
        unrecorded = any(finding.what is What.UNRECORDED_EXIT for finding in of_each)
        if len(idle) == len(brackets) and not unrecorded:
            yield from _beside_the_account(book, brackets)
    yield from _entries(book)


def _unlisted(book: Book, brackets: Sequence[Order]) -> list[Order]:
    return [each for each in brackets if each.order_id not in book.listed and not book.is_at_work(each)]


def _at_work(book: Book, bracket: Order) -> bool:
    return not bracket.status.terminal or is_being_left(bracket) or book.is_at_work(bracket)


def _of_one(book: Book, bracket: Order, brackets: Sequence[Order]) -> Iterator[Finding]:
    for oco in bracket.guard.protections:
        listed = book.open_orders.get(oco.broker_order_id or "")
        if oco.broker_order_id and not oco.status.closed and _otherwise(book, oco, listed):
            seen = (
                "is not open any more" if listed is None else f"is {listed.broker_status}, {listed.filled_qty} filled"
            )
            detail = f"{oco.client_order_id} {seen}; the record has it {oco.status}"
            yield _finding(What.UNRECORDED_EXIT, bracket, detail, name=oco.client_order_id)
    if bracket.surplus_protection:
        detail = f"{bracket.surplus_protection.client_order_id} guards more than is held"
        yield _finding(What.SURPLUS, bracket, detail)
    stands, bare_since = _stands(book, bracket, brackets)
    # Through in both looks, too: the sweep, which notes since when, may be what does not run.
    if stands is State.PAST_STOP or (stands is not State.DISAGREES and _through(book, bracket)):
        yield _finding(What.PAST_STOP, bracket, f"the market is through its stop at {quoted(levels_of(bracket).stop)}")
    elif stands is State.BARE and not _waits(book, bracket):
        # Beside the listing: of what is on its way by the record, or over, the broker may show an OCO at work.
        shown = listed_again(bracket, book.open_orders.values())
        yield _finding(What.BARE, bracket, bare_words(shown, bare_since))
    elif stands is State.DISAGREES:
        yield _finding(What.DISAGREES, bracket, bracket.care.frozen)


def _otherwise(book: Book, oco: Protection, listed: OrderReport | None) -> bool:
    return listed_otherwise(oco, listed, book.now, oco.is_due(book.session, book.now))


def _stands(book: Book, bracket: Order, brackets: Sequence[Order]) -> tuple[State, datetime | None]:
    """Where a position stands by the table of the last line of defence; and since when it is bare, if known."""
    opened_at, through = book.session.opens_at if book.session else None, _through(book, bracket)
    bare_since = bracket.care.bare_since or bare_by_record(bracket)
    facts = Facts(
        account=Account.FITS if _missing(book, brackets) <= DUST else Account.DOUBTED,
        frozen=bool(bracket.care.frozen),
        guard=guard(bracket.needs_care, elapsed(bare_since, book.now, opened_at), opened_at is not None),
        market=market(through, elapsed(bracket.care.past_stop_since, book.now, opened_at), opened_at is not None),
        free=True,
    )
    return verdict(facts).state, bare_since


def _through(book: Book, bracket: Order) -> bool | None:
    """True when the market is through its stop; None: there is no quote to go by, or no session."""
    quote = book.quotes.get(bracket.symbol)
    return is_through(levels_of(bracket), bracket.trading_side, quote) if quote and book.session else None


def _waits(book: Book, bracket: Order) -> bool:
    """True while nothing can be done for it, whatever is tried: before an open, or another day."""
    return bracket.care.waits_until is not None and book.now < bracket.care.waits_until


def _missing(book: Book, brackets: Sequence[Order]) -> Decimal:
    return expected_of(brackets) - max(ZERO, _shown(book, brackets))


def _shown(book: Book, brackets: Sequence[Order]) -> Decimal:
    """Shares that the account shows on the side of the brackets; negative on the other."""
    position = book.positions.get(brackets[0].symbol)
    return position.qty * direction(brackets[0].trading_side) if position else ZERO


def _beside_the_account(book: Book, brackets: Sequence[Order]) -> Iterator[Finding]:
    first, missing = brackets[0], _missing(book, brackets)
    # Frozen ones were told; more shares than the records know are somebody's own, and disturb nobody.
    if any(each.care.frozen or filled_lately(each, book.now) for each in brackets):
        return
    if missing > DUST:
        fewer = expected_of(brackets) - _shown(book, brackets)
        detail = f"the account shows {plain(fewer)} {first.symbol} fewer than the records"
        # What open orders hold is there: two answers of the broker contradict each other, and nothing is mended by
        # looking once more.
        guarded = held_by_ocos(brackets, book.open_orders.values())
        beyond = guarded - (expected_of(brackets) - missing)
        detail += f", and protective orders for {plain(guarded)} are at work" if beyond > DUST else ""
        yield _finding(What.MISSING_SHARES, first, detail).changed(alone=beyond > DUST)
    elif looks_split(brackets, book.positions.get(first.symbol)):
        yield _finding(What.MISSING_SHARES, first, "the account shows other shares at the same cost, as after a split")


def _entries(book: Book) -> Iterator[Finding]:
    """The lists of positions against the records."""
    for order_id in sorted(book.listed):
        order = book.orders.get(order_id)
        if order is None:
            if order_id not in book.broken:
                lost = "a position is listed, and its record is not there"
                yield Finding(what=What.LOST_RECORD, order_id=order_id, detail=lost)
        elif order.unexited_qty <= 0 and not book.is_at_work(order):
            yield _finding(What.EMPTY_ENTRY, order, "it is listed as a position, and holds no shares")


def _finding(what: What, order: Order, detail: str, name: str = "") -> Finding:
    return Finding(what=what, symbol=order.symbol, order_id=order.order_id, name=name, detail=detail)
