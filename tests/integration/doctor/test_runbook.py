"""Every command of repeg's own that the runbook, and the README on stopping, tell people to type is typed here.

One that is written in anew is run with the others: with a placeholder that nobody fills in, or failing, it fails here.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from desk.cli import reaching
from desk.cli.main import run
from desk.doctor import examine, reach
from desk.exchange.client import ExchangeControl
from desk.stack import intake
from repeg.domain.signals.intake import accepted_rebalance
from repeg.domain.signals.parsing import RebalanceSignal, parse_signal
from tests.integration.doctor.test_flatten import Terminal
from tests.integration.doctor.test_positions import _record, held
from tests.support.clinic import Clinic
from tests.support.make import NOON, order

DOCS = Path(__file__).parents[3]
FILLED_IN = {
    "SYMBOL": "TQQQ",
    "SIGNAL_ID": "reb-1",
    "ORDER_ID": "ord-1",
    "LEG_ID": "ord-1",
    "FILE": "events/rebalance_weights.json",
    "TIME": "2026-11-20T09:30:00-05:00",
}
"""Words that stand for what a reader knows."""


def blocks(text: str) -> Iterator[str]:
    """Lines of code blocks."""
    for block in re.findall(r"^ *```\w*\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE):
        yield from (line.strip() for line in block.splitlines())


def commands() -> list[str]:
    """Each command once, in the order of the pages, as it is written but for its remark."""
    readme = (DOCS / "README.md").read_text().partition("## Stop trading")[2].partition("\n## ")[0]
    lines = [*blocks((DOCS / "docs" / "runbook.md").read_text()), *blocks(readme)]
    found = (re.search(r"(?:^|\| )(?:\.venv/bin/)?(repeg [^#]*)", line) for line in lines)
    return list(dict.fromkeys(each.group(1).strip() for each in found if each))


def typed(command: str) -> list[str]:
    """What is typed: words that stand for something filled in, `<that order>` as well."""
    given = re.sub(r"<[^>]*>", "ORDER_ID", command)
    words = [FILLED_IN.get(word, word) for word in shlex.split(given)[1:]]
    unknown = [word for word in words if re.fullmatch(r"[A-Z]+_ID|[A-Z]{5,}", word)]
    assert not unknown, f"{command}: say in FILLED_IN what {unknown[0]} stands for"
    return words


NOTHING_DIFFERS = b'{"drift": 0, "mended": 0, "findings": []}'


@pytest.fixture
def type_in(
    clinic: Clinic, control: ExchangeControl, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], tuple[int, str]]:
    """Types a command at a terminal, where whatever is asked is answered by yes."""
    monkeypatch.chdir(DOCS)
    monkeypatch.setattr(intake, "_POLL_S", 0.01)
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    clinic["events"].create_event_bus(Name="repeg-events")
    monkeypatch.setattr(clinic["sqs"], "send_message_batch", lambda **_: {"Successful": []})
    # moto runs no function; what that of the comparison does is tested where it is.
    monkeypatch.setattr(clinic["lambda"], "invoke", lambda **_: {"Payload": BytesIO(NOTHING_DIFFERS)})

    def call(command: str) -> tuple[int, str]:
        case = clinic.case
        monkeypatch.setattr(reaching, "connect", lambda _: case.connection)
        for module, name in ((reach, "case_of"), (reach, "case_at"), (examine, "reach")):
            monkeypatch.setattr(module, name, lambda *_: case)
        code = run(typed(command))
        said = capsys.readouterr()
        return code, said.out + said.err

    return call


def dispute(clinic: Clinic, control: ExchangeControl, number: int) -> None:
    """What an operator decides about: record and account disagree."""
    _record(clinic, order(order_id=f"ord-{number}", signal_id=f"ord-{number}", symbol="TQQQ", kind="bracket"))
    control.position("TQQQ", 1000, "5.10")
    found = clinic.case.orders.get(f"ord-{number}")
    assert found
    clinic.case.orders.save(found.with_care(frozen="nobody knows"))


BEFORE: dict[str, Callable[[Clinic, ExchangeControl, int], None]] = {"repeg resolve": dispute}
"""What has happened when a command is typed, by how it begins; the number is another one each time."""


def test_every_command_of_the_runbook_does_what_it_says(
    clinic: Clinic, control: ExchangeControl, type_in: Callable[[str], tuple[int, str]]
) -> None:
    control.quote("TQQQ", "50.95", "50.98", 500, 500)
    control.quote("SPY", "602.10", "602.11", 500, 500)
    held(clinic, control)
    monday = parse_signal({"signal_id": "reb-1", "kind": "rebalance", "targets": {"TQQQ": "0.6"}})
    assert isinstance(monday, RebalanceSignal)
    clinic.case.rebalances.accept(accepted_rebalance(monday, NOON, NOON, NOON), "hash")
    wrong: dict[str, Any] = {}
    for number, command in enumerate(commands(), 2):
        for begins, happens in BEFORE.items():
            if command.startswith(begins):
                happens(clinic, control, number)
        code, said = type_in(command)
        if code != 0:
            wrong[command] = (code, said)
    assert wrong == {}, "\n".join(f"{command}: {code} {said}" for command, (code, said) in wrong.items())


def test_the_chapter_on_emergencies_is_of_repegs_commands() -> None:
    chapter = (
        (DOCS / "docs" / "runbook.md").read_text().partition("### Stop it in an emergency")[2].partition("\n### ")[0]
    )
    others = [line for line in blocks(chapter) if line and not line.startswith("repeg ")]
    assert [line.split(" --")[0] for line in others] == ["aws dynamodb put-item"], "one, from a phone's shell"
    assert {"repeg halt --flatten", "repeg resume", "repeg close TQQQ", "repeg pause"} <= set(commands())
