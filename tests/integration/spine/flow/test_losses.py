"""A strategy that lost too much today enters no more; all others do, and everything is left and guarded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from repeg.care import ledger
from repeg.domain.reasons import Reason, Status
from repeg.store.items import to_item
from tests.support.lab import Lab
from tests.support.leaving import hold
from tests.support.scenes import done, lab_at, run, whenever
from tests.support.splits import FRIDAY_AFTERNOON, monday, split
from tests.support.watching import calls_since, cancel_protection, limited, moves, sell_by_hand

LIMIT: dict[str, Any] = {"strategy_limits": {"pairs": {"max_daily_loss": Decimal(90)}}}
ACTIVITIES = {"method": "GET", "path": "/v2/account/activities", "kind": "error", "status": 200}


def stopped_out(lab: Lab) -> None:
    """A bracket of pairs lost a dollar on each of a hundred shares, and the market is where it was."""
    hold(lab, strategy="pairs")
    moves(lab, "49.90")
    lab.sleep(1)
    lab.sweep()
    moves(lab, "50.95")


def test_what_a_strategy_lost_today_stops_its_entries_and_no_exit(lab: Lab) -> None:
    limited(lab, **LIMIT)
    lab.sweep()
    stopped_out(lab)
    hold(lab, "held", strategy="calm")
    lab.sleep(60)
    lab.sweep()
    assert done(lab, "more", strategy="pairs", qty=1).reason is Reason.RISK_DAILY_LOSS
    assert done(lab, "other", strategy="calm", qty=1).status is Status.FILLED
    assert run(lab, "close", kind="close", strategy="pairs").status is Status.FILLED


def test_what_it_holds_counts_as_it_stands(lab: Lab) -> None:
    """In the market it lost as much, and none of it was sold yet; it comes back, and goes on."""
    limited(lab, **LIMIT)
    lab.sweep()
    hold(lab, strategy="pairs")
    moves(lab, "50.05")
    lab.sleep(60)
    lab.sweep()
    assert done(lab, "more", strategy="pairs", qty=1).reason is Reason.RISK_DAILY_LOSS
    moves(lab, "50.95")
    lab.sleep(60)
    lab.sweep()
    assert done(lab, "again", strategy="pairs", qty=1).status is Status.FILLED


def test_what_is_stopped_out_while_the_sweep_looks_lets_nothing_through_in_between(lab: Lab) -> None:
    """The account does not show the shares any more, and the record does not say yet what they were sold for."""
    limited(lab, **LIMIT)
    lab.sweep()
    hold(lab, strategy="pairs")
    lab.sleep(60)
    lab.sweep()

    def stopped() -> None:
        moves(lab, "49.90")
        lab.sleep(1)

    lab.sleep(60)
    whenever(lab, "store.counters", stopped)
    lab.sweep()
    moves(lab, "50.95")
    whenever(lab, "store.book_and_trades", lambda: (lab.sleep(45), lab.sweep()), nth=3)
    more = run(lab, "more", strategy="pairs", qty=1)
    lab.sleep(60)
    lab.sweep()
    assert more.reason is Reason.RISK_DAILY_LOSS, more.events


def test_who_looks_at_the_account_meanwhile_takes_nothing_of_what_the_sweep_reckons(lab: Lab) -> None:
    """Another strategy's entry finds the book a minute old while the sweep reads the records, and keeps a newer one."""
    limited(lab, max_position_fraction=1, **LIMIT)
    lab.sweep()
    hold(lab, strategy="pairs")
    moves(lab, "50.05")
    lab.sleep(61)
    whenever(lab, "store.newest_ids", lambda: (lab.sleep(1), run(lab, "other", strategy="calm", qty=1)))
    lab.sweep()
    assert run(lab, "more", strategy="pairs", qty=1).reason is Reason.RISK_DAILY_LOSS


def test_shares_that_left_are_missed_whoever_looked_at_the_account_since(lab: Lab) -> None:
    """Stopped out once the sweep had looked for that: the book of an entry in between shows nothing that is gone."""
    limited(lab, max_position_fraction=1, **LIMIT)
    lab.sweep()
    hold(lab, strategy="pairs")
    lab.sleep(60)
    lab.sweep()
    lab.sleep(61)

    def stopped() -> None:
        moves(lab, "49.90")
        lab.sleep(11)
        run(lab, "other", strategy="calm", qty=1)

    # The sweep's look at the account is the one behind it.
    whenever(lab, "store.book", stopped)
    lab.sweep()
    moves(lab, "50.95")
    whenever(lab, "store.book_and_trades", lambda: (lab.sleep(45), lab.sweep()), nth=3)
    more = run(lab, "more", strategy="pairs", qty=1)
    assert more.reason is Reason.RISK_DAILY_LOSS, more.events


def test_before_it_is_known_it_is_waited_for(lab: Lab) -> None:
    """Right behind the setting; the sweep of the minute says it."""
    limited(lab, **LIMIT)
    whenever(lab, "store.book_and_trades", lab.sweep, nth=3)
    order = done(lab, strategy="pairs", qty=1)
    assert order.status is Status.FILLED
    assert any("what pairs lost today is not known yet" in event.detail for event in order.events)


def test_a_second_look_that_knows_it_no_more_waits_as_the_first_would(lab: Lab) -> None:
    """By the book of the sweep the account lost too much; it is looked at anew, in a book without what pairs lost."""
    limited(lab, max_daily_loss=1000, **LIMIT)
    lab.control.account(cash="98000", last_equity="100000")
    lab.sweep()
    lab.control.account(cash="100000", last_equity="100000")
    lab.sleep(20)

    def forgotten() -> None:
        kept = lab.orders.book()
        assert kept and kept.losses
        lab.orders._client.delete_item(TableName=lab.table, Key=to_item({"pk": "MARKET", "sk": "LOSSES"}))

    whenever(lab, "store.book", forgotten)
    order = done(lab, strategy="pairs", qty=1)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.EXPIRED)


def test_once_it_is_known_it_costs_an_entry_the_one_read_of_the_book(lab: Lab) -> None:
    limited(lab, **LIMIT)
    lab.sweep()
    before, mark = len(lab.deaths.seen), lab.mark()
    done(lab, strategy="pairs", qty=1)
    seen = lab.deaths.seen[before:]
    seen = seen[: seen.index("broker.submit")]
    reads = {"store.book_and_trades", "store.book", "store.counters", "store.newest_ids", "store.several"}
    assert [name for name in seen if name in reads] == ["store.book_and_trades"]
    assert len(calls_since(lab, mark)) == 2, "submit, read"


def test_while_nobody_reckons_it_nothing_is_entered(lab: Lab) -> None:
    limited(lab, **LIMIT)
    order = done(lab, strategy="pairs", qty=1)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.EXPIRED)


def test_that_it_cannot_be_reckoned_is_told(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """One record that nobody can read: its trades are not known, and other strategies need not care."""
    limited(lab, **LIMIT)
    odd = {"pk": "ORDER#odd", "sk": "ORDER", "form": 99, "order": "{}", "gsi1pk": "ORDERS", "gsi1sk": "2026#odd"}
    lab.orders._client.put_item(TableName=lab.table, Item=to_item(odd))
    for _ in range(2):
        lab.sweep()
    told = [line for line in caplog.messages if "cannot be reckoned" in line]
    assert ["'alert': True" in line for line in told] == [True, False], "and not again for a quarter of an hour"
    assert run(lab, "other", strategy="calm", qty=1).status is Status.FILLED
    lab.sweep()
    assert run(lab, "mine", strategy="pairs", qty=1).reason is Reason.EXPIRED


def test_a_strategy_without_that_limit_costs_no_record_read(lab: Lab) -> None:
    limited(lab, max_gross_fraction=1, strategy_limits={"pairs": {"max_open_orders": Decimal(9)}})
    before = len(lab.deaths.seen)
    lab.sweep()
    assert "store.newest_ids" not in lab.deaths.seen[before:]


@pytest.mark.parametrize("minutes", [1, 6])
def test_a_deposit_hides_no_loss_of_the_account(lab: Lab, minutes: int) -> None:
    """Of 3,000 lost and 2,500 paid in the broker shows 500; what was paid in is asked for every five minutes."""
    limited(lab, max_daily_loss=1000)
    lab.control.account(cash="99500", last_equity="100000")
    lab.control.faults(ACTIVITIES | {"body": [{"activity_type": "CSD", "net_amount": "2500"}]})
    lab.sweep()
    mark = lab.mark()
    lab.sleep(60 * minutes)
    lab.sweep()
    asked = [call for call in calls_since(lab, mark) if "activities" in call]
    assert len(asked) == (minutes > 5)
    assert done(lab).reason is Reason.RISK_DAILY_LOSS


def test_the_first_entry_of_a_day_asks_for_deposits_itself_and_is_not_sent_without_an_answer(lab: Lab) -> None:
    limited(lab, max_daily_loss=1000)
    lab.control.account(cash="95000", last_equity="100000")
    lab.control.faults(ACTIVITIES | {"status": 503, "body": "no"})
    assert done(lab).reason is Reason.RISK_UNREADABLE
    lab.control.faults(ACTIVITIES | {"body": [{"activity_type": "CSW", "net_amount": "-4500"}]})
    assert done(lab, "b").status is Status.FILLED


@pytest.mark.parametrize("minutes", [0, 20], ids=["never told today", "not told for twenty minutes"])
def test_while_the_sweep_cannot_tell_deposits_nothing_is_entered(lab: Lab, minutes: int) -> None:
    limited(lab, max_daily_loss=1000)
    lab.control.account(cash="99500", last_equity="100000")
    if minutes:
        lab.sweep()
    lab.control.faults(ACTIVITIES | {"status": 503, "body": "no"})
    lab.sleep(60 * minutes)
    lab.sweep()
    assert done(lab).reason is Reason.RISK_UNREADABLE
    lab.control.faults()
    assert done(lab, "b").status is Status.FILLED


def test_a_deposit_hides_no_loss_from_the_trip(lab: Lab) -> None:
    limited(lab, trip_daily_loss=1000)
    lab.control.account(cash="99500", last_equity="100000")
    lab.control.faults(ACTIVITIES | {"body": [{"activity_type": "CSD", "net_amount": "2500"}]})
    lab.sweep()
    assert len(lab.orders.halts()) == 1


def test_on_the_day_of_a_split_plain_shares_are_as_many_as_they_are(
    exchange: ExchangeControl, aws_credentials: None
) -> None:
    """Five over the weekend became fifty, sold two dollars below the close each: by Friday's records five were."""
    with lab_at(exchange, FRIDAY_AFTERNOON) as lab:
        limited(lab, **LIMIT)
        lab.sweep()
        assert done(lab, "held", strategy="pairs", qty=5).status is Status.FILLED
        monday(lab, "5.09", "5.10", "09:45")
        split(lab)
        lab.sweep()
        assert run(lab, "more", strategy="pairs", qty=1).status is Status.FILLED, "a split is no loss"
        moves(lab, "3.09")
        assert run(lab, "out", kind="close").filled_qty == 51
        lab.sleep(11)
        lab.sweep()
        assert run(lab, "again", strategy="pairs", qty=1).reason is Reason.RISK_DAILY_LOSS


def test_what_somebody_sold_by_hand_counts_as_lost_to_its_stop(lab: Lab) -> None:
    """At a price that no record has: the stop lay 1.02 below, for a hundred shares."""
    limited(lab, **LIMIT)
    lab.sweep()
    held = hold(lab, strategy="pairs")
    cancel_protection(lab, held)
    sell_by_hand(lab, 100)
    for _ in range(2):
        lab.sleep(60)
        lab.sweep()
    assert lab.order("b").exit_reason == "outside"
    assert run(lab, "more", strategy="pairs", qty=1).reason is Reason.RISK_DAILY_LOSS


def test_positions_that_take_long_to_watch_keep_nobody_from_reckoning(lab: Lab) -> None:
    limited(lab, **LIMIT)
    lab.sweep()
    hold(lab, strategy="pairs")
    lab.sleep(60)
    whenever(lab, "store.holding_shares", lambda: lab.sleep(24))
    moves(lab, "50.05")
    lab.sweep()
    assert run(lab, "more", strategy="pairs", qty=1).reason is Reason.RISK_DAILY_LOSS


def test_what_brackets_hold_counts_however_long_ago_it_was_bought(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the newest so many orders (here: one), of which the ledger of a fresh process reads."""
    hold(lab, strategy="pairs")
    done(lab, "newer", strategy="calm", qty=1)
    limited(lab, **LIMIT)
    lab.sleep(60)
    monkeypatch.setattr(ledger, "RECORDS", 1)
    moves(lab, "50.05")
    lab.sweep()
    assert run(lab, "more", strategy="pairs", qty=1).reason is Reason.RISK_DAILY_LOSS
