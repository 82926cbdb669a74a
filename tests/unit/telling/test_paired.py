"""On a screen of 80 columns no id and no reason is broken, and what to do is told to its end."""

from __future__ import annotations

from io import StringIO
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console, RenderableType

from desk.cli.trading.profit import fills_table
from desk.stack import market_time
from desk.stack.alarms import since_of
from desk.stack.connection import Connection
from desk.stack.market_time import Setting
from desk.telling.rebalances import rebalances_table
from desk.telling.render import orders_table
from desk.telling.watching import alarm_table
from repeg.domain.order.views import order_view
from repeg.domain.reasons import Reason, Status
from tests.support.make import NOON
from tests.unit.samples import order

LONGEST_REASON = max(Reason, key=len)
IDS = ("adjust-nope-1128-4a3ee5", "buy-AAPL-1128-3ae245", "i" * 64)
WIDTHS = (80, 100, 120, 160)


def shown(what: RenderableType, width: int) -> list[str]:
    screen = StringIO()
    Console(file=screen, width=width, markup=False).print(what)
    lines = [line.rstrip() for line in screen.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    return lines


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("signal_id", IDS)
def test_ids_and_reasons_of_orders_are_whole(signal_id: str, width: int) -> None:
    view = order_view(order(signal_id=signal_id, status=Status.PARTIALLY_FILLED, reason=LONGEST_REASON))
    lines = shown(orders_table([view | {"filled_qty": "916.230225616", "requested_qty": "2000"}], width), width)
    assert any(signal_id in line for line in lines) and any(LONGEST_REASON in line for line in lines)
    assert any("916.2302/2000" in line and "partially filled" in line for line in lines)
    assert any(line.endswith(("signal", "signal, reason")) for line in lines[:2])


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("signal_id", IDS)
def test_ids_of_fills_are_whole(signal_id: str, width: int) -> None:
    fill = {"at": NOON.isoformat(), "symbol": "AAPL", "side": "sell_short", "qty": "916.230225616"}
    row = fill | {"price": "228.4312", "cash": "209293.42", "kind": "bracket_exit", "signal_id": signal_id}
    lines = shown(fills_table([row, row], width), width)
    assert sum(line.endswith(signal_id) for line in lines) == 2
    assert any("916.2302" in line and "bracket exit" in line for line in lines)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("signal_id", IDS)
def test_ids_and_reasons_of_rebalances_are_whole(signal_id: str, width: int) -> None:
    counts: dict[str, Any] = {"plan": [1] * 12, "residual": [1], "cost_bps": "1.23", "equity": "100250.50"}
    money = {"cash_before": "100250.50", "cash_after": "250.50"}
    outcome = {"status": "done_with_residual", "reason": LONGEST_REASON, "dry_run": True, "signal_id": signal_id}
    lines = shown(rebalances_table([{"created_at": NOON.isoformat(), **counts, **money, **outcome}], width), width)
    assert any(signal_id in line for line in lines) and any(LONGEST_REASON in line for line in lines)
    assert any("done with residual" in line and "dry run" in line and "+1.23" in line for line in lines)


@pytest.mark.parametrize("width", WIDTHS)
def test_what_to_do_is_told_to_its_end_of_a_quiet_alarm_too(width: int) -> None:
    says = f"{'It means that something is slow, and this is why it matters. ' * 4}See: repeg orders --status failed"
    alarm: dict[str, Any] = {
        "name": "a-name-of-20-columns",
        "state": "OK",
        "muted": True,
        "since": NOON.isoformat(),
        "value": 0.1234,
        "comparison": ">=",
        "threshold": 0.15,
        "metric": "M",
        "namespace": "N",
        "what_to_do": says,
    }
    lines = shown(alarm_table([alarm], width), width)
    words = " ".join(lines).split()
    assert "…" not in "".join(lines) and set(says.split()) <= set(words)
    assert words[-1] == "failed" or width >= 110


def test_an_alarm_that_was_never_judged_has_the_clock_of_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_time.Setting, "read", lambda _: Setting(f"{10**18} {10**9} 5 1"))
    made = {"StateUpdatedTimestamp": market_time.wall_clock(), "StateReason": "Unchecked: Initial alarm creation"}
    local, aws = (cast(Connection, SimpleNamespace(is_local=local)) for local in (True, False))
    assert since_of(aws, made) == made["StateUpdatedTimestamp"]
    apart = since_of(local, made).timestamp() - Setting(f"{10**18} {10**9} 5 1").now()
    assert abs(apart) < 60, "it was made a moment ago, on the market's clock"
    assert since_of(local, made | {"StateReason": "Threshold Crossed"}) == made["StateUpdatedTimestamp"]
