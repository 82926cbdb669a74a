"""The order record: what was asked, every child order, and what came of it.

The record is the truth; executions are workers that read it, act, and write it back. Methods return a changed copy.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Literal

from repeg.domain.adjustments import Adjustment, Seen
from repeg.domain.brackets import Bracket
from repeg.domain.bygone import Bygone, bounded
from repeg.domain.children import ChildRecord, ChildStatus
from repeg.domain.history import ClockAnchor, Event, Told, with_event
from repeg.domain.ladders import Ladder, LadderName
from repeg.domain.models import Frozen, Side, printable
from repeg.domain.money import floor_qty
from repeg.domain.opening import OpeningPlan
from repeg.domain.pricing import CapBound, worst_price
from repeg.domain.protection import Exit, Protection, average_price, remembered
from repeg.domain.reasons import Reason, Status
from repeg.domain.reservation import Reservation
from repeg.domain.routing import SymbolClass
from repeg.domain.verdicts import WaitingFor

ZERO = Decimal(0)


class Order(Frozen):
    """One order, as stored and as shown. Times are market time, money dollars, quantities shares."""

    order_id: str
    signal_id: str
    rebalance_id: str | None = None
    kind: Literal["order", "close", "bracket", "rebalance_leg", "unwind"]
    strategy: str | None = None
    namespace: str = ""
    """The table's identity, part of every id at the broker; empty in records of before there was one."""
    symbol: str
    side: Side | None = None
    status: Status = Status.RECEIVED
    reason: Reason | None = None
    ladder: LadderName | None = None
    symbol_class: SymbolClass | None = None
    requested_qty: Decimal | None = None
    working_qty: Decimal | None = None
    """Shares to work, where they are fewer than were asked for; `cut` says why."""
    cut: Reason | None = None
    notional: Decimal | None = None
    max_slippage_bps: Decimal | None = None
    cap_floor: Decimal = ZERO
    cap_bound: CapBound | None = None
    """Dollars from the reference price that the cap is at least, and which of its bounds held."""
    cap_breached: bool = False
    reference_price: Decimal | None = None
    arrival_bid: Decimal | None = None
    arrival_ask: Decimal | None = None
    slippage_bps: Decimal | None = None
    shortfall_bps: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    risk_reward: Decimal | None = None
    protected: bool | None = None
    unwind_order_id: str | None = None
    unwind_cost: Decimal | None = None
    exits: tuple[Exit, ...] = ()
    """Shares that left otherwise than by an OCO: by a close, an unwind, or somebody else."""
    seconds_to_fill: Decimal | None = None
    created_at: datetime
    completed_at: datetime | None = None
    execution_arn: str | None = None
    executions: int = 1
    children: tuple[ChildRecord, ...] = ()
    bygone: Bygone = Bygone()
    """What older child orders came to that are not listed any more."""
    events: tuple[Event, ...] = ()
    told: tuple[Told, ...] = ()
    """Lasting trouble that the operator knows of."""

    # What execution needs and the contract does not name.
    bracket: Bracket | None = None
    entry_buffer: Decimal = ZERO
    """How far the entry's limit lies beyond the signal's price, as a fraction of it."""
    extended_hours: bool = False
    unprotected_ok: bool = False
    outside_session: bool = False
    """Worked in extended hours: limits only, and no protection before the next open."""
    protections: tuple[Protection, ...] = ()
    ocos: int = 0
    refusals: int = 0
    """OCOs written down so far, forgotten ones included, and OCOs in a row that the broker did not take."""
    key_waits: int = 0
    reserved: Reservation | None = None
    """Requests for the protection: handed over by the entry when it is over, given back once all is covered."""
    unwinding: bool = False
    unwind_failed: bool = False  # leaving was tried and did not end flat
    unwinds_seen: tuple[str, ...] = ()
    """Unwind orders that are over and booked."""
    settled: bool = False  # what was bought is protected, left, or its owner was told
    position_entry: str = ""
    """What the symbol's position list says of this order; empty when it is not listed."""
    care_at: datetime | None = None
    """When the sweeper sees to shares that were found without protection."""
    care_tries: int = 0
    frozen: str = ""
    """Why record and account disagree: nothing is traded of itself until they agree, or an operator decides."""
    adjustments: tuple[Adjustment, ...] = ()
    """Shares that came or went without a trade, oldest first."""
    account_seen: Seen | None = None
    """What the account showed when it last agreed with the records."""
    doubted_at: datetime | None = None
    """Since when the account does not fit the record, as far as anybody looked."""
    bare_since: datetime | None = None
    """Since when shares are known to be without protection."""
    past_stop_since: datetime | None = None
    """Since when the market is known to be through the stop while the shares are still there."""
    waits_until: datetime | None = None
    """Until then nothing can be done for shares that nothing guards: the open, or another day."""
    parent_id: str | None = None
    """The bracket that an unwind leaves for, and on whose turn it trades."""
    superseded_by: str | None = None
    gave_way: bool = False
    """A bracket past its stop took over: what this order bought it protects itself."""
    released: tuple[str, ...] = ()
    """Orders that a close answers for: those it superseded, and brackets whose protection it took down."""
    released_at: datetime | None = None
    """When the close had taken that protection down."""
    restoring: bool = False
    tries_in: int = 0
    booked_qty: Decimal = ZERO
    """Protection is put back before the close waits on, so many seconds; what it had sold by then is booked."""
    position_before: Decimal | None = None
    brackets_before: Decimal | None = None
    """What the account and the symbol's brackets held when the close first looked."""
    held_by_others: Decimal = ZERO
    """What of the account's shares orders held that are not ours: nothing of them was sold."""
    foreign_orders: Literal["keep", "cancel"] = "keep"
    foreign_looks: int = 0
    """Looks at orders that are not ours, which were asked to give way."""
    bought_lately: bool = False
    looked_again: bool = False
    """A plain order bought so lately that the account may not show it yet; what it did not show was looked at again."""
    resizes: int = 0
    refused_for: Reason | None = None
    refused: int = 0
    """Submits in a row that the broker refused, and why: none of them reached the market."""
    wall: Decimal | None = None
    """The best price of opposite orders that rest on the account: an exit must stay off it."""
    settling: int = 0
    """Looks at a position that shows fewer shares than the records do."""
    received_wall: datetime
    """Wall time of intake: the order of arrival."""
    signal_sent_wall: datetime | None = None
    """Wall time of sending, if known; creation in market time follows from it once the broker's clock is known."""
    expires_at: datetime | None = None
    explicit_expiry: bool = False
    when_closed: Literal["reject", "next_open"] = "reject"
    completion: Literal["protect_price", "must"] = "protect_price"
    signal_ladder: LadderName | None = None
    signal_cap_bps: Decimal | None = None
    signal_qty: Decimal | None = None
    plan: Ladder = ()
    opening: OpeningPlan | None = None
    parked_until: datetime | None = None
    """The open that the order waits for; until then later orders of its symbol may pass."""
    due_wall: datetime | None = None
    """Wall time at which its execution goes on after the wait it was sent into."""
    waits: int = 0
    waits_since_start: int = 0
    broker_failures: int = 0
    waits_for: WaitingFor | None = None
    clock: ClockAnchor | None = None
    securing: bool = False
    secure_rounds: int = 0
    published: bool = False
    version: int = 0

    @property
    def filled_qty(self) -> Decimal:
        """Shares filled over all entry child orders."""
        return sum((child.filled_qty for child in self.children), self.bygone.filled_qty)

    @property
    def remaining_qty(self) -> Decimal:
        """Shares still to be worked."""
        working = self.requested_qty if self.working_qty is None else self.working_qty
        return (working or ZERO) - self.filled_qty

    @property
    def all_exits(self) -> tuple[Exit, ...]:
        """How this order's shares left again, oldest first."""
        by_ocos = (gone for oco in self.protections for gone in oco.exits)
        return tuple(sorted((*self.exits, *by_ocos), key=lambda gone: gone.at))

    @property
    def unexited_qty(self) -> Decimal:
        """Shares that a bracket bought (or sold short) and that have not left."""
        if self.kind != "bracket":
            return ZERO
        changes = (*(-gone.qty for gone in self.all_exits), *(adjusted.change for adjusted in self.adjustments))
        return sum(changes, self.filled_qty)

    @property
    def uncovered_qty(self) -> Decimal:
        """Shares that have not left and that no OCO, live or on its way, guards."""
        return self.unexited_qty - sum((oco.covers for oco in self.protections), ZERO)

    @property
    def bare_qty(self) -> Decimal:
        """Whole shares that an OCO could guard and none does, nor holds."""
        return floor_qty(max(ZERO, self.uncovered_qty), fractionable=False)

    @property
    def odd_qty(self) -> Decimal:
        """The fraction of a share that is held and that no OCO can guard: those are for whole shares."""
        return max(ZERO, self.uncovered_qty) - self.bare_qty

    @property
    def unguarded_qty(self) -> Decimal:
        """Whole shares without a stop at work or on its way: bare ones, and those under an OCO whose stop is dead."""
        return self.bare_qty + sum((oco.covers for oco in self.protections if oco.stopless), ZERO)

    @property
    def needs_care(self) -> bool:
        """True while whole shares are not guarded, or an OCO's fate is open."""
        return self.bare_qty > 0 or self.open_protection is not None or bool(self.outdated_protections)

    @property
    def outdated_protections(self) -> tuple[Protection, ...]:
        """OCOs that may still trade, over quantities and at prices from before the last adjustment."""
        since = self.adjustments[-1].at if self.adjustments else None
        return tuple(oco for oco in self.protections if since and not oco.status.closed and oco.placed_at < since)

    @property
    def protective_order_id(self) -> str | None:
        """The broker's id of the newest OCO that it took."""
        return next((oco.broker_order_id for oco in reversed(self.protections) if oco.broker_order_id), None)

    @property
    def signal_price(self) -> Decimal | None:
        """The price that a bracket's signal named."""
        return self.bracket.signal_price if self.bracket else None

    @property
    def exit_anchor(self) -> str | None:
        """What a bracket's exits are measured from."""
        return self.bracket.anchor if self.bracket else None

    @property
    def position_line(self) -> str:
        """What the symbol's list of positions should say of this order; empty when it holds nothing."""
        return f"{self.unexited_qty} {self.stop_loss} {self.take_profit}" if self.unexited_qty > 0 else ""

    @property
    def open_protection(self) -> Protection | None:
        """The first OCO whose fate is not settled: on its way, being cancelled, or not yet seen live; or None."""
        return next((oco for oco in self.protections if not oco.status.closed and not oco.guards), None)

    @property
    def exit_price(self) -> Decimal | None:
        """Average price at which shares left, as far as it is known."""
        return average_price(self.all_exits)

    @property
    def exit_reason(self) -> str | None:
        """What took the last shares that left."""
        return self.all_exits[-1].reason.value if self.all_exits else None

    @property
    def exit_at(self) -> datetime | None:
        """When the last shares left."""
        return self.all_exits[-1].at if self.all_exits else None

    @property
    def avg_fill_price(self) -> Decimal | None:
        """Average price over all fills, in dollars per share; None as long as the price of any is missing."""
        fills = [(child.filled_qty, child.avg_fill_price or ZERO) for child in self.children if child.filled_qty > 0]
        if self.bygone.unpriced_qty or any(price <= 0 for _, price in fills):
            return None
        total = self.filled_qty
        return sum((qty * price for qty, price in fills), self.bygone.value) / total if total else None

    @property
    def entry_price(self) -> Decimal | None:
        """What a share that is held cost: the average fill, in shares as they are since the last corporate action."""
        price = self.avg_fill_price
        for adjusted in self.adjustments:
            price = price / adjusted.ratio if price is not None else None
        return price

    @property
    def first_sent_at(self) -> datetime | None:
        """When the first child order was written down to be sent."""
        return self.children[0].sent_at if self.children else None

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
        if self.reference_price is None or self.max_slippage_bps is None or self.side is None or self.must_complete:
            return None
        return worst_price(self.reference_price, self.max_slippage_bps, self.side, self.cap_floor)

    @property
    def must_complete(self) -> bool:
        """True when missing is worse than a bad price."""
        return self.completion == "must" or self.kind in ("close", "unwind")

    @property
    def trading_side(self) -> Side:
        """The side, once it is known (a close learns it from the position)."""
        if self.side is None:
            raise ValueError(f"{self.order_id} has no side yet")
        return self.side

    @property
    def client_order_id(self) -> str:
        """Our id of the next child order: a pure function of the order and how many were written before."""
        return f"{self.name_at_broker}-e{self.bygone.written + len(self.children) + 1}"

    @property
    def protective_client_order_id(self) -> str:
        """Our id of the next OCO."""
        return f"{self.name_at_broker}-p{self.ocos + 1}"

    @property
    def name_at_broker(self) -> str:
        """What this order's ids at the broker begin with, at most 33 characters of the 48 that every broker takes."""
        return f"{self.order_id}-{self.namespace}" if self.namespace else self.order_id

    def with_new_protection(self, oco: Protection) -> Order:
        """With `oco` appended; of those that are over only the newest are remembered."""
        kept, exits = remembered(self.protections, self.exits)
        return self.changed(protections=(*kept, oco), exits=exits, ocos=self.ocos + 1)

    def with_protection(self, oco: Protection) -> Order:
        """With `oco` in place of the recorded one of the same id, or appended."""
        known = {each.client_order_id: each for each in (*self.protections, oco)}
        return self.changed(protections=tuple(known.values()))

    def with_exit(self, gone: Exit) -> Order:
        """With shares that left; the same source counts once."""
        known = {each.source: each for each in self.exits} | {gone.source: gone}
        return self.changed(exits=tuple(known.values()))

    def having_told(self, what: str, now: datetime) -> Order:
        """With `what` told at `now`."""
        return self.changed(told=(*self.no_longer(what).told, Told(what=what, at=now)))

    def no_longer(self, what: str) -> Order:
        """Without `what`: it is over, and will be news when it comes again."""
        return self.changed(told=tuple(told for told in self.told if told.what != what))

    def dated(self, created_at: datetime) -> Order:
        """With its creation, and the events of its intake, placed in market time."""
        events = (event.changed(at=created_at) for event in self.events)
        return self.changed(created_at=created_at, events=tuple(events))

    def noted(self, at: datetime, state: str, detail: str) -> Order:
        """With one more event."""
        return self.changed(events=with_event(self.events, Event(at=at, state=state, detail=printable(detail))))

    def with_child(self, child: ChildRecord) -> Order:
        """With `child` in place of the recorded child order of the same id, or appended."""
        others = [child if known.client_order_id == child.client_order_id else known for known in self.children]
        children, bygone = bounded(tuple(others) if child in others else (*others, child), self.bygone)
        return self.changed(children=children, bygone=bygone)


def order_id_for(signal_id: str, variant: str = "") -> str:
    """The order's id: a pure function of its signal, so that every retry of intake names the same order."""
    return "ord-" + hashlib.sha256(f"{signal_id}\n{variant}".encode()).hexdigest()[:20]
