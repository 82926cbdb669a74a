"""Alerts on the page: those that are open, read from where the log was read to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from desk.blotter import alerts as module
from desk.blotter.alerts import Alerts
from tests.support.clinic import Clinic


def _alerts(clinic: Clinic, **more: Any) -> Alerts:
    return Alerts(clinic.case.connection, **more)


def _texts(alerts: Alerts) -> list[str]:
    return [row["alert"] for row in alerts.look()["alerts"].values()]


def test_open_ones_of_the_last_day_show_until_they_are_acknowledged(clinic: Clinic) -> None:
    clinic.log(minutes_ago=60, alert=True, message="cancel stuck", order_id="ord-1", symbol="TQQQ")
    clinic.log(minutes_ago=25 * 60, alert=True, message="of yesterday")
    clinic.log(message="no alert")
    alerts = _alerts(clinic)
    [row] = alerts.look()["alerts"].values()
    assert (row["alert"], row["order_id"], row["symbol"]) == ("cancel stuck", "ord-1", "TQQQ")
    clinic.log(minutes_ago=0, alert=True, message="came meanwhile")
    assert alerts.acknowledge([row["alert_id"], "unknown"]) == 1
    assert _texts(alerts) == ["came meanwhile"]
    assert _texts(_alerts(clinic)) == ["came meanwhile"], "as for everybody else"


def test_what_was_read_is_not_read_again_and_a_late_line_is_not_missed(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins: list[datetime] = []
    real = module.read
    monkeypatch.setattr(module, "read", lambda at, since, pages: (begins.append(since), real(at, since, pages))[1])
    now = datetime.now(UTC)
    alerts = _alerts(clinic, wall=lambda: now)
    clinic.log(minutes_ago=60, alert=True, message="first")
    assert _texts(alerts) == ["first"]
    clinic.log(minutes_ago=1, alert=True, message="written a minute ago, found now")
    assert len(_texts(alerts)) == 2
    assert begins == [now - timedelta(days=1), now - module.LATE]
    now += timedelta(days=1)
    assert _texts(alerts) == []


def test_a_log_that_is_too_long_is_told_of_and_read_from_the_same_place(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = _alerts(clinic)
    with monkeypatch.context() as busy:
        busy.setattr(module, "read", lambda *_: ([], False))
        with pytest.raises(LookupError, match="repeg alerts"):
            alerts.look()
    clinic.log(minutes_ago=60, alert=True, message="first")
    assert _texts(alerts) == ["first"]
