"""`--dry-run`: what an order would be now, from settings, account and market as they are; nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from desk.cli import reaching
from desk.cli.main import run
from desk.doctor import reach
from desk.doctor.findings import Trouble
from desk.exchange.client import ExchangeControl
from tests.support.clinic import Clinic

Dry = Callable[..., tuple[int, Any, str]]
CRWD = ("bracket", "CRWD", "25", "--at", "534.82", "--stop", "529.47", "--target", "545.52")


@pytest.fixture
def dry(
    clinic: Clinic, control: ExchangeControl, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Dry:
    control.quote("TQQQ", "50.95", "50.98", 5000, 5000)
    control.quote("CRWD", "534.75", "534.80", 500, 500)

    def call(*typed: str) -> tuple[int, Any, str]:
        case = clinic.case
        monkeypatch.setattr(reaching, "connect", lambda _: case.connection)
        for name in ("case_of", "case_at"):
            monkeypatch.setattr(reach, name, lambda _: case)
        code = run([*typed, "--dry-run"])
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in typed else said.out, said.err

    return call


def test_the_ladder_the_cap_and_the_first_limit_are_those_that_the_stack_would_use(
    dry: Dry, clinic: Clinic, control: ExchangeControl
) -> None:
    before = clinic["dynamodb"].scan(TableName="repeg")["Items"]
    code, found, _ = dry("buy", "tqqq", "100", "--json")
    assert (code, found["sent"], found["would"]) == (0, False, "work")
    assert (found["symbol_class"], found["ladder"], found["rungs"]) == ("leveraged_etf", "better_orders", 4)
    assert (found["max_slippage_bps"], found["worst_price"]) == ("20", "51.06")
    assert found["first"] == {"type": "limit", "limit_price": "50.99"}
    assert (found["cost"], found["qty"]) == ("5106", "100")
    code, page, told = dry("buy", "TQQQ", "100")
    assert "20 bps of 50.965, 51.06 at worst" in page and "buy 100 at 50.99" in page
    assert told == "it would be worked now; nothing was sent\n"
    assert clinic["dynamodb"].scan(TableName="repeg")["Items"] == before
    sent = [entry for entry in control.journal() if entry["type"] == "request" and entry["method"] != "GET"]
    assert sent == [], "only looked"


def test_it_says_first_where_it_looked(dry: Dry) -> None:
    where, verdict = dry("buy", "TQQQ", "100", "--stack", "repeg")[2].splitlines()
    assert where.endswith("stack repeg") and verdict == "it would be worked now; nothing was sent"


def test_what_has_no_cap_shows_none_and_no_most_that_it_costs(dry: Dry) -> None:
    _, found, _ = dry("buy", "TQQQ", "100", "--must", "--json")
    assert (found["worst_price"], found["cost"]) == (None, "5098")
    _, page, _ = dry("buy", "TQQQ", "100", "--must")
    assert "about $5,098.00 at the market of now" in page and "at most" not in page and "20 bps" not in page


def test_a_bracket_shows_what_it_would_risk_at_the_price_of_now(dry: Dry, control: ExchangeControl) -> None:
    _, found, _ = dry(*CRWD, "--json")
    assert (found["first"]["limit_price"], found["worst_price"], found["risk_reward"]) == ("535.09", "535.35", "2")
    assert (found["stop_loss"], found["take_profit"]) == ("529.45", "545.5")
    control.quote("CRWD", "535.95", "536.00", 500, 500)
    code, found, _ = dry(*CRWD, "--json")
    assert (code, found["would"], found["reason"]) == (1, "refuse", "slippage_exceeded")


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (("buy", "F", "1"), "no_quote"),
        (("buy", "TQQQ", "100000"), "insufficient_buying_power"),
        (("sell", "TQQQ", "1"), "no_position"),
        (("close", "TQQQ"), "no_position"),
        (("buy", "TQQQ", "0.5", "--notional"), "notional_too_small"),
        (("buy", "NOPE", "1"), "not_tradable"),
    ],
)
def test_what_would_be_refused_is_told_with_the_reason(dry: Dry, typed: tuple[str, ...], reason: str) -> None:
    code, found, _ = dry(*typed, "--json")
    assert (code, found["would"], found["reason"]) == (1, "refuse", reason)


def test_shares_in_the_account_are_what_a_sell_and_a_close_would_take(dry: Dry, control: ExchangeControl) -> None:
    control.position("TQQQ", 40, "50")
    assert dry("sell", "TQQQ", "1000", "--json")[1]["qty"] == "40"
    code, found, _ = dry("close", "TQQQ", "15", "--json")
    assert (code, found["side"], found["qty"], found["max_slippage_bps"]) == (0, "sell", "15", None)


def test_a_halt_and_a_closed_market_are_told(dry: Dry, clinic: Clinic, control: ExchangeControl) -> None:
    run(["halt", "--symbol", "TQQQ", "--reason", "odd prints"])
    assert dry("buy", "TQQQ", "1", "--json")[1]["reason"] == "halted"
    run(["resume", "--symbol", "TQQQ"])
    control.set_clock("2026-11-20T18:00:00-05:00", paused=True, speed=1)
    assert dry("buy", "TQQQ", "1", "--json")[1]["reason"] == "market_closed"
    code, found, _ = dry("buy", "TQQQ", "1", "--next-open", "--json")
    assert (code, found["would"]) == (0, "wait") and "Mon 23 Nov 09:30" in found["detail"]


def test_a_limit_that_it_would_exceed_is_told(dry: Dry, clinic: Clinic) -> None:
    clinic.override('{"max_order_notional": "1000"}')
    code, found, _ = dry("buy", "TQQQ", "100", "--json")
    assert (code, found["would"], found["reason"]) == (1, "refuse", "risk_order_notional")
    assert dry("buy", "TQQQ", "19", "--json")[0] == 0


def test_without_a_stack_the_signal_is_checked_and_shown_all_the_same(
    dry: Dry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(*_: Any) -> Any:
        raise Trouble("stack", "no local cloud is up", "make local")

    monkeypatch.setattr(reach, "case_at", gone)
    assert run(["buy", "TQQQ", "5", "--dry-run"]) == 0
    said = capsys.readouterr()
    assert "kind order, side buy, symbol TQQQ, qty 5" in said.out
    assert said.err == "the signal is valid; what it would come to cannot be told: no local cloud is up; " + (
        "nothing was sent\n"
    )
