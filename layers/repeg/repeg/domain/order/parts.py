"""The parts of an order record, each with what changes together. Times are market time but for `..._wall`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from repeg.domain.history import ClockAnchor
from repeg.domain.ladder.opening import OpeningPlan
from repeg.domain.ladder.pricing import CapBound
from repeg.domain.ladder.routing import SymbolClass
from repeg.domain.ladder.rungs import Ladder, LadderName
from repeg.domain.models import Frozen
from repeg.domain.order.adjustments import Adjustment, Seen
from repeg.domain.order.bracket import Bracket
from repeg.domain.order.protection import Exit, Protection
from repeg.domain.order.reservation import Counted, Reservation
from repeg.domain.order.verdicts import WaitingFor
from repeg.domain.reasons import Reason

ZERO = Decimal(0)


class Funds(Frozen):
    """What the buys of a rebalance are planned on: orders that come later may take of it before these are sent."""

    spare: Decimal
    """Dollars that may be spent, and that the plan leaves."""
    since_wall: datetime
    """Wall time from which on an order may have arrived that the plan has not counted."""
    counted: tuple[str, ...] = ()
    """Those of them that it has counted."""


class Ask(Frozen):
    """What the signal wants, and how it came. Intake writes it, and nobody after."""

    received_wall: datetime
    """Wall time of intake: the order of arrival."""
    sent_wall: datetime | None = None
    """Wall time of sending, if known; creation in market time follows from it once the broker's clock is known."""
    qty: Decimal | None = None
    """Shares; None for an amount, or for a close of everything."""
    notional: Decimal | None = None
    """Dollars to buy or sell for; beside a quantity, what it may cost at most."""
    ladder: LadderName | None = None
    cap_bps: Decimal | None = None
    """The signal's own slippage cap in basis points, which is never widened."""
    completion: Literal["protect_price", "must"] = "protect_price"
    when_closed: Literal["reject", "next_open"] = "reject"
    # An expiry that the signal names is never moved; one that we chose moves with the open that the order waits for.
    explicit_expiry: bool = False
    extended_hours: bool = False
    unprotected_ok: bool = False
    foreign_orders: Literal["keep", "cancel"] = "keep"
    """Whether a close may cancel orders of the account that are not ours."""
    parent_id: str | None = None
    """The bracket whose shares an unwind exits, and on whose turn it trades."""
    funds: Funds | None = None
    """Of a leg that buys, beside its cost: what that is planned on; None where the broker's money may be used."""
    about: str | None = None
    """The order that an instruction is about."""
    names: str | None = None
    """The signal that an instruction names, whether anything is known of it or not."""
    force: bool = False
    """Whether an adjust is meant though the market has passed its levels, or cannot be seen."""


class Terms(Frozen):
    """How the order is worked: fixed when it is released. Exits are released anew by every further look at the account,
    and a plain sell is sized anew when it is refused for its shares.
    """

    ladder: LadderName | None = None
    plan: Ladder = ()
    symbol_class: SymbolClass | None = None
    requested_qty: Decimal | None = None
    """Shares asked for; a close learns them from the account."""
    # Beside what was asked for, not in its place: overwritten, a sell of 500 with 101.5 held read as filled, and nobody
    # could see that less was sold.
    working_qty: Decimal | None = None
    """Shares to work, where they are fewer than were asked for; `cut` says why."""
    cut: Reason | None = None
    max_slippage_bps: Decimal | None = None
    """The cap in basis points of the reference price; None: none."""
    cap_floor: Decimal = ZERO
    """Dollars from the reference price that the cap is at least."""
    cap_bound: CapBound | None = None
    """Which of its bounds the cap was set by."""
    reference_price: Decimal | None = None
    """Mid on arrival, or the signal's price of a bracket: what slippage is measured by."""
    arrival_bid: Decimal | None = None
    arrival_ask: Decimal | None = None
    entry_buffer: Decimal = ZERO
    """How far the entry's limit lies beyond the signal's price, as a fraction of it."""
    outside_session: bool = False
    """Worked in extended hours: limits only, and no protection before the next open."""
    bracket: Bracket | None = None


class Sending(Frozen):
    """What kept child orders from being sent, or taken, lately."""

    refused: int = 0
    """Submits in a row that the broker refused, none of which reached the market."""
    refused_for: Reason | None = None
    resizes: int = 0
    """Times that a refusal for lack of shares had the order sized anew."""
    wall: Decimal | None = None
    """The best price of opposite orders that rest on the account: an exit must stay off it."""
    broker_failures: int = 0
    """Calls in a row that the broker did not answer."""
    counted: Counted | None = None
    """How it counts among the day's entries, if a limit counts them."""
    stopped: Reason | None = None
    """The limit that forbade a further send, while an earlier one may still arrive."""


class Guard(Frozen):
    """What guards the shares that a bracket bought, and how they were exited."""

    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    """Stop and target in dollars: as the signal says until shares are bought, then as measured from the fill."""
    risk_reward: Decimal | None = None
    """Of the entry, whatever was moved since: at the price that was paid, or to be had where nothing was bought."""
    protections: tuple[Protection, ...] = ()
    # Ids are numbered by it: an OCO that took the id of a forgotten one would be refused, and the shares stay bare.
    ocos: int = 0
    """OCOs written down so far, forgotten ones included."""
    refusals: int = 0
    """OCOs in a row that the broker did not take."""
    key_waits: int = 0
    reserved: Reservation | None = None
    """Requests for the protection: handed over by the entry when it is over, given back once all is covered."""
    exits: tuple[Exit, ...] = ()
    """Shares exited otherwise than by an OCO: by a close, an unwind, or somebody else."""
    settled: bool = False
    """What was bought is protected or exited, or the operator was alerted that it is neither."""
    protected: bool | None = None
    """As the contract has it; None while nothing is held."""
    lent: Decimal = ZERO
    """Shares that a close is selling: no OCO is placed for them while it does."""
    lent_to: str = ""
    """The close that sells them."""
    position_entry: str = ""
    """What the symbol's position list says of this order; empty when it is not listed."""


class Care(Frozen):
    """What the sweep knows of shares that should be guarded, and when it sees to them."""

    due_at: datetime | None = None
    """Market time at which shares that were found without protection are protected again."""
    tries: int = 0
    frozen: str = ""
    """Why record and account disagree: nothing is traded by itself until they agree, or an operator decides."""
    adjustments: tuple[Adjustment, ...] = ()
    """Changes of the number of shares without a trade, oldest first."""
    seen: Seen | None = None
    """What the account showed when it last agreed with the records."""
    doubted_at: datetime | None = None
    """Since when the account does not fit the record, by the first look that found it so."""
    bare_since: datetime | None = None
    """Since when shares are known to be without protection."""
    past_stop_since: datetime | None = None
    """Since when the market is known to be through the stop while the shares are still there."""
    waits_until: datetime | None = None
    """Until then nothing can be done for shares that nothing guards: the open, or another day."""


class Unwind(Frozen):
    """The exit of a position that is not worth holding."""

    wanted: bool = False
    """From the verdict until an unwind ends."""
    failed: bool = False
    """An unwind ended, and shares are still held."""
    order_id: str | None = None
    """The unwind order, the newest if there were several."""
    seen: tuple[str, ...] = ()
    """Unwind orders that are over and booked."""
    cost: Decimal | None = None
    """Dollars lost by it, between entry and exit."""


class Close(Frozen):
    """What a close does to others, and what others that took over did to this order."""

    superseded_by: str | None = None
    gave_way: bool = False
    """A bracket past its stop took over: what this order bought it protects itself."""
    released: tuple[str, ...] = ()
    """Orders that a close answers for: those it superseded, and brackets whose protection it took down."""
    released_at: datetime | None = None
    """When the close had taken that protection down."""
    restoring: bool = False
    """Protection is put back before the close waits on, ..."""
    tries_in: int = 0
    """... so many seconds of market time, ..."""
    booked_qty: Decimal = ZERO
    """... and what it had sold by then is booked."""
    # Without it, shares that are left over cannot be told from shares that somebody owned beside the brackets.
    position_before: Decimal | None = None
    brackets_before: Decimal | None = None
    """Shares that the account and the symbol's brackets held when the close first looked."""
    held_by_others: Decimal = ZERO
    """Shares of the account under orders that are not ours: none of them was sold."""
    foreign_looks: int = 0
    """Looks at orders that are not ours, which were asked to give way."""
    bought_lately: bool = False
    """A plain order bought so lately that the account may not show it yet."""
    looked_again: bool = False
    """The account was read once more for shares that it did not show, or that orders held."""
    settling: int = 0
    """How often the position was read while it showed fewer shares than the records do."""


class Run(Frozen):
    """Who works on the order, what it waits for, and by which clock."""

    # A worker that stalls for a minute wakes and goes on. Both numbers are a condition of every write, and it writes
    # before it sends: so it can neither write over nor sell beside the one that took its order up.
    executions: int = 1
    """The number of the execution that owns it: the fence of every write."""
    version: int = 0
    """Writes so far: the other half of the fence."""
    execution_arn: str | None = None
    clock: ClockAnchor | None = None
    expires_at: datetime | None = None
    opening: OpeningPlan | None = None
    parked_until: datetime | None = None
    """The open that the order waits for; until then later orders of its symbol may pass."""
    waits_for: WaitingFor | None = None
    waits: int = 0
    """Waits in a row for the same thing."""
    waits_since_start: int = 0
    """Waits of this execution."""
    due_wall: datetime | None = None
    """Wall time at which its execution goes on after the wait it was sent into."""
    securing: bool = False
    """A step kept failing: what is live is cancelled, and what filled is seen to."""
    secure_rounds: int = 0
    published: bool = False
    """Its outcome was published."""


class Result(Frozen):
    """What came of it, once it is over."""

    slippage_bps: Decimal | None = None
    """Against the reference price, signed, + is cost."""
    shortfall_bps: Decimal | None = None
    """Against the mid on arrival, signed, + is cost."""
    cap_breached: bool = False
    """The average fill lies beyond the cap."""
    seconds_to_fill: Decimal | None = None
    """From the first child order's intent to the last fill, in market time."""
