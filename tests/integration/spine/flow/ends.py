"""Ways in which orders come to their ends on the spine, each a scene that returns its order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from repeg.domain.halt import Halt, Mode
from repeg.domain.order.record import Order
from repeg.domain.proof.agreement import frozen
from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from tests.integration.rebalance.scenes import legs, market
from tests.integration.rebalance.scenes import send as weigh
from tests.support.cancels import cancel
from tests.support.crowd import Crowd
from tests.support.lab import START, Lab
from tests.support.leaving import BRACKET, halt, hold, side_by_side
from tests.support.scenes import (
    by_hand,
    limit_by_hand,
    market_time,
    on_order,
    out_of_reach,
    run,
    send,
    whenever,
)

SUBMIT = {"method": "POST", "path": "/v2/orders"}
Scene = Callable[[Lab], Order]


@dataclass(frozen=True)
class Case:
    """A way to end with `reason` as `status`."""

    reason: Reason | None
    status: Status
    scene: Scene
    when: str = START
    settings: Settings | None = None


def signal(**signal: Any) -> Scene:
    return lambda lab: run(lab, **signal)


def quoted(bid: str, ask: str, **signal: Any) -> Scene:
    def scene(lab: Lab) -> Order:
        lab.control.quote("TQQQ", bid, ask, 2000, 2000)
        return run(lab, **signal)

    return scene


def with_fault(fault: dict[str, Any], **signal: Any) -> Scene:
    def scene(lab: Lab) -> Order:
        lab.control.faults(fault)
        return run(lab, **signal)

    return scene


def holding(shares: int, **signal: Any) -> Scene:
    def scene(lab: Lab) -> Order:
        lab.control.position("TQQQ", shares, "50")
        return run(lab, **signal)

    return scene


def with_asset(changes: dict[str, Any], **signal: Any) -> Scene:
    def scene(lab: Lab) -> Order:
        lab.control.asset("TQQQ", **changes)
        return run(lab, **signal)

    return scene


def unwound(lab: Lab) -> Order:
    on_order(lab, "fill", "49.50", "49.53")
    send(lab, **BRACKET)
    side_by_side(lab)
    return lab.order("a")


def cannot_be_left(lab: Lab) -> Order:
    halt(lab, "fill", side="buy")
    on_order(lab, "fill", "49.50", "49.53")
    send(lab, **BRACKET)
    side_by_side(lab)
    return lab.order("a")


def part_of_a_bracket(lab: Lab) -> Order:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30)
    on_order(lab, "fill", "50.99", "51.02")
    return run(lab, **BRACKET)


def superseded(lab: Lab) -> Order:
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    send(lab, **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:02"))
        send(lab, "close", kind="close")
        crowd.work()
    return lab.order("a")


def stuck(lab: Lab) -> Order:
    out_of_reach(lab, rungs=1)
    lab.control.faults({"method": "DELETE", "path": "/v2/orders/*", "kind": "stuck_cancel"})
    send(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:01"))
        lab.control.faults()
        crowd.work()
    return lab.order("a")


def cancelled_by_hand(lab: Lab) -> Order:
    out_of_reach(lab, rungs=1)
    send(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:01"))
        live = lab.order("a").open_child
        assert live
        by_hand(lab, "DELETE", f"orders/{live.broker_order_id}")
        crowd.work()
    return lab.order("a")


def conflicting(lab: Lab) -> Order:
    run(lab, qty=5)
    run(lab, qty=6)
    return next(order for order in lab.orders.newest() if order.reason is Reason.SIGNAL_CONFLICT)


def stale(lab: Lab) -> Order:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000, frozen=True)
    lab.sleep(11)
    return run(lab)


def wash(lab: Lab) -> Order:
    lab.control.position("TQQQ", 100, "40")
    limit_by_hand(lab, "sell", 50, "50.99")
    return run(lab)


def poor(lab: Lab) -> Order:
    lab.control.account(cash="100")
    return run(lab)


def locked_out(lab: Lab) -> Order:
    lab.control.settings(key_id="somebody else")
    return run(lab)


def protected_shares(lab: Lab) -> Order:
    hold(lab)
    return run(lab, side="sell")


def id_is_taken(lab: Lab) -> Order:
    send(lab)
    body = {"symbol": "TQQQ", "side": "buy", "qty": 1, "type": "limit", "time_in_force": "day", "limit_price": "40"}
    by_hand(lab, "POST", "orders", body | {"client_order_id": lab.order("a").client_order_id})
    lab.sleep(0.1)
    lab.work()
    return lab.order("a")


def more_than_asked(lab: Lab) -> Order:
    """Somebody replaces the resting order by a larger one."""
    out_of_reach(lab, rungs=1)
    send(lab)

    def enlarge() -> None:
        (resting,) = by_hand(lab, "GET", "orders?status=open")
        by_hand(lab, "PATCH", f"orders/{resting['id']}", {"qty": "120", "limit_price": "51.05"})

    whenever(lab, "broker.order", enlarge)
    lab.work()
    return lab.order("a")


def others_shares(lab: Lab) -> Order:
    lab.control.position("TQQQ", 100, "40")
    limit_by_hand(lab, "sell", 100, "60")
    return run(lab, side="sell")


def mere_fraction(lab: Lab) -> Order:
    lab.control.position("TQQQ", "0.5", "40")
    lab.control.asset("TQQQ", fractionable=False)
    return run(lab, kind="close")


def in_trouble(lab: Lab) -> Order:
    """A step keeps failing: every write of a cancelled child is refused."""
    out_of_reach(lab, rungs=1)
    save, fail = lab.orders.save, {"left": 12}

    def broken(order: Order, requeue: bool = False) -> Order:
        child = order.open_child
        if child and child.cancel_requested_at and not order.run.securing and fail["left"]:
            fail["left"] -= 1
            raise ValueError("a defect")
        return save(order, requeue)

    lab.orders.save = broken  # type: ignore[method-assign]
    return run(lab)


def more_than_there_should_be(lab: Lab) -> Order:
    """A split that nobody announces, while a close is worked: the account shows shares that nothing explains."""
    lab.control.position("TQQQ", 100, "50.98")
    lab.control.quote("TQQQ", "50.95", "50.98", 5, 5)
    send(lab, kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:04"))
        lab.control.corporate_action("TQQQ", "forward_split", 10, 1, ex_date="2026-11-20", announce=False)
        lab.control.quote("TQQQ", "5.09", "5.10", 20000, 20000)
        crowd.work(until=market_time("10:04"))
    return lab.order("a")


def run_away(lab: Lab) -> Order:
    out_of_reach(lab, rungs=4, step="0.50")
    return run(lab)


def dearer_leg(lab: Lab) -> Order:
    """Between the plan of a rebalance and its leg, the price rises by more than what was set aside allows for."""
    market(lab)
    lab.control.account(cash="10000")
    lab.stall("rebalances.add_leg", lambda: lab.control.quote("SPY", "520.00", "520.02", 900, 900))
    weigh(lab, {"SPY": "0.98"}, "a")
    lab.work()
    (leg,) = legs(lab)
    return leg


def beyond(reason: Reason, scene: Scene | None = None, **limit: Any) -> Case:
    return Case(reason, Status.REJECTED, scene or signal(), settings=Settings(**limit))


def twice(lab: Lab) -> Order:
    run(lab, "first")
    return run(lab)


def beside_another(lab: Lab) -> Order:
    """Another entry is on its way, and stays there."""
    lab.control.quote("SQQQ", "50.95", "50.98", 2000, 2000)
    lab.stall("broker.submit", lambda: run(lab, "second"), nth=1)
    run(lab, "first", symbol="SQQQ")
    return lab.order("second")


def without_worth(lab: Lab) -> Order:
    lab.control.faults({"method": "GET", "path": "/v2/account", "kind": "error", "status": 503})
    return run(lab)


def after_a_while(lab: Lab) -> Order:
    send(lab)
    lab.sleep(30)
    lab.work()
    return lab.order("a")


def poorer(lab: Lab) -> Order:
    lab.control.account(cash="99000")
    return run(lab)


EXTENDED = BRACKET | {"extended_hours": True}


def taken_back(lab: Lab) -> Order:
    whenever(lab, "broker.snapshot", lambda: cancel(lab))
    return run(lab)


def cancelled_when_over(lab: Lab) -> Order:
    run(lab)
    return cancelled_before_it_comes(lab)


def cancelled_before_it_comes(lab: Lab) -> Order:
    cancel(lab)
    lab.work()
    return lab.order("c")


POOR_REWARD = BRACKET | {"take_profit": "51.97"}


def halted(mode: Mode) -> Scene:
    """By a word on the account."""

    def scene(lab: Lab) -> Order:
        lab.orders.keep_halt(Halt(mode=mode))
        return run(lab)

    return scene


def moved(before: Callable[[Lab], object], **wanted: Any) -> Scene:
    """An adjust of what `before` left under the signal `b`."""

    def scene(lab: Lab) -> Order:
        before(lab)
        return run(lab, "m", **({"kind": "adjust", "adjust_signal_id": "b"} | wanted))

    return scene


def in_dispute(lab: Lab) -> None:
    """A bracket of which the account shows other shares than the record."""
    lab.orders.save(frozen(hold(lab), "the account shows 50"))


def no_bracket(lab: Lab) -> None:
    """A plain order."""
    run(lab, "b")
