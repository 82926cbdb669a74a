"""Brackets from signal to protection, on the whole spine."""

from __future__ import annotations

from repeg.domain.reasons import Status
from tests.support.audit import trading_calls
from tests.support.lab import Lab
from tests.support.scenes import run

CRWD = {
    "kind": "bracket",
    "symbol": "CRWD",
    "side": "buy",
    "qty": 25,
    "signal_price": "534.82",
    "stop_loss": "529.47",
    "take_profit": "545.52",
}


def test_a_filled_bracket_is_protected_from_its_fill(lab: Lab) -> None:
    lab.control.quote("CRWD", "534.70", "534.80", 500, 500)
    mark = lab.mark()
    order = run(lab, **CRWD)
    calls = trading_calls([e for e in lab.control.journal() if e["seq"] > mark])
    assert order.status is Status.FILLED
    assert order.protected is True
    assert len(calls) <= 6
    assert lab.machine and len(lab.machine.entered) <= 16
    lab.check()
