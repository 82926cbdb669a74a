"""Taking protection down: its OCOs are cancelled, and nothing is sold before that is certain."""

from __future__ import annotations

from collections.abc import Sequence

from repeg.broker.port import Broker
from repeg.domain.order.guarding import taken_down
from repeg.domain.order.protection import Protection, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.patience import (
    LINGER_SECONDS,
    LOOKUP_BACKOFF_SECONDS,
    TAKE_DOWN_ASK_AGAIN_AFTER,
    TAKE_DOWN_STUCK_AFTER,
)
from repeg.worker.oco import ask_to_cancel, find_oco, read_oco
from repeg.worker.send import wait_for_sender
from repeg.worker.worker import Worker


def take_down(worker: Worker, bracket: Order, ocos: Sequence[Protection], *, once: bool = False) -> tuple[Order, bool]:
    """Cancel these OCOs of a bracket; saved when anything changed. True once none of them can sell a share.

    `once`: what they took is believed to one answer, as the account is asked before anything of it is sold.
    """
    before, ids = bracket, {oco.client_order_id for oco in ocos}
    for oco in ocos:
        if not oco.status.closed:
            bracket = _take_down_one(worker, bracket, oco, once)
    if bracket.bare_qty > 0:
        bracket = taken_down(bracket)
    bracket = worker.save_exits(before, bracket)
    return bracket, all(oco.status.closed for oco in bracket.guard.protections if oco.client_order_id in ids)


def _take_down_one(worker: Worker, bracket: Order, oco: Protection, once: bool) -> Order:
    # A send without an answer may have arrived: an OCO that is not looked for sells what the exit sells, too.
    if oco.broker_order_id is None:
        look = find_oco(worker, bracket, oco)
        if look.taken:
            return look.order
        if look.found is None:
            return _never_seen(worker, look.order, oco) if look.answered else bracket
        bracket, oco = look.order, look.found
    now = worker.now(bracket)
    if oco.cancel_requested_at is None or now - oco.cancel_requested_at > TAKE_DOWN_ASK_AGAIN_AFTER:
        # The wish is recorded first: an OCO that is found cancelled later was cancelled by us.
        wish = {"status": ProtectionStatus.CANCELING, "cancel_requested_at": oco.cancel_requested_at or now}
        oco = oco.changed(**wish)
        connect, guard = worker.drawing(bracket.guard)
        bracket = worker.orders.save(bracket.changed(guard=guard).with_protection(oco))
        if ask_to_cancel(bracket, oco, connect()):
            worker.sleep(LINGER_SECONDS)
    connect, guard = worker.drawing(bracket.guard)
    drawn = guard

    def connect_again() -> Broker:
        nonlocal drawn
        connect, drawn = worker.drawing(guard)
        return connect()

    bracket, seen = read_oco(worker, bracket.changed(guard=guard), oco, connect(), again=connect_again, once=once)
    bracket = bracket.with_guard(reserved=drawn.reserved)
    if not seen.status.closed and not seen.alarmed and _stuck(seen, worker, bracket):
        worker.alert(bracket, f"{oco.client_order_id}: cancel not confirmed after 30 s, its shares stay held")
        bracket = bracket.with_protection(seen.changed(alarmed=True))
    return bracket


def _stuck(oco: Protection, worker: Worker, bracket: Order) -> bool:
    asked = oco.cancel_requested_at
    return asked is not None and worker.now(bracket) - asked > TAKE_DOWN_STUCK_AFTER


def _never_seen(worker: Worker, bracket: Order, oco: Protection) -> Order:
    """An intent that the broker does not know: believed after several looks, once no sender can be alive any more."""
    known = {"lookups": oco.lookups + 1, "saved_wall": oco.saved_wall or worker.time.wall()}
    seen = oco.changed(**known)
    believed = seen.lookups > len(LOOKUP_BACKOFF_SECONDS)
    if believed and wait_for_sender(worker, seen, 0):
        detail = f"{oco.client_order_id} may still arrive; its shares are left as they are until that is ruled out"
        bracket = worker.alert_lasting(bracket, "on its way", detail)
    elif believed:
        seen = seen.given_up(worker.now(bracket)).changed(ambiguous=True)
    return bracket.with_protection(seen)
