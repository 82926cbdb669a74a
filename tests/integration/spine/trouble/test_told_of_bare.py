"""Shares that are bare for long are told of, whoever died over them; and of shares that are not, nobody is told so."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from tests.support.crowd import Crowd
from tests.support.deaths import Killed
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, check_held, hold, minutes, shares
from tests.support.scenes import alerts, journal, market_time, on_order, send, whenever
from tests.support.watching import OCO, lapse, moves, sell_by_hand

OWN = [0, 40]
UNKNOWN_BY_NAME = {
    "method": "GET",
    "path": "/v2/orders:by_client_order_id",
    "kind": "error",
    "status": 404,
    "body": {"code": 40410000, "message": "order not found"},
}


def _told(lab: Lab) -> list[str]:
    return [alert for alert in alerts(lab) if "protect" in alert]


# --- whoever died ---


def test_shares_that_a_close_wrote_a_sale_for_and_never_sent_are_told(lab: Lab) -> None:
    """Its intent is no sale: nothing of it is at the broker."""
    hold(lab)
    send(lab, "c", kind="close")
    with Crowd(lab) as crowd:
        crowd.stall("broker.submit", 150)
        crowd.work(sweep_every=60)
    close = lab.order("c").order_id
    assert _told(lab)[0] == f"100 TQQQ have been without protection; {close} is to leave them"
    assert shares(lab) == 0
    check_held(lab)


def test_of_a_close_that_sells_a_part_the_rest_is_told(lab: Lab) -> None:
    """The sale rests unfilled at the broker while its worker stands still: the others are nobody's."""
    hold(lab)
    on_order(lab, "accepted", "50.90", "50.93", side="sell", nth=2)
    send(lab, "c", kind="close", qty=30)
    with Crowd(lab) as crowd:
        crowd.stall("broker.submit", 150, after=True)
        crowd.work(sweep_every=60)
    assert _told(lab)[0].startswith("70 TQQQ have been without protection")
    assert shares(lab) == 70
    check_held(lab)


def test_shares_whose_exit_dies_again_and_again_are_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bought in a market that fell through the stop at once: nobody was told yet that they are to be left."""

    def dies(*_: Any) -> None:
        raise Killed("save_with")

    on_order(lab, "filled", "49.50", "49.53")
    send(lab, "b", **BRACKET)
    with monkeypatch.context() as patch:
        patch.setattr(lab.orders, "save_with", dies)
        for _ in range(3):
            with suppress(Killed):
                lab.work()
            lab.revive()
            lab.sleep(60)
            lab.sweep()
    assert [alert.split(" since")[0] for alert in _told(lab)] == ["100 TQQQ have been without protection"]
    minutes(lab, 2)
    assert shares(lab) == 0
    check_held(lab)


def test_that_nobody_knows_is_told_as_that(lab: Lab) -> None:
    """The OCO may have arrived, and the broker cannot be asked about it."""
    send(lab, "b", **BRACKET)
    lab.control.faults(UNKNOWN_BY_NAME | {"status": 500, "body": {"message": "internal server error occurred"}})
    with Crowd(lab) as crowd:
        crowd.stall("broker.protect", 150)
        crowd.work(until=market_time("10:02:10"), sweep_every=60)
        lab.control.faults()
        crowd.work()
    [told] = _told(lab)
    assert told.startswith("whether 100 TQQQ are protected is not known, the broker cannot be asked")
    check_held(lab)


def test_shares_that_no_record_has_are_told(lab: Lab) -> None:
    """The storm of seed 901085: its worker died behind the submit, the next one before its save, the third stalls."""
    _dies_after(lab, "broker.submit")
    send(lab, "b", **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:30"))
        whenever(lab, "store.save", _dies)
        lab.sweep()
        crowd.work(until=market_time("10:01:30"))
        assert not _told(lab)
        assert lab.order("b").filled_qty == 0
        crowd.stall("broker.order_by_client_id", 58, after=True)
        lab.sweep()
        crowd.work(until=market_time("10:01:32"))
        assert _told(lab) == ["100 TQQQ have been without protection since 15:00:00 UTC; nobody works on their entry"]
        crowd.work(sweep_every=60)
    assert len(_told(lab)) == 1
    check_held(lab)


@pytest.mark.parametrize("filled", [100, 30])
def test_shares_that_a_resting_entry_bought_unseen_are_told(lab: Lab, filled: int) -> None:
    """Its worker is gone while it rests, and who takes up its order dies before a word of it is written."""
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    send(lab, "b", **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:20"))
        [name] = crowd.names()
        crowd.stop(name)
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, filled, frozen=True)
        crowd.work(until=market_time("10:00:25"))
        for minute in (1, 2):
            crowd.work(until=market_time(f"10:0{minute}"))
            whenever(lab, "store.save", _dies)
            lab.sweep()
            crowd.work(until=market_time(f"10:0{minute}:01"))
        [told] = _told(lab)
        assert told.startswith(f"{filled} TQQQ have been without protection")
    minutes(lab, 3)
    assert len(_told(lab)) == 1
    check_held(lab)


def test_an_entry_that_rests_is_looked_at_by_its_own_execution_alone(lab: Lab) -> None:
    """Of what goes well the sweep asks the broker nothing, however long it rests."""
    lab.settings = lab.settings.changed(SMART_EXECUTOR_FILL_TIMEOUT=Decimal(900))
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    send(lab, "b", **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:05"))
        for minute in range(1, 9):
            crowd.work(until=market_time(f"10:0{minute}:07"))
            before = _asked(lab)
            lab.sweep()
            assert _asked(lab) == before
        crowd.work()


def _asked(lab: Lab) -> int:
    """Requests about orders; the sweep's one listing of positions a minute, for entries to come, is none."""
    return len([entry for entry in journal(lab, "request") if entry["path"].startswith("/v2/orders")])


def _dies(*_: Any) -> None:
    raise Killed("it")


def _dies_after(lab: Lab, name: str) -> None:
    """The worker dies with the answer of its next such call."""
    lab.stall(name, _dies, after=True)


# --- and what is not so ---


@pytest.mark.parametrize("own", OWN)
def test_shares_that_are_guarded_are_not_told_as_bare(lab: Lab, own: int) -> None:
    """The OCO is at work, and its sender stands still with the broker's answer."""
    _own(lab, own)
    send(lab, "b", **BRACKET)
    lab.control.faults(UNKNOWN_BY_NAME)
    with Crowd(lab) as crowd:
        crowd.stall("broker.protect", 150, after=True)
        crowd.work(until=market_time("10:02:10"), sweep_every=60)
        lab.control.faults()
        crowd.work()
    assert not _told(lab)
    check_held(lab, free=own)


@pytest.mark.parametrize("own", OWN)
def test_shares_that_their_stop_sold_unseen_are_not_told_as_bare(lab: Lab, own: int) -> None:
    _own(lab, own)
    send(lab, "b", **BRACKET)
    with Crowd(lab) as crowd:
        crowd.stall("broker.protect", 150, after=True)
        crowd.work(until=market_time("10:00:10"))
        moves(lab, "49.90")
        crowd.work(sweep_every=60)
    assert not _told(lab)
    assert shares(lab) == own


@pytest.mark.parametrize("own", OWN)
def test_shares_that_a_close_sold_or_offers_are_not_told_as_bare(lab: Lab, own: int) -> None:
    _own(lab, own)
    hold(lab)
    send(lab, "c", kind="close", qty=100 + own)
    with Crowd(lab) as crowd:
        crowd.stall("broker.submit", 150, after=True)
        crowd.work(sweep_every=60)
    assert not _told(lab)
    assert shares(lab) == 0


def _own(lab: Lab, qty: int) -> None:
    if qty:
        lab.control.position("TQQQ", str(qty), "48")


# --- and never of none ---


def test_what_is_left_though_somebody_else_took_a_part_is_not_told_as_not_left(lab: Lab) -> None:
    """The exit is cut to what the account holds then, and the look behind it books the rest."""
    lapse(lab)
    lab.sleep(60)
    moves(lab, "49.50")
    whenever(lab, "store.save_with", lambda: sell_by_hand(lab, 15))
    minutes(lab, 6)
    assert (shares(lab), lab.order("b").unexited_qty) == (0, 0)
    told = alerts(lab)
    assert not [alert for alert in told if "could not be left" in alert]
    assert any("was left: " in alert and alert.endswith("the rest had left before") for alert in told)
    check_held(lab, strangers=True)


def test_shares_whose_protection_is_on_its_way_while_a_step_fails_are_not_told_as_none(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The OCO may have arrived, and looking it up raises, again and again."""

    def fails(*_: Any, **__: Any) -> None:
        raise ValueError("a fault of ours")

    send(lab, "b", **BRACKET)
    whenever(lab, "broker.protect", lambda: setattr(lab.deaths, "stopped", True))
    with suppress(Killed):
        lab.work()
    lab.revive()
    monkeypatch.setattr("repeg.steps.protect.find_oco", fails)
    minutes(lab, 2)
    told = [alert for alert in _told(lab) if "keeps failing" in alert]
    assert told and all(alert.startswith("100 TQQQ are not seen to be protected") for alert in told)


def test_protection_that_stays_unknown_for_minutes_is_told_once(lab: Lab) -> None:
    """Each submit is a 503, and none arrives: it was told ten times in five minutes, of the same OCO."""
    lab.control.faults(OCO | {"kind": "error", "status": 503, "body": "try later"})
    send(lab, "b", **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:05"), sweep_every=60)
        lab.control.faults()
        crowd.work(until=market_time("10:08"), sweep_every=60)
    assert len([alert for alert in alerts(lab) if "stays unknown" in alert]) == 1
    assert any("without protection" in alert for alert in alerts(lab))
    check_held(lab)
