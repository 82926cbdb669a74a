"""The one audit: does what the store says agree with what the exchange saw, and did the money rules always hold?

Every rule is a small function that raises with the numbers in its message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from repeg.domain.children import ChildRecord
from repeg.domain.models import direction, opposite
from repeg.domain.orders import Order
from repeg.domain.protection import SPENT_REMEMBERED, ExitReason, Protection
from repeg.domain.reasons import Status
from tests.support.truth import ZERO, Group, Seed, Sent, Truth, group

EXACT = Decimal("0.000001")
"""The broker reports average prices to so many dollars."""


def audit(
    orders: Iterable[Order],
    journal: list[dict[str, Any]],
    *,
    all_over: bool = True,
    alarmed: Collection[str] | None = None,
    seeds: Iterable[Seed] = (),
    strangers: bool = False,
) -> None:
    """Assert that store and journal agree, and that the money rules held at every moment.

    At every moment: the exchange saw only orders that the store knows, each once and on the recorded terms; filled
    plus live never exceeded what was requested; one live order per symbol; exits never exceeded the position.
    In the end: fills, prices and exits of the records are those of the journal; stops and targets lie on their sides
    of the fill; `protected` orders are guarded share for share. With `all_over`: every order is terminal, nothing is
    live behind it but protection, and shares of a bracket that nothing protects were told to the operator.

    `alarmed`: ids of the orders that alerts named (None: not known, not checked). `seeds`: positions that were put in
    place. `strangers`: others send orders on the same account; those are left out.
    """
    books = _Books(list(orders), seeds, strangers)
    for entry in journal:
        books.follow(entry)
    books.check_records()
    if all_over:
        books.check_ending(alarmed)


def trading_calls(journal: list[dict[str, Any]]) -> list[str]:
    """Requests that count against the trading limit, as `METHOD /path`."""
    requests = [entry for entry in journal if entry["type"] == "request"]
    return [f"{entry['method']} {entry['path']}" for entry in requests if "/stocks/" not in entry["path"]]


class _Books:
    """The records beside the truth."""

    def __init__(self, orders: list[Order], seeds: Iterable[Seed], strangers: bool) -> None:
        self._orders = orders
        self._children = {child.client_order_id: (order, child) for order in orders for child in order.children}
        self._ocos = {oco.client_order_id: (order, oco) for order in orders for oco in order.protections}
        self._forgotten = {
            order.changed(ocos=number).protective_client_order_id: order
            for order in orders
            for number in range(order.ocos - SPENT_REMEMBERED)
        }
        self._strangers = strangers
        self._truth = Truth(seeds)

    # --- at every moment ---

    def follow(self, entry: dict[str, Any]) -> None:
        """Take in one entry of the journal, and check what must hold at that moment."""
        sent = self._truth.happens(entry)
        if sent is None or not self._is_ours(sent):
            return
        if sent.accepted is entry:
            self._check_acceptance(sent)
        if entry["type"] == "fill":
            assert not self._is_forgotten(sent), f"a record forgot an OCO that took shares: {entry}"
            self._check_cap(sent, entry)
        self._check_exposure(sent)
        self._check_turn(sent.symbol)
        self._check_exits(sent.symbol)

    def _is_ours(self, sent: Sent) -> bool:
        if self._owner(sent):
            return True
        assert self._strangers, f"the exchange saw an order that the store does not know: {sent.accepted}"
        return False

    def _owner(self, sent: Sent) -> Order | None:
        """The order that the store holds responsible: for a child, an OCO, its stop leg, and their replacements."""
        head = self._truth.first(sent)
        parent = self._truth.orders.get(head.accepted["parent_order_id"] or "", head)
        known = self._children.get(parent.client_order_id) or self._ocos.get(parent.client_order_id)
        return known[0] if known else self._forgotten.get(parent.client_order_id)

    def _is_forgotten(self, sent: Sent) -> bool:
        """True for an OCO that came to nothing, and that its order's record only counts."""
        head = self._truth.first(sent)
        parent = self._truth.orders.get(head.accepted["parent_order_id"] or "", head)
        return parent.client_order_id in self._forgotten and parent.client_order_id not in self._ocos

    def _check_acceptance(self, sent: Sent) -> None:
        entry = sent.accepted
        if entry["replaces"] or self._is_forgotten(sent):
            return
        if entry["parent_order_id"]:
            _check_stop_terms(self._ocos[self._truth.orders[entry["parent_order_id"]].client_order_id][1], entry)
            return
        same = self._truth.by_client_id(sent.client_order_id)
        assert same == [sent], f"{sent.client_order_id} was accepted {len(same)} times"
        if sent.client_order_id in self._children:
            _check_child_terms(*self._children[sent.client_order_id], entry)
        else:
            _check_oco_terms(*self._ocos[sent.client_order_id], entry)

    def _check_cap(self, sent: Sent, entry: dict[str, Any]) -> None:
        """A limit fills inside its order's cap, unless somebody else moved it."""
        known = self._children.get(sent.client_order_id)
        if known is None or known[1].type != "limit" or known[0].worst_price is None:
            return
        beyond = (Decimal(entry["price"]) - known[0].worst_price) * sent.sign
        assert beyond <= 0, f"{sent.client_order_id} filled beyond the cap: {entry}"

    def _check_exposure(self, sent: Sent) -> None:
        order = self._owner(sent)
        assert order
        filled, live = self._entered(order), sum((child.left for child in self._sent_for(order)), ZERO)
        assert order.requested_qty is None or filled + live <= order.requested_qty, (
            f"{order.order_id}: filled {filled} and live {live} exceed {order.requested_qty}"
        )
        gone = self._exited_by_ocos(order) + self._unwound(order)
        assert order.kind != "bracket" or gone <= filled, f"{order.order_id}: {gone} left of {filled} bought"

    def _check_turn(self, symbol: str) -> None:
        """One live order per symbol; beside an entry whose cancel is under way, the exit of what it bought."""
        live = [sent for order in self._of(symbol) for sent in self._sent_for(order) if sent.live and sent.left > 0]
        if len(live) < 2:
            return
        owners = [self._owner(sent) for sent in live]
        ids = [sent.client_order_id for sent in live]
        assert len({owner.order_id for owner in owners if owner}) == len(live), f"{symbol} has several live: {ids}"
        for sent, owner in zip(live, owners, strict=True):
            leaves = any(other and owner and other.parent_id == owner.order_id for other in owners)
            exits = owner is not None and owner.kind == "unwind"
            assert exits or (leaves and sent.event == "pending_cancel"), f"{symbol} has several live orders: {ids}"

    def _check_exits(self, symbol: str) -> None:
        """Live exits, an OCO counted once, never exceed the position."""
        guarded = sum((oco.guards for order in self._of(symbol) for oco in self._groups(order)), ZERO)
        leaving = [order for order in self._of(symbol) if order.kind in ("close", "unwind")]
        selling = sum((sent.left for order in leaving for sent in self._sent_for(order)), ZERO)
        position = self._truth.positions[symbol]
        assert guarded + selling <= abs(position), (
            f"{symbol}: {guarded} in protection and {selling} in exits exceed the position of {position}"
        )

    # --- in the end ---

    def check_records(self) -> None:
        """What the records say of fills, exits and protection is what the journal tells."""
        for client_id, (_, child) in self._children.items():
            self._check_fills(client_id, child)
        for order in self._orders:
            if order.status is Status.FILLED:
                assert order.remaining_qty == 0, f"{order.order_id} filled {order.filled_qty}"
            assert order.unexited_qty >= 0, f"{order.order_id}: more left than was bought: {order.unexited_qty}"
            for oco in order.protections:
                _check_levels(order, oco)
        self._check_positions()

    def _check_fills(self, client_id: str, child: ChildRecord) -> None:
        chain = self._chain(client_id)
        told, seen = (child.filled_qty, child.avg_fill_price), _traded(chain)
        _compare(client_id, told if child.filled_qty else (ZERO, None), seen)
        accepted = next((sent.accepted for sent in chain), None)
        if accepted:
            assert child.qty == Decimal(accepted["qty"]), f"{client_id}: store {child.qty}, journal {accepted['qty']}"

    def _check_positions(self) -> None:
        """Symbol by symbol, what our records bought and sold is what our orders did at the exchange."""
        seen: dict[str, Decimal] = defaultdict(Decimal)
        for sent in self._truth.orders.values():
            if self._owner(sent):
                seen[sent.symbol] += sent.filled * sent.sign
        told: dict[str, Decimal] = defaultdict(Decimal)
        for order in self._orders:
            if order.side:
                by_ocos = sum((oco.exited_qty for oco in order.protections), ZERO)
                told[order.symbol] += (order.filled_qty - by_ocos) * direction(order.side)
        behind = {symbol for symbol in seen.keys() | told.keys() if seen[symbol] != told[symbol]}
        unread = {order.symbol for order in self._orders if self._unrecorded(order)}
        assert behind <= unread, f"positions by the records {dict(told)}, by the journal {dict(seen)}"

    def check_ending(self, alarmed: Collection[str] | None) -> None:
        """Every order is over, and every share is accounted for."""
        for client_id, (order, child) in self._children.items():
            assert child.status.closed, f"{client_id} is {child.status}"
            assert order.status.terminal, f"{order.order_id} is {order.status}"
        live = [sent.client_order_id for order in self._orders for sent in self._sent_for(order) if sent.live]
        assert not live, f"live at the exchange after the end: {live}"
        for order in self._orders:
            self._check_exit_records(order)
            if order.kind == "bracket":
                self._check_shares(order, alarmed)
            else:
                assert not order.protections, f"{order.order_id} is no bracket, and has protection"

    def _check_exit_records(self, order: Order) -> None:
        """Exits by target and stop, by quantity and price, are those of the journal; those by our own orders too."""
        for oco in order.protections:
            seen = self._group(oco.client_order_id)
            for reason, legs in (
                (ExitReason.TARGET, seen.targets if seen else []),
                (ExitReason.STOP, seen.stops if seen else []),
            ):
                _compare(f"{oco.client_order_id} {reason}", _recorded(oco.exits, reason), _traded(legs))
        leaving = [other for other in self._orders if other.parent_id == order.order_id and other.filled_qty > 0]
        expected = {other.order_id: (other.filled_qty, other.avg_fill_price) for other in leaving}
        unwound = {gone.source: (gone.qty, gone.price) for gone in order.exits if gone.reason is ExitReason.UNWIND}
        assert unwound == expected, f"{order.order_id}: unwound {unwound}, its unwinds sold {expected}"
        if order.kind == "close":
            booked = [gone for other in self._orders for gone in other.exits if gone.source == order.order_id]
            qty = sum((gone.qty for gone in booked), ZERO)
            assert qty <= order.filled_qty, f"{order.order_id} sold {order.filled_qty}, {qty} are booked on brackets"
            assert all(gone.price == order.avg_fill_price for gone in booked), f"{order.order_id}: {booked}"

    def _check_shares(self, order: Order, alarmed: Collection[str] | None) -> None:
        """No ending leaves shares that are neither protected nor flat nor alarmed."""
        groups = self._groups(order)
        guarded = sum((oco.guards for oco in groups), ZERO)
        held = order.unexited_qty
        assert guarded <= held, f"{order.order_id}: {guarded} in protection, {held} held"
        assert all(oco.stop_works for oco in groups if oco.guards), f"{order.order_id}: a target without its stop"
        if order.protected:
            assert guarded == int(held), f"{order.order_id} says protected: {guarded} of {held} shares are"
        if order.status is Status.UNWOUND:
            assert held == 0, f"{order.order_id} is unwound and holds {held}"
        wanted = order.outside_session and order.unprotected_ok
        if guarded < held and not wanted and alarmed is not None:
            assert order.order_id in alarmed, f"{order.order_id}: nobody heard that {held - guarded} are unprotected"

    # --- who is who ---

    def _of(self, symbol: str) -> list[Order]:
        return [order for order in self._orders if order.symbol == symbol]

    def _chain(self, client_id: str) -> list[Sent]:
        return [one for head in self._truth.by_client_id(client_id) for one in self._truth.chain(head)]

    def _sent_for(self, order: Order) -> list[Sent]:
        return [sent for child in order.children for sent in self._chain(child.client_order_id)]

    def _group(self, client_id: str) -> Group | None:
        return next((group(self._truth, head) for head in self._truth.by_client_id(client_id)), None)

    def _groups(self, order: Order) -> list[Group]:
        found = [self._group(oco.client_order_id) for oco in order.protections]
        return [oco for oco in found if oco]

    def _entered(self, order: Order) -> Decimal:
        return sum((sent.filled for sent in self._sent_for(order)), ZERO)

    def _exited_by_ocos(self, order: Order) -> Decimal:
        return sum((oco.exited for oco in self._groups(order)), ZERO)

    def _unwound(self, order: Order) -> Decimal:
        leaving = [other for other in self._orders if other.parent_id == order.order_id]
        return sum((self._entered(other) for other in leaving), ZERO)

    def _unrecorded(self, order: Order) -> bool:
        """True while the broker executed more of an order's protection than anybody has looked at."""
        return self._exited_by_ocos(order) > sum((oco.exited_qty for oco in order.protections), ZERO)


def _check_child_terms(order: Order, child: ChildRecord, entry: dict[str, Any]) -> None:
    seen = (entry["symbol"], entry["side"], entry["order_type"], _price(entry["limit_price"]), entry["order_class"])
    told = (order.symbol, order.side, child.type, child.limit_price, "")
    assert seen == told, f"{child.client_order_id}: recorded {told}, sent {entry}"


def _check_oco_terms(order: Order, oco: Protection, entry: dict[str, Any]) -> None:
    seen = (entry["symbol"], entry["side"], entry["qty"], _price(entry["limit_price"]))
    told = (order.symbol, opposite(order.trading_side), f"{oco.qty.normalize():f}", oco.levels.target)
    assert seen == told, f"{oco.client_order_id}: recorded {told}, sent {entry}"
    assert (entry["order_class"], entry["time_in_force"]) == ("oco", "gtc"), entry


def _check_stop_terms(oco: Protection, entry: dict[str, Any]) -> None:
    seen = (entry["order_type"], entry["qty"], _price(entry["stop_price"]), entry["time_in_force"])
    told = ("stop", f"{oco.qty.normalize():f}", oco.levels.stop, "gtc")
    assert seen == told, f"{oco.client_order_id}: recorded {told}, the broker made {entry}"


def _check_levels(order: Order, oco: Protection) -> None:
    """The stop lies on the losing side of the fill, the target on the winning one (the old way may have paid more)."""
    price, bracket = order.avg_fill_price, order.bracket
    assert price is not None and bracket is not None, f"{oco.client_order_id} protects nothing"
    sign = direction(order.trading_side)
    assert (price - oco.levels.stop) * sign > 0, f"{oco.client_order_id}: stop {oco.levels.stop}, filled at {price}"
    unchecked = bracket.min_rr is None and bracket.anchor == "signal"
    above = (oco.levels.target - price) * sign > 0
    assert above or unchecked, f"{oco.client_order_id}: target {oco.levels.target}, filled at {price}"


def _recorded(exits: Iterable[Any], reason: ExitReason) -> tuple[Decimal, Decimal | None]:
    mine = [gone for gone in exits if gone.reason is reason]
    qty = sum((gone.qty for gone in mine), ZERO)
    return qty, sum((gone.qty * gone.price for gone in mine), ZERO) / qty if qty else None


def _traded(legs: list[Sent]) -> tuple[Decimal, Decimal | None]:
    fills = [fill for leg in legs for fill in leg.fills]
    qty = sum((qty for qty, _ in fills), ZERO)
    return qty, sum((qty * price for qty, price in fills), ZERO) / qty if qty else None


def _compare(what: str, told: tuple[Decimal, Decimal | None], seen: tuple[Decimal, Decimal | None]) -> None:
    same = told[0] == seen[0] and abs((told[1] or ZERO) - (seen[1] or ZERO)) < EXACT
    assert same, f"{what}: store {_words(told)}, journal {_words(seen)}"


def _words(traded: tuple[Decimal, Decimal | None]) -> str:
    return f"{traded[0]} at {traded[1]}"


def _price(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
