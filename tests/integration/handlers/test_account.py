"""The keys and the account behind them: read anew when refused, asked seldom, and locked when they do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from repeg.errors import CredentialsRefused, LiveTradingLocked
from repeg.telemetry import logger
from repeg.wiring import clients, connection
from repeg.wiring.known_account import BELIEVED_FOR, REFRESHED_AFTER
from tests.integration.handlers.conftest import Stack, forget_everything

NUMBER = "PA3TEST"


@pytest.fixture
def named(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    stack.control.account(account_number=NUMBER)
    monkeypatch.setenv("ACCOUNT_NUMBER", NUMBER)
    yield stack


def _asked(stack: Stack) -> int:
    return sum(entry.get("path") == "/v2/account" for entry in stack.control.journal())


def _later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """A fresh process, so much later by the wall."""
    forget_everything()
    keeper, real = clients.time_keeper(), clients.time_keeper().wall
    monkeypatch.setattr(keeper, "wall", lambda: real() + by)


def test_a_burst_of_cold_containers_asks_once(named: Stack) -> None:
    for _ in range(25):
        forget_everything()
        connection.broker()
    assert _asked(named) == 1


def test_the_answer_is_believed_for_a_bounded_time(named: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.broker()
    _later(monkeypatch, BELIEVED_FOR - timedelta(seconds=5))
    connection.broker()
    assert _asked(named) == 1
    _later(monkeypatch, BELIEVED_FOR + timedelta(seconds=1))
    connection.broker()
    assert _asked(named) == 2


def test_other_keys_are_asked_for_themselves(named: Stack) -> None:
    connection.broker()
    named.secrets.put_secret_value(SecretId="repeg/alpaca", SecretString='{"key_id": "k2", "secret_key": "s"}')
    forget_everything()
    connection.broker()
    assert _asked(named) == 2


def test_the_wrong_account_locks_every_process_without_asking_again(
    named: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCOUNT_NUMBER", "ANOTHER")
    for _ in range(3):
        forget_everything()
        with pytest.raises(LiveTradingLocked, match=NUMBER):
            connection.broker()
    assert _asked(named) == 1


def test_the_sweep_asks_again_before_the_answer_is_old(named: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.broker()
    connection.check_account()
    assert _asked(named) == 1
    _later(monkeypatch, REFRESHED_AFTER + timedelta(seconds=1))
    named.call("sweep_orders", {})
    assert _asked(named) == 2


def test_the_sweep_locks_what_starts_when_the_account_is_another(named: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, Any]] = []
    monkeypatch.setattr(logger, "error", lambda text, alert=False, **_: told.append((text, alert)))
    connection.broker()
    named.control.account(account_number="SWAPPED")
    _later(monkeypatch, REFRESHED_AFTER + timedelta(seconds=1))
    for _ in range(3):
        named.call("sweep_orders", {})
    about = [(text, alert) for text, alert in told if "SWAPPED" in text]
    assert (sum(alert for _, alert in about), len(about) >= 3) == (1, True)
    assert f"put in the keys of {NUMBER}: repeg keys set --stack repeg-paper" in about[0][0]
    forget_everything()
    with pytest.raises(LiveTradingLocked):
        connection.broker()


def test_a_table_that_does_not_answer_costs_a_request_and_no_trade(
    named: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import EndpointConnectionError

    def broken(*_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="dynamodb")

    monkeypatch.setattr(type(clients.shared_store()), "account", broken)
    monkeypatch.setattr(type(clients.shared_store()), "keep_account", broken)
    connection.broker()
    assert _asked(named) == 1


def test_paper_without_an_account_number_asks_nothing(stack: Stack) -> None:
    connection.broker()
    connection.check_account()
    assert _asked(stack) == 0


def test_keys_are_read_anew_after_a_refusal(stack: Stack) -> None:
    """They were changed a moment ago: the next try has them, not the one after half a minute."""
    stack.control.settings(key_id="k2", secret_key="s2")
    with pytest.raises(CredentialsRefused):
        connection.broker().account()
    stack.secrets.put_secret_value(SecretId="repeg/alpaca", SecretString='{"key_id": "k2", "secret_key": "s2"}')
    assert connection.broker().account()
