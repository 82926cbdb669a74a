"""`repeg positions`: record, account, orders and market side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from desk.cli import reaching
from desk.cli.main import run
from desk.cli.positions import table
from desk.doctor import reach
from desk.exchange.client import ExchangeControl
from desk.positions.beside import documents
from repeg.domain.order.children import ChildStatus
from tests.integration.doctor.test_positions import AT, held
from tests.support.clinic import Clinic
from tests.support.make import child, order


@pytest.fixture(autouse=True)
def quoted(control: ExchangeControl) -> None:
    control.quote("TQQQ", "50.95", "50.98", 500, 500)


def test_a_position_that_fits_is_covered(clinic: Clinic, control: ExchangeControl) -> None:
    held(clinic, control)
    (found,), trouble = documents(clinic.case)
    assert (trouble, found["verdict"]) == ("", "covered")
    assert (found["record"]["qty"], found["account"]["qty"]) == ("100", "100")
    assert [(oco["qty"], oco["stop"], oco["target"]) for oco in found["orders"]] == [("100", "49.95", "53.45")]
    assert found["market"] == {"bid": "50.95", "ask": "50.98"}
    assert table([found]).row_count == 1
    assert documents(clinic.case, "SOXL") == ([], "")


def test_an_account_that_shows_other_shares_is_seen(clinic: Clinic, control: ExchangeControl) -> None:
    held(clinic, control)
    order = clinic.case.orders.get("ord-1")
    assert order
    clinic.case.orders.save(order.with_care(frozen="nobody knows"))
    control.position("TQQQ", 40, "50.98")
    (found,), _ = documents(clinic.case, "TQQQ")
    assert found["verdict"] == "disagrees"
    assert (found["record"]["frozen"], Decimal(found["account"]["qty"])) == ("nobody knows", 40)


def test_fewer_shares_than_their_oco_would_sell_are_not_told_as_covered(
    clinic: Clinic, control: ExchangeControl
) -> None:
    held(clinic, control)
    control.position("TQQQ", 40, "50.98")
    (found,), _ = documents(clinic.case, "TQQQ")
    assert (found["verdict"], [oco["qty"] for oco in found["orders"]]) == ("disagrees", ["100"])


def test_what_is_held_is_shown_with_what_it_is_worth_and_has_gained(clinic: Clinic, control: ExchangeControl) -> None:
    held(clinic, control)
    control.position("TQQQ", 130, "50.98")
    control.position("SPY", -2, "605")
    bracket, spy, rest = sorted(documents(clinic.case)[0], key=lambda each: (each["record"] is None, each["symbol"]))
    assert (bracket["qty"], bracket["entry_price"], bracket["unrealised"]) == ("100", "50.98", "-1.5")
    assert (rest["qty"], rest["verdict"], rest["order_id"], rest["value"]) == ("30", "no bracket's", None, "1528.95")
    assert (spy["side"], spy["qty"], spy["unrealised"]) == ("sell", "2", "5.79")
    assert [each["symbol"] for each in documents(clinic.case, "SPY")[0]] == ["SPY"]
    assert table([bracket, spy, rest]).row_count == 3
    control.quote("TQQQ", "0", "50.98", 0, 500)
    one_sided = documents(clinic.case, "TQQQ")[0]
    assert {(each["value"], each["unrealised"]) for each in one_sided} == {(None, None)}


@pytest.fixture
def pnl(clinic: Clinic, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[], Any]:
    """What `repeg pnl --json` prints."""

    def call() -> Any:
        case = clinic.case
        monkeypatch.setattr(reaching, "connect", lambda _: case.connection)
        monkeypatch.setattr(reach, "case_of", lambda _: case)
        assert run(["pnl", "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return call


def test_profit_follows_the_splits_that_the_broker_tells(
    clinic: Clinic, control: ExchangeControl, pnl: Callable[[], Any]
) -> None:
    """Ten of SPY at 1204 yesterday are twenty at 602 today; what is to come next session is not there yet."""
    before = AT - timedelta(days=1)
    fill = child(
        qty=Decimal(10),
        filled_qty=Decimal(10),
        avg_fill_price=Decimal("1204"),
        status=ChildStatus.FILLED,
        sent_at=before,
        closed_at=before,
    )
    control.position("SPY", 10, "1204")
    control.corporate_action("SPY", "forward_split", 2, 1, ex_date="2026-11-20")
    control.corporate_action("SPY", "forward_split", 3, 1, ex_date="2026-11-23", apply=False)
    assert clinic.case.orders.accept(order(symbol="SPY", children=(fill,), created_at=before), "s") is None
    view = pnl()
    assert (view["held"], view["unrealised"], view["not_held"]) == ("20", "2.1", {})
