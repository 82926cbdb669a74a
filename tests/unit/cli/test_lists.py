"""What the lists take: a day, a time, a strategy, CSV; and a record that cannot be read, which hides no other."""

from __future__ import annotations

import csv
import io
import time
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from threading import Event
from typing import Any

import pytest

from desk.cli.main import run
from desk.cli.trading import orders as orders_command
from desk.stack import market_time
from desk.telling import render
from repeg.domain.order.children import ChildStatus
from repeg.domain.reasons import Reason, Status
from repeg.domain.rebalance.record import rebalance_id_for
from repeg.domain.signals.intake import accepted_rebalance
from repeg.domain.signals.parsing import RebalanceSignal, parse_signal
from repeg.store.items import order_key, to_item
from repeg.store.orders import OrderStore
from repeg.store.rebalances import RebalanceStore
from tests.support.clinic import Clinic
from tests.support.make import NOON, child, order
from tests.unit.cli.conftest import Repeg

YESTERDAY = NOON - timedelta(days=1)


@pytest.fixture
def store(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> OrderStore:
    """Three orders: of yesterday, of this morning, and of now, which a strategy sent."""
    monkeypatch.setattr(market_time, "wall_clock", lambda: NOON)
    monkeypatch.setattr(market_time, "now_of", lambda _: NOON)
    store = OrderStore(clinic["dynamodb"], "repeg")
    bought = child(qty=Decimal(5), filled_qty=Decimal(5), avg_fill_price=Decimal("50.98"), status=ChildStatus.FILLED)
    for name, at, more in (
        ("a", YESTERDAY, {}),
        ("b", NOON - timedelta(hours=1), {"status": Status.REJECTED, "reason": Reason.NO_QUOTE}),
        ("c", NOON, {"strategy": "pairs", "children": (bought,)}),
    ):
        made = order(order_id=f"ord-{name}", signal_id=f"s-{name}", received_wall=at, created_at=at, **more)
        assert store.accept(made, name) is None
    return store


def listed(repeg: Repeg, *options: str) -> list[str]:
    code, found, said = repeg("orders", "--json", *options)
    assert (code, said) == (0, "")
    return [view["signal_id"] for view in found]


def completed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """What bash offers for the last word."""
    for name, value in (("COMP_WORDS", " ".join(("repeg", *words))), ("COMP_CWORD", str(len(words)))):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("_REPEG_COMPLETE", "complete_bash")
    with suppress(SystemExit):
        run([])
    said = capsys.readouterr()
    assert said.err == ""
    return said.out.split()


def test_ids_of_what_came_last_are_completed(
    store: OrderStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("desk.cli.trading.completing.DEADLINE_S", 60)  # whatever else this machine does
    bracket = order(order_id="ord-d", signal_id="s-d", kind="bracket", received_wall=NOON + timedelta(seconds=1))
    adjust = order(order_id="ord-e", signal_id="s-e", kind="adjust", received_wall=NOON + timedelta(seconds=2))
    for each in (bracket, adjust):
        assert store.accept(each, each.signal_id) is None
    for command in ("order", "wait", "cancel"):
        assert completed(monkeypatch, capsys, command, "s-") == ["s-d", "s-c", "s-b", "s-a"], command
    assert completed(monkeypatch, capsys, "order", "ord-") == ["ord-d", "ord-c", "ord-b", "ord-a"]
    assert completed(monkeypatch, capsys, "wait", "s-a", "s-b") == ["s-b"]
    assert completed(monkeypatch, capsys, "adjust", "") == ["s-d"]
    assert completed(monkeypatch, capsys, "rebalance", "") == []
    assert completed(monkeypatch, capsys, "order", "--stack", "another", "s-") == [], "there is none of that name"


@pytest.mark.usefixtures("store")
def test_ids_of_rebalances_are_completed_where_one_may_be_meant(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("desk.cli.trading.completing.DEADLINE_S", 60)
    signal = parse_signal({"signal_id": "s-r", "kind": "rebalance", "targets": {"SPY": "1"}})
    assert isinstance(signal, RebalanceSignal)
    RebalanceStore(clinic["dynamodb"], "repeg").accept(accepted_rebalance(signal, NOON, NOON, NOON), "hash")
    for command in ("wait", "cancel"):
        assert completed(monkeypatch, capsys, command, "s-") == ["s-c", "s-b", "s-a", "s-r"], command
    assert completed(monkeypatch, capsys, "rebalance", "") == ["s-r"]
    assert completed(monkeypatch, capsys, "rebalance", "reb-") == [rebalance_id_for("s-r")]
    assert "s-r" not in completed(monkeypatch, capsys, "order", "s-")
    monkeypatch.setenv("REPEG_STACK", "another")
    assert completed(monkeypatch, capsys, "rebalance", "") == [], "there is none of that name"


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_trouble_of_any_kind_completes_nothing_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("desk.cli.trading.completing._records", None)
    assert completed(monkeypatch, capsys, "order", "s-") == []


def test_what_cannot_be_reached_completes_nothing_says_nothing_and_is_not_waited_for(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    never = Event()
    monkeypatch.setattr("desk.stack.connection.aws_session", never.wait)
    monkeypatch.setattr("desk.cli.trading.completing.DEADLINE_S", 0.1)
    began = time.monotonic()
    assert completed(monkeypatch, capsys, "order", "s-") == []
    assert time.monotonic() - began < 5
    never.set()


@pytest.mark.usefixtures("store")
def test_orders_are_listed_of_a_day_from_a_time_on_and_of_a_strategy(repeg: Repeg) -> None:
    assert listed(repeg) == ["s-c", "s-b", "s-a"]
    assert listed(repeg, "--today") == ["s-c", "s-b"]
    assert listed(repeg, "--since", f"{YESTERDAY:%Y-%m-%d}") == ["s-c", "s-b", "s-a"]
    assert listed(repeg, "--since", (NOON - timedelta(minutes=1)).isoformat()) == ["s-c"]
    assert listed(repeg, "--strategy", "pairs") == ["s-c"]
    assert listed(repeg, "--today", "--limit", "1") == ["s-c"]


@pytest.mark.usefixtures("store")
def test_a_list_as_comma_separated_values_has_the_documents_words(repeg: Repeg) -> None:
    code, text, _ = repeg("orders", "--csv", "--strategy", "pairs")
    [row] = csv.DictReader(io.StringIO(text))
    assert (code, row["signal_id"], row["filled_qty"], row["avg_fill_price"], row["reason"]) == (
        0,
        "s-c",
        "5",
        "50.98",
        "",
    )
    assert list(row) == orders_command.CSV.split()


def test_a_name_is_no_formula_to_a_spreadsheet(repeg: Repeg, store: OrderStore) -> None:
    named = order(order_id="ord-f", signal_id="-f", strategy="=cmd|' /C calc'!A0", created_at=NOON)
    store.accept(named, "f")
    code, text, _ = repeg("orders", "--csv", "--symbol", "TQQQ")
    row = next(row for row in csv.DictReader(io.StringIO(text)) if row["order_id"] == "ord-f")
    assert (code, row["strategy"], row["signal_id"]) == (0, "'=cmd|' /C calc'!A0", "'-f")
    assert all(not cell.startswith("'") for name, cell in row.items() if name not in ("strategy", "signal_id"))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("orders", "--since", "noon"), "--since: noon is not a time such as"),
        (("orders", "--since", "2026-13-01"), "--since: 2026-13-01 is not a time such as"),
        (("rebalances", "--since", "2026-11-20", "--today"), "--today: not beside --since"),
        (("orders", "--csv", "--json"), "--csv: not beside --json"),
        (("alerts", "--since", "noon"), "--since: noon is not a time such as"),
    ],
)
def test_bad_input_is_one_line_that_names_it(repeg: Repeg, typed: tuple[str, ...], words: str) -> None:
    code, said, told = repeg(*typed)
    assert (code, said or "", told.count("\n")) == (2, "", 1) and told.startswith(words)


def damage(clinic: Clinic, key: Any, attribute: str) -> None:
    clinic["dynamodb"].update_item(
        TableName="repeg",
        Key=key,
        UpdateExpression="SET #of = :damaged",
        ExpressionAttributeNames={"#of": attribute},
        ExpressionAttributeValues=to_item({":damaged": '{"of": "another version"}'}),
    )


def test_an_order_that_cannot_be_read_is_named_and_the_others_are_listed(
    clinic: Clinic, repeg: Repeg, store: OrderStore
) -> None:
    damage(clinic, order_key("ord-b"), "order")
    code, found, said = repeg("orders", "--json")
    assert (code, [view["signal_id"] for view in found]) == (1, ["s-c", "s-a"])
    assert said.startswith("left out: 1 of the records, which cannot be read (ord-b: ")


def test_a_rebalance_that_cannot_be_read_is_named_and_the_others_are_listed(clinic: Clinic, repeg: Repeg) -> None:
    store = RebalanceStore(clinic["dynamodb"], "repeg")
    for name in ("old", "new"):
        signal = parse_signal({"signal_id": name, "kind": "rebalance", "strategy": name, "targets": {"SPY": "1"}})
        assert isinstance(signal, RebalanceSignal)
        store.accept(accepted_rebalance(signal, NOON, NOON, NOON), name)
    damage(clinic, to_item({"pk": f"REBALANCE#{rebalance_id_for('old')}", "sk": "REBALANCE"}), "rebalance")
    code, found, said = repeg("rebalances", "--json")
    assert (code, [view["signal_id"] for view in found]) == (1, ["new"])
    assert said.startswith(f"left out: 1 of the records, which cannot be read ({rebalance_id_for('old')}: ")
    code, text, _ = repeg("rebalances", "--csv", "--strategy", "new")
    assert code == 1 and text.splitlines()[1].split(",")[1] == "new"


@pytest.mark.usefixtures("store")
def test_waiting_for_a_fill_fails_where_there_was_none(repeg: Repeg) -> None:
    assert repeg("wait", "s-b")[0] == 0
    assert repeg("wait", "s-b", "--filled")[0] == 1


def test_a_pipe_gets_lines_without_padding(repeg: Repeg, store: OrderStore) -> None:
    lines = repeg("orders")[1].splitlines()
    assert len(lines) == 4 and not [line for line in lines if line != line.rstrip()]


def test_on_a_narrow_screen_the_name_of_a_setting_is_whole(repeg: Repeg, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "IN_PIPES", 80)
    lines = repeg("settings", "show")[1].splitlines()
    place = lines.index("SMART_EXECUTOR_ENABLE_EXTENDED_HOURS = false")
    assert lines[place + 1] == "  Allow entries outside the regular session."
    assert max(map(len, lines)) <= 80


def test_a_setting_is_shown_with_what_it_is(repeg: Repeg) -> None:
    page = repeg("settings", "show")[1]
    [line] = [line for line in page.splitlines() if line.startswith("enabled ")]
    assert "Better Orders; off: every plain order takes the standard" in line
