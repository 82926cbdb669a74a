"""Trading halts by itself, once, and says how that is lifted; exits go on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from repeg.domain.halt import Halt, Mode, Scope
from repeg.domain.metrics.measured import Call
from repeg.domain.reasons import Reason, Status
from repeg.store.halts import halt_key
from repeg.wiring.streak import Streak
from repeg.worker.trips import count_failure
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, hold, side_by_side
from tests.support.scenes import on_order, run, send, whenever


def unprotected(lab: Lab, name: str) -> None:
    """A bracket falls through its stop before it is protected, and is left."""
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    on_order(lab, "fill", "49.50", "49.53")
    send(lab, name, **BRACKET)
    side_by_side(lab)
    order = lab.order(name)
    assert (order.status, order.reason) == (Status.UNWOUND, Reason.PROTECTION_FAILED)
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)


def control(lab: Lab) -> list[dict[str, Any]]:
    return [detail for kind, detail in lab.bus.events if kind == "Trading Control"]


def test_three_orders_without_protection_halt_what_comes_next_and_no_exit(lab: Lab) -> None:
    for name in ("a", "b"):
        unprotected(lab, name)
    assert run(lab, "between", qty=1).status is Status.FILLED
    unprotected(lab, "c")
    assert run(lab, "d", qty=1).reason is Reason.HALTED
    [halt] = lab.orders.halts()
    assert halt.reason.startswith("tripped: 3 orders ended without protection within 10 minutes (")
    [told] = control(lab)
    assert (told["scope"], told["mode"], told["reason"]) == ("account", "halted", halt.reason)
    assert told["message"].startswith("repeg (paper) trading: the account is halted: only exits are sent (tripped: 3 ")
    assert "; lift it with: repeg resume --stack repeg. " in told["message"]
    assert run(lab, "e", kind="close").status is Status.FILLED


def test_after_a_resume_it_takes_as_much_anew(lab: Lab) -> None:
    for name in ("a", "b", "c"):
        unprotected(lab, name)
    lab.orders.lift_halt(Scope.ACCOUNT)
    for name in ("d", "e"):
        unprotected(lab, name)
    assert lab.orders.halts() == ()
    unprotected(lab, "f")
    assert len(control(lab)) == 2


def test_what_comes_up_while_all_is_halted_is_used_up(lab: Lab) -> None:
    """The operator who resumes has seen it: the first failure after it must not halt again."""
    unprotected(lab, "a")
    unprotected(lab, "b")
    whenever(lab, "store.finish", lambda: lab.orders.keep_halt(Halt(mode=Mode.HALTED, reason="mine")))
    unprotected(lab, "c")
    assert [halt.reason for halt in lab.orders.halts()] == ["mine"]
    lab.orders.lift_halt(Scope.ACCOUNT)
    unprotected(lab, "d")
    assert lab.orders.halts() == ()


def test_an_order_that_is_counted_again_as_its_worker_died_is_counted_once(lab: Lab) -> None:
    lab.settings = lab.settings.changed(trip_protection_failures=2)
    unprotected(lab, "a")
    count_failure(lab.worker, lab.order("a"))
    assert lab.orders.halts() == ()


def test_trips_that_cannot_be_counted_are_told_and_keep_no_order_from_its_end(lab: Lab) -> None:
    def fails() -> None:
        raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "UpdateItem")

    whenever(lab, "store.trips", fails)
    unprotected(lab, "a")
    assert lab.order("a").run.published


def lose(lab: Lab, dollars: int) -> None:
    lab.control.account(cash=str(100_000 - dollars), last_equity="100000")


def test_the_loss_of_the_day_halts_by_two_looks_at_the_account(lab: Lab) -> None:
    lab.settings = lab.settings.changed(trip_daily_loss_fraction=Decimal("0.03"))
    lose(lab, 2_999)
    lab.sweep()
    assert lab.orders.halts() == ()
    lose(lab, 3_000)
    lab.sweep()
    [halt] = lab.orders.halts()
    assert halt.reason.startswith("tripped: the account lost $3,000.00 since the last close, 3.00 % of $100,000.00")
    lab.orders.lift_halt(Scope.ACCOUNT)
    lose(lab, 5_000)
    lab.sweep()
    assert lab.orders.halts() == (), "by what it tripped for it does not trip again"


@pytest.mark.parametrize("answer", [{"equity": "0"}, {"equity": "90000", "last_equity": None}])
def test_one_false_answer_about_the_account_halts_nothing(lab: Lab, answer: dict[str, Any]) -> None:
    lab.settings = lab.settings.changed(trip_daily_loss=Decimal(1))
    lab.control.account(cash="100000", last_equity="100000")
    wrong = {"equity": "90000", "cash": "90000", "last_equity": "100000", "account_number": "P", "buying_power": "1"}
    lab.control.faults({"method": "GET", "path": "/v2/account", "kind": "error", "status": 200, "body": wrong | answer})
    lab.sweep()
    lab.control.faults(
        {"method": "GET", "path": "/v2/account", "kind": "error", "status": 200, "body": wrong, "count": 1}
    )
    lab.sweep()
    assert lab.orders.halts() == ()


def test_money_that_was_paid_out_is_no_loss(lab: Lab) -> None:
    lab.settings = lab.settings.changed(trip_daily_loss=Decimal(3000))
    lose(lab, 10_000)
    paid = [{"activity_type": "CSW", "net_amount": "-8000"}, {"activity_type": "CSD", "net_amount": "500.50"}]
    activities = {"method": "GET", "path": "/v2/account/activities", "kind": "error", "status": 200, "body": paid}
    lab.control.faults(activities)
    lab.sweep()
    assert lab.orders.halts() == ()
    lab.control.faults(activities | {"status": 503, "body": "no"})
    lab.sweep()
    assert lab.orders.halts() == (), "nor while it cannot be told"
    lab.control.faults()
    lab.sweep()
    assert len(lab.orders.halts()) == 1


def test_a_loss_halts_though_nobody_tells_what_was_paid_out(lab: Lab) -> None:
    """Never told today: nothing is taken to have been moved. On the worst of days the broker answers worst."""
    lab.settings = lab.settings.changed(trip_daily_loss=Decimal(3000))
    lose(lab, 3_000)
    lab.control.faults(
        {"method": "GET", "path": "/v2/account/activities", "kind": "error", "status": 503, "body": "no"}
    )
    lab.sweep()
    [halt] = lab.orders.halts()
    assert halt.reason.startswith("tripped: the account lost $3,000.00")


def test_it_halts_no_less_than_a_word_that_is_missing(lab: Lab) -> None:
    lab.settings = lab.settings.changed(trip_daily_loss=Decimal(3000), trip_mode="reducing")
    run(lab, qty=1)
    lab.orders._client.delete_item(TableName=lab.table, Key=halt_key(Scope.ACCOUNT))
    lose(lab, 10_000)
    lab.sweep()
    [halt] = lab.orders.halts()
    assert halt.mode is Mode.HALTED
    assert halt.reason.startswith("tripped: ")


def test_a_loss_that_nobody_limits_costs_no_request(lab: Lab) -> None:
    lab.sweep()
    asked = [e["path"] for e in lab.control.journal() if e["type"] == "request"]
    assert not any("/account" in path for path in asked)


def test_differences_of_the_book_halt_where_that_is_wanted(lab: Lab) -> None:
    hold(lab)
    lab.control.position("TQQQ", 60, "50.98")
    assert lab.reconcile()["drift"] > 0
    assert lab.orders.halts() == ()
    lab.settings = lab.settings.changed(trip_drift=1)
    assert lab.reconcile()["drift"] > 0
    [halt] = lab.orders.halts()
    assert "between broker and records (" in halt.reason
    lab.orders.lift_halt(Scope.ACCOUNT)
    assert lab.reconcile()["drift"] > 0
    assert lab.orders.halts() == (), "by the same difference it does not halt again"


def in_a_row(lab: Lab) -> int:
    return lab.orders.trips().add_errors(0, anew=False, wall=lab.time.wall()).in_a_row


OK, DOWN = Call(10, 200), Call(5000, None)


def test_errors_in_a_row_of_all_workers_halt(lab: Lab) -> None:
    workers = [Streak() for _ in range(4)]
    for _ in range(4):
        for each in workers[:3]:
            each.heard(lab.worker, [DOWN])
    workers[3].heard(lab.worker, [DOWN, Call(3, 503), OK, *[DOWN] * 7])
    assert in_a_row(lab) == 7
    for _ in range(12):
        workers[0].heard(lab.worker, [DOWN])
    assert lab.orders.halts() == ()
    workers[1].heard(lab.worker, [Call(3, 502)])
    [halt] = lab.orders.halts()
    assert "20 requests in a row were not served" in halt.reason


def test_what_is_served_ends_the_row_for_who_added_to_it(lab: Lab) -> None:
    mine, others = Streak(), Streak()
    mine.heard(lab.worker, [DOWN] * 5)
    others.heard(lab.worker, [OK])
    assert in_a_row(lab) == 5, "a healthy order writes nothing for it"
    mine.heard(lab.worker, [OK])
    assert in_a_row(lab) == 0


def test_that_a_thing_is_not_there_is_an_answer(lab: Lab) -> None:
    """Look-ups of what was never sent, positions that are none, a minute that is used up: the broker is there."""
    mine = Streak()
    for _ in range(10):
        mine.heard(lab.worker, [Call(3, 404), Call(3, 404), Call(3, 422), Call(3, 429)])
    assert (in_a_row(lab), lab.orders.halts()) == (0, ())
