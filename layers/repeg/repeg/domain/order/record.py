"""The order record: what was asked, every child order, and what came of it.

The record is the truth; executions are workers that read it, act, and write it back. Methods return a changed copy.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from math import prod
from typing import Any, Literal

from repeg.domain.history import Event, Told, with_event
from repeg.domain.ladder.pricing import worst_price
from repeg.domain.models import Frozen, Side, direction, printable
from repeg.domain.money import floor_qty
from repeg.domain.order.adjustments import ONE
from repeg.domain.order.bygone import Bygone, bounded
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.parts import Ask, Care, Close, Guard, Result, Run, Sending, Terms, Unwind
from repeg.domain.order.protection import Exit, Protection, average_price, remembered
from repeg.domain.reasons import Reason, Status

ZERO = Decimal(0)
UNKNOWN_SYMBOL = "?"
"""The symbol of what names none, or nothing that is known."""


class Order(Frozen):
    """One order, as stored and as shown. Times are market time, money dollars, quantities shares."""

    order_id: str
    signal_id: str
    rebalance_id: str | None = None
    kind: Literal["order", "close", "bracket", "rebalance_leg", "unwind", "cancel", "adjust"]
    strategy: str | None = None
    # A second stack on the account, or an earlier one of that name, made the same ids from the same signals: what was
    # found under an id, fills included, was taken for ours.
    namespace: str = ""
    """The table's identity, part of every id at the broker; empty in records of before there was one."""
    symbol: str
    side: Side | None = None
    status: Status = Status.RECEIVED
    reason: Reason | None = None
    created_at: datetime
    completed_at: datetime | None = None
    events: tuple[Event, ...] = ()
    told: tuple[Told, ...] = ()
    """Lasting trouble that the operator was alerted to."""
    ask: Ask
    terms: Terms = Terms()
    children: tuple[ChildRecord, ...] = ()
    bygone: Bygone = Bygone()
    """What older child orders came to that are not listed any more."""
    sending: Sending = Sending()
    guard: Guard = Guard()
    care: Care = Care()
    unwind: Unwind = Unwind()
    close: Close = Close()
    run: Run = Run()
    result: Result = Result()

    @property
    def filled_qty(self) -> Decimal:
        """Shares filled over all entry child orders."""
        return sum((child.filled_qty for child in self.children), self.bygone.filled_qty)

    @property
    def wanted_qty(self) -> Decimal | None:
        """Shares that the signal wants, as they count since the last corporate action; None: an amount, or all."""
        changes = (adjusted.change for adjusted in self.care.adjustments)
        return None if self.ask.qty is None else sum(changes, self.ask.qty)

    @property
    def remaining_qty(self) -> Decimal:
        """Shares still to be worked."""
        working = self.terms.requested_qty if self.terms.working_qty is None else self.terms.working_qty
        return (working or ZERO) - self.filled_qty

    @property
    def all_exits(self) -> tuple[Exit, ...]:
        """The exits of this order's shares, oldest first."""
        by_ocos = (gone for oco in self.guard.protections for gone in oco.exits)
        return tuple(sorted((*self.guard.exits, *by_ocos), key=lambda gone: gone.at))

    @property
    def unexited_qty(self) -> Decimal:
        """Shares that a bracket bought (or sold short) and that are not exited."""
        # What a plain order bought is its owner's: nobody here guards or sells it.
        if self.kind != "bracket":
            return ZERO
        changes = (*(-gone.qty for gone in self.all_exits), *(adjusted.change for adjusted in self.care.adjustments))
        return sum(changes, self.filled_qty)

    @property
    def uncovered_qty(self) -> Decimal:
        """Shares not exited that no OCO, live or on its way, guards."""
        return self.unexited_qty - sum((oco.covers for oco in self.guard.protections), ZERO)

    @property
    def bare_qty(self) -> Decimal:
        """Whole shares that an OCO could guard and none does, nor holds, and that no close is selling."""
        # Alpaca takes fractions in simple day orders only (docs.alpaca.markets/docs/fractional-trading): an OCO over
        # 6.5 shares is refused, and the six whole ones stay bare with it.
        return floor_qty(max(ZERO, self.uncovered_qty - self.guard.lent), fractionable=False)

    @property
    def odd_qty(self) -> Decimal:
        """The fraction of a share that is held and that no OCO can guard: those are for whole shares."""
        return max(ZERO, self.uncovered_qty - self.guard.lent) - self.bare_qty

    @property
    def unguarded_qty(self) -> Decimal:
        """Whole shares without a stop at work or on its way: bare, lent, or under an OCO whose stop is dead."""
        bare = floor_qty(max(ZERO, self.uncovered_qty), fractionable=False)
        return bare + sum((oco.covers for oco in self.guard.protections if oco.stopless), ZERO)

    @property
    def needs_care(self) -> bool:
        """True while whole shares are not guarded, or an OCO's fate is open."""
        return self.bare_qty > 0 or self.open_protection is not None or bool(self.outdated_protections)

    @property
    def exits_moved(self) -> bool:
        """True once an adjust moved exits of shares that were held: they may lie anywhere beside the fill."""
        return any(adjusted.why == "adjust" for adjusted in self.care.adjustments)

    @property
    def levels_since(self) -> datetime | None:
        """Since when the levels are what they are, if they were changed; an OCO from before is outdated."""
        return self.care.adjustments[-1].at if self.care.adjustments else None

    @property
    def outdated_protections(self) -> tuple[Protection, ...]:
        """OCOs that may still trade, over quantities and at prices from before the last adjustment, or the last try."""
        # At a split the quantity of resting legs was seen to be adjusted, not their prices (alpacahq/alpaca-py #469):
        # the old stop would sell at once.
        since = self.levels_since
        working = (oco for oco in self.guard.protections if not oco.status.closed)
        return tuple(oco for oco in working if oco.unwanted or (since and oco.placed_at < since))

    @property
    def surplus_protection(self) -> Protection | None:
        """The newest OCO seen at work for shares that others guard, or that are not held: it would sell somebody's."""
        guarding = [oco for oco in self.guard.protections if oco.guards]
        over = sum((oco.covers for oco in guarding), ZERO) - self.unexited_qty
        beside = next((oco for oco in reversed(guarding) if 0 < oco.covers <= over), None)
        # Nothing can be taken off one that is too large: it makes room for one of the right size.
        return beside or (guarding[-1] if guarding and over > 0 else None)

    @property
    def protective_order_id(self) -> str | None:
        """The broker's id of the newest OCO that it took."""
        return next((oco.broker_order_id for oco in reversed(self.guard.protections) if oco.broker_order_id), None)

    @property
    def signal_price(self) -> Decimal | None:
        """The price that a bracket's signal named."""
        return self.terms.bracket.signal_price if self.terms.bracket else None

    @property
    def exit_anchor(self) -> str | None:
        """What a bracket's exits are measured from."""
        return self.terms.bracket.anchor if self.terms.bracket else None

    @property
    def position_line(self) -> str:
        """What the symbol's list of positions should say of this order; empty when it holds nothing."""
        return f"{self.unexited_qty} {self.guard.stop_loss} {self.guard.take_profit}" if self.unexited_qty > 0 else ""

    @property
    def open_protection(self) -> Protection | None:
        """The first OCO whose fate is not settled: on its way, being cancelled, or not yet seen live; or None."""
        return next((oco for oco in self.guard.protections if not oco.status.closed and not oco.guards), None)

    @property
    def exit_price(self) -> Decimal | None:
        """Average price of the exits in dollars, as far as it is known, for shares as they are since the last split."""
        return average_price([self._in_todays_shares(gone) for gone in self.all_exits])

    def _in_todays_shares(self, gone: Exit) -> Exit:
        ratio = prod((adjusted.ratio for adjusted in self.care.adjustments if adjusted.at > gone.at), start=ONE)
        price = gone.price_each
        return gone.changed(qty=gone.shares * ratio, price=price and price / ratio, whole=None)

    @property
    def exit_reason(self) -> str | None:
        """What took the shares that were exited last."""
        return self.all_exits[-1].reason.value if self.all_exits else None

    @property
    def exit_at(self) -> datetime | None:
        """Market time of the last exit."""
        return self.all_exits[-1].at if self.all_exits else None

    @property
    def avg_fill_price(self) -> Decimal | None:
        """Average price over all fills, in dollars per share; None as long as the price of any is missing."""
        fills = [(child.filled_qty, child.avg_fill_price or ZERO) for child in self.children if child.filled_qty > 0]
        # No average of what is known: stop and target would be measured from a part of the price.
        if self.bygone.unpriced_qty or any(price <= 0 for _, price in fills):
            return None
        total = self.filled_qty
        return sum((qty * price for qty, price in fills), self.bygone.value) / total if total else None

    @property
    def entry_price(self) -> Decimal | None:
        """What a share that is held cost: the average fill, in shares as they are since the last corporate action."""
        return self.entry_price_at(None)

    def entry_price_at(self, at: datetime | None) -> Decimal | None:
        """The same in shares as they were at that market time: those that left before a split were other ones."""
        price = self.avg_fill_price
        for adjusted in self.care.adjustments:
            if price is not None and (at is None or adjusted.at <= at):
                price = price / adjusted.ratio
        return price

    @property
    def risk_per_share(self) -> Decimal | None:
        """Dollars that a bracket's entry put at stake with each share, as they are since the last corporate action."""
        bracket, paid, now = self.terms.bracket, self.avg_fill_price, self.entry_price
        if bracket is None or paid is None or now is None:
            return None
        # By the stop that the entry had: one that was drawn near since changes nothing of what was put at stake.
        risk = (paid - bracket.levels_at(paid).stop) * direction(bracket.side) * now / paid
        return risk if risk > 0 else None

    @property
    def first_sent_at(self) -> datetime | None:
        """When the first child order was written down to be sent."""
        first = self.children[0] if self.children else None
        return (first.first_sent_at or first.sent_at) if first else None

    @property
    def repegs(self) -> int:
        """Limits sent after the first."""
        limits = [child for child in self.sent if child.type == "limit" and not child.price_protected]
        return max(0, self.bygone.limits + len(limits) - 1)

    @property
    def market_fallback(self) -> bool:
        """True when a market order had to finish what limits did not."""
        markets = self.bygone.markets + sum(child.type == "market" for child in self.sent)
        return len(self.sent) > 1 and markets > 0

    @property
    def sent(self) -> tuple[ChildRecord, ...]:
        """Child orders that reached the broker."""
        return tuple(child for child in self.children if child.status is not ChildStatus.NEVER_SENT)

    @property
    def open_child(self) -> ChildRecord | None:
        """The one child order that may still fill, or None."""
        return next((child for child in reversed(self.children) if not child.status.closed), None)

    @property
    def worst_price(self) -> Decimal | None:
        """The cap as a price, or None when the order has no cap."""
        if (
            self.terms.reference_price is None
            or self.terms.max_slippage_bps is None
            or self.side is None
            or self.must_complete
        ):
            return None
        return worst_price(self.terms.reference_price, self.terms.max_slippage_bps, self.side, self.terms.cap_floor)

    @property
    def must_complete(self) -> bool:
        """True when missing is worse than a bad price."""
        return self.ask.completion == "must" or self.kind in ("close", "unwind")

    @property
    def is_instruction(self) -> bool:
        """True for what trades nothing itself: it is about another order."""
        return self.kind in ("cancel", "adjust")

    @property
    def trading_side(self) -> Side:
        """The side, once it is known (a close learns it from the position)."""
        if self.side is None:
            raise ValueError(f"{self.order_id} has no side yet")
        return self.side

    @property
    def client_order_id(self) -> str:
        """Our id of the next child order: a pure function of the order and how many were written before."""
        # Whoever sends again, after whatever death, sends under the same id, and the broker refuses the second: that is
        # what keeps shares from being bought or sold twice.
        return f"{self.name_at_broker}-e{self.bygone.written + len(self.children) + 1}"

    @property
    def may_arrive(self) -> ChildRecord | None:
        """The newest child order that was given up, and may be worked off yet: the next one takes its id."""
        return next((child for child in reversed(self.children) if child.may_arrive), None)

    @property
    def oco_may_arrive(self) -> Protection | None:
        """The newest OCO that was given up, and may be worked off yet: the next one takes its id."""
        return next((oco for oco in reversed(self.guard.protections) if oco.may_arrive), None)

    @property
    def protective_client_order_id(self) -> str:
        """Our id of the next OCO, unless one that was given up may arrive yet."""
        return f"{self.name_at_broker}-p{self.guard.ocos + 1}"

    @property
    def name_at_broker(self) -> str:
        """What this order's ids at the broker begin with, at most 33 characters of the 48 that every broker takes."""
        # Alpaca takes 128 characters today, and took 48 before.
        return f"{self.order_id}-{self.namespace}" if self.namespace else self.order_id

    def with_new_protection(self, oco: Protection) -> Order:
        """With `oco` as the newest, in place of a try under its id; of those that are over only the newest stay."""
        others = tuple(each for each in self.guard.protections if each.client_order_id != oco.client_order_id)
        kept, exits = remembered(others, self.guard.exits)
        ids = self.guard.ocos + (len(others) == len(self.guard.protections))
        return self.with_guard(protections=(*kept, oco), exits=exits, ocos=ids)

    def with_protection(self, oco: Protection) -> Order:
        """With `oco` in place of the recorded one of the same id, or appended."""
        known = {each.client_order_id: each for each in (*self.guard.protections, oco)}
        return self.with_guard(protections=tuple(known.values()))

    def with_exit(self, gone: Exit) -> Order:
        """With one more exit; the same source counts once."""
        known = {each.source: each for each in self.guard.exits} | {gone.source: gone}
        return self.with_guard(exits=tuple(known.values()))

    def having_told(self, what: str, now: datetime) -> Order:
        """With an alert about `what` raised at `now`."""
        return self.changed(told=(*self.no_longer(what).told, Told(what=what, at=now)))

    def no_longer(self, what: str) -> Order:
        """With the trouble `what` over: when it comes again, it is alerted at once."""
        return self.changed(told=tuple(told for told in self.told if told.what != what))

    def with_terms(self, **changes: Any) -> Order:
        """With fields of its terms replaced."""
        return self.changed(terms=self.terms.changed(**changes))

    def with_sending(self, **changes: Any) -> Order:
        """With fields of its sending replaced."""
        return self.changed(sending=self.sending.changed(**changes))

    def with_guard(self, **changes: Any) -> Order:
        """With fields of its guard replaced."""
        return self.changed(guard=self.guard.changed(**changes))

    def with_care(self, **changes: Any) -> Order:
        """With fields of its care replaced."""
        return self.changed(care=self.care.changed(**changes))

    def with_unwind(self, **changes: Any) -> Order:
        """With fields of its unwind replaced."""
        return self.changed(unwind=self.unwind.changed(**changes))

    def with_close(self, **changes: Any) -> Order:
        """With fields of its close replaced."""
        return self.changed(close=self.close.changed(**changes))

    def with_run(self, **changes: Any) -> Order:
        """With fields of its run replaced."""
        return self.changed(run=self.run.changed(**changes))

    def with_result(self, **changes: Any) -> Order:
        """With fields of its result replaced."""
        return self.changed(result=self.result.changed(**changes))

    def noted(self, at: datetime, state: str, detail: str) -> Order:
        """With one more event."""
        return self.changed(events=with_event(self.events, Event(at=at, state=state, detail=printable(detail))))

    def without_events(self) -> Order:
        """As it is kept where only its figures matter; never saved."""
        return self.changed(events=())

    def without_child(self, child: ChildRecord) -> Order:
        """Without the child order of that id."""
        return self.changed(
            children=tuple(each for each in self.children if each.client_order_id != child.client_order_id)
        )

    def with_child(self, child: ChildRecord) -> Order:
        """With `child` in place of the recorded child order of the same id, or appended."""
        others = [child if known.client_order_id == child.client_order_id else known for known in self.children]
        children, bygone = bounded(tuple(others) if child in others else (*others, child), self.bygone)
        return self.changed(children=children, bygone=bygone)


def order_id_for(signal_id: str, variant: str = "") -> str:
    """The order's id: a pure function of its signal, so that every retry of intake names the same order."""
    return "ord-" + hashlib.sha256(f"{signal_id}\n{variant}".encode()).hexdigest()[:20]
