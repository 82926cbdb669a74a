"""What works the orders: dead executions, a sweep that does not run, shares that nothing guards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Status
from repeg.domain.signals.intake import accepted_rebalance
from repeg.domain.signals.parsing import RebalanceSignal, parse_signal
from repeg.store.orders import OrderStore
from repeg.store.rebalances import RebalanceStore
from tests.support.clinic import Clinic
from tests.support.make import NOON, child, order, with_fields
from tests.unit.samples import oco


def stored(clinic: Clinic, made: Order) -> Order:
    store = OrderStore(clinic["dynamodb"], "repeg")
    store.accept(made, made.order_id)
    return made


def test_a_quiet_machine_is_ok(clinic: Clinic) -> None:
    for name in ("machine", "sweep", "positions"):
        assert clinic.look(name).ok, name


def test_an_order_whose_execution_died_and_that_nobody_works_on(clinic: Clinic) -> None:
    left = stored(clinic, order(executions=1))
    clinic.stopped_execution(f"{left.order_id}-1")
    found = clinic.look("machine")
    assert not found.ok and left.order_id in found.detail
    assert found.mend == f"repeg order {left.order_id}"


def test_a_rebalance_whose_execution_died_and_that_nobody_works_on(clinic: Clinic) -> None:
    signal = parse_signal({"signal_id": "monday", "kind": "rebalance", "targets": {"SPY": "0.6"}})
    assert isinstance(signal, RebalanceSignal)
    left = accepted_rebalance(signal, NOON, NOON, NOON)
    RebalanceStore(clinic["dynamodb"], "repeg").accept(left, "hash")
    assert clinic.look("machine").detail.startswith("0 orders and 1 rebalance in work, no execution died")
    clinic.stopped_execution(f"{left.rebalance_id}-1", "RebalancePortfolioArn")
    found = clinic.look("machine")
    assert not found.ok and "nobody works on rebalance monday" in found.detail
    assert found.mend == "repeg rebalance monday"


def test_an_order_that_was_taken_up_again_is_no_trouble_any_more(clinic: Clinic) -> None:
    taken_up = stored(clinic, order(executions=2))
    clinic.stopped_execution(f"{taken_up.order_id}-1")
    found = clinic.look("machine")
    assert found.ok and "1 execution died in 24 h" in found.detail and "1 order in work" in found.detail


def test_executions_that_died_long_ago_are_forgotten(clinic: Clinic) -> None:
    left = stored(clinic, order(executions=1))
    clinic.stopped_execution(f"{left.order_id}-1")
    clinic.wall = lambda: datetime.now(UTC) + timedelta(days=2)
    assert clinic.look("machine").ok


def test_an_account_that_runs_few_functions_at_once_is_told_so(clinic: Clinic) -> None:
    assert clinic.look("machine").detail.endswith("Lambda runs 1000 functions at once")
    clinic.at_once = 10
    found = clinic.look("machine")
    assert found.ok and "runs 10 functions at once: a burst is slowed by that" in found.detail


def test_a_disabled_schedule_is_told_with_the_command_that_enables_it(clinic: Clinic) -> None:
    clinic["events"].disable_rule(Name="every-minute")
    found = clinic.look("sweep")
    assert not found.ok and "disabled" in found.detail
    assert found.mend == "aws events enable-rule --name every-minute"


def test_on_the_local_cloud_the_schedule_is_looked_at_too(clinic: Clinic) -> None:
    clinic.local = True
    assert "market time" in clinic.look("sweep").detail
    clinic["events"].disable_rule(Name="every-minute")
    found = clinic.look("sweep")
    assert not found.ok and "disabled" in found.detail
    assert found.mend and found.mend.endswith("events enable-rule --name every-minute)")


def test_a_sweep_without_a_schedule(clinic: Clinic) -> None:
    clinic["events"].remove_targets(Rule="every-minute", Ids=["1"])
    assert clinic.look("sweep").mend == "make deploy"


def test_a_sweep_that_does_not_run(clinic: Clinic) -> None:
    clinic.wall = lambda: datetime.now(UTC) + timedelta(minutes=12)
    found = clinic.look("sweep")
    assert not found.ok and "12 min ago" in found.detail and "runbook.md#sweep-silent" in found.detail
    clinic.local = True
    assert clinic.look("sweep").mend == "make down && make local"


def test_a_sweep_that_was_deployed_a_moment_ago_may_not_have_run_yet(clinic: Clinic) -> None:
    clinic.wall = lambda: datetime.now(UTC) + timedelta(minutes=8)
    found = clinic.look("sweep")
    assert found.ok and "a moment ago" in found.detail


def test_a_sweep_that_fails_now_and_one_that_failed_before(clinic: Clinic) -> None:
    clinic.ran("Errors", 1)
    found = clinic.look("sweep")
    assert not found.ok and "runbook.md#sweep-errors" in found.detail
    assert found.mend == "aws logs tail /aws/lambda/repeg --since 15m --filter-pattern ERROR"


def test_a_sweep_that_works_again(clinic: Clinic) -> None:
    clinic.ran("Errors", 1, minutes_ago=5)
    clinic.ran("Errors", 0)
    found = clinic.look("sweep")
    assert found.ok and "1 of them failed" in found.detail


def held(clinic: Clinic, **fields: Any) -> Order:
    """A bracket that bought 100 shares."""
    store = OrderStore(clinic["dynamodb"], "repeg")
    fresh = stored(clinic, order(kind="bracket", stop_loss=Decimal(49), take_profit=Decimal(55)))
    entry = child(filled_qty=Decimal(100), avg_fill_price=Decimal(50), status=ChildStatus.FILLED, closed_at=NOON)
    return store.save(with_fields(fresh, status=Status.WORKING, children=(entry,), **fields))


def test_shares_that_are_still_being_protected_are_no_trouble_yet(clinic: Clinic) -> None:
    held(clinic)
    assert clinic.look("positions").ok


def test_shares_without_protection_are_named(clinic: Clinic) -> None:
    bought = held(clinic)
    OrderStore(clinic["dynamodb"], "repeg").finish(bought.changed(status=Status.FAILED))
    found = clinic.look("positions")
    assert not found.ok and f"100 of 100 {bought.symbol}" in found.detail
    assert found.mend and found.mend.startswith(f"repeg order {bought.order_id}")


def test_protected_shares_are_counted(clinic: Clinic) -> None:
    bought = held(clinic, protections=(oco(qty=100),))
    OrderStore(clinic["dynamodb"], "repeg").finish(bought.changed(status=Status.FILLED))
    found = clinic.look("positions")
    assert found.ok and "1 bracket holding shares" in found.detail
