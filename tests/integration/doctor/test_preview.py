"""`repeg plan`: what a rebalance would do, from the account and the market as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from desk.cli import reaching
from desk.cli.main import run
from desk.doctor import reach
from desk.exchange.client import ExchangeControl
from desk.positions import preview
from desk.positions.preview import settled
from desk.telling.plans import remarks
from repeg.domain.order.verdicts import Refusal
from repeg.domain.patience import SHOWS_AFTER
from repeg.domain.reasons import Reason
from repeg.rebalance.account import Look
from tests.support.clinic import Clinic
from tests.support.make import NOON

PRICES = {"TQQQ": ("50.95", "50.98"), "SPY": ("500.00", "500.02"), "AAPL": ("200.00", "200.02")}
SIGNAL = {"signal_id": "r", "kind": "rebalance", "targets": {"TQQQ": "0.6", "SPY": "0.4"}}
Plan = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def account(control: ExchangeControl) -> None:
    """100 AAPL, 20 SPY and $10,000."""
    for symbol, (bid, ask) in PRICES.items():
        control.quote(symbol, bid, ask, 5000, 5000)
    control.position("AAPL", 100, "200")
    control.position("SPY", 20, "500")
    control.account(cash="10000")


@pytest.fixture
def plan(
    clinic: Clinic,
    account: None,
    control: ExchangeControl,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Plan:
    def call(document: Any, *options: str) -> tuple[int, Any, str]:
        case = clinic.case
        monkeypatch.setattr(reaching, "connect", lambda _: case.connection)
        monkeypatch.setattr(reach, "case_of", lambda _: case)
        file = tmp_path / "wanted.json"
        file.write_text(json.dumps(document))
        code = run(["plan", str(file), *options])
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in options else said.out, said.err

    return call


def test_a_plan_is_shown_and_nothing_is_left_behind(plan: Plan, clinic: Clinic, control: ExchangeControl) -> None:
    before = clinic["dynamodb"].scan(TableName="repeg")["Items"]
    code, found, said = plan(SIGNAL, "--json")
    assert (code, found["refused"], found["residual"]) == (0, None, [])
    assert (found["open"], found["cash"], found["equity"]) == (True, "10000", "40001.2")
    trades = {row["symbol"]: (row["held"], row["side"], row["target_weight"]) for row in found["symbols"]}
    assert trades == {"TQQQ": ("0", "buy", "0.6"), "AAPL": ("100", "sell", "0"), "SPY": ("20", "buy", "0.4")}
    assert [(leg["symbol"], leg["half"]) for leg in found["plan"]] == [
        ("AAPL", "sell"),
        ("TQQQ", "buy"),
        ("SPY", "buy"),
    ]
    assert clinic["dynamodb"].scan(TableName="repeg")["Items"] == before
    journal = control.journal()
    assert {entry["method"] for entry in journal if entry["type"] == "request"} <= {"GET"}
    assert said == ""


def test_targets_are_previewed_like_the_signal_that_they_become(plan: Plan) -> None:
    assert plan({"targets": SIGNAL["targets"]}, "--json")[1]["plan"] == plan(SIGNAL, "--json")[1]["plan"]


def test_a_page_for_a_friend(plan: Plan) -> None:
    code, page, said = plan(SIGNAL)
    lines = {line.split()[0]: " ".join(line.split()) for line in page.splitlines() if line}
    assert code == 0
    assert lines["AAPL"] == "AAPL 100 200.01 50.0 % 0.0 % sell 100 $20,001.00"
    assert lines["TQQQ"].startswith("TQQQ 50.965 0.0 % 60.0 % buy 4") and "-$23," in lines["TQQQ"]
    assert lines["buffer"] == "buffer 1.0 % of the equity stays in cash"
    assert lines["legs"] == "legs 1 first, then 2 from the cash that is there"
    assert "nothing was sent" in said and " trading requests" in said


def test_a_book_that_is_where_it_should_be(plan: Plan) -> None:
    _, page, _ = plan({"targets": {"AAPL": "0.5", "SPY": "0.25"}})
    assert "none: everything is within 1.0 % of its target" in page and page.count(" hold") == 2


def test_what_cannot_be_traded_is_left_with_why(plan: Plan, control: ExchangeControl) -> None:
    control.asset("TQQQ", tradable=False)
    _, page, _ = plan(SIGNAL)
    assert "the broker does not trade it" in page and "-59.40 %" in page


def test_a_closed_market_is_previewed_at_its_last_prices(plan: Plan, control: ExchangeControl, clinic: Clinic) -> None:
    control.set_clock("2026-11-21T10:00:00-05:00", paused=True, speed=1)
    code, page, said = plan(SIGNAL)
    assert code == 0 and "sell 100" in page
    assert said.startswith("the market is closed; it opens 23 Nov 09:30:00 ET: these are the last prices")


def test_an_account_that_no_plan_can_be_made_for(plan: Plan, control: ExchangeControl) -> None:
    control.account(trading_blocked=True)
    code, found, said = plan(SIGNAL, "--json")
    assert (code, found["refused"]["reason"]) == (1, "broker_rejected") and "plan" not in found
    assert said == "no plan can be made: the broker has blocked the account (broker_rejected)\n"


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"targets": {"SPY": "0.9", "TQQQ": "0.2"}}, "targets: sum to 1.1"),
        ({"signal_id": "x", "kind": "close", "symbol": "SPY"}, "kind: is 'close'"),
        ({"signal_id": "x", "targets": {"SPY": "0.9"}}, "kind: must be"),
        ([], "body: must be a JSON object"),
    ],
)
def test_what_is_no_rebalance_is_refused(plan: Plan, document: Any, named: str) -> None:
    code, out, said = plan(document)
    assert (code, out) == (2, "") and named in said and said.count("\n") == 1


def test_a_second_look_costs_four_trading_requests(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    once = plan(SIGNAL, "--json")[1]["trading_requests"]
    monkeypatch.setattr(preview, "settled", lambda look, now, wait: (look(now()), now()) and settled(look, now, wait))
    assert plan(SIGNAL, "--json")[1]["trading_requests"] == once + 4


class Account:
    """One that shows at `shows` seconds what was filled, and the clock of whoever looks at it."""

    def __init__(self, shows: float) -> None:
        self.shows, self.now, self.waits = shows, NOON, list[float]()

    def look(self, at: datetime) -> Look:
        shown = NOON + timedelta(seconds=self.shows)
        refusal = Refusal(reason=Reason.ACCOUNT_DISAGREES, detail="any")
        return Look(Decimal(0), {}, refusal, settles_at=None if at >= shown else min(shown, at + SHOWS_AFTER))

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += timedelta(seconds=seconds)


@pytest.mark.parametrize(("shows", "waits"), [(0, []), (7.5, [7.5]), (12, [10, 2]), (1000, [10, 10])])
def test_what_was_filled_a_moment_ago_is_waited_for_as_the_rebalance_does(shows: float, waits: list[float]) -> None:
    account = Account(shows)
    seen, at = settled(account.look, lambda: account.now, account.wait)
    assert (account.waits, at) == (waits, account.now)
    assert (seen.settles_at is None) is (shows < 1000)


def test_a_clock_that_stands_still_is_not_waited_for_for_ever() -> None:
    account = Account(5)
    seen, _ = settled(account.look, lambda: NOON, account.wait)
    assert account.waits == [5]
    [warned] = remarks({"settles_at": seen.settles_at and seen.settles_at.isoformat(), "open": True})
    assert "may count twice in this plan: preview it again then" in warned
