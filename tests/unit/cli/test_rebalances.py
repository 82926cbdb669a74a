"""`repeg rebalances`, `rebalance`, `wait`, `order` of rebalances and their legs, as an operator types them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from desk.cli import rebalances
from desk.telling import render
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.fence import first_worked_by
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.rebalance.legs import order_of
from repeg.domain.rebalance.plan import plan
from repeg.domain.rebalance.planned import Leg, Residual
from repeg.domain.rebalance.record import Rebalance, RebalanceStatus
from repeg.domain.signals.intake import accepted_rebalance
from repeg.domain.signals.parsing import RebalanceSignal, parse_signal
from repeg.store.orders import OrderStore
from repeg.store.rebalances import RebalanceStore
from tests.support.books import book, targets
from tests.support.clinic import Clinic
from tests.support.make import NOON, child, with_fields
from tests.unit.cli.conftest import Repeg


class Desk:
    """The stack's records, and what workers do to them."""

    def __init__(self, clinic: Clinic) -> None:
        self.orders = OrderStore(clinic["dynamodb"], "repeg")
        self.rebalances = RebalanceStore(clinic["dynamodb"], "repeg")

    def sent(self, signal_id: str = "monday") -> Rebalance:
        """A rebalance of 200 AAPL into 60 % TQQQ."""
        body = {"signal_id": signal_id, "kind": "rebalance", "strategy": "rotation", "targets": {"TQQQ": "0.6"}}
        signal = parse_signal(body)
        assert isinstance(signal, RebalanceSignal)
        self.rebalances.accept(accepted_rebalance(signal, NOON, NOON, NOON), "hash")
        found = self.rebalances.find(signal_id)
        assert found
        return found

    def planned(self, rebalance: Rebalance, **more: Any) -> Rebalance:
        """It has its plan, and sells."""
        account = book(10_000, {"AAPL": 200}, {"AAPL": 200, "TQQQ": 50})
        made = plan(account, targets({"TQQQ": "0.6"}))
        fields = {"planned_at": NOON, "sells": made.sells, "buys": made.buys, "equity": made.equity}
        selling = {"status": RebalanceStatus.SELLING, "cash_before": account.cash}
        return self.rebalances.save(rebalance.changed(**fields | selling | more))

    def placed(self, rebalance: Rebalance, leg: Leg, **fields: Any) -> Order:
        """A leg's order, as it ended or stands."""
        made = with_fields(order_of(rebalance, leg, NOON, NOON, NOON), status=Status.WORKING, **fields)
        self.rebalances.add_leg(rebalance, first_worked_by(made, "arn"))
        return made


@pytest.fixture
def desk(clinic: Clinic) -> Desk:
    return Desk(clinic)


def filled(leg: Leg, price: str, bps: str, qty: Decimal | None = None) -> dict[str, Any]:
    """Fields of a leg's order: what was filled, and what that cost."""
    fill = child(
        qty=leg.qty, filled_qty=qty or leg.qty, avg_fill_price=Decimal(price), status=ChildStatus.FILLED, closed_at=NOON
    )
    return {"children": (fill,), "slippage_bps": Decimal(bps), "requested_qty": leg.qty}


def half_way(desk: Desk) -> Rebalance:
    """Half of the AAPL is sold."""
    selling = desk.planned(desk.sent())
    (sell,) = selling.sells
    desk.placed(selling, sell, **filled(sell, "199.5", "25", Decimal(100)))
    return selling


def test_rebalances_are_listed_newest_first(desk: Desk, repeg: Repeg) -> None:
    assert repeg("rebalances", "--json")[:2] == (0, [])
    assert repeg("rebalances")[2].endswith("no rebalances\n")
    desk.planned(desk.sent())
    _, (found,), _ = repeg("rebalances", "--json")
    assert (found["signal_id"], found["status"], found["strategy"]) == ("monday", "selling", "rotation")
    code, page, _ = repeg("rebalances")
    assert code == 0 and len(page.splitlines()) == 2
    assert all(word in page for word in ("monday", "selling", "$50,000.00", "$10,000.00", " 2 "))


def test_a_rebalance_at_work_shows_how_far_it_is(desk: Desk, repeg: Repeg) -> None:
    half_way(desk)
    code, page, _ = repeg("rebalance", "monday")
    assert code == 0 and "0 of 2 legs are over" in page and "TQQQ 60.0 %" in page
    sold, bought = (next(line for line in page.splitlines() if f" {side} " in line) for side in ("sell", "buy"))
    assert " ".join(sold.split()) == "first AAPL sell 100/200 80.0 % 0.0 % 40.1 % working 199.50 +25.00"
    assert " ".join(bought.split()) == "then TQQQ buy 600 0.0 % 60.0 % after the sells"


def test_the_document_is_the_view_and_the_legs(desk: Desk, repeg: Repeg) -> None:
    selling = half_way(desk)
    for name in ("monday", selling.rebalance_id):
        code, found, _ = repeg("rebalance", name, "--json")
        assert (code, found["rebalance_id"], found["cash_before"]) == (0, selling.rebalance_id, "10000")
        assert [order["order_id"] for order in found["orders"]] == found["legs"]
        assert [(order["kind"], order["filled_qty"]) for order in found["orders"]] == [("rebalance_leg", "100")]


def test_what_is_left_is_told_with_why(desk: Desk, repeg: Repeg) -> None:
    selling = desk.planned(desk.sent())
    left = Residual(symbol="TQQQ", drift=Decimal("-0.25"), why="the buy leg was unfilled (halted)")
    more = {"residual": (left,), "cost_bps": Decimal("3.5"), "cash_after": Decimal("12345.6")}
    desk.rebalances.finish(selling.changed(**more).ended(RebalanceStatus.DONE_WITH_RESIDUAL, NOON))
    _, page, _ = repeg("rebalance", "monday")
    assert "REBALANCE  done with residual" in page and "legs are over" not in page
    for words in ("$10,000.00 -> $12,345.60", "+3.50 bps", "-25.00 %  the buy leg was unfilled (halted)"):
        assert words in page


def test_on_a_terminal_it_is_followed_to_its_end(desk: Desk, repeg: Repeg, monkeypatch: pytest.MonkeyPatch) -> None:
    selling = half_way(desk)
    screen = Console(force_terminal=True, width=120)
    monkeypatch.setattr(render, "console", lambda: screen)
    monkeypatch.setattr(
        rebalances.time, "sleep", lambda _: desk.rebalances.finish(selling.ended(RebalanceStatus.DONE, NOON))
    )
    code, page, _ = repeg("rebalance", "monday", "--no-follow")
    assert code == 0 and "legs are over" in page
    code, page, _ = repeg("rebalance", "monday")
    assert code == 0 and "legs are over" in page and "done" in page.rpartition("legs are over")[2]


def test_what_is_no_rebalance_is_said_in_one_line(desk: Desk, repeg: Repeg) -> None:
    selling = half_way(desk)
    leg = repeg("rebalance", "monday", "--json")[1]["legs"][0]
    for name, words in {"nobody": "no such rebalance", leg: f"repeg order {leg}"}.items():
        code, _, said = repeg("rebalance", name)
        assert code == 1 and words in said and said.count("\n") == 1
    for name in ("monday", selling.rebalance_id):
        code, _, said = repeg("order", name)
        assert code == 1 and "repeg rebalance monday" in said and said.count("\n") == 1


def test_a_leg_is_an_order_that_names_its_rebalance(desk: Desk, repeg: Repeg) -> None:
    selling = half_way(desk)
    leg = repeg("rebalance", "monday", "--json")[1]["legs"][0]
    code, page, _ = repeg("order", leg)
    assert code == 0 and f"{selling.rebalance_id} (repeg rebalance monday)" in page
    _, page, _ = repeg("orders")
    assert "rebalance leg" in page and "monday" in page


def test_rebalances_are_waited_for(desk: Desk, repeg: Repeg) -> None:
    selling = desk.planned(desk.sent())
    code, found, said = repeg("wait", "monday", "--timeout", "0", "--json")
    assert code == 1 and said.endswith("monday (selling)\n") and found[0]["status"] == "selling"
    desk.rebalances.finish(selling.ended(RebalanceStatus.FAILED, NOON, Reason.INTERNAL_ERROR))
    assert repeg("wait", "monday", "--timeout", "0")[:2] == (0, "monday failed internal_error\n")
    code, (found,), _ = repeg("wait", selling.rebalance_id, "--json")
    assert (code, found["plan"][0]["symbol"]) == (0, "AAPL")


def test_a_signal_may_be_named_as_rebalances_are(desk: Desk, repeg: Repeg) -> None:
    desk.sent("reb-monday")
    assert repeg("rebalance", "reb-monday", "--json")[1]["signal_id"] == "reb-monday"
