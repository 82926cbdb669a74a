"""The request budget in the table, shared by workers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repeg.budget import table as module
from repeg.budget.ledger import RateBudget
from repeg.budget.table import TableBudget
from repeg.errors import BudgetExhausted, RetryError

NewTable = Callable[[], Any]
START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


class Market:
    """A market clock that moves when told."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def pass_seconds(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def market() -> Market:
    return Market()


def worker(table: Any, market: Market, limit: int = 200, account: str = "paper") -> TableBudget:
    return TableBudget(table, "orders", account, market.now, limit=limit, sleep=lambda _: None)


def spend_all(budget: RateBudget, urgent: bool = False) -> tuple[int, float]:
    """How many requests were granted, and the wait that the first refused one was told."""
    granted = 0
    while True:
        try:
            budget.spend(urgent)
        except BudgetExhausted as exhausted:
            return granted, exhausted.wait_seconds
        granted += 1


def test_entries_leave_a_tenth_for_exits(new_table: NewTable, market: Market) -> None:
    budget = worker(new_table(), market)
    assert spend_all(budget) == (180, 61)
    assert spend_all(budget, urgent=True) == (20, 61)


def test_each_request_comes_back_a_minute_after_it_was_spent(new_table: NewTable, market: Market) -> None:
    budget = worker(new_table(), market, limit=20)
    for _ in range(18):
        budget.spend(False)
        market.pass_seconds(2)
    assert spend_all(budget) == (0, 25)
    market.pass_seconds(25)
    assert spend_all(budget) == (1, 2)


def test_workers_share_and_accounts_do_not(new_table: NewTable, market: Market) -> None:
    table = new_table()
    assert spend_all(worker(table, market, limit=20))[0] == 18
    assert spend_all(worker(table, market, limit=20))[0] == 0
    assert spend_all(worker(table, market, limit=20, account="live"))[0] == 18


def test_a_request_costs_one_write_and_no_read(new_table: NewTable, market: Market) -> None:
    table = new_table()
    budget = worker(table, market)
    for _ in range(150):
        budget.spend(False)
        market.pass_seconds(1)
        budget.observe(200, 150, None)
    assert (table.writes, table.reads) == (150, 0)


def test_sixteen_workers_at_once_never_spend_more_than_there_is(new_table: NewTable, market: Market) -> None:
    table = new_table()
    spend_all(worker(table, market, limit=60))
    market.pass_seconds(61)
    granted: list[int] = []
    start = threading.Barrier(16)

    def work() -> None:
        budget = worker(table, market, limit=60)
        start.wait()
        granted.append(spend_all(budget)[0])

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 54
    assert spend_all(worker(table, market, limit=60), urgent=True)[0] == 6


moves = st.tuples(
    st.one_of(st.just(0.0), st.floats(0, 3), st.floats(0, 70)), st.integers(0, 2), st.booleans(), st.integers(1, 9)
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(moves, max_size=20))
def test_no_minute_holds_more_than_the_limit(new_table: NewTable, script: list[tuple[float, int, bool, int]]) -> None:
    limit = 12
    table, market = new_table(), Market()
    workers = [worker(table, market, limit=limit) for _ in range(3)]
    spent: list[datetime] = []
    for seconds, who, urgent, times in script:
        market.pass_seconds(seconds)
        for _ in range(times):
            within = [moment for moment in spent if market.now() - moment <= timedelta(seconds=60)]
            try:
                workers[who].spend(urgent)
            except BudgetExhausted as exhausted:
                assert 0 < exhausted.wait_seconds <= 61
                assert len([m for m in spent if market.now() - m <= timedelta(seconds=61)]) >= (limit if urgent else 11)
            else:
                spent.append(market.now())
                assert len(within) < (limit if urgent else 11)


def test_what_is_reserved_is_there_when_the_budget_is_used_up(new_table: NewTable, market: Market) -> None:
    table = new_table()
    budget = worker(table, market, limit=20)
    reserved = budget.reserve(4)
    market.pass_seconds(1)
    assert spend_all(budget, urgent=True)[0] == 16
    market.pass_seconds(5)
    for _ in range(4):
        worker(table, market, limit=20).spend(True, reserved)
    with pytest.raises(BudgetExhausted):
        budget.spend(True, reserved)


def test_what_is_reserved_counts_from_when_it_is_drawn(new_table: NewTable, market: Market) -> None:
    budget = worker(new_table(), market, limit=20)
    reserved = budget.reserve(10)
    market.pass_seconds(50)
    for _ in range(10):
        budget.spend(True, reserved)
    market.pass_seconds(12)
    assert spend_all(budget, urgent=True)[0] == 10


def test_what_was_not_drawn_is_given_back(new_table: NewTable, market: Market) -> None:
    budget = worker(new_table(), market, limit=20)
    reserved = budget.reserve(10)
    budget.give_back(reserved.changed(left=7))
    market.pass_seconds(1)
    assert spend_all(budget, urgent=True)[0] == 17
    budget.give_back(reserved.changed(left=7))
    with pytest.raises(BudgetExhausted):
        budget.spend(True)


def test_requests_are_reserved_together_or_not_at_all(new_table: NewTable, market: Market) -> None:
    budget = worker(new_table(), market, limit=20)
    for _ in range(15):
        budget.spend(False)
    with pytest.raises(BudgetExhausted):
        budget.reserve(4)
    assert spend_all(budget)[0] == 3


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 40), st.sampled_from(["spend", "reserve", "draw", "give back"])), max_size=40))
def test_reserving_never_lets_a_minute_hold_more(new_table: NewTable, script: list[tuple[float, str]]) -> None:
    limit = 12
    market, spent, reserved = Market(), [], []
    budget = worker(new_table(), market, limit=limit)
    for seconds, action in script:
        market.pass_seconds(seconds)
        try:
            if action == "reserve":
                reserved.append(budget.reserve(3))
                continue
            if action == "give back" and reserved:
                budget.give_back(reserved.pop().changed(left=1))
                continue
            budget.spend(True, reserved[-1] if action == "draw" and reserved else None)
        except BudgetExhausted:
            continue
        spent.append(market.now())
        assert len([moment for moment in spent if market.now() - moment <= timedelta(seconds=60)]) <= limit


def test_the_told_wait_is_enough(new_table: NewTable, market: Market) -> None:
    budget = worker(new_table(), market, limit=20)
    for _ in range(18):
        budget.spend(False)
        market.pass_seconds(0.7)
    _, wait = spend_all(budget)
    market.pass_seconds(wait)
    budget.spend(False)


def test_another_program_on_the_account_is_debited_until_the_broker_counts_anew(
    new_table: NewTable, market: Market
) -> None:
    table = new_table()
    ours, other = worker(table, market), worker(table, market)
    ours.spend(False)
    ours.observe(200, 15, START + timedelta(seconds=30))
    assert spend_all(ours) == (0, 30)
    other.spend(True)
    assert spend_all(other)[0] == 0
    market.pass_seconds(30)
    other.spend(False)


def test_what_other_workers_spent_is_not_taken_for_another_program(new_table: NewTable, market: Market) -> None:
    table = new_table()
    ours, other = worker(table, market), worker(table, market)
    ours.spend(False)
    for _ in range(119):
        other.spend(False)
    ours.observe(200, 80, START + timedelta(seconds=30))
    assert spend_all(ours)[0] == 60


def test_a_lower_limit_of_the_brokers_is_kept_by_all(new_table: NewTable, market: Market) -> None:
    table = new_table()
    ours, other = worker(table, market), worker(table, market)
    ours.spend(False)
    ours.observe(100, 99, None)
    other.spend(False)
    assert spend_all(other)[0] == 88
    ours.observe(200, 110, None)
    assert spend_all(ours)[0] == 90


def test_throttling_holds_back_the_entries_of_all_workers(new_table: NewTable, market: Market) -> None:
    table = new_table()
    ours, other = worker(table, market), worker(table, market)
    ours.blocked(START + timedelta(seconds=5))
    assert spend_all(other) == (0, 5)
    other.spend(True)
    market.pass_seconds(5)
    other.spend(False)


def test_a_clock_that_is_set_back_does_not_block(new_table: NewTable, market: Market) -> None:
    budget = worker(new_table(), market, limit=20)
    spend_all(budget, urgent=True)
    budget.blocked(market.now() + timedelta(seconds=60))
    market.pass_seconds(-3600)
    assert spend_all(budget)[0] == 18


def test_a_crowd_of_old_seconds_is_cleared(
    new_table: NewTable, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = new_table()
    for _ in range(20):
        worker(table, market, limit=20).spend(True)
        market.pass_seconds(1)
    monkeypatch.setattr(module, "_MOST_DROPPED", 2)
    market.pass_seconds(61)
    assert spend_all(worker(table, market, limit=20))[0] == 18


def test_without_the_table_entries_wait_and_exits_go_on(new_table: NewTable, market: Market) -> None:
    missing = TableBudget(new_table(), "no-such-table", "paper", market.now)
    with pytest.raises(RetryError):
        missing.spend(False)
    missing.spend(True)
    missing.observe(200, 3, None)
    missing.blocked(START + timedelta(seconds=5))


def test_without_the_network_entries_wait_and_exits_go_on(market: Market) -> None:
    client = boto3.client(
        "dynamodb",
        endpoint_url="http://127.0.0.1:9",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(connect_timeout=0.2, retries={"total_max_attempts": 1}),
    )
    unreachable = worker(client, market)
    with pytest.raises(RetryError):
        unreachable.spend(False)
    unreachable.spend(True)
    unreachable.observe(200, 3, None)
