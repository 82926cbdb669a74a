"""Outside the regular session: what is refused there."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from tests.support.lab import Lab
from tests.support.leaving import BRACKET
from tests.support.scenes import lab_at, run, submits

pytestmark = pytest.mark.usefixtures("aws_credentials")

ON = Settings(SMART_EXECUTOR_ENABLE_EXTENDED_HOURS=True)
WANTED: dict[str, Any] = BRACKET | {"extended_hours": True, "unprotected_ok": True}
EXTENDED = ["07:00", "16:30"]


def _lab(exchange: ExchangeControl, when: str, settings: Settings = ON) -> AbstractContextManager[Lab]:
    return lab_at(exchange, when, settings)


@pytest.mark.parametrize("when", EXTENDED)
@pytest.mark.parametrize(
    ("signal", "settings", "reason"),
    [
        (BRACKET, ON, Reason.MARKET_CLOSED),
        (BRACKET | {"unprotected_ok": True}, ON, Reason.MARKET_CLOSED),
        (WANTED, Settings(), Reason.EXTENDED_HOURS_DISABLED),
        (BRACKET | {"extended_hours": True}, Settings(), Reason.EXTENDED_HOURS_DISABLED),
        (BRACKET | {"extended_hours": True}, ON, Reason.EXTENDED_UNPROTECTED),
        (
            WANTED,
            Settings(SMART_EXECUTOR_ENABLE_EXTENDED_HOURS=True, USE_SMART_EXECUTOR=False),
            Reason.EXTENDED_HOURS_DISABLED,
        ),
    ],
    ids=["not asked", "only the half asked", "switched off", "off before unprotected", "unprotected", "the old way"],
)
def test_refused_outside_the_session(
    exchange: ExchangeControl, when: str, signal: dict[str, Any], settings: Settings, reason: Reason
) -> None:
    with _lab(exchange, when, settings) as lab:
        order = run(lab, "b", **signal)
        assert (order.status, order.reason) == (Status.REJECTED, reason)
        assert not submits(lab)
        lab.check()


@pytest.mark.parametrize("when", ["02:00", "19:58", "2026-11-21T12:00:00-05:00", "2026-11-26T17:00:00-05:00"])
def test_refused_when_no_session_is_on_or_it_is_nearly_over(exchange: ExchangeControl, when: str) -> None:
    """By night, too close to 20:00, on a Saturday, on Thanksgiving."""
    with _lab(exchange, when) as lab:
        order = run(lab, "b", **WANTED)
        assert (order.status, order.reason) == (Status.REJECTED, Reason.MARKET_CLOSED)
        assert not submits(lab)


def test_a_short_day_has_no_hours_after_it(exchange: ExchangeControl) -> None:
    """It closes at 13:00, and the extended session with it."""
    with _lab(exchange, "2026-11-27T13:30:00-05:00") as lab:
        assert run(lab, "b", **WANTED).reason is Reason.MARKET_CLOSED
        assert not submits(lab)


@pytest.mark.parametrize(
    ("bid", "ask", "reason"),
    [
        ("51.10", "51.13", Reason.SLIPPAGE_EXCEEDED),
        ("49.90", "49.93", Reason.STOP_THROUGH),
        ("0", "50.98", Reason.NO_QUOTE),
    ],
)
def test_prices_are_checked_as_in_the_session(exchange: ExchangeControl, bid: str, ask: str, reason: Reason) -> None:
    with _lab(exchange, "16:30") as lab:
        lab.control.quote("TQQQ", bid, ask, 2000, 2000)
        order = run(lab, "b", **WANTED)
        assert (order.status, order.reason) == (Status.REJECTED, reason)
        assert not submits(lab)
