"""Every alarm of the stack rings and clears on the local cloud, by what it is there for, and its message is read.

Three are rung by the metric itself: what they are about does not come about here (PUBLISHED says why).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from desk.stack.intake import pause, resume
from repeg.domain.history import ClockAnchor
from repeg.domain.metrics.listed import NAMESPACE
from repeg.store.items import order_key
from repeg.store.shared import SharedStore
from tests.e2e.conftest import SPEED
from tests.support.alarms import Alarms, Message, hearing
from tests.support.cloud import Cloud
from tests.support.scenes import by_hand
from tests.support.stack import load_template, resources

pytestmark = pytest.mark.cloud

BRACKET: dict[str, Any] = {"kind": "bracket", "qty": 1, "stop_loss": "49.98"}
FIGURES = {
    "average-slippage": "more than 0.15 %",
    "rejection-rate": "More than 20 %",
    "risk-reward": "less than 1.8",
    "fill-rate": "Fewer than 80 %",
}
POSITIONS = {
    "bare-position": "no stop",
    "past-stop": "through a stop",
    "drift": "disagree about shares",
    "broker-unreachable": "does not answer",
}
ORDERS = {
    "cancel-stuck": "does not confirm a cancel",
    "cap-breached": "beyond its slippage cap",
    "alert-logged": "asks for a person",
}
INTAKE = {
    "intake-paused": "repeg resume",
    "signals-waiting": "nobody takes them",
    "signals-refused": "dead-letter queue",
}
FUNCTIONS = {
    "function-errors": "more than five times",
    "securing-errors": "SecurePosition itself fails",
    "rebalance-errors": "RebalancePortfolio failed",
    "schedule-errors": "repeg schedules",
    "sweep-errors": "The sweep failed",
    "lambda-throttled": "refuses to run",
}
SILENCE = {
    "sweep-silent": "did not run for five minutes",
    "reconcile-errors": "failed or did not run",
    "schedule-missed": "did not fire",
}
EXECUTIONS = {"executions-aborted": "Somebody stopped"}
UNDELIVERED = {"alerts-undelivered": "could not be mailed"}
PUBLISHED: dict[str, tuple[str, str, str]] = {
    # Nothing is known that makes an execution of this machine fail: every state catches.
    "executions-failed": ("AWS/States", "ExecutionsFailed", "no state catches"),
    # The emulator knows no time limit of a whole execution.
    "executions-timed-out": ("AWS/States", "ExecutionsTimedOut", "ran into a time limit"),
    # EventBridge would have to fail for good at handing an alert to a topic and to a queue.
    "alerts-failed": ("AWS/Events", "FailedInvocations", "failed for good"),
}


def test_every_alarm_of_the_stack_is_proven_here() -> None:
    proven = {*FIGURES, *POSITIONS, *ORDERS, *INTAKE, *FUNCTIONS, *SILENCE, *EXECUTIONS, *UNDELIVERED, *PUBLISHED}
    alarms = resources(load_template(), "AWS::CloudWatch::Alarm").values()
    assert {alarm["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-") for alarm in alarms} == proven


@pytest.fixture
def alarms(cloud: Cloud, name: str) -> Iterator[Alarms]:
    forget_marks(cloud)
    with hearing(cloud, name) as found:
        yield found


def forget_marks(cloud: Cloud) -> None:
    """The figures begin anew: what earlier tests did would be most of the last fifty orders."""
    for order in cloud.orders.newest(200):
        cloud.connection.dynamodb.update_item(
            TableName=cloud.connection.table,
            Key=order_key(order.order_id),
            UpdateExpression="REMOVE gsi3pk",
        )


def minute(alarms: Alarms) -> None:
    """A market minute passes, at whose end the sweep tells how things stand."""
    alarms.pass_minutes()
    # The functions' clock goes by the wall: they do not hear of a market that jumps, but for the times of its quotes.
    # Told, not only taken from them: a sweep that has no reading goes by the wall, which is of another day.
    connection = alarms.cloud.connection
    now = datetime.fromisoformat(alarms.cloud.exchange.clock().now)
    SharedStore(connection.dynamodb, connection.table).keep_clock(ClockAnchor(market_at=now, wall_at=datetime.now(UTC)))
    alarms.cloud.sweep()


def ring(alarms: Alarms, names: Iterable[str]) -> None:
    """Minutes pass until each of the alarms has told that it rings."""
    _pass_until(alarms, names, "rang", alarms.has_rung)


def clear(alarms: Alarms, names: Iterable[str]) -> None:
    """Minutes pass until each of the alarms is well again."""
    _pass_until(alarms, names, "well", lambda name: alarms.state(name) == "OK")


def _pass_until(alarms: Alarms, names: Iterable[str], what: str, done: Callable[[str], bool]) -> None:
    def one_more() -> bool:
        minute(alarms)
        # Between two minutes the machine works, whose waits are real.
        return alarms.cloud.holds(stands, 1.0)

    def stands() -> bool:
        return all(done(name) for name in names)

    try:
        alarms.cloud.until(f"{sorted(names)} {what}", lambda: stands() or one_more(), 120)
    except AssertionError as error:
        reasons = {name: alarms.describe(name)["StateReason"] for name in names if not done(name)}
        raise AssertionError(f"{error}; {reasons}") from None


def read(alarms: Alarms, expected: dict[str, str]) -> None:
    """Each alarm's message says what happened, and how to go on with this very stack."""
    for name, words in expected.items():
        told = alarms.heard(name, "ALARM")
        says_it(alarms, told, words)


def says_it(alarms: Alarms, told: Message, words: str) -> None:
    text = told["AlarmDescription"]
    assert words in text
    assert f"--stack {alarms.cloud.connection.stack}" in text
    assert "ALARM" in told["Subject"]


def hand(cloud: Cloud) -> Any:
    """What `by_hand` wants of a lab."""
    return SimpleNamespace(control=cloud.exchange)


def moves(cloud: Cloud, event: str, symbol: str, bid: str, nth: int = 1) -> None:
    """The market moves when the nth child order of a symbol meets `event`."""
    ask = str(Decimal(bid) + Decimal("0.03"))
    trigger = {"symbol": symbol, "event": event, "side": "buy", "nth": nth}
    cloud.exchange.script({"on": trigger, "symbol": symbol, "bid": bid, "ask": ask})


def buys(alarms: Alarms, name: str, count: int, **signal: Any) -> None:
    """So many orders one behind the other, all over."""
    cloud = alarms.cloud
    ids = [cloud.send(signal_id=f"{name}-{number}", **signal) for number in range(count)]
    cloud.ended(*ids)


def test_the_four_figures_ring_at_their_levels_and_clear_by_better_orders(alarms: Alarms, name: str) -> None:
    """The old way buys whatever it costs: ten brackets 35 bps above their prices, at 1.1 for each dollar at risk."""
    cloud = alarms.cloud
    ssm, overrides = cloud.connection.ssm, cloud.connection.settings_overrides
    ssm.put_parameter(Name=overrides, Value=json.dumps({"USE_SMART_EXECUTOR": False}), Type="String", Overwrite=True)
    try:
        buys(alarms, f"{name}-none", 4, symbol="NOSUCH", qty=1)
        cloud.exchange.quote("SOXL", "30.00", "30.02", 2000, 2000)
        for nth in range(1, 10):
            moves(cloud, "new", "SOXL", str(30 + nth), nth)
        buys(alarms, f"{name}-away", 3, symbol="SOXL", qty=1)
        buys(alarms, f"{name}-dear", 10, **(BRACKET | {"signal_price": "50.80", "take_profit": "52.08"}))
        ring(alarms, FIGURES)
        read(alarms, FIGURES)
        buys(alarms, f"{name}-fair", 10, **(BRACKET | {"signal_price": "50.98", "take_profit": "54.98", "qty": 60}))
        clear(alarms, FIGURES)
        for figure in FIGURES:
            assert alarms.heard(figure, "OK")["OldStateValue"] == "ALARM"
    finally:
        ssm.delete_parameters(Names=[overrides])


@pytest.mark.timeout(600)
def test_positions_that_stand_wrong_ring_until_they_do_not(alarms: Alarms, name: str) -> None:
    cloud, exchange = alarms.cloud, alarms.cloud.exchange
    levels = {"signal_price": "50.97", "stop_loss": "49.97", "take_profit": "53.47", "qty": 10}
    cloud.send(signal_id=name, kind="bracket", **levels)
    [held] = cloud.ended(name)
    # Somebody cancels the stop, and the broker takes no other for a while.
    refuse = {"method": "POST", "path": "/v2/orders", "order_class": "oco", "kind": "error", "status": 422}
    exchange.faults(refuse | {"body": {"code": 42210000, "message": "not now"}})
    by_hand(hand(cloud), "DELETE", f"orders/{held.protective_order_id}")
    ring(alarms, ["bare-position"])
    exchange.faults()
    clear(alarms, ["bare-position"])
    # The broker is down, and the sweep asks in vain.
    exchange.faults({"method": "GET", "path": "/v2/*", "kind": "error", "status": 503})

    def errors() -> float:
        return sum(alarms.measured(NAMESPACE, "BrokerErrors", service=cloud.connection.stack))

    def ask_in_vain() -> bool:
        before = errors()
        cloud.sweep()
        # Counted before the minute is over: what is read later belongs to a later one.
        cloud.until("the errors are counted", lambda: errors() >= before + 2)
        alarms.pass_minutes()
        return alarms.has_rung("broker-unreachable")

    cloud.until("the broker is unreachable", ask_in_vain)
    exchange.faults()
    clear(alarms, ["broker-unreachable"])
    # The account shows other shares, and nothing explains it.
    by_hand(hand(cloud), "DELETE", f"orders/{cloud.order(name).protective_order_id}")
    exchange.position("TQQQ", 4, "50.98")
    ring(alarms, ["drift"])
    exchange.position("TQQQ", 10, "50.98")
    clear(alarms, ["drift"])
    # A halted symbol goes through the stop: nobody can sell.
    exchange.script({"symbol": "TQQQ", "halt": True})
    exchange.quote("TQQQ", "48.00", "48.03", 2000, 2000)
    ring(alarms, ["past-stop"])
    exchange.script({"symbol": "TQQQ", "halt": False})
    clear(alarms, ["past-stop"])
    read(alarms, POSITIONS)


def test_orders_in_trouble_ring(alarms: Alarms, name: str) -> None:
    cloud, exchange = alarms.cloud, alarms.cloud.exchange
    exchange.quote("TQQQ", "50.95", "50.98", 2000, 10)
    moves(cloud, "fill", "TQQQ", "52.00")
    cloud.send(signal_id=f"{name}-cap", qty=100, ladder="market")
    cloud.ended(f"{name}-cap")
    ring(alarms, ["cap-breached", "alert-logged"])
    exchange.quote("SOXL", "30.00", "30.03", 2000, 2000)
    moves(cloud, "new", "SOXL", "30.02")
    exchange.faults({"method": "DELETE", "path": "/v2/orders/*", "kind": "stuck_cancel"})
    cloud.send(signal_id=f"{name}-stuck", symbol="SOXL", qty=10)
    ring(alarms, ["cancel-stuck"])
    exchange.faults()
    clear(alarms, ["cancel-stuck"])
    cloud.ended(f"{name}-stuck")
    clear(alarms, ORDERS)
    read(alarms, ORDERS)


def test_intake_that_stands_still_rings(alarms: Alarms, name: str) -> None:
    cloud = alarms.cloud
    cloud.send_text(json.dumps({"kind": "order", "note": name}))
    ring(alarms, ["signals-refused"])
    pause(cloud.connection, datetime.fromisoformat(cloud.exchange.clock().now))
    try:
        cloud.send(signal_id=name, qty=1)
        ring(alarms, ["intake-paused", "signals-waiting"])
    finally:
        resume(cloud.connection)
    cloud.ended(name)
    cloud.dead_letters()
    clear(alarms, INTAKE)
    read(alarms, INTAKE)


def test_functions_that_fail_ring(alarms: Alarms, name: str) -> None:
    cloud = alarms.cloud
    functions = {"secure_position", "rebalance_portfolio", "run_schedule", "sweep_orders", "record_outcome"}
    lambda_ = cloud.connection.lambda_

    def call(function: str) -> None:
        lambda_.invoke(FunctionName=cloud.connection.function(function), Payload=b"{}")

    def fail() -> bool:
        for function in functions:
            call(function)
        alarms.pass_minutes()
        rung = {"function-errors", "securing-errors", "rebalance-errors", "schedule-errors", "sweep-errors"}
        return {alarms.state(each) for each in rung} == {"ALARM"}

    with all_broken(cloud, functions):
        cloud.until("all ring", fail)
    throttled = cloud.connection.function("assess_market")
    lambda_.put_function_concurrency(FunctionName=throttled, ReservedConcurrentExecutions=0)
    try:
        cloud.send(signal_id=name, qty=1)
        ring(alarms, ["lambda-throttled"])
    finally:
        lambda_.delete_function_concurrency(FunctionName=throttled)
    cloud.ended(name)
    clear(alarms, FUNCTIONS)
    read(alarms, FUNCTIONS)


def rule_of(cloud: Cloud, function: str) -> str:
    """The rule that fires a function by the clock."""
    deployed = cloud.connection.lambda_.get_function_configuration(FunctionName=cloud.connection.function(function))
    [rule] = cloud.connection.events.list_rule_names_by_target(TargetArn=deployed["FunctionArn"])["RuleNames"]
    return str(rule)


def test_what_stays_silent_rings(alarms: Alarms) -> None:
    cloud, events = alarms.cloud, alarms.cloud.connection.events
    rules = [rule_of(cloud, function) for function in ("sweep_orders", "reconcile_book")]
    for rule in rules:
        events.disable_rule(Name=rule)
    try:
        # Only time that really passes was without a sweep: where the clock is set to, nothing could have run before.
        cloud.exchange.set_clock(speed=SPEED * 12)
        alarms.heard("sweep-silent", "ALARM", 60)
        alarms.heard("reconcile-errors", "ALARM", 60)
    finally:
        cloud.exchange.set_clock(speed=SPEED)
        for rule in rules:
            events.enable_rule(Name=rule)
    clear(alarms, ["sweep-silent"])
    cloud.invoke("reconcile_book", {})
    clear(alarms, ["reconcile-errors"])
    with cloud.changed("sweep_orders", SCHEDULES_ON="end-of-day-summary"):
        cloud.exchange.set_clock("2026-11-20T16:18:30-05:00")
        minute(alarms)
        cloud.exchange.set_clock("2026-11-20T16:25:30-05:00")
        ring(alarms, ["schedule-missed"])
    clear(alarms, SILENCE)
    read(alarms, SILENCE)


def test_executions_that_end_badly_and_alerts_that_do_not_get_through_ring(alarms: Alarms, name: str) -> None:
    cloud, connection = alarms.cloud, alarms.cloud.connection
    cloud.exchange.quote("TQQQ", "50.95", "50.98", 2000, 4)
    cloud.send(signal_id=name, qty=10)
    cloud.until("partly filled", lambda: (order := cloud.orders.find(name)) and order.filled_qty == 4)
    cloud.stop(cloud.order(name))
    [queue] = [url for url in connection.sqs.list_queues()["QueueUrls"] if url.endswith("-alerts-undelivered")]
    connection.sqs.send_message(QueueUrl=queue, MessageBody="an alert that the topic did not take")
    rings = {**EXECUTIONS, **UNDELIVERED}
    ring(alarms, rings)
    connection.sqs.purge_queue(QueueUrl=queue)
    for metric, dimensions in published(alarms).items():
        publish(alarms, metric, dimensions)
    ring(alarms, PUBLISHED)
    clear(alarms, {**rings, **PUBLISHED})
    read(alarms, rings)
    read(alarms, {alarm: words for alarm, (_, _, words) in PUBLISHED.items()})


def published(alarms: Alarms) -> dict[tuple[str, str], list[dict[str, str]]]:
    """The metrics that only AWS can measure, with the dimensions that their alarms watch."""
    return {(spaces, metric): alarms.describe(alarm)["Dimensions"] for alarm, (spaces, metric, _) in PUBLISHED.items()}


def publish(alarms: Alarms, metric: tuple[str, str], dimensions: list[dict[str, str]]) -> None:
    """One point in this market minute, as AWS would count it."""
    at = datetime.fromisoformat(alarms.cloud.exchange.clock().now)
    point = {"MetricName": metric[1], "Dimensions": dimensions, "Timestamp": at, "Value": 1.0, "Unit": "Count"}
    alarms.cloud.connection.cloudwatch.put_metric_data(Namespace=metric[0], MetricData=[point])


@contextmanager
def all_broken(cloud: Cloud, functions: Iterable[str]) -> Iterator[None]:
    """Functions that find no table, for a while."""
    with ExitStack() as stack:
        for function in functions:
            stack.enter_context(cloud.broken(function))
        yield
