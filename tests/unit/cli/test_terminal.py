"""What a person sees on a terminal of 80 columns: words whole, commands in one piece; a pipe gets whole lines."""

from __future__ import annotations

import io

import pytest

from desk.cli.output import at_words, tell
from desk.cli.settings import changed_table
from desk.cli.trading.profit import pnl_table
from desk.telling.render import console
from tests.support.clinic import Clinic
from tests.unit.cli.conftest import Repeg

LONG = (
    "TQQQ is halted since a moment: a reason that somebody gave at length; what is in the market stays there; "
    "lift it with: repeg resume --symbol TQQQ"
)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_remark_ends_its_lines_with_words_and_breaks_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stderr", Screen())
    tell(LONG)
    lines = console(stderr=True).file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) > 1 and max(map(len, lines)) <= 80
    assert " ".join(lines) == LONG and any("repeg resume --symbol TQQQ" in line for line in lines)


def test_a_pipe_gets_a_remark_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    tell(LONG)
    assert capsys.readouterr().err == LONG + "\n"


@pytest.mark.parametrize(
    "command", ["repeg resume --strategy a-long-one", 'eval "$(repeg local env)"', "make local ARGS=--keep"]
)
@pytest.mark.parametrize("width", range(20, 60, 7))
def test_a_command_stays_in_one_piece_on_any_screen(command: str, width: int) -> None:
    said = f"one two three four five six seven: {command} (then this); and {command}, and more of it"
    lines = at_words(said, width)
    assert sum(command in line for line in lines) >= 1 and sum(line.count(command) for line in lines) == 2
    assert " ".join(lines) == said


def test_a_change_of_settings_answers_with_what_it_changed(clinic: Clinic, repeg: Repeg) -> None:
    names = ("settings_defaults", "settings_overrides")
    assert all(getattr(clinic.case.connection, name) for name in names)
    code, page, said = repeg("settings", "set", "max_repegs=1")
    head, line = page.splitlines()
    assert code == 0 and head.split()[:3] == ["setting", "before", "now"]
    name, before, now, *what = line.split()
    assert (name, now) == ("max_repegs", "1") and before != "1" and what
    assert said.strip() == "1 changed; 1 overridden"
    code, page, said = repeg("settings", "set", "max_repegs=1")
    assert (code, page, said.strip()) == (0, "", "nothing is another value than before; 1 overridden")
    code, page, said = repeg("settings", "reset")
    assert page.splitlines()[1].split()[:3] == ["max_repegs", "1", before]
    assert said.strip() == "1 changed; all at their defaults"
    _, document, _ = repeg("settings", "set", "max_repegs=1", "--json")
    assert document["settings"]["max_repegs"] == 1 and document["overrides"] == {"max_repegs": 1}


def test_a_changed_setting_keeps_its_name_whole() -> None:
    screen = console()
    screen.width = 80
    with screen.capture() as shown:
        screen.print(changed_table({"bracket_min_risk_reward_or_so": (["A", "B"], {"a": 1})}))
    assert "bracket_min_risk_reward_or_so  A B" in shown.get()


def test_orders_of_no_strategy_are_not_those_of_one_that_is_called_none() -> None:
    sums = {"trades": 1, "wins": 0, "realised": "1", "unrealised": "0"}
    rows = [{"strategy": name, **sums} for name in (None, "none")]
    screen = console()
    with screen.capture() as shown:
        screen.print(pnl_table({"by": "strategy", "rows": rows, **sums}))
    lines = shown.get().splitlines()
    assert lines[1].startswith("(no strategy) ") and lines[2].startswith("none ")
