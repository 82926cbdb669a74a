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


@pytest.mark.parametrize("end", [")", ":", ";"])
def test_what_follows_a_command_is_broken_as_any_words(end: str) -> None:
    said = f"it is not known (look with repeg control{end} and what comes of it is a long line of an error of AWS"
    lines = at_words(said, 40)
    assert max(map(len, lines)) <= 40 and any("repeg control" in line for line in lines)
    assert " ".join(lines) == said


@pytest.mark.parametrize("width", range(20, 60, 3))
def test_a_command_in_brackets_is_one_too(width: int) -> None:
    command = '(eval "$(repeg local env --unset)" takes it back)'
    assert any(command in line for line in at_words(f"AWS_ENDPOINT_URL is http://127.0.0.1:39865 {command}", width))


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
    code, page, said = repeg("settings", "reset", "max_repegs")
    assert page.splitlines()[1].split()[:3] == ["max_repegs", "1", before]
    assert said.strip() == "1 changed; all at their defaults"
    _, document, _ = repeg("settings", "set", "max_repegs=1", "--json")
    assert document["settings"]["max_repegs"] == 1 and document["overrides"] == {"max_repegs": 1}


def test_a_setting_that_is_no_number_is_refused_in_words_of_people(clinic: Clinic, repeg: Repeg) -> None:
    code, _, said = repeg("settings", "set", "max_repegs=x")
    assert (code, said.strip()) == (2, "max_repegs: must be a whole number; nothing was changed")


def test_settings_are_reset_by_their_names(clinic: Clinic, repeg: Repeg) -> None:
    repeg("settings", "set", "max_repegs=1", "max_spread_bps=150")
    assert repeg("settings", "reset", "max_repeg")[::2] == (
        2,
        "max_repeg: there is no such setting; nothing was changed\n",
    )
    code, page, said = repeg("settings", "reset", "max_repegs", "data_feed")
    assert (code, page.splitlines()[1].split()[:2], said) == (0, ["max_repegs", "1"], "1 changed; 1 overridden\n")
    assert repeg("settings", "show", "--json")[1]["overrides"] == {"max_spread_bps": "150"}
    # What another version wrote has the whole document refused, until it is gone.
    ssm, name = clinic.case.connection.ssm, clinic.case.connection.settings_overrides
    ssm.put_parameter(Name=name, Value='{"gone": 1, "max_repegs": 1}', Type="String", Overwrite=True)
    assert repeg("settings", "show")[0] == 1
    assert repeg("settings", "reset", "gone", "--json")[1]["overrides"] == {"max_repegs": 1}


def test_all_settings_are_reset_only_once_that_was_meant(
    clinic: Clinic, repeg: Repeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeg("settings", "set", "max_repegs=1", "max_spread_bps=150")
    code, out, said = repeg("settings", "reset")
    assert (code, out) == (2, "") and "--yes" in said and "nothing was changed" in said
    monkeypatch.setattr("sys.stdin", Screen("n\n"))
    code, _, said = repeg("settings", "reset")
    assert code == 1 and "Put max_repegs, max_spread_bps back" in said and said.endswith("nothing was changed\n")
    assert len(repeg("settings", "show", "--json")[1]["overrides"]) == 2
    monkeypatch.setattr("sys.stdin", Screen("y\n"))
    assert repeg("settings", "reset")[0] == 0 and repeg("settings", "show", "--json")[1]["overrides"] == {}
    monkeypatch.setattr("sys.stdin", Screen(""))
    assert repeg("settings", "reset")[2].endswith("all at their defaults\n"), "there is nothing to ask about"
    repeg("settings", "set", "max_repegs=1")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert repeg("settings", "reset", "--yes", "--json")[1]["overrides"] == {}


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
