"""Pre-trade limits: each just under its edge, at it, and just over it; and what none of them ever stops."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.book import Book, Held
from repeg.domain.case import Case
from repeg.domain.counters import Counters, counters_of, reckoned, refusing, settling
from repeg.domain.limits import (
    COUNTED,
    LIMITS,
    bounds_of,
    entry_of,
    is_counted,
    needs_book,
    refused,
    waits_for_losses,
)
from repeg.domain.loss import Losses, PaidIn
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Counted
from repeg.domain.reasons import BY_A_LIMIT, Reason, Status
from repeg.domain.settings import LIMITS_OF_STRATEGIES, Settings
from tests.support.make import NOON, child, order

TODAY = NOON.date()
EVERY: dict[str, Any] = {
    **{limit.setting: Decimal("0.001") for limit in LIMITS},
    **{counter.setting: 1 for counter in COUNTED},
    "max_gross_fraction": Decimal("0.001"),
    "duplicate_window_seconds": Decimal(60),
    "denied_symbols": frozenset({"TQQQ"}),
}
"""Settings by which next to nothing is sent."""


def case(of: Order | None = None, settings: dict[str, Any] | None = None, **more: Any) -> Case:
    """100 TQQQ at 51.00, quoted 50.90 at 51.10."""
    of = of or order()
    written = more.pop("child", None) or rung()
    return Case(order=of, child=written, settings=Settings(**(settings or {})), now=more.pop("now", NOON), **more)


def rung(**fields: Any) -> ChildRecord:
    told = {"qty": 100, "limit_price": "51", "bid": "50.90", "ask": "51.10"} | fields
    numbers = {name: None if value is None else Decimal(value) for name, value in told.items()}
    return child(status=ChildStatus.INTENT, type="limit" if numbers["limit_price"] else "market", **numbers)


def book(equity: str = "100000", last: str | None = "100000", **positions: tuple[int, int]) -> Book:
    """Positions as shares and dollars."""
    held = {symbol: Held(qty=Decimal(qty), value=Decimal(value)) for symbol, (qty, value) in positions.items()}
    net = sum((each.value or Decimal(0) for each in held.values()), Decimal(0))
    return Book(
        at=NOON,
        positions=held,
        equity=Decimal(equity),
        last_equity=None if last is None else Decimal(last),
        cash=Decimal(equity) - net,
    )


def reason(of: Case) -> Reason | None:
    found = refused(of)
    return found.reason if found else None


EDGES = [
    ("max_order_qty", "100", "99.999", Reason.RISK_ORDER_QTY, {}),
    ("max_order_notional", "5100", "5099.99", Reason.RISK_ORDER_NOTIONAL, {}),
    ("price_collar_bps", "100", "99.99", Reason.RISK_PRICE_COLLAR, {"child": rung(limit_price="51.51")}),
    ("price_collar_bps", "200", "199.99", Reason.RISK_PRICE_COLLAR, {"last": Decimal(50)}),
    ("max_signal_age_seconds", "30", "29.999", Reason.RISK_SIGNAL_AGE, {"now": NOON + timedelta(seconds=30)}),
    ("max_position_fraction", "0.051", "0.0509", Reason.RISK_POSITION, {"book": book()}),
    ("max_position_fraction", "0.102", "0.1019", Reason.RISK_POSITION, {"book": book(TQQQ=(100, 5100))}),
    ("max_daily_loss", "1000.01", "1000", Reason.RISK_DAILY_LOSS, {"book": book("99000")}),
]


@pytest.mark.parametrize(("setting", "at", "over", "named", "seen"), EDGES)
def test_a_limit_admits_up_to_its_edge_and_nothing_beyond(
    setting: str, at: str, over: str, named: Reason, seen: dict[str, Any]
) -> None:
    assert reason(case(settings={setting: Decimal(at) * 2}, **seen)) is None
    assert reason(case(settings={setting: Decimal(at)}, **seen)) is None
    assert reason(case(settings={setting: Decimal(over)}, **seen)) is named
    assert reason(case(settings={setting: Decimal(0)}, **seen)) is None, "0 is no limit"


def test_each_limit_of_the_table_is_tried_at_its_edge() -> None:
    assert {setting for setting, *_ in EDGES} == {limit.setting for limit in LIMITS}
    reasons = {limit.reason for limit in LIMITS} | {counter.reason for counter in COUNTED}
    others = {Reason.RISK_SYMBOL, Reason.RISK_GROSS_EXPOSURE, Reason.RISK_DUPLICATE, Reason.RISK_UNREADABLE}
    assert reasons | others == BY_A_LIMIT


def test_a_limit_of_a_strategy_binds_its_orders_beside_the_accounts() -> None:
    tight = {"max_order_qty": Decimal(200), "strategy_limits": {"pairs": {"max_order_qty": Decimal(99)}}}
    wide = {"max_order_qty": Decimal(99), "strategy_limits": {"pairs": {"max_order_qty": Decimal(200)}}}
    assert [reason(case(order(strategy=name), tight)) for name in ("pairs", "other", None)] == [
        Reason.RISK_ORDER_QTY,
        None,
        None,
    ]
    assert reason(case(order(strategy="pairs"), wide)) is Reason.RISK_ORDER_QTY
    found = refused(case(order(strategy="pairs"), tight))
    assert found and found.detail == "100 shares, 99 at most (pairs: max_order_qty)"


@pytest.mark.parametrize(
    ("setting", "most", "qty", "words"),
    [
        ("max_order_qty", "10", "10.000000001", "10.000000001 shares, 10 at most"),
        ("max_order_qty", "10", "12.5", "12.5 shares, 10 at most"),
        ("max_order_notional", "510", "10.000000001", "it may cost $510.0000001, $510 at most"),
    ],
)
def test_what_is_refused_for_a_hair_shows_the_hair(setting: str, most: str, qty: str, words: str) -> None:
    found = refused(case(order(), {setting: Decimal(most)}, child=rung(qty=qty)))
    assert found and found.detail.startswith(words)


def test_what_one_entry_alone_exceeds_the_days_dollars_by_is_shown() -> None:
    of = case(order(), {"max_daily_notional": Decimal(510)}, child=rung(qty="10.000000001"))
    entry = entry_of(of)
    assert entry
    [bound] = bounds_of(of, entry)
    assert bound.detail.endswith(": 510.0000001 more would exceed 510 (max_daily_notional)")


def test_a_blank_around_a_strategys_name_takes_it_out_of_no_limit() -> None:
    limits = {"pairs ": {"max_order_qty": Decimal(99)}, "pairs": {"max_order_qty": Decimal(200)}}
    assert reason(case(order(strategy="pairs"), {"strategy_limits": limits})) is Reason.RISK_ORDER_QTY
    assert reason(case(order(strategy=" pairs"), {"strategy_limits": limits})) is Reason.RISK_ORDER_QTY
    assert reason(case(order(strategy=""), {"strategy_limits": {" ": {"max_order_qty": Decimal(99)}}})) is None


@pytest.mark.parametrize(
    ("lost", "named"), [("999.99", None), ("1000", Reason.RISK_DAILY_LOSS), ("-5000", None), (None, None)]
)
def test_a_strategy_is_stopped_by_its_own_loss_and_not_by_the_accounts(lost: str | None, named: Reason | None) -> None:
    limit = {"strategy_limits": {"pairs": {"max_daily_loss": Decimal(1000)}}}
    told = {"pairs": Decimal(lost)} if lost else {}
    seen = book("50000").changed(losses=Losses(at=NOON, lost=told | {"other": Decimal(9000)}))
    of_pairs = case(order(strategy="pairs"), limit, book=seen)
    assert (needs_book(of_pairs), reason(of_pairs), waits_for_losses(of_pairs)) == (True, named, False)
    assert not needs_book(case(order(strategy="other"), limit))


def test_a_loss_that_nobody_reckoned_of_late_is_waited_for_by_who_enters() -> None:
    limit = {"strategy_limits": {"pairs": {"max_daily_loss": Decimal(1000)}}}
    seen = book().changed(losses=Losses(at=NOON - timedelta(minutes=5, seconds=1), lost={}))
    for known in (seen, book(), None):
        assert waits_for_losses(case(order(strategy="pairs"), limit, book=known))
        assert not waits_for_losses(case(order(strategy="pairs", side="sell"), limit, book=known))
        assert not waits_for_losses(case(order(strategy="other"), limit, book=known))


def test_what_was_paid_in_hides_no_loss_and_what_was_paid_out_is_none() -> None:
    limit = {"max_daily_loss": Decimal(1000)}
    paid_in, paid_out = (PaidIn(at=NOON, dollars=Decimal(dollars)) for dollars in (5000, -5000))
    assert reason(case(settings=limit, book=book("104000").changed(paid_in=paid_in))) is Reason.RISK_DAILY_LOSS
    assert reason(case(settings=limit, book=book("95000").changed(paid_in=paid_out))) is None


def test_symbols_are_denied_or_allowed() -> None:
    denied, allowed = {"denied_symbols": frozenset({"TQQQ"})}, {"allowed_symbols": frozenset({"SPY"})}
    assert reason(case(settings=denied)) is Reason.RISK_SYMBOL
    assert reason(case(settings=allowed)) is Reason.RISK_SYMBOL
    assert reason(case(order(symbol="SPY"), allowed)) is None
    assert reason(case(order(symbol="AAPL"), denied)) is None


@pytest.mark.parametrize("kind", ["close", "unwind"])
def test_nothing_stops_an_exit(kind: str) -> None:
    late = NOON + timedelta(hours=5)
    leaves = case(order(kind=kind, side="sell"), EVERY, child=rung(limit_price="1"), now=late)
    assert refused(leaves) is None
    assert not is_counted(leaves)
    assert not needs_book(leaves)


def test_a_plain_sell_is_held_to_its_price_and_its_signals_age_alone() -> None:
    sell = order(side="sell")
    mistakes = ("price_collar_bps", "max_signal_age_seconds")
    only_risk = {name: value for name, value in EVERY.items() if name not in mistakes}
    assert refused(case(sell, only_risk)) is None
    assert not is_counted(case(sell, EVERY))
    assert not needs_book(case(sell, EVERY))
    cheap = rung(limit_price="49")
    assert reason(case(sell, {"price_collar_bps": Decimal(100)}, child=cheap)) is Reason.RISK_PRICE_COLLAR
    old = case(sell, {"max_signal_age_seconds": Decimal(1)}, now=NOON + timedelta(seconds=2))
    assert reason(old) is Reason.RISK_SIGNAL_AGE


def test_a_price_that_is_better_than_the_market_is_no_reason() -> None:
    assert reason(case(settings={"price_collar_bps": Decimal(1)}, child=rung(limit_price="40"))) is None


def test_an_order_that_waited_for_the_open_is_as_old_as_that() -> None:
    limit = {"max_signal_age_seconds": Decimal(60)}
    waited = order(created_at=NOON - timedelta(hours=12), when_closed="next_open")
    assert reason(case(waited, limit, opened_at=NOON - timedelta(seconds=60))) is None
    assert reason(case(waited, limit, opened_at=NOON - timedelta(seconds=61))) is Reason.RISK_SIGNAL_AGE
    assert reason(case(order(created_at=waited.created_at), limit, opened_at=NOON)) is Reason.RISK_SIGNAL_AGE


def test_what_was_begun_goes_on_however_old_its_signal_gets() -> None:
    begun = order(children=(child(1, status=ChildStatus.CANCELED),))
    assert refused(case(begun, {"max_signal_age_seconds": Decimal(1)}, now=NOON + timedelta(minutes=5))) is None


def test_what_makes_a_position_smaller_passes_however_large_it_is() -> None:
    covers = case(settings={"max_position_fraction": Decimal("0.01")}, book=book(TQQQ=(-900, -45900)))
    assert refused(covers) is None


@pytest.mark.parametrize("setting", ["max_position_fraction", "max_daily_loss", "max_order_notional"])
def test_what_cannot_be_measured_is_not_sent(setting: str) -> None:
    blind = case(settings={setting: Decimal(1)}, child=rung(limit_price=None, bid=None, ask=None))
    assert reason(blind) is Reason.RISK_UNREADABLE
    assert reason(case(settings={"max_daily_loss": Decimal(1)}, book=book(last=None))) is Reason.RISK_UNREADABLE


def test_an_entry_costs_what_it_may_pay_at_worst() -> None:
    capped = order(reference_price=Decimal(50), max_slippage_bps=Decimal(20))
    assert case(capped).cost == Decimal(100) * capped.worst_price  # type: ignore[operator]
    assert case(child=rung(limit_price=None)).cost == Decimal("5110")


def test_a_buy_makes_its_position_at_the_dearest_price_that_its_ladder_may_pay() -> None:
    """Its first rung's limit is 51.00, its last may pay 51.51: that is the position that is held against the limit."""
    capped = order(reference_price=Decimal(51), max_slippage_bps=Decimal(100))
    assert reason(case(capped, {"max_position_fraction": Decimal("0.0515")}, book=book())) is Reason.RISK_POSITION
    assert reason(case(capped, {"max_position_fraction": Decimal("0.05151")}, book=book())) is None


# --- what is counted ---


def counted(settings: dict[str, Any], stand: dict[str, str], of: Order | None = None, **seen: Any) -> Reason | None:
    """By which limit an entry is refused while the counters stand so."""
    asked = case(of, settings, **seen)
    entry = entry_of(asked)
    assert entry is not None
    names = {"twin": entry.twin_name}
    bound = refusing(bounds_of(asked, entry), {names.get(name, name): Decimal(value) for name, value in stand.items()})
    return bound.reason if bound else None


AT = str(Decimal(str(NOON.timestamp())))
COUNTS = [
    ("max_daily_orders", 3, "orders", "2", "3", Reason.RISK_DAILY_ORDERS),
    ("max_open_orders", 3, "open", "2", "3", Reason.RISK_OPEN_ORDERS),
    ("max_daily_notional", Decimal(10_000), "notional", "4900", "4900.01", Reason.RISK_DAILY_NOTIONAL),
    (
        "duplicate_window_seconds",
        Decimal(10),
        "twin",
        str(Decimal(AT) - 10),
        str(Decimal(AT) - 9),
        Reason.RISK_DUPLICATE,
    ),
]


@pytest.mark.parametrize(("setting", "most", "counter", "at", "over", "named"), COUNTS)
def test_a_counter_admits_up_to_its_edge_and_nothing_beyond(
    setting: str, most: Any, counter: str, at: str, over: str, named: Reason
) -> None:
    limit = {setting: most}
    assert is_counted(case(settings=limit))
    assert counted(limit, {}) is None
    assert counted(limit, {counter: at}) is None
    assert counted(limit, {counter: over}) is named
    assert not is_counted(case(settings={setting: 0}))


def test_a_strategy_has_counters_of_its_own() -> None:
    limit = {"strategy_limits": {"pairs": {"max_daily_orders": Decimal(3)}}}
    pairs = order(strategy="pairs")
    assert counted(limit, {"orders": "50", "orders of pairs": "2"}, pairs) is None
    assert counted(limit, {"orders": "50", "orders of pairs": "3"}, pairs) is Reason.RISK_DAILY_ORDERS
    assert not is_counted(case(order(strategy="other"), limit))


@pytest.mark.parametrize(
    ("stand", "settled", "refusal"),
    [
        ({}, "0", None),
        ({"notional": "9900"}, "0", None),
        ({"notional": "9900.01"}, "0", Reason.RISK_GROSS_EXPOSURE),
        # What was over when the account was looked at is among the positions.
        ({"notional": "29900"}, "20000", None),
        ({"notional": "29900.01"}, "20000", Reason.RISK_GROSS_EXPOSURE),
    ],
)
def test_exposure_counts_positions_and_all_that_they_do_not_show_yet(
    stand: dict[str, str], settled: str, refusal: Reason | None
) -> None:
    seen = book(SPY=(100, 50_000), SQQQ=(-1000, -35_000)).changed(day=TODAY, settled=Decimal(settled))
    assert counted({"max_gross_fraction": Decimal(1)}, stand, book=seen) is refusal


def test_a_list_that_lacks_a_position_makes_no_room() -> None:
    lacking = book(SPY=(100, 50_000)).changed(cash=Decimal(2_000))
    assert lacking.gross == 98_000
    assert counted({"max_gross_fraction": Decimal(1)}, {}, book=lacking) is Reason.RISK_GROSS_EXPOSURE


def test_a_position_that_a_list_lacks_counts_as_that_of_the_symbol() -> None:
    limit = {"max_position_fraction": Decimal("0.5")}
    lacking = book(SPY=(100, 50_000)).changed(cash=Decimal(2_000))
    assert reason(case(settings=limit, book=lacking)) is Reason.RISK_POSITION
    known = lacking.changed(positions=lacking.positions | {"TQQQ": Held(qty=Decimal(0), value=Decimal(0))})
    assert reason(case(settings=limit, book=known)) is None
    assert reason(case(settings=limit, book=book(SPY=(100, 50_000)).changed(cash=Decimal(49_100)))) is None, "prices"


def test_an_account_without_worth_admits_nothing() -> None:
    assert counted({"max_gross_fraction": Decimal(1)}, {}, book=book("0")) is Reason.RISK_UNREADABLE
    assert counted({"max_gross_fraction": Decimal(1)}, {}, book=Book(at=NOON)) is Reason.RISK_UNREADABLE


def entered(status: Status, filled: int, **fields: Any) -> Order:
    done = child(
        1,
        status=ChildStatus.FILLED if filled == 100 else ChildStatus.CANCELED,
        filled_qty=Decimal(filled),
        avg_fill_price=Decimal(50) if filled else None,
    )
    took = Counted(day=TODAY, notional=Decimal(5100))
    return order(**({"status": status, "children": (done,), "counted": took} | fields))


def test_what_an_entry_did_not_use_is_given_back() -> None:
    assert settling(entered(Status.FILLED, 100)) == {"open": -1, "notional": -100, "settled": 5000}
    assert settling(entered(Status.UNFILLED, 0)) == {"open": -1, "notional": -5100, "settled": 0}
    never = entered(Status.REJECTED, 0, children=(), strategy="pairs")
    assert settling(never) == {
        "open": -1,
        "open of pairs": -1,
        "notional": -5100,
        "notional of pairs": -5100,
        "orders": -1,
        "orders of pairs": -1,
        "settled": 0,
    }
    assert settling(order()) == {}, "it was not counted"


def test_the_records_say_what_the_counters_should_be() -> None:
    orders = [
        entered(Status.FILLED, 100, order_id="a", strategy="pairs"),
        entered(Status.WORKING, 0, order_id="b"),
        entered(Status.REJECTED, 0, order_id="c", children=()),
        entered(Status.FILLED, 100, order_id="d", counted=Counted(day=TODAY - timedelta(days=1), notional=Decimal(1))),
        order(order_id="e"),
    ]
    assert reckoned(TODAY, orders) == Counters(
        totals={
            "orders": Decimal(2),
            "orders of pairs": Decimal(1),
            "open": Decimal(1),
            "notional": Decimal(10_100),
            "notional of pairs": Decimal(5000),
            "settled": Decimal(5000),
        },
        entries={"b": Decimal(5100)},
    )


def test_an_item_of_the_table_is_read_as_counters() -> None:
    fields = {"orders": "2", "open": "0", "entry b": "5100", "twin  TQQQ buy 100": "1", "settled_at": "1"}
    found = counters_of({name: Decimal(value) for name, value in fields.items()})
    assert (found.totals, found.entries) == ({"orders": 2}, {"b": 5100})


def test_each_limit_of_a_strategy_is_one_of_the_account() -> None:
    assert set(LIMITS_OF_STRATEGIES) <= set(Settings.__struct_fields__)
