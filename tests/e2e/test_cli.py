"""The command line against the local cloud: what a person or a script at the desk sees."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from signal import SIGINT
from typing import Any, NamedTuple

import pytest

from desk.cli.main import run
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.e2e.conftest import SPEED
from tests.support.children import running
from tests.support.cloud import Cloud

pytestmark = pytest.mark.cloud

LEVELS = {"signal_price": "50.97", "stop_loss": "49.97", "take_profit": "53.47"}
REPEG = Path(sys.executable).with_name("repeg")


class Said(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Repeg = Callable[..., Said]


@pytest.fixture
def repeg(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> Repeg:
    def call(*arguments: str) -> Said:
        code = run(list(arguments))
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture
def signal(tmp_path: Path, name: str) -> Callable[..., str]:
    """Writes a signal to a file; returns its path."""

    def write(**fields: Any) -> str:
        body = {"signal_id": name, "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 10} | fields
        body = {field: value for field, value in body.items() if value is not None}
        path = tmp_path / f"{body['signal_id']}.json"
        path.write_text(json.dumps(body))
        return str(path)

    return write


@pytest.fixture
def default_settings(cloud: Cloud) -> Iterator[None]:
    yield
    cloud.connection.ssm.delete_parameters(Names=[cloud.connection.settings_overrides])
    # A worker keeps what it has read for some seconds: the next test's orders would be held to this one's settings.
    for function in ("assess_market", "place_order"):
        with cloud.changed(function, BEGINS_ANEW="yes"):
            pass


def test_a_signal_is_sent_waited_for_and_shown(repeg: Repeg, signal: Callable[..., str], name: str) -> None:
    assert repeg("send", signal(), "--json").json == [name]
    waited = repeg("wait", name, "--timeout", "60", "--json")
    assert waited.code == 0
    shown = repeg("order", name, "--json").json
    assert waited.json == [shown]
    assert (shown["status"], shown["filled_qty"], shown["avg_fill_price"]) == ("filled", "10", "50.98")
    assert shown == repeg("order", shown["order_id"], "--json").json
    [rung] = shown["rungs"]
    assert (rung["limit_price"], rung["bid"], rung["ask"], rung["status"]) == ("50.99", "50.95", "50.98", "filled")
    assert {event["state"] for event in shown["events"]} >= {"AcceptSignal", "PlaceOrder", "RecordOutcome"}
    page = repeg("order", name)
    assert page.code == 0 and "BUY 10 TQQQ" in page.out and "50.99" in page.out
    assert name in [
        view["signal_id"] for view in repeg("orders", "--symbol", "tqqq", "--status", "filled", "--json").json
    ]
    assert name not in [view["signal_id"] for view in repeg("orders", "--status", "rejected", "--json").json]
    assert name in repeg("orders").out


def test_everything_is_closed_while_all_is_halted(repeg: Repeg, name: str, cloud: Cloud) -> None:
    """What a bracket holds, and what somebody bought by hand."""
    cloud.ended(cloud.send(signal_id=name, qty=10, kind="bracket", **LEVELS))
    cloud.exchange.quote("SQQQ", "20.00", "20.02", 500, 500)
    cloud.exchange.position("SQQQ", 7, "20.00")
    try:
        done = repeg("halt", "--flatten", "--yes", "--json")
        closes = {each["symbol"]: each for each in done.json["flatten"]["closes"]}
        assert done.code == 0 and {"TQQQ", "SQQQ"} <= closes.keys()
        assert [closes[symbol]["held"] for symbol in ("TQQQ", "SQQQ")] == ["10", "7"]
        ended = cloud.ended(*(closes[symbol]["signal_id"] for symbol in ("TQQQ", "SQQQ")))
        assert [(order.status, order.filled_qty) for order in ended] == [(Status.FILLED, 10), (Status.FILLED, 7)]
        assert cloud.order(name).exit_reason == "close"
    finally:
        assert repeg("resume", "--json").json["control"]["scopes"] == []


def test_a_bracket_is_shown_with_what_guards_it_and_how_it_left(
    repeg: Repeg, signal: Callable[..., str], name: str, cloud: Cloud
) -> None:
    cloud.exchange.quote("CRWD", "534.75", "534.80", 500, 500)
    prices = {"signal_price": "534.82", "stop_loss": "529.47", "take_profit": "545.52"}
    repeg("send", signal(kind="bracket", symbol="CRWD", qty=25, **prices))
    assert repeg("wait", name, "--timeout", "60").code == 0
    held = repeg("order", name, "--json").json
    [oco] = held["protections"]
    assert (held["protected"], held["protective_order_id"], oco["status"]) == (True, oco["broker_order_id"], "live")
    page = repeg("order", name).out
    assert "signal 534.82, limit 535.09, cap 10 bps" in page
    assert "stop 529.45, target 545.50, R/R 1:2.00" in page
    assert f"yes, 25 by OCO {oco['broker_order_id']}" in page
    assert "protected" in repeg("orders", "--symbol", "CRWD").out

    path = signal(signal_id=f"{name}-close", kind="close", symbol="CRWD", side=None, qty=None)
    assert repeg("send", path).code == 0
    assert repeg("wait", f"{name}-close", "--timeout", "60").code == 0
    page = repeg("order", name).out
    assert "25 at 534.75, close, " in page and "no longer: nothing is held" in page


def test_the_same_file_sent_again_changes_nothing(
    repeg: Repeg, signal: Callable[..., str], name: str, cloud: Cloud
) -> None:
    path = signal()
    repeg("send", path)
    assert repeg("wait", name).code == 0
    before = repeg("order", name, "--json").json
    again = repeg("send", path)
    assert (again.code, again.err.splitlines()[-1]) == (0, f"{name}: was sent before; nothing changes")
    cloud.until("the queue is empty", cloud.queue_is_empty)
    assert repeg("order", name, "--json").json == before


def test_another_signal_under_the_same_id_is_told_to_be_refused(
    repeg: Repeg, signal: Callable[..., str], name: str, cloud: Cloud
) -> None:
    repeg("send", signal())
    assert repeg("wait", name).code == 0
    said = repeg("send", signal(qty=11))
    assert said.code == 1 and f"{name}: is the id of another signal" in said.err
    found = cloud.until("it is refused", lambda: [one for one in _rejected(repeg) if one["signal_id"] == name])
    assert [one["reason"] for one in found] == ["signal_conflict"]
    assert repeg("order", name, "--json").json["requested_qty"] == "10"


def _rejected(repeg: Repeg) -> list[dict[str, Any]]:
    return list(repeg("orders", "--status", "rejected", "--json").json)


def test_nothing_is_sent_if_one_signal_is_bad(repeg: Repeg, tmp_path: Path, name: str, cloud: Cloud) -> None:
    good = {"signal_id": name, "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 10}
    path = tmp_path / "batch.jsonl"
    path.write_text("\n".join(map(json.dumps, [good, good | {"signal_id": f"{name}-2", "qty": -1}])))
    said = repeg("send", str(path))
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines() == [f"{path}: signal 2: qty: must be greater than 0; nothing was sent"]
    assert cloud.queue_is_empty()
    assert repeg("order", name).code == 1


def test_waiting_for_a_signal_that_never_comes_times_out(repeg: Repeg, name: str) -> None:
    said = repeg("wait", name, "--timeout", "0.5", "--json")
    assert (said.code, said.json) == (1, [])
    assert said.err == f"not over after 0.5 s: {name} (no order yet)\n"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["orders", "--status", "over"], "--status"),
        (["settings", "set", "max_repegs=-1"], "max_repegs"),
        (["settings", "set", "speed"], "speed"),
        (["settings", "load", "/nowhere.json"], "/nowhere.json"),
        (["send", "/nowhere.json"], "/nowhere.json"),
        (["wait"], "signal_ids"),
        (["wait", "a b"], "signal_ids"),
        (["demo", "--speed", "100"], "--speed"),
        (["local", "up", "--speed", "0"], "--speed"),
        (["local", "up", "--start", "yesterday"], "--start"),
        (["nonsense"], "nonsense"),
    ],
)
def test_bad_usage_is_one_line_that_names_the_trouble(repeg: Repeg, arguments: list[str], word: str) -> None:
    said = repeg(*arguments)
    assert (said.code, said.out) == (2, "")
    assert word in said.err and said.err.count("\n") == 1


def test_a_halt_holds_from_the_next_send_on(repeg: Repeg, name: str, cloud: Cloud) -> None:
    """With the rights that each function really has: what may not read the halt would count as halted."""
    assert repeg("halt", "--symbol", "TQQQ", "--cancel-open", "--reason", "a test").code == 0
    try:
        [order] = cloud.ended(cloud.send(signal_id=f"{name}-1", qty=1))
        assert (order.status, order.reason, order.children) == (Status.REJECTED, Reason.HALTED, ())
    finally:
        assert repeg("resume", "--symbol", "TQQQ").code == 0
    # Nothing is matched, and by a slow market clock it rests for a minute of real time: nobody has to be quick.
    cloud.exchange.settings(fill_ms=600_000)
    cloud.exchange.set_clock(speed=1)
    try:
        resting = cloud.send(signal_id=f"{name}-2", qty=10, kind="bracket", **LEVELS)
        cloud.until("it rests", lambda: (found := cloud.orders.find(resting)) and found.open_child)
        assert repeg("halt", "--cancel-open", "--json").json["mode"] == "halted"
        [order] = cloud.ended(resting)
        assert (order.status, order.reason, order.filled_qty) == (Status.UNFILLED, Reason.HALTED, 0)
    finally:
        cloud.exchange.set_clock(speed=SPEED)
        assert repeg("resume", "--json").json["control"]["scopes"] == []
    cloud.audit()


def test_an_order_is_taken_back_where_it_rests_and_where_it_waits_behind_that(
    repeg: Repeg, name: str, cloud: Cloud
) -> None:
    """With the rights that each function really has. By a slow market clock it rests for a minute of real time."""
    cloud.exchange.settings(fill_ms=600_000)
    cloud.exchange.set_clock(speed=1)
    try:
        resting = cloud.send(signal_id=f"{name}-1", qty=10, kind="bracket", **LEVELS)
        cloud.until("it rests", lambda: (found := cloud.orders.find(resting)) and found.open_child)
        waiting = cloud.send(signal_id=f"{name}-2", qty=10)
        cloud.until("it waits", lambda: (found := cloud.orders.find(waiting)) and found.run.waits_for)
        for taken, status in ((waiting, Status.REJECTED), (resting, Status.UNFILLED)):
            told = repeg("cancel", taken, "--json")
            assert (told.code, told.json["of"]["status"], told.json["of"]["reason"]) == (0, status, "cancelled")
    finally:
        cloud.exchange.set_clock(speed=SPEED)
    early = repeg("cancel", f"{name}-3", "--json")
    assert (early.code, early.json["reason"]) == (0, "unknown_order")
    [late] = cloud.ended(cloud.send(signal_id=f"{name}-3", qty=1))
    assert (late.status, late.reason, late.children) == (Status.REJECTED, Reason.CANCELLED, ())
    cloud.sweep()
    assert not [word for word in cloud.orders.halts() if word.of == late.order_id]
    cloud.audit()


@pytest.mark.usefixtures("default_settings")
def test_an_override_reaches_the_next_orders_and_is_gone_after_a_reset(
    repeg: Repeg, name: str, cloud: Cloud, tmp_path: Path
) -> None:
    changed = repeg("settings", "set", "max_slippage_bps=12", "max_repegs=1", "--json").json
    assert changed["overrides"] == {"max_slippage_bps": "12", "max_repegs": 1}
    assert (changed["settings"]["max_slippage_bps"], changed["settings"]["enabled"]) == ("12", True)
    assert "overridden" in repeg("settings", "show").out

    attempts = iter(range(100))

    def next_order() -> Order:
        return cloud.ended(cloud.send(signal_id=f"{name}-{next(attempts)}", qty=1))[0]

    cloud.until("an order with the new cap", lambda: next_order().terms.max_slippage_bps == Decimal(12), timeout=20)

    path = tmp_path / "mine.json"
    path.write_text('{"execution_mode": "STANDARD"}')
    assert repeg("settings", "load", str(path), "--json").json["overrides"] == {"execution_mode": "STANDARD"}
    assert repeg("settings", "reset", "--yes", "--json").json["overrides"] == {}
    cloud.until("an order with the old cap", lambda: next_order().terms.max_slippage_bps == Decimal(20), timeout=20)


@pytest.mark.usefixtures("default_settings")
def test_limits_hold_at_their_edges_and_an_exit_goes_on(repeg: Repeg, name: str, cloud: Cloud) -> None:
    """With the rights that each function really has, counters and all."""
    stated = ("max_order_qty=3", "max_daily_notional=1000000", "max_open_orders=50", "max_gross_fraction=9")
    assert repeg("settings", "set", *stated).code == 0
    attempts = iter(range(100))

    def next_order(qty: int) -> Order:
        return cloud.ended(cloud.send(signal_id=f"{name}-{next(attempts)}", qty=qty))[0]

    cloud.until("an order beyond the limit", lambda: next_order(4).reason is Reason.RISK_ORDER_QTY, timeout=20)
    assert [next_order(3).status for _ in range(2)] == [Status.FILLED, Status.FILLED]
    [left] = cloud.ended(cloud.send(signal_id=f"{name}-close", kind="close", side=None))
    assert left.status is Status.FILLED and left.filled_qty >= 6
    cloud.audit()


def test_watching_into_a_pipe_writes_a_line_for_each_change(cloud: Cloud, name: str, tmp_path: Path) -> None:
    log = tmp_path / "watched"
    # All of them: by a market clock that is set back for each test, this order is not among the newest.
    command = [REPEG, "watch", "--every", "0.2", "--limit", "1000"]
    with log.open("w") as out, running(command, stdout=out, stderr=out) as watching:
        cloud.send(signal_id=name, qty=10)
        shown = f"{name} buy TQQQ 10 filled rung 1 50.98"
        assert cloud.holds(lambda: shown in log.read_text(), within=60), log.read_text()[-2000:]
        watching.send_signal(SIGINT)
        assert watching.wait(20) == 0
    assert "Traceback" not in log.read_text()


def test_the_installed_command_reads_stdin_and_keeps_stdout_for_the_document(cloud: Cloud, name: str) -> None:
    body = json.dumps({"signal_id": name, "kind": "close", "symbol": "NONE"})
    ran = subprocess.run([REPEG, "send", "-", "--json"], input=body, capture_output=True, text=True, check=False)
    assert (ran.returncode, json.loads(ran.stdout)) == (0, [name])
    [order] = cloud.ended(name)
    assert (order.status, order.reason) == ("rejected", "no_position")
