"""A close of a part rests and its worker stands still: what is bare beside it is told in time, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from repeg.broker.alpaca_wire import Method, Reply
from tests.support.brokers.liar import NOT_FOUND, Liar
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import hold
from tests.support.scenes import at, by_hand, market_time, send

WITHIN = timedelta(seconds=135)
"""A minute that is left to who sees to them, and the sweep that comes every minute."""
JUST_SWEPT = "10:02:01"


def _down(_: Reply) -> Reply:
    return Reply(500, {"message": "internal server error occurred"})


def _none(reply: Reply) -> Reply:
    return Reply(reply.status, [], reply.text, reply.headers)


def _gone(_: Reply) -> Reply:
    return NOT_FOUND


def _resting(reply: Reply) -> Reply:
    assert isinstance(reply.body, dict)
    body = reply.body | {"status": "new", "canceled_at": None}
    body["legs"] = [leg | {"status": "held", "canceled_at": None} for leg in body.get("legs") or ()]
    return Reply(reply.status, body, reply.text, reply.headers)


def _over(reply: Reply) -> Reply:
    assert isinstance(reply.body, dict)
    over = {"status": "canceled", "canceled_at": reply.body["submitted_at"]}
    legs = [leg | over for leg in reply.body.get("legs") or ()]
    return Reply(reply.status, reply.body | over | {"legs": legs}, reply.text, reply.headers)


class _Scene:
    """100 under protection, 30 of them offered by a close whose worker stands still since just before 10:02."""

    def __init__(self, lab: Lab, own: int = 0) -> None:
        self.lab, self.told = lab, list[tuple[str, timedelta]]()
        publish = lab.bus.publish

        def heard(kind: str, detail: dict[str, Any]) -> None:
            if kind == "Order Alert" and "protect" in detail["alert"]:
                self.told.append((detail["alert"], lab.time.latest_now() - at(JUST_SWEPT)))
            publish(kind, detail)

        if own:
            lab.control.position("TQQQ", own, "48")
        hold(lab)
        lab.control.quote("TQQQ", "50.95", "50.98", 0, 0, frozen=True)
        lab.bus.publish = heard  # type: ignore[method-assign]

    def play(self, qty: int, meanwhile: Callable[[], None]) -> None:
        with Crowd(self.lab) as crowd:
            send(self.lab, "c", kind="close", qty=qty)
            crowd.work(until=market_time("10:01:57.5"), sweep_every=60)
            crowd.stall("store.get", 900)
            crowd.work(until=market_time(JUST_SWEPT), sweep_every=60)
            meanwhile()
            crowd.work(until=market_time("10:05:30"), sweep_every=60)

    def cancel_what_guards(self) -> None:
        by_hand(self.lab, "DELETE", f"orders/{self.lab.order('b').protective_order_id}")

    def cancel_what_sells(self) -> None:
        child = self.lab.order("c").open_child
        assert child
        by_hand(self.lab, "DELETE", f"orders/{child.broker_order_id}")


@pytest.mark.parametrize(
    ("method", "path", "lie", "nth"),
    [
        (None, "", None, 0),
        ("GET", "/orders?", _down, 2),
        ("GET", "/orders/", _resting, 1),
        ("GET", "/orders/", _gone, 1),
        ("GET", "/positions", _none, 2),
    ],
    ids=["none", "no listing", "it rests", "unknown", "no position"],
)
@pytest.mark.parametrize(("what", "qty"), [("guards", 70), ("sells", 30)])
def test_no_false_answer_keeps_back_what_is_to_be_told(
    lab: Lab, what: str, qty: int, method: Method | None, path: str, lie: Callable[[Reply], Reply] | None, nth: int
) -> None:
    """What guards the rest, or the sale itself, is cancelled by hand, right behind a sweep."""
    scene = _Scene(lab)

    def meanwhile() -> None:
        scene.cancel_what_guards() if what == "guards" else scene.cancel_what_sells()
        if method and lie:
            Liar(lab, method, path, lie, nth)

    scene.play(30, meanwhile)
    words, after = scene.told[0]
    assert words.startswith(f"{qty} TQQQ have been without protection; ord-") and words.endswith("the symbol's turn")
    assert after <= WITHIN


@pytest.mark.parametrize(
    ("path", "lie", "nth"),
    [("/orders?", _none, 1), ("/orders?", _none, 2), ("/orders/", _over, 1), ("/positions", _none, 1)],
)
def test_no_false_answer_has_anybody_sell_what_is_guarded(
    lab: Lab, path: str, lie: Callable[[Reply], Reply], nth: int
) -> None:
    scene = _Scene(lab, own=50)
    scene.play(80, lambda: Liar(lab, "GET", path, lie, nth) and None)
    assert not scene.told


def test_own_shares_that_a_close_offers_are_no_shares_of_the_bracket(lab: Lab) -> None:
    """Of 120 that it offers 100 are its owner's: 80 of the bracket's are neither offered nor guarded."""
    scene = _Scene(lab, own=100)
    scene.play(120, scene.cancel_what_guards)
    assert [words.split(" have")[0] for words, _ in scene.told] == ["80 TQQQ"]
