"""OCOs as the broker reports them, and what is left of a bracket's shares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.market.reports import OrderReport, OrderStatus, TradingDay
from repeg.domain.order.bracket import Bracket, Levels
from repeg.domain.order.protection import Exit, ExitReason, Protection, ProtectionStatus
from repeg.domain.order.record import ChildStatus, Order
from repeg.domain.proof.ours import listed_again
from repeg.domain.reasons import Reason, Status
from repeg.domain.routes import Route
from repeg.domain.rules.life import ladder_over
from repeg.domain.rules.walking import concluded
from tests.support.make import NOON, child, order

LATER = NOON + timedelta(minutes=5)


def oco(**fields: Any) -> Protection:
    """An OCO for 25 shares that the broker has."""
    ordinary: dict[str, Any] = {
        "client_order_id": "ord-1-p1",
        "broker_order_id": "target-1",
        "qty": Decimal(25),
        "levels": Levels(stop=Decimal("529.45"), target=Decimal("545.50")),
        "status": ProtectionStatus.SENT,
        "placed_at": NOON,
    }
    return Protection(**(ordinary | fields))


def told(
    target: str, stop: str | None, *, target_took: int = 0, stop_took: int = 0, closed: bool = False
) -> OrderReport:
    """The broker's word on both legs, by their statuses."""
    legs = () if stop is None else (_leg("stop-1", stop, stop_took, "529.40", stop_price=Decimal("529.45")),)
    head = _leg("target-1", target, target_took, "545.60", limit_price=Decimal("545.50"), legs=legs)
    return head.changed(closed_at=LATER) if closed else head


def _leg(broker_id: str, status: str, took: int, price: str, **fields: Any) -> OrderReport:
    known = {"new": OrderStatus.LIVE, "partially_filled": OrderStatus.LIVE, "held": OrderStatus.PENDING}
    folded = known.get(status) or (OrderStatus(status) if status in set(OrderStatus) else OrderStatus.PENDING)
    return OrderReport(
        broker_order_id=broker_id,
        client_order_id="ord-1-p1",
        symbol="CRWD",
        side="sell",
        status=folded,
        broker_status=status,
        qty=Decimal(25),
        filled_qty=Decimal(took),
        avg_fill_price=Decimal(price) if took else None,
        filled_at=LATER if took else None,
        **fields,
    )


def bought(*ocos: Protection, filled: int = 25, exits: tuple[Exit, ...] = (), **fields: Any) -> Order:
    """A bracket that bought shares at 534.80."""
    entry = child(
        qty=Decimal(25),
        filled_qty=Decimal(filled),
        avg_fill_price=Decimal("534.80"),
        status=ChildStatus.FILLED if filled == 25 else ChildStatus.CANCELED,
    )
    asked = Bracket(
        side="buy",
        signal_price=Decimal("534.82"),
        stop_loss=Decimal("529.47"),
        take_profit=Decimal("545.52"),
        anchor="fill",
    )
    terms = {"kind": "bracket", "symbol": "CRWD", "bracket": asked, "requested_qty": Decimal(25), "children": (entry,)}
    return order(**(terms | {"protections": ocos, "exits": exits} | fields))


def left(reason: ExitReason, qty: int, price: str | None = "540", source: str = "x", minutes: int = 1) -> Exit:
    known = Decimal(price) if price else None
    return Exit(source=source, reason=reason, qty=Decimal(qty), price=known, at=NOON + timedelta(minutes=minutes))


# --- what the broker reports ---


@pytest.mark.parametrize(
    ("report", "session_open", "status"),
    [
        (told("new", "held"), True, ProtectionStatus.LIVE),
        (told("new", "new"), True, ProtectionStatus.LIVE),
        (told("partially_filled", "held", target_took=10), True, ProtectionStatus.LIVE),
        (told("new", None), True, ProtectionStatus.SENT),
        (told("pending_new", "held"), True, ProtectionStatus.SENT),
        (told("accepted", "held"), True, ProtectionStatus.SENT),
        (told("accepted", "held"), False, ProtectionStatus.LIVE),
        (told("new", "canceled"), True, ProtectionStatus.STOPLESS),
        (told("canceled", "new"), True, ProtectionStatus.TARGETLESS),
        (told("pending_cancel", "pending_cancel"), True, ProtectionStatus.SENT),
        (told("filled", "canceled", target_took=25), True, ProtectionStatus.DONE),
        (told("canceled", "filled", stop_took=25), True, ProtectionStatus.DONE),
        (told("canceled", "filled", target_took=10, stop_took=15), True, ProtectionStatus.DONE),
        (told("canceled", "canceled"), True, ProtectionStatus.GONE),
        (told("expired", "expired"), True, ProtectionStatus.GONE),
        (told("canceled", "canceled", target_took=10), True, ProtectionStatus.GONE),
        (told("rejected", "canceled"), True, ProtectionStatus.REFUSED),
        (told("rejected", None), True, ProtectionStatus.REFUSED),
    ],
    ids=lambda value: value.broker_status if isinstance(value, OrderReport) else str(value),
)
def test_an_oco_counts_as_live_only_with_both_legs(
    report: OrderReport, session_open: bool, status: ProtectionStatus
) -> None:
    """Design 3.9: `protected` is true only after a read by id shows it live."""
    seen = oco().reported(report, LATER, session_open)
    assert seen.status is status
    assert (seen.closed_at is not None) == seen.status.closed


def test_an_oco_whose_cancel_was_asked_for_is_being_cancelled_until_it_is_over() -> None:
    asked = oco(cancel_requested_at=NOON)
    assert asked.reported(told("new", "held"), LATER, True).status is ProtectionStatus.CANCELING
    assert asked.reported(told("canceled", "canceled"), LATER, True).status is ProtectionStatus.GONE
    assert asked.reported(told("filled", "canceled", target_took=25), LATER, True).status is ProtectionStatus.DONE


def test_an_oco_that_is_worked_off_after_it_was_given_up_is_not_closed_any_more() -> None:
    given_up = oco(status=ProtectionStatus.REFUSED, closed_at=NOON)
    seen = given_up.reported(told("new", "held"), LATER, session_open=True)
    assert (seen.status, seen.closed_at) == (ProtectionStatus.LIVE, None)


def test_of_tries_under_one_id_the_one_that_arrived_is_told_by_its_terms() -> None:
    before = oco(broker_order_id=None, qty=Decimal(25), ambiguous=True, status=ProtectionStatus.REFUSED)
    now = before.tried_anew_as(oco(broker_order_id=None, client_order_id="ord-1-p2", qty=Decimal(10), placed_at=LATER))
    assert (now.client_order_id, now.first_placed_at) == ("ord-1-p1", NOON)
    late = told("new", "held")
    seen = now.reported(late, LATER, session_open=True)
    assert (seen.qty, seen.status, seen.unwanted) == (25, ProtectionStatus.LIVE, True)
    assert bought(seen, filled=10).outdated_protections == (seen,), "it is for shares that are not there"
    wanted = now.reported(late.changed(qty=Decimal(10)), LATER, session_open=True)
    assert (wanted.qty, wanted.unwanted) == (10, False)
    assert bought(wanted, filled=10).outdated_protections == ()


def test_tries_on_the_same_terms_are_remembered_once() -> None:
    tried = oco()
    for _ in range(3):
        tried = tried.given_up(LATER).tried_anew_as(oco(client_order_id="ord-1-p2"))
    assert tried.tries == (tried.terms,)
    assert tried.given_up(LATER).may_arrive, "that the last try was refused says nothing of those before"
    assert not tried.changed(id_taken=True).given_up(LATER).may_arrive


def test_one_that_comes_to_life_under_the_id_of_one_that_is_over_is_seen_in_the_list_of_open_orders() -> None:
    """Should the broker take an id anew, a late try rests beside whatever took its place: at most until the sweep."""
    tried = oco(status=ProtectionStatus.REFUSED, ambiguous=True).tried_anew_as(
        oco(status=ProtectionStatus.GONE, closed_at=LATER)
    )
    late = told("new", "held").changed(broker_order_id="target-2")
    (found,) = listed_again(bought(tried), [late]).guard.protections
    assert (found.broker_order_id, found.status, found.closed_at) == ("target-2", ProtectionStatus.SENT, None)


def test_both_legs_may_take_shares() -> None:
    seen = oco().reported(told("canceled", "filled", target_took=10, stop_took=15), LATER, True)
    assert [(gone.source, gone.reason, gone.qty, gone.price, gone.at) for gone in seen.exits] == [
        ("target-1", ExitReason.TARGET, 10, Decimal("545.60"), LATER),
        ("stop-1", ExitReason.STOP, 15, Decimal("529.40"), LATER),
    ]


def test_an_older_report_takes_no_exit_back() -> None:
    ahead = oco().reported(told("partially_filled", "held", target_took=10), LATER, True)
    behind = ahead.reported(told("new", "held"), LATER, True)
    assert behind.exited_qty == 10


@pytest.mark.parametrize("status", list(ProtectionStatus))
def test_what_an_oco_covers(status: ProtectionStatus) -> None:
    """An intent may be live, and so it counts; what is over guards nothing."""
    took = oco(status=status, exits=(left(ExitReason.TARGET, 10),))
    assert took.covers == (0 if status.closed else 15)


def test_a_target_that_somebody_replaced_is_followed() -> None:
    """Facts 1.4: the new order has another id; the old one stays `replaced`."""
    moved = told("replaced", None).changed(replaced_by="target-2")
    seen = oco(status=ProtectionStatus.LIVE).reported(moved, LATER, True)
    assert (seen.broker_order_id, seen.status.closed) == ("target-2", False)


# --- the shares ---


def test_shares_are_gone_guarded_or_uncovered() -> None:
    held = bought(
        oco(qty=Decimal(10), exits=(left(ExitReason.TARGET, 4),), status=ProtectionStatus.LIVE),
        oco(client_order_id="ord-1-p2", qty=Decimal(5), status=ProtectionStatus.REFUSED),
        exits=(left(ExitReason.CLOSE, 3, source="close"),),
    )
    assert (held.unexited_qty, held.uncovered_qty) == (18, 12)
    assert held.open_protection is None


@pytest.mark.parametrize("status", [ProtectionStatus.INTENT, ProtectionStatus.SENT, ProtectionStatus.CANCELING])
def test_an_oco_whose_fate_is_open_is_to_be_seen_to(status: ProtectionStatus) -> None:
    assert bought(oco(status=status)).open_protection == oco(status=status)


def test_an_exit_counts_once_for_each_source() -> None:
    held = bought().with_exit(left(ExitReason.CLOSE, 5, source="c")).with_exit(left(ExitReason.CLOSE, 8, source="c"))
    assert held.unexited_qty == 17


def test_the_record_shows_how_shares_left() -> None:
    """Contract 3: exit_price, exit_reason, exit_at."""
    stopped = oco(status=ProtectionStatus.DONE, exits=(left(ExitReason.STOP, 15, "530", "s", minutes=9),))
    held = bought(stopped, exits=(left(ExitReason.CLOSE, 10, "540", "c", minutes=3),))
    assert held.exit_price == Decimal("534")
    assert (held.exit_reason, held.exit_at) == ("stop", NOON + timedelta(minutes=9))
    assert [gone.reason for gone in held.all_exits] == [ExitReason.CLOSE, ExitReason.STOP], "oldest first"


def test_an_exit_by_somebody_else_has_no_price() -> None:
    held = bought(exits=(left(ExitReason.OUTSIDE, 25, None),))
    assert (held.unexited_qty, held.exit_price, held.exit_reason) == (0, None, "outside")
    partly = held.with_guard(exits=(left(ExitReason.OUTSIDE, 5, None, "o"), left(ExitReason.CLOSE, 20, "540", "c")))
    assert partly.exit_price == 540


@pytest.mark.parametrize(("filled", "line"), [(25, "25 529.45 545.50"), (0, "")])
def test_a_position_is_listed_while_it_lasts(filled: int, line: str) -> None:
    held = bought(filled=filled, stop_loss=Decimal("529.45"), take_profit=Decimal("545.50"))
    assert held.position_line == line


def test_only_brackets_hold_positions() -> None:
    assert bought(kind="order").unexited_qty == 0


# --- where it goes, how it ends ---


@pytest.mark.parametrize(
    ("record", "route"),
    [
        (bought(), Route.PROTECT_POSITION),
        (bought(filled=0), Route.RECORD_OUTCOME),
        (bought(settled=True), Route.RECORD_OUTCOME),
        (bought(unwind_wanted=True), Route.UNWIND_POSITION),
        (bought(superseded_by="close-1"), Route.RECORD_OUTCOME),
        (order(kind="close", released=("ord-2",)), Route.PROTECT_POSITION),
        (order(), Route.RECORD_OUTCOME),
    ],
    ids=["bought", "nothing bought", "settled", "unwinding", "superseded", "close", "plain"],
)
def test_what_follows_the_ladder(record: Order, route: Route) -> None:
    assert ladder_over(record) is route


LIVE = oco(status=ProtectionStatus.LIVE)
UNWOUND = (left(ExitReason.UNWIND, 25, "529"),)


@pytest.mark.parametrize(
    ("record", "ending"),
    [
        (bought(LIVE), (Status.FILLED, None)),
        (
            bought(oco(qty=Decimal(10), status=ProtectionStatus.LIVE), filled=10, reason=Reason.FILL_TIMEOUT),
            (Status.PARTIALLY_FILLED, Reason.FILL_TIMEOUT),
        ),
        (
            bought(exits=UNWOUND, unwind_wanted=True, reason=Reason.PROTECTION_FAILED),
            (Status.UNWOUND, Reason.PROTECTION_FAILED),
        ),
        (
            bought(LIVE, unwind_failed=True, reason=Reason.PROTECTION_FAILED),
            (Status.FAILED, Reason.PROTECTION_FAILED),
        ),
        (bought(), (Status.FAILED, Reason.PROTECTION_FAILED)),
        (bought(outside_session=True), (Status.FILLED, None)),
        (bought(filled=0, reason=Reason.FILL_TIMEOUT), (Status.UNFILLED, Reason.FILL_TIMEOUT)),
        (bought(filled=0, children=(), reason=Reason.STOP_THROUGH), (Status.REJECTED, Reason.STOP_THROUGH)),
        (bought(superseded_by="close-1", filled=10), (Status.SUPERSEDED, Reason.SUPERSEDED)),
    ],
    ids=["protected", "part", "unwound", "restored", "naked", "extended", "unfilled", "rejected", "superseded"],
)
def test_how_a_bracket_ends(record: Order, ending: tuple[Status, Reason | None]) -> None:
    ended = concluded(record, LATER)
    assert (ended.status, ended.reason) == ending


# --- legs that die, listings, replacements ---


def test_a_stop_that_died_alone_guards_nothing_even_while_its_target_is_taken_down() -> None:
    lame = oco().reported(told("new", "canceled"), LATER, True)
    asked = lame.changed(status=ProtectionStatus.CANCELING, cancel_requested_at=LATER)
    assert [bought(each).unguarded_qty for each in (lame, asked)] == [25, 25]
    assert [bought(each).bare_qty for each in (lame, asked)] == [0, 0], "its shares are held by the target"
    over = asked.reported(told("canceled", "canceled"), LATER, True)
    assert (over.stopless, bought(over).bare_qty) == (False, 25)


def test_a_stop_that_is_left_alone_guards() -> None:
    alone = oco().reported(told("canceled", "new"), LATER, True)
    assert (alone.guards, alone.closed_at) == (True, None)
    assert bought(alone).needs_care is False


def test_a_listing_that_shows_what_is_known_needs_no_read() -> None:
    live = oco().reported(told("new", "held"), LATER, True)
    assert live.agrees_with(told("new", "held"))
    assert not live.agrees_with(told("partially_filled", "held", target_took=10))
    assert not live.agrees_with(told("new", "canceled"))
    assert not live.agrees_with(told("new", None)), "a stop that is not shown may be dead"
    took = live.reported(told("partially_filled", "held", target_took=10), LATER, True)
    assert took.agrees_with(told("partially_filled", "held", target_took=10))
    assert took.agrees_with(told("new", "held")), "a listing lags, and takes nothing back"


def test_odd_shares_are_neither_bare_nor_guarded() -> None:
    held = bought(exits=(left(ExitReason.CLOSE, 3, source="c").changed(qty=Decimal("3.5")),))
    assert (held.bare_qty, held.odd_qty, held.uncovered_qty) == (21, Decimal("0.5"), Decimal("21.5"))
    guarded = held.with_guard(protections=(oco(qty=Decimal(21), status=ProtectionStatus.LIVE),))
    assert (guarded.bare_qty, guarded.odd_qty, guarded.needs_care) == (0, Decimal("0.5"), False)


@pytest.mark.parametrize(("placed", "now", "due"), [(-60, 0, False), (-60, 59, False), (-60, 60, True), (1, 2, True)])
def test_what_waited_for_the_open_has_a_minute_to_be_taken_up(placed: int, now: int, due: bool) -> None:
    opens = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    closes = opens + timedelta(hours=6.5)
    early, late = opens - timedelta(hours=5.5), closes + timedelta(hours=4)
    day = TradingDay(
        date=opens.date(), opens_at=opens, closes_at=closes, extended_opens_at=early, extended_closes_at=late
    )
    known = oco().changed(placed_at=opens + timedelta(seconds=placed))
    assert known.is_due(day, opens + timedelta(seconds=now)) is due
    assert not known.is_due(None, opens)
