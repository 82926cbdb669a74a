"""Broker, keys, account, mode: what the real exchange answers, and what the doctor makes of it."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from desk.doctor import broker
from desk.doctor.findings import Finding
from desk.exchange.client import ExchangeControl
from desk.exchange.process import ExchangeProcess
from tests.support.clinic import KEYS, Clinic
from tests.support.make import calendar_from

PUT = "repeg keys set"
OF_THE_BROKER = ("mode", "broker", "keys", "account", "clock", "data feed")


def requests(control: ExchangeControl) -> list[str]:
    """Method and path of everything that was asked of the exchange."""
    return [f"{e['method']} {e['path']}" for e in control.journal() if e["type"] == "request"]


def refused(clinic: Clinic, name: str) -> Finding:
    found = clinic.look(name)
    assert not found.ok and found.mend
    return found


def test_all_is_ok_for_three_trading_requests_and_nothing_is_sent(clinic: Clinic, control: ExchangeControl) -> None:
    found = clinic.all()
    assert [name for name, finding in found.items() if not finding.ok] == []
    assert "PKTE..." in found["keys"].detail and KEYS["secret_key"] not in str(found)
    assert "of 200 requests left" in found["broker"].detail
    assert ", $100,000.00, buying power" in found["account"].detail
    asked = requests(control)
    assert all(one.startswith("GET ") for one in asked)
    trading = [one for one in asked if "/stocks/" not in one]
    assert sum(finding.cost.trading_requests for finding in found.values()) == len(trading) == 3, asked
    assert found["account"].cost.trading_requests == 0


def test_with_a_calendar_that_the_stack_keeps_it_is_two(clinic: Clinic, control: ExchangeControl) -> None:
    clinic.case.market.keep_calendar(calendar_from())
    found = clinic.all()
    assert sum(finding.cost.trading_requests for finding in found.values()) == 2


def test_keys_that_the_broker_refuses(clinic: Clinic, control: ExchangeControl) -> None:
    control.settings(key_id="ANOTHERKEYALTOGETHER")
    found = refused(clinic, "keys")
    assert "refuses the keys PKTE... (HTTP 401)" in found.detail and str(found.mend).startswith(PUT)
    assert clinic.look("broker").ok, "it answers"
    assert clinic.look("account").mend == clinic.look("data feed").mend == "fix keys first"


def test_keys_of_the_other_mode_are_named_as_such(clinic: Clinic, control: ExchangeControl) -> None:
    clinic.keys('{"key_id": "AKLIVELIVELIVELIVE12", "secret_key": "0123456789"}')
    assert "a key of a live account, the stack trades on paper" in refused(clinic, "keys").detail


def test_keys_that_may_not_trade_here(clinic: Clinic, control: ExchangeControl) -> None:
    body = {"code": 40310000, "message": "request is not authorized"}
    control.faults({"kind": "error", "status": 403, "path": "/v2/account", "body": body})
    assert "(HTTP 403)" in refused(clinic, "keys").detail


@pytest.mark.parametrize(
    ("fault", "told", "mend"),
    [
        ({"kind": "error", "status": 503}, "HTTP 503: it is in trouble itself", "status.alpaca.markets"),
        ({"kind": "html", "status": 502}, "HTTP 502", "status.alpaca.markets"),
        ({"kind": "html", "status": 404}, "HTTP 404, but not as Alpaca does", "BrokerUrl left empty"),
        ({"kind": "error", "status": 429}, "requests of this minute are used up", "in a minute"),
        ({"kind": "drop_before"}, "does not answer", "network"),
    ],
)
def test_a_broker_in_trouble(
    clinic: Clinic, control: ExchangeControl, fault: dict[str, Any], told: str, mend: str
) -> None:
    control.faults({"path": "*", **fault})
    found = refused(clinic, "broker")
    assert told in found.detail and mend in str(found.mend)
    assert clinic.look("keys").mend == "fix broker first"


@pytest.mark.parametrize("fault", [{"kind": "error", "status": 500}, {"kind": "drop_before"}])
def test_on_the_local_cloud_faults_are_taken_back_by_their_command(
    local: Clinic, control: ExchangeControl, fault: dict[str, Any]
) -> None:
    control.faults({"path": "*", **fault})
    mend = refused(local, "broker").mend
    assert mend == f"curl -X PUT {control.url}/_exchange/faults -d '{{\"faults\": []}}'"


def test_on_the_local_cloud_keys_are_mended_without_a_new_day(local: Clinic, control: ExchangeControl) -> None:
    control.settings(key_id="ANOTHERKEYALTOGETHER")
    wanted = """echo '{"key_id": "LOCAL", "secret_key": "local"}' | repeg keys set"""
    assert refused(local, "keys").mend == wanted
    local.keys("{}")
    assert local.look("keys").mend == wanted


def test_how_long_keys_live_on_that_others_took_the_place_of(clinic: Clinic) -> None:
    clinic.wall = lambda: datetime.now(UTC)
    assert clinic.look("keys").detail == "PKTE..., taken by the broker", "the first pair took nobody's place"
    clinic.keys(json.dumps(KEYS))
    told = clinic.look("keys").detail
    assert re.search(r"; put in [\d.]+ s ago: for [\d.]+ s more a function may still go by those before$", told)
    clinic.wall = lambda: datetime.now(UTC) + timedelta(seconds=31)
    assert clinic.look("keys").detail == "PKTE..., taken by the broker"


def test_an_exchange_that_stands_still_costs_seconds_once(
    local: Clinic, exchange_process: ExchangeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "READ_S", 0.5)
    os.kill(exchange_process.process.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        found = local.all()
        took = time.monotonic() - started
    finally:
        os.kill(exchange_process.process.pid, signal.SIGCONT)
    assert took < 15
    assert "nothing within" in found["broker"].detail and found["broker"].mend == "make down && make local"
    assert [found[name].behind for name in ("keys", "account", "clock", "data feed")] == ["broker"] * 4
    assert found["intake"].ok and found["alarms"].ok


def test_an_exchange_that_is_gone(clinic: Clinic) -> None:
    gone = "http://127.0.0.1:9"
    clinic.environment |= {"BROKER_URL": gone, "DATA_URL": gone}
    assert "nothing listens there" in refused(clinic, "broker").detail


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("account_blocked", "has blocked the account"),
        ("trading_blocked", "has blocked trading"),
        ("trade_suspended_by_user", "the account's own switch"),
    ],
)
def test_blocks_are_told_apart(clinic: Clinic, control: ExchangeControl, block: str, told: str) -> None:
    control.account(**{block: True})
    found = refused(clinic, "account")
    assert told in found.detail and "app.alpaca.markets" in str(found.mend)
    clinic.local = True
    mend = refused(clinic, "account").mend
    assert mend == f"curl -X PUT {control.url}/_exchange/account -d '{{\"{block}\": false}}'"


def test_another_account_than_the_stack_is_for(clinic: Clinic, control: ExchangeControl) -> None:
    control.account(account_number="PA3OTHER")
    clinic.environment["ACCOUNT_NUMBER"] = "PA3MINE"
    found = refused(clinic, "account")
    assert "account PA3OTHER, the stack is for PA3MINE" in found.detail
    assert found.mend == f"{PUT}, with the keys of PA3MINE"
    control.account(account_number="PA3MINE")
    assert clinic.look("account").ok


def test_an_account_that_is_not_active(clinic: Clinic, control: ExchangeControl) -> None:
    body = {"account_number": "PA3", "status": "ONBOARDING", "equity": "0", "cash": "0", "buying_power": "0"}
    control.faults({"kind": "error", "status": 200, "path": "/v2/account", "body": body})
    assert "PA3 is ONBOARDING" in refused(clinic, "account").detail


def test_an_account_that_cannot_be_read(clinic: Clinic, control: ExchangeControl) -> None:
    control.faults({"kind": "error", "status": 200, "path": "/v2/account", "body": {"status": "ACTIVE"}})
    assert "cannot be read" in refused(clinic, "account").detail


# --- mode ---


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"BROKER_URL": "https://api.alpaca.markets"}, "live host, but TradingMode is paper"),
        ({"TRADING_MODE": "practice"}, "must be paper or live"),
        ({"TRADING_MODE": "live"}, "Alpaca's own hosts only"),
        ({"TRADING_MODE": "live", "BROKER_URL": "", "DATA_URL": ""}, "no AccountNumber"),
    ],
)
def test_a_mode_that_does_not_fit(clinic: Clinic, environment: dict[str, str], told: str) -> None:
    clinic.environment |= environment
    found = refused(clinic, "mode")
    assert told in found.detail and "make deploy" in str(found.mend)
    assert clinic.look("broker").mend == "fix mode first"


def test_live_trading_is_shouted(clinic: Clinic) -> None:
    clinic.environment |= {"TRADING_MODE": "live", "BROKER_URL": "", "DATA_URL": "", "ACCOUNT_NUMBER": "123"}
    found = clinic.look("mode")
    assert found.ok and found.detail == "LIVE: real money, account 123, at https://api.alpaca.markets"


def test_a_stack_on_aws_that_is_told_to_trade_with_itself(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert "their own machine" in refused(clinic, "mode").detail


def test_a_local_cloud_whose_functions_trade_elsewhere(local: Clinic) -> None:
    local.environment["BROKER_URL"] = "http://127.0.0.1:9"
    assert refused(local, "mode").mend == "make down && make local"


def test_every_broker_check_is_ok_before_it_is_broken(clinic: Clinic, local: Clinic) -> None:
    for name in OF_THE_BROKER:
        assert local.look(name).ok, name
