"""What `--json` prints is what its page says."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from desk.cli.main import COMMANDS, make_app
from desk.doctor.findings import Cost, Diagnosis, Finding
from desk.documents.compared import differences
from desk.documents.listed import DOCUMENTS, Document
from desk.stack.place import Status
from repeg.domain.halt import Halt, Mode, halt_view
from repeg.domain.order.views import order_view
from repeg.domain.reasons import Status as OrderStatus
from repeg.domain.rebalance.record import Rebalance, Wanted
from repeg.domain.rebalance.views import rebalance_view
from tests.support.clinic import Clinic
from tests.support.make import NOON
from tests.unit.blotter.conftest import Desk
from tests.unit.cli.conftest import Repeg
from tests.unit.samples import order, rung

BY_COMMAND = {document.command: document for document in DOCUMENTS}
ELSEWHERE = {
    "demo", "local", "exchange", "rehearse", "report", "plan", "watch", "blotter", "keys", "sell", "close", "bracket",
    "adjust", "send", "wait", "rebalances", "resolve", "resume", "settings", "targets",
}  # fmt: skip
"""Commands that print the document of another one, are described on a page of their own, or print none."""


def said_wrong(document: Document, printed: Any) -> list[str]:
    return list(differences(document, printed))


def rebalance() -> Rebalance:
    wanted = Wanted(
        received_wall=NOON,
        sent_wall=NOON,
        targets={"SPY": Decimal("0.6")},
        min_trade_notional=Decimal(5),
        threshold=Decimal("0.01"),
        cash_buffer=Decimal("0.01"),
        liquidate_others=True,
        include_protected=False,
        dry_run=False,
        when_closed="next_open",
    )
    return Rebalance(rebalance_id="reb-1", signal_id="r", created_at=NOON, wanted=wanted)


def test_records_read_as_described() -> None:
    filled = order(rung(1, 100, 40, "50.98"), rung(2, 60, 0, None, None), status=OrderStatus.PARTIALLY_FILLED)
    noted = filled.noted(NOON, "PlaceOrder", "buy")
    assert said_wrong(BY_COMMAND["repeg order ID"], order_view(noted)) == []
    assert said_wrong(BY_COMMAND["repeg rebalance ID"], rebalance_view(rebalance().noted(NOON, "A", "b"))) == []
    assert said_wrong(BY_COMMAND["repeg halt"], halt_view(Halt(mode=Mode.HALTED, since=NOON, reason="odd"))) == []
    assert said_wrong(BY_COMMAND["repeg local status"], Status().document()) == []
    found = Diagnosis((Finding(name="keys", ok=False, detail="no", mend="repeg keys set", cost=Cost()),), Cost())
    assert said_wrong(BY_COMMAND["repeg doctor"], found.document()) == []


def test_commands_print_what_is_described(clinic: Clinic, repeg: Repeg) -> None:
    Desk(clinic).working("ord-1")
    clinic.send(clinic.dlq_url, '{"signal_id": "bad"}')
    clinic.log(message="somebody is called", alert=True, order_id="ord-1")
    arguments = {"repeg order ID": ["order", "ord-1"]}
    run = [
        "orders",
        "order ID",
        "fills",
        "pnl",
        "refused",
        "control",
        "alerts",
        "alarms",
        "settings show",
        "schedules",
        "local status",
    ]
    for command in (f"repeg {name}" for name in run):
        code, printed, told = repeg(*arguments.get(command, command.split()[1:]), "--json")
        assert code == 0, told
        assert said_wrong(BY_COMMAND[command], printed) == [], command
        assert printed or command in ("repeg fills", "repeg schedules"), command


def test_every_command_that_has_a_document_is_described() -> None:
    described = {document.command.split()[1] for document in DOCUMENTS}
    named = {entry.partition("=")[0] for entries in COMMANDS.values() for entry in entries}
    assert named == described | ELSEWHERE
    for name in sorted(described - {"local", "settings", "targets"}):
        [command] = make_app(name).registered_commands
        assert command.callback and "as_json" in inspect.signature(command.callback).parameters, name


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"paused": "yes"}, ".paused: 'yes' is no flag"),
        ({"since": "today"}, ".since: 'today' is no time"),
        ({"waiting": None}, ".waiting: is null"),
        ({"colour": 1}, ".colour: is not described"),
    ],
)
def test_what_differs_is_noticed(change: dict[str, Any], told: str) -> None:
    printed = {"paused": True, "since": datetime.now(UTC).isoformat(), "waiting": 3}
    assert said_wrong(BY_COMMAND["repeg pause"], printed) == []
    assert said_wrong(BY_COMMAND["repeg pause"], printed | change) == [told]
